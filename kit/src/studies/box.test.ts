import { describe, expect, it } from "vitest";
import { rngOf } from "../rng.ts";
import { boxOf } from "./box.ts";

/** Position (n − 1)·q between the sorted values, literally. */
function quartile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const position = q * (sorted.length - 1);
  const k = Math.floor(position);
  return k + 1 < sorted.length ? sorted[k] + (position - k) * (sorted[k + 1] - sorted[k]) : sorted[k];
}

describe("a box", () => {
  it.each([1, 2, 3, 7, 28, 49])("has the quartiles of %i values", (n) => {
    const rng = rngOf("box", n);
    const values = Array.from({ length: n }, () => rng.uniform());
    const box = boxOf(values)!;
    for (const [found, q] of [
      [box.low, 0.25],
      [box.median, 0.5],
      [box.high, 0.75],
    ])
      expect(found).toBeCloseTo(quartile(values, q), 12);
    expect(box.mean).toBeCloseTo(values.reduce((a, b) => a + b, 0) / n, 12);
    expect(box.n).toBe(n);
  });

  it("has whiskers that end at a value, and leave outliers outside", () => {
    expect(boxOf([1, 2, 3, 4, 5])).toMatchObject({ low: 2, high: 4, least: 1, most: 5 });
    // reach: 1.5 × (5 − 2) from 5 is 9.5
    expect(boxOf([1, 2, 3, 4, 5, 20])).toMatchObject({ least: 1, most: 5 });
    expect(boxOf([-20, 1, 2, 3, 4, 5])).toMatchObject({ least: 1, most: 5 });
    // of few values an interpolated quartile may lie beyond all that are within reach
    const box = boxOf([0, 0, 0, 10])!;
    expect(box).toMatchObject({ high: 2.5, most: 2.5, least: 0 });
  });

  it("of nothing is none", () => {
    expect(boxOf([])).toBeNull();
  });
});
