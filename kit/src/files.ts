/** Writing files so that a reader never sees half of one. Node only. */
import { randomUUID } from "node:crypto";
import { open, realpath, rename, rm, stat, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { KitError } from "./errors.ts";

/**
 * Writes the whole file or nothing: to a neighbour, flushed, then renamed over `path`. A link is followed, and what is not a plain
 * file (`/dev/stdout`, a pipe) is written to as it is, since a rename would replace it.
 *
 * @throws KitError E_WRITE with what to do about it; the half-written neighbour is removed
 */
export async function writeFileAtomic(path: string, content: Uint8Array | string): Promise<void> {
  try {
    const kind = await existing(path);
    if (kind === "special") return await writeFile(path, content);
    const target = kind === "file" ? await realpath(path) : path;
    await replace(target, content);
  } catch (cause) {
    throw writeError(path, cause);
  }
}

async function existing(path: string): Promise<"nothing" | "file" | "special"> {
  const found = await stat(path).catch((error: unknown) => {
    if (systemCode(error) === "ENOENT") return undefined;
    throw error;
  });
  if (found === undefined) return "nothing";
  // a folder is treated as a file here: the rename then fails with EISDIR, which is the truth
  return found.isFile() || found.isDirectory() ? "file" : "special";
}

async function replace(target: string, content: Uint8Array | string): Promise<void> {
  const neighbour = join(dirname(target), `.${basename(target)}.${randomUUID()}.tmp`);
  try {
    const file = await open(neighbour, "wx");
    try {
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(neighbour, target);
  } catch (error) {
    await rm(neighbour, { force: true });
    throw error;
  }
}

/** `code` of a system error (`ENOENT`), if it is one. */
export const systemCode = (error: unknown): string | undefined =>
  error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;

const advice: Record<string, { what: string; next: (path: string) => string }> = {
  ENOENT: {
    what: "its folder does not exist",
    next: (path) => `create it first: mkdir -p ${dirname(path)}`,
  },
  ENOTDIR: {
    what: "a part of its path is a file, not a folder",
    next: () => "choose another path",
  },
  EISDIR: { what: "it is a folder", next: (path) => `name a file in it: ${join(path, "<file>")}` },
  ENOSPC: { what: "the disk is full", next: () => "free some space, then run the same command again" },
  EDQUOT: {
    what: "the disk quota is used up",
    next: () => "free some space, then run the same command again",
  },
  EROFS: { what: "the file system is read-only", next: () => "choose a folder that can be written to" },
  EACCES: { what: "permission denied", next: () => "choose a folder that you may write to" },
  EPERM: { what: "permission denied", next: () => "choose a folder that you may write to" },
  ENAMETOOLONG: { what: "its name is too long", next: () => "choose a shorter name" },
};

/** E_WRITE for what the system said. */
export function writeError(path: string, cause: unknown): KitError {
  const code = systemCode(cause);
  const known = code === undefined ? undefined : advice[code];
  if (known !== undefined) {
    return new KitError("E_WRITE", {
      problem: `cannot write ${path}: ${known.what}`,
      next: known.next(path),
      cause,
    });
  }
  const message = cause instanceof Error ? cause.message : String(cause);
  return new KitError("E_WRITE", { problem: `cannot write ${path}: ${message}`, cause });
}
