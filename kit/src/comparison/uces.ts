/** UCES: how well a model classifies and how well it is explained, as one number that has a meaning inside its set alone. */
import { mean } from "../stats/summary.ts";

export interface Indicator {
  readonly id: IndicatorId;
  readonly part: "classification" | "explanation";
  readonly better: "higher" | "lower";
}

export type IndicatorId =
  | "auroc"
  | "average-precision"
  | "macro-f1"
  | "micro-f1"
  | "average-drop"
  | "relative-confidence-gain"
  | "entropy"
  | "sparsity"
  | "deletion-auc"
  | "insertion-auc";

/** In the order of the paper's tables. Those of explanation are metrics of the registry. */
export const indicators: readonly Indicator[] = [
  { id: "auroc", part: "classification", better: "higher" },
  { id: "average-precision", part: "classification", better: "higher" },
  { id: "macro-f1", part: "classification", better: "higher" },
  { id: "micro-f1", part: "classification", better: "higher" },
  { id: "average-drop", part: "explanation", better: "lower" },
  { id: "relative-confidence-gain", part: "explanation", better: "higher" },
  { id: "entropy", part: "explanation", better: "lower" },
  { id: "sparsity", part: "explanation", better: "higher" },
  { id: "deletion-auc", part: "explanation", better: "lower" },
  { id: "insertion-auc", part: "explanation", better: "higher" },
];

/** Fewer than this, and each is an end of the scale: min–max scaling knows nothing else. */
export const fewestModels = 3;

export const defaultAlpha = 0.7;

export type Values = Readonly<Record<IndicatorId, number>>;

export interface UcesStanding {
  /** scaled to [0, 1] inside the set, 1 is best; null where the indicator is left out */
  readonly scaled: Readonly<Record<IndicatorId, number | null>>;
  readonly classification: number;
  readonly explanation: number;
  readonly uces: number;
  /** 1 + the number of models with a higher score */
  readonly rank: number;
}

export type UcesScores =
  | { readonly reason: string }
  | { readonly leftOut: readonly IndicatorId[]; readonly models: readonly UcesStanding[] };

/**
 * UCES = α·C + (1 − α)·E; C and E: means of the indicators of classification and of explanation, each min–max scaled over the models of the
 * set and turned so that 1 is best. An indicator that is equal for all models cannot be scaled and tells them not apart: it is left out.
 *
 * @param values  of each model
 * @param alpha   weight of classification, in [0, 1]
 * @returns       a standing for each model in the order given, or the reason for none
 *
 * Source: "Comparative Evaluation of AI Models for Robust and Explainable Chest X-ray Analysis" (Shaik, Yashaswini), § IV-A, α = 0.7 there.
 * Leaving out is ours, since the paper divides by zero; and its "increase in confidence" exceeds 1, so it is relative-confidence-gain here.
 */
export function uces(values: readonly Values[], alpha = defaultAlpha): UcesScores {
  if (values.length < fewestModels)
    return { reason: `${values.length} models, and ${fewestModels} are the fewest that can be scaled` };
  const scaled = new Map(
    indicators.map(({ id, better }) => [
      id,
      scale(
        values.map((v) => v[id]),
        better,
      ),
    ]),
  );
  const partOf = (part: Indicator["part"], model: number): number | null =>
    mean(indicators.flatMap(({ id, part: own }) => (own === part ? (scaled.get(id)?.[model] ?? []) : [])));
  const standings: Omit<UcesStanding, "rank">[] = [];
  for (const model of values.keys()) {
    const [classification, explanation] = [partOf("classification", model), partOf("explanation", model)];
    if (classification === null || explanation === null) {
      return {
        reason: `every indicator of ${classification === null ? "classification" : "explanation"} is equal for all models`,
      };
    }
    standings.push({
      scaled: Object.fromEntries(
        indicators.map(({ id }) => [id, scaled.get(id)?.[model] ?? null]),
      ) as UcesStanding["scaled"],
      classification,
      explanation,
      uces: Math.min(1, alpha * classification + (1 - alpha) * explanation), // the two weights may add up to a rounding more than 1
    });
  }
  return {
    leftOut: indicators.flatMap(({ id }) => (scaled.get(id) === undefined ? [id] : [])),
    models: standings.map((own) => ({
      ...own,
      rank: 1 + standings.filter((other) => other.uces > own.uces).length,
    })),
  };
}

/** Differences below this share of the largest value are rounding, which min–max scaling would blow up to the whole scale. */
const rounding = 1e-9;

/** (x − min)/(max − min), or (max − x)/(max − min) where lower is better; undefined where all are equal. */
function scale(values: readonly number[], better: Indicator["better"]): number[] | undefined {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const range = high - low;
  if (range <= rounding * Math.max(Math.abs(low), Math.abs(high))) return undefined;
  return values.map((x) => (better === "higher" ? x - low : high - x) / range);
}
