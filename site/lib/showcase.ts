/** What the home page shows of many runs: a few of each kind, so that it stays one page. */
import type { SiteRun } from "./run.ts";

/** Data sets, and runs of each; more stand on the pages of their data sets. */
export const mostData = 6;
export const mostRuns = 6;
/** Data sets whose radars are drawn. */
export const mostRadars = 4;

export interface Showcase {
  /** data set by data set, those with most runs first; in each, one run of each architecture */
  readonly runs: readonly SiteRun[];
  /** runs that stand elsewhere only */
  readonly left: number;
}

const architectureOf = ({ result: { model } }: SiteRun) => model.architecture ?? model.id;
const tally = (runs: readonly SiteRun[], of: (run: SiteRun) => string): Map<string, number> => {
  const counts = new Map<string, number>();
  for (const run of runs) counts.set(of(run), (counts.get(of(run)) ?? 0) + 1);
  return counts;
};
const mostFirst = (counts: ReadonlyMap<string, number>): string[] =>
  [...counts].sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1)).map(([id]) => id);

/** The newest run of each architecture, of the architectures and data sets that most was measured with. */
export function showcase(runs: readonly SiteRun[]): Showcase {
  const common = mostFirst(tally(runs, architectureOf));
  const shown = mostFirst(tally(runs, ({ result }) => result.data.id))
    .slice(0, mostData)
    .flatMap((id) => {
      const newest = new Map<string, SiteRun>();
      for (const run of runs.filter(({ result }) => result.data.id === id)) {
        const other = newest.get(architectureOf(run));
        if (other === undefined || isNewer(run, other)) newest.set(architectureOf(run), run);
      }
      return common.flatMap((architecture) => newest.get(architecture) ?? []).slice(0, mostRuns);
    });
  return { runs: shown, left: runs.length - shown.length };
}

/** The same second twice: the id decides, so that no reading order does. */
const isNewer = (a: SiteRun, b: SiteRun): boolean =>
  a.telemetry.date === b.telemetry.date ? a.id > b.id : a.telemetry.date > b.telemetry.date;
