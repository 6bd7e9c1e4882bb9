import { describe, expect, it } from "vitest";
import { rngOf } from "../rng.ts";
import { weightedRanks, weightSensitivity } from "./weights.ts";

const draws = 20_000;
const run = (standings: readonly number[][]) => weightSensitivity(standings, draws, rngOf("weights"));
const shares = (standings: readonly number[][]) => run(standings).map(({ share }) => share);

describe("weightSensitivity", () => {
  it("gives the length of the weights under which a method leads, of two components", () => {
    // a leads where w·1 + (1−w)·0 beats 0.6 and w·0 + (1−w)·1: w > 0.6; b below 0.4; c between
    const found = run([
      [1, 0, 0.6],
      [0, 1, 0.6],
    ]);
    for (const [m, want] of [0.4, 0.4, 0.2].entries()) {
      expect(Math.abs(found[m].share - want)).toBeLessThan(4 * found[m].error);
      expect(found[m].error).toBeCloseTo(Math.sqrt((want * (1 - want)) / draws), 4);
    }
  });

  it("gives the area of three: the corner above w = 1/2 is a quarter of the triangle", () => {
    // each specialist beats the all-rounder at 1/2 where its own weight is more
    const found = run([
      [1, 0, 0, 0.5],
      [0, 1, 0, 0.5],
      [0, 0, 1, 0.5],
    ]);
    for (const { share, error } of found) expect(Math.abs(share - 0.25)).toBeLessThan(4 * error);
  });

  it("sums to 1, shares ties, and never calls a share exact", () => {
    const found = run([
      [0.7, 0.7, 0.1],
      [0.4, 0.4, 0.3],
    ]);
    expect(found.map(({ share }) => share)).toEqual([0.5, 0.5, 0]);
    expect(found[2].error).toBeGreaterThan(0);
    expect(found[2].error).toBeLessThan(2 / draws);
    expect(run([[0, 0]])[0].share).toBe(0.5);
    expect(run([])).toEqual([]);
  });

  it("knows standings up to their unit, not single components'", () => {
    const standings = [
      [0.9, 0.5, 0.2],
      [0.1, 0.6, 0.8],
    ];
    const scaled = standings.map((row) => row.map((v) => 3 * v + 1));
    expect(shares(scaled)).toEqual(shares(standings));
    expect(shares([standings[0].map((v) => 10 * v), standings[1]])).not.toEqual(shares(standings));
  });

  it("is the same for the same seed", () => {
    const standings = [
      [0.9, 0.5],
      [0.1, 0.6],
    ];
    expect(shares(standings)).toEqual(shares(standings));
    expect(weightSensitivity(standings, draws, rngOf("other"))[0].share).not.toBe(shares(standings)[0]);
  });
});

describe("weightedRanks", () => {
  const standings = [
    [0.9, 0.5, 0.1, 0.5],
    [0.1, 0.5, 0.9, 0.5],
  ];
  it("orders by the weighted mean, and lets equal means share a rank", () => {
    expect(weightedRanks(standings, [1, 0])).toEqual([1, 2, 4, 2]);
    expect(weightedRanks(standings, [0, 3])).toEqual([4, 2, 1, 2]);
    expect(weightedRanks(standings, [1, 1])).toEqual([1, 1, 1, 1]);
  });
  it("knows weights up to their unit, and says nothing without any", () => {
    expect(weightedRanks(standings, [0.2, 0.1])).toEqual(weightedRanks(standings, [20, 10]));
    expect(weightedRanks(standings, [0, 0])).toBeNull();
    expect(weightedRanks([], [])).toBeNull();
  });
});
