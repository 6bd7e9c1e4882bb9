import { createRequire } from "node:module";

interface Manifest {
  readonly version: string;
  readonly repository: { readonly url: string };
}
const manifest = createRequire(import.meta.url)("../../package.json") as Manifest;

/** Of the package, as published. */
export const { version } = manifest;

/** Where results are handed in. */
export const repository = manifest.repository.url.replace(/^git\+|\.git$/g, "");
