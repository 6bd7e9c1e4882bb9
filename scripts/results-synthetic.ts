/**
 * Makes the runs of the synthetic track: every bundled model on its phantoms under the full protocol. What was stopped goes on; what is done
 * is not done again. About an hour in all on two cores.
 *
 *   npm run results:synthetic            everything
 *   npm run results:synthetic -- cxr     only models whose id contains "cxr"
 */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { bundledModels } from "../kit/src/bundled.ts";
import { publishRun } from "./publish-run.ts";

const [filter = ""] = process.argv.slice(2);
if (filter === "--help") {
  console.log(
    "usage: npm run results:synthetic [-- PART_OF_A_MODEL_ID]\n\nRuns every bundled model on its phantoms (protocol 1, and everything else on the first 32 images) and puts the runs into results/.",
  );
  process.exit(0);
}

const root = fileURLToPath(new URL("..", import.meta.url));
const chosen = bundledModels().filter(({ id }) => id.includes(filter));
const started = performance.now();
for (const [k, { id, path, dataset }] of chosen.entries()) {
  const out = join(root, "xai-runs", "synthetic", id);
  console.error(`\n${id} on ${dataset} (${k + 1} of ${chosen.length})`);
  const { status } = spawnSync(
    process.execPath,
    [
      "kit/bin/xai-kit.js",
      "evaluate",
      "--model",
      path,
      "--data",
      dataset,
      "--further",
      "--pictures",
      "2",
      "--out",
      out,
    ],
    { cwd: root, stdio: ["ignore", "ignore", "inherit"] },
  );
  if (status !== 0) process.exit(status ?? 1);
  console.log(await publishRun(out, join(root, "results")));
}
console.error(`\n${chosen.length} runs in ${Math.round((performance.now() - started) / 1000)} s`);
