import { describe, expect, it } from "vitest";
import { gini, mean, median, pearson, quantile, ranks, sd, spearman } from "./summary.ts";

/** Deterministic numbers in [0, 1), with ties when `steps` is small. */
function numbers(n: number, seed: number, steps = 1e6): number[] {
  let state = seed;
  return Array.from({ length: n }, () => {
    state = (state * 48271) % 2147483647;
    return Math.floor((state / 2147483647) * steps) / steps;
  });
}

describe("mean, sd, median, quantile", () => {
  it("agree with numbers worked out by hand", () => {
    const values = [2, 4, 4, 4, 5, 5, 7, 9];
    expect(mean(values)).toBe(5);
    expect(sd(values)).toBeCloseTo(Math.sqrt(32 / 7), 14);
    expect(median(values)).toBe(4.5);
    expect(median([3, 1, 2])).toBe(2);
  });

  it("interpolate quantiles as numpy does", () => {
    const values = [0.3, 10, -2, 7.5];
    expect(quantile(values, 0)).toBe(-2);
    expect(quantile(values, 1)).toBe(10);
    // np.quantile([0.3, 10, -2, 7.5], [0.1, 0.5, 0.9, 0.975])
    expect(quantile(values, 0.1)).toBeCloseTo(-1.31, 12);
    expect(quantile(values, 0.5)).toBeCloseTo(3.9, 12);
    expect(quantile(values, 0.9)).toBeCloseTo(9.25, 12);
    expect(quantile(values, 0.975)).toBeCloseTo(9.8125, 12);
    expect(values).toEqual([0.3, 10, -2, 7.5]);
  });

  it("are null where nothing is defined", () => {
    expect([mean([]), median([]), quantile([], 0.3), sd([]), sd([1])]).toEqual([
      null,
      null,
      null,
      null,
      null,
    ]);
    expect(() => quantile([1], 1.01)).toThrow(RangeError);
  });

  it("keep the digits of a small spread on a large offset", () => {
    const values = [1e9 + 4, 1e9 + 7, 1e9 + 13, 1e9 + 16];
    expect(mean(values)).toBe(1e9 + 10);
    expect(sd(values)).toBeCloseTo(Math.sqrt(30), 10);
  });
});

describe("ranks", () => {
  it("counts smaller values and half of the equal ones", () => {
    for (const seed of [1, 2, 3]) {
      const values = numbers(40, seed, 9);
      const literal = values.map(
        (v) => values.filter((u) => u < v).length + (values.filter((u) => u === v).length + 1) / 2,
      );
      expect([...ranks(values)]).toEqual(literal);
    }
  });
});

describe("pearson and spearman", () => {
  it("equal the covariance of standardised values", () => {
    const a = numbers(50, 5);
    const b = numbers(50, 6).map((v, i) => v + a[i]);
    const z = (v: number[]) => v.map((x) => (x - mean(v)!) / sd(v)!);
    const literal = z(a).reduce((sum, v, i) => sum + v * z(b)[i], 0) / 49;
    expect(pearson(a, b)).toBeCloseTo(literal, 12);
    expect(spearman(a, b)).toBeCloseTo(pearson(ranks(a), ranks(b))!, 15);
  });

  it("find the value scipy gives with ties", () => {
    // scipy.stats.spearmanr([1, 2, 2, 3, 5], [2, 1, 4, 4, 4]).statistic
    expect(spearman([1, 2, 2, 3, 5], [2, 1, 4, 4, 4])).toBeCloseTo(0.6308932681440448, 12);
  });

  it("do not change under a monotone transform (spearman) or a rise in scale and offset (pearson)", () => {
    const a = numbers(60, 7, 20);
    const b = numbers(60, 8, 20);
    expect(spearman(a.map(Math.exp), b)).toBe(spearman(a, b));
    expect(
      pearson(
        a.map((v) => 3 * v + 2),
        b,
      ),
    ).toBeCloseTo(pearson(a, b)!, 12);
    expect(
      spearman(
        a,
        a.map((v) => -v),
      ),
    ).toBe(-1);
  });

  it("are null for a constant, also one that its float64 mean misses", () => {
    expect(pearson([0.1, 0.1, 0.1], [1, 2, 3])).toBeNull();
    expect(spearman([1, 2, 3], [7, 7, 7])).toBeNull();
    expect(pearson([1], [2])).toBeNull();
    expect(() => pearson([1, 2], [1])).toThrow(RangeError);
  });
});

describe("gini", () => {
  it("is half the mean absolute difference over the mean", () => {
    const values = numbers(30, 9, 12);
    let differences = 0;
    for (const a of values) for (const b of values) differences += Math.abs(a - b);
    expect(gini(values)).toBeCloseTo(differences / 30 ** 2 / 2 / mean(values)!, 12);
  });

  it("is 0 when all are equal and (n − 1)/n when one holds everything", () => {
    expect(gini([2, 2, 2, 2])).toBeCloseTo(0, 15);
    expect(gini([0, 0, 0, 5])).toBe(0.75);
  });

  it("is null for zeros and refuses negative values", () => {
    expect(gini([0, 0])).toBeNull();
    expect(gini([])).toBeNull();
    expect(() => gini([1, -1])).toThrow(RangeError);
  });
});
