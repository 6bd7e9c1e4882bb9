import { describe, expect, it } from "vitest";
import { chiSquareTail, fTail, rangeQuantile, rangeTail } from "./distributions.ts";

/** Relative, since a small p is read by its order of magnitude. */
const near = (found: number, want: number, within = 1e-12) =>
  expect(Math.abs(found / want - 1)).toBeLessThan(within);

// all values: scipy 1.17.1, chi2.sf, f.sf and studentized_range.sf with infinite df; the range also by mpmath to 30 digits
describe("tails", () => {
  it.each([
    [0.5, 1, 0.47950012218695337],
    [3.84, 1, 0.05004352124870519],
    [9.28, 3, 0.025790724198756772],
    [20, 10, 0.029252688076961124],
    [45, 10, 2.1747272576671776e-6],
    [60, 10, 3.6243009520614924e-9],
  ])("χ² of %d with %d degrees of freedom", async (x, df, p) => near(await chiSquareTail(x, df), p));

  it.each([
    [3.69, 3, 39, 0.01974409968948888],
    [0.8, 5, 50, 0.5549801429062651],
    [2, 2, 4, 0.25],
    [12, 10, 150, 4.483986128780901e-15],
    [30, 10, 150, 5.010214429910918e-31],
  ])("F of %d with %d and %d", async (x, a, b, p) => near(await fTail(x, a, b), p));

  it.each([
    [1, 3, 0.7592873587706612],
    [2, 5, 0.6184494805509919],
    [3.5, 4, 0.06387633385690328],
    [3.5, 10, 0.28201643828913625],
    [4.5, 11, 0.0558645140791626],
    [5, 11, 0.017761558116119236],
    [7, 6, 1.1010852745907407e-5],
  ])("range of %d among %d", async (q, k, p) => near(await rangeTail(q, k), p, 1e-10));

  it("are 1 at and below 0", async () => {
    for (const x of [0, -1]) {
      expect(await chiSquareTail(x, 3)).toBe(1);
      expect(await fTail(x, 3, 39)).toBe(1);
      expect(await rangeTail(x, 3)).toBe(1);
    }
  });

  it("end at 0 and 1 where a probability underflows", async () => {
    expect(await chiSquareTail(1e5, 10)).toBe(0);
    expect(await chiSquareTail(1e-300, 10)).toBe(1);
    near(await chiSquareTail(1000, 2), 7.124576406741285e-218, 1e-11); // e^(−500)
    expect(await fTail(1e9, 10, 9990)).toBe(0);
    expect(await fTail(1e-300, 10, 9990)).toBe(1);
    expect(await rangeTail(100, 5)).toBeLessThan(1e-14);
  });

  it("of two normal variates is that of one with variance 2", async () => {
    for (const q of [0.3, 1, 2.7, 5]) near(await rangeTail(q, 2), await chiSquareTail(q ** 2 / 2, 1), 1e-11);
  });
});

describe("rangeQuantile", () => {
  // Demšar 2006, table 5a: the range over √2, k = 2 … 10
  const table = {
    0.05: [1.96, 2.343, 2.569, 2.728, 2.85, 2.949, 3.031, 3.102, 3.164],
    0.1: [1.645, 2.052, 2.291, 2.459, 2.589, 2.693, 2.78, 2.855, 2.92],
  };
  // scipy's studentized_range.ppf over √2, k = 2 … 11
  const exact = {
    0.05: [1.959964, 2.343701, 2.569032, 2.727774, 2.849705, 2.94832, 3.030878, 3.10173, 3.163684, 3.218654],
    0.1: [1.644854, 2.052293, 2.291341, 2.459516, 2.588521, 2.692732, 2.779884, 2.854606, 2.919889, 2.977768],
  };
  it.each([0.05, 0.1] as const)("agrees with the published table and with scipy at %d", async (alpha) => {
    for (const [i, want] of exact[alpha].entries()) {
      const q = (await rangeQuantile(alpha, i + 2)) / Math.SQRT2;
      expect(Math.abs(q - want)).toBeLessThan(1e-6);
      if (i < 9) expect(Math.abs(q - table[alpha][i])).toBeLessThan(0.0011);
    }
  });

  it("undoes the tail", async () => {
    for (const alpha of [0.9, 0.3, 0.01, 1e-6]) {
      near(await rangeTail(await rangeQuantile(alpha, 7), 7), alpha, 1e-8);
    }
  });

  it("refuses what has no range", async () => {
    await expect(rangeQuantile(0, 3)).rejects.toThrow(RangeError);
    await expect(rangeQuantile(1, 3)).rejects.toThrow(RangeError);
    await expect(rangeTail(1, 1)).rejects.toThrow(RangeError);
    await expect(rangeTail(1, 2.5)).rejects.toThrow(RangeError);
  });
});
