/** What a scope's runs add up to for one method by one ranking, and where that makes a method strong or weak. Pure. */
import { standingBy } from "../guide/concerns.ts";
import { type Evidence, evidenceOf, factsOf } from "../guide/evidence.ts";
import { type Facts, rules } from "../guide/rules.ts";
import type { Basis } from "../lib/rankings.ts";
import type { SiteRun } from "../lib/run.ts";

export interface Tally extends Facts {
  /** best and worst rank, and the worst there could have been; undefined without a place */
  readonly ranks: { readonly best: number; readonly worst: number; readonly field: number } | undefined;
  /** least and most images behind a rank */
  readonly n: readonly [least: number, most: number] | undefined;
  /** why there is no place, in runs without one */
  readonly without: readonly string[];
  /** metrics whose gates are not passed, each with the runs it is so in, most often first */
  readonly failing: readonly (readonly [metric: string, runs: number])[];
}

/** Runs in which the method has no place say nothing for it or against it. */
export function tallyOf(runs: readonly SiteRun[], basis: Pick<Basis, "id">, method: string): Tally {
  const concern = { gates: basis.id, standing: standingBy(basis.id) };
  const evidence = runs.map((run) => evidenceOf(run, concern, method));
  const placed = evidence.flatMap((one) => (one.place === null ? [] : { ...one, place: one.place }));
  const ranks = placed.map(({ place }) => place.rank);
  const images = placed.map(({ n }) => n);
  return {
    ...factsOf(evidence),
    ranks:
      placed.length === 0
        ? undefined
        : {
            best: Math.min(...ranks),
            worst: Math.max(...ranks),
            field: Math.max(...placed.map(({ place }) => place.field)),
          },
    n: placed.length === 0 ? undefined : [Math.min(...images), Math.max(...images)],
    without: [...new Set(evidence.flatMap(({ why }) => why ?? []))],
    failing: failingIn(placed),
  };
}

function failingIn(evidence: readonly Pick<Evidence, "sound" | "metrics">[]): Tally["failing"] {
  const counts = new Map<string, number>();
  for (const { sound, metrics } of evidence) {
    if (sound === false) for (const metric of metrics) counts.set(metric, (counts.get(metric) ?? 0) + 1);
  }
  return [...counts].sort(([, a], [, b]) => b - a);
}

export interface Tallied {
  readonly id: string;
  readonly title: string;
  readonly tally: Tally;
}

export interface Sides<T> {
  /** leads in most runs with its gates passed in all */
  readonly strong: readonly T[];
  /** comes last in most runs */
  readonly weak: readonly T[];
  /** fails its gates in most runs */
  readonly failing: readonly T[];
  /** measured on too few data sets or models to be called any of these */
  readonly open: readonly T[];
}

/**
 * By the guide's own rules and thresholds, so that no page calls strong what the guide would not. Each rule is asked by itself: a method can
 * come last and fail its gates.
 */
export function sidesOf<T extends Pick<Tallied, "tally">>(items: readonly T[]): Sides<T> {
  const measured = items.filter(({ tally }) => tally.runs > 0);
  const holds = (id: string) => (item: T) => rules.find((rule) => rule.id === id)!.holds(item.tally);
  return {
    strong: measured.filter(holds("leads-and-passes")),
    weak: measured.filter(holds("comes-last")),
    failing: measured.filter(holds("fails-the-gates")),
    // that rule asks for breadth alone
    open: measured.filter((item) => !holds("no-clear-answer")(item)),
  };
}
