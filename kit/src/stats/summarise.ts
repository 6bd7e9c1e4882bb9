/** Everything a run document says about its scores, as plain data. */
import type { Metric } from "../metrics/metric.ts";
import type { Rng } from "../rng.ts";
import {
  groupsWith,
  type Interval,
  interval,
  type Resamples,
  resampledMeans,
  resampledMedians,
  resampleGroups,
} from "./bootstrap.ts";
import { type Common, commonSet, type Role, worstShareLimit } from "./common.ts";
import { controlIds } from "./expectation.ts";
import { type Gate, gates } from "./gates.ts";
import { type Contender, type Place, place, relativeRanks, tieGroups } from "./ranks.ts";
import { mean, median, sd } from "./summary.ts";
import { type ScoredRow, type Scores, type Table, tableOf } from "./table.ts";

/** The methods that are ranked: defined without special rules on CNN, transformer and contrastive models. */
export const standardMethods: readonly string[] = [
  "saliency",
  "input-x-gradient",
  "integrated-gradients",
  "smoothgrad",
  "gradient-shap",
  "grad-cam",
  "grad-cam-plus-plus",
  "score-cam",
  "occlusion",
  "lime",
  "kernel-shap",
];

/** What a method is in a comparison. */
export const roleOf = (
  { id, control }: { readonly id: string; readonly control?: boolean },
  standard: readonly string[] = standardMethods,
): Role => (control ? "control" : standard.includes(id) ? "standard" : "further");

/** A facet is the mean of its metrics' mean r̃, `overall` the mean of the facets. */
export const facets: readonly { readonly id: string; readonly metrics: readonly string[] }[] = [
  { id: "faithfulness", metrics: ["infidelity", "deletion-auc", "insertion-auc"] },
  { id: "robustness", metrics: ["max-sensitivity"] },
];

/** With fewer of the standard methods there is no overall. */
export const overallNeeds = 8;

/** One method × one metric. */
export interface CellStatistics {
  readonly method: string;
  readonly metric: string;
  readonly n: number;
  readonly mean: number | null;
  readonly sd: number | null;
  /** there, and what `interval` is of, where the metric is reported by its median */
  readonly median?: number | null;
  /** 95 % of the mean, or of the median; `null` for reason `noInterval` */
  readonly interval: Interval | null;
  readonly noInterval: string | null;
  /** where the model was right, and where it was wrong; neither where nobody has said whether the predicted label is there */
  readonly correct: { readonly n: number; readonly mean: number | null };
  readonly wrong: { readonly n: number; readonly mean: number | null };
  /** reason → units */
  readonly skips: Readonly<Record<string, number>>;
  /** share of the common images on which the method took the worst value; `null` without a comparison */
  readonly worstShare: number | null;
  readonly gate: Gate | null;
  /** may be recommended on this metric: its gate (of another metric where this has none), and not too many worst values */
  readonly recommendable: boolean | null;
}

/** Ranks by one metric (`of`: its id), by a facet, or overall. */
export interface Ranking {
  readonly of: string;
  /** why there are no places */
  readonly reason: string | null;
  /** units compared, and units on which no method had a value; metrics only */
  readonly units: number | null;
  readonly dropped: number | null;
  readonly places: readonly Place[];
  /** standard methods of equal rank, best first */
  readonly tieGroups: readonly (readonly string[])[];
}

export interface Statistics {
  readonly draws: number;
  readonly groups: number;
  readonly cells: readonly CellStatistics[];
  readonly metrics: readonly Ranking[];
  readonly facets: readonly Ranking[];
  readonly overall: Ranking;
}

export type MetricFacts = Pick<Metric, "id" | "better" | "gate" | "family" | "reported">;

/** The one number that stands for a method on a metric: what `interval` is of. */
export const typical = ({ mean, median }: Pick<CellStatistics, "mean" | "median">): number | null =>
  median === undefined ? mean : median;

export interface SummariseOptions {
  /** those that were run, in the order cells are wanted */
  readonly methods: readonly { readonly id: string; readonly control?: boolean }[];
  readonly metrics: readonly MetricFacts[];
  /** e.g. rngOf(protocol.seed, "bootstrap") */
  readonly rng: Rng;
  /** 2,000 unless told */
  readonly draws?: number;
  /** the protocol's methods that are ranked; the eleven unless told */
  readonly standard?: readonly string[];
}

/**
 * Cells with intervals, ranks and gates of the rows of one run. Nothing depends on the order of rows, samples or methods, so that the
 * sidecar gives the numbers of the run; see `tableOf`.
 *
 * @throws KitError E_ROWS, see `tableOf`
 *
 * Cost: about draws × groups × (methods × controls) multiplications per metric.
 */
