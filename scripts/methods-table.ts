/**
 * Every method on every model of a folder, one image: milliseconds, passes, or why it does not apply. What was measured goes to
 * kit/docs/methods-cost.json after each pair, and the page is made of that.
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { type Device, deviceName, parseDevice } from "../kit/src/engine/device.ts";
import { KitError } from "../kit/src/errors.ts";
import { methods } from "../kit/src/methods/index.ts";
import { attribute, type Method, toMap } from "../kit/src/methods/method.ts";
import { defect } from "../kit/src/metrics/order.ts";
import { blurred, type ImageShape } from "../kit/src/model/image.ts";
import { createProbe } from "../kit/src/model/probe.ts";
import { decodeImage8, type OpenModel, openModel, readCard } from "../kit/src/node.ts";
import { type Float32Tensor, float32 } from "../kit/src/onnx/tensor.ts";
import { quickParams } from "../kit/src/params.ts";
import { methodOf } from "../kit/src/protocol/protocol.ts";
import { rngOf } from "../kit/src/rng.ts";
import { explainedClass } from "../kit/src/runner/execute.ts";
import { defaultResize, pixelsOf } from "../kit/src/runner/pixels.ts";
import { comparedWith, unmetNeeds } from "../kit/src/runner/unmet.ts";
import { type Budget, keyOf, type Measurements, pageOf, type Row } from "./methods-table-page.ts";

const help = `usage: node scripts/methods-table.ts FOLDER [options]

Runs every method once on every .onnx file of a folder (a card beside it is
read), and writes kit/docs/methods-cost.{json,md}. What is measured is kept:
the same command goes on where it stopped.

  --model a,b        only these files (without .onnx)
  --methods a,b      only these methods
  --budget quick     a quarter of every budget, or: default
  --image FILE       explain this picture; else smooth seeded noise
  --size 224         input size, where a model leaves it open
  --device cpu       what computes
  --threads 2        threads of one operator; all cores without
  --again            measure again what was measured
  --page             only write the page anew from the measurements
  --check            only tell whether the page is what they say`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    model: { type: "string" },
    methods: { type: "string" },
    budget: { type: "string", default: "quick" },
    image: { type: "string" },
    size: { type: "string", default: "224" },
    device: { type: "string", default: "cpu" },
    threads: { type: "string" },
    again: { type: "boolean", default: false },
    page: { type: "boolean", default: false },
    check: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});

const docs = fileURLToPath(new URL("../kit/docs/", import.meta.url));
const [measurementsFile, pageFile] = [join(docs, "methods-cost.json"), join(docs, "methods-cost.md")];

const readOr = (path: string): string => {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
};
const stored = (): readonly Row[] =>
  (JSON.parse(readOr(measurementsFile) || '{"rows":[]}') as Measurements).rows;

/** One row a line: rows stay apart in a diff. Read again before, since another process may have added some. */
function add(row: Row): void {
  const others = stored().filter((r) => keyOf(r) !== keyOf(row));
  const place = (r: Row) => methods.findIndex((m) => m.id === r.method);
  const order = (a: Row, b: Row) => (a.model === b.model ? place(a) - place(b) : a.model < b.model ? -1 : 1);
  write([...others, row].sort((a, b) => (a.budget < b.budget ? -1 : a.budget > b.budget ? 1 : order(a, b))));
}

function write(rows: readonly Row[]): void {
  writeFileSync(
    measurementsFile,
    `{\n  "rows": [\n${rows.map((r) => `    ${JSON.stringify(r)}`).join(",\n")}\n  ]\n}\n`,
  );
  writeFileSync(pageFile, pageOf({ rows }));
}

/** Seeded noise in soft spots: as little like an image as the models' weights are like trained ones, but not flat. */
function noise({ channels, height, width }: ImageShape, key: string): Float32Tensor {
  const rng = rngOf("methods-table", key);
  const raw = Float32Array.from({ length: channels * height * width }, () => rng.uniform());
  const soft = blurred(float32([channels, height, width], raw), 0.02 * height);
  return { ...soft, data: soft.data.map((v) => Math.min(1, Math.max(0, 0.5 + 6 * (v - 0.5)))) };
}

const reasonOf = (error: KitError): string => [error.message, ...error.details].join("; ");

