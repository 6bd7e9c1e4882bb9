/** Other versions of Node on this machine, for tests of what must run on an older one. */
import { spawnSync } from "node:child_process";
import { delimiter, join } from "node:path";

/** The first Node on the PATH whose version is accepted. */
export function nodeOnPath(accept: (major: number, minor: number) => boolean): string | undefined {
  const file = process.platform === "win32" ? "node.exe" : "node";
  return (process.env.PATH ?? "")
    .split(delimiter)
    .map((folder) => join(folder, file))
    .find((node) => {
      const { status, stdout } = spawnSync(node, ["--version"], { encoding: "utf8" });
      if (status !== 0) return false;
      const [major, minor] = stdout.slice(1).split(".").map(Number);
      return accept(major, minor);
    });
}
