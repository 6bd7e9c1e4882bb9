/**
 * Whole networks against PyTorch autograd, one at a time: export with random weights, differentiate, compare, delete.
 * What was measured goes to kit/docs/architectures.json after each network, and the page is made of that.
 */
import { execFile } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs, promisify } from "node:util";
import { backward } from "../kit/src/autodiff/backward.ts";
import { openNpz } from "../kit/src/datasets/readers/npz.ts";
import type { Engine } from "../kit/src/engine/engine.ts";
import { openEngine } from "../kit/src/engine/node.ts";
import { KitError } from "../kit/src/errors.ts";
import type { Graph } from "../kit/src/onnx/graph.ts";
import { readOnnx } from "../kit/src/onnx/read.ts";
import { simplify } from "../kit/src/onnx/simplify.ts";
import { float32, type Tensor } from "../kit/src/onnx/tensor.ts";
import {
  agrees,
  type Candidate,
  type Distance,
  keyOf,
  type Measured,
  type Measurements,
  type NotRun,
  pageOf,
  type Row,
} from "./architectures-page.ts";

const help = `usage: node scripts/architectures.ts [options] [model]...

Exports networks with random weights from PyTorch, compares our gradient with
autograd, and writes kit/docs/architectures.{json,md}. Rows already measured
are kept. Without a model: the whole list, an hour or two on one core. What
the Python at hand cannot export (timm, transformers, PyTorch 2) is passed over.

  --again           measure again what was measured
  --batch 2         images per network
  --jobs 1          networks at a time
  --keep FOLDER     keep the exported files
  --python PATH     a Python with torch and torchvision: /usr/bin/python3
  --page            only write the page anew from the measurements
  --check           only tell whether the page is what they say
  --list            only print the list: model@opset, dynamo:model@opset`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    again: { type: "boolean", default: false },
    batch: { type: "string", default: "2" },
    jobs: { type: "string", default: "1" },
    keep: { type: "string" },
    python: { type: "string", default: "/usr/bin/python3" },
    page: { type: "boolean", default: false },
    check: { type: "boolean", default: false },
    list: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});

/** The tracing exporter at its newest opset of PyTorch 1; a few networks also at older ones, where norms and activations are spelled out. */
const traced = 17;
/** PyTorch 2's exporter, by default; a few networks also at other opsets that it writes. */
const dynamo = 20;
const families: Readonly<Record<string, readonly string[]>> = {
  ResNet: ["resnet50", "resnet101", "resnet18", "wide_resnet50_2", "resnext50_32x4d"],
  DenseNet: ["densenet121", "densenet161"],
  ConvNeXt: ["convnext_tiny"],
  EfficientNet: ["efficientnet_b0", "efficientnet_v2_s"],
  ViT: ["vit_b_16", "vit_b_32"],
  CLIP: ["clip_rn50", "clip_vit_b_32", "transformers.clip"],
  SigLIP: ["transformers.siglip"],
  Swin: ["swin_t", "swin_v2_t"],
  MobileNet: ["mobilenet_v2", "mobilenet_v3_small", "mobilenet_v3_large"],
  RegNet: ["regnet_y_400mf", "regnet_x_1_6gf"],
  Inception: ["inception_v3", "googlenet"],
  VGG: ["vgg16", "vgg11_bn"],
  AlexNet: ["alexnet"],
  SqueezeNet: ["squeezenet1_0", "squeezenet1_1"],
  ShuffleNet: ["shufflenet_v2_x1_0"],
  MNASNet: ["mnasnet1_0"],
  MaxViT: ["maxvit_t"],
  BiT: ["timm.resnetv2_50x1_bit"],
  "SE-ResNet": ["timm.seresnet50"],
  DeiT: ["timm.deit3_base_patch16_224", "timm.deit_tiny_distilled_patch16_224"],
  BEiT: ["timm.beit_base_patch16_224", "transformers.beit"],
  EVA: ["timm.eva02_tiny_patch14_224"],
  DINOv2: ["timm.vit_small_patch14_reg4_dinov2", "transformers.dinov2"],
  "MLP-Mixer": ["timm.mixer_b16_224"],
  ConvMixer: ["timm.convmixer_768_32"],
  hybrids: ["timm.coatnet_0_rw_224", "timm.mobilevit_s"],
  NFNet: ["timm.dm_nfnet_f0"],
};
const older: Readonly<Record<string, readonly number[]>> = {
  resnet18: [11, 13, 16],
  mobilenet_v3_small: [11, 13, 16],
  convnext_tiny: [11, 13],
  vit_b_32: [11, 16],
  swin_t: [13],
  clip_rn50: [13],
};
/** What the dynamo exporter is run on: all that timm and transformers have, and of torchvision what is built unlike the rest. */
const exportedAnew: Readonly<Record<string, readonly number[]>> = {
  resnet50: [18, dynamo, 21],
  densenet121: [dynamo],
  convnext_tiny: [18, dynamo],
  efficientnet_b0: [dynamo],
  vit_b_16: [18, dynamo, 21, 23],
  clip_rn50: [dynamo],
  clip_vit_b_32: [dynamo],
  swin_t: [dynamo],
  swin_v2_t: [dynamo],
  mobilenet_v3_large: [dynamo],
  regnet_y_400mf: [dynamo],
  inception_v3: [dynamo],
  vgg11_bn: [dynamo],
  shufflenet_v2_x1_0: [dynamo],
  maxvit_t: [dynamo],
};
const outside = (model: string): boolean => model.includes(".");
const candidates: readonly Candidate[] = Object.entries(families).flatMap(([family, models]) =>
  models.flatMap((model) => [
    ...[traced, ...(older[model] ?? [])].map((version) => ({ family, model, opset: version })),
    ...(exportedAnew[model] ?? (outside(model) ? [dynamo] : [])).map((version) => ({
      family,
      model,
      opset: version,
      exporter: "dynamo" as const,
    })),
  ]),
);

