/**
 * Attributions and metric values computed by Captum, pytorch-grad-cam and Quantus on four tiny models, against ours. Every array that one of our
 * methods or metrics defines is compared; the rest is listed. Agreement: max |ours − theirs| / max |theirs| ≤ 1e-4, or three times the
 * fixture's own float32 noise where that is larger. That is held by wasm, whose bits are the same on every machine; the native engine may
 * round a ReLU the other way at one point of a path, so there the ReLU nets have 1e-2 in the L2 norm.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { backward } from "../src/autodiff/backward.ts";
import { openNpz } from "../src/datasets/readers/npz.ts";
import type { Engine } from "../src/engine/engine.ts";
import { type OpenOptions, openEngine } from "../src/engine/node.ts";
import { createPool } from "../src/engine/pool.ts";
import { attribute, relevance, toMap } from "../src/methods/method.ts";
import { score } from "../src/metrics/metric.ts";
import { createModel, type Model } from "../src/model/model.ts";
import { prepare } from "../src/model/prepare.ts";
import { createProbe, type Probe } from "../src/model/probe.ts";
import { readModelFile } from "../src/node.ts";
import { type FoldedGraph, fold } from "../src/onnx/fold.ts";
import { attr, node } from "../src/onnx/graph.ts";
import { type Float32Tensor, float32, toFloat32 } from "../src/onnx/tensor.ts";
import type { ParamValue } from "../src/params.ts";
import { methodOf, metricOf } from "../src/protocol/protocol.ts";
import { rngOf } from "../src/rng.ts";
import { finding } from "./finding.ts";
import { fixtures } from "./fixtures.ts";

const root = fixtures();
const index = root && JSON.parse(readFileSync(join(root, "oracle", "index.json"), "utf8"));
const modelNames = ["resnet", "densenet", "vit", "clip"] as const;
const heats = ["sal_max", "ig_abs", "ig_signed", "gradcam"] as const;

/** Where our definition differs on purpose; the reason is the documentation. */
const deviations: Readonly<Record<string, string>> = {
  "captum.ig_riemann_trapezoid_sum":
    "Captum's trapezoid weights sum to (n − 1)/n, so it does not integrate constants; ours divides by n − 1 (compared after that factor)",
};

interface Fixture {
  readonly model: Model;
  readonly probe: Probe;
  readonly folded: FoldedGraph;
  /** of this image, or shared by all */
  array(name: string): Float32Tensor;
}

type Ours = (f: Fixture) => Promise<ArrayLike<number>>;

const rng = (purpose: string) => rngOf("oracle", purpose);

async function attributed(
  f: Fixture,
  id: string,
  params: Record<string, ParamValue> = {},
  given: Record<string, Float32Tensor> = {},
  raw = false,
): Promise<Float32Tensor> {
  return attribute(methodOf(id), f.probe, { params, given, rng, raw });
}

interface ScoreOf {
  readonly attribution: Float32Tensor;
  readonly params?: Record<string, ParamValue>;
  readonly given?: Record<string, Float32Tensor>;
  readonly explain?: (probe: Probe) => Promise<Float32Tensor>;
}

async function scored(f: Fixture, id: string, { attribution, ...rest }: ScoreOf) {
  const result = await score(metricOf(id), f.probe, {
    attribution,
    rule: "sum",
    kind: "contribution",
    rng,
    randomised: () => f.model,
    ...rest,
  });
  if (typeof result === "number")
    return { value: result, parts: {} as Record<string, number | readonly number[]> };
  if ("skip" in result) return { value: Number.NaN, parts: {} };
  return result;
}

const value = async (f: Fixture, id: string, options: ScoreOf) => [(await scored(f, id, options)).value];

