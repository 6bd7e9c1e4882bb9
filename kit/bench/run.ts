/**
 * Ratios of speed, measured side by side: every contender runs once per round, so that what else the machine does hits
 * all alike, and a ratio is the median over rounds of the ratio within a round.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { loadavg } from "node:os";
import { dirname } from "node:path";
import { performance } from "node:perf_hooks";
import { setTimeout } from "node:timers/promises";
import { parseArgs } from "node:util";
import type { Device } from "../src/engine/device.ts";
import type { Engine } from "../src/engine/engine.ts";
import { defaultBudget, machineFacts, openEngine } from "../src/engine/node.ts";
import { KitError } from "../src/errors.ts";
import { canonicalOpset, type Graph, node } from "../src/onnx/graph.ts";
import { filled, type Kind, kinds, measuredGraph, plain, type Source, sources } from "./graphs.ts";
import { type MeasuredMethod, measuredMethods, methodRun } from "./methods.ts";
import { peakOfOurs, peakOfTorch } from "./peak.ts";
import { type Profile, profileOf } from "./profile.ts";
import { contestText, type Peak, peakText, type Row, rowText } from "./report.ts";
import { type Budget, budgets, coreSix, type Sharing, sharing, sharingText } from "./sharing.ts";
import { startTorch, type Torch } from "./torch.ts";

const help = `usage: npm run bench -- [options] [model.onnx | folder]...

Forward and gradient, side by side. Without a model: a small convolutional
network only.

  --batch 1,8       batch sizes
  --rounds 7        rounds per model and batch, after one that is not counted
  --threads 2       threads of every contender; all cores unless told
  --seconds 120     at most this long per row, but three rounds in any case
  --device cpu      what "native" computes on: cpu, cuda, webgpu, ...
  --wasm            wasm as well
  --plain           the gradient's graph also without what is done for memory:
                    nodes in the order they were made in, one name for the batch
  --methods         whole methods too: one attribution of one image, with small
                    budgets
  --peak            peak memory of a process with one graph, at the largest batch
  --profile         where the time goes, by operator, at the smallest batch
  --sharing         in place of all this, what an evaluation saves by sharing:
                    passes and time by family of metrics, of 11 methods and six
                    metrics, against each metric on its own and against one
                    method and metric at a time. Takes minutes, on networks hours
  --budget standard   of --sharing: standard, or quick, a quarter of the draws
  --images 1        of --sharing
  --metrics a,b     of --sharing: these in place of the six
  --torch           models named as in torchvision (resnet50.onnx) also in
                    PyTorch eager; needs torch and torchvision in the Python of
                    --python (/usr/bin/python3)
  --torch-device cpu  what PyTorch computes on: cpu, cuda
  --out FILE        everything as JSON
  --json            the same on stdout

Examples:
  $ npm run bench
  $ python3 scripts/export-networks.py models
  $ npm run bench -- models --torch --peak --out bench.json`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    batch: { type: "string", default: "1,8" },
    rounds: { type: "string", default: "7" },
    threads: { type: "string" },
    seconds: { type: "string", default: "120" },
    device: { type: "string", default: "cpu" },
    wasm: { type: "boolean", default: false },
    plain: { type: "boolean", default: false },
    methods: { type: "boolean", default: false },
    peak: { type: "boolean", default: false },
    profile: { type: "boolean", default: false },
    sharing: { type: "boolean", default: false },
    budget: { type: "string", default: "standard" },
    images: { type: "string", default: "1" },
    metrics: { type: "string", default: coreSix.join(",") },
    torch: { type: "boolean", default: false },
    "torch-device": { type: "string", default: "cpu" },
    python: { type: "string", default: "/usr/bin/python3" },
    out: { type: "string" },
    json: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});
if (values.help) {
  console.log(help);
  process.exit(0);
}

interface Contender {
  readonly name: string;
  /** one run, in milliseconds */
  time(): Promise<number>;
  release(): Promise<void>;
}

/** Milliseconds between contenders: threads of the one before may go on spinning for a while. */
const settle = 50;

/** What a ratio above 1 means: the first is that many times slower than the second. */
const comparisons = [
  ["native gradient", "native forward"],
  ["native plain gradient", "native forward"],
  ["native gradient", "native plain gradient"],
  ["wasm gradient", "wasm forward"],
  ["wasm forward", "native forward"],
  ["wasm gradient", "native gradient"],
  ["torch forward", "native forward"],
  ["torch gradient", "native gradient"],
  ["torch", "native"],
] as const;

