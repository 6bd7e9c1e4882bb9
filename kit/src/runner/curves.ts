/**
 * The curves that deletion and insertion are the areas of. A score is published, its curve is not: those of each sample stay in the journal,
 * and their means over the images in the run's folder, for `xai-kit report`.
 */
import type { Score } from "../metrics/metric.ts";
import { rngOf } from "../rng.ts";
import { groupsWith, interval, resampledMeans, resampleGroups } from "../stats/bootstrap.ts";
import { mean } from "../stats/summary.ts";
import { tableOf } from "../stats/table.ts";
import type { Plan } from "./plan.ts";
import { assemble, type SampleCurve, type Unit } from "./units.ts";

/** Of one method by one metric, over images: probabilities at equal steps, both ends included. */
export interface MeanCurve {
  readonly method: string;
  readonly metric: string;
  /** images */
  readonly n: number;
  /** over what stood for removed pixels too: the curve whose area is the score */
  readonly mean: readonly number[];
  /** 95 % of the mean at each step; null for a single group of images, which shows no spread */
  readonly interval: { readonly low: readonly number[]; readonly high: readonly number[] } | null;
  /** by what stood for removed pixels: "mean", "blur" */
  readonly references: Readonly<Record<string, readonly number[]>>;
}

const draws = 2000;

/** As fine as a picture shows, and a third of the digits. */
const rounded = (values: Iterable<number>): number[] => Array.from(values, (v) => Math.round(v * 1e5) / 1e5);

/** Those of a score by what stood for removed pixels: its parts that are called `<reference>-curve`. */
export function curvesIn(score: Score): SampleCurve["points"] | undefined {
  if (typeof score === "number" || "skip" in score) return undefined;
  const points: Record<string, readonly number[]> = {};
  for (const [name, part] of Object.entries(score.parts)) {
    const reference = /^(.+)-curve$/.exec(name)?.[1];
    if (reference !== undefined && typeof part === "object") points[reference] = rounded(part);
  }
  return Object.keys(points).length > 0 ? points : undefined;
}

/**
 * Means with intervals of the curves in these units, in the order of the plan: metrics, then methods. Resampled as the scores are, over the
 * same groups and strata.
 *
 * Cost: 2000 × groups × steps multiplications for each method and metric.
 */
export function meanCurves(
  { protocol, methods, metrics }: Pick<Plan, "protocol" | "methods" | "metrics">,
  selected: readonly string[],
  units: readonly Unit[],
): MeanCurve[] {
  const found = units.flatMap((unit) =>
    unit.kind === "sample" ? (unit.curves ?? []).map((curve) => ({ ...curve, sample: unit.sample })) : [],
  );
  if (found.length === 0) return [];
  const { rows } = assemble(selected, units);
  const ids = {
    methods: methods.map(({ method }) => method.id),
    metrics: metrics.map(({ metric }) => metric.id),
  };
  const { groups, strata } = tableOf(rows, ids.methods, ids.metrics);
  const resamples = resampleGroups(strata, draws, rngOf(protocol.seed, "bootstrap"));
  const groupAt = new Map(groups.map((group, at) => [group, at]));
  const groupOf = new Map(rows.map(({ sample, group }) => [sample, groupAt.get(group)!]));
  // the same whatever the order of the units
  found.sort((a, b) => (a.sample < b.sample ? -1 : a.sample > b.sample ? 1 : 0));

  return ids.metrics.flatMap((metric) =>
    ids.methods.flatMap((method): MeanCurve[] => {
      const every = found.filter((curve) => curve.metric === metric && curve.method === method);
      if (every.length === 0) return [];
      const names = Object.keys(every[0].points);
      const steps = every[0].points[names[0]].length;
      // what has other steps has no mean with these
      const own = every.filter(({ points }) => names.every((name) => points[name]?.length === steps));
      const at = (name: string, step: number) => Float64Array.from(own, ({ points }) => points[name][step]);
      const each = Array.from({ length: steps }, (_, step) =>
        Float64Array.from(own, ({ points }) => mean(names.map((name) => points[name][step]))!),
      );
      const group = Int32Array.from(own, ({ sample }) => groupOf.get(sample)!);
      const ends =
        groupsWith(each[0], group) > 1
          ? resampledMeans(each, group, resamples).map((means) => interval(means)!)
          : null;
      return [
        {
          method,
          metric,
          n: own.length,
          mean: rounded(each.map((column) => mean(column)!)),
          interval: ends && {
            low: rounded(ends.map(([low]) => low)),
            high: rounded(ends.map(([, high]) => high)),
          },
          references: Object.fromEntries(
            names.map((name) => [
              name,
              rounded(Array.from({ length: steps }, (_, step) => mean(at(name, step))!)),
            ]),
          ),
        },
      ];
    }),
  );
}
