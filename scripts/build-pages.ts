/** The site as GitHub Pages serves it, under the address that actions/configure-pages found. A site without runs is not put up. */
import { spawnSync } from "node:child_process";
import { globSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const help = `usage: node scripts/build-pages.ts

Builds the site into dist/. Reads XAI_SITE_BASE (a path, empty for the root of a host) and XAI_SITE_URL (the address of that host), and
fails if there are no runs in $XAI_RESULTS (results).`;

/** Pages says "" where a site is at the root of its host. */
export const basePath = (given: string | undefined): string =>
  given === undefined || given === "" ? "/" : given;

export const runsIn = (results: string): number => globSync("runs/*/*/*/run.json", { cwd: results }).length;

function main(): number {
  if (process.argv.includes("--help")) {
    console.log(help);
    return 0;
  }
  const root = fileURLToPath(new URL("..", import.meta.url));
  const results = join(root, process.env.XAI_RESULTS ?? "results");
  const runs = runsIn(results);
  if (runs === 0) {
    console.error(
      `error: there is no run in ${results}\n  next: a site without results is a fault; look at what main has`,
    );
    return 1;
  }
  console.log(`${runs} runs`);
  const { status } = spawnSync(process.execPath, [join(root, "scripts", "site.ts"), "build"], {
    cwd: root,
    stdio: "inherit",
    env: { ...process.env, XAI_SITE_BASE: basePath(process.env.XAI_SITE_BASE) },
  });
  return status ?? 1;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) process.exitCode = main();
