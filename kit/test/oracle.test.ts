/**
 * Attributions and metric values computed by Captum, pytorch-grad-cam and Quantus on four tiny models, against ours. Every array that one of our
 * methods or metrics defines is compared; the rest is listed. Agreement: max |ours − theirs| / max |theirs| ≤ 1e-4, or three times the
 * fixture's own float32 noise where that is larger. That is held by wasm, whose bits are the same on every machine; the native engine may
 * round a ReLU the other way at one point of a path, so there the ReLU nets have 1e-2 in the L2 norm.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openNpz } from "../src/datasets/readers/npz.ts";
import type { Engine } from "../src/engine/engine.ts";
import { type OpenOptions, openEngine } from "../src/engine/node.ts";
import { createPool } from "../src/engine/pool.ts";
import { createModel } from "../src/model/model.ts";
import { prepare } from "../src/model/prepare.ts";
import { createProbe } from "../src/model/probe.ts";
import { readModelFile } from "../src/node.ts";
import { fold } from "../src/onnx/fold.ts";
import { type Float32Tensor, float32, toFloat32 } from "../src/onnx/tensor.ts";
import { finding } from "./finding.ts";
import { fixtures } from "./fixtures.ts";
import { attention } from "./oracle/attention.ts";
import { cam } from "./oracle/cam.ts";
import type { Fixture, Table } from "./oracle/fixture.ts";
import { gradient } from "./oracle/gradient.ts";
import { metrics } from "./oracle/metrics.ts";
import { perturbation } from "./oracle/perturbation.ts";
import { rules } from "./oracle/rules.ts";

const root = fixtures();
const index = root && JSON.parse(readFileSync(join(root, "oracle", "index.json"), "utf8"));
const modelNames = ["resnet", "densenet", "vit", "clip"] as const;

/** Where our definition differs on purpose; the reason is the documentation. */
const deviations: Readonly<Record<string, string>> = {
  "captum.ig_riemann_trapezoid_sum":
    "Captum's trapezoid weights sum to (n − 1)/n, so it does not integrate constants; ours divides by n − 1 (compared after that factor)",
};

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
  const table: Table = { ...gradient, ...cam, ...perturbation, ...rules, ...attention, ...metrics };
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
        const f: Fixture = { model, probe, folded: fold(graph, "batch"), engine, array };

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
