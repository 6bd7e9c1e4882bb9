/** The registry of metrics: one line each. */

import type { Expected } from "../stats/expectation.ts";
import { effectiveComplexity } from "./complexity/effective-complexity.ts";
import { entropy } from "./complexity/entropy.ts";
import { sparseness } from "./complexity/sparseness.ts";
import { sparsity } from "./complexity/sparsity.ts";
import { cost } from "./cost/cost.ts";
import { adcc } from "./faithfulness/adcc.ts";
import { averageDrop } from "./faithfulness/average-drop.ts";
import { averageGain } from "./faithfulness/average-gain.ts";
import { completenessGap } from "./faithfulness/completeness-gap.ts";
import { deletionAuc } from "./faithfulness/deletion-auc.ts";
import { faith } from "./faithfulness/faith.ts";
import { faithfulnessCorrelation } from "./faithfulness/faithfulness-correlation.ts";
import { increaseInConfidence } from "./faithfulness/increase-in-confidence.ts";
import { infidelity } from "./faithfulness/infidelity.ts";
import { infidelityGaussian } from "./faithfulness/infidelity-gaussian.ts";
import { infidelityRaw } from "./faithfulness/infidelity-raw.ts";
import { infidelityScaled } from "./faithfulness/infidelity-scaled.ts";
import { insertionAuc } from "./faithfulness/insertion-auc.ts";
import { irof } from "./faithfulness/irof.ts";
import { relativeConfidenceGain } from "./faithfulness/relative-confidence-gain.ts";
import { roadCombined } from "./faithfulness/road-combined.ts";
import { selectivity } from "./faithfulness/selectivity.ts";
import { sensitivityN } from "./faithfulness/sensitivity-n.ts";
import { srg } from "./faithfulness/srg.ts";
import { allSaliencyPrecision } from "./localisation/all-saliency-precision.ts";
import { annotationCoverage } from "./localisation/annotation-coverage.ts";
import { hitRate } from "./localisation/hit-rate.ts";
import { locAcc } from "./localisation/loc-acc.ts";
import { localisationAuroc } from "./localisation/localisation-auroc.ts";
import { miouOtsu } from "./localisation/miou-otsu.ts";
import { pointingGame } from "./localisation/pointing-game.ts";
import { relevanceMassAccuracy } from "./localisation/relevance-mass-accuracy.ts";
import { relevanceRankAccuracy } from "./localisation/relevance-rank-accuracy.ts";
import { topKIntersection } from "./localisation/top-k-intersection.ts";
import { topSaliencyPrecision } from "./localisation/top-saliency-precision.ts";
import type { Metric } from "./metric.ts";
import { randomLogit } from "./randomisation/random-logit.ts";
import { randomisation } from "./randomisation/randomisation.ts";
import { avgSensitivity } from "./robustness/avg-sensitivity.ts";
import { localLipschitz } from "./robustness/local-lipschitz.ts";
import { maxSensitivity } from "./robustness/max-sensitivity.ts";
import { relativeInputStability } from "./robustness/relative-input-stability.ts";

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
  infidelityGaussian,
  srg,
  averageDrop,
  increaseInConfidence,
  relativeConfidenceGain,
  averageGain,
  faith,
  adcc,
  faithfulnessCorrelation,
  sensitivityN,
  irof,
  selectivity,
  roadCombined,
  entropy,
  sparsity,
  effectiveComplexity,
  relevanceMassAccuracy,
  topKIntersection,
  localisationAuroc,
  locAcc,
  topSaliencyPrecision,
  allSaliencyPrecision,
  annotationCoverage,
  miouOtsu,
  hitRate,
  completenessGap,
  avgSensitivity,
  localLipschitz,
  relativeInputStability,
  randomLogit,
  cost,
];

/** What every control must score, by the ids of the metrics. */
export const expected: Readonly<Record<string, Expected>> = Object.fromEntries(
  metrics.map((metric) => [metric.id, metric.controls]),
);
