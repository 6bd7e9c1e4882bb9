/** What pages of entries share, made once per build. */
import type { SiteRun } from "../lib/run.ts";
import { allRuns } from "../lib/runs.ts";
import { type Scopes, scopesOf } from "./scopes.ts";
import { type Tally, tallyOf } from "./tally.ts";

export interface Registry extends Scopes {
  readonly runs: readonly SiteRun[];
  /** over all counted runs of a track; asked for by the method's page and by the metric's */
  readonly tally: (track: string, basis: string, method: string) => Tally;
}

let made: Promise<Registry> | undefined;

export function registry(): Promise<Registry> {
  made ??= allRuns().then(registryOf);
  return made;
}

function registryOf(runs: readonly SiteRun[]): Registry {
  const found = scopesOf(runs);
  const counted = new Map(found.scopes.map(({ track, counted }) => [track, counted.runs]));
  const tallies = new Map<string, Tally>();
  return {
    runs,
    ...found,
    tally: (track, basis, method) => {
      const key = `${track} ${basis} ${method}`;
      const known = tallies.get(key) ?? tallyOf(counted.get(track) ?? [], { id: basis }, method);
      tallies.set(key, known);
      return known;
    },
  };
}
