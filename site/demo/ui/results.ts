/** What is known of each method so far, and how it compares with Node's. */
import type { Shown } from "../../../kit/src/render/shown.ts";
import type { Scored, ShownMetric, Step } from "../compute.ts";
import { mapDifference, parityTolerance, type Reference, scoreDifference } from "../reference.ts";

export interface Result {
  readonly map?: Float32Array;
  readonly shown?: Shown;
  readonly ms?: number;
  readonly passes?: number;
  readonly scores: Readonly<Partial<Record<ShownMetric, Scored>>>;
  /** why it cannot run on this model */
  readonly reason?: string;
}

/** What a step adds to what was known. */
export function resultAfter(known: Result | undefined, step: Step): Result {
  switch (step.kind) {
    case "start":
      return known ?? { scores: {} };
    case "map": {
      const { map, shown, ms, passes } = step;
      return { map, shown, ms, passes, scores: {} };
    }
    case "score":
      return { ...known, scores: { ...known?.scores, [step.metric]: step.score } };
    case "missing":
      return { scores: {}, reason: step.reason };
  }
}

export interface Parity {
  /** share of the map's largest value */
  readonly map: number;
  /** the larger of the scores' differences */
  readonly scores: number;
  readonly within: boolean;
}

/** undefined until the method is done, or where the reference does not have it. */
export function parityOf(id: string, result: Result, reference: Reference): Parity | undefined {
  const want = reference.maps.get(id);
  const stored = reference.methods.find((m) => m.id === id);
  if (result.map === undefined || want === undefined || stored === undefined) return undefined;
  const metrics = Object.entries(stored.scores) as [ShownMetric, number | null][];
  if (metrics.some(([metric]) => result.scores[metric] === undefined)) return undefined;
  const scores = metrics.map(([metric, value]) => scoreDifference(numberOf(result.scores[metric]), value));
  const parity = { map: mapDifference(result.map, want), scores: Math.max(0, ...scores) };
  return { ...parity, within: parity.map <= parityTolerance && parity.scores <= parityTolerance };
}

const numberOf = (score: Scored | undefined): number | null =>
  score && "value" in score ? score.value : null;