/** Their array → how we compute it. */
function ours(): Record<string, Ours> {
  const ig =
    (steps: number, rule: string, given = {}) =>
    (f: Fixture) =>
      attributed(f, "integrated-gradients", { steps, rule }, given);
  const igSum = (rule: string) => async (f: Fixture) =>
    toMap(await attributed(f, "integrated-gradients", { steps: 16, rule }), "sum").data;
  const data = (run: (f: Fixture) => Promise<Float32Tensor>) => async (f: Fixture) => (await run(f)).data;
  const occluded = (window: number, stride: number) =>
    data((f) => attributed(f, "occlusion", { window, stride }));
  const smooth = (params: Record<string, ParamValue>) =>
    data((f) => attributed(f, "smoothgrad", params, { noise: f.array("sg_noise") }));
  const table: Record<string, Ours> = {
    logits: (f) => f.probe.logits(),
    "captum.saliency": data((f) => attributed(f, "saliency")),
    "captum.saliency_abs": data((f) => attributed(f, "saliency", { absolute: true })),
    "captum.input_x_gradient": data((f) => attributed(f, "input-x-gradient")),
    "captum.ig": data(ig(50, "gauss-legendre")),
    "captum.ig_delta": async (f) => {
      const attribution = await ig(50, "gauss-legendre")(f);
      const [empty] = await f.probe.scores(1, (_, out) => out.fill(0));
      return [attribution.data.reduce((s, v) => s + v, 0) - ((await f.probe.score()) - empty)];
    },
    "captum.ig_blurbase": data((f) => ig(20, "gauss-legendre", { baseline: f.array("x_blur") })(f)),
    "captum.ig_riemann_left_sum": igSum("left"),
    "captum.ig_riemann_right_sum": igSum("right"),
    "captum.ig_riemann_middle_sum": igSum("midpoint"),
    "captum.ig_riemann_trapezoid_sum": async (f) => (await igSum("trapezoid")(f)).map((v) => (v * 15) / 16),
    "captum.smoothgrad": smooth({}),
    "captum.smoothgrad_abs": smooth({ absolute: true }),
    "captum.smoothgrad_sq": smooth({ squared: true }),
    "captum.occlusion_w8s4": occluded(8, 4),
    "captum.occlusion_w8s8": occluded(8, 8),
    "captum.occlusion_w10s7": occluded(10, 7),
    "captum.layer_gradcam": data((f) => attributed(f, "grad-cam", {}, {}, true)),
    "cam.gradcam_raw": data((f) => attributed(f, "grad-cam", {}, {}, true)),
    "cam.gradcam": async (f) => relevance(await attributed(f, "grad-cam")).data,
    "heat.gradcam": async (f) => relevance(await attributed(f, "grad-cam")).data,
    "heat.ig_abs": async (f) => toMap(await ig(50, "gauss-legendre")(f), "abs-sum").data,
    "heat.ig_signed": async (f) => toMap(await ig(50, "gauss-legendre")(f), "sum").data,
    "cam.gradcam_weights": async (f) => {
      const { activationGradient } = await f.probe.cam();
      const cells = f.model.cam!.rows * f.model.cam!.columns;
      return Float32Array.from({ length: f.model.cam!.channels }, (_, k) =>
        activationGradient.subarray(k * cells, (k + 1) * cells).reduce((s, v) => s + v / cells, 0),
      );
    },
    act_target: (f) => tapped(f, "target_act", "value"),
    grad_target: (f) => tapped(f, "target_act", "gradient"),
    grad_input_prob: probabilityGradient,
    attn: (f) => attention(f, "value"),
    attn_grad: (f) => attention(f, "gradient"),
    "metric.p_target": async (f) => [await f.probe.probability()],
    "sensitivity_max.saliency": async (f) => sensitivity(f, "saliency", {}),
    "sensitivity_max.ig8": async (f) => sensitivity(f, "integrated-gradients", { steps: 8 }),
  };
  for (const [name, id] of [
    ["saliency", "saliency"],
    ["ig", "integrated-gradients"],
    ["input_x_gradient", "input-x-gradient"],
  ]) {
    for (const [flag, metric] of [
      ["False", "infidelity-raw"],
      ["True", "infidelity-scaled"],
    ]) {
      table[`infidelity.captum.${name}.normalize_${flag}`] = async (f) =>
        value(f, metric, {
          attribution: await attributed(f, id),
          given: { perturbations: f.array("infid_pert") },
        });
    }
  }
  for (const heat of heats) {
    const attribution = (f: Fixture) => f.array(`heat.${heat}`);
    for (const direction of ["deletion", "insertion"] as const) {
      for (const base of ["zero", "blur"] as const) {
        const run = (f: Fixture) =>
          scored(f, `${direction}-auc`, {
            attribution: attribution(f),
            params: { ties: "index", reference: "mean" },
            given: base === "blur" ? { baseline: f.array("x_blur") } : {},
          });
        table[`metric.${heat}.${direction}_${base}_auc`] = async (f) => [(await run(f)).value];
        table[`metric.${heat}.${direction}_${base}_curve`] = async (f) =>
          (await run(f)).parts[base === "blur" ? "given-curve" : "mean-curve"] as number[];
      }
    }
    const mask = (f: Fixture) => ({ mask: f.array("mask") });
    table[`metric.${heat}.gini`] = (f) => value(f, "sparseness", { attribution: attribution(f) });
    table[`metric.${heat}.quantus_sparseness`] = table[`metric.${heat}.gini`];
    for (const [theirs, id] of [
      ["quantus_relevance_rank_accuracy", "relevance-rank-accuracy"],
      ["quantus_pointing_game", "pointing-game"],
    ]) {
      table[`metric.${heat}.${theirs}`] = (f) =>
        value(f, id, { attribution: attribution(f), params: { ties: "index" }, given: mask(f) });
    }
  }
  return table;
}

