/**
 * Ratios of speed, measured side by side: every contender runs once per round, so that what else the machine does hits
 * all alike, and a ratio is the median over rounds of the ratio within a round.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { performance } from "node:perf_hooks";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { backward } from "../kit/src/autodiff/backward.ts";
import { checkGraph } from "../kit/src/engine/check.ts";
import type { Engine, Executable } from "../kit/src/engine/engine.ts";
import { machineFacts, openEngine } from "../kit/src/engine/node.ts";
import { KitError } from "../kit/src/errors.ts";
import { fold } from "../kit/src/onnx/fold.ts";
import { canonicalOpset, type Graph, node } from "../kit/src/onnx/graph.ts";
import { readOnnx } from "../kit/src/onnx/read.ts";
import { shapeAt } from "../kit/src/onnx/shapes.ts";
import { float32, sizeOf, type Tensor } from "../kit/src/onnx/tensor.ts";

const help = `usage: node scripts/bench.ts [options] [model.onnx | folder]...

Without a model: a small convolutional network only.

  --batch 1,8       batch sizes
  --rounds 7        rounds per model and batch, after one that is not counted
  --threads 2       threads of every contender; all cores unless told
  --seconds 120     at most this long per model and batch, but three rounds in any case
  --no-wasm         leave out wasm
  --torch FOLDER    the models of FOLDER, named as in torchvision (resnet50.onnx), also in PyTorch eager;
                    needs torch and torchvision in the Python of --python (/usr/bin/python3)
  --json            medians in milliseconds and ratios as JSON`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    batch: { type: "string", default: "1,8" },
    rounds: { type: "string", default: "7" },
    threads: { type: "string" },
    seconds: { type: "string", default: "120" },
    "no-wasm": { type: "boolean", default: false },
    torch: { type: "string" },
    python: { type: "string", default: "/usr/bin/python3" },
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

interface Ratio {
  readonly of: string;
  readonly to: string;
  readonly median: number;
  readonly low: number;
  readonly high: number;
}

interface Row {
  readonly model: string;
  readonly batch: number;
  readonly rounds: number;
  readonly milliseconds: Readonly<Record<string, number>>;
  readonly ratios: readonly Ratio[];
  /** contenders that could not run, and why */
  readonly failed: Readonly<Record<string, string>>;
}

/** What a ratio above 1 means: the first is that many times slower than the second. */
const comparisons = [
  ["native gradient", "native forward"],
  ["wasm gradient", "wasm forward"],
  ["wasm forward", "native forward"],
  ["wasm gradient", "native gradient"],
  ["torch forward", "native forward"],
  ["torch gradient", "native gradient"],
] as const;

const batches = values.batch.split(",").map(Number);
const threads = values.threads === undefined ? machineFacts().cores : Number(values.threads);
for (const n of [...batches, threads, Number(values.rounds), Number(values.seconds)]) {
  if (Number.isInteger(n) && n > 0) continue;
  console.error(`error: --batch, --rounds, --threads and --seconds take whole numbers from 1\n\n${help}`);
  process.exit(2);
}

