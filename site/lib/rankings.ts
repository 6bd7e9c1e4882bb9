/** What methods can be ordered by, and what a run says about it. Ranks are read, never made here. */
import { worstShareLimit } from "../../kit/src/stats/common.ts";
import { facets } from "../../kit/src/stats/summarise.ts";
import { percent } from "./format.ts";
import { capital } from "./labels.ts";
import { cellOf, type Run, type RunCell, type RunPlace, type RunRanking } from "./run.ts";

/** One thing to rank by: overall, a facet or a metric. */
export interface Basis {
  readonly id: string;
  readonly title: string;
  readonly kind: "overall" | "facet" | "metric";
  /** what it is made of */
  readonly metrics: readonly string[];
}

/** The axes of the radar; the last one where masks exist. */
export const coreMetrics: readonly string[] = [
  "infidelity",
  "max-sensitivity",
  "deletion-auc",
  "insertion-auc",
  "sparseness",
  "randomisation",
  "relevance-rank-accuracy",
];

/** Overall, the facets, and every metric that some run ranks by, in the runs' order. */
export function basesOf(runs: readonly Run[]): Basis[] {
  const metrics = new Map<string, string>();
  for (const { result } of runs) {
    for (const { id, title, family } of result.metrics) if (family !== "cost") metrics.set(id, title);
  }
  return [
    { id: "overall", title: "Overall", kind: "overall", metrics: facets.flatMap((f) => f.metrics) },
    ...facets.map(({ id, metrics }): Basis => ({ id, title: capital(id), kind: "facet", metrics })),
    ...[...metrics].map(([id, title]): Basis => ({ id, title, kind: "metric", metrics: [id] })),
  ];
}

/** What runs are compared by where there are many of them: the rest is scored on few images, and stands on each run's own page. */
export const isCore = ({ kind, id }: Pick<Basis, "kind" | "id">): boolean =>
  kind !== "metric" || coreMetrics.includes(id);

export function rankingOf(run: Run, basis: string): RunRanking | undefined {
  const { overall, facets: ofFacets, metrics } = run.result.statistics;
  return [overall, ...ofFacets, ...metrics].find((ranking) => ranking.of === basis);
}

export const placeOf = (ranking: RunRanking | undefined, method: string): RunPlace | undefined =>
  ranking?.places.find((place) => place.method === method);

/** Standard methods in a ranking, those an erratum took out of it too: the worst rank there can be. */
export const fieldOf = ({ places, withdrawn = [] }: RunRanking): number =>
  [...places, ...withdrawn].filter((p) => p.standard).length;

/** The other standard methods that cannot be told from this one. */
export const tiedWith = (ranking: RunRanking, method: string): readonly string[] =>
  ranking.tieGroups.find((group) => group.includes(method))?.filter((other) => other !== method) ?? [];

/** Why a method has no place. */
export function whyNoPlace(run: Run, basis: string, method: string): string {
  const ranking = rankingOf(run, basis);
  if (ranking === undefined) return "not measured in this run";
  const entry = run.result.methods.find((m) => m.id === method);
  if (entry === undefined) return "method not run";
  if (entry.status !== "ok") return entry.reason ?? entry.status;
  if (entry.control) return "control, never ranked";
  const lost = ranking.withdrawn?.find((w) => w.method === method);
  return lost?.reason ?? ranking.reason ?? "no scores";
}

/** Why a cell is not `recommendable`, in the words of the document where it has them. */
export function whyNotRecommended(cell: RunCell): string {
  if (cell.worstShare !== null && cell.worstShare > worstShareLimit) {
    return `empty or broken maps on ${percent(cell.worstShare)} of the images`;
  }
  return cell.gate?.reason ?? "beats the controls on no faithfulness metric";
}

export interface Verdict {
  /** true: may be recommended; false: not; null: not known */
  readonly sound: boolean | null;
  /** the metrics that decide against it, or leave it open */
  readonly metrics: readonly string[];
  /** the same in full */
  readonly reasons: readonly string[];
}

/** Whether a method may be recommended on what the basis is made of: gates passed, and few enough worst values. */
export function verdictOf(run: Run, basis: Basis, method: string): Verdict {
  const cells = basis.metrics.flatMap((metric) => cellOf(run, method, metric) ?? []);
  const title = (id: string) => run.result.metrics.find((m) => m.id === id)?.title ?? id;
  const failing = cells.filter((cell) => cell.recommendable === false);
  const unknown = cells.filter((cell) => cell.recommendable === null);
  if (failing.length > 0) {
    return {
      sound: false,
      metrics: failing.map((cell) => title(cell.metric)),
      reasons: failing.map((cell) => `${title(cell.metric)}: ${whyNotRecommended(cell)}`),
    };
  }
  return {
    sound: cells.length === 0 || unknown.length > 0 ? null : true,
    metrics: unknown.map((cell) => title(cell.metric)),
    reasons: unknown.map((cell) => `${title(cell.metric)}: ${cell.gate?.reason ?? "not known"}`),
  };
}
