/** What the runs say together, made once per build. */
import { type AcrossRuns, acrossRuns } from "../../kit/src/results/across-runs.ts";
import { coreMetrics } from "./rankings.ts";
import type { SiteRun } from "./run.ts";
import { allRuns } from "./runs.ts";
import { newest, whyUnranked } from "./select.ts";

/** Compared across runs. Each metric costs as much as the others together, and the rest is scored on few images. */
export const metricsAcross: readonly string[] = [
  ...coreMetrics,
  "annotation-coverage",
  "all-saliency-precision",
];

/**
 * The newest ranked run of each model on each data set that lies beside its scores, as the guide counts them. What cannot count goes
 * first, so that it does not hide an older run that can.
 */
export const runsAcross = (runs: readonly SiteRun[]): SiteRun[] =>
  newest(runs.filter((run) => whyUnranked(run) === undefined && run.tier !== "submitted"));

export const acrossOf = (runs: readonly SiteRun[]): Promise<AcrossRuns> =>
  acrossRuns(
    runsAcross(runs).map(({ result }) => ({
      result: { ...result, metrics: result.metrics.filter(({ id }) => metricsAcross.includes(id)) },
    })),
  );

let made: Promise<AcrossRuns> | undefined;

export function acrossAllRuns(): Promise<AcrossRuns> {
  made ??= allRuns().then(acrossOf);
  return made;
}
