/**
 * A run as it is shown: what an erratum affects keeps its value, is marked, and counts in no order. Ranks are never made again here, so the
 * methods that stay keep the ranks they were published with, and where a leading group is gone nobody moves up into it. Pure.
 */
import { type Erratum, errataOf } from "../../kit/src/results/errata.ts";
import { worstShareLimit } from "../../kit/src/stats/common.ts";
import { facets } from "../../kit/src/stats/summarise.ts";
import type { Mark, Run, RunCell, RunRanking } from "./run.ts";

/** Where an erratum stands on the changelog page. */
export const erratumAnchor = (number: number): string => `erratum-${number}`;

/** "erratum 3 of 2026-12-01: the mask was shifted by one pixel" */
export const erratumText = (number: number, { date, reason }: Erratum): string =>
  `erratum ${number} of ${date}: ${reason.length > 160 ? `${reason.slice(0, 159)}…` : reason}`;

/** @param errata  every line of results/errata.jsonl, in its order */
export function withErrata<T extends Run>(
  run: T,
  errata: readonly Erratum[],
): { readonly run: T; readonly marks: readonly Mark[] } {
  const { result } = run;
  const { statistics } = result;
  const numbers = new Map(errata.map((erratum, k) => [erratum, k + 1]));
  const textOf = (erratum: Erratum) => erratumText(numbers.get(erratum)!, erratum);
  const found = new Map(
    statistics.cells.flatMap((cell) => {
      const said = errataOf(errata, result, cell.method, cell.metric);
      return said.length > 0 ? [[keyOf(cell), said] as const] : [];
    }),
  );
  if (found.size === 0) return { run, marks: [] };

  /** against a method by one of these metrics */
  const against = (metrics: readonly string[], method: string): string | undefined => {
    const said = metrics.flatMap((metric) => found.get(keyOf({ method, metric })) ?? []);
    return said.length > 0 ? textOf(said[0]) : undefined;
  };
  /** against a metric, whatever the method */
  const whole = (metrics: readonly string[]): string | undefined => {
    const said = metrics.flatMap((metric) =>
      errataOf(
        errata.filter(({ affects }) => affects.method === undefined),
        result,
        "",
        metric,
      ),
    );
    return said.length > 0 ? textOf(said[0]) : undefined;
  };
  const shown = (ranking: RunRanking, metrics: readonly string[]): RunRanking => {
    const reason = whole(metrics);
    if (reason !== undefined && ranking.places.length > 0)
      return { ...ranking, reason, places: [], tieGroups: [] };
    const withdrawn = ranking.places.flatMap(({ method, standard }) => {
      const said = against(metrics, method);
      return said === undefined ? [] : [{ method, standard, reason: said }];
    });
    if (withdrawn.length === 0) return ranking;
    const gone = (method: string) => withdrawn.some((w) => w.method === method);
    const places = ranking.places.filter(({ method }) => !gone(method));
    // a group that is emptied stays where it is: the next one did not lead, nor come last
    const tieGroups = ranking.tieGroups.map((group) => group.filter((method) => !gone(method)));
    const withoutLead = tieGroups[0]?.length === 0;
    return { ...ranking, withdrawn, places, tieGroups, reason: withoutLead ? withdrawn[0].reason : null };
  };

  const controls = result.methods.flatMap(({ id, control }) => (control ? [id] : []));
  const families = new Map(result.metrics.map(({ id, family }) => [id, family]));
  const gated = statistics.cells.map((cell): RunCell => {
    const own = against([cell.metric], cell.method);
    const marked = own === undefined ? cell : { ...cell, erratum: own };
    // a gate is against controls, so that it falls with theirs too
    const voided = [cell.method, ...controls].map((m) => against([cell.metric], m)).find(Boolean);
    return cell.gate === null || voided === undefined
      ? marked
      : { ...marked, gate: { ...cell.gate, passed: null, reason: voided } };
  });
  const cells = gated.map((cell): RunCell => {
    if (cell.recommendable === null) return cell;
    if (cell.erratum !== undefined) return { ...cell, recommendable: null };
    if ((cell.worstShare ?? 0) > worstShareLimit) return cell;
    // as the kit has it: a metric without a gate borrows those of faithfulness
    const gates =
      cell.gate !== null
        ? [cell.gate]
        : gated.flatMap(({ method, metric, gate }) =>
            method === cell.method && families.get(metric) === "faithfulness" && gate !== null ? [gate] : [],
          );
    const passes = gates.map(({ passed }) => passed);
    if (passes.includes(true) || !passes.includes(null)) return cell;
    return { ...cell, recommendable: null };
  });

  const metricsOf = new Map<string, readonly string[]>(facets.map(({ id, metrics }) => [id, metrics]));
  const made: Run["result"]["statistics"] = {
    ...statistics,
    cells,
    metrics: statistics.metrics.map((ranking) => shown(ranking, [ranking.of])),
    facets: statistics.facets.map((ranking) => shown(ranking, metricsOf.get(ranking.of) ?? [])),
    overall: shown(
      statistics.overall,
      facets.flatMap(({ metrics }) => metrics),
    ),
  };
  const all = [...found.values()];
  const marks = errata.flatMap((erratum, k) => {
    const count = all.filter((said) => said.includes(erratum)).length;
    return count > 0 ? [{ number: k + 1, erratum, cells: count }] : [];
  });
  return { run: { ...run, result: { ...result, statistics: made } }, marks };
}

const keyOf = ({ method, metric }: { readonly method: string; readonly metric: string }) =>
  `${method} ${metric}`;
