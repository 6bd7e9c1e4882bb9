/**
 * The command line with a fault in its disk: `FAULT=<what>:<file>:<byte>`, where writing that byte of that file
 * kills the process as `kill -9` would (`kill`), or fails (`ENOSPC`); with a byte of -1, opening (`EROFS`) or renaming to it does.
 */
import fs, { type FileHandle } from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";
import { basename } from "node:path";

const [what = "", name = "", byte = "0"] = (process.env.FAULT ?? "").split(":");
const at = Number(byte);

const meant = (path: unknown): boolean => {
  const file = basename(String(path));
  // `.run.json.<random>.tmp` becomes run.json
  return file === name || file.startsWith(`.${name}.`);
};

function strike(): never {
  if (what === "kill") {
    process.kill(process.pid, "SIGKILL");
    for (;;); // the signal is on its way
  }
  throw Object.assign(new Error(`${what}: made up by the test`), { code: what });
}

const { open, rename } = fs;
fs.open = async (path, ...rest) => {
  if (!meant(path)) return open(path, ...rest);
  if (what === "EROFS") strike();
  return faulty(await open(path, ...rest));
};
fs.rename = async (from, to) => {
  if (at < 0 && meant(to)) strike();
  return rename(from, to);
};
syncBuiltinESMExports();

/** A handle that writes up to the byte and no further. */
function faulty(file: FileHandle): FileHandle {
  const { write } = file;
  const put = write.bind(file) as unknown as (
    buffer: Uint8Array,
    offset: number,
    length: number,
    position: number,
  ) => Promise<{ bytesWritten: number; buffer: Uint8Array }>;
  const guarded = async (buffer: Uint8Array, offset: number, length: number, position: number) => {
    if (at < 0 || position + length <= at) return put(buffer, offset, length, position);
    await put(buffer, offset, Math.max(0, at - position), position);
    return strike();
  };
  return Object.assign(file, {
    write: guarded,
    writeFile: async (content: Uint8Array | string) => {
      const bytes = Buffer.from(content as Uint8Array);
      await guarded(bytes, 0, bytes.length, 0);
    },
  });
}

await import("../src/cli/main.ts");
