/**
 * A repository as objects: commits, trees and blobs by their ids. Nothing is checked out, and no hook, filter or text conversion
 * runs. A blob that is not here, because the fetch left out what is too large, is not asked for again.
 */
import { spawnSync } from "node:child_process";

/** git did not do what it was asked for: not a verdict on what is in the repository. */
export class GitError extends Error {}

/** One entry of a tree, as it is stored: any name, in any order, even twice. */
export interface TreeEntry {
  readonly mode: string;
  readonly name: string;
  readonly id: string;
}

export interface GitObject {
  readonly type: string;
  readonly bytes: Buffer;
}

const limits = { milliseconds: 300_000, bytes: 512 * 2 ** 20 };

/** What the machine's git settings and the caller's environment say about repositories does not matter here. */
const safe = ["-c", "core.hooksPath=/dev/null", "-c", "gc.auto=0", "-c", "maintenance.auto=false"];
const environment = (): NodeJS.ProcessEnv => ({
  ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^GIT_(?!CONFIG_)/.test(name))),
  GIT_NO_LAZY_FETCH: "1",
  GIT_NO_REPLACE_OBJECTS: "1",
  GIT_TERMINAL_PROMPT: "0",
  LC_ALL: "C",
});

/** @throws GitError unless the exit code is 0 or among `also` */
export function git(
  folder: string,
  args: readonly string[],
  { input = "", also = [] as readonly number[] } = {},
): { readonly status: number; readonly stdout: Buffer } {
  const { status, stdout, stderr, error } = spawnSync("git", [...safe, ...args], {
    cwd: folder,
    env: environment(),
    input,
    maxBuffer: limits.bytes,
    timeout: limits.milliseconds,
    windowsHide: true,
  });
  if (error) throw new GitError(`git ${args[0]}: ${error.message}`);
  if (status === null || (status !== 0 && !also.includes(status)))
    throw new GitError(`git ${args[0]} ended with ${status}: ${stderr.toString().trim().slice(0, 500)}`);
  return { status, stdout };
}

export const isObjectId = (text: string): boolean => /^[0-9a-f]{40}$/.test(text);

/** The ids of the commits that names stand for; undefined for what is none. */
export function commitsOf(folder: string, revisions: readonly string[]): (string | undefined)[] {
  const asked = revisions.map((revision) => (/\s/.test(revision) ? "-" : `${revision}^{commit}`));
  return checked(folder, asked).map(([id, type]) => (type === "commit" ? id : undefined));
}

/**
 * Brings a commit with its history into the object store: no branch, no tag, no work tree, and no blob of more than `largest` bytes.
 *
 * @throws GitError also where the remote does not have it
 */
export function fetchCommit(folder: string, remote: string, id: string, largest: number): void {
  const quiet = ["--quiet", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules"];
  const settings = ["promisor", "partialclonefilter"].map((key) => `remote.${remote}.${key}`);
  // a clone that leaves things out on purpose keeps its settings
  const before = settings.filter((key) => git(folder, ["config", "--get", key], { also: [1] }).status === 0);
  git(folder, ["fetch", ...quiet, `--filter=blob:limit=${largest + 1}`, "--end-of-options", remote, id]);
  // else older versions of git would ask for what the filter left out as soon as it is named
  for (const key of settings)
    if (!before.includes(key)) git(folder, ["config", "--unset-all", key], { also: [5] });
}

/** None: the histories have nothing in common. Several: a merge would have to choose. */
export function mergeBases(folder: string, a: string, b: string): string[] {
  const { stdout } = git(folder, ["merge-base", "--all", a, b], { also: [1] });
  return stdout.toString().split("\n").filter(Boolean);
}

/** @returns the bytes each object has, unread; undefined for one that is not here */
export function sizesOf(folder: string, ids: readonly string[]): Map<string, number | undefined> {
  const answers = checked(folder, ids);
  return new Map(ids.map((id, i) => [id, answers[i].length === 3 ? Number(answers[i][2]) : undefined]));
}

/** "<id> <type> <size>" of each, or "<what was asked> missing". */
function checked(folder: string, asked: readonly string[]): string[][] {
  const { stdout } = git(folder, ["cat-file", "--batch-check"], { input: lines(asked) });
  const answers = stdout.toString().split("\n");
  return asked.map((_, i) => answers[i].split(" "));
}

/** Whole objects. Ask for the sizes of what a stranger made first. */
export function readObjects(folder: string, ids: readonly string[]): Map<string, GitObject> {
  const { stdout } = git(folder, ["cat-file", "--batch"], { input: lines(ids) });
  const found = new Map<string, GitObject>();
  let at = 0;
  for (const id of ids) {
    const end = stdout.indexOf("\n", at);
    const [, type, size] = stdout.toString("latin1", at, end).split(" ");
    at = end + 1;
    if (size === undefined) continue; // "<id> missing"
    found.set(id, { type, bytes: stdout.subarray(at, at + Number(size)) });
    at += Number(size) + 1;
  }
  return found;
}

/**
 * Trees in one go, each by its id or as `<commit>^{tree}`. They are read as they are stored, since what git's commands print is a path joined of names: a name with a slash in it,
 * or one that stands there twice, would look like something else.
 *
 * @throws GitError if one is not here
 */
export function readTrees(folder: string, ids: readonly string[]): Map<string, readonly TreeEntry[]> {
  const objects = readObjects(folder, ids);
  return new Map(
    ids.map((id) => {
      const object = objects.get(id);
      if (object?.type !== "tree") throw new GitError(`${id} is not a tree of this repository`);
      return [id, parseTree(object.bytes)];
    }),
  );
}

/** "<mode> <name>\0<20 bytes>", again and again. */
export function parseTree(bytes: Buffer): TreeEntry[] {
  const entries: TreeEntry[] = [];
  let at = 0;
  while (at < bytes.length) {
    const space = bytes.indexOf(" ", at);
    const zero = bytes.indexOf("\0", space);
    if (space < 0 || zero < 0 || zero + 21 > bytes.length) throw new GitError("a tree ends too early");
    entries.push({
      mode: bytes.toString("latin1", at, space).padStart(6, "0"),
      name: bytes.toString("utf8", space + 1, zero),
      id: bytes.toString("hex", zero + 1, zero + 21),
    });
    at = zero + 21;
  }
  return entries;
}

const lines = (ids: readonly string[]): string => ids.map((id) => `${id}\n`).join("");
