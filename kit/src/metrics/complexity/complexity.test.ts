/** Entropy, sparsity, effective complexity. */
import { describe, expect, it } from "vitest";
import { analyticProbe, linear, noiseImage, normalTensor } from "../../../test/analytic-probe.ts";
import { mapOf, numberOf, scoreOf } from "../../../test/scored.ts";
import { centreGaussian } from "../../methods/centre-gaussian.ts";
import { attribute } from "../../methods/method.ts";
import type { ParamValue } from "../../params.ts";
import { rngOf } from "../../rng.ts";
import type { Metric } from "../metric.ts";
import { effectiveComplexity } from "./effective-complexity.ts";
import { entropy } from "./entropy.ts";
import { sparsity } from "./sparsity.ts";

const shape = { channels: 1, height: 3, width: 5 };
const x = noiseImage(shape, "complexity");
const probe = analyticProbe(linear(shape, [x.data]), x);
const run = (metric: Metric, map: ReturnType<typeof mapOf>, params: Record<string, ParamValue> = {}) =>
  scoreOf(metric, probe, map, { params });
const filled = (f: (i: number) => number) =>
  mapOf(...[0, 1, 2].map((row) => [0, 1, 2, 3, 4].map((column) => f(5 * row + column))));

const oneHot = (v = 1) => filled((i) => (i === 7 ? v : 0));
const flat = filled(() => 3);
const flatButOne = filled((i) => (i === 7 ? 0 : 3));
const n = 15;
const map = normalTensor([3, 5], "complexity");
const clipped = Array.from(map.data, (v) => Math.max(v, 0));
// with so few pixels one of them is negative, so that clipping leaves a 0 and the scale is the maximum
const h = clipped.map((v) => v / Math.max(...clipped));

describe.each([entropy, sparsity, effectiveComplexity].map((m) => [m.id, m] as const))("%s", (_, metric) => {
  it("skips a map that is zero and one that is no number", async () => {
    expect(
      await run(
        metric,
        filled(() => 0),
      ),
    ).toEqual({ skip: "map is zero" });
    expect(
      await run(
        metric,
        filled((i) => (i === 3 ? Number.POSITIVE_INFINITY : 1)),
      ),
    ).toEqual({
      skip: "map is not finite",
    });
  });

  it("does not depend on the map's scale", async () => {
    for (const scale of [2 ** -20, 2 ** 20]) {
      const scaled = { ...map, data: map.data.map((v) => v * scale) };
      expect(numberOf(await run(metric, scaled))).toBeCloseTo(numberOf(await run(metric, map)), 6);
    }
  });

  it("does not depend on where the pixels are", async () => {
    const order = rngOf("order").permutation(n);
    const moved = filled((i) => map.data[order[i]]);
    expect(numberOf(await run(metric, moved))).toBeCloseTo(numberOf(await run(metric, map)), 12);
  });
});

describe("at the ends", () => {
  it("a single pixel has no entropy, is sparse and simple", async () => {
    for (const v of [1, 1e-6, 1e6]) {
      expect(await run(entropy, oneHot(v))).toBeCloseTo(0, 12);
      expect(await run(sparsity, oneHot(v))).toBeCloseTo(1 - 1 / n, 12);
      expect(await run(sparsity, oneHot(v), { index: "hoyer" })).toBeCloseTo(1, 12);
      expect(await run(effectiveComplexity, oneHot(v))).toBeCloseTo(1 / n, 12);
    }
  });

  it("a constant map by its sizes has all the entropy there is, and is neither sparse nor simple", async () => {
    for (const constant of [flat, filled(() => -2)]) {
      expect(await run(entropy, constant, { of: "absolute" })).toBeCloseTo(Math.log(n), 12);
      expect(await run(sparsity, constant, { index: "hoyer" })).toBeCloseTo(0, 12);
      expect(await run(effectiveComplexity, constant)).toBe(1);
    }
  });

  it("a constant map has no relevance: no entropy and no sparsity, not the best of them", async () => {
    for (const metric of [entropy, sparsity]) {
      expect(await run(metric, flat)).toEqual({ skip: "map is constant" });
      expect(
        await run(
          metric,
          filled((i) => -1 - i),
        ),
      ).toEqual({ skip: "no positive value" });
    }
    // the least of contrast is the end of the scale
    expect(await run(entropy, flatButOne)).toBeCloseTo(Math.log(n - 1), 12);
    expect(await run(sparsity, flatButOne)).toBeCloseTo(1 / n, 12);
  });

  it("lies between them for any map", async () => {
    for (let k = 0; k < 50; k++) {
      const any = normalTensor([3, 5], `any ${k}`);
      for (const of of ["relevance", "absolute"]) {
        const value = numberOf(await run(entropy, any, { of }));
        expect(value).toBeGreaterThan(0);
        expect(value).toBeLessThan(Math.log(n));
      }
      const value = numberOf(await run(sparsity, any, { index: "hoyer" }));
      expect(value).toBeGreaterThan(0);
      expect(value).toBeLessThan(1);
    }
  });
});

