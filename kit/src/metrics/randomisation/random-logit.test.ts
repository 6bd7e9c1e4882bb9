import { describe, expect, it } from "vitest";
import {
  type Analytic,
  analyticModel,
  linear,
  noiseImage,
  normalTensor,
  streams,
} from "../../../test/analytic-probe.ts";
import { mapOf, numberOf, scoreMethod, scoreOf } from "../../../test/scored.ts";
import { centreGaussian } from "../../methods/centre-gaussian.ts";
import { constant } from "../../methods/constant.ts";
import { attribute, type Method } from "../../methods/method.ts";
import { random } from "../../methods/random.ts";
import { saliency } from "../../methods/saliency.ts";
import { sobel } from "../../methods/sobel.ts";
import { createProbe, type Probe } from "../../model/probe.ts";
import { randomLogit } from "./random-logit.ts";

const shape = { channels: 1, height: 5, width: 7 };
const x = noiseImage(shape, "random logit");
const w = [0, 1, 2, 3].map((k) => normalTensor([35], `class ${k}`).data);
/** Whatever the image: these logits, and per class a gradient of its own. */
const fixed = (logits: readonly number[], gradients = w): Analytic => ({
  ...linear(shape, gradients),
  logits: () => logits,
});
const probe = (formula: Analytic, target: number) =>
  createProbe({ model: analyticModel(formula), x, target });

/** Spearman's ρ by counting, of values without ties: 1 − 6Σd²/(n(n² − 1)). */
function rho(a: ArrayLike<number>, b: ArrayLike<number>): number {
  const rank = (v: ArrayLike<number>) => Array.from(v, (p) => Array.from(v).filter((q) => q < p).length);
  const [s, t] = [rank(a), rank(b)];
  const n = s.length;
  return 1 - (6 * s.reduce((sum, r, i) => sum + (r - t[i]) ** 2, 0)) / (n * (n * n - 1));
}
const between = (a: number, b: number) => Math.abs(rho(w[a].map(Math.abs), w[b].map(Math.abs)));

describe("random-logit", () => {
  it.each([
    // target, logits, the class compared with
    [1, [0, 3, 2, 1], 2],
    [0, [5, -1, -3, -2], 1],
    // where another class than the prediction is explained, the prediction is the next
    [2, [0, 3, 2, 1], 1],
    // ties: the first
    [3, [1, 1, 1, 4], 0],
    // probabilities round to 0 for all of these
    [0, [2000, 2, 3, 1], 2],
  ])("compares class %d of logits %j with class %d", async (target, logits, other) => {
    const result = await scoreMethod(randomLogit, probe(fixed(logits), target), saliency);
    expect(result).toBeCloseTo(between(target, other), 6);
    expect(numberOf(result)).toBeLessThan(0.9);
  });

  it("is 1 where the classes differ in sign or size only, and for controls", async () => {
    const halves = [w[0], w[0].map((v) => -2 * v)];
    expect(await scoreMethod(randomLogit, probe(fixed([1, 0], halves), 0), saliency)).toBe(1);
    for (const control of [random, sobel, centreGaussian])
      expect(await scoreMethod(randomLogit, probe(fixed([1, 0, 0, 0]), 0), control), control.id).toBe(1);
  });

  it("uses the pass of f(x) and the gradient of the other class, once for all methods", async () => {
    const shared = probe(fixed([0, 3, 2, 1]), 1);
    await scoreMethod(randomLogit, shared, saliency);
    await scoreMethod(randomLogit, shared, saliency);
    // f(x), and a gradient of each class
    expect(shared.model.passes).toEqual({ forwards: 3, backwards: 2 });
  });

  it("skips what has no ranks, of either class", async () => {
    const here = probe(fixed([1, 0]), 0);
    const plane = (of: (i: number) => number) =>
      mapOf(...Array.from({ length: 5 }, (_, r) => Array.from({ length: 7 }, (_, c) => of(7 * r + c))));
    const explain = (p: Probe) => attribute(saliency, p, { rng: streams("") });
    const run = (of: (i: number) => number) => scoreOf(randomLogit, here, plane(of), { explain });
    expect(await run(() => 0)).toEqual({ skip: "map is zero" });
    expect(await run((i) => (i % 2 ? 1 : -1))).toEqual({ skip: "map is constant" });
    expect(await run((i) => (i ? 1 : Number.NaN))).toEqual({ skip: "map is not finite" });
    expect(await scoreMethod(randomLogit, here, constant)).toEqual({ skip: "map is constant" });
    expect(here.model.passes).toEqual({ forwards: 0, backwards: 0 });

    for (const [value, reason] of [
      [0, "zero"],
      [2, "constant"],
      [Number.NaN, "not finite"],
    ] as const) {
      const flat: Method = {
        ...saliency,
        attribute: async (context) =>
          context.probe.target === 0 ? saliency.attribute(context) : plane(() => value),
      };
      expect(await scoreMethod(randomLogit, probe(fixed([1, 0]), 0), flat)).toEqual({
        skip: `the other class's map is ${reason}`,
      });
    }
  });

  it("skips a map from elsewhere, and a model of one class", async () => {
    expect(await scoreOf(randomLogit, probe(fixed([1, 0]), 0), x)).toEqual({
      skip: "the method cannot be re-run",
    });
    expect(await scoreMethod(randomLogit, probe(fixed([1], [w[0]]), 0), saliency)).toEqual({
      skip: "the model has one class",
    });
  });
});
