/** faithfulness-correlation and sensitivity-n. */
import { describe, expect, it } from "vitest";
import {
  type Analytic,
  analyticProbe,
  linear,
  noiseImage,
  normalTensor,
  reluNet,
  streams,
} from "../../../test/analytic-probe.ts";
import { mapOf, numberOf, scoreMethod, scoreOf } from "../../../test/scored.ts";
import { inputXGradient } from "../../methods/input-x-gradient.ts";
import { attribute } from "../../methods/method.ts";
import { random } from "../../methods/random.ts";
import { float32 } from "../../onnx/tensor.ts";
import { rngOf } from "../../rng.ts";
import { faithfulnessCorrelation } from "./faithfulness-correlation.ts";
import { sensitivityN } from "./sensitivity-n.ts";

const shape = { channels: 2, height: 5, width: 8 };
const pixels = 40;
const x = noiseImage(shape, "subsets");
const net = reluNet(shape, "subsets");
const map = normalTensor([5, 8], "map");

/** r from the definition: covariance over the product of standard deviations. */
function correlation(a: readonly number[], b: readonly number[]): number {
  const mean = (v: readonly number[]) => v.reduce((s, w) => s + w, 0) / v.length;
  const [ma, mb] = [mean(a), mean(b)];
  const covariance = mean(a.map((v, k) => (v - ma) * (b[k] - mb)));
  return covariance / Math.sqrt(mean(a.map((v) => (v - ma) ** 2)) * mean(b.map((v) => (v - mb) ** 2)));
}

/** r over `sets` of pixels, each hidden by itself. */
function literal(sets: readonly ReadonlySet<number>[], fill: number) {
  const sums = sets.map((set) => [...set].reduce((sum, p) => sum + map.data[p], 0));
  const falls = sets.map(
    (set) => score(x.data) - score(x.data.map((v, i) => (set.has(i % pixels) ? fill : v))),
  );
  return correlation(sums, falls);
}
const score = (image: Float32Array) => Number(net.logits(image)[0]);
const setsOf = (purpose: string, sizes: readonly number[]) =>
  sizes.map((n, k) => new Set(streams("metric")(`${purpose} ${k}`).permutation(pixels).subarray(0, n)));

describe("faithfulness-correlation", () => {
  const run = (params = {}, given = {}, of = map) =>
    scoreOf(faithfulnessCorrelation, analyticProbe(net, x), of, { params, given });

  it("is the correlation over sets of a sixteenth of the pixels", async () => {
    // 40/16 is 2.5
    const sets = setsOf("faithfulness-correlation", Array(100).fill(3));
    expect(await run()).toBeCloseTo(literal(sets, 0.5), 5);
    expect(await run({ reference: "black" })).toBeCloseTo(literal(sets, 0), 5);
    const half = setsOf("faithfulness-correlation", Array(7).fill(20));
    expect(await run({ draws: 7, share: 0.5 })).toBeCloseTo(literal(half, 0.5), 5);
    const single = setsOf("faithfulness-correlation", Array(100).fill(1));
    expect(await run({ share: 0 })).toBeCloseTo(literal(single, 0.5), 5);
  });

  it("takes sets and a baseline from outside, and keeps them out of the next call", async () => {
    const sets = setsOf("mine", [3, 9, 20, 1, 7]);
    const subsets = float32(
      [5, 5, 8],
      Float32Array.from({ length: 200 }, (_, i) => (sets[Math.floor(i / 40)].has(i % 40) ? 1 : 0)),
    );
    const probe = analyticProbe(net, x);
    for (const fill of [0.2, 0.9]) {
      const baseline = float32([2, 5, 8], new Float32Array(80).fill(fill));
      const given = { subsets, baseline };
      expect(await scoreOf(faithfulnessCorrelation, probe, map, { given })).toBeCloseTo(
        literal(sets, fill),
        5,
      );
    }
    await expect(run({}, { subsets: normalTensor([2, 4, 8], "wrong") })).rejects.toMatchObject({
      code: "E_INPUT",
      next: "expected [N, 5, 8]",
    });
  });
});