it("entropy is −Σ q ln q of the relevance scaled to sum 1", async () => {
  const total = h.reduce((a, b) => a + b);
  let expected = 0;
  for (const v of h) if (v > 0) expected -= (v / total) * Math.log(v / total);
  expect(await run(entropy, map)).toBeCloseTo(expected, 6);
  // the published value of (1, 2, 3, 4)/10
  const four = mapOf([1, -2, 3, 4, 0], [0, 0, 0, 0, 0], [0, 0, 0, 0, 0]);
  expect(await run(entropy, four, { of: "absolute" })).toBeCloseTo(1.2798542258, 9);
});

it("sparsity is the share of relevance below the threshold", async () => {
  for (const threshold of [0, 0.05, 0.3, 1]) {
    const below = h.filter((v) => v < threshold).length / n;
    expect(await run(sparsity, map, { threshold })).toBeCloseTo(below, 12);
  }
  expect(await run(sparsity, map)).toBe(await run(sparsity, map, { threshold: 0.05 }));
  const sizes = Array.from(map.data, Math.abs);
  const ratio = sizes.reduce((a, b) => a + b) / Math.hypot(...sizes);
  expect(await run(sparsity, map, { index: "hoyer" })).toBeCloseTo(
    (Math.sqrt(n) - ratio) / (Math.sqrt(n) - 1),
    6,
  );
});

it("effective complexity counts sizes from 1 % of the largest on", async () => {
  const sizes = Array.from(map.data, Math.abs);
  for (const threshold of [0.01, 0.2, 0.5, 1]) {
    const count = sizes.filter((v) => v >= threshold * Math.max(...sizes)).length;
    expect(await run(effectiveComplexity, map, { threshold })).toBeCloseTo(count / n, 12);
  }
  const edge = filled((i) => (i === 0 ? -1 : i === 1 ? 0.25 : i === 2 ? 0.125 : 0));
  expect(await run(effectiveComplexity, edge, { threshold: 0.25 })).toBeCloseTo(2 / n, 12);
  expect(await run(effectiveComplexity, oneHot())).toBe(
    await run(effectiveComplexity, oneHot(), { threshold: 0.01 }),
  );
});

it("refuses thresholds that are no share", async () => {
  for (const metric of [sparsity, effectiveComplexity]) {
    await expect(run(metric, map, { threshold: 1.5 })).rejects.toThrow(/threshold=1.5 is not allowed/);
  }
});

it("scores noise and the bell as its controls are said to", async () => {
  const side = 48;
  const wide = { channels: 1, height: side, width: side };
  const noise = noiseImage(wide, "noise");
  const at = analyticProbe(linear(wide, [noise.data]), noise);
  const random = { ...noise, dims: [side, side] };
  const bell = await attribute(centreGaussian, at, { rng: (purpose) => rngOf(purpose) });
  const value = async (metric: Metric, of: typeof bell) => numberOf(await scoreOf(metric, at, of));
  const most = Math.log(side * side);
  // three standard errors of a mean over N pixels, none of whose terms has an sd above 1
  const within = 3 / side;
  expect(Math.abs((await value(entropy, random)) - (most - Math.log(2) + 0.5))).toBeLessThan(within);
  expect(Math.abs((await value(sparsity, random)) - 0.05)).toBeLessThan(within * Math.sqrt(0.05 * 0.95));
  expect(Math.abs((await value(effectiveComplexity, random)) - 0.99)).toBeLessThan(
    within * Math.sqrt(0.0099),
  );
  expect((await value(entropy, bell)) - most).toBeCloseTo(-0.29, 1);
  expect(Math.abs((await value(sparsity, bell)) - 0.0735)).toBeLessThan(0.01);
  expect(await value(effectiveComplexity, bell)).toBe(1);
});
