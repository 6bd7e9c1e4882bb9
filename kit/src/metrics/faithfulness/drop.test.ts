/** average-drop and its relatives: what a map shows, and what is left without it. */
import { describe, expect, it } from "vitest";
import {
  type Analytic,
  analyticModel,
  analyticProbe,
  noiseImage,
  normalTensor,
  reluNet,
  streams,
} from "../../../test/analytic-probe.ts";
import { mapOf, numberOf, scoreMethod, scoreOf } from "../../../test/scored.ts";
import { constant } from "../../methods/constant.ts";
import { attribute } from "../../methods/method.ts";
import { occlusion } from "../../methods/occlusion.ts";
import { saliency } from "../../methods/saliency.ts";
import { blurred } from "../../model/image.ts";
import { createProbe, type Probe } from "../../model/probe.ts";
import { type Float32Tensor, float32 } from "../../onnx/tensor.ts";
import type { ParamValue } from "../../params.ts";
import { pearson } from "../../stats/summary.ts";
import type { Metric } from "../metric.ts";
import { adcc } from "./adcc.ts";
import { averageDrop } from "./average-drop.ts";
import { averageGain } from "./average-gain.ts";
import { faith } from "./faith.ts";
import { increaseInConfidence } from "./increase-in-confidence.ts";
import { relativeConfidenceGain } from "./relative-confidence-gain.ts";

const shape = { channels: 2, height: 3, width: 5 };
const pixels = 15;
const x = noiseImage(shape, "drop");
const net = reluNet(shape, "drop");
const map = normalTensor([3, 5], "drop map");
const mean = [0.2, 0.7];
const formula: Analytic = { ...net, meanColour: mean };

const family = [averageDrop, increaseInConfidence, relativeConfidenceGain, averageGain, faith] as const;
/** What each makes of the probabilities of the image, of what the map shows, and of the rest. */
const literal: Readonly<Record<string, (Y: number, O: number, rest: number) => number>> = {
  "average-drop": (Y, O) => (O < Y ? (Y - O) / Y : 0),
  "increase-in-confidence": (Y, O) => (O > Y ? 1 : 0),
  "relative-confidence-gain": (Y, O) => (O > Y ? (O - Y) / Y : 0),
  "average-gain": (Y, O) => (O > Y ? (O - Y) / (1 - Y) : 0),
  faith: (Y, _, rest) => Y - rest,
};

const p = (image: Float32Array, target: number): number => {
  const e = Array.from(net.logits(image), Math.exp);
  return e[target] / (e[0] + e[1]);
};

/** The weights by their definition: low and high by sorting. */
function weights(of: Float32Tensor, clip: boolean): number[] {
  const values = Array.from(of.data, (v) => (clip && v < 0 ? 0 : v));
  const sorted = values.toSorted((a, b) => a - b);
  const [low, high] = [sorted[0], sorted[pixels - 1]];
  return values.map((v) => (v - low) / (high - low));
}

function wanted(id: string, h: readonly number[], fill: (i: number) => number, target: number): number {
  const image = (w: (i: number) => number) =>
    x.data.map((v, i) => w(i % pixels) * v + (1 - w(i % pixels)) * fill(i));
  return literal[id](
    p(x.data, target),
    p(
      image((i) => h[i]),
      target,
    ),
    p(
      image((i) => 1 - h[i]),
      target,
    ),
  );
}

const blur = blurred(x, 0.045 * 5).data;
const fills: Readonly<Record<string, (i: number) => number>> = {
  mean: (i) => mean[i < pixels ? 0 : 1],
  black: () => 0,
  blur: (i) => blur[i],
};

