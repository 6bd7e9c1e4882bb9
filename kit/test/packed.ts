/** The package as users get it: packed, and installed in an empty folder. */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import manifest from "../package.json" with { type: "json" };

const windows = process.platform === "win32";
const root = fileURLToPath(new URL("../..", import.meta.url));

/** Without what the npm that runs the tests tells its children about its own package. */
export const cleanEnv = {
  ...Object.fromEntries(
    Object.entries(process.env).filter(
      ([key]) => !/^npm_(config_local_prefix|lifecycle_|package_|command)/.test(key),
    ),
  ),
  ONNXRUNTIME_NODE_INSTALL: "skip",
  NO_COLOR: "1",
};

const npm = (cwd: string, ...args: string[]): string =>
  execFileSync(windows ? "npm.cmd" : "npm", args, { cwd, env: cleanEnv, encoding: "utf8", shell: windows });

/** Packs the kit into that folder; the path of the tarball. */
export function packKit(folder: string): string {
  npm(root, "pack", "--workspace=kit", `--pack-destination=${folder}`, "--loglevel=error");
  return join(folder, readdirSync(folder).find((name) => name.endsWith(".tgz"))!);
}

/** A new folder with the kit and what it needs, and nothing else. */
export function installKit(app: string, tarball: string, ...flags: string[]): void {
  mkdirSync(app, { recursive: true });
  writeFileSync(join(app, "package.json"), '{ "private": true }');
  npm(app, "install", "--prefer-offline", "--no-audit", "--no-fund", "--loglevel=error", ...flags, tarball);
}

export interface Ran {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** The command of the package that is installed in `app`. */
export function runInstalled(
  app: string,
  args: readonly string[],
  nodeBinary = process.execPath,
  env: NodeJS.ProcessEnv = {},
): Ran {
  const bin = join(app, "node_modules", "xai-kit", manifest.bin["xai-kit"]);
  const { status, stdout, stderr } = spawnSync(nodeBinary, [bin, ...args], {
    cwd: app,
    env: { ...cleanEnv, ...env },
    encoding: "utf8",
    maxBuffer: 2 ** 26,
  });
  return { status, stdout, stderr };
}
