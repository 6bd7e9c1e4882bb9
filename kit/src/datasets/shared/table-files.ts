/** Pictures that a table names: found below the set's folder, never outside of it, and what is wrong with either told all at once. */
import { readdir, realpath, stat } from "node:fs/promises";
import { dirname, join, sep } from "node:path";
import { KitError } from "../../errors.ts";
import type { DatasetOptions } from "../dataset.ts";
import { type Faults, folderOf, isMissing, listed, unusable } from "./folder-files.ts";

/**
 * The folder that a set is in.
 *
 * @param next  what is expected there
 * @throws      KitError E_DATASET_MISSING
 */
export async function rootOf(dir: string | undefined, id: string, next: string): Promise<string> {
  if (dir === undefined) {
    throw new KitError("E_DATASET_MISSING", {
      problem: `${id} needs to know where its files are`,
      details: [next],
      next: `say ${id}:<path>, or --data-dir <path>`,
    });
  }
  return folderOf(dir, "the folder", next);
}

/** Faults gathered while a set is opened, and how those are met that come up when it is read. */
export interface Gathering extends Faults {
  /** Throws all that was gathered, unless faults are to be left out. */
  settle(dir: string): Faults;
}

export function gathering(onFault: DatasetOptions["onFault"]): Gathering {
  const skipped: { what: string; reason: string }[] = [];
  const report = (what: string, reason: string) => void skipped.push({ what, reason });
  return {
    skipped,
    report,
    settle(dir) {
      if (onFault === "skip") return { skipped, report };
      if (skipped.length > 0) {
        throw new KitError("E_DATASET_FORMAT", {
          problem: `${dir} has ${skipped.length === 1 ? "a fault" : `${skipped.length} faults`}`,
          details: [
            ...skipped.slice(0, 20).map(({ what, reason }) => `${what}: ${reason}`),
            ...(skipped.length > 20 ? [`and ${skipped.length - 20} more`] : []),
          ],
          next: "mend them, or leave them out and have that recorded: --on-fault skip",
        });
      }
      return {
        skipped,
        report(what, reason, error) {
          throw error ?? unusable(`${what}: ${reason}`);
        },
      };
    },
  };
}

/** The parts of a relative path in a table, or undefined if it is none or leads out: absolute, `..`, backslashes, NUL. */
export function partsOf(path: string): readonly string[] | undefined {
  const parts = path.split("/").filter((part) => part !== ".");
  const bad = (part: string) => part === "" || part === ".." || /[\\\0:]/.test(part);
  return parts.length === 0 || parts.some(bad) ? undefined : parts;
}

export type Place = { readonly path: string } | "missing" | "outside";

/**
 * Where the first of these is, its links followed.
 *
 * @param root   a real path; what lies elsewhere is "outside"
 * @param paths  absolute
 */
export async function placeOf(root: string, paths: readonly string[]): Promise<Place> {
  for (const path of paths) {
    try {
      const real = await realpath(path);
      return isInside(root, real) ? { path: real } : "outside";
    } catch (cause) {
      if (!isMissing(cause) && !(cause instanceof Error && "code" in cause && cause.code === "ENOTDIR")) {
        throw unusable(`${path} cannot be followed (${(cause as Error).message})`, cause);
      }
    }
  }
  return "missing";
}

const isInside = (root: string, path: string) =>
  path === root || path.startsWith(root.endsWith(sep) ? root : root + sep);

/** Results in the order of the items, so many of which are under way at a time. */
export async function inTurns<T, R>(
  items: readonly T[],
  work: (item: T) => Promise<R>,
  atOnce = 64,
): Promise<R[]> {
  const results = new Array<R>(items.length);
  let next = 0;
  const worker = async () => {
    for (let at = next++; at < items.length; at = next++) results[at] = await work(items[at]);
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, worker));
  return results;
}

/**
 * Leaves out what is not there, which is one fault however much it is: copies often hold a part of a set.
 *
 * @throws KitError E_DATASET_MISSING if nothing is there at all
 */
export function presentOf<T extends { readonly name: string; readonly place: Place }>(
  items: readonly T[],
  table: string,
  faults: Faults,
  next: string,
): (T & { readonly place: { readonly path: string } })[] {
  const missing = items.filter(({ place }) => place === "missing").map(({ name }) => name);
  if (missing.length === items.length && items.length > 0) {
    throw new KitError("E_DATASET_MISSING", {
      problem: `none of the ${items.length} pictures that ${table} names is there`,
      details: [`looked for ${listed(missing)}`],
      next,
    });
  }
  if (missing.length > 0)
    faults.report(
      table,
      `${missing.length} of its ${items.length} pictures are not there: ${listed(missing)}`,
    );
  for (const { name, place } of items)
    if (place === "outside") faults.report(name, "is a link out of the folder");
  return items.filter(
    (item): item is T & { readonly place: { readonly path: string } } => typeof item.place !== "string",
  );
}

/** The first of these files that is there; their folder comes with it. */
export async function firstFile(
  root: string,
  folders: readonly string[],
  names: readonly string[],
): Promise<{ readonly path: string; readonly folder: string } | undefined> {
  for (const folder of folders) {
    for (const name of names) {
      const place = await placeOf(root, [join(folder, name)]);
      if (place === "outside") throw unusable(`${join(folder, name)} is a link out of the folder`);
      if (typeof place !== "string" && (await stat(place.path)).isFile()) {
        return { path: join(folder, name), folder: dirname(join(folder, name)) };
      }
    }
  }
  return undefined;
}

/** Names in a folder, sorted by code unit; none where it is not there. */
export async function namesIn(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).sort();
  } catch (cause) {
    if (isMissing(cause) || (cause instanceof Error && "code" in cause && cause.code === "ENOTDIR"))
      return [];
    throw unusable(`${folder} cannot be listed (${(cause as Error).message})`, cause);
  }
}
