/** Methods with backward rules of their own. */
import type { Table } from "./fixture.ts";

export const rules: Table = {};
