import { describe, expect, it } from "vitest";
import { rngOf } from "../rng.ts";
import { groupsWith, interval, resampledMeans, resampledMedians, resampleGroups } from "./bootstrap.ts";
import { mean, median, quantile } from "./summary.ts";

const normals = (n: number, ...key: (string | number)[]) => {
  const rng = rngOf("bootstrap test", ...key);
  return Float64Array.from({ length: n }, () => rng.normal());
};
const each = (n: number) => Int32Array.from({ length: n }, (_, i) => i);

/** The definition: draw groups, copy their units, average. */
function literal(
  column: Float64Array,
  group: Int32Array,
  strata: number[],
  draws: number,
  key: string,
  centre = mean,
) {
  const rng = rngOf(key);
  return Array.from({ length: draws }, () => {
    const values: number[] = [];
    for (const stratum of [...new Set(strata)].sort()) {
      const members = [...strata.keys()].filter((g) => strata[g] === stratum);
      for (const _ of members) {
        const drawn = members[rng.integer(members.length)];
        for (const [u, v] of column.entries()) if (group[u] === drawn && !Number.isNaN(v)) values.push(v);
      }
    }
    return centre(values) ?? Number.NaN;
  });
}

describe("resampling", () => {
  it("is drawing groups within strata and averaging what is in them", () => {
    const group = Int32Array.from([0, 1, 1, 2, 3, 3, 3, 4, 5, 6]);
    const strata = [1, 0, 0, 1, 1, 0, 1];
    const a = normals(10, "a");
    const b = a.map((v, u) => (u % 3 === 0 ? Number.NaN : 2 * v));
    const resamples = resampleGroups(strata, 300, rngOf("key"));
    const found = resampledMeans([a, b, a], group, resamples);
    for (const [column, means] of [
      [a, found[0]],
      [b, found[1]],
      [a, found[2]],
    ]) {
      for (const [d, want] of literal(column, group, strata, 300, "key").entries()) {
        if (Number.isNaN(want)) expect(means[d]).toBeNaN();
        else expect(means[d]).toBeCloseTo(want, 12);
      }
      const want = literal(column, group, strata, 300, "key").filter((v) => !Number.isNaN(v));
      expect(interval(means)![0]).toBeCloseTo(quantile(want, 0.025)!, 12);
      expect(interval(means)![1]).toBeCloseTo(quantile(want, 0.975)!, 12);
    }
  });

  it("takes medians of the same draws", () => {
    const group = Int32Array.from([0, 1, 1, 2, 3, 3, 3, 4, 5, 6]);
    const strata = [1, 0, 0, 1, 1, 0, 1];
    const a = normals(10, "median");
    const b = a.map((v, u) => (u % 4 === 0 ? Number.NaN : Math.round(v)));
    const found = resampledMedians([a, b], group, resampleGroups(strata, 300, rngOf("key")));
    for (const [i, column] of [a, b].entries()) {
      for (const [d, want] of literal(column, group, strata, 300, "key", median).entries()) {
        expect(found[i][d]).toBeCloseTo(want, 12);
      }
    }
  });

  it("draws each stratum as often as it has groups", () => {
    const strata = Uint8Array.from({ length: 50 }, (_, g) => Number(g % 5 === 0));
    const { counts } = resampleGroups(strata, 100, rngOf("strata"));
    for (let d = 0; d < 100; d++) {
      const own = counts.subarray(50 * d, 50 * (d + 1));
      expect(own.filter((_, g) => strata[g] === 1).reduce((a, b) => a + b)).toBe(10);
      expect(own.filter((_, g) => strata[g] === 0).reduce((a, b) => a + b)).toBe(40);
    }
    expect(new Set(counts).size).toBeGreaterThan(3);
  });

  it("shows no spread between strata that differ, only within", () => {
    const strata = Uint8Array.from({ length: 40 }, (_, g) => Number(g >= 20));
    const column = Float64Array.from(strata, (s) => 100 * s);
    const [means] = resampledMeans([column], each(40), resampleGroups(strata, 200, rngOf("s")));
    expect(interval(means)).toEqual([50, 50]);
    const [mixed] = resampledMeans([column], each(40), resampleGroups(new Uint8Array(40), 200, rngOf("s")));
    expect(interval(mixed)![1] - interval(mixed)![0]).toBeGreaterThan(20);
  });

  it("is not narrowed by copies of an image within its group", () => {
    const column = normals(30, "copies");
    const resamples = resampleGroups(new Uint8Array(30), 500, rngOf("c"));
    const [once] = resampledMeans([column], each(30), resamples);
    const tripled = Float64Array.from({ length: 90 }, (_, u) => column[Math.floor(u / 3)]);
    const group = Int32Array.from({ length: 90 }, (_, u) => Math.floor(u / 3));
    const [thrice] = resampledMeans([tripled], group, resamples);
    for (const d of thrice.keys()) expect(thrice[d]).toBeCloseTo(once[d], 12);
    // as if they were other patients' images they would claim more than is known
    const [alone] = resampledMeans([tripled], each(90), resampleGroups(new Uint8Array(90), 500, rngOf("c")));
    const width = (means: Float64Array) => interval(means)![1] - interval(means)![0];
    expect(width(alone)).toBeLessThan(0.75 * width(once));
  });

  it("covers a known mean in about 95 of 100 cases", () => {
    // every column is one experiment; they share the resamples
    const columns = Array.from({ length: 1000 }, (_, k) => normals(60, "coverage", k));
    const means = resampledMeans(columns, each(60), resampleGroups(new Uint8Array(60), 600, rngOf("cover")));
    const covered = means.filter((m) => interval(m)![0] <= 0 && interval(m)![1] >= 0).length / 1000;
    expect(Math.abs(covered - 0.95)).toBeLessThan(0.03);
  });

  it("has no interval for a column without values, and counts groups", () => {
    const nothing = new Float64Array(4).fill(Number.NaN);
    const resamples = resampleGroups(new Uint8Array(4), 50, rngOf("n"));
    const [none, some] = resampledMeans([nothing, normals(4, "n")], each(4), resamples);
    expect(interval(none)).toBeNull();
    expect(interval(some)).not.toBeNull();
    expect(groupsWith(nothing, each(4))).toBe(0);
    expect(groupsWith(Float64Array.of(1, 2, Number.NaN, 3), Int32Array.of(0, 0, 1, 2))).toBe(2);
  });
});