const batches = values.batch.split(",").map(Number);
const threads = values.threads === undefined ? machineFacts().cores : Number(values.threads);
for (const n of [...batches, threads, ...[values.rounds, values.seconds, values.images].map(Number)]) {
  if (Number.isInteger(n) && n > 0) continue;
  console.error(
    `error: --batch, --rounds, --threads, --seconds and --images take whole numbers from 1\n\n${help}`,
  );
  process.exit(2);
}
if (!Object.hasOwn(budgets, values.budget)) {
  console.error(`error: --budget is ${Object.keys(budgets).join(" or ")}\n\n${help}`);
  process.exit(2);
}

let torch: Torch | undefined;
const say = (line: string) => {
  if (!values.json) console.log(line);
};
try {
  const measured = sources(positionals);
  const engines: [string, Engine][] = [["native", await open(values.device)]];
  if (values.wasm) engines.push(["wasm", await open("wasm")]);
  if (values.torch) torch = await startTorch(values.python, threads, values["torch-device"]);
  const products = { native: await gigaflops(engines[0][1]), torch: torch?.gigaflops };
  say(contestText({ threads, torch: torch?.version, gigaflops: products }));

  const rows: Row[] = [];
  const peaks: Peak[] = [];
  const profiles: (Profile & { readonly model: string })[] = [];
  const shares: Sharing[] = [];
  for (const source of values.sharing && measured.length > 1 ? measured.slice(1) : measured) {
    if (values.sharing) {
      const options = {
        memory: defaultBudget(),
        budget: values.budget as Budget,
        images: Number(values.images),
        metrics: values.metrics.split(","),
      };
      shares.push(shown(await sharing(engines[0][1], source, options), sharingText));
      continue;
    }
    for (const batch of batches) rows.push(shown(await gradients(source, batch, engines, torch), rowText));
    if (values.methods) {
      for (const id of measuredMethods)
        rows.push(shown(await wholeMethod(source, id, engines[0][1], torch), rowText));
    }
    if (source.path === undefined) continue;
    if (values.peak) peaks.push(shown(peakOf(source, Math.max(...batches), torch), peakText));
    if (!values.profile) continue;
    for (const kind of kinds) {
      const profile = profileOf(source.path, kind, Math.min(...batches), threads);
      profiles.push({ model: source.name, ...profile });
      say(
        `  ${kind}: ${profile.operators
          .slice(0, 6)
          .map(({ op, ms }) => `${op} ${ms}`)
          .join(", ")} ms`,
      );
    }
  }
  const report = {
    date: new Date().toISOString().slice(0, 10),
    machine: machineFacts(),
    threads,
    engines: Object.fromEntries(engines.map(([name, { info }]) => [name, info])),
    torch: torch && { version: torch.version, device: values["torch-device"] },
    gigaflops: products,
    rows,
    peaks,
    profiles,
    sharing: shares,
  };
  const text = `${JSON.stringify(report, null, 2)}\n`;
  if (values.json) process.stdout.write(text);
  if (values.out !== undefined) {
    mkdirSync(dirname(values.out), { recursive: true });
    writeFileSync(values.out, text);
  }
  for (const [, engine] of engines) await engine.close();
} catch (error) {
  if (!(error instanceof KitError)) throw error;
  console.error(`error: ${error.message}  [${error.code}]`);
  for (const line of error.details) console.error(`  ${line}`);
  if (error.next !== undefined) console.error(`  next: ${error.next}`);
  process.exitCode = 1;
} finally {
  torch?.stop();
}

function shown<T>(found: T, text: (found: T) => string): T {
  say(text(found));
  return found;
}

async function open(device: string): Promise<Engine> {
  // openEngine says what is wrong with a word that is no device
  return (await openEngine({ device: device as Device, threads })).engine;
}

/** Contenders that turn out not to run are named with their reason. */
async function ready(made: readonly [string, () => Promise<Contender>][]) {
  const contenders: Contender[] = [];
  const failed: Record<string, string> = {};
  for (const [name, make] of made) {
    try {
      const contender = await make();
      await contender.time(); // caches fill, threads start; and what cannot run shows it here
      contenders.push(contender);
    } catch (error) {
      if (!(error instanceof KitError)) throw error;
      failed[name] = [error.message, ...error.details].join(": ");
    }
  }
  return { contenders, failed };
}

async function race(
  row: Pick<Row, "model" | "what" | "batch">,
  made: readonly [string, () => Promise<Contender>][],
): Promise<Row> {
  const before = loadavg()[0];
  const { contenders, failed } = await ready(made);
  const times: Record<string, number[]> = Object.fromEntries(contenders.map(({ name }) => [name, []]));
  const end = performance.now() + Number(values.seconds) * 1000;
  let rounds = 0;
  while (rounds < Number(values.rounds) && (rounds < 3 || performance.now() < end)) {
    // every other round backwards, so that nobody always runs on what the same neighbour left in the caches
    for (const contender of rounds % 2 ? contenders.toReversed() : contenders) {
      await setTimeout(settle);
      times[contender.name].push(await contender.time());
    }
    rounds++;
  }
  for (const contender of contenders) await contender.release();
  return {
    ...row,
    rounds,
    load: [before, loadavg()[0]],
    milliseconds: Object.fromEntries(Object.entries(times).map(([name, t]) => [name, quantile(t, 0.5)])),
    ratios: comparisons
      .filter(([of, to]) => of in times && to in times)
      .map(([of, to]) => {
        const each = times[of].map((t, i) => t / times[to][i]);
        return { of, to, median: quantile(each, 0.5), low: quantile(each, 0.25), high: quantile(each, 0.75) };
      }),
    failed,
  };
}