const sensitivity = async (f: Fixture, id: string, params: Record<string, ParamValue>) =>
  value(f, "max-sensitivity", {
    attribution: await attributed(f, id, params),
    given: { perturbations: f.array("sens_pert") },
    explain: (probe) => attribute(methodOf(id), probe, { params, rng }),
  });

/** An inner tensor, or the gradient of the target's logit with respect to it. */
async function tapped(
  f: Fixture,
  name: string,
  what: "value" | "gradient",
  folded = f.folded,
  score = "logits",
) {
  const pass = backward(folded, { score, wrt: [name] });
  const fetch = what === "value" ? name : pass.gradients[name];
  const outputs = [...pass.folded.graph.outputs, { name: fetch, type: "float32" as const, dims: [] }];
  const unique = outputs.filter((o, i) => outputs.findIndex((p) => p.name === o.name) === i);
  const executable = await engine.load({
    ...pass.folded.graph,
    outputs: unique.map((o) => ({ ...o, dims: (pass.folded.shapes.get(o.name) ?? []).map(() => "?") })),
  });
  const seeds = new Float32Array(f.model.classes);
  seeds[f.probe.target] = 1;
  const result = await executable.run(
    {
      input: float32([1, ...f.probe.x.dims], Float32Array.from(f.probe.x.data)),
      [pass.seed]: float32([1, seeds.length], seeds),
    },
    [fetch],
  );
  await executable.release();
  return result[fetch].data as Float32Array;
}

async function attention(f: Fixture, what: "value" | "gradient") {
  const names = [...f.folded.shapes.keys()].filter((name) => /^attn_\d+$/.test(name)).sort();
  const parts = await Promise.all(names.map((name) => tapped(f, name, what)));
  return Float32Array.from(parts.flatMap((p) => [...p]));
}

/** d softmax[target]/dx: the gradient through the tail we usually cut off. */
async function probabilityGradient(f: Fixture) {
  const graph = {
    ...f.folded.graph,
    nodes: [...f.folded.graph.nodes, node("Softmax", ["logits"], ["p"], { axis: attr.int(1) })],
    outputs: [{ name: "p", type: "float32" as const, dims: ["batch", 4] }],
  };
  return tapped(f, "input", "gradient", fold(graph, "batch"), "p");
}

let engine: Engine;

interface Where {
  readonly name: string;
  readonly options: OpenOptions;
  /** the arrays that are compared; all without */
  readonly only?: RegExp;
}

/** TensorFlow.js is another engine: what the model gives and its gradients decide whether it computes the same. */
const places: readonly Where[] = [
  { name: "wasm", options: { device: "wasm" } },
  { name: "cpu", options: { device: "cpu" } },
  {
    name: "tfjs wasm",
    options: { engine: "tfjs", device: "wasm" },
    only: /^(logits|captum\.(saliency|input|ig$|layer)|cam\.|act_|attn|grad_)/,
  },
  {
    name: "tfjs cpu, plain JavaScript",
    options: { engine: "tfjs", device: "cpu" },
    only: /^(logits|captum\.saliency|cam\.gradcam_raw|attn_grad|grad_target|grad_input_prob)$/,
  },
];

