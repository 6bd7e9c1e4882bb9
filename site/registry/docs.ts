/** Where the repository says more. */
import { repository } from "../lib/repository.ts";

const main = `${repository}/blob/main/`;

/** Address of kit/docs/, with the slash. */
export const docs = `${main}kit/docs/`;
export const docsOf = (kind: "methods" | "metrics", id: string): string => `${docs}${kind}/${id}.md`;

/** A file below kit/src/: each entry of a registry has its own. */
export const sourceOf = (path: string): string => `${main}kit/src/${path}`;
