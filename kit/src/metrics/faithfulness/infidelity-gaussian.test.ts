import { describe, expect, it } from "vitest";
import {
  type Analytic,
  analyticProbe,
  dot,
  linear,
  noiseImage,
  normalTensor,
  reluNet,
  streams,
} from "../../../test/analytic-probe.ts";
import { numberOf, scoreMethod, scoreOf } from "../../../test/scored.ts";
import { gradCam } from "../../methods/grad-cam.ts";
import { inputXGradient } from "../../methods/input-x-gradient.ts";
import { random } from "../../methods/random.ts";
import { saliency } from "../../methods/saliency.ts";
import { smoothgradSquared } from "../../methods/smoothgrad-squared.ts";
import { type Float32Tensor, float32 } from "../../onnx/tensor.ts";
import { infidelityGaussian } from "./infidelity-gaussian.ts";
import { infidelityRaw } from "./infidelity-raw.ts";
import { infidelityScaled } from "./infidelity-scaled.ts";
import { noise } from "./noise.ts";

const shape = { channels: 2, height: 3, width: 5 };
const x = noiseImage(shape, "gaussian");
const net = reluNet(shape, "gaussian");
const gradient = float32([2, 3, 5], Float32Array.from(net.gradient!(x.data, 0)));
const noisy = float32(
  [2, 3, 5],
  normalTensor([30], "noisy").data.map((v, i) => gradient.data[i] + 2 * v),
);
const scaled = (t: Float32Tensor, s: number) =>
  float32(
    t.dims,
    t.data.map((v) => s * v),
  );

/** The draws by their definition: what is left of the noise once x − noise is clipped. */
function perturbations(draws: number, sigma: number, bounded = true): number[][] {
  return Array.from({ length: draws }, (_, k) => {
    const stream = streams("metric")(`infidelity perturbation ${k}`);
    return Array.from(x.data, (v) => {
      const moved = v - sigma * stream.normal();
      return v - (bounded ? Math.min(1, Math.max(0, moved)) : moved);
    });
  });
}

function literal(I: readonly number[][], slope: ArrayLike<number>, of: Analytic = net): number {
  const f = (image: Float32Array) => Number(of.logits(image)[0]);
  const b = I.map((own) => f(x.data) - f(x.data.map((v, i) => v - own[i])));
  const a = I.map((own) => dot(own, slope));
  const beta = Math.max(0, dot(a, b) / dot(a, a));
  const rest = a.map((v, k) => beta * v - b[k]);
  return dot(rest, rest) / dot(b, b);
}

const run = (attribution: Float32Tensor, options = {}, of: Analytic = net) =>
  scoreOf(infidelityGaussian, analyticProbe(of, x), attribution, { kind: "sensitivity", ...options });

