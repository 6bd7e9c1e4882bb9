import { describe, expect, it } from "vitest";
import { analyticModel, linear, noiseImage, normalTensor, streams } from "../../../test/analytic-probe.ts";
import { mapOf, numberOf, scoreMethod, scoreOf } from "../../../test/scored.ts";
import { constant } from "../../methods/constant.ts";
import { attribute, type Method } from "../../methods/method.ts";
import { random } from "../../methods/random.ts";
import { saliency } from "../../methods/saliency.ts";
import { sobel } from "../../methods/sobel.ts";
import { createProbe, type Probe } from "../../model/probe.ts";
import { randomisation } from "./randomisation.ts";

const shape = { channels: 2, height: 5, width: 7 };
const x = noiseImage(shape, "randomisation");
const w = normalTensor([70], "w").data;
const model = analyticModel(linear(shape, [w]));
const probe = () => createProbe({ model, x, target: 0 });
/** A model whose gradient is these weights. */
const withWeights = (weights: ArrayLike<number>) => analyticModel(linear(shape, [weights]));

/** Spearman's ρ by counting, of values without ties: 1 − 6Σd²/(n(n² − 1)). */
function rho(a: ArrayLike<number>, b: ArrayLike<number>): number {
  const rank = (v: ArrayLike<number>) => Array.from(v, (p) => Array.from(v).filter((q) => q < p).length);
  const [s, t] = [rank(a), rank(b)];
  const n = s.length;
  return 1 - (6 * s.reduce((sum, r, i) => sum + (r - t[i]) ** 2, 0)) / (n * (n * n - 1));
}

describe("randomisation", () => {
  const other = normalTensor([70], "other").data;
  const sizes = (g: ArrayLike<number>) =>
    Array.from({ length: 35 }, (_, i) => Math.abs(g[i]) + Math.abs(g[35 + i]));

  it("is |Spearman| of the maps before and after", async () => {
    const result = await scoreMethod(randomisation, probe(), saliency, {
      randomised: () => withWeights(other),
    });
    expect(result).toBeCloseTo(Math.abs(rho(sizes(w), sizes(other))), 6);
    expect(numberOf(result)).toBeLessThan(0.6);
  });

  it("compares sizes: a map that only turned its sign has learnt nothing new", async () => {
    const negated = () => withWeights(w.map((v) => -v));
    expect(await scoreMethod(randomisation, probe(), saliency, { randomised: negated })).toBe(1);
    expect(
      await scoreMethod(randomisation, probe(), { ...saliency, map: "sum" }, { randomised: negated }),
    ).toBe(1);
    // signs alone do not count: only a map's sizes are ranked
    const mixed = () => withWeights(w.map((v, i) => (i % 2 ? v : -v)));
    const single: Method = {
      ...saliency,
      map: "sum",
      attribute: async (c) => {
        const g = await c.probe.gradient();
        return { ...g, dims: [5, 7], data: g.data.slice(0, 35) };
      },
    };
    expect(await scoreMethod(randomisation, probe(), single, { randomised: mixed })).toBeCloseTo(1, 12);
  });

  it("is 1 for controls that ignore the model", async () => {
    for (const control of [random, sobel]) expect(await scoreMethod(randomisation, probe(), control)).toBe(1);
  });

  it("skips a map with nothing to rank, before any model runs", async () => {
    const randomised = () => {
      throw new Error("not needed");
    };
    expect(await scoreMethod(randomisation, probe(), constant, { randomised })).toEqual({
      skip: "map is constant",
    });
    const rows = (of: (i: number) => number) =>
      mapOf(...Array.from({ length: 5 }, (_, r) => Array.from({ length: 7 }, (_, c) => of(7 * r + c))));
    const explain = (p: Probe) => attribute(saliency, p, { rng: streams("") });
    const run = (of: (i: number) => number) =>
      scoreOf(randomisation, probe(), rows(of), { explain, randomised });
    expect(await run((i) => (i % 2 ? 1 : -1))).toEqual({ skip: "map is constant" });
    expect(await run(() => 0)).toEqual({ skip: "map is zero" });
    expect(await run((i) => (i ? 1 : Number.NaN))).toEqual({ skip: "map is not finite" });
  });

  it("skips a map from elsewhere", async () => {
    expect(await scoreOf(randomisation, probe(), x)).toEqual({ skip: "the method cannot be re-run" });
  });

  it.each([
    ["zero", new Float32Array(70)],
    ["constant", new Float32Array(70).fill(2)],
    ["not finite", new Float32Array(70).fill(Number.NaN)],
  ])("draws again where the randomised map is %s, three times at most", async (_, bad) => {
    const asked: number[] = [];
    const goodFrom = (first: number) => (draw: number) => {
      asked.push(draw);
      return withWeights(draw >= first ? other : bad);
    };
    const want = Math.abs(rho(sizes(w), sizes(other)));
    expect(await scoreMethod(randomisation, probe(), saliency, { randomised: goodFrom(3) })).toBeCloseTo(
      want,
      6,
    );
    expect(asked).toEqual([0, 1, 2, 3]);
    asked.length = 0;
    expect(await scoreMethod(randomisation, probe(), saliency, { randomised: goodFrom(4) })).toEqual({
      skip: "four randomised models gave constant or non-finite maps",
    });
    expect(asked).toEqual([0, 1, 2, 3]);
  });

  it("runs each randomised model once for all methods of a sample", async () => {
    const shared = withWeights(other);
    const sample = probe();
    await scoreMethod(randomisation, sample, saliency, { randomised: () => shared });
    await scoreMethod(randomisation, sample, saliency, { randomised: () => shared });
    expect(shared.passes).toEqual({ forwards: 1, backwards: 1 });
  });
});
