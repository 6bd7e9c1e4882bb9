import { describe, expect, it } from "vitest";
import { rngOf } from "../rng.ts";
import { averageRanks, criticalDifference, friedman, rankBlocks, undistinguished } from "./friedman.ts";

/**
 * Demšar 2006, table 6: AUC of C4.5, and with its m, cf or both tuned, on 14 data sets. He ranks 0.975 twice on the last but one as
 * different, which their further digits must be.
 */
const demsar = [
  [0.763, 0.768, 0.771, 0.798],
  [0.599, 0.591, 0.59, 0.569],
  [0.954, 0.971, 0.968, 0.967],
  [0.628, 0.661, 0.654, 0.657],
  [0.882, 0.888, 0.886, 0.898],
  [0.936, 0.931, 0.916, 0.931],
  [0.661, 0.668, 0.609, 0.685],
  [0.583, 0.583, 0.563, 0.625],
  [0.775, 0.838, 0.866, 0.875],
  [1.0, 1.0, 1.0, 1.0],
  [0.94, 0.962, 0.965, 0.962],
  [0.619, 0.666, 0.614, 0.669],
  [0.972, 0.981, 0.975, 0.9749],
  [0.957, 0.978, 0.946, 0.97],
];
const tied = [
  [2, 3, 4, 5, 0],
  [0, 4, 5, 1, 1],
  [5, 2, 1, 4, 1],
  [2, 3, 3, 0, 0],
  [5, 4, 5, 3, 4],
  [1, 2, 4, 0, 1],
];
const negative = (blocks: readonly number[][]) => blocks.map((block) => block.map((v) => -v));

describe("friedman", () => {
  it("gives Demšar's worked example, which ignores ties", async () => {
    const ranks = rankBlocks(demsar, "higher");
    expect([...averageRanks(ranks)].map((r) => r.toFixed(3))).toEqual(["3.143", "2.000", "2.893", "1.964"]);
    const test = (await friedman(ranks, { ties: "ignored" }))!;
    expect(test.chiSquare.toFixed(2)).toBe("9.28");
    expect(test.f!.toFixed(2)).toBe("3.69");
    expect(test).toMatchObject({ blocks: 14, methods: 4, df: 3, fDf: [3, 39] });
    expect((await criticalDifference(4, 14, 0.05)).difference.toFixed(2)).toBe("1.25");
    expect((await criticalDifference(4, 14, 0.1)).difference.toFixed(2)).toBe("1.12");
  });

  // scipy 1.17.1: friedmanchisquare, and f.sf of Iman and Davenport's form of it
  it.each([
    { scores: demsar, chiSquare: 10.228346456692925, p: 0.016721580328441323, fP: 0.011620659515310975 },
    { scores: tied, chiSquare: 7.256637168141588, p: 0.1229318750145335, fP: 0.10988265410581245 },
  ])("corrects for ties as scipy does: $chiSquare", async ({ scores, chiSquare, p, fP }) => {
    const test = (await friedman(rankBlocks(scores, "higher")))!;
    expect(test.chiSquare).toBeCloseTo(chiSquare, 11);
    expect(test.p).toBeCloseTo(p, 13);
    expect(test.fP).toBeCloseTo(fP, 13);
  });

  it("is the textbook's formula where nothing ties", async () => {
    const rng = rngOf("friedman");
    const [n, k] = [9, 6];
    const ranks = rankBlocks(
      Array.from({ length: n }, () => Array.from({ length: k }, () => rng.normal())),
      "lower",
    );
    const sums = ranks[0].map((_, m) => ranks.reduce((sum, block) => sum + block[m], 0));
    const squares = sums.reduce((sum, r) => sum + r * r, 0);
    const want = (12 / (n * k * (k + 1))) * squares - 3 * n * (k + 1);
    for (const ties of ["corrected", "ignored"] as const) {
      expect((await friedman(ranks, { ties }))!.chiSquare).toBeCloseTo(want, 10);
    }
  });

  it("rejects in about 5 of 100 cases where methods do not differ", async () => {
    const rng = rngOf("friedman size");
    let [rejected, conservative] = [0, 0];
    for (let t = 0; t < 4000; t++) {
      const blocks = Array.from({ length: 12 }, () => Array.from({ length: 7 }, () => rng.normal()));
      const test = (await friedman(rankBlocks(blocks, "higher")))!;
      rejected += Number(test.fP < 0.05);
      conservative += Number(test.p < 0.05);
    }
    // numpy finds 0.0525 in 40,000 cases; within three standard errors
    expect(Math.abs(rejected / 4000 - 0.0525)).toBeLessThan(0.0106);
    expect(conservative).toBeLessThanOrEqual(rejected);
  });

  it("takes the exact probability where every block has the same order", async () => {
    const ranks = rankBlocks(
      [1, 2, 3, 4].map(() => [9, 5, 7]),
      "higher",
    );
    const test = (await friedman(ranks))!;
    expect(test.chiSquare).toBeCloseTo(4 * 2, 12);
    expect(test.f).toBeNull();
    expect(test.fP).toBeCloseTo(1 / 6 ** 3, 15);
  });

  it("has nothing to say where all tie, or of one block or method", async () => {
    expect(
      await friedman(
        rankBlocks(
          [
            [1, 1, 1],
            [2, 2, 2],
          ],
          "higher",
        ),
      ),
    ).toBeNull();
    expect(await friedman(rankBlocks([[1, 2, 3]], "higher"))).toBeNull();
    expect(await friedman(rankBlocks([[1], [2]], "higher"))).toBeNull();
    expect(await friedman([])).toBeNull();
  });

  it("does not change when direction and sign turn round", async () => {
    for (const scores of [demsar, tied]) {
      const ranks = rankBlocks(scores, "higher");
      expect(rankBlocks(negative(scores), "lower")).toEqual(ranks);
      expect(rankBlocks(scores, "lower")).not.toEqual(ranks);
      expect(await friedman(rankBlocks(negative(scores), "lower"))).toEqual(await friedman(ranks));
    }
  });
});

