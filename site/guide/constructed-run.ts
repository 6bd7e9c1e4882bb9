/** Runs for tests of the guide, with no more of a document than the guide reads. */
import type { SiteRun, Tier } from "../lib/run.ts";

export interface Case {
  readonly data?: string;
  /** data set without its size */
  readonly base?: string;
  readonly track?: string;
  readonly family?: string;
  readonly model?: string;
  /** the model's weights */
  readonly weights?: string;
  readonly protocol?: string;
  readonly standard?: boolean;
  readonly tier?: Tier;
  readonly date?: string;
  /** method → rank by every ranking; 0 for a method that is not applicable */
  readonly ranks?: Readonly<Record<string, number>>;
  /** methods whose gates are not passed, and those whose gates are not known */
  readonly fails?: readonly string[];
  readonly open?: readonly string[];
  /** method → forwards */
  readonly passes?: Readonly<Record<string, number>>;
  /** rankings that the run does not have */
  readonly without?: readonly string[];
}

const metrics = [
  "infidelity",
  "deletion-auc",
  "insertion-auc",
  "max-sensitivity",
  "relevance-rank-accuracy",
].map((id) => ({
  id,
  title: id,
  family: "any",
  better: "higher",
  gate: "controls",
  samples: id === "max-sensitivity" ? 32 : 256,
}));

export function constructedRun(given: Case): SiteRun {
  const { data = "set-a", base = data, track = "natural", family = "cnn", model = "model-a" } = given;
  const { weights = model, protocol = "1", standard = true, tier = "recomputed" } = given;
  const { ranks = { best: 1, other: 2 }, fails = [], open = [], passes = {}, without = [] } = given;
  const date = given.date ?? "2026-01-01";
  const ranked = Object.entries(ranks).filter(([, rank]) => rank > 0);
  const distinct = [...new Set(ranked.map(([, rank]) => rank))].sort((a, b) => a - b);
  const ranking = (of: string) => ({
    of,
    reason: null,
    units: 256,
    dropped: 0,
    places: ranked.map(([method, rank]) => ({
      method,
      standard: true,
      score: 0,
      rank,
      interval: [rank, rank + 1],
    })),
    tieGroups: distinct.map((wanted) => ranked.filter(([, rank]) => rank === wanted).map(([id]) => id)),
  });
  const kept = metrics.filter(({ id }) => !without.includes(id));
  const facets = ["faithfulness", "robustness"].filter((id) => !without.includes(id));
  return {
    id: `${data}/${model}/${date}-${protocol}`,
    pictures: [],
    tier,
    result: {
      protocol: { id: protocol },
      standard,
      model: { id: model, architecture: "resnet-50", family, sha256: weights },
      data: { id: data, base, title: data, track },
      selection: { samples: 256, rerun: 32 },
      methods: Object.entries(ranks).map(([id, rank]) => ({
        id,
        title: id,
        control: false,
        standard: true,
        status: rank > 0 ? "ok" : "not-applicable",
        reason: rank > 0 ? null : "no such layer",
        cost: { forwards: passes[id] ?? rank, backwards: 0 },
      })),
      metrics: kept,
      statistics: {
        cells: ranked.flatMap(([method]) =>
          kept.map(({ id: metric }) => ({
            method,
            metric,
            recommendable: open.includes(method) ? null : !fails.includes(method),
            worstShare: 0,
            gate: { reason: fails.includes(method) ? "does not beat sobel" : null },
          })),
        ),
        metrics: kept.map(({ id }) => ranking(id)),
        facets: facets.map(ranking),
        overall: { of: "overall", reason: "too few methods", places: [], tieGroups: [] },
      },
    },
    telemetry: { date: `${date}T00:00:00Z` },
  } as unknown as SiteRun;
}
