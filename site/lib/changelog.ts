/** What changed, as data of the page that tells it: revisions, errata and results by day. Pure but for the registries. */
import { methods } from "../../kit/src/methods/index.ts";
import { metrics } from "../../kit/src/metrics/index.ts";
import type { Erratum } from "../../kit/src/results/errata.ts";
import { day } from "./format.ts";
import type { SiteRun } from "./run.ts";

interface Entry {
  readonly id: string;
  readonly title: string;
  readonly revision: number;
}

export interface Revised extends Entry {
  readonly kind: "method" | "metric";
  /** numbers of the errata that speak of it */
  readonly errata: readonly number[];
  /** runs that were made with an older revision */
  readonly older: number;
}

/** Methods and metrics whose numbers have changed since they came. */
export function revisedOf(
  runs: readonly SiteRun[],
  errata: readonly Erratum[],
  registry: { readonly methods: readonly Entry[]; readonly metrics: readonly Entry[] } = { methods, metrics },
): readonly Revised[] {
  const kinds = [
    ["method", "methods"],
    ["metric", "metrics"],
  ] as const;
  return kinds.flatMap(([kind, list]) =>
    registry[list]
      .filter(({ revision }) => revision > 1)
      .map(({ id, title, revision }) => ({
        kind,
        id,
        title,
        revision,
        errata: errata.flatMap(({ affects }, k) => (affects[kind] === id ? [k + 1] : [])),
        older: runs.filter(({ result }) =>
          result[list].some((entry) => entry.id === id && entry.revision < revision),
        ).length,
      })),
  );
}

export interface Day {
  readonly date: string;
  readonly runs: readonly SiteRun[];
}

/** Runs by the day they were made, newest first, as many as a page bears. */
export function daysOf(
  runs: readonly SiteRun[],
  most = 100,
): { readonly days: readonly Day[]; readonly more: number } {
  const dayOf = (run: SiteRun) => day(run.telemetry.date);
  const ordered = runs.toSorted((a, b) =>
    dayOf(a) === dayOf(b) ? (a.id < b.id ? -1 : 1) : dayOf(a) > dayOf(b) ? -1 : 1,
  );
  const shown = ordered.slice(0, most);
  const days = [...new Set(shown.map(dayOf))].map((date) => ({
    date,
    runs: shown.filter((run) => dayOf(run) === date),
  }));
  return { days, more: ordered.length - shown.length };
}
