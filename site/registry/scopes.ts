/** Runs as pages of entries count them: as the guide does, one track at a time, since evidence of one never speaks for another. */
import { type Counted, countedRuns } from "../guide/evidence.ts";
import { tracks } from "../guide/guide.ts";
import type { SiteRun } from "../lib/run.ts";

export interface Scope {
  readonly track: string;
  /** its `runs` are of one protocol, the newest of each model on each data set */
  readonly counted: Counted;
}

export interface Scopes {
  /** tracks with a run that counts, in the guide's order */
  readonly scopes: readonly Scope[];
  /** why a run counts for nothing, by its id */
  readonly whyNot: ReadonlyMap<string, string>;
}

export function scopesOf(runs: readonly SiteRun[]): Scopes {
  const order = [...new Set([...tracks, ...runs.map(({ result }) => result.data.track)])];
  const all = order.map((track) => ({
    track,
    counted: countedRuns(runs.filter(({ result }) => result.data.track === track)),
  }));
  return {
    scopes: all.filter(({ counted }) => counted.runs.length > 0),
    whyNot: new Map(all.flatMap(({ counted }) => [...counted.whyNot])),
  };
}

/** The same with those runs alone that `holds` of; tracks without any are gone. */
export const within = (scopes: readonly Scope[], holds: (run: SiteRun) => boolean): readonly Scope[] =>
  scopes
    .map(({ track, counted }) => ({
      track,
      counted: { ...counted, runs: counted.runs.filter(holds), aside: [] },
    }))
    .filter(({ counted }) => counted.runs.length > 0);

/** More runs than this stand on no page of an entry: the leaderboard has the others, and what is counted counts all. */
export const mostRuns = 60;

/** A table of more rows scrolls under its head. */
export const fewRows = 24;

export interface RunRow {
  readonly run: SiteRun;
  /** why it does not count; undefined for one that does */
  readonly why: string | undefined;
}

const byDate = (a: SiteRun, b: SiteRun): number => (a.telemetry.date < b.telemetry.date ? 1 : -1);

/** The newest, in the order of their ids: by data set, then model. */
export const newestFew = (runs: readonly SiteRun[], most = mostRuns): readonly SiteRun[] =>
  runs
    .toSorted(byDate)
    .slice(0, most)
    .sort((a, b) => (a.id < b.id ? -1 : 1));

/** Every run, those that count first. */
export function runRows(runs: readonly SiteRun[], whyNot: Scopes["whyNot"]): readonly RunRow[] {
  const rows = newestFew(runs).map((run) => ({ run, why: whyNot.get(run.id) }));
  return [...rows.filter(({ why }) => why === undefined), ...rows.filter(({ why }) => why !== undefined)];
}
