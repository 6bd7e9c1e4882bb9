/** The registry of metrics: one line each. */

import type { Expected } from "../stats/expectation.ts";
import { sparseness } from "./complexity/sparseness.ts";
import { cost } from "./cost/cost.ts";
import { deletionAuc } from "./faithfulness/deletion-auc.ts";
import { infidelity } from "./faithfulness/infidelity.ts";
import { infidelityRaw } from "./faithfulness/infidelity-raw.ts";
import { infidelityScaled } from "./faithfulness/infidelity-scaled.ts";
import { insertionAuc } from "./faithfulness/insertion-auc.ts";
import { pointingGame } from "./localisation/pointing-game.ts";
import { relevanceRankAccuracy } from "./localisation/relevance-rank-accuracy.ts";
import type { Metric } from "./metric.ts";
import { randomisation } from "./randomisation/randomisation.ts";
import { maxSensitivity } from "./robustness/max-sensitivity.ts";

export const metrics: readonly Metric[] = [
  infidelity,
  maxSensitivity,
  deletionAuc,
  insertionAuc,
  sparseness,
  randomisation,
  relevanceRankAccuracy,
  pointingGame,
  infidelityRaw,
  infidelityScaled,
  cost,
];

/** What every control must score, by the ids of the metrics. */
export const expected: Readonly<Record<string, Expected>> = Object.fromEntries(
  metrics.map((metric) => [metric.id, metric.controls]),
);
