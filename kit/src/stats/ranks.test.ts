import { describe, expect, it } from "vitest";
import { rngOf } from "../rng.ts";
import { resampledMeans, resampleGroups } from "./bootstrap.ts";
import { type Contender, place, relativeRanks, tieGroups } from "./ranks.ts";
import { mean, quantile, ranks } from "./summary.ts";

const n = 40;
const group = Int32Array.from({ length: n }, (_, i) => i);
const resamples = resampleGroups(new Uint8Array(n), 400, rngOf("ranks"));

/** Scores on a coarse grid, so that there are ties; `lift` is what the method is better by. */
function column(lift: number, ...key: (string | number)[]): Float64Array {
  const rng = rngOf("ranks test", ...key);
  return Float64Array.from({ length: n }, () => Math.round(2 * rng.normal()) / 2 + lift);
}

function contenders(columns: readonly Float64Array[], standard = columns.map(() => true)): Contender[] {
  const relative = relativeRanks(columns, standard);
  const means = resampledMeans(relative, group, resamples);
  return relative.map((r, m) => ({
    method: `m${m}`,
    standard: standard[m],
    score: mean(r)!,
    resampled: means[m],
  }));
}
const of = (places: ReturnType<typeof place>, method: string) => places!.find((p) => p.method === method)!;

describe("relativeRanks", () => {
  it("is (k − rank)/(k − 1), ties averaged", () => {
    const columns = [0, 1, 2, 3, 4].map((m) => column(0, m));
    const found = relativeRanks(columns, [true, true, true, true, true]);
    for (let i = 0; i < n; i++) {
      const rank = ranks(columns.map((c) => -c[i]));
      for (const [m, r] of found.entries()) expect(r[i]).toBeCloseTo((5 - rank[m]) / 4, 14);
    }
  });

  it("gives a further method its twin's place, or a half step between its neighbours", () => {
    const at = (v: number) =>
      relativeRanks(
        [1, 2, 3, v].map((x) => Float64Array.of(x)),
        [true, true, true, false],
      );
    expect(at(2).map((r) => r[0])).toEqual([0, 0.5, 1, 0.5]);
    expect(at(2.5)[3][0]).toBe(0.75);
    expect(at(9)[3][0]).toBe(1.25);
    expect(at(0)[3][0]).toBe(-0.25);
  });

  it("needs two standard methods", () => {
    expect(() => relativeRanks([column(0, 1), column(0, 2)], [true, false])).toThrow(RangeError);
  });
});

describe("place", () => {
  const columns = [0, 0.1, 0.3, 0.6, 0.6].map((lift, m) => column(lift, "place", m));

  it("counts who is better in 97.5 % of resamples, and ranks within each", () => {
    const all = contenders(columns);
    const places = place(all);
    for (const own of all) {
      const ahead = all.filter((other) => {
        const won = [...other.resampled].filter((v, d) => v > own.resampled[d] + 1e-12).length;
        return won / 400 >= 0.975;
      });
      const each = Array.from({ length: 400 }, (_, d) => {
        return 1 + all.filter((other) => other.resampled[d] > own.resampled[d] + 1e-12).length;
      });
      const found = of(places, own.method);
      expect(found.rank).toBe(1 + ahead.length);
      expect(found.interval[0]).toBe(Math.floor(quantile(each, 0.025)!));
      expect(found.interval[1]).toBe(Math.ceil(quantile(each, 0.975)!));
    }
    expect(new Set(places!.map((p) => p.rank)).size).toBeGreaterThan(1);
    expect(places!.map((p) => p.score)).toEqual(all.map((c) => c.score).sort((a, b) => b - a));
    const groups = tieGroups(places!);
    expect(groups.flat().length).toBe(5);
    for (const tied of groups) expect(new Set(tied.map((m) => of(places, m).rank)).size).toBe(1);
  });

  it("puts a clearly better method alone at the top", () => {
    const places = place(contenders([...columns, column(9, "best")]))!;
    expect(places[0]).toMatchObject({ method: "m5", score: 1, rank: 1, interval: [1, 1] });
    expect(tieGroups(places)[0]).toEqual(["m5"]);
  });

  it("ties twins", () => {
    const places = place(contenders([...columns, columns[2]]));
    const { rank, interval, score } = of(places, "m2");
    expect(of(places, "m5")).toMatchObject({ rank, interval, score });
  });

  it("does not separate methods that differ by chance", () => {
    const places = place(contenders([1, 2, 3, 4, 5, 6].map((m) => column(0, "same", m))))!;
    expect(tieGroups(places)[0].length).toBeGreaterThanOrEqual(4);
    expect(places.every((p) => p.interval[1] > p.interval[0])).toBe(true);
  });

  it("keeps the standard methods where they are when others are added, and twins level with them", () => {
    const alone = place(contenders(columns))!;
    const further = [column(5, "further"), columns[1], column(-5, "worse")];
    const together = place(
      contenders([...columns, ...further], [true, true, true, true, true, false, false, false]),
    )!;
    expect(together.filter((p) => p.standard)).toEqual(alone);
    expect(of(together, "m5")).toMatchObject({ rank: 1, interval: [1, 1] });
    expect(together[0].method).toBe("m5");
    expect(of(together, "m6")).toMatchObject({
      rank: of(alone, "m1").rank,
      interval: of(alone, "m1").interval,
      score: of(alone, "m1").score,
    });
    expect(of(together, "m7")).toMatchObject({ rank: 6, interval: [6, 6] });
    expect(tieGroups(together)).toEqual(tieGroups(alone));
  });

  it("leaves out resamples without a score, and says when none is left", () => {
    const all = contenders(columns);
    const holed = all.map((c) => ({ ...c, resampled: c.resampled.map((v, d) => (d % 2 ? v : Number.NaN)) }));
    const half = all.map((c) => ({ ...c, resampled: c.resampled.filter((_, d) => d % 2) }));
    expect(place(holed)).toEqual(place(half));
    expect(place(all.map((c) => ({ ...c, resampled: c.resampled.map(() => Number.NaN) })))).toBeNull();
    expect(place([])).toBeNull();
  });
});
