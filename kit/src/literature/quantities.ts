/** What a published quantity can be here: a metric of the registry, a measure of classification, or of sets of runs. */
import { metrics } from "../metrics/index.ts";
import type { LiteratureScale as Scale } from "../schemas.generated.ts";

interface Known {
  readonly better: "higher" | "lower";
  readonly scale: Scale;
  readonly range: readonly [number | null, number | null];
}

/** Measured on models, not on maps, and so in no registry; and one of whole sets of runs. Shares all. */
const beside = [
  "auroc",
  "average-precision",
  "sensitivity",
  "specificity",
  "precision",
  "macro-f1",
  "micro-f1",
  "accuracy",
  "balanced-accuracy",
  "consistency",
];

/** Scales of metrics that are no share, where one that is published can be the same. */
const scales: Readonly<Record<string, Scale>> = { entropy: "nats", "relative-confidence-gain": "ratio" };

/** "no common scale": of its own, which no publication can be on. */
export function knownOf(id: string): Known | undefined | "no common scale" {
  if (beside.includes(id)) return { better: "higher", scale: "unit", range: [0, 1] };
  const metric = metrics.find((m) => m.id === id);
  if (metric === undefined) return undefined;
  const { better, range } = metric;
  const scale = range[0] === 0 && range[1] === 1 ? "unit" : scales[id];
  return scale === undefined ? "no common scale" : { better, scale, range };
}

export const isKnownQuantity = (id: string): boolean => knownOf(id) !== undefined;
