/** What differs between the trees of two commits, found by walking both: without options, renames or settings that could hide something. */
import { readTrees, type TreeEntry } from "./git-objects.ts";

/** A file, link or submodule as a tree has it. */
export interface FileState {
  readonly mode: string;
  readonly id: string;
}

export interface Change {
  readonly path: string;
  /** undefined: it was not there */
  readonly before: FileState | undefined;
  /** undefined: it is gone */
  readonly after: FileState | undefined;
  /** what no tree may hold: a name twice, a slash in a name */
  readonly malformed?: string;
}

export interface Changes {
  readonly list: readonly Change[];
  /** there are more: the walk stopped */
  readonly more: boolean;
}

const directory = "040000";
/** Deeper than any path a file system takes. */
const mostLevels = 100;

/** @param most  the walk stops once it has found more */
export function changesBetween(folder: string, before: string, after: string, most: number): Changes {
  const list: Change[] = [];
  let level: { path: string; before: string | undefined; after: string | undefined }[] = [
    { path: "", before: `${before}^{tree}`, after: `${after}^{tree}` },
  ];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > mostLevels) return { list, more: true };
    const ids = level.flatMap((pair) => [pair.before ?? [], pair.after ?? []].flat());
    const trees = readTrees(folder, [...new Set(ids)]);
    const below: typeof level = [];
    for (const pair of level) {
      const [old, now] = [pair.before, pair.after].map((id) => (id === undefined ? [] : trees.get(id)!));
      const was = new Map(old.map((entry) => [entry.name, entry]));
      const is = new Map(now.map((entry) => [entry.name, entry]));
      for (const malformed of faults(now)) {
        list.push({
          path: pair.path + malformed.name,
          before: undefined,
          after: malformed,
          malformed: malformed.why,
        });
      }
      for (const name of new Set([...was.keys(), ...is.keys()])) {
        const [a, b] = [was.get(name), is.get(name)];
        if (a?.mode === b?.mode && a?.id === b?.id) continue;
        const path = pair.path + name;
        const [treeA, treeB] = [a, b].map((entry) => (entry?.mode === directory ? entry.id : undefined));
        const [fileA, fileB] = [a, b].map((entry) => (entry?.mode === directory ? undefined : entry));
        if (treeA !== treeB) below.push({ path: `${path}/`, before: treeA, after: treeB });
        if (fileA !== undefined || fileB !== undefined) list.push({ path, before: fileA, after: fileB });
        // a few small trees that hold each other many times stand for any number of files
        if (list.length + below.length > most) return { list, more: true };
      }
    }
    level = below;
  }
  return { list, more: false };
}

function faults(entries: readonly TreeEntry[]): (TreeEntry & { why: string })[] {
  const seen = new Set<string>();
  return entries.flatMap((entry) => {
    const twice = seen.has(entry.name);
    seen.add(entry.name);
    if (twice) return { ...entry, why: "a tree has this name twice" };
    if (entry.name === "" || entry.name.includes("/"))
      return { ...entry, why: "a name in a tree is empty or has a slash" };
    return [];
  });
}
