/** Pointing game and relevance rank accuracy. */
import { describe, expect, it } from "vitest";
import { analyticProbe, linear, noiseImage, normalTensor, streams } from "../../../test/analytic-probe.ts";
import { mapOf, numberOf, scoreMethod, scoreOf } from "../../../test/scored.ts";
import { attribute } from "../../methods/method.ts";
import { random } from "../../methods/random.ts";
import { rngOf } from "../../rng.ts";
import { pointingGame } from "./pointing-game.ts";
import { relevanceRankAccuracy } from "./relevance-rank-accuracy.ts";

const shape = { channels: 1, height: 3, width: 5 };
const x = noiseImage(shape, "localisation");
const probe = analyticProbe(linear(shape, [x.data]), x);
const object = (...pixels: number[]) =>
  Uint8Array.from({ length: 15 }, (_, i) => (pixels.includes(i) ? 1 : 0));
const all = new Uint8Array(15).fill(1);
const map = normalTensor([3, 5], "map");
const strongest = Array.from(map.data.keys()).sort((a, b) => map.data[b] - map.data[a]);

describe.each([pointingGame, relevanceRankAccuracy].map((m) => [m.id, m] as const))("%s", (_, metric) => {
  it("skips without an object, and a map that is no number", async () => {
    expect(await scoreOf(metric, probe, map)).toEqual({ skip: "no mask" });
    expect(await scoreOf(metric, probe, map, { mask: object() })).toEqual({ skip: "empty mask" });
    const broken = mapOf([Number.NaN, 0, 0, 0, 0], [0, 0, 0, 0, 0], [0, 0, 0, 0, 1]);
    expect(await scoreOf(metric, probe, broken, { mask: all })).toEqual({ skip: "map is not finite" });
  });

  it("is 1 where everything is object", async () => {
    expect(await scoreOf(metric, probe, map, { mask: all })).toBe(1);
  });

  it("gives a random map the object's share, on average", async () => {
    const mask = object(0, 1, 2, 5, 6);
    const runs = 400;
    let sum = 0;
    for (let k = 0; k < runs; k++) {
      const explain = (other: typeof probe) =>
        attribute(random, other, { rng: (purpose) => rngOf("seed", k, purpose) });
      const attribution = await explain(probe);
      sum += numberOf(await scoreOf(metric, probe, attribution, { mask }));
    }
    const share = 5 / 15;
    expect(Math.abs(sum / runs - share)).toBeLessThan(3 * Math.sqrt((share * (1 - share)) / runs));
  });

  it("gives a constant map the object's share over samples, not the corner's", async () => {
    const flat = mapOf(...Array.from({ length: 3 }, () => Array(5).fill(1)));
    const mask = object(0, 1, 2, 5, 6);
    const runs = 400;
    let sum = 0;
    for (let k = 0; k < runs; k++) {
      const rng = (purpose: string) => rngOf("sample", k, purpose);
      sum += numberOf(await scoreOf(metric, probe, flat, { mask, rng }));
    }
    expect(Math.abs(sum / runs - 1 / 3)).toBeLessThan(3 * Math.sqrt(2 / 9 / runs));
    // by index the corner always wins
    expect(await scoreOf(metric, probe, flat, { mask: object(0, 1, 2), params: { ties: "index" } })).toBe(1);
    expect(await scoreOf(metric, probe, flat, { mask: object(14), params: { ties: "index" } })).toBe(0);
  });

  it("does not read sign as strength", async () => {
    const mask = object(14);
    const signed = mapOf([1, 0, 0, 0, 0], [0, 0, 0, 0, 0], [0, 0, 0, 0, -9]);
    expect(await scoreOf(metric, probe, signed, { mask })).toBe(0);
  });
});

it("pointing game asks for the strongest pixel only", async () => {
  expect(await scoreOf(pointingGame, probe, map, { mask: object(strongest[0]) })).toBe(1);
  expect(await scoreOf(pointingGame, probe, map, { mask: object(...strongest.slice(1)) })).toBe(0);
});

it("relevance rank accuracy is the share of the |S| strongest inside S", async () => {
  const rng = rngOf("masks");
  for (let n = 1; n <= 15; n++) {
    const pixels = [...rng.permutation(15).subarray(0, n)];
    const hits = strongest.slice(0, n).filter((i) => pixels.includes(i)).length;
    expect(await scoreOf(relevanceRankAccuracy, probe, map, { mask: object(...pixels) })).toBeCloseTo(
      hits / n,
      12,
    );
  }
});

it("centre maps win on centred objects: what a control is for", async () => {
  const { centreGaussian } = await import("../../methods/centre-gaussian.ts");
  const run = (pixel: number) =>
    scoreMethod(pointingGame, probe, centreGaussian, { mask: object(pixel), rng: streams("c") });
  expect(await run(7)).toBe(1);
  expect(await run(0)).toBe(0);
});
