/** How the standard methods fare against the controls on a metric. Pure; read from the documents. */
import { beats } from "../../kit/src/stats/gates.ts";
import { cellOf, type RunCell, type SiteRun } from "../lib/run.ts";

export interface GateCount {
  readonly passed: number;
  readonly failed: number;
  readonly unknown: number;
}

const gatesOn = (runs: readonly SiteRun[], metric: string): readonly NonNullable<RunCell["gate"]>[] =>
  runs.flatMap((run) =>
    run.result.methods
      .filter((m) => m.standard && !m.control)
      .flatMap(({ id }) => cellOf(run, id, metric)?.gate ?? []),
  );

/** Each standard method in each run is one. */
export function gateCount(runs: readonly SiteRun[], metric: string): GateCount {
  const gates = gatesOn(runs, metric);
  const count = (passed: boolean | null) => gates.filter((gate) => gate.passed === passed).length;
  return { passed: count(true), failed: count(false), unknown: count(null) };
}

/** Of the comparisons with one control that gave an interval, those in which it was beaten. */
export function beatenBy(
  runs: readonly SiteRun[],
  control: string,
  metric: string,
): { readonly beaten: number; readonly of: number } {
  const known = gatesOn(runs, metric).flatMap(({ against }) =>
    Object.hasOwn(against, control) && against[control] !== null ? [beats(against[control])] : [],
  );
  return { beaten: known.filter(Boolean).length, of: known.length };
}
