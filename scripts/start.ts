/**
 * What `npm start` does once everything is installed: evaluates the bundled models on phantoms, checks the runs, builds the site with them,
 * and says where to look.
 */
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, readdirSync, rmSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { publishRun } from "./publish-run.ts";

if (process.argv.includes("--help")) {
  console.log(
    "usage: npm start\n\nEvaluates the bundled models on drawn pictures, checks the runs, and builds the site with them.",
  );
  process.exit(0);
}

const root = fileURLToPath(new URL("..", import.meta.url));
const runs = join(root, "xai-runs", "start");
const shown = join(root, "xai-runs", "start-results");

function step(title: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): void {
  console.error(`\n${title}`);
  const { status } = spawnSync(process.execPath, args, {
    cwd: root,
    stdio: "inherit",
    env: { ...process.env, ...env },
  });
  if (status !== 0) process.exit(status ?? 1);
}

const started = performance.now();
step("1/4 build the kit", ["scripts/build.mjs"]);
step("2/4 evaluate the bundled models on drawn pictures", ["kit/bin/xai-kit.js", "evaluate", "--out", runs]);
step("3/4 check the runs", ["kit/bin/xai-kit.js", "validate", runs]);

rmSync(shown, { recursive: true, force: true });
if (existsSync(join(root, "results"))) cpSync(join(root, "results"), shown, { recursive: true });
for (const name of readdirSync(runs)) await publishRun(join(runs, name), shown);
step("4/4 build the site", ["scripts/site.ts", "build", "--silent"], { XAI_RESULTS: shown });

const here = (path: string) => relative(process.cwd(), path) || ".";
console.log(`
done in ${Math.round((performance.now() - started) / 1000)} s
  runs      ${here(runs)}
  pictures  ${readdirSync(runs)
    .map((name) => here(join(runs, name, "pictures")))
    .join("\n            ")}
  site      npm run preview    then open the address it prints`);
