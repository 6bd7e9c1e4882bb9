/** The next version by the changesets, also in the lock file, whose workspace entry `changeset version` leaves behind. */
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

/** The lock file with the version of one workspace; everything else stays as it is, other platforms' packages among it. */
export function withVersion(lock: string, workspace: string, version: string): string {
  const content = JSON.parse(lock) as { packages: Record<string, { version?: string } | undefined> };
  const entry = content.packages[workspace];
  if (entry === undefined) throw new Error(`package-lock.json has no workspace ${workspace}`);
  entry.version = version;
  return `${JSON.stringify(content, null, 2)}\n`;
}

function main(): number {
  if (process.argv.includes("--help")) {
    console.log(
      "usage: node scripts/next-version.ts\n\nRuns `changeset version` and notes the version in package-lock.json.",
    );
    return 0;
  }
  const root = fileURLToPath(new URL("..", import.meta.url));
  const changeset = join(root, "node_modules", "@changesets", "cli", "bin.js");
  const { status } = spawnSync(process.execPath, [changeset, "version"], { cwd: root, stdio: "inherit" });
  if (status !== 0) return status ?? 1;
  const { version } = JSON.parse(readFileSync(join(root, "kit", "package.json"), "utf8")) as {
    version: string;
  };
  const lock = join(root, "package-lock.json");
  writeFileSync(lock, withVersion(readFileSync(lock, "utf8"), "kit", version));
  console.log(`xai-kit ${version}`);
  return 0;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) process.exitCode = main();