async function measure(
  method: Method,
  { model, engine }: OpenModel,
  x: Float32Tensor,
  target: number,
  others: readonly Float32Tensor[],
  budget: Budget,
) {
  const [before, loads, start] = [{ ...model.passes }, engine.time?.loads ?? 0, performance.now()];
  const map = await attribute(method, createProbe({ model, x, target }), {
    params: budget === "quick" ? quickParams(method.params) : {},
    rng: (purpose) => rngOf("methods-table", method.id, purpose),
    others: async () => others,
  });
  const ms = performance.now() - start - ((engine.time?.loads ?? 0) - loads);
  return {
    ms: Number(ms.toPrecision(3)),
    forwards: model.passes.forwards - before.forwards,
    backwards: model.passes.backwards - before.backwards,
    note: defect(toMap(map, method.map)) ?? null,
  };
}

async function measureModel(path: string, chosen: readonly Method[], budget: Budget): Promise<void> {
  const name = basename(path, ".onnx");
  const done = new Map(stored().map((r) => [keyOf(r), r]));
  const due = chosen.filter((m) => {
    const known = done.get(keyOf({ model: name, method: m.id, budget }));
    return values.again || known === undefined || known.status === "failed" || known.revision !== m.revision;
  });
  console.error(`${name}: ${due.length} of ${chosen.length} methods to measure`);
  if (due.length === 0) return;
  const side = Number(values.size);
  const card = readCard(path);
  const opened = await openModel(path, {
    card: { ...card, input: { height: side, width: side, ...card.input } },
    device: deviceName(parseDevice(values.device)) as Device,
    ...(values.threads && { threads: Number(values.threads) }),
  });
  try {
    const { model, engine } = opened;
    const { info } = engine;
    const x = values.image
      ? pixelsOf(await decodeImage8(values.image), model.shape, card.input?.resize ?? defaultResize)
      : noise(model.shape, "image");
    const others = Array.from({ length: comparedWith }, (_, k) => noise(model.shape, `other ${k}`));
    const logits = await createProbe({ model, x, target: 0 }).logits();
    const target = explainedClass(model, logits);
    const unmet = unmetNeeds(model, chosen, comparedWith);
    for (const [k, method] of due.entries()) {
      const tried = {
        model: name,
        sha256: opened.sha256,
        method: method.id,
        revision: method.revision,
        budget,
        date: new Date().toISOString().slice(0, 10),
        input: x.dims,
        engine: `${info.package} ${info.version}, ${deviceName(info)}, ${info.threads} thread${info.threads === 1 ? "" : "s"}`,
      };
      const row = await attempt(tried, method);
      add(row);
      console.error(`  ${k + 1}/${due.length} ${method.id}: ${said(row)}`);
    }

    async function attempt(tried: Omit<Row, "status">, method: Method): Promise<Row> {
      const reason = unmet[method.id];
      if (reason !== undefined) return { ...tried, status: "not-applicable", reason };
      try {
        const once = () => measure(method, opened, x, target, others, budget);
        const first = await once();
        // what was fast is run again: the first run of a graph pays for memory that later ones find ready
        return { ...tried, status: "ok", ...(first.ms < 2000 ? await once() : first) };
      } catch (error) {
        if (!(error instanceof KitError)) throw error;
        return { ...tried, status: "failed", reason: reasonOf(error) };
      }
    }
  } finally {
    await opened.close();
  }
}

const said = (row: Row): string =>
  row.status === "ok"
    ? `${row.ms} ms, ${row.forwards} + ${row.backwards} passes${row.note === null ? "" : `, ${row.note}`}`
    : `${row.status}: ${row.reason}`;

async function measureAll(): Promise<number> {
  const [folder] = positionals;
  const { budget } = values;
  if (folder === undefined || (budget !== "quick" && budget !== "default")) {
    console.error(
      `error: ${folder === undefined ? "no folder of models" : `--budget ${budget} is neither quick nor default`}\n  next: see --help`,
    );
    return 2;
  }
  const wanted = values.model?.split(",");
  const files = readdirSync(folder)
    .filter((file) => file.endsWith(".onnx"))
    .sort();
  const missing = wanted?.filter((name) => !files.includes(`${name}.onnx`)) ?? [];
  if (missing.length > 0) {
    console.error(`error: not in ${folder}: ${missing.join(", ")}\n  next: ${files.join(", ")}`);
    return 2;
  }
  const chosen = values.methods?.split(",").map(methodOf) ?? methods;
  for (const file of files) {
    if (wanted?.includes(basename(file, ".onnx")) ?? true)
      await measureModel(join(folder, file), chosen, budget);
  }
  return stored().some((r) => r.status === "failed") ? 1 : 0;
}

if (values.help) console.log(help);
else if (values.page) write(stored());
else if (values.check) {
  if (pageOf({ rows: stored() }) !== readOr(pageFile)) {
    console.error("error: kit/docs/methods-cost.md is stale\n  next: node scripts/methods-table.ts --page");
    process.exitCode = 1;
  }
} else process.exitCode = await measureAll();
