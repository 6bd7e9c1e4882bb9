/**
 * A few numbers of every method and metric on one fixed input. Whoever changes a number changes results that were published under the
 * entry's revision: the revision goes up with it, and the new line takes the old one's place here.
 */
import { describe, expect, it } from "vitest";
import { methods } from "../src/methods/index.ts";
import { inputXGradient } from "../src/methods/input-x-gradient.ts";
import { attribute, type Method, toMap } from "../src/methods/method.ts";
import { metrics } from "../src/metrics/index.ts";
import { type ImageShape, shapeOfImage } from "../src/model/image.ts";
import { createProbe, type Probe } from "../src/model/probe.ts";
import { float32 } from "../src/onnx/tensor.ts";
import { unmetNeeds } from "../src/runner/unmet.ts";
import { type Analytic, analyticProbe, streams } from "./analytic-probe.ts";
import { scoreMethod } from "./scored.ts";
import { picture, smallCnn, smallModel, smallVit } from "./small-models.ts";

/** "<id> revision <n>": ‖map‖₂, Σ |Φ|, Φ at one pixel. */
const ofMethods: Readonly<Record<string, readonly number[]>> = {
  "saliency revision 1": [5.585477, 42.13326, 0.2419089],
  "input-x-gradient revision 1": [1.068364, 12.13694, -0.01871106],
  "integrated-gradients revision 1": [1.061652, 12.06083, -0.01859346],
  "smoothgrad revision 1": [5.589449, 42.15827, 0.2419259],
  "grad-cam revision 1": [0.01917438, 0.08118301, 0.005154477],
  "occlusion revision 1": [1.066709, 6.69022, -0.2166733],
  "random revision 1": [4.345415, 29.33327, 0.2893981],
  "sobel revision 1": [7.522483, 53.76658, 0.7236946],
  "constant revision 1": [7.937254, 63, 1],
  "centre-gaussian revision 1": [3.50357, 22.65042, 0.4715045],
  "attention-rollout revision 1": [0.529784, 1.874591, 0.0427848],
  "deconvolution revision 1": [1.299171, 8.792931, -0.05423237],
  "deeplift revision 1": [0.25172, 2.161673, -0.03306527],
  "eigen-cam revision 1": [2.130669, 10.2513, 0.2135826],
  "feature-ablation revision 1": [1.002231, 6.289765, -0.07222442],
  "generic-attention revision 1": [1.521974, 5.398428, 0.1658173],
  "grad-cam-plus-plus revision 1": [3.461054, 22.04132, 0.2395405],
  "grad-eclip revision 1": [0, 0, 0],
  "gradient-shap revision 1": [0.4808468, 6.482064, -0.02432842],
  "guided-backprop revision 1": [0.759354, 4.744656, 0.009908323],
  "guided-grad-cam revision 1": [0.0001170871, 0.0001170871, 0],
  "hires-cam revision 1": [3.811299, 19.65019, 0.2127238],
  "kernel-shap revision 1": [0.9973445, 6.27255, -0.06954739],
  "layer-cam revision 1": [3.768201, 18.38475, 0.132378],
  "legrad revision 1": [2.265639, 10.7203, 0.5120592],
  "lime revision 1": [0.9641505, 6.063742, -0.07006235],
  "lrp revision 1": [0.6054583, 4.061935, -0.02704912],
  "recipro-cam revision 1": [4.236112, 26.80847, 0.3735364],
  "rise revision 1": [4.010944, 31.81294, 0.495522],
  "score-cam revision 1": [0.02127908, 0.09009416, 0.005720264],
  "shapley-value-sampling revision 1": [0.9455515, 5.978251, -0.06841377],
  "smoothgrad-squared revision 1": [1.687824, 12.01327, 0.06057792],
  "vargrad revision 1": [0.05341167, 0.3493347, 0.001641669],
  "xgrad-cam revision 1": [3.542321, 20.01494, 0.3125809],
  "ablation-cam revision 1": [19.45339, 122.7272, 3.500342],
};

/** "<id> revision <n>": the value of input-x-gradient. */
const ofMetrics: Readonly<Record<string, number>> = {
  "infidelity revision 1": 0.0117268,
  "max-sensitivity revision 1": 0.04462449,
  "deletion-auc revision 1": 0.3217226,
  "insertion-auc revision 1": 0.7271477,
  "sparseness revision 1": 0.4309119,
  "randomisation revision 1": 0.0249616,
  "relevance-rank-accuracy revision 1": 0.3125,
  "pointing-game revision 1": 0,
  "infidelity-raw revision 1": 0.0001277589,
  "infidelity-scaled revision 1": 0.000118681,
  "infidelity-gaussian revision 1": 0.01761902,
  "srg revision 1": 0.6432352,
  "average-drop revision 1": 0,
  "increase-in-confidence revision 1": 1,
  "relative-confidence-gain revision 1": 1.118295,
  "average-gain revision 1": 0.9326842,
  "faith revision 1": 0.314319,
  "adcc revision 1": 0.8964534,
  "entropy revision 1": 3.003099,
  "sparsity revision 1": 0.6190476,
  "effective-complexity revision 1": 1,
  "relevance-mass-accuracy revision 1": 0.3341062,
  "top-k-intersection revision 1": 0.6666667,
  "localisation-auroc revision 1": 0.5890957,
  "loc-acc revision 1": 0.25,
  "top-saliency-precision revision 1": 0.36,
  "all-saliency-precision revision 1": 0.3341062,
  "annotation-coverage revision 1": 1,
  "miou-otsu revision 1": 0.2222222,
  "hit-rate revision 1": 0,
  "cost revision 1": 2,
  "avg-sensitivity revision 1": 0.03835494,
  "local-lipschitz revision 1": 1.685062,
  "relative-input-stability revision 1": 28260.34,
  "random-logit revision 1": 0.1590342,
  "completeness-gap revision 1": 0.005734789,
  "faithfulness-correlation revision 1": 0.9987317,
  "sensitivity-n revision 1": 0.9979101,
  "irof revision 1": 0.4399544,
  "selectivity revision 1": 0.5083582,
  "road-combined revision 1": 0.3688771,
};

