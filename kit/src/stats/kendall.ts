/** How alike are two rankings of the same methods? */
import { type Interval, interval, type Resamples } from "./bootstrap.ts";
import type { Numbers } from "./summary.ts";

/**
 * Kendall's τ-b, (concordant − discordant pairs) / √((pairs − ties in a) (pairs − ties in b)); `null` if a side is constant.
 * Turning both sides round changes nothing, so that ranks and scores give the same.
 *
 * Source: Kendall 1945.
 */
export function kendallTau(a: Numbers, b: Numbers): number | null {
  if (a.length !== b.length) throw new RangeError(`${a.length} and ${b.length} values do not pair`);
  let agreement = 0;
  let untiedA = 0;
  let untiedB = 0;
  for (let i = 1; i < a.length; i++) {
    for (let j = 0; j < i; j++) {
      const x = Math.sign(a[i] - a[j]);
      const y = Math.sign(b[i] - b[j]);
      agreement += x * y;
      untiedA += Math.abs(x);
      untiedB += Math.abs(y);
    }
  }
  return untiedA === 0 || untiedB === 0 ? null : agreement / Math.sqrt(untiedA * untiedB);
}

/** τ of pairs of rankings that come from the same units: from one if both of a pair are of the same data set, else from two. */
export interface Pairings {
  /** indices among the units that are resampled */
  readonly units: readonly number[];
  readonly taus: readonly number[];
}

/**
 * The mean τ of pairs of rankings, with the percentile interval over resampled units: a pair counts as often as its units were drawn,
 * one of two units as the product. Pairs of a unit with itself do not come up, so a draw that has no pair left says nothing.
 *
 * Cost: draws × lists.
 */
export function meanTau(
  lists: readonly Pairings[],
  { draws, groups, counts }: Resamples,
): { readonly tau: number; readonly interval: Interval | null } | null {
  const cells = lists.flatMap(({ units, taus }) =>
    taus.length === 0 ? [] : { units, n: taus.length, sum: taus.reduce((a, b) => a + b) },
  );
  if (cells.length === 0) return null;
  const weighted = (count: (unit: number) => number) => {
    let sum = 0;
    let total = 0;
    for (const cell of cells) {
      let weight = 1;
      for (const unit of cell.units) weight *= count(unit);
      sum += weight * cell.sum;
      total += weight * cell.n;
    }
    return sum / total;
  };
  const means = Float64Array.from({ length: draws }, (_, d) => weighted((unit) => counts[d * groups + unit]));
  return { tau: weighted(() => 1), interval: interval(means) };
}

/**
 * τ of two rankings of one run, or of two runs on the same images, with the percentile interval over resampled groups of images.
 *
 * @param a  of each method its standing and the same in every resample, as `Contender`
 * @param b  the same methods in the same order, from the same resamples
 */
export function tauOverGroups(
  a: readonly { readonly score: number; readonly resampled: Numbers }[],
  b: readonly { readonly score: number; readonly resampled: Numbers }[],
): { readonly tau: number; readonly interval: Interval | null } | null {
  const scores = (side: typeof a) => side.map(({ score }) => score);
  const tau = kendallTau(scores(a), scores(b));
  if (tau === null) return null;
  const draw = (side: typeof a, d: number) => side.map(({ resampled }) => resampled[d]);
  const taus = Float64Array.from(
    { length: a[0].resampled.length },
    (_, d) => kendallTau(draw(a, d), draw(b, d)) ?? Number.NaN, // NaN scores and all-tied draws alike
  );
  return { tau, interval: interval(taus) };
}
