import { describe, expect, it } from "vitest";
import { expected, relativeError, tolerance } from "./check.ts";

/** Keeps `bits` of the fraction, as a device of that precision does with what it multiplies. */
const rounding = (bits: number) => (v: number) => {
  const step = 2 ** (Math.floor(Math.log2(Math.abs(v) || 1)) - bits);
  return Math.round(v / step) * step;
};

describe("device check", () => {
  const exact = expected(1);
  const error = (bits: number) => relativeError(expected(1, rounding(bits)).logits, exact.logits);

  it("tells float32 from TF32 and float16", () => {
    expect(error(23)).toBeLessThan(tolerance / 10);
    expect(error(10)).toBeGreaterThan(tolerance * 2);
  });

  it("has logits that differ and probabilities that matter", () => {
    expect(new Set(exact.logits).size).toBe(10);
    expect(Math.max(...exact.probabilities)).toBeLessThan(0.9);
    expect(exact.probabilities.reduce((a, b) => a + b)).toBeCloseTo(1, 12);
  });

  it("batch 8 begins with batch 1", () => {
    expect(expected(8).logits.subarray(0, 10)).toEqual(exact.logits);
  });

  it("calls NaN and a wrong length an infinite error", () => {
    expect(relativeError(Float32Array.of(Number.NaN), Float64Array.of(1))).toBe(Number.POSITIVE_INFINITY);
    expect(relativeError(Float32Array.of(1, 2), Float64Array.of(1))).toBe(Number.POSITIVE_INFINITY);
  });
});