const missing = (source: string, why: string, rows: Readonly<Record<string, string>>): readonly NotRun[] =>
  Object.entries(rows).map(([model, family]) => ({ family, model, source, status: "not run", why }));
const notRun: readonly NotRun[] = [
  ...missing("open_clip, Hugging Face optimum", "their code was not at hand", {
    "CLIP as they export it": "CLIP",
  }),
  ...missing("any", "nothing could be downloaded", { "trained weights": "all" }),
  ...missing("tf2onnx", "TensorFlow was not at hand", { "Keras applications (NHWC)": "Keras" }),
];

const docs = fileURLToPath(new URL("../kit/docs/", import.meta.url));
const [measurementsFile, pageFile] = [join(docs, "architectures.json"), join(docs, "architectures.md")];

const readOr = (path: string): string => {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
};
const stored = (): readonly Row[] =>
  (JSON.parse(readOr(measurementsFile) || '{"rows":[]}') as Measurements).rows;

/** One row a line, in the order of the list: rows of one network stay apart in a diff. */
function write(rows: readonly Row[]): void {
  const known = new Map(rows.flatMap((r) => (r.status === "not run" ? [] : [[keyOf(r), r] as const])));
  const untried = candidates.flatMap((c): NotRun[] =>
    known.has(keyOf(c))
      ? []
      : [
          {
            family: c.family,
            model: keyOf(c),
            source: sourceOf(c.model),
            status: "not run",
            why: "not tried yet",
          },
        ],
  );
  const all = [...candidates.flatMap((c) => known.get(keyOf(c)) ?? []), ...untried, ...notRun];
  writeFileSync(
    measurementsFile,
    `{\n  "rows": [\n${all.map((r) => `    ${JSON.stringify(r)}`).join(",\n")}\n  ]\n}\n`,
  );
  writeFileSync(pageFile, pageOf({ rows: all }));
}

function distance(a: ArrayLike<number>, b: ArrayLike<number>): Distance {
  let [max, most, square, whole] = [0, 0, 0, 0];
  for (let i = 0; i < b.length; i++) {
    const d = Math.abs(a[i] - b[i]);
    if (!(d <= max)) max = d; // NaN stays
    most = Math.max(most, Math.abs(b[i]));
    square += d * d;
    whole += b[i] * b[i];
  }
  if (a.length !== b.length) throw new Error(`${a.length} numbers where torch has ${b.length}`);
  const rounded = (v: number): number => Number(v.toPrecision(3));
  return { max: rounded(max / most), l2: rounded(Math.sqrt(square / whole)) };
}