const rows: Row[] = [];
let torch: Torch | undefined;
try {
  const measured = [...models()];
  const engines: [string, Engine][] = [["native", await open("cpu")]];
  if (!values["no-wasm"]) engines.push(["wasm", await open("wasm")]);
  if (values.torch !== undefined) torch = await startTorch(values.python, threads);
  const products = { native: await gigaflops(engines[0][1]), torch: torch?.gigaflops };
  if (!values.json) describeMachine(torch?.version, products);

  for (const [model, read] of measured) {
    for (const batch of batches) {
      const row = await measure(model, read, batch, engines, torch);
      rows.push(row);
      if (!values.json) print(row);
    }
  }
  if (values.json) {
    const versions = Object.fromEntries(engines.map(([name, { info }]) => [name, info]));
    console.log(
      JSON.stringify({ machine: machineFacts(), threads, versions, torch: torch?.version, rows }, null, 2),
    );
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

async function open(device: "cpu" | "wasm"): Promise<Engine> {
  return (await openEngine({ device, threads })).engine;
}

function* models(): Generator<[string, () => Graph]> {
  yield ["small", checkGraph];
  const given = values.torch === undefined ? positionals : [...positionals, values.torch];
  for (const path of given) {
    if (!existsSync(path)) {
      throw new KitError("E_BENCH_MODEL", {
        problem: `no such file or folder: ${path}`,
        next: "give a model.onnx",
      });
    }
    const files = statSync(path).isDirectory()
      ? readdirSync(path)
          .filter((f) => f.endsWith(".onnx"))
          .sort()
          .map((f) => join(path, f))
      : [path];
    for (const file of files) {
      yield [basename(file, ".onnx"), () => readOnnx(readFileSync(file), { name: basename(file) })];
    }
  }
}

async function measure(
  model: string,
  read: () => Graph,
  batch: number,
  engines: readonly [string, Engine][],
  torch: Torch | undefined,
): Promise<Row> {
  const contenders: Contender[] = [];
  const failed: Record<string, string> = {};
  const add = async (name: string, make: () => Promise<Contender>) => {
    try {
      const contender = await make();
      await contender.time(); // caches fill, threads start; and what cannot run shows it here
      contenders.push(contender);
    } catch (error) {
      if (!(error instanceof KitError)) throw error;
      failed[name] = [error.message, ...error.details].join(": ");
    }
  };
  for (const kind of ["forward", "gradient"] as const) {
    for (const [engine, opened] of engines) {
      await add(`${engine} ${kind}`, () => ours(`${engine} ${kind}`, opened, read, kind, batch));
    }
    if (torch?.knows(model)) {
      await add(`torch ${kind}`, async () => ({
        name: `torch ${kind}`,
        time: () => torch.time(model, kind, batch),
        release: async () => undefined,
      }));
    }
  }

  const times: Record<string, number[]> = Object.fromEntries(contenders.map(({ name }) => [name, []]));
  const end = performance.now() + Number(values.seconds) * 1000;
  let rounds = 0;
  while (rounds < Number(values.rounds) && (rounds < 3 || performance.now() < end)) {
    // every other round backwards, so that nobody always runs on what the same neighbour left in the caches
    for (const contender of rounds % 2 ? contenders.toReversed() : contenders) {
      times[contender.name].push(await contender.time());
    }
    rounds++;
  }
  for (const contender of contenders) await contender.release();

  return {
    model,
    batch,
    rounds,
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

/** The graph as the kit runs it: folded, or with the gradient of the first output with respect to the first input. */
async function ours(
  name: string,
  engine: Engine,
  read: () => Graph,
  kind: "forward" | "gradient",
  batch: number,
): Promise<Contender> {
  const graph = read();
  const [input] = graph.inputs;
  const score = graph.outputs[0].name;
  const free = input.dims.find((d) => typeof d === "string");
  let folded = fold(graph, free);
  let fetches = [score];
  let seed: string | undefined;
  if (kind === "gradient") {
    const differentiated = backward(folded, { score, wrt: [input.name] });
    folded = differentiated.folded;
    seed = differentiated.seed;
    fetches = [score, differentiated.gradients[input.name]];
  }
  const dimsOf = (tensor: string) => shapeAt(folded.shapes.get(tensor) ?? [], batch);
  const executable: Executable = await engine.load(folded.graph);
  return {
    name,
    async time() {
      const feeds: Record<string, Tensor> = { [input.name]: filled(dimsOf(input.name), (i) => Math.sin(i)) };
      if (seed !== undefined) {
        const dims = dimsOf(score);
        feeds[seed] = filled(dims, (i) => (i % dims[1] === 0 ? 1 : 0));
      }
      const start = performance.now();
      await executable.run(feeds, fetches);
      return performance.now() - start;
    },
    release: () => executable.release(),
  };
}

function filled(dims: readonly number[], value: (i: number) => number): Tensor {
  return float32(
    dims,
    Float32Array.from({ length: sizeOf(dims) }, (_, i) => value(i)),
  );
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

interface Torch {
  readonly version: string;
  readonly gigaflops: number;
  knows(model: string): boolean;
  time(model: string, kind: "forward" | "gradient", batch: number): Promise<number>;
  stop(): void;
}

/** A Python process that answers one line of JSON with one line of JSON. */
async function startTorch(python: string, threads: number): Promise<Torch> {
  const script = fileURLToPath(new URL("bench-torch.py", import.meta.url));
  const child = spawn(python, [script, String(threads)], { stdio: ["pipe", "pipe", "inherit"] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const gone = once(child, "error").then(([error]) => ({ done: true, value: String(error) }) as const);
  async function answer<T>(): Promise<T> {
    const line = await Promise.race([lines.next(), gone]);
    if (!line.done) return JSON.parse(line.value) as T;
    throw new KitError("E_BENCH_TORCH", {
      problem: `${python} does not answer`,
      details: line.value === undefined ? [] : [line.value],
      next: "--torch needs a Python with torch and torchvision; name it with --python",
    });
  }
  const { version, gigaflops, models } = await answer<{
    version: string;
    gigaflops: number;
    models: string[];
  }>();
  const known = new Set(models);
  return {
    version,
    gigaflops,
    knows: (model) => known.has(model),
    async time(model, kind, batch) {
      child.stdin.write(`${JSON.stringify({ model, kind, batch })}\n`);
      const { ms, error } = await answer<{ ms: number; error?: string }>();
      if (error !== undefined) throw new KitError("E_BENCH_TORCH", { problem: error });
      return ms;
    },
    stop: () => child.stdin.end(),
  };
}

function describeMachine(
  torchVersion: string | undefined,
  products: { native: number; torch: number | undefined },
): void {
  const { cpu, cores, memory, platform, arch, node: nodeVersion } = machineFacts();
  const gib = Math.round(memory / 2 ** 30);
  console.log(
    `${cpu}, ${cores} cores, ${gib} GiB, ${platform} ${arch}, Node ${nodeVersion}; ${threads} threads each`,
  );
  if (products.torch !== undefined) {
    const [mine, theirs] = [products.native.toFixed(0), products.torch.toFixed(0)];
    console.log(`PyTorch ${torchVersion}, eager, parameters frozen`);
    console.log(`matrix product: ONNX Runtime ${mine} GFLOP/s, PyTorch ${theirs} GFLOP/s`);
    if (products.torch < products.native / 10) {
      console.log(
        "WARNING: this PyTorch has a slow BLAS; ratios to it say little. Debian: libopenblas0-pthread",
      );
    }
  }
  console.log("ratio of times in one round: median [quartiles]; above 1 the first is slower\n");
}

function print({ model, batch, rounds, ratios, failed }: Row): void {
  console.log(`${model}, batch ${batch}, ${rounds} rounds`);
  for (const { of, to, median, low, high } of ratios) {
    const spread = `[${low.toFixed(2)} ${high.toFixed(2)}]`;
    console.log(`  ${`${of} / ${to}`.padEnd(34)} ${median.toFixed(2).padStart(6)}  ${spread}`);
  }
  for (const [name, reason] of Object.entries(failed)) console.log(`  ${name}: did not run: ${reason}`);
}
