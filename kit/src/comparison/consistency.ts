/** Consistency: do models that differ in their seed alone put the evidence in the same place? */
import type { Rng } from "../rng.ts";
import { groupsWith, type Interval, interval, resampledMeans, resampleGroups } from "../stats/bootstrap.ts";
import { mean } from "../stats/summary.ts";

/** Of one sample and two runs: pixels in both regions and in either, or why they cannot be compared. */
export type Overlap = readonly number[] | "other-class" | "no-map";

export interface PairOverlaps {
  /** identities of the two */
  readonly runs: readonly string[];
  /** of each sample */
  readonly overlaps: readonly Overlap[];
}

export interface PairScore extends PairOverlaps {
  readonly n: number;
  readonly mean: number | null;
  readonly skips: { readonly "other-class": number; readonly "no-map": number; readonly "no-region": number };
}

export interface ConsistencyScore {
  readonly value: number | null;
  readonly interval: Interval | null;
  readonly allPairs: number | null;
  readonly pairs: readonly PairScore[];
}

const draws = 2000;

/**
 * Mean IoU with the reference seed: (1/R) Σ_r mean_i |A_r,i ∩ A_ref,i| / |A_r,i ∪ A_ref,i|, A the pixels whose relevance is at least 0.5. A
 * sample has no IoU with a run that explains another class there, has no map, or has no region any more than the reference has.
 *
 * @param groups  of each sample: an index into groups (patients, source photos), which are resampled whole
 * @returns       value and interval over the pairs with the reference, `allPairs` over all; null where no sample has an IoU
 *
 * Source: GradFaith-CAM (Panboonyuen), eq. 6. That only maps of the same class are compared is ours: eq. 6 has one class c on both sides.
 * Limits: a map that ignores the model is perfectly consistent, so the controls score 1 and there is no gate.
 */
export function consistencyOf(
  pairs: readonly PairOverlaps[],
  reference: string,
  groups: Int32Array,
  rng: Rng,
): ConsistencyScore {
  const scored = pairs.map((pair): PairScore => {
    const ious = pair.overlaps.flatMap((overlap) => iouOf(overlap) ?? []);
    const count = (reason: Overlap) => pair.overlaps.filter((o) => o === reason).length;
    const skips = { "other-class": count("other-class"), "no-map": count("no-map") };
    const compared = pair.overlaps.length - skips["other-class"] - skips["no-map"];
    return {
      ...pair,
      n: ious.length,
      mean: mean(ious),
      skips: { ...skips, "no-region": compared - ious.length },
    };
  });
  const own = scored.filter(({ runs }) => runs.includes(reference));
  return {
    value: meanOf(own),
    interval: intervalOf(own, groups, rng),
    allPairs: meanOf(scored),
    pairs: scored,
  };
}

/** Undefined where the regions were not compared, or neither has a pixel. */
const iouOf = (overlap: Overlap): number | undefined =>
  typeof overlap === "string" || overlap[1] === 0 ? undefined : overlap[0] / overlap[1];

const meanOf = (pairs: readonly PairScore[]): number | null => mean(pairs.flatMap((pair) => pair.mean ?? []));

function intervalOf(pairs: readonly PairScore[], groups: Int32Array, rng: Rng): Interval | null {
  const columns = pairs
    .filter(({ n }) => n > 0)
    .map(({ overlaps }) => Float64Array.from(overlaps, (overlap) => iouOf(overlap) ?? Number.NaN));
  if (columns.length === 0 || columns.some((column) => groupsWith(column, groups) < 2)) return null;
  const strata = new Uint8Array(groups.reduce((most, g) => Math.max(most, g), 0) + 1);
  const means = resampledMeans(columns, groups, resampleGroups(strata, draws, rng));
  // a resample in which a pair has no IoU is NaN, and left out
  return interval(Float64Array.from({ length: draws }, (_, d) => mean(means.map((column) => column[d]))!));
}
