/** The metrics on the draws of max-sensitivity, whose own test has the draws. */
import { describe, expect, it } from "vitest";
import {
  analyticProbe,
  linear,
  noiseImage,
  normalTensor,
  quadratic,
  streams,
} from "../../../test/analytic-probe.ts";
import { mapOf, numberOf, scoreMethod, scoreOf } from "../../../test/scored.ts";
import { inputXGradient } from "../../methods/input-x-gradient.ts";
import { attribute, type Method } from "../../methods/method.ts";
import { saliency } from "../../methods/saliency.ts";
import { sobel } from "../../methods/sobel.ts";
import { createProbe, type Probe } from "../../model/probe.ts";
import { type Float32Tensor, float32 } from "../../onnx/tensor.ts";
import type { Metric } from "../metric.ts";
import { avgSensitivity } from "./avg-sensitivity.ts";
import { localLipschitz } from "./local-lipschitz.ts";
import { maxSensitivity } from "./max-sensitivity.ts";
import { relativeInputStability } from "./relative-input-stability.ts";

const shape = { channels: 2, height: 3, width: 5 };
const x = noiseImage(shape, "nearby");
const formula = quadratic(shape, normalTensor([30], "a").data, normalTensor([30], "b").data);
const perturbations = normalTensor([4, 2, 3, 5], "e", 0.05);
const all = [maxSensitivity, avgSensitivity, localLipschitz, relativeInputStability];
const quotients = [localLipschitz, relativeInputStability];

/** Images as the papers have them: x, and the four x′. */
const images = [0, 1, 2, 3].map((k) =>
  Array.from(x.data, (v, i) => Math.fround(Math.min(1, Math.max(0, v + perturbations.data[30 * k + i])))),
);
const here = Array.from(x.data);
const gradient = (p: readonly number[]) =>
  Array.from(formula.gradient!(Float32Array.from(p), 0), Math.fround);
const norm = (v: readonly number[]) => Math.hypot(...v);
const minus = (a: readonly number[], b: readonly number[]) => a.map((v, i) => v - b[i]);
const peak = (v: readonly number[]) => v.map((w) => w / Math.max(...v.map(Math.abs)));

const given = { given: { perturbations } };
const run = (metric: Metric, params = {}, method: Method = saliency) =>
  scoreMethod(metric, analyticProbe(formula, x), method, { ...given, params });

describe("as the papers have it", () => {
  const phi = gradient(here);

  it("average sensitivity is the mean relative move", async () => {
    const each = images.map((image) => norm(minus(gradient(image), phi)) / norm(phi));
    expect(await run(avgSensitivity)).toBeCloseTo(each.reduce((a, b) => a + b) / 4, 6);
    expect(await run(maxSensitivity)).toBeCloseTo(Math.max(...each), 6);
  });

  it.each([true, false])("local Lipschitz estimate, normalise %s", async (normalise) => {
    const scale = normalise ? peak : (v: readonly number[]) => v;
    const each = images.map(
      (image) => norm(minus(scale(gradient(image)), scale(phi))) / norm(minus(image, here)),
    );
    expect(await run(localLipschitz, { normalise })).toBeCloseTo(Math.max(...each), 5);
  });

  it.each([true, false])("relative input stability, normalise %s", async (normalise) => {
    const scale = normalise ? peak : (v: readonly number[]) => v;
    const relative = (a: readonly number[], b: readonly number[]) =>
      norm(minus(a, b).map((d, i) => d / b[i]));
    const each = images.map((image) => relative(scale(gradient(image)), scale(phi)) / relative(image, here));
    expect(await run(relativeInputStability, { normalise })).toBeCloseTo(Math.max(...each), 4);
  });
});

describe("quotients", () => {
  it("of a gradient that grows with the image are what it grows by", async () => {
    // ∂f/∂x = 2a·x with one a: the move of the map is 2a times that of the image, whichever it is
    const even = quadratic(shape, Array(30).fill(1.5), Array(30).fill(0));
    const score = async (metric: Metric, params = {}) =>
      scoreMethod(metric, analyticProbe(even, x), saliency, { params });
    expect(await score(localLipschitz, { normalise: false })).toBeCloseTo(3, 4);
    // pixel by pixel the map changes by the same share as the image
    expect(await score(relativeInputStability, { normalise: false })).toBeCloseTo(1, 4);
  });

  it("do not depend on the unit of the map, unless that is wanted", async () => {
    const hundredfold: Method = {
      ...inputXGradient,
      async attribute(context) {
        const phi = await inputXGradient.attribute(context);
        return { ...phi, data: phi.data.map((v) => 128 * v) };
      },
    };
    for (const metric of quotients) {
      expect(await run(metric, {}, hundredfold)).toBeCloseTo(
        numberOf(await run(metric, {}, inputXGradient)),
        9,
      );
    }
    const plain = { normalise: false };
    const [one, more] = [inputXGradient, hundredfold].map((m) => run(localLipschitz, plain, m));
    expect(numberOf(await more) / numberOf(await one)).toBeCloseTo(128, 6);
  });

  it("have denominators of epsilon at least", async () => {
    const black = float32(x.dims, new Float32Array(30));
    const score = async (metric: Metric, params = {}) =>
      numberOf(await scoreMethod(metric, analyticProbe(formula, black), saliency, { ...given, params }));
    // where epsilon is all three denominators: squared above, since it is in the map's denominators and the norm below
    const ten = await score(relativeInputStability, { epsilon: 10 });
    expect(ten / (await score(relativeInputStability, { epsilon: 100 }))).toBeCloseTo(100, 6);
    const wide = await score(localLipschitz, { epsilon: 10 });
    expect(wide / (await score(localLipschitz, { epsilon: 20 }))).toBeCloseTo(2, 9);
    // without a move nothing is divided by nothing
    for (const metric of all) {
      expect(await scoreMethod(metric, analyticProbe(formula, x), saliency, { params: { radius: 0 } })).toBe(
        0,
      );
    }
  });

  it("of zeros in the map divide by epsilon", async () => {
    // one pixel without a slope at x, with one beside it
    const one = { channels: 1, height: 1, width: 2 };
    const kink = {
      ...linear(one, [[1, 0]]),
      gradient: (p: Float32Array) => [1, p[0] === 0.5 ? 0 : 0.25],
    };
    const image = float32([1, 1, 2], Float32Array.of(0.5, 0.5));
    const e = float32([1, 1, 1, 2], Float32Array.of(0.25, 0));
    const result = await scoreMethod(relativeInputStability, analyticProbe(kink, image), saliency, {
      given: { perturbations: e },
      params: { epsilon: 0.125 },
    });
    // (0, 0.25/0.125) over (0.25/0.5, 0)
    expect(result).toBeCloseTo(4, 6);
  });
});