/** The largest distance of several runs, which lie end to end, from one. */
function farthest(runs: ArrayLike<number>, from: ArrayLike<number>): Distance {
  const each = Array.from({ length: runs.length / from.length }, (_, i) =>
    distance(Array.prototype.slice.call(runs, i * from.length, (i + 1) * from.length) as number[], from),
  );
  return { max: Math.max(...each.map((d) => d.max)), l2: Math.max(...each.map((d) => d.l2)) };
}

const numbers = (t: Tensor): ArrayLike<number> => t.data as ArrayLike<number>;

function countsOf({ nodes }: Graph): Readonly<Record<string, number>> {
  const counts = new Map<string, number>();
  for (const n of nodes) counts.set(n.op, (counts.get(n.op) ?? 0) + 1);
  return Object.fromEntries([...counts].sort(([a], [b]) => (a < b ? -1 : 1)));
}

interface Facts {
  readonly model: string;
  readonly parameters: number;
  /** package → version */
  readonly [name: string]: string | number;
}

/** The exporter's exit code where a package is missing. */
const lacking = 3;
class Lacking extends Error {}
/** PyTorch gave up, in its words. */
class NoExport extends Error {}

/** Runs the exporter; what it said of the model. */
async function exported({ model, opset, exporter }: Candidate, folder: string): Promise<Facts> {
  const script = fileURLToPath(new URL("./export-networks.py", import.meta.url));
  const told = ["--batch", values.batch, "--opset", `${opset}`, "--exporter", exporter ?? "tracing"];
  const { stdout } = await promisify(execFile)(values.python, ["-B", script, folder, model, ...told], {
    encoding: "utf8",
    env: { ...process.env, OMP_NUM_THREADS: "1" },
    maxBuffer: 1 << 26,
  }).catch((error: Error & { code: unknown; stderr?: string }) => {
    const said = (error.stderr || error.message).trim().split("\n");
    if (error.code === lacking) throw new Lacking(said.at(-1));
    throw new NoExport(said.findLast((line) => /^\S*(Error|Exception)\b/.test(line)) ?? said.at(-1));
  });
  return JSON.parse(stdout.trim().split("\n").at(-1)!) as Facts;
}

/** The package that a network is from, or our file. */
function sourceOf(model: string): string {
  if (model.startsWith("clip_")) return "scripts/clip_towers.py";
  return outside(model) ? model.split(".")[0] : "torchvision";
}

async function measure(candidate: Candidate, engine: Engine, folder: string): Promise<Measured> {
  const { model, parameters, ...packages } = await exported(candidate, folder);
  if (values.keep !== undefined) {
    mkdirSync(values.keep, { recursive: true });
    copyFileSync(
      join(folder, `${model}.onnx`),
      join(values.keep, `${keyOf(candidate).replace(":", "-")}.onnx`),
    );
  }
  const npz = await openNpz(join(folder, `${model}.npz`));
  const read = async (key: string): Promise<Tensor> => npz.read(key);
  const [x, seed] = [await read("x"), await read("seed")];
  const [logits32, logits64] = [numbers(await read("logits32")), numbers(await read("logits64"))];
  const [gradient32, gradient64] = [numbers(await read("gradient32")), numbers(await read("gradient64"))];
  await npz.close();

  const graph = readOnnx(readFileSync(join(folder, `${model}.onnx`)));
  const [batch] = graph.inputs[0].dims;
  const folded = simplify(graph, typeof batch === "string" ? batch : undefined);
  const made = backward(folded, { score: "logits", wrt: ["input"] });
  const executable = await engine.load(made.folded.graph);
  try {
    const gradient = made.gradients.input;
    const feeds = {
      input: float32(x.dims, x.data as Float32Array),
      [made.seed]: float32(seed.dims, seed.data as Float32Array),
    };
    const input = x.dims;
    const results = await executable.run(feeds, ["logits", gradient]);
    return {
      ...candidate,
      source: sourceOf(model),
      status: "run",
      date: new Date().toISOString().slice(0, 10),
      input,
      parameters,
      operators: countsOf(folded.graph),
      nodes: folded.graph.nodes.length,
      gradientNodes: made.folded.graph.nodes.length,
      logits: distance(numbers(results.logits), logits64),
      gradient: distance(numbers(results[gradient]), gradient64),
      torchLogits: farthest(logits32, logits64),
      torchGradient: farthest(gradient32, gradient64),
      versions: { ...packages, [engine.info.package]: engine.info.version } as Measured["versions"],
    };
  } finally {
    await executable.release();
  }
}

