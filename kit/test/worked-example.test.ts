/**
 * A net small enough to work through on paper, with values other libraries' tests pin too (Captum's one-convolution net): 4×4 pixels 0 … 15,
 * a 3×3 convolution of ones to two channels with biases −50 and −75, ReLU, and a score that adds the first five of its eight outputs and
 * takes the last three away, ReLU.
 */
import { describe, expect, it } from "vitest";
import { attribute } from "../src/methods/method.ts";
import { float32 } from "../src/onnx/tensor.ts";
import { methodOf } from "../src/protocol/protocol.ts";
import { gini } from "../src/stats/summary.ts";
import { type Analytic, analyticProbe, streams } from "./analytic-probe.ts";

const x = float32(
  [1, 4, 4],
  Float32Array.from({ length: 16 }, (_, i) => i),
);
const signs = [1, 1, 1, 1, 1, -1, -1, -1];
const patch = (k: number) =>
  [0, 1, 2].flatMap((i) => [0, 1, 2].map((j) => (Math.floor(k / 2) + i) * 4 + (k % 2) + j));
const convolved = (p: Float32Array) =>
  [-50, -75].flatMap((bias) => [0, 1, 2, 3].map((k) => patch(k).reduce((s, i) => s + p[i], bias)));
const score = (p: Float32Array) =>
  Math.max(
    0,
    convolved(p).reduce((s, v, k) => s + signs[k] * Math.max(0, v), 0),
  );
const atConvolution = (p: Float32Array) => convolved(p).map((v, k) => (v > 0 && score(p) > 0 ? signs[k] : 0));

const net = (layer: "convolution" | "relu"): Analytic => ({
  shape: { channels: 1, height: 4, width: 4 },
  bounded: false,
  meanColour: [0],
  logits: (p) => [score(p)],
  gradient: (p) => {
    const g = new Float64Array(16);
    for (const [k, v] of atConvolution(p).entries()) for (const i of patch(k % 4)) g[i] += v;
    return g;
  },
  cam: {
    channels: 2,
    rows: 2,
    columns: 2,
    activation: (p) => convolved(p).map((v) => (layer === "relu" ? Math.max(0, v) : v)),
    gradient: (p) => (layer === "relu" ? signs : atConvolution(p)),
  },
});

const run = async (id: string, layer: "convolution" | "relu" = "convolution", raw = false) =>
  (await attribute(methodOf(id), analyticProbe(net(layer), x), { rng: streams("worked"), raw })).data;

describe("the worked example", () => {
  it("scores 54", async () => {
    expect(await analyticProbe(net("relu"), x).score()).toBe(54);
  });

  it("saliency", async () => {
    expect([...(await run("saliency"))]).toEqual([0, 1, 1, 1, 0, 1, 1, 1, 0, 1, 1, 1, 0, 0, 0, 0]);
  });

  it("input-x-gradient, complete because no ReLU changes side on the last stretch", async () => {
    const data = await run("input-x-gradient");
    expect([...data]).toEqual([0, 1, 2, 3, 0, 5, 6, 7, 0, 9, 10, 11, 0, 0, 0, 0]);
    expect(data.reduce((a, b) => a + b)).toBe(54);
  });

  it("integrated-gradients, short of 54 by what fifty points miss at the kinks", async () => {
    const data = await run("integrated-gradients");
    expect(data.reduce((a, b) => a + b)).toBeCloseTo(53.329, 4);
    expect(data[13]).toBeCloseTo(7.4606, 4);
    expect(data[10]).toBeCloseTo(6.5437, 4);
  });

  it("grad-cam before and after the ReLU", async () => {
    expect([...(await run("grad-cam", "convolution", true))]).toEqual([11.25, 13.5, 20.25, 22.5]);
    expect([...(await run("grad-cam", "relu", true))]).toEqual([0, 4, 28, 32.5]);
  });

  it("sparseness of 1, 2, 3, 4", () => {
    expect(gini([1, 2, 3, 4])).toBe(0.25);
  });
});
