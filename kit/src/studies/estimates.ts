/** Numbers with how sure they are, as findings hold them. */
import { blocksNeeded } from "../results/across-field.ts";
import { rngOf } from "../rng.ts";
import { interval, resampledMeans, resampleGroups } from "../stats/bootstrap.ts";
import { mean } from "../stats/summary.ts";
import type { Estimate } from "./findings.ts";
import type { StudyRun } from "./study.ts";

const draws = 2000;

export const none = (reason: string): Estimate => ({ value: null, interval: null, n: null, reason });

/**
 * The mean over units that are drawn anew for the interval: data sets, seeds. Fewer than three units have none, since their spread says nothing.
 *
 * @param what  of the units, as "data sets"
 */
export function meanOver(values: readonly (number | null)[], what: string): Estimate {
  const known = values.filter((value) => value !== null);
  if (known.length === 0) return none("not measured");
  const value = mean(known)!;
  const n = known.length;
  if (n < blocksNeeded)
    return { value, interval: null, n, reason: `no interval: ${n} of ${what}, ${blocksNeeded} are needed` };
  const drawn = resampleGroups(new Uint8Array(n), draws, rngOf("xai-kit/study", "units"));
  const [means] = resampledMeans([Float64Array.from(known)], Int32Array.from(known.keys()), drawn);
  return { value, interval: interval(means), n };
}

/** A cell of a run's statistics. */
export function cellOf({ result }: Pick<StudyRun, "result">, method: string, metric: string): Estimate {
  const cell = result.statistics.cells.find((c) => c.method === method && c.metric === metric);
  if (cell === undefined || cell.n === 0) return none(whyNot(result, method, metric));
  return {
    value: cell.mean,
    interval: cell.interval === null ? null : [cell.interval[0], cell.interval[1]],
    n: cell.n,
    ...(cell.noInterval !== null && { reason: cell.noInterval }),
  };
}

function whyNot(result: StudyRun["result"], method: string, metric: string): string {
  const own = result.methods.find(({ id }) => id === method);
  if (own === undefined) return "the method was not run";
  if (own.status !== "ok") return own.reason ?? own.status;
  if (result.metrics.some(({ id }) => id === metric)) return "no image has a score";
  return "not measured: the metric was not run, or the data has no masks";
}
