import { describe, expect, it } from "vitest";
import { rngOf } from "../rng.ts";
import { interval, resampleGroups } from "./bootstrap.ts";
import { kendallTau, meanTau, type Pairings, tauOverGroups } from "./kendall.ts";
import { mean } from "./summary.ts";

describe("kendallTau", () => {
  // scipy 1.17.1, kendalltau
  it.each([
    { a: [1, 2, 2, 4, 5, 3, 3, 8], b: [2, 1, 2, 5, 4, 3, 6, 6], tau: 0.6153846153846154 },
    { a: [12, 2, 1, 12, 2], b: [1, 4, 7, 1, 0], tau: -0.4714045207910316 },
  ])("is scipy's with ties: $tau", ({ a, b, tau }) => expect(kendallTau(a, b)).toBeCloseTo(tau, 14));

  it("is 1 for the same order, −1 for the opposite, and undefined for a constant", () => {
    const a = [3, 1, 4, 1, 5];
    expect(kendallTau(a, a)).toBeCloseTo(1, 15);
    expect(
      kendallTau(
        a,
        a.map((v) => Math.exp(v)),
      ),
    ).toBeCloseTo(1, 15);
    expect(
      kendallTau(
        a,
        a.map((v) => -v),
      ),
    ).toBeCloseTo(-1, 15);
    expect(kendallTau(a, [2, 2, 2, 2, 2])).toBeNull();
    expect(kendallTau([1], [1])).toBeNull();
    expect(() => kendallTau([1, 2], [1])).toThrow(RangeError);
  });

  it("does not change when both sides turn round", () => {
    const [a, b] = [
      [12, 2, 1, 12, 2],
      [1, 4, 7, 1, 0],
    ];
    const turned = (values: number[]) => values.map((v) => -v);
    expect(kendallTau(turned(a), turned(b))).toBe(kendallTau(a, b));
    expect(kendallTau(turned(a), b)).toBeCloseTo(-kendallTau(a, b)!, 15);
  });
});

describe("meanTau", () => {
  it("is drawing data sets and averaging the pairs that they bring", () => {
    const lists: Pairings[] = [
      { units: [0], taus: [0.9, 0.7] },
      { units: [1], taus: [-0.2] },
      { units: [2], taus: [0.1] },
    ];
    const resamples = resampleGroups([0, 0, 0], 300, rngOf("tau"));
    const rng = rngOf("tau");
    const literal = Array.from({ length: 300 }, () =>
      [0, 0, 0].flatMap(() => {
        const unit = rng.integer(3);
        return lists.flatMap(({ units, taus }) => (units[0] === unit ? taus : []));
      }),
    ).map((drawn) => mean(drawn)!);
    const found = meanTau(lists, resamples)!;
    expect(found.tau).toBeCloseTo(1.5 / 4, 15);
    const want = interval(Float64Array.from(literal))!;
    expect(found.interval![0]).toBeCloseTo(want[0], 12);
    expect(found.interval![1]).toBeCloseTo(want[1], 12);
  });

  it("counts a pair of two data sets as often as both came together", () => {
    const pairs = [
      { units: [0, 2], taus: [1] },
      { units: [1, 2], taus: [0] },
      { units: [0, 3], taus: [0.5] },
    ];
    const counts = Float64Array.from([2, 0, 1, 1, /**/ 1, 1, 2, 0, /**/ 0, 2, 0, 2]);
    const found = meanTau(pairs, { draws: 3, groups: 4, counts })!;
    // first draw: 2·1, and 2·0.5, of 4; second: 2·1 and 2·0, of 4; third: no pair
    expect(found.tau).toBe(0.5);
    expect(found.interval![0]).toBeCloseTo(0.5 + 0.025 * 0.25, 12);
    expect(found.interval![1]).toBeCloseTo(0.75 - 0.025 * 0.25, 12);
  });

  it("covers the mean τ of many data sets in about 95 of 100 cases", () => {
    const rng = rngOf("tau coverage");
    let covered = 0;
    for (let t = 0; t < 400; t++) {
      // τ of a data set: anything symmetric about 0.4
      const pairs = Array.from({ length: 40 }, (_, u) => {
        return { units: [u], taus: [0.4 + 0.4 * (rng.uniform() - 0.5)] };
      });
      const found = meanTau(pairs, resampleGroups(new Uint8Array(40), 400, rngOf("cover", t)))!;
      covered += Number(found.interval![0] <= 0.4 && found.interval![1] >= 0.4);
    }
    expect(Math.abs(covered / 400 - 0.95)).toBeLessThan(0.04);
  });

  it("has nothing to say of no pairs, and no interval without draws", () => {
    expect(meanTau([], resampleGroups([0], 10, rngOf("none")))).toBeNull();
    expect(meanTau([{ units: [0], taus: [0.5] }], resampleGroups([0], 0, rngOf("none")))).toEqual({
      tau: 0.5,
      interval: null,
    });
  });
});

describe("tauOverGroups", () => {
  const contenders = (scores: number[], draws: number[][]) =>
    scores.map((score, m) => ({ score, resampled: Float64Array.from(draws, (draw) => draw[m]) }));

  it("is τ of the scores, with the interval of τ in each resample", () => {
    const a = contenders(
      [1, 2, 3],
      [
        [1, 2, 3],
        [1, 2, 3],
        [2, 1, 3],
      ],
    );
    const b = contenders(
      [1, 2, 4],
      [
        [1, 2, 3],
        [3, 2, 1],
        [1, 2, 3],
      ],
    );
    const { tau, interval: found } = tauOverGroups(a, b)!;
    expect(tau).toBe(1);
    expect(found).toEqual(interval(Float64Array.of(1, -1, 1 / 3)));
  });

  it("leaves out resamples in which it is not defined", () => {
    const a = contenders(
      [1, 2, 3],
      [
        [1, 2, 3],
        [1, 1, 1],
        [Number.NaN, 1, 2],
      ],
    );
    const b = contenders(
      [3, 2, 1],
      [
        [3, 2, 1],
        [1, 2, 3],
        [1, 2, 3],
      ],
    );
    expect(tauOverGroups(a, b)).toEqual({ tau: -1, interval: [-1, -1] });
    expect(tauOverGroups(contenders([1, 1], [[1, 2]]), contenders([1, 2], [[1, 2]]))).toBeNull();
  });
});
