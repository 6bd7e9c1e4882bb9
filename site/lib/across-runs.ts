/** What the runs say together, made once per build. */
import { type AcrossRuns, acrossRuns } from "../../kit/src/results/across-runs.ts";
import type { SiteRun } from "./run.ts";
import { allRuns } from "./runs.ts";
import { newest, whyUnranked } from "./select.ts";

/**
 * Of the newest ranked run of each model on each data set that lies beside its scores, as the guide counts them. What cannot count goes
 * first, so that it does not hide an older run that can.
 */
export const acrossOf = (runs: readonly SiteRun[]): Promise<AcrossRuns> =>
  acrossRuns(newest(runs.filter((run) => whyUnranked(run) === undefined && run.tier !== "submitted")));

let made: Promise<AcrossRuns> | undefined;

export function acrossAllRuns(): Promise<AcrossRuns> {
  made ??= allRuns().then(acrossOf);
  return made;
}