describe.each(family.map((metric) => [metric.id, metric] as const))("%s", (id, metric) => {
  const run = (params: Record<string, ParamValue> = {}, of = map, target = 0) =>
    scoreOf(metric, analyticProbe(formula, x, target), of, { params });

  it("is its formula, for a class that the map helps and one that it does not", async () => {
    for (const target of [0, 1]) {
      for (const [reference, fill] of Object.entries(fills)) {
        const own = weights(map, true);
        const found = numberOf(await run({ reference }, map, target));
        expect(found).toBeCloseTo(wanted(id, own, fill, target), 5);
        const whole = numberOf(await run({ reference, of: "min-max" }, map, target));
        expect(whole).toBeCloseTo(wanted(id, weights(map, false), fill, target), 5);
      }
    }
  });

  it("takes a baseline in place of the reference, and keeps it out of the next call", async () => {
    const probe = analyticProbe(formula, x);
    const of = (baseline?: Float32Tensor) =>
      scoreOf(metric, probe, map, { given: baseline ? { baseline } : {} });
    const first = await of();
    for (const value of [0.1, 0.9]) {
      const found = await of(float32([2, 3, 5], new Float32Array(30).fill(value)));
      expect(found).toBeCloseTo(
        wanted(id, weights(map, true), () => value, 0),
        5,
      );
    }
    expect(await of()).toBe(first);
    await expect(of(map)).rejects.toMatchObject({ code: "E_INPUT", next: "expected [2, 3, 5]" });
  });

  it("does not depend on the scale of the map", async () => {
    const one = numberOf(await run());
    for (const s of [1e-9, 3, 1e9]) {
      const scaled = float32(
        map.dims,
        map.data.map((v) => s * v),
      );
      expect(numberOf(await run({}, scaled))).toBeCloseTo(one, 5);
    }
  });

  it("of a flat map: nothing is shown, and nothing is removed", async () => {
    const none = Array<number>(pixels).fill(0);
    for (const flat of [0, 1, -2]) {
      const found = numberOf(await run({}, float32([3, 5], new Float32Array(pixels).fill(flat))));
      expect(found).toBeCloseTo(wanted(id, none, fills.mean, 0), 5);
    }
    expect(numberOf(await scoreMethod(metric, analyticProbe(formula, x), constant))).toBe(
      numberOf(await run({}, mapOf(...Array.from({ length: 3 }, () => Array(5).fill(1))))),
    );
  });

  it("skips a map that is no number, and a model whose output is none", async () => {
    const broken = float32(
      map.dims,
      map.data.map((v, i) => (i === 2 ? Number.NaN : v)),
    );
    expect(await run({}, broken)).toEqual({ skip: "map is not finite" });
    // only where a pixel shows the reference, so that p(x) is a number
    const mute = {
      ...formula,
      logits: (image: Float32Array) => [image[0] === x.data[0] ? 1 : Number.NaN, 0],
    };
    expect(await scoreOf(metric, analyticProbe(mute, x), map)).toEqual({
      skip: "the model's output is not finite",
    });
  });
});

it("a class of probability 0 has no drop, one of probability 1 no gain", async () => {
  const certain = (logit: number): Analytic => ({ shape, logits: () => [logit, 0] });
  const run = (metric: Metric, logit: number) => scoreOf(metric, analyticProbe(certain(logit), x), map);
  for (const metric of [averageDrop, relativeConfidenceGain]) {
    expect(await run(metric, -2000)).toEqual({ skip: "the class has probability 0" });
    expect(await run(metric, 2000)).toBe(0);
  }
  expect(await run(averageGain, 2000)).toEqual({ skip: "the class has probability 1" });
  expect(await run(averageGain, 13)).toBe(0); // 1 − p is 2.3e-6
  expect(await run(averageGain, 14)).toEqual({ skip: "the class has probability 1" }); // 8e-7
  expect(await run(increaseInConfidence, 2000)).toBe(0);
});

it("asks for p(x) once per sample, and for each masked image once per map", async () => {
  const probe = analyticProbe(formula, x);
  for (const metric of family) await scoreOf(metric, probe, map);
  expect(probe.model.passes).toEqual({ forwards: 3, backwards: 0 }); // x, what is shown, what is left
  const other = normalTensor([3, 5], "another map");
  for (const metric of family) await scoreOf(metric, probe, other);
  expect(probe.model.passes.forwards).toBe(5);
  // another rule reads another map of the same attribution
  await scoreOf(averageDrop, probe, other, { rule: "abs-sum" });
  expect(probe.model.passes.forwards).toBe(6);
  const numbers = await Promise.all(family.map((metric) => scoreOf(metric, probe, other)));
  const alone = await Promise.all(family.map((metric) => scoreOf(metric, analyticProbe(formula, x), other)));
  expect(numbers).toEqual(alone);
});

