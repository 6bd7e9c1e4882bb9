/**
 * What the controls score on every metric, and which standard methods beat them, on the bundled models: an evaluation each, with small
 * budgets. What was measured goes to kit/docs/controls.json after each model, and the page is made of that.
 */
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { type BundledModel, bundledModels } from "../kit/src/bundled.ts";
import { expected, metrics } from "../kit/src/metrics/index.ts";
import { metricOf } from "../kit/src/protocol/protocol.ts";
import type { Run } from "../kit/src/results/document.ts";
import { controlIds } from "../kit/src/stats/expectation.ts";
import { standardMethods } from "../kit/src/stats/summarise.ts";
import { keyOf, type Measurements, pageOf, type Row, rowsOf } from "./controls-table-page.ts";

const help = `usage: node scripts/controls-table.ts [options]

Scores the four controls and the standard methods by every metric on the bundled
models and their pictures, and writes kit/docs/controls.{json,md}. What is
measured is kept: the same command goes on where it stopped, and measures what
was added to the registry or raised its revision.

  --model a,b      only bundled models whose ids contain one of these
  --metrics a,b    only these metrics
  --samples 32     images per model
  --protocol quick a quarter of every budget, or another protocol
  --jobs 1         engines at work at once; one per core without
  --from FOLDER    take finished runs below this folder (results/runs) in place
                   of running any; those of bundled models count
  --again          measure again what was measured
  --page           only write the page anew from the measurements
  --check          only tell whether the page is what they say`;

const { values } = parseArgs({
  options: {
    model: { type: "string" },
    metrics: { type: "string" },
    samples: { type: "string", default: "32" },
    protocol: { type: "string", default: "quick" },
    jobs: { type: "string" },
    from: { type: "string" },
    again: { type: "boolean", default: false },
    page: { type: "boolean", default: false },
    check: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});

const root = fileURLToPath(new URL("..", import.meta.url));
const [measurementsFile, pageFile] = [
  join(root, "kit", "docs", "controls.json"),
  join(root, "kit", "docs", "controls.md"),
];

const readOr = (path: string): string => (existsSync(path) ? readFileSync(path, "utf8") : "");
const stored = (): readonly Row[] =>
  (JSON.parse(readOr(measurementsFile) || '{"rows":[]}') as Measurements).rows;

/** One row a line, in the order of the registry and then of the models. Read again before, since another process may have added some. */
function add(rows: readonly Row[]): void {
  const fresh = new Set(rows.map(keyOf));
  const place = (r: Row) => metrics.findIndex((m) => m.id === r.metric);
  write(
    [...stored().filter((r) => !fresh.has(keyOf(r))), ...rows]
      .filter((r) => place(r) >= 0)
      .sort((a, b) => place(a) - place(b) || (a.model < b.model ? -1 : 1)),
  );
}

function write(rows: readonly Row[]): void {
  writeFileSync(
    measurementsFile,
    `{\n  "rows": [\n${rows.map((r) => `    ${JSON.stringify(r)}`).join(",\n")}\n  ]\n}\n`,
  );
  writeFileSync(pageFile, pageOf({ rows }));
}

const runIn = (folder: string): readonly Row[] =>
  rowsOf(
    JSON.parse(readFileSync(join(folder, "run.json"), "utf8")) as Run,
    readFileSync(join(folder, "scores.parquet")),
    expected,
  );

/** Metrics of which there is no row of this model as it is now. */
function due({ id, sha256 }: BundledModel, asked: readonly string[], samples: number): readonly string[] {
  const known = new Map(stored().map((row) => [keyOf(row), row]));
  return asked.filter((metric) => {
    const row = known.get(keyOf({ model: id, metric }));
    return (
      values.again ||
      row === undefined ||
      row.revision !== metricOf(metric).revision ||
      row.sha256 !== sha256 ||
      row.protocol !== values.protocol ||
      row.samples !== samples
    );
  });
}

function measure(model: BundledModel, asked: readonly string[], samples: number): number {
  // one that was stopped goes on there: its folder is that of its plan
  const out = join(root, "xai-runs", "controls", model.id);
  const { status } = spawnSync(
    process.execPath,
    [
      join("kit", "src", "cli", "main.ts"),
      "evaluate",
      ...["--model", model.path, "--data", model.dataset, "--protocol", values.protocol],
      ...["--samples", `${samples}`, "--pictures", "0", "--out", out, "--overwrite"],
      ...["--methods", [...standardMethods, ...controlIds].join(",")],
      ...["--metrics", asked.join(",")],
      ...(values.jobs === undefined ? [] : ["--jobs", values.jobs]),
    ],
    { cwd: root, stdio: ["ignore", "ignore", "inherit"] },
  );
  if (status === 0) add(runIn(out));
  return status ?? 1;
}

function measureAll(): number {
  const parts = values.model?.split(",");
  const chosen = bundledModels().filter(({ id }) => parts?.some((part) => id.includes(part)) ?? true);
  const asked = values.metrics?.split(",").map((id) => metricOf(id).id) ?? metrics.map((m) => m.id);
  const samples = Number(values.samples);
  if (!Number.isInteger(samples) || samples < 2 || chosen.length === 0) {
    console.error(
      chosen.length === 0
        ? `error: no bundled model is called ${values.model}\n  next: ${bundledModels()
            .map((m) => m.id)
            .join(", ")}`
        : `error: --samples ${values.samples} is no whole number from 2\n  next: see --help`,
    );
    return 2;
  }
  for (const [k, model] of chosen.entries()) {
    const missing = due(model, asked, samples);
    console.error(
      `${model.id} (${k + 1} of ${chosen.length}): ${missing.length} of ${asked.length} metrics to measure`,
    );
    const status = missing.length === 0 ? 0 : measure(model, missing, samples);
    if (status !== 0) return status;
  }
  return 0;
}

/** Rows of the finished runs of bundled models below a folder. */
function takeFrom(folder: string): number {
  const bundled = new Set(bundledModels().map((m) => m.sha256));
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((f) =>
    f.endsWith("run.json"),
  );
  const rows = files
    .flatMap((file) => runIn(dirname(join(folder, file))))
    .filter((row) => bundled.has(row.sha256))
    .sort((a, b) => (a.date < b.date ? -1 : 1));
  // of several runs of a model the newest counts
  add([...new Map(rows.map((row) => [keyOf(row), row])).values()]);
  console.error(`${files.length} runs, ${rows.length} rows`);
  return rows.length === 0 ? 1 : 0;
}

if (values.help) console.log(help);
else if (values.page) write(stored());
else if (values.check) {
  if (pageOf({ rows: stored() }) !== readOr(pageFile)) {
    console.error("error: kit/docs/controls.md is stale\n  next: node scripts/controls-table.ts --page");
    process.exitCode = 1;
  }
} else process.exitCode = values.from === undefined ? measureAll() : takeFrom(values.from);
