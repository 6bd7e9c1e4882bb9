/** Methods that read attention. */
import type { Table } from "./fixture.ts";

export const attention: Table = {};