describe.skipIf(!root).each(places)("oracle on $name", ({ name: device, options, only = /./ }) => {
  const table = ours();
  const report = {
    compared: 0,
    notOurs: new Set<string>(),
    deviating: new Set<string>(),
    flipped: [] as string[],
  };

  beforeAll(async () => {
    ({ engine } = await openEngine(options));
  });

  afterAll(async () => {
    await engine.close();
    const missing = [...report.notOurs].sort();
    if (device === "wasm") finding(`not ours yet: ${missing.join(", ")}`);
    for (const name of report.deviating) finding(`deviation: ${name}: ${deviations[name]}`);
    for (const line of report.flipped) finding(`a ReLU rounded the other way: ${line}`);
    finding(
      `oracle: ${report.compared} compared, ${missing.length} not ours yet (listed), ${report.deviating.size} deviations (listed with reason)`,
    );
    expect(report.deviating.size).toBeLessThanOrEqual(5);
  });

  for (const name of modelNames) {
    for (const image of ["img0", "img1"]) {
      it(`${name} ${image}`, async () => {
        const folder = join(root!, "oracle", name);
        const own = await readAll(join(folder, `${image}.npz`));
        const shared = await readAll(join(root!, "oracle", index.models[name].common));
        const array = (key: string) => {
          const found = own.get(key) ?? shared.get(key);
          if (!found) throw new Error(`no array ${key}`);
          return found;
        };
        const { graph } = readModelFile(join(folder, "model.onnx"));
        const prepared = prepare(graph, { preprocess: false, card: { camLayer: "target_act" } });
        const model = createModel(prepared, { pool: createPool(engine), memory: 5e8 });
        const probe = createProbe({ model, x: array("x"), target: array("target").data[0] });
        const cnn: boolean = index.models[name].onnx.tensors.attention.length === 0;
        const f: Fixture = { model, probe, folded: fold(graph, "batch"), array };

        const wrong: string[] = [];
        for (const [key, info] of Object.entries<{ in: string; fp32_rel?: number }>(
          index.models[name].arrays,
        )) {
          if (!info.in.includes(image) || (key in index.inputs === true && key !== "logits")) continue;
          if (!only.test(key)) continue;
          const compute = table[key];
          if (!compute) {
            report.notOurs.add(key);
            continue;
          }
          const theirs = array(key).data;
          const found = await compute(f);
          if (key in deviations) report.deviating.add(key);
          report.compared++;
          const error = relativeError(found, theirs);
          const tolerance = Math.max(1e-4, 3 * (info.fp32_rel ?? 0));
          if (error <= tolerance) continue;
          if (device === "cpu" && cnn && distance(found, theirs) <= 1e-2) {
            report.flipped.push(`${name} ${image} ${key}: max ${error.toExponential(2)}`);
          } else wrong.push(`${key}: ${error.toExponential(2)} > ${tolerance.toExponential(1)}`);
        }
        expect(wrong).toEqual([]);
      });
    }
  }
});

/** ‖a − b‖₂ / ‖b‖₂ */
function distance(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let difference = 0;
  let scale = 0;
  for (let i = 0; i < b.length; i++) {
    difference += (a[i] - b[i]) ** 2;
    scale += b[i] ** 2;
  }
  return Math.sqrt(difference / scale);
}

function relativeError(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY;
  let difference = 0;
  let scale = 0;
  for (let i = 0; i < b.length; i++) {
    if (Number.isNaN(a[i]) && Number.isNaN(b[i])) continue;
    difference = Math.max(difference, Math.abs(a[i] - b[i]));
    scale = Math.max(scale, Math.abs(b[i]));
    if (Number.isNaN(a[i]) !== Number.isNaN(b[i])) return Number.POSITIVE_INFINITY;
  }
  return difference === 0 ? 0 : difference / Math.max(scale, 1e-12);
}

async function readAll(path: string): Promise<Map<string, Float32Tensor>> {
  const npz = await openNpz(path);
  const found = new Map<string, Float32Tensor>();
  for (const key of npz.entries.keys()) {
    const tensor = await npz.read(key);
    found.set(key, float32(tensor.dims, toFloat32(tensor)));
  }
  await npz.close();
  return found;
}