describe("adcc", () => {
  const explain = (probe: Probe) => attribute(saliency, probe, { rng: streams("saliency") });
  // a gradient that moves with the image
  const curved: Analytic = {
    ...formula,
    logits: (image) => [image.reduce((s, v, i) => s - Math.cos(i) * (v - 0.4) ** 2, 0), 0.3],
    gradient: (image, t) => image.map((v, i) => (t === 0 ? -2 * Math.cos(i) * (v - 0.4) : 0)),
  };
  const reduce = (values: ArrayLike<number>) =>
    Float32Array.from({ length: pixels }, (_, i) => Math.abs(values[i]) + Math.abs(values[pixels + i]));

  it("is the harmonic mean of its three terms", async () => {
    const own = float32([3, 5], reduce(curved.gradient!(x.data, 0)));
    const h = weights(own, true);
    const shown = x.data.map((v, i) => h[i % pixels] * v + (1 - h[i % pixels]) * fills.mean(i));
    const coherency = (pearson(own.data, reduce(curved.gradient!(shown, 0)))! + 1) / 2;
    const simple = 1 - h.reduce((a, b) => a + b) / pixels;
    const probability = (image: Float32Array) => 1 / (1 + Math.exp(0.3 - Number(curved.logits(image)[0])));
    const kept = Math.min(1, probability(shown) / probability(x.data));
    expect([coherency, simple, kept].every((term) => term > 0.05 && term < 0.95)).toBe(true);
    const found = await scoreMethod(adcc, analyticProbe(curved, x), saliency);
    expect(numberOf(found)).toBeCloseTo(3 / (1 / coherency + 1 / simple + 1 / kept), 5);
    if (typeof found === "number" || "skip" in found) throw new Error("no parts");
    expect(found.parts.coherency).toBeCloseTo(coherency, 5);
    expect(found.parts.complexity).toBeCloseTo(1 - simple, 5);
    expect(found.parts["average-drop"]).toBeCloseTo(1 - kept, 5);
  });

  it("agrees with average-drop, and shares its image", async () => {
    const probe = analyticProbe(curved, x);
    const attribution = await explain(probe);
    const drop = numberOf(await scoreOf(averageDrop, probe, attribution, { rule: "abs-sum" }));
    const before = { ...probe.model.passes };
    const found = await scoreOf(adcc, probe, attribution, { rule: "abs-sum", explain });
    expect(found).toMatchObject({ parts: { "average-drop": drop } });
    expect(probe.model.passes).toEqual({ forwards: before.forwards + 1, backwards: before.backwards + 1 });
  });

  it("takes at most the passes it says of a method that asks for the score", async () => {
    const model = analyticModel(curved);
    const probe = createProbe({ model, x, target: 0 });
    const run = (at: Probe) => attribute(occlusion, at, { rng: streams("occlusion") });
    const attribution = await run(createProbe({ model: analyticModel(curved), x, target: 0 }));
    const cost = occlusion.cost({ window: 0, stride: 0 }, shape);
    await scoreOf(adcc, probe, attribution, { explain: run });
    // f of what is shown is asked by metric and method, and computed once
    expect(model.passes.forwards).toBe(adcc.cost({}, cost).forwards - 1);
  });

  it("is 0 where a term is", async () => {
    const attribution = normalTensor([3, 5], "adcc");
    const run = (other: (v: number) => number, of: Analytic = curved) =>
      scoreOf(adcc, analyticProbe(of, x), attribution, {
        explain: async () =>
          float32(
            [3, 5],
            attribution.data.map((v) => other(v)),
          ),
      });
    expect(numberOf(await run((v) => v))).toBeGreaterThan(0.1);
    expect(numberOf(await run((v) => -v))).toBe(0); // coherency
    const gone: Analytic = { shape, logits: (image) => [image[0] === x.data[0] ? 0 : -2000, 0] };
    expect(await run((v) => v, gone)).toMatchObject({ value: 0, parts: { "average-drop": 1, coherency: 1 } });
  });

  it("of a map that ignores the image is coherent", async () => {
    const still = normalTensor([3, 5], "still");
    const found = await scoreOf(adcc, analyticProbe(curved, x), still, { explain: async () => still });
    expect(found).toMatchObject({ parts: { coherency: 1 } });
  });

  it("skips what has no correlation or cannot be run again", async () => {
    const probe = analyticProbe(curved, x);
    const flat = float32([3, 5], new Float32Array(pixels).fill(1));
    expect(await scoreOf(adcc, probe, map)).toEqual({ skip: "the method cannot be re-run" });
    const reason = { skip: "map is constant, here or of what is shown" };
    expect(await scoreMethod(adcc, probe, constant)).toEqual(reason);
    expect(await scoreOf(adcc, probe, map, { explain: async () => flat })).toEqual(reason);
    const broken = async () => float32([3, 5], new Float32Array(pixels).fill(Number.NaN));
    expect(await scoreOf(adcc, probe, map, { explain: broken })).toEqual({
      skip: "map of what is shown is not finite",
    });
  });
});