describe("infidelity-gaussian", () => {
  it.each([
    [64, 0.1],
    [9, 0.5],
  ])("of a sensitivity is its formula: %i draws of sd %d, clipped", async (draws, sigma) => {
    const I = perturbations(draws, sigma);
    const found = numberOf(await run(noisy, { params: { draws, sigma } }));
    expect(found).toBeCloseTo(literal(I, noisy.data), 5);
    expect(found).toBeGreaterThan(0.01);
    expect(found).toBeLessThan(0.99);
    const free = { ...net, bounded: false };
    expect(numberOf(await run(noisy, { params: { draws, sigma } }, free))).toBeCloseTo(
      literal(perturbations(draws, sigma, false), noisy.data),
      5,
    );
  });

  it("divides a contribution by x − r, a zero one by 1", async () => {
    const I = perturbations(64, 0.1);
    const from = async (r: Float32Array, options: object) => {
      const slope = noisy.data.map((v, i) => (x.data[i] === r[i] ? v : v / (x.data[i] - r[i])));
      const found = await run(noisy, { kind: "contribution", ...options });
      expect(numberOf(found)).toBeCloseTo(literal(I, slope), 5);
    };
    await from(new Float32Array(30).fill(0.5), { reference: "mean" });
    await from(new Float32Array(30), { reference: "black" });
    const baseline = float32(
      [2, 3, 5],
      x.data.map((v, i) => (i % 3 === 0 ? v : 0.25)),
    );
    await from(baseline.data, { given: { baseline } });
    await from(baseline.data, { given: { baseline }, reference: "mean" });
  });

  it("takes noise in place of its own, clipped as well", async () => {
    const I = normalTensor([7, 2, 3, 5], "I", 0.4);
    const own = Array.from({ length: 7 }, (_, k) =>
      Array.from(x.data, (v, i) => v - Math.min(1, Math.max(0, v - I.data[30 * k + i]))),
    );
    const probe = analyticProbe(net, x);
    const options = { kind: "sensitivity", params: { draws: 7, sigma: 0.4 } } as const;
    await scoreOf(infidelityGaussian, probe, noisy, options); // what is kept for all methods must not answer
    const found = await scoreOf(infidelityGaussian, probe, noisy, {
      ...options,
      given: { perturbations: I },
    });
    expect(numberOf(found)).toBeCloseTo(literal(own, noisy.data), 5);
    await expect(run(noisy, { given: { perturbations: x } })).rejects.toMatchObject({
      next: "expected [N, 2, 3, 5]",
    });
  });

  it("is 0 for the gradient of a linear model and for its input × gradient, at any scale", async () => {
    const model = linear(shape, [normalTensor([30], "w").data, normalTensor([30], "v").data], [2, 0]);
    for (const method of [saliency, inputXGradient]) {
      const score = await scoreMethod(infidelityGaussian, analyticProbe(model, x), method);
      expect(numberOf(score), method.id).toBeLessThan(1e-9);
    }
    const w = float32([2, 3, 5], Float32Array.from(model.gradient(x.data, 0)));
    for (const s of [1e-9, 1e9]) expect(numberOf(await run(scaled(w, s), {}, model))).toBeLessThan(1e-9);
  });

  it.each(Array.from({ length: 8 }, (_, k) => k))(
    "lies in [0, 1], is 1 for the negated gradient, and free of scale: net %i",
    async (k) => {
      const own = reluNet(shape, `net ${k}`);
      const slope = float32([2, 3, 5], Float32Array.from(own.gradient!(x.data, 0)));
      expect(numberOf(await run(slope, {}, own))).toBeLessThan(1);
      expect(numberOf(await run(scaled(slope, -1), {}, own))).toBe(1);
      const phi = normalTensor([2, 3, 5], `phi ${k}`);
      const [one, other] = [1, -1].map((s) => run(scaled(phi, s), {}, own));
      const values = [numberOf(await one), numberOf(await other)];
      expect(Math.max(...values)).toBe(1); // one of the signs is wrong
      expect(Math.min(...values)).toBeGreaterThan(0);
      expect(Math.min(...values)).toBeLessThan(1);
      expect(numberOf(await run(scaled(phi, 1e7), {}, own))).toBeCloseTo(values[0], 6);
    },
  );

  it("is 1 for a zero attribution", async () => {
    expect(await run(scaled(noisy, 0))).toBe(1);
  });

  it("skips what is no slope of the score", async () => {
    const probe = analyticProbe(net, x);
    const channels = { skip: "the map has no channels" };
    expect(await scoreMethod(infidelityGaussian, probe, random)).toEqual(channels);
    expect(await scoreMethod(infidelityGaussian, probe, gradCam)).toEqual(channels);
    expect(await scoreMethod(infidelityGaussian, probe, smoothgradSquared)).toEqual({
      skip: "neither a sensitivity nor a contribution",
    });
    expect(await run(noisy, { kind: "contribution" })).toEqual({
      skip: "the contribution is counted from no reference image",
    });
    const broken = float32(
      noisy.dims,
      noisy.data.map((v, i) => (i === 4 ? Number.NaN : v)),
    );
    expect(await run(broken)).toEqual({ skip: "attribution is not finite" });
    expect(await run(noisy, {}, { shape, logits: () => [3, 1] })).toEqual({
      skip: "the score does not react to noise",
    });
    expect(await run(noisy, {}, { shape, logits: () => [Number.NaN] })).toEqual({
      skip: "the model's output is not finite",
    });
  });
});

it("the falls under noise are asked for once for all methods, of each metric of noise", async () => {
  const probe = analyticProbe(net, x);
  for (const attribution of [noisy, gradient]) {
    await scoreOf(infidelityGaussian, probe, attribution, { kind: "sensitivity" });
    await scoreOf(infidelityRaw, probe, attribution);
    await scoreOf(infidelityScaled, probe, attribution);
  }
  expect(probe.model.passes.forwards).toBe(1 + 64 + 10); // x, with and without clipping
  await scoreOf(infidelityRaw, probe, noisy, { params: { sigma: 0.1 } });
  expect(probe.model.passes.forwards).toBe(1 + 64 + 10 + 10);
});

it.each([true, false])(
  "noise that is not kept is drawn again, to the same bits (clipped: %s)",
  async (clipped) => {
    const context = () => ({
      probe: analyticProbe(net, x),
      params: { draws: 5, sigma: 0.4 },
      given: () => undefined,
      rng: streams("metric"),
    });
    const [kept, anew] = await Promise.all([150, 149].map((room) => noise(context(), clipped, room)));
    expect(anew.falls).toEqual(kept.falls);
    expect(anew.along(noisy.data)).toEqual(kept.along(noisy.data));
    expect(new Set(kept.falls).size).toBe(5);
  },
);