describe("all of them", () => {
  it("compute each map of a method once, together", async () => {
    const probe = analyticProbe(formula, x);
    let maps = 0;
    const counting: Method = {
      ...saliency,
      attribute(context) {
        maps++;
        return saliency.attribute(context);
      },
    };
    const explain = (at: Probe) => attribute(counting, at, { rng: streams("saliency") });
    const attribution = await explain(probe);
    const options = { explain, rule: saliency.map, kind: saliency.kind };
    const scored = [];
    for (const metric of all) scored.push(await scoreOf(metric, probe, attribution, options));
    expect(maps).toBe(1 + 10);
    // fewer draws are the first of them; another radius is another image
    await scoreOf(avgSensitivity, probe, attribution, { ...options, params: { draws: 4 } });
    expect(maps).toBe(11);
    await scoreOf(avgSensitivity, probe, attribution, { ...options, params: { radius: 0.1 } });
    expect(maps).toBe(21);
    // another attribution, another method: nothing of the first is taken for it
    const twice = { ...attribution, data: attribution.data.map((v) => 2 * v) };
    expect(await scoreOf(avgSensitivity, probe, twice, options)).not.toBe(scored[1]);
    expect(maps).toBe(31);
    expect(probe.model.passes).toEqual({ forwards: 21, backwards: 21 });
    // alone each says the same
    for (const [k, metric] of all.entries()) {
      expect(await scoreMethod(metric, analyticProbe(formula, x), saliency)).toBe(scored[k]);
    }
  });

  it("take many draws a few at a time, and the first ones are the same however many there are", async () => {
    const score = async (draws: number) =>
      numberOf(await scoreMethod(maxSensitivity, analyticProbe(formula, x), saliency, { params: { draws } }));
    let running = 0;
    let most = 0;
    const slow: Method = {
      ...saliency,
      async attribute(context) {
        most = Math.max(most, ++running);
        const phi = await saliency.attribute(context);
        running--;
        return phi;
      },
    };
    await scoreMethod(avgSensitivity, analyticProbe(formula, x), slow, { params: { draws: 50 } });
    expect(most).toBe(16);
    expect(await score(50)).toBeGreaterThanOrEqual(await score(17));
    expect(await score(17)).toBeGreaterThanOrEqual(await score(16));
  });

  it("skip what has no change to speak of, and refuse a map where the method gives an attribution", async () => {
    const explain = (at: Probe) => attribute(saliency, at, { rng: streams("saliency") });
    const of = (value: number) => float32([2, 3, 5], new Float32Array(30).fill(value));
    for (const metric of all) {
      const score = (attribution: Float32Tensor, options: object = { explain }) =>
        scoreOf(metric, analyticProbe(formula, x), attribution, options);
      expect(await score(of(1), {})).toEqual({ skip: "the method cannot be re-run" });
      expect(await score(of(0))).toEqual({ skip: "attribution is zero" });
      expect(await score(of(Number.NaN))).toEqual({ skip: "attribution is not finite" });
      expect(await score(of(1), { explain: async () => of(Number.NaN) })).toEqual({
        skip: "attribution of the perturbed image is not finite",
      });
      const map = mapOf(...Array.from({ length: 3 }, () => Array(5).fill(1)));
      await expect(score(map)).rejects.toMatchObject({ code: "E_INPUT" });
      await expect(score(of(1), { explain, given: { perturbations: of(1) } })).rejects.toMatchObject({
        code: "E_INPUT",
      });
    }
  });

  it("count a map that falls to zero as moved by all of itself", async () => {
    const of = (value: number) => float32([2, 3, 5], new Float32Array(30).fill(value));
    const explain = async () => of(0);
    const score = (metric: Metric) =>
      scoreOf(metric, createProbe({ model: analyticProbe(formula, x).model, x, target: 0 }), of(2), {
        explain,
      });
    expect(await score(maxSensitivity)).toBe(1);
    expect(await score(avgSensitivity)).toBe(1);
    for (const metric of quotients) expect(numberOf(await score(metric))).toBeGreaterThan(0);
  });

  it("tell a map that follows the image from one that does not", async () => {
    for (const metric of all) {
      expect(numberOf(await scoreMethod(metric, analyticProbe(formula, x), sobel))).toBeGreaterThan(0);
    }
  });
});
