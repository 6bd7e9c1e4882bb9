/** Where results go: stdout, or a file that appears whole. */
import { access, constants, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { systemCode, writeError, writeFileAtomic } from "../files.ts";

/** What we need of `process.stdout`. */
export interface Sink {
  write(text: string, done: (error?: Error | null) => void): unknown;
  on(event: "error", listener: () => void): unknown;
}

const heard = new WeakSet<Sink>();

/** A failed write is told to its callback and then once more as an event, which would end the process if nobody listened. */
function hearErrors(sink: Sink): void {
  if (heard.has(sink)) return;
  heard.add(sink);
  sink.on("error", () => {});
}

/**
 * Writes a result and waits until it is out, so that an exit right after it cuts nothing off. Answers false when the reader has gone
 * (`xai-kit methods | head -1`): that is no error, and the command should end quietly.
 *
 * @throws KitError E_WRITE for anything else, e.g. a full disk behind `> file`
 */
export function writeTo(sink: Sink, text: string): Promise<boolean> {
  hearErrors(sink);
  return new Promise((resolve, reject) => {
    sink.write(text, (error) => {
      if (!error) resolve(true);
      else if (readerGone.has(systemCode(error) ?? "")) resolve(false);
      else reject(writeError("standard output", error));
    });
  });
}

// the second one: every further write after the first EPIPE
const readerGone = new Set(["EPIPE", "ERR_STREAM_DESTROYED"]);

/** `--output FILE` if given, else stdout. */
export async function writeResult(
  content: string,
  { output, stdout }: { readonly output?: string; readonly stdout: Sink },
): Promise<boolean> {
  if (output === undefined || output === "-") return await writeTo(stdout, content);
  await writeFileAtomic(output, content);
  return true;
}

/**
 * Finds out before the work begins whether a file can be written there.
 *
 * @throws KitError E_WRITE as the write itself would
 */
export async function checkWritable(path: string): Promise<void> {
  try {
    const found = await stat(path).catch((error: unknown) => {
      if (systemCode(error) === "ENOENT") return undefined;
      throw error;
    });
    if (found?.isDirectory()) throw Object.assign(new Error("a folder"), { code: "EISDIR" });
    const folder = dirname(path);
    if (!(await stat(folder)).isDirectory()) throw Object.assign(new Error("a file"), { code: "ENOTDIR" });
    await access(found === undefined || found.isFile() ? folder : path, constants.W_OK);
  } catch (cause) {
    throw writeError(path, cause);
  }
}