function gradients(
  source: Source,
  batch: number,
  engines: readonly [string, Engine][],
  torch: Torch | undefined,
): Promise<Row> {
  const made = kinds.flatMap(
    (kind): [string, () => Promise<Contender>][] =>
      [
        ...engines.map(([engine, opened]): [string, () => Promise<Contender>] => [
          `${engine} ${kind}`,
          () => ours(`${engine} ${kind}`, opened, source, kind, batch),
        ]),
        ...(torch?.knows(source.name)
          ? [
              [
                `torch ${kind}`,
                theirs(`torch ${kind}`, () => torch.time({ model: source.name, kind, batch })),
              ] as const,
            ]
          : []),
      ] as [string, () => Promise<Contender>][],
  );
  if (values.plain) {
    const [[engine, opened]] = engines;
    const name = `${engine} plain gradient`;
    made.push([name, () => ours(name, opened, source, "gradient", batch, plain)]);
  }
  return race({ model: source.name, what: "forward and gradient", batch }, made);
}

function theirs(name: string, time: () => Promise<number>): () => Promise<Contender> {
  return async () => ({ name, time, release: async () => undefined });
}

/** PyTorch runs as many passes as the method took, in batches of 8, and nothing else of the method. */
async function wholeMethod(
  source: Source,
  id: MeasuredMethod,
  engine: Engine,
  torch: Torch | undefined,
): Promise<Row> {
  const made: [string, () => Promise<Contender>][] = [];
  let passes = { forwards: 0, backwards: 0 };
  made.push([
    "native",
    async () => {
      const run = await methodRun(engine, source, id, defaultBudget());
      passes = run.passes;
      return { name: "native", time: run.time, release: async () => undefined };
    },
  ]);
  // a gradient down to an inner layer has no counterpart of one line
  if (torch?.knows(source.name) && id !== "grad-cam") {
    const time = () =>
      torch.time({
        model: source.name,
        kind: "passes",
        batch: 8,
        forwards: passes.forwards - passes.backwards,
        backwards: passes.backwards,
      });
    made.push(["torch", theirs("torch", time)]);
  }
  return race({ model: source.name, what: id, batch: 1 }, made);
}

/** The graph as the kit runs it, or what `changed` makes of it. */
async function ours(
  name: string,
  engine: Engine,
  source: Source,
  kind: Kind,
  batch: number,
  changed = (graph: Graph) => graph,
): Promise<Contender> {
  const { graph, fetches, feeds } = measuredGraph(source, kind, engine.info.provider);
  const executable = await engine.load(changed(graph));
  return {
    name,
    async time() {
      const given = feeds(batch);
      const start = performance.now();
      await executable.run(given, fetches);
      return performance.now() - start;
    },
    release: () => executable.release(),
  };
}

function peakOf(source: Source, batch: number, torch: Torch | undefined): Peak {
  const request = { kind: "gradient", batch, threads } as const;
  return {
    model: source.name,
    kind: "gradient",
    batch,
    native: peakOfOurs(source.path ?? "", request),
    torch: torch?.knows(source.name) ? peakOfTorch(values.python, source.name, request) : undefined,
  };
}

function quantile(values: readonly number[], q: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (sorted.length - 1) * q;
  const low = Math.floor(at);
  return sorted[low] + (at - low) * ((sorted[low + 1] ?? sorted[low]) - sorted[low]);
}

/** Speed of one matrix product, 1024 × 1024 × 1024: shows whether both sides have a good one. Best of 5. */
async function gigaflops(engine: Engine): Promise<number> {
  const dims = [1024, 1024];
  const executable = await engine.load({
    name: "matrix product",
    opsets: { "": canonicalOpset },
    inputs: [{ name: "x", type: "float32", dims }],
    outputs: [{ name: "y", type: "float32", dims }],
    nodes: [node("MatMul", ["x", "x"], ["y"])],
    initializers: new Map(),
  });
  let best = Number.POSITIVE_INFINITY;
  for (let i = 0; i < 5; i++) {
    const x = filled(dims, Math.sin);
    const start = performance.now();
    await executable.run({ x }, ["y"]);
    best = Math.min(best, performance.now() - start);
  }
  await executable.release();
  return (2 * 1024 ** 3) / best / 1e6;
}
