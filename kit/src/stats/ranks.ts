/** Ranks that claim no more than the images show. */
import type { Interval } from "./bootstrap.ts";

/**
 * r̃ of every method on every image, (k − rank)/(k − 1) over the k standard methods: the share of the other standard methods it beats,
 * ties half. A method's mean r̃ is the mean over images.
 *
 * r̃ is taken per image, not from the ranks of means: the protocol compares the *mean* r̃ within resamples, lets ties be averaged and
 * gives a failed map the worst value *on that image*, all of which mean something only where there is a rank per image; and a mean of
 * unbounded scores such as max-sensitivity would rank by its few largest.
 *
 * A further method is placed by the same formula, rank = better standard methods + (equal ones + 1)/2, without being counted itself: as
 * a twin of a standard method it gets that method's r̃, ahead of all of them 1 + ½/(k − 1).
 *
 * @param oriented  [methods][images], higher is better; NaN, which stays, where a further method was not asked
 * @param standard  which of them are standard; at least two
 */
export function relativeRanks(
  oriented: readonly Float64Array[],
  standard: readonly boolean[],
): Float64Array[] {
  const field = oriented.filter((_, m) => standard[m]);
  const k = field.length;
  if (k < 2) throw new RangeError(`${k} standard methods cannot be ranked`);
  return oriented.map((column) =>
    column.map((value, image) => {
      if (Number.isNaN(value)) return value;
      let better = 0;
      let equal = 0;
      for (const other of field) {
        if (other[image] > value) better++;
        else if (other[image] === value) equal++;
      }
      return (k - better - (equal + 1) / 2) / (k - 1);
    }),
  );
}

/** A method with its standing: the mean of r̃, or a mean of such means, and the same in every resample. */
export interface Contender {
  readonly method: string;
  readonly standard: boolean;
  readonly score: number;
  readonly resampled: Float64Array;
}

export interface Place {
  readonly method: string;
  /** false: placed among the standard methods without moving them */
  readonly standard: boolean;
  /** mean r̃ */
  readonly score: number;
  readonly rank: number;
  readonly interval: Interval;
}

/** Means of the same ranks can differ in their last bits. A true difference is above 1e-7 for up to a thousand images. */
const isHigher = (a: number, b: number): boolean => a - b > 1e-9;

/**
 * rank of A = 1 + the number of standard methods whose score is higher than A's in at least 97.5 % of the paired resamples; the interval
 * is the range of A's rank over resamples without 2.5 % at each end, rounded outwards to ranks that occurred.
 *
 * By this definition the rank can be better than the interval: many methods, none of them surely ahead, leave A at rank 1.
 * Best score first; equal scores by id. `null` when no resample has a score of every method.
 */
export function place(contenders: readonly Contender[]): Place[] | null {
  const draws = contenders[0]?.resampled.length ?? 0;
  const valid = Array.from({ length: draws }, (_, d) => d).filter((d) =>
    contenders.every((c) => !Number.isNaN(c.resampled[d])),
  );
  if (valid.length === 0) return null;
  const field = contenders.filter((c) => c.standard);
  return contenders
    .map((own) => {
      const ranks = new Float64Array(valid.length).fill(1);
      let ahead = 0;
      for (const other of field) {
        if (other === own) continue;
        let won = 0;
        for (const [at, d] of valid.entries()) {
          if (!isHigher(other.resampled[d], own.resampled[d])) continue;
          won++;
          ranks[at]++;
        }
        if (won >= 0.975 * valid.length) ahead++;
      }
      ranks.sort();
      const last = valid.length - 1;
      const { method, standard, score } = own;
      const interval = [ranks[Math.floor(0.025 * last)], ranks[Math.ceil(0.975 * last)]] as const;
      return { method, standard, score, rank: 1 + ahead, interval };
    })
    .sort((a, b) =>
      isHigher(a.score, b.score) ? -1 : isHigher(b.score, a.score) ? 1 : a.method < b.method ? -1 : 1,
    );
}

/** Standard methods of equal rank, best group first. */
export function tieGroups(places: readonly Place[]): string[][] {
  const standard = places.filter((p) => p.standard);
  const ranks = [...new Set(standard.map((p) => p.rank))].sort((a, b) => a - b);
  return ranks.map((rank) => standard.filter((p) => p.rank === rank).map((p) => p.method));
}
