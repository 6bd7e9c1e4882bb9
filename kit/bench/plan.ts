/** Whether `xai-kit evaluate --dry-run` says what an evaluation takes: predicted and true passes and time, side by side. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { cpus, loadavg, tmpdir } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { bundledModels } from "../src/bundled.ts";
import { methods } from "../src/methods/index.ts";
import { metrics } from "../src/metrics/index.ts";
import { asksRandomised } from "../src/metrics/metric.ts";
import { metricOf } from "../src/protocol/protocol.ts";
import type { Run } from "../src/results/document.ts";
import { decodeSidecar } from "../src/results/sidecar.ts";

const help = `usage: node kit/bench/plan.ts [options] [-- options of evaluate]

Runs evaluate --dry-run, then the evaluation, each as a process of its own, and
prints what was predicted and what it took. Without --model: bundled models, on
the pictures they were trained on. Passes are foreseen exactly but for what maps
decide: one that is zero is not asked about further, and where one of the
randomised model is, another is drawn. Ends with 1 where passes differ without
such a reason, or by more than 1 %, or the time by more than --within.

  --model FILE     with --data in place of the bundled models
  --data SPEC
  --bundled a,b    only bundled models whose ids contain one of these
  --samples 4      images to explain
  --all            every method and metric there is; else the protocol's
  --within 0.3     how far the time may be off
  --json           as JSON

For example, resnet50 on a few pictures in folders:
  node kit/bench/plan.ts --model resnet50.onnx --data folder:pictures \\
    --samples 2 --all -- --protocol quick`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    model: { type: "string" },
    data: { type: "string" },
    bundled: { type: "string" },
    samples: { type: "string", default: "4" },
    all: { type: "boolean", default: false },
    within: { type: "string", default: "0.3" },
    json: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});
if (values.help) {
  console.log(help);
  process.exit(0);
}

interface Took {
  readonly forwards: number;
  readonly backwards: number;
  /** what the evaluation counts as its own: without starting, reading the model and writing the run */
  readonly seconds: number;
}

interface Comparison {
  readonly model: string;
  readonly predicted: Took;
  readonly found: Took;
  /** maps that were zero or constant, `constant` aside */
  readonly flat: number;
  /** whether randomised models were asked */
  readonly redraws: boolean;
  /** found over predicted, in time */
  readonly ratio: number;
  /** of the whole process, the dry run's included */
  readonly wall: { readonly dryRun: number; readonly evaluation: number };
  readonly jobs: number;
  /** processes that wanted a core, on average over the last minute; above the number of cores times are not to be trusted */
  readonly load: number;
}

const main = fileURLToPath(new URL("../src/cli/main.ts", import.meta.url));

function run(argv: readonly string[]): { readonly stdout: string; readonly seconds: number } {
  const start = performance.now();
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...argv], {
    encoding: "utf8",
    maxBuffer: 2 ** 28,
  });
  if (status !== 0) throw new Error(`evaluate ended with ${status}:\n${stderr.slice(-2000)}`);
  return { stdout, seconds: (performance.now() - start) / 1000 };
}

function compare(model: string, data: string): Comparison {
  const folder = mkdtempSync(join(tmpdir(), "xai-kit-plan-"));
  const out = join(folder, "run");
  const everything = ["--methods", ids(methods), "--metrics", ids(metrics)];
  const argv = ["evaluate", "--model", model, "--data", data, "--samples", values.samples];
  const asked = [...argv, ...(values.all ? everything : []), ...positionals];
  try {
    const dry = run([...asked, "--dry-run", "--json"]);
    const { estimate } = JSON.parse(dry.stdout) as { estimate: Took & { jobs: number } };
    const real = run([...asked, "--pictures", "0", "--out", out]);
    const { telemetry, result } = JSON.parse(readFileSync(join(out, "run.json"), "utf8")) as Run;
    const { passes, seconds } = telemetry;
    const { rows } = decodeSidecar(readFileSync(join(out, "scores.parquet")));
    return {
      model: basename(model, ".onnx"),
      predicted: { forwards: estimate.forwards, backwards: estimate.backwards, seconds: estimate.seconds },
      found: { ...passes, seconds },
      flat: rows.filter((row) => row.defect !== null && row.method !== "constant").length,
      redraws: result.metrics.some(({ id }) => asksRandomised(metricOf(id))),
      ratio: seconds / estimate.seconds,
      wall: { dryRun: dry.seconds, evaluation: real.seconds },
      jobs: estimate.jobs,
      load: loadavg()[0],
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const ids = (list: readonly { readonly id: string }[]): string => list.map(({ id }) => id).join(",");

const count = (n: number): string => n.toLocaleString("en");

function text(one: Comparison): string {
  const { model, predicted, found, flat, ratio, wall, jobs, load } = one;
  const difference = total(found) - total(predicted);
  const verdict = exact(one)
    ? "the same"
    : `${difference > 0 ? "+" : ""}${count(difference)}, ${((100 * difference) / total(predicted)).toFixed(2)} %${explained(one) ? "" : ": NOT FORESEEN"}`;
  return [
    model,
    `  passes   ${count(predicted.forwards)} + ${count(predicted.backwards)} predicted, ${count(found.forwards)} + ${count(found.backwards)} found: ${verdict}; ${flat} flat maps`,
    `  time     ${predicted.seconds.toFixed(1)} s predicted, ${found.seconds.toFixed(1)} s found: ${ratio.toFixed(2)} × on ${jobs} engine${jobs === 1 ? "" : "s"}, load ${load.toFixed(1)} of ${cpus().length} cores`,
    `  whole    ${wall.dryRun.toFixed(1)} s for the dry run, ${wall.evaluation.toFixed(1)} s for the evaluation`,
  ].join("\n");
}

const total = ({ forwards, backwards }: Took): number => forwards + backwards;

const exact = ({ predicted, found }: Pick<Comparison, "predicted" | "found">): boolean =>
  predicted.forwards === found.forwards && predicted.backwards === found.backwards;

/** Whether maps can have decided otherwise than the rehearsal's. */
const explained = ({ predicted, found, flat, redraws }: Comparison): boolean =>
  (flat > 0 || redraws) && Math.abs(total(found) / total(predicted) - 1) <= 0.01;

if ((values.model === undefined) !== (values.data === undefined)) {
  console.error("error: --model and --data go together\n  next: see --help");
  process.exit(2);
}
const parts = values.bundled?.split(",");
const chosen =
  values.model !== undefined && values.data !== undefined
    ? [{ path: values.model, dataset: values.data }]
    : bundledModels().filter(({ id }) => parts?.some((part) => id.includes(part)) ?? true);
const found: Comparison[] = [];
for (const { path, dataset } of chosen) {
  const one = compare(path, dataset);
  found.push(one);
  if (!values.json) console.log(text(one));
}
if (values.json) console.log(JSON.stringify(found, undefined, 2));
const within = Number(values.within);
const good = (one: Comparison) => (exact(one) || explained(one)) && Math.abs(one.ratio - 1) <= within;
if (!found.every(good)) process.exitCode = 1;
