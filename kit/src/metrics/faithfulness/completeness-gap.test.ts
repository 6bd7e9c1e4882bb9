import { describe, expect, it } from "vitest";
import {
  type Analytic,
  analyticProbe,
  dot,
  linear,
  noiseImage,
  normalTensor,
  quadratic,
} from "../../../test/analytic-probe.ts";
import { numberOf, scoreMethod, scoreOf } from "../../../test/scored.ts";
import { inputXGradient } from "../../methods/input-x-gradient.ts";
import { integratedGradients } from "../../methods/integrated-gradients.ts";
import { kernelShap } from "../../methods/kernel-shap.ts";
import { occlusion } from "../../methods/occlusion.ts";
import { saliency } from "../../methods/saliency.ts";
import { sobel } from "../../methods/sobel.ts";
import { blurred } from "../../model/image.ts";
import { float32 } from "../../onnx/tensor.ts";
import { completenessGap } from "./completeness-gap.ts";

const shape = { channels: 2, height: 12, width: 16 };
const size = 384;
const x = noiseImage(shape, "completeness");
const w = [0, 1, 2].map((k) => normalTensor([size], `w ${k}`).data);
const formula: Analytic = linear(shape, w, [0.3, -0.2, 0.1]);
const probe = (of: Analytic = formula) => analyticProbe(of, x);
const skipped = { skip: "not a contribution counted from a reference" };
const near = { skip: "the score hardly differs from the reference's" };
/** An attribution of this sum. */
const summing = (sum: number) => float32(x.dims, new Float32Array(size).fill(sum / size));

describe("completeness-gap", () => {
  it.each(["mean", "black", "blur"] as const)("is the relative gap to f(x) − f(%s)", async (reference) => {
    const r = {
      mean: new Float32Array(size).fill(0.5),
      black: new Float32Array(size),
      blur: blurred(x, 0.045 * 16).data,
    }[reference];
    const difference = dot(w[0], x.data) - dot(w[0], r);
    for (const sum of [0, 1, difference, -difference, 3 * difference]) {
      const expected = Math.abs(sum - difference) / Math.abs(difference);
      const result = numberOf(await scoreOf(completenessGap, probe(), summing(sum), { reference }));
      expect(Math.abs(result - expected) / (1 + expected)).toBeLessThan(1e-3);
    }
  });

  it("is 0 where a method adds up, and 1 for one that gives nothing", async () => {
    expect(numberOf(await scoreMethod(completenessGap, probe(), inputXGradient))).toBeLessThan(1e-5);
    expect(numberOf(await scoreMethod(completenessGap, probe(), kernelShap))).toBeLessThan(1e-5);
    expect(numberOf(await scoreOf(completenessGap, probe(), summing(0), { reference: "mean" }))).toBe(1);
    // of Σx² the product misses Σ(x − r)², a path does not
    const curved = quadratic(shape, new Float32Array(size).fill(1), new Float32Array(size));
    const missed = x.data.reduce((sum, v) => sum + (v - 0.5) ** 2, 0);
    const difference = x.data.reduce((sum, v) => sum + v ** 2 - 0.25, 0);
    const product = numberOf(await scoreMethod(completenessGap, probe(curved), inputXGradient));
    expect(product).toBeCloseTo(missed / Math.abs(difference), 4);
    expect(numberOf(await scoreMethod(completenessGap, probe(curved), integratedGradients))).toBeLessThan(
      1e-4,
    );
  });

  it("counts from a supplied baseline, in place of any other", async () => {
    const baseline = noiseImage(shape, "baseline");
    const difference = dot(w[0], x.data) - dot(w[0], baseline.data);
    for (const options of [{}, { reference: "mean" as const }]) {
      const result = await scoreOf(completenessGap, probe(), summing(2 * difference), {
        ...options,
        given: { baseline },
      });
      expect(result).toBeCloseTo(1, 4);
    }
    const wrong = float32([2, 3], new Float32Array(6));
    await expect(
      scoreOf(completenessGap, probe(), summing(1), { given: { baseline: wrong } }),
    ).rejects.toMatchObject({ code: "E_INPUT" });
  });

  it("skips what does not count from a reference, before any pass", async () => {
    const here = probe();
    for (const method of [saliency, occlusion, sobel]) {
      const passes = { ...here.model.passes };
      const attribution = summing(1);
      expect(
        await scoreOf(completenessGap, here, attribution, { kind: method.kind, rule: method.map }),
        method.id,
      ).toEqual(skipped);
      expect(here.model.passes).toEqual(passes);
    }
    expect(await scoreMethod(completenessGap, probe(), saliency)).toEqual(skipped);
    expect(await scoreMethod(completenessGap, probe(), occlusion)).toEqual(skipped);
    expect(
      await scoreOf(completenessGap, probe(), summing(1), { kind: "map", given: { baseline: x } }),
    ).toEqual(skipped);
    expect(await scoreOf(completenessGap, probe(), summing(Number.NaN), { reference: "mean" })).toEqual({
      skip: "attribution is not finite",
    });
  });

  it("skips an image whose score is nearly the reference's, by the spread of its own scores", async () => {
    // at the image the logits are 10, 0, 2: mean 4, squares 36 + 16 + 4, so the spread is √(56/3)
    const spread = Math.sqrt(56 / 3);
    const apart = (difference: number): Analytic => ({
      ...formula,
      logits: (p) => [10 - (p[0] === 0.5 ? difference : 0), 0, 2],
    });
    const run = (difference: number, params = {}) =>
      scoreOf(completenessGap, probe(apart(difference)), summing(1), { reference: "mean", params });
    expect(await run(0.0099 * spread)).toEqual(near);
    expect(await run(-0.0099 * spread)).toEqual(near);
    expect(numberOf(await run(0.0101 * spread))).toBeGreaterThan(1);
    expect(numberOf(await run(-0.0101 * spread))).toBeGreaterThan(1);
    expect(numberOf(await run(0.0099 * spread, { least: 0 }))).toBeGreaterThan(1);
    expect(await run(0, { least: 0 })).toEqual(near);
    // a single class has no spread, and its own score still must differ
    const one: Analytic = { shape, link: "sigmoid", logits: () => [3] };
    expect(await scoreOf(completenessGap, probe(one), summing(1), { reference: "mean" })).toEqual(near);
  });

  it("asks for f(x) and f(r) once, whatever the methods and classes", async () => {
    const here = probe();
    for (const target of [0, 1, 2]) {
      const at = here.explaining(target);
      await scoreOf(completenessGap, at, summing(1), { reference: "mean" });
      await scoreMethod(completenessGap, at, inputXGradient);
    }
    // f(x), f(r), and a gradient of each class
    expect(here.model.passes).toEqual({ forwards: 2 + 3, backwards: 3 });
  });
});
