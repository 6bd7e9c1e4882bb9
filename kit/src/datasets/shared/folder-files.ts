/** What lies in a folder of class folders, whatever the disk's order, and never outside of it. */
import type { Dirent } from "node:fs";
import { readdir, realpath, stat } from "node:fs/promises";
import { extname, join, relative, resolve, sep } from "node:path";
import { KitError } from "../../errors.ts";
import { imageExtensions } from "../readers/image.ts";

/** Faults of single files and annotations: all told at once, or left out and recorded. */
export interface Faults {
  readonly skipped: { what: string; reason: string }[];
  /** Throws (`error`, if there is one already), or records. */
  report(what: string, reason: string, error?: KitError): void;
}

export const layout = `expected <root>/<class>/<image>.{${imageExtensions.join(",")}}`;

async function list(path: string): Promise<Dirent[]> {
  try {
    return await readdir(path, { withFileTypes: true });
  } catch (cause) {
    throw unusable(`${path} cannot be listed (${(cause as Error).message})`, cause);
  }
}

/** Names of the folders in `root`, sorted; links that lead out of it are faults. */
export async function childFolders(root: string, faults: Faults): Promise<string[]> {
  const names: string[] = [];
  for (const entry of await list(root)) {
    if (entry.name.startsWith(".")) continue;
    if (!entry.isDirectory() && !entry.isSymbolicLink()) continue;
    const target = await within(root, entry.name, faults);
    if (target !== undefined && (await stat(target)).isDirectory()) names.push(entry.name);
  }
  return names.sort(byCodeUnit);
}

/** Names of the files in a class folder that end so (pictures), sorted; what else lies there goes to `others`. */
export async function filesIn(
  root: string,
  name: string,
  faults: Faults,
  others: string[],
  extensions = imageExtensions,
): Promise<string[]> {
  const files: string[] = [];
  for (const entry of await list(join(root, name))) {
    if (entry.name.startsWith(".")) continue;
    const path = `${name}/${entry.name}`;
    if (!extensions.includes(extname(entry.name).slice(1).toLowerCase())) {
      others.push(path);
      continue;
    }
    if (entry.isSymbolicLink()) {
      const target = await within(root, path, faults);
      if (target === undefined) continue;
      if (!(await stat(target)).isFile()) others.push(path);
      else files.push(entry.name);
    } else if (entry.isFile()) files.push(entry.name);
    else others.push(path);
  }
  others.sort(byCodeUnit);
  return files.sort(byCodeUnit);
}

/** Where `path` really is, if that is inside `root` (itself a real path). */
async function within(root: string, path: string, faults: Faults): Promise<string | undefined> {
  try {
    const target = await realpath(join(root, path));
    const found = relative(root, target);
    if (found === "") faults.report(path, "is a link to the folder that it is in");
    else if (isOutside(found)) faults.report(path, "is a link out of the folder");
    else return target;
  } catch (cause) {
    if (cause instanceof Error && "code" in cause && cause.code === "ELOOP") {
      faults.report(path, "is a link that leads back to itself");
      return undefined;
    }
    if (!isMissing(cause)) throw unusable(`${path} cannot be followed (${(cause as Error).message})`, cause);
    faults.report(path, "is a link to nothing");
  }
  return undefined;
}

const isOutside = (path: string) => path === ".." || path.startsWith(`..${sep}`) || resolve(path) === path;

export async function folderOf(path: string, what: string, next = layout): Promise<string> {
  const missing = (why: string, cause?: unknown) =>
    new KitError("E_DATASET_MISSING", { problem: `${what}: ${path} ${why}`, next, cause });
  let real: string;
  try {
    real = await realpath(path);
  } catch (cause) {
    throw missing("does not exist", cause);
  }
  if (!(await stat(real)).isDirectory()) throw missing("is not a folder");
  return real;
}

export const unusable = (problem: string, cause?: unknown) =>
  new KitError("E_DATASET_FORMAT", {
    problem,
    next: "mend it, or leave faulty files out and have that recorded: --on-fault skip",
    cause,
  });

export const isMissing = (cause: unknown) =>
  cause instanceof Error && "code" in cause && cause.code === "ENOENT";

const byCodeUnit = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);

export const listed = (names: readonly string[]) =>
  `${names.slice(0, 5).join(", ")}${names.length > 5 ? ` and ${names.length - 5} more` : ""}`;