describe("undistinguished", () => {
  it("gives Demšar's diagram: nothing differs but the best two from the worst, at 0.10", async () => {
    const ranks = averageRanks(rankBlocks(demsar, "higher"));
    const at = async (alpha: number) =>
      undistinguished(ranks, (await criticalDifference(4, 14, alpha)).difference);
    expect(await at(0.05)).toEqual([[3, 1, 2, 0]]);
    expect(await at(0.1)).toEqual([
      [3, 1, 2],
      [2, 0],
    ]);
  });

  it("has every pair that does not differ in one group, and no pair that does", () => {
    const rng = rngOf("groups");
    for (let t = 0; t < 200; t++) {
      const ranks = Array.from({ length: 8 }, () => 1 + rng.integer(15) / 2);
      const difference = 0.25 + rng.integer(8) / 2;
      const groups = undistinguished(ranks, difference);
      for (let a = 0; a < 8; a++) {
        for (let b = 0; b < 8; b++) {
          const together = groups.some((group) => group.includes(a) && group.includes(b));
          expect(together).toBe(Math.abs(ranks[a] - ranks[b]) < difference);
        }
      }
      for (const [i, group] of groups.entries()) {
        expect(groups.some((other, j) => i !== j && group.every((m) => other.includes(m)))).toBe(false);
      }
    }
  });

  it("calls a difference of exactly the critical one different", () => {
    expect(undistinguished([1, 2, 3], 1)).toEqual([[0], [1], [2]]);
    expect(undistinguished([1, 2, 3], 1.5)).toEqual([
      [0, 1],
      [1, 2],
    ]);
    expect(undistinguished([3, 1, 2], Number.POSITIVE_INFINITY)).toEqual([[1, 2, 0]]);
    expect(undistinguished([], 1)).toEqual([]);
  });
});