// everything here is written out, so that only the entries can change the numbers
const x = float32(
  [3, 9, 7],
  Float32Array.from({ length: 189 }, (_, i) => 0.5 + 0.45 * Math.sin(0.7 * i + 0.01 * i * i)),
);
const mask = Uint8Array.from({ length: 63 }, (_, i) => (i % 7 > 2 && i > 20 && i < 50 ? 1 : 0));

/** Two classes, each a wave of the pixels through a smooth curve; three channels of 3×2 cells. */
const net = (shape: ImageShape, phase: number): Analytic => {
  const size = shape.channels * shape.height * shape.width;
  const wave = (t: number) =>
    Array.from({ length: size }, (_, i) => 0.3 * Math.cos(phase + (t + 1) * 0.37 * i));
  const waves = [wave(0), wave(1)];
  const sum = (p: Float32Array, t: number) => p.reduce((s, v, i) => s + waves[t][i] * v, 0);
  return {
    shape,
    meanColour: [0.5, 0.4, 0.6],
    logits: (p) => [0, 1].map((t) => sum(p, t) + 0.2 * sum(p, t) ** 2 + p[31] * p[40]),
    gradient: (p, t) =>
      waves[t].map((w, i) => w * (1 + 0.4 * sum(p, t)) + (i === 31 ? p[40] : 0) + (i === 40 ? p[31] : 0)),
    cam: {
      channels: 3,
      rows: 3,
      columns: 2,
      activation: (p) => Array.from({ length: 18 }, (_, k) => p[10 * k] - 0.3),
      gradient: (_, t) => Array.from({ length: 18 }, (_, k) => Math.sin(1 + k + t)),
    },
    randomised: () => net(shape, phase + 1),
  };
};
const probe = () => analyticProbe(net(shapeOfImage(x), 0.4), x, 1);

/** A method that reads the graph needs one: the small network, or where that has nothing for it the small transformer. */
function probeFor(method: Method): Probe {
  if (method.refuses === undefined && method.id !== "ablation-cam") return probe();
  const model = [smallCnn(), smallVit()]
    .map((graph) => smallModel(graph))
    .find((small) => unmetNeeds(small, [method])[method.id] === undefined)!;
  const { channels, height, width } = model.shape;
  return createProbe({ model, x: picture("golden", channels, height, width), target: 1 });
}
const others = async () =>
  Array.from({ length: 8 }, (_, k) => ({ ...x, data: x.data.map((v, i) => (v + Math.cos(k + i) ** 2) / 2) }));

function compare(key: string, found: readonly number[], known: readonly number[] | undefined): void {
  const line = `"${key}": ${JSON.stringify(found.map((v) => Number(v.toPrecision(7))))}`;
  if (known === undefined)
    throw new Error(`no numbers of ${key} yet; if they are right, write down\n  ${line}`);
  const same =
    known.length === found.length && known.every((v, i) => Math.abs(v - found[i]) <= 1e-4 * Math.abs(v));
  if (!same) {
    throw new Error(
      `the numbers of ${key} are not what they were (${JSON.stringify(known)}). If that is meant, raise its revision and write down, with the new revision,\n  ${line}`,
    );
  }
}

describe("a change of numbers is a new revision", () => {
  it.each(methods.map((m) => [`${m.id} revision ${m.revision}`, m] as const))("%s", async (key, method) => {
    const phi = await attribute(method, probeFor(method), { rng: streams("golden", method.id), others });
    const norm = Math.hypot(...toMap(phi, method.map).data);
    const size = phi.data.reduce((sum, v) => sum + Math.abs(v), 0);
    compare(key, [norm, size, phi.data[26 % phi.data.length]], ofMethods[key]);
  });

  it.each(metrics.map((m) => [`${m.id} revision ${m.revision}`, m] as const))("%s", async (key, metric) => {
    const result = await scoreMethod(metric, probe(), inputXGradient, { mask, rng: streams("golden") });
    const value = typeof result === "number" ? result : "value" in result ? result.value : Number.NaN;
    const known = ofMetrics[key];
    compare(key, [value], known === undefined ? undefined : [known]);
  });

  it("holds no numbers of entries that are gone", () => {
    const keys = (entries: readonly { id: string; revision: number }[]) =>
      entries.map((e) => `${e.id} revision ${e.revision}`).sort();
    expect(Object.keys(ofMethods).sort()).toEqual(keys(methods));
    expect(Object.keys(ofMetrics).sort()).toEqual(keys(metrics));
  });
});
