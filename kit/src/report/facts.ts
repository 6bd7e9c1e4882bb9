/** What a report shows, and short ways to find things in a run document. */
import { metrics } from "../metrics/index.ts";
import type { Metric } from "../metrics/metric.ts";
import type { Result, Run } from "../results/document.ts";
import type { Problem } from "../results/verdict.ts";
import type { MeanCurve } from "../runner/curves.ts";
import { controlsOf } from "../stats/gates.ts";

export type MethodEntry = Result["methods"][number];
export type MetricEntry = Result["metrics"][number];
export type Cell = Result["statistics"]["cells"][number];
export type Ranking = Result["statistics"]["overall"];

/** A contact sheet. What it shows and where is known of those that say so themselves. */
export interface Sheet {
  /** of its file, without its ending */
  readonly name: string;
  /** `data:` URI */
  readonly picture: string;
  readonly width: number;
  readonly height: number;
  readonly shows?: {
    readonly sample: string;
    readonly predicted: string;
    readonly probability: number;
    readonly annotated: string;
    readonly input: Box;
    readonly maps: readonly (Box & { readonly method: string; readonly words: string })[];
  };
}

/** In pixels of the sheet. */
export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** How far a run is that has no document yet. */
export interface Progress {
  readonly explained: number;
  /** to be explained */
  readonly of: number;
  readonly classified: number;
  readonly images: number;
  /** "1/2": part of a run; undefined for the whole */
  readonly shard: string | undefined;
}

export interface Reported {
  readonly run: Run;
  /** sha256 of the result; of a finished run */
  readonly identity: string | undefined;
  /** undefined: finished */
  readonly progress: Progress | undefined;
  /** every statistic was computed again from the scores, and is the same */
  readonly recomputed: boolean;
  /** the validator does not accept it */
  readonly refused: boolean;
  /** what the validator says of the document and its scores: problems and warnings */
  readonly problems: readonly Pick<Problem, "path" | "code" | "message">[];
  /** undefined: none were kept */
  readonly curves: readonly MeanCurve[] | undefined;
  readonly sheets: readonly Sheet[];
  /** sheets there are besides */
  readonly moreSheets: number;
  /** of a private data set the document has none */
  readonly classNames: readonly string[] | null;
  /** it holds what belongs to the data set's owner: pictures, names */
  readonly confidential: boolean;
}

export const methodsOf = ({ run }: Reported) => {
  const { methods } = run.result;
  return { real: methods.filter((m) => !m.control), controls: methods.filter((m) => m.control) };
};

export const cellOf = ({ run }: Reported, method: string, metric: string): Cell | undefined =>
  run.result.statistics.cells.find((cell) => cell.method === method && cell.metric === metric);

/** Of a method or a metric; ids come from documents, and what is not known stands for itself. */
export const titleOf = ({ run }: Reported, id: string): string =>
  [...run.result.methods, ...run.result.metrics].find((entry) => entry.id === id)?.title ?? id;

/** The registry's entry, where it is still the one that was measured with. */
export const registered = ({ id, revision }: MetricEntry): Metric | undefined =>
  metrics.find((metric) => metric.id === id && metric.revision === revision);

/** Rankings by metric, facet and overall, that have places. */
export const rankings = ({ run }: Reported) => {
  const { overall, facets, metrics: ofMetrics } = run.result.statistics;
  return { overall, facets, metrics: ofMetrics.filter((ranking) => ranking.places.length > 0) };
};

/** Standard methods in a ranking: the worst rank there can be. */
export const fieldOf = ({ places }: Ranking): number => places.filter((p) => p.standard).length;

/** The other standard methods that cannot be told from this one. */
export const tiedWith = ({ tieGroups }: Ranking, method: string): readonly string[] =>
  tieGroups.find((group) => group.includes(method))?.filter((other) => other !== method) ?? [];

/** "beats no control", "beats only Random", "not better than Sobel edges"; nothing where all are beaten */
export function unbeatenOf(report: Reported, { gate }: Pick<Cell, "gate">): string | undefined {
  if (gate === null) return undefined;
  const open = controlsOf(gate, false);
  if (open.length === 0) return undefined;
  if (open.length > 1 && open.length === Object.keys(gate.against).length) return "beats no control";
  const beaten = controlsOf(gate, true);
  const names = (controls: readonly string[]) => list(controls.map((id) => titleOf(report, id)));
  return beaten.length > 0 && beaten.length < open.length
    ? `beats only ${names(beaten)}`
    : `not better than ${names(open)}`;
}

/** "Ada, Bob and Eve" */
export function list(items: readonly string[]): string {
  if (items.length < 2) return items.join("");
  return `${items.slice(0, -1).join(", ")} and ${items[items.length - 1]}`;
}

export const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

/** "3 images", "1 image" */
export const counted = (n: number, what: string): string =>
  `${n.toLocaleString("en-GB")} ${what}${n === 1 ? "" : "s"}`;
