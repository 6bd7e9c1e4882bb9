/** Which runs a page shows. */
import { isDraft as draft, isQuick as quick, whyUnranked as unranked } from "../../kit/src/results/ranked.ts";
import type { SiteRun } from "./run.ts";

/** The newest run of each model on each data set under each protocol, in the order of their ids. */
export function newest(runs: readonly SiteRun[]): SiteRun[] {
  const kept = new Map<string, SiteRun>();
  for (const run of runs) {
    const { data, model, protocol } = run.result;
    const key = JSON.stringify([data.id, model.id, protocol.id]);
    const other = kept.get(key);
    if (other === undefined || isNewer(run, other)) kept.set(key, run);
  }
  return [...kept.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
}

/** The same second twice: the id decides, so that no reading order does. */
const isNewer = (a: SiteRun, b: SiteRun): boolean =>
  a.telemetry.date === b.telemetry.date ? a.id > b.id : a.telemetry.date > b.telemetry.date;

export const isQuick = (run: SiteRun): boolean => quick(run.result);
export const isDraft = (run: SiteRun): boolean => draft(run.result);
export const isSynthetic = (run: SiteRun): boolean => run.result.data.track === "synthetic";

/** Why a run is shown without ranks, whatever it found; undefined for one that is ranked. */
export const whyUnranked = (run: SiteRun): string | undefined => unranked(run.result);

/**
 * The runs that the home page draws its answer from: those of one protocol, since ranks of different ones are not comparable. Released
 * protocols come first, then drafts; quick runs only where there is nothing else.
 */
export function comparable(runs: readonly SiteRun[]): SiteRun[] {
  const standard = runs.filter((run) => run.result.standard);
  const pool = standard.length > 0 ? standard : runs;
  const worth = (run: SiteRun) => (isQuick(run) ? 0 : isDraft(run) ? 1 : 2);
  const best = Math.max(...pool.map(worth));
  const protocols = pool.filter((run) => worth(run) === best).map((run) => run.result.protocol.id);
  const protocol = protocols.sort().at(-1);
  return pool.filter((run) => run.result.protocol.id === protocol);
}