export function summarise(rows: readonly ScoredRow[], options: SummariseOptions): Statistics {
  const { methods, metrics, rng, draws = 2000, standard = standardMethods } = options;
  const ids = methods.map((m) => m.id);
  const roles = methods.map((method) => roleOf(method, standard));
  const table = tableOf(
    rows,
    ids,
    metrics.map((m) => m.id),
  );
  const resamples = resampleGroups(table.strata, draws, rng);
  const compared = metrics.map((metric) => compare(metric, table, roles, resamples));
  const standing = new Map(metrics.map(({ id }, i) => [id, compared[i].contenders]));
  const facetContenders = facets.map((facet) => average(facet.metrics.map((id) => standing.get(id) ?? [])));
  const all = average(facetContenders);
  const applicable = all.filter((c) => c.standard).length;
  const passedFaithfulness = ids.map((_, m) => {
    const passes = metrics.flatMap(({ family }, i) => {
      const gate = compared[i].gates[m];
      return family === "faithfulness" && gate ? [gate.passed] : [];
    });
    return passes.includes(true) ? true : passes.length === 0 || passes.includes(null) ? null : false;
  });
  return {
    draws,
    groups: table.groups.length,
    cells: ids.flatMap((_, m) =>
      metrics.map((metric, i) => {
        const { gates: own, common, present } = compared[i];
        const share = present.includes(m) && metric.family !== "cost" ? common.share[m] : null;
        const gate = own[m] ?? null;
        const passed = metric.gate === "controls" ? (gate?.passed ?? null) : passedFaithfulness[m];
        return {
          ...compared[i].cells[m],
          worstShare: share,
          gate,
          recommendable: share === null ? null : share > worstShareLimit ? false : passed,
        };
      }),
    ),
    metrics: compared.map((c) => c.ranking),
    facets: facets.map((facet, f) => {
      const missing = facet.metrics.filter((id) => (standing.get(id) ?? []).length === 0);
      const reason = missing.length > 0 ? `no ranks by ${missing.join(", ")}` : null;
      return rank(facet.id, facetContenders[f], reason);
    }),
    overall: rank(
      "overall",
      all,
      applicable >= overallNeeds
        ? null
        : `${applicable} of the ${standard.length} standard methods have every facet, ${overallNeeds} are needed`,
    ),
  };
}

interface Compared {
  readonly cells: readonly Omit<CellStatistics, "worstShare" | "gate" | "recommendable">[];
  readonly ranking: Ranking;
  readonly contenders: readonly Contender[];
  /** methods, without controls, that have a score */
  readonly present: readonly number[];
  /** by index of the method; undefined where there is none */
  readonly gates: readonly (Gate | undefined)[];
  readonly common: Common;
}

function compare(metric: MetricFacts, table: Table, roles: readonly Role[], resamples: Resamples): Compared {
  const scores = table.scores.get(metric.id)!;
  const common = commonSet(scores, roles, metric.better);
  const present = roles.flatMap((role, m) =>
    role !== "control" && common.oriented[m].some((v) => !Number.isNaN(v)) ? [m] : [],
  );
  const contenders: Contender[] = [];
  const ranked = present.filter((m) => roles[m] === "standard");
  const reason =
    metric.family === "cost"
      ? "cost is the same for every image"
      : ranked.length < 2
        ? `${ranked.length} standard ${ranked.length === 1 ? "method has" : "methods have"} scores`
        : new Set(common.group).size < 2
          ? "one group of images shows no spread"
          : null;
  if (reason === null) {
    const relative = relativeRanks(
      present.map((m) => common.oriented[m]),
      present.map((m) => roles[m] === "standard"),
    );
    const means = resampledMeans(relative, common.group, resamples);
    for (const [at, m] of present.entries()) {
      contenders.push({
        method: table.methods[m],
        standard: roles[m] === "standard",
        score: mean(relative[at].filter((r) => !Number.isNaN(r)))!,
        resampled: means[at],
      });
    }
  }
  const gateOf: (Gate | undefined)[] = roles.map(() => undefined);
  if (metric.gate === "controls") {
    const controls = controlIds.map((id) => {
      const m = table.methods.findIndex((method, i) => method === id && roles[i] === "control");
      return { id, values: m < 0 ? undefined : common.oriented[m] };
    });
    const found = gates(
      present.map((m) => ({ values: common.oriented[m] })),
      controls,
      common.group,
      resamples,
    );
    for (const [at, m] of present.entries()) gateOf[m] = found[at];
  }
  return {
    cells: cellsOf(metric, table.methods, scores, resamples),
    ranking: {
      ...rank(metric.id, contenders, reason),
      units: common.group.length,
      dropped: common.dropped,
    },
    contenders,
    present,
    gates: gateOf,
    common,
  };
}

function cellsOf(metric: MetricFacts, methods: readonly string[], scores: Scores, resamples: Resamples) {
  const byMedian = metric.reported === "median";
  const resampled = (byMedian ? resampledMedians : resampledMeans)(scores.values, scores.group, resamples);
  return methods.map((method, m) => {
    const column = scores.values[m];
    const defined = column.filter((v) => !Number.isNaN(v));
    const where = (right: number) => {
      const values = column.filter((v, u) => !Number.isNaN(v) && scores.correct[u] === right);
      return { n: values.length, mean: mean(values) };
    };
    const groups = groupsWith(column, scores.group);
    return {
      method,
      metric: metric.id,
      n: defined.length,
      mean: mean(defined),
      ...(byMedian && { median: median(defined) }),
      sd: sd(defined),
      interval: groups > 1 ? interval(resampled[m]) : null,
      noInterval: groups > 1 ? null : groups === 1 ? "one group of images shows no spread" : "no scores",
      correct: where(1),
      wrong: where(0),
      skips: scores.skips[m],
    };
  });
}

/** Mean standing of the methods that have one in every list, resample by resample. */
function average(lists: readonly (readonly Contender[])[]): Contender[] {
  return (lists[0] ?? []).flatMap((first) => {
    const own = lists.map((list) => list.find((c) => c.method === first.method));
    const parts = own.filter((c) => c !== undefined);
    if (parts.length < lists.length) return [];
    return {
      ...first,
      score: mean(parts.map((c) => c.score))!,
      resampled: first.resampled.map((_, d) => mean(parts.map((c) => c.resampled[d]))!),
    };
  });
}

function rank(of: string, contenders: readonly Contender[], reason: string | null): Ranking {
  const standard = contenders.filter((c) => c.standard).length;
  const places = reason === null && standard > 1 ? place(contenders) : null;
  return {
    of,
    reason:
      reason ??
      (places === null ? "fewer than two standard methods have a score in the same resample" : null),
    units: null,
    dropped: null,
    places: places ?? [],
    tieGroups: tieGroups(places ?? []),
  };
}