/** Colours, as PyTorch's messages have them. */
const ansi = new RegExp(`${String.fromCharCode(27)}\\[[0-9;]*m`, "g");

function reasonOf(error: unknown): string {
  if (error instanceof KitError) return [`${error.code}: ${error.message}`, ...error.details].join("; ");
  return error instanceof Error ? error.message : String(error);
}

async function measureAll(): Promise<number> {
  const unknown = positionals.filter((p) => !candidates.some((c) => [c.model, keyOf(c)].includes(p)));
  if (unknown.length > 0) {
    console.error(`error: not in the list: ${unknown.join(", ")}\n  next: see --list`);
    return 2;
  }
  const done = new Set(stored().flatMap((r) => (r.status === "run" ? [keyOf(r)] : [])));
  const wanted = candidates.filter(
    (c) =>
      (positionals.length === 0 || positionals.includes(c.model) || positionals.includes(keyOf(c))) &&
      (values.again || !done.has(keyOf(c))),
  );
  const { engine } = await openEngine({ device: "cpu", threads: 1 });
  const queue = [...wanted];
  let bad = 0;
  const work = async () => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift())
      if (!(await measureOne(next, engine))) bad += 1;
  };
  await Promise.all(Array.from({ length: Number(values.jobs) }, work));
  await engine.close();
  if (wanted.length === 0) write(stored());
  return bad === 0 ? 0 : 1;
}

/** Measures, writes and says; whether the network agrees, or could not be tried. */
async function measureOne(candidate: Candidate, engine: Engine): Promise<boolean> {
  const folder = mkdtempSync(join(tmpdir(), "xai-architectures-"));
  const started = performance.now();
  const say = (verdict: string, text: string) => {
    const seconds = Math.round((performance.now() - started) / 1000);
    console.error(`${verdict.padEnd(8)} ${keyOf(candidate)}  ${text}  (${seconds} s)`);
  };
  let row: Row;
  try {
    row = await measure(candidate, engine, folder);
  } catch (error) {
    if (error instanceof Lacking) {
      say("not run", error.message);
      return true;
    }
    const date = new Date().toISOString().slice(0, 10);
    row = {
      ...candidate,
      source: sourceOf(candidate.model),
      status: error instanceof NoExport ? "not exported" : "failed",
      date,
      why: reasonOf(error).replaceAll(ansi, "").slice(0, 300),
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  // read again: another process may have added rows meanwhile
  write([...stored().filter((r) => r.status === "not run" || keyOf(r) !== keyOf(candidate)), row]);
  const good = row.status === "not exported" || (row.status === "run" && agrees(row));
  say(
    row.status === "not exported" ? "no file" : good ? "agrees" : "DIFFERS",
    row.status === "run"
      ? `gradient ${row.gradient.max} / ${row.gradient.l2}, torch ${row.torchGradient.max} / ${row.torchGradient.l2}`
      : (row as { why: string }).why,
  );
  return good;
}

if (values.help) console.log(help);
else if (values.list) console.log(candidates.map(keyOf).join("\n"));
else if (values.page) write(stored());
else if (values.check) {
  if (pageOf({ rows: stored() }) !== readOr(pageFile)) {
    console.error("error: kit/docs/architectures.md is stale\n  next: node scripts/architectures.ts --page");
    process.exitCode = 1;
  }
} else process.exitCode = await measureAll();
