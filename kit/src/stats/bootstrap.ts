/**
 * Percentile bootstrap over groups. The same resamples serve every method and metric, so that differences between methods are paired.
 * Source: Efron 1979; groups are drawn whole because images of one patient are not independent.
 */
import type { Rng } from "../rng.ts";
import { sortedQuantile } from "./summary.ts";

export interface Resamples {
  readonly draws: number;
  readonly groups: number;
  /** [draws, groups]: how often each group was drawn */
  readonly counts: Float64Array;
}

export type Interval = readonly [low: number, high: number];

/** In each draw, every stratum of m groups gives m of its groups with replacement. `strata`: a small integer for each group. */
export function resampleGroups(strata: ArrayLike<number>, draws: number, rng: Rng): Resamples {
  const groups = strata.length;
  const members = new Map<number, number[]>();
  for (let g = 0; g < groups; g++) {
    const stratum = members.get(strata[g]);
    if (stratum) stratum.push(g);
    else members.set(strata[g], [g]);
  }
  const ordered = [...members.entries()].sort(([a], [b]) => a - b).map(([, group]) => group);
  const counts = new Float64Array(draws * groups);
  for (let d = 0; d < draws; d++) {
    for (const stratum of ordered) {
      for (let k = 0; k < stratum.length; k++) counts[d * groups + stratum[rng.integer(stratum.length)]]++;
    }
  }
  return { draws, groups, counts };
}

/**
 * The mean of each column in each resample: a mean over units, each counted as often as its group was drawn. NaN units are left out;
 * a resample without any unit gives NaN.
 *
 * Cost: draws × (groups with a value) × columns multiplications.
 */
export function resampledMeans(
  columns: readonly Float64Array[],
  group: Int32Array,
  { draws, groups, counts }: Resamples,
): Float64Array[] {
  const sums = columns.map((column) => {
    const sum = new Float64Array(groups);
    column.forEach((v, u) => {
      if (!Number.isNaN(v)) sum[group[u]] += v;
    });
    return sum;
  });
  // columns that are defined on the same units share their denominator
  const sizes: Float64Array[] = [];
  const known = new Map<string, number>();
  const sizeOf = columns.map((column) => {
    const defined = Uint8Array.from(column, (v) => Number(!Number.isNaN(v)));
    const key = defined.join("");
    const at = known.get(key) ?? sizes.length;
    if (at === sizes.length) {
      known.set(key, at);
      const size = new Float64Array(groups);
      defined.forEach((one, u) => {
        size[group[u]] += one;
      });
      sizes.push(size);
    }
    return at;
  });
  const used = Array.from({ length: groups }, (_, g) => g).filter((g) => sizes.some((size) => size[g] > 0));
  const width = columns.length + sizes.length;
  const table = new Float64Array(used.length * width);
  for (const [row, g] of used.entries()) {
    for (const [j, column] of [...sums, ...sizes].entries()) table[row * width + j] = column[g];
  }
  const means = columns.map(() => new Float64Array(draws));
  const totals = new Float64Array(width);
  for (let d = 0; d < draws; d++) {
    totals.fill(0);
    for (let row = 0; row < used.length; row++) {
      const count = counts[d * groups + used[row]];
      if (count === 0) continue;
      const at = row * width;
      for (let j = 0; j < width; j++) totals[j] += count * table[at + j];
    }
    for (let j = 0; j < means.length; j++) means[j][d] = totals[j] / totals[columns.length + sizeOf[j]];
  }
  return means;
}

/**
 * The median of each column in each resample, as `resampledMeans` the mean.
 *
 * Cost: draws × (units with a value), for each column.
 */
export function resampledMedians(
  columns: readonly Float64Array[],
  group: Int32Array,
  { draws, groups, counts }: Resamples,
): Float64Array[] {
  return columns.map((column) => {
    const order = Array.from(column.keys()).filter((u) => !Number.isNaN(column[u]));
    order.sort((a, b) => column[a] - column[b]);
    return Float64Array.from({ length: draws }, (_, d) => {
      const times = (u: number) => counts[d * groups + group[u]];
      const n = order.reduce((sum, u) => sum + times(u), 0);
      // of an even number of values the middle of two
      let [seen, low] = [0, Number.NaN];
      for (const u of order) {
        const before = seen;
        seen += times(u);
        if (before < n / 2 && seen >= n / 2) low = column[u];
        if (seen > n / 2) return (low + column[u]) / 2;
      }
      return Number.NaN;
    });
  });
}

/** 95 % percentile interval of resampled means or medians; `null` when no resample had a value. */
export function interval(means: Float64Array): Interval | null {
  const sorted = means.filter((v) => !Number.isNaN(v)).sort();
  return sorted.length === 0 ? null : [sortedQuantile(sorted, 0.025), sortedQuantile(sorted, 0.975)];
}

/** Groups with a value. Resampling fewer than two shows no spread: there is no interval then. */
export function groupsWith(column: Float64Array, group: Int32Array): number {
  return new Set(group.filter((_, u) => !Number.isNaN(column[u]))).size;
}
