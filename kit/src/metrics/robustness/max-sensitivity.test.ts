import { describe, expect, it } from "vitest";
import {
  analyticModel,
  analyticProbe,
  noiseImage,
  normalTensor,
  quadratic,
  reluNet,
  streams,
} from "../../../test/analytic-probe.ts";
import { mapOf, numberOf, scoreMethod, scoreOf } from "../../../test/scored.ts";
import { attribute, type Method } from "../../methods/method.ts";
import { saliency } from "../../methods/saliency.ts";
import { createProbe, type Probe } from "../../model/probe.ts";
import { type Float32Tensor, float32 } from "../../onnx/tensor.ts";
import { methodOf, standardProtocol } from "../../protocol/protocol.ts";
import { maxSensitivity } from "./max-sensitivity.ts";

const shape = { channels: 2, height: 3, width: 5 };
const x = noiseImage(shape, "sensitivity");
const a = normalTensor([30], "a").data;
const b = normalTensor([30], "b").data;
const formula = quadratic(shape, a, b);
const norm = (values: ArrayLike<number>) => Math.sqrt(Array.from(values).reduce((s, v) => s + v * v, 0));
const explain = (probe: Probe) => attribute(saliency, probe, { rng: streams("saliency") });

/** The gradient of the quadratic moves by 2a ⊙ (clip(x + e) − x). */
const exact = (e: ArrayLike<number>, bounded = true) =>
  norm(
    a.map((v, i) => {
      const moved = x.data[i] + e[i];
      return 2 * v * ((bounded ? Math.min(1, Math.max(0, moved)) : moved) - x.data[i]);
    }),
  ) / norm(a.map((v, i) => 2 * v * x.data[i] + b[i]));

describe("max-sensitivity", () => {
  it.each([0.01, 0.6])(
    "is the largest relative move over supplied perturbations, clipped (sd %d)",
    async (sd) => {
      const perturbations = normalTensor([4, 2, 3, 5], "e", sd);
      const each = [0, 1, 2, 3].map((k) => perturbations.data.subarray(30 * k, 30 * k + 30));
      const run = (bounded: boolean) =>
        scoreMethod(maxSensitivity, analyticProbe({ ...formula, bounded }, x), saliency, {
          given: { perturbations },
        });
      expect(await run(true)).toBeCloseTo(Math.max(...each.map((e) => exact(e))), 5);
      expect(await run(false)).toBeCloseTo(Math.max(...each.map((e) => exact(e, false))), 5);
    },
  );

  it("draws uniformly within the radius and stays in pixel space", async () => {
    const seen: number[] = [];
    const watched = {
      ...formula,
      gradient: (p: Float32Array, t: number) => {
        seen.push(...p.map((v, i) => v - x.data[i]));
        expect(Math.min(...p)).toBeGreaterThanOrEqual(0);
        expect(Math.max(...p)).toBeLessThanOrEqual(1);
        return formula.gradient!(p, t);
      },
    };
    await scoreMethod(maxSensitivity, analyticProbe(watched, x), saliency, {
      params: { draws: 100, radius: 0.04 },
    });
    const moved = seen.slice(30);
    expect(moved).toHaveLength(3000);
    expect(Math.max(...moved.map(Math.abs))).toBeLessThanOrEqual(0.04 + 1e-7);
    const mean = moved.reduce((s, v) => s + v, 0) / 3000;
    expect(Math.abs(mean)).toBeLessThan((3 * 0.04) / Math.sqrt(3 * 3000) + 0.001); // clipping at the ends moves it a little
    expect(norm(moved) / Math.sqrt(3000)).toBeGreaterThan((0.04 / Math.sqrt(3)) * 0.95);
  });

  it("uses the same draws for all methods, and runs each image once", async () => {
    const probe = analyticProbe(formula, x);
    const first = await scoreMethod(maxSensitivity, probe, saliency);
    const passes = { ...probe.model.passes };
    expect(await scoreMethod(maxSensitivity, probe, saliency)).toBe(first);
    expect(probe.model.passes).toEqual(passes);
    // scale does not matter, so another method with twice the map scores the same on the same draws
    const twice: Method = {
      ...saliency,
      async attribute(context) {
        const g = await context.probe.gradient();
        return { ...g, data: g.data.map((v) => 2 * v) };
      },
    };
    expect(await scoreMethod(maxSensitivity, probe, twice)).toBe(first);
    expect(probe.model.passes).toEqual(passes);
  });

  it("keeps perturbations supplied in one call out of the next", async () => {
    const probe = analyticProbe(formula, x);
    const given = (sd: number) => ({ given: { perturbations: normalTensor([1, 2, 3, 5], "e", sd) } });
    const small = numberOf(await scoreMethod(maxSensitivity, probe, saliency, given(0.01)));
    expect(numberOf(await scoreMethod(maxSensitivity, probe, saliency, given(0.02)))).toBeCloseTo(
      2 * small,
      2,
    );
  });

  it("is 0 for controls that ignore the image, above 0 for the others", async () => {
    const others = async () => [noiseImage(shape, "another")];
    for (const method of standardProtocol.methods.map(methodOf)) {
      const model = analyticModel({ ...reluNet(shape, "net"), ...quadraticPair() });
      const probe = createProbe({ model, x, target: 0 });
      const value = numberOf(await scoreMethod(maxSensitivity, probe, method, { others }));
      const still = ["random", "constant", "centre-gaussian"].includes(method.id);
      if (still) expect(value, method.id).toBe(0);
      else expect(value, method.id).toBeGreaterThan(0);
    }
  });

  it("grows with the radius, on the same sample", async () => {
    const probe = analyticProbe({ ...formula, bounded: false }, x);
    const run = async (radius: number) =>
      numberOf(await scoreMethod(maxSensitivity, probe, saliency, { params: { radius } }));
    expect((await run(0.04)) / (await run(0.02))).toBeCloseTo(2, 3); // the gradient of a quadratic is linear
  });

  it("is 0 without a radius", async () => {
    expect(
      await scoreMethod(maxSensitivity, analyticProbe(formula, x), saliency, { params: { radius: 0 } }),
    ).toBe(0);
  });

  it("skips what has no relative change", async () => {
    const probe = analyticProbe(formula, x);
    const of = (value: number) => float32([2, 3, 5], new Float32Array(30).fill(value));
    const run = (attribution: Float32Tensor) => scoreOf(maxSensitivity, probe, attribution, { explain });
    expect(await scoreOf(maxSensitivity, probe, of(1))).toEqual({ skip: "the method cannot be re-run" });
    expect(await run(of(0))).toEqual({ skip: "attribution is zero" });
    expect(await run(of(Number.NaN))).toEqual({ skip: "attribution is not finite" });
    const breaks = async () => of(Number.NaN);
    expect(await scoreOf(maxSensitivity, probe, of(1), { explain: breaks })).toEqual({
      skip: "attribution of the perturbed image is not finite",
    });
  });

  it("refuses a map where the method gives an attribution", async () => {
    const map = mapOf(...Array.from({ length: 3 }, () => Array(5).fill(1)));
    await expect(scoreOf(maxSensitivity, analyticProbe(formula, x), map, { explain })).rejects.toMatchObject({
      code: "E_INPUT",
      message: "the attribution has dims [3, 5], its method returns [2, 3, 5]",
    });
  });
});

function quadraticPair() {
  return {
    logits: (p: Float32Array) => [Number(formula.logits(p)[0]), 0],
    gradient: (p: Float32Array, t: number) => (t === 0 ? formula.gradient!(p, 0) : new Float32Array(30)),
  };
}