describe("sensitivity-n", () => {
  it("is the mean of the correlations at log-spaced sizes", async () => {
    const shares = Array.from({ length: 8 }, (_, s) => 10 ** (-2 + (s / 7) * Math.log10(80)));
    const n = shares.map((share) => Math.max(1, Math.round(40 * share)));
    expect(n).toEqual([1, 1, 1, 3, 5, 9, 17, 32]);
    const sets = setsOf(
      "sensitivity-n",
      n.flatMap((size) => Array<number>(32).fill(size)),
    );
    const each = n.map((_, s) => literal(sets.slice(32 * s, 32 * s + 32), 0.5));
    const found = await scoreOf(sensitivityN, analyticProbe(net, x), map);
    expect(found).toBeCloseTo(each.reduce((a, b) => a + b) / 8, 5);
    const one = setsOf("sensitivity-n", Array(50).fill(10));
    const params = { sizes: 1, draws: 50, smallest: 0.25 };
    expect(await scoreOf(sensitivityN, analyticProbe(net, x), map, { params })).toBeCloseTo(
      literal(one, 0.5),
      5,
    );
  });

  it("leaves out sizes at which the map's sums do not vary", async () => {
    // one pixel, which small sets miss; which do is known
    const single = float32(
      [5, 8],
      Float32Array.from({ length: 40 }, (_, p) => (p === 11 ? 1 : 0)),
    );
    const model = linear(shape, [[...single.data, ...single.data]]);
    const sets = setsOf("sensitivity-n", [1, 1, 1, 20, 20, 20]);
    expect(sets.map((set) => set.has(11))).toEqual([
      false,
      false,
      false,
      expect.any(Boolean),
      expect.any(Boolean),
      expect.any(Boolean),
    ]);
    const probe = analyticProbe({ ...model, link: "sigmoid" }, x);
    const params = { sizes: 2, draws: 3, smallest: 0.025, largest: 0.5 };
    const found = await scoreOf(sensitivityN, probe, single, { params });
    expect(found).toBeCloseTo(1, 6);
  });
});

describe.each([
  [faithfulnessCorrelation.id, faithfulnessCorrelation],
  [sensitivityN.id, sensitivityN],
] as const)("%s", (_, metric) => {
  const w = normalTensor([2, 5, 8], "w").data;
  const additive: Analytic = { ...linear(shape, [w], [3]), link: "sigmoid" };

  it("is 1 for an additive model explained exactly, −1 for the opposite, whatever the scale", async () => {
    const probe = () => analyticProbe(additive, x);
    expect(numberOf(await scoreMethod(metric, probe(), inputXGradient))).toBeCloseTo(1, 6);
    const exact = Array.from({ length: 80 }, (_, i) => w[i] * (x.data[i] - 0.5));
    for (const [s, want] of [
      [1e-3, 1],
      [-40, -1],
    ]) {
      const phi = float32(
        [2, 5, 8],
        Float32Array.from(exact, (v) => s * v),
      );
      expect(numberOf(await scoreOf(metric, probe(), phi))).toBeCloseTo(want, 5);
    }
  });

  it("stays in [−1, 1], and random maps average 0", async () => {
    const values: number[] = [];
    const probe = analyticProbe(net, x);
    for (let k = 0; k < 200; k++) {
      const rng = (purpose: string) => rngOf("random map", k, purpose);
      values.push(numberOf(await scoreOf(metric, probe, await attribute(random, probe, { rng }))));
    }
    for (const v of values) expect(Math.abs(v)).toBeLessThanOrEqual(1);
    const mean = values.reduce((a, b) => a + b) / 200;
    const sd = Math.sqrt(values.reduce((a, b) => a + (b - mean) ** 2, 0) / 199);
    expect(Math.abs(mean)).toBeLessThan((3 * sd) / Math.sqrt(200));
    expect(sd).toBeGreaterThan(0.01);
  });

  it("runs the model once for all methods of a sample", async () => {
    const probe = analyticProbe(net, x);
    await scoreOf(metric, probe, map);
    const first = probe.model.passes.forwards;
    expect(await scoreOf(metric, probe, map)).toEqual(await scoreOf(metric, analyticProbe(net, x), map));
    await scoreOf(metric, probe, normalTensor([5, 8], "another"));
    expect(probe.model.passes.forwards).toBe(first);
    await scoreOf(metric, probe, map, { params: { draws: 5 } });
    expect(probe.model.passes.forwards).toBeGreaterThan(first);
  });

  it("skips what has no correlation, and says why", async () => {
    const flat = mapOf(...Array.from({ length: 5 }, () => Array(8).fill(0.3)));
    const probe = () => analyticProbe(net, x);
    const same = { skip: "the map has the same sum over every set of pixels" };
    expect(await scoreOf(metric, probe(), flat)).toEqual(same);
    expect(
      await scoreOf(metric, probe(), mapOf(...Array.from({ length: 5 }, () => Array(8).fill(0)))),
    ).toEqual(same);
    const blind = analyticProbe({ shape, logits: () => [2, 1] }, x);
    expect(await scoreOf(metric, blind, map)).toEqual({ skip: "the score does not react to hiding pixels" });
    const mute = analyticProbe({ shape, logits: () => [Number.NaN, 1] }, x);
    expect(await scoreOf(metric, mute, map)).toEqual({ skip: "the model's output is not finite" });
    const broken = float32(
      [5, 8],
      map.data.map((v, i) => (i === 3 ? Number.NaN : v)),
    );
    expect(await scoreOf(metric, probe(), broken)).toEqual({ skip: "map is not finite" });
  });

  it("refuses a baseline of other dims", async () => {
    await expect(
      scoreOf(metric, analyticProbe(net, x), map, { given: { baseline: map } }),
    ).rejects.toMatchObject({ code: "E_INPUT", next: "expected [2, 5, 8]" });
  });
});
