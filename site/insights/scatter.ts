/** Two metrics against each other, method by method on each data set: are those that are good at one good at the other? */
import type { Agreement } from "../../kit/src/results/across-agreement.ts";
import { typical } from "../../kit/src/stats/summarise.ts";
import { mean } from "../../kit/src/stats/summary.ts";
import { type Range, ranks } from "../lib/format.ts";
import { placeOf, rankingOf } from "../lib/rankings.ts";
import { cellOf, type SiteRun } from "../lib/run.ts";
import { extent, findingOf, notEnough, tauWords } from "./agreement.ts";
import { titleIn, type View } from "./views.ts";

export interface Figure {
  /** mean over the runs of the data set */
  readonly value: number;
  /** least and greatest of a run */
  readonly range: Range;
}

export interface ScatterRow {
  readonly method: string;
  readonly title: string;
  readonly x: Figure;
  readonly y: Figure;
}

export interface ScatterPanel {
  readonly data: string;
  readonly title: string;
  readonly runs: number;
  readonly rows: readonly ScatterRow[];
}

/** What a run says of a method by a metric. */
type Measure = (run: SiteRun, metric: string, method: string) => number | undefined;

/** Mean r̃ as the document has it: 1 the best of the ranked methods, 0 the last, whatever the metric's direction. */
export const standing: Measure = (run, metric, method) => {
  const place = placeOf(rankingOf(run, metric), method);
  return place?.standard ? place.score : undefined;
};

/** The typical value, of methods that are ranked. */
export const value: Measure = (run, metric, method) => {
  if (standing(run, metric, method) === undefined) return undefined;
  const cell = cellOf(run, method, metric);
  return cell && cell.erratum === undefined ? (typical(cell) ?? undefined) : undefined;
};

/** One panel for each data set; its sizes are one. */
export function panelsOf(
  view: View,
  [x, y]: readonly [x: string, y: string],
  measure: Measure,
): ScatterPanel[] {
  const data = new Map(view.runs.map(({ result }) => [result.data.base, result.data.title]));
  const methods = [
    ...new Set(
      view.runs.flatMap(({ result }) =>
        result.methods.filter((m) => m.standard && !m.control).map((m) => m.id),
      ),
    ),
  ];
  return [...data]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([id, title]) => {
      const runs = view.runs.filter(
        (run) => run.result.data.base === id && [x, y].every((m) => rankingOf(run, m)?.places.length),
      );
      const rows = methods.flatMap((method): ScatterRow[] => {
        const [ofX, ofY] = [x, y].map((metric) =>
          figureOf(runs.flatMap((run) => measure(run, metric, method) ?? [])),
        );
        return ofX && ofY ? [{ method, title: titleIn(view, method), x: ofX, y: ofY }] : [];
      });
      return rows.length === 0 ? [] : [{ data: id, title, runs: runs.length, rows }];
    });
}

function figureOf(values: readonly number[]): Figure | undefined {
  const middle = mean(values);
  return middle === null ? undefined : { value: middle, range: [Math.min(...values), Math.max(...values)] };
}

/** "2–5": the ranks that a method has over the runs of a data set, as the documents have them */
export function ranksOver(view: View, data: string, metric: string, method: string): string {
  const found = view.runs.flatMap((run) =>
    run.result.data.base === data ? (placeOf(rankingOf(run, metric), method)?.rank ?? []) : [],
  );
  return found.length === 0 ? "" : ranks([Math.min(...found), Math.max(...found)]);
}

export const between = (view: View, a: string, b: string): Agreement | undefined =>
  view.set.betweenMetrics.find((pair) => [a, b].every((id) => id === pair.a || id === pair.b));

export function faithfulAnswer(pair: Agreement | undefined): string {
  if (pair === undefined || pair.tau === null)
    return notEnough(pair?.reason ?? "no run has been measured by both");
  const figures = tauWords(pair, "run");
  switch (findingOf(pair)) {
    case "alike":
      return `${extent(pair.tau)}: the orders by infidelity and by sensitivity are alike to that extent (${figures}).`;
    case "opposed":
      return `No, rather the opposite: what is faithful is less robust (${figures}).`;
    case "open":
      return `It is not shown that they are: the two orders cannot be told from unrelated ones (${figures}).`;
    case "unknown":
      return `${notEnough(pair.reason)} So far ${figures}.`;
  }
}

export function coverageAnswer(pair: Agreement | undefined): string {
  if (pair === undefined || pair.tau === null)
    return notEnough(pair?.reason ?? "no run has been measured by both");
  const figures = tauWords(pair, "run");
  switch (findingOf(pair)) {
    case "alike":
      return `${extent(pair.tau)}: methods that cover more of the annotation tend to be more precise (${figures}).`;
    case "opposed":
      return `No: methods that cover more of the annotation are less precise (${figures}).`;
    case "open":
      return `It is not shown: coverage and precision order methods in ways that cannot be told from unrelated ones (${figures}).`;
    case "unknown":
      return `${notEnough(pair.reason)} So far ${figures}.`;
  }
}
