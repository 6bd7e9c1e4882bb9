/** What the paper says of its figures, as comparisons of our own numbers; the texts are those of results/literature/explanation-aware-learning.json. */
import { blocksNeeded } from "../results/across-field.ts";
import { rngOf } from "../rng.ts";
import { interval, resampleGroups } from "../stats/bootstrap.ts";
import { mean, median, quantile } from "../stats/summary.ts";
import { none } from "./estimates.ts";
import type { Estimate } from "./findings.ts";

export const measures = [
  "accuracy",
  "annotation-coverage",
  "top-saliency-precision",
  "all-saliency-precision",
] as const;
export type Measure = (typeof measures)[number];

/** Of one model on one disease. */
export interface Point {
  /** a class of a model that tells several apart: it has no accuracy of its own */
  readonly oneOfSeveral?: boolean;
  readonly architecture: string;
  /** "none": cross-entropy alone */
  readonly loss: string;
  readonly alpha: number;
  readonly disease: string;
  /** null: not measured */
  readonly values: Readonly<Record<Measure, number | null>>;
}

const differences = {
  logit: ["logit-algebraic", "logit-absolute", "logit-squared"],
  probability: ["probability-algebraic", "probability-absolute", "probability-squared"],
};
/** The paper's, in its order. */
export const losses: readonly string[] = ["logit", ...differences.logit, ...differences.probability];

/** Accuracies so near count as alike: the paper calls one per cent about the same. */
export const margin = 0.02;

export interface Check {
  readonly measure: Measure;
  /** "α 1 − α 0.25": what is compared */
  readonly words: string;
  readonly difference: Estimate;
  readonly wants: "above" | "below" | "near";
  readonly verdict: Verdict;
}

export type Verdict = "holds" | "does not hold" | "cannot be told";

export interface Claim {
  readonly id: string;
  readonly text: string;
  readonly where: string;
  readonly checks: (points: readonly Point[]) => readonly Check[];
}

/**
 * What a claim comes to on these points. The accuracy of a model that tells classes apart is one number, of the same images for all of them:
 * its classes cannot be resampled as diseases can, and decide nothing about accuracy.
 */
export function checksOf({ checks }: Claim, points: readonly Point[]): readonly Check[] {
  const several = points.some(({ oneOfSeveral }) => oneOfSeveral);
  return checks(points).map((check) =>
    several && check.measure === "accuracy" && check.difference.value === null
      ? { ...check, difference: none("the classes are one model’s on the same images") }
      : check,
  );
}

/** All of its checks hold; one is against it; or neither. */
export function verdictOf(checks: readonly Check[]): Verdict {
  if (checks.some(({ verdict }) => verdict === "does not hold")) return "does not hold";
  return checks.length > 0 && checks.every(({ verdict }) => verdict === "holds") ? "holds" : "cannot be told";
}

/** Only an interval decides: on the side that is claimed, or wholly off it. */
function decided({ interval: range }: Estimate, wants: Check["wants"]): Verdict {
  if (range === null) return "cannot be told";
  const [low, high] = range;
  const [holds, fails] = {
    above: [low > 0, high < 0],
    below: [high < 0, low > 0],
    near: [low >= -margin && high <= margin, low > margin || high < -margin],
  }[wants];
  return holds ? "holds" : fails ? "does not hold" : "cannot be told";
}

const draws = 1000;

function grouped<T>(items: readonly T[], key: (item: T) => string): T[][] {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const own = groups.get(key(item));
    if (own === undefined) groups.set(key(item), [item]);
    else own.push(item);
  }
  return [...groups.values()];
}

/**
 * A statistic of points, its interval over diseases that are drawn anew, each with all of its points. Null: the points do not give it.
 *
 * @param missing  why there is no value, where there is none
 */
function overDiseases<P extends { readonly disease: string }>(
  points: readonly P[],
  statistic: (points: readonly P[]) => number | null,
  missing: string,
): Estimate {
  const groups = grouped(points, ({ disease }) => disease);
  const value = points.length === 0 ? null : statistic(points);
  if (value === null) return none(missing);
  const n = groups.length;
  if (n < blocksNeeded)
    return { value, interval: null, n, reason: `no interval: ${n} of diseases, ${blocksNeeded} are needed` };
  const { counts } = resampleGroups(new Uint8Array(n), draws, rngOf("xai-kit/study", "diseases"));
  const drawn = Float64Array.from(
    { length: draws },
    (_, d) =>
      statistic(
        groups.flatMap((group, g) => new Array<readonly P[]>(counts[d * n + g]).fill(group).flat()),
      ) ?? Number.NaN,
  );
  const range = interval(drawn);
  return { value, interval: range === null ? null : [range[0], range[1]], n };
}

interface Pair {
  readonly disease: string;
  readonly difference: number;
}

const pairMean = (pairs: readonly Pair[]): number | null => mean(pairs.map(({ difference }) => difference));

const knownOf = (points: readonly Point[], measure: Measure) =>
  points.flatMap(({ values, ...point }) => {
    const value = values[measure];
    return value === null ? [] : [{ ...point, value }];
  });
type Known = ReturnType<typeof knownOf>[number];

/** Within every group that has all of both sides: mean of the one less mean of the other. */
function pairsOf(
  points: readonly Known[],
  group: (point: Known) => string,
  sides: readonly [Side, Side],
): Pair[] {
  return grouped(points, group).flatMap((own) => {
    const [a, b] = sides.map((side) => side(own));
    return a === null || b === null ? [] : [{ disease: own[0].disease, difference: a - b }];
  });
}

/** One number of a group, or null where the group lacks what it is of. */
type Side = (group: readonly Known[]) => number | null;

const meanWhere =
  (of: (point: Known) => boolean): Side =>
  (group) =>
    mean(group.filter(of).map(({ value }) => value));

const ofLosses =
  (ids: readonly string[]): Side =>
  (group) =>
    ids.every((id) => group.some(({ loss }) => loss === id))
      ? meanWhere(({ loss }) => ids.includes(loss))(group)
      : null;

const isGuided = ({ loss }: { readonly loss: string }): boolean => loss !== "none";

const checkOf = (measure: Measure, wants: Check["wants"], words: string, difference: Estimate): Check => ({
  measure,
  words,
  difference,
  wants,
  verdict: decided(difference, wants),
});

/** Guided models less those of cross-entropy alone, of one architecture and disease. */
function guidedLessAlone(points: readonly Point[], measure: Measure, wants: Check["wants"]): Check {
  const pairs = pairsOf(
    knownOf(points, measure),
    ({ architecture, disease }) => `${architecture} ${disease}`,
    [meanWhere(isGuided), meanWhere((point) => !isGuided(point))],
  );
  const why = "no disease has both a guided model and one of cross-entropy alone";
  return checkOf(measure, wants, "guided − cross-entropy alone", overDiseases(pairs, pairMean, why));
}

const weightsOf = (points: readonly Point[]): number[] =>
  [...new Set(points.filter(isGuided).map(({ alpha }) => alpha))].sort((a, b) => a - b);

/** Points of the models, by architecture, loss and disease, that are there at every weight. */
function atEveryWeight(points: readonly Point[], measure: Measure): Known[] {
  const weights = weightsOf(points);
  const known = knownOf(points.filter(isGuided), measure);
  return grouped(known, ({ architecture, loss, disease }) => `${architecture} ${loss} ${disease}`)
    .filter((own) => weights.every((alpha) => own.some((point) => point.alpha === alpha)))
    .flat();
}

/** Between two weights, by a statistic of all that is there at every weight. */
function alongWeights(
  points: readonly Point[],
  measure: Measure,
  wants: Check["wants"],
  of: (values: readonly number[]) => number | null,
  steps: (weights: readonly number[]) => readonly (readonly [from: number, to: number])[],
  called = "",
): Check[] {
  const weights = weightsOf(points);
  if (weights.length < 2) {
    const why =
      weights.length === 0
        ? "no guided model is there"
        : `weights are compared, and α ${weights[0]} is alone`;
    return [checkOf(measure, wants, `${called}along α`, none(why))];
  }
  const known = atEveryWeight(points, measure);
  return steps(weights).map(([from, to]) => {
    const at = (own: readonly Known[], weight: number) =>
      of(own.flatMap(({ alpha, value }) => (alpha === weight ? [value] : [])));
    const difference = overDiseases(
      known,
      (own) => {
        const [before, after] = [at(own, from), at(own, to)];
        return before === null || after === null ? null : after - before;
      },
      "no loss has a disease at every weight",
    );
    return checkOf(measure, wants, `${called}α ${to} − α ${from}`, difference);
  });
}

const ends = (weights: readonly number[]) => [[weights[0], weights[weights.length - 1]] as const];
const everyStep = (weights: readonly number[]) => weights.slice(1).map((to, k) => [weights[k], to] as const);
const fromSmallest = (weights: readonly number[]) => weights.slice(1).map((to) => [weights[0], to] as const);

/** Losses beside each other, of one architecture, disease and weight. */
function lossesLess(
  points: readonly Point[],
  measure: Measure,
  wants: Check["wants"],
  [a, b]: readonly [readonly string[], readonly string[]],
  words: string,
): Check {
  const missing = lacking(points, [...a, ...b]);
  const pairs = pairsOf(
    knownOf(points, measure),
    ({ architecture, disease, alpha }) => `${architecture} ${disease} ${alpha}`,
    [ofLosses(a), ofLosses(b)],
  );
  return checkOf(measure, wants, words, overDiseases(pairs, pairMean, missing));
}

function lacking(points: readonly Point[], wanted: readonly string[]): string {
  const missing = wanted.filter((id) => points.every(({ loss }) => loss !== id));
  if (missing.length === 0) return "no disease has all of these at one weight";
  return missing.length === wanted.length
    ? "none of its losses is there"
    : `no model of ${missing.join(", ")}`;
}

/** A statistic of every loss, over its diseases and weights; only of what all of the paper's losses have. */
function amongLosses(
  points: readonly Point[],
  measure: Measure,
  wants: Check["wants"],
  words: string,
  of: (values: readonly number[]) => number | null,
  compare: (by: ReadonlyMap<string, number>) => number,
): Check {
  const known = grouped(
    knownOf(points, measure),
    ({ architecture, disease, alpha }) => `${architecture} ${disease} ${alpha}`,
  )
    .filter((own) => ofLosses(losses)(own) !== null)
    .flat();
  const statistic = (own: readonly Known[]) => {
    const by = losses.map(
      (id) => [id, of(own.flatMap(({ loss, value }) => (loss === id ? [value] : [])))] as const,
    );
    return compare(new Map(by.flatMap(([id, value]) => (value === null ? [] : [[id, value] as const]))));
  };
  return checkOf(measure, wants, words, overDiseases(known, statistic, lacking(points, losses)));
}

const spread = (values: readonly number[]): number | null => {
  const [low, high] = [quantile(values, 0.25), quantile(values, 0.75)];
  return low === null || high === null ? null : high - low;
};
const others = (by: ReadonlyMap<string, number>, own: string): number[] =>
  [...by].flatMap(([id, value]) => (id === own ? [] : [value]));
const precisions = ["top-saliency-precision", "all-saliency-precision"] as const;
const explained = ["annotation-coverage", ...precisions] as const;

export const claims: readonly Claim[] = [
  {
    id: "guided-maps-focused",
    text: "Maps of guided models are more focused on the annotation; those of cross-entropy alone are spread out.",
    where: "§ 4.1.2, Fig. 3",
    checks: (points) => [guidedLessAlone(points, "all-saliency-precision", "above")],
  },
  {
    id: "mean-accuracy-falls",
    text: "Mean test accuracy falls somewhat as the weight of the explanation loss grows.",
    where: "§ 4.2.1, Fig. 4a",
    checks: (points) => alongWeights(points, "accuracy", "below", mean, ends, "mean, "),
  },
  {
    id: "median-accuracy-alike",
    text: "Median test accuracy hardly changes with the weight.",
    where: "§ 4.2.1, Fig. 4a",
    checks: (points) => alongWeights(points, "accuracy", "near", median, ends, "median, "),
  },
  {
    id: "accuracy-spreads",
    text: "Test accuracy spreads wider as the weight grows.",
    where: "§ 4.2.1",
    checks: (points) => alongWeights(points, "accuracy", "above", spread, ends, "quartiles’ distance, "),
  },
  {
    id: "coverage-falls",
    text: "Annotation coverage is highest at the smallest weight and falls as it grows.",
    where: "§ 4.2.2, Fig. 4b",
    checks: (points) => alongWeights(points, "annotation-coverage", "below", mean, fromSmallest),
  },
  {
    id: "top-precision-falls",
    text: "Top saliency precision falls as the weight grows.",
    where: "§ 4.2.2, Fig. 4b",
    checks: (points) => alongWeights(points, "top-saliency-precision", "below", mean, ends),
  },
  {
    id: "all-precision-rises",
    text: "All saliency precision rises with the weight, at every step.",
    where: "§ 4.2.2, Fig. 4b",
    checks: (points) => alongWeights(points, "all-saliency-precision", "above", mean, everyStep),
  },
  {
    id: "accuracy-alike-over-losses",
    text: "Test accuracy hardly depends on which explanation loss is used.",
    where: "§ 4.3, Fig. 5a",
    checks: (points) => [
      amongLosses(points, "accuracy", "near", "best − worst mean of a difference loss", mean, (by) => {
        const values = others(by, "logit");
        return Math.max(...values) - Math.min(...values);
      }),
    ],
  },
  {
    id: "probability-accuracy-mean",
    text: "The absolute and algebraic probability losses have a slightly higher mean accuracy than logit losses.",
    where: "§ 4.3, Fig. 5a",
    checks: (points) => [
      lossesLess(
        points,
        "accuracy",
        "above",
        [["probability-algebraic", "probability-absolute"], differences.logit],
        "probability (algebraic, absolute) − logit differences",
      ),
    ],
  },
  {
    id: "squared-probability-unstable",
    text: "The squared probability loss has the lowest and most spread out accuracy.",
    where: "§ 4.3, Fig. 5a",
    checks: (points) => {
      const own = "probability-squared";
      return [
        amongLosses(points, "accuracy", "below", "its mean − lowest other", mean, (by) => {
          return by.get(own)! - Math.min(...others(by, own));
        }),
        amongLosses(points, "accuracy", "above", "its quartiles’ distance − widest other", spread, (by) => {
          return by.get(own)! - Math.max(...others(by, own));
        }),
      ];
    },
  },
  {
    id: "cross-entropy-coverage",
    text: "Cross-entropy alone has high annotation coverage and poor saliency precision.",
    where: "§ 4.3, Fig. 5b to 5d",
    checks: (points) => [
      guidedLessAlone(points, "annotation-coverage", "below"),
      ...precisions.map((measure) => guidedLessAlone(points, measure, "above")),
    ],
  },
  {
    id: "logit-only-worst",
    text: "The loss of the positive logit alone does worst in coverage and precision.",
    where: "§ 4.3, Fig. 5b to 5d",
    checks: (points) =>
      explained.map((measure) =>
        amongLosses(points, measure, "below", "positive logit − lowest other", mean, (by) => {
          return by.get("logit")! - Math.min(...others(by, "logit"));
        }),
      ),
  },
  {
    id: "logit-above-probability",
    text: "Logit losses have higher saliency precision than probability losses.",
    where: "§ 4.3 and 4.4, Fig. 5c and 5d",
    checks: (points) =>
      precisions.map((measure) =>
        lossesLess(
          points,
          measure,
          "above",
          [differences.logit, differences.probability],
          "logit − probability differences",
        ),
      ),
  },
  {
    id: "squared-logit-most-consistent",
    text: "The squared logit loss has the narrowest distributions of coverage and both precisions.",
    where: "§ 4.3, Fig. 5b to 5d",
    checks: (points) =>
      explained.map((measure) =>
        amongLosses(points, measure, "below", "its quartiles’ distance − narrowest other", spread, (by) => {
          return by.get("logit-squared")! - Math.min(...others(by, "logit-squared"));
        }),
      ),
  },
  {
    id: "squared-best-precision",
    text: "Squared losses have the strongest alignment with the annotation.",
    where: "§ 4.4",
    checks: (points) =>
      precisions.map((measure) =>
        lossesLess(
          points,
          measure,
          "above",
          [
            ["logit-squared", "probability-squared"],
            ["logit-algebraic", "logit-absolute", "probability-algebraic", "probability-absolute"],
          ],
          "squared − other differences",
        ),
      ),
  },
];

/** What the paper says that no explained model can show. */
export const notOurs: readonly { readonly id: string; readonly text: string; readonly reason: string }[] = [
  {
    id: "loss-undisturbed",
    text: "The classification part of the loss falls as it does without the explanation loss.",
    reason: "an ONNX file does not tell how its loss fell",
  },
  {
    id: "validation-accuracy-alike",
    text: "Validation accuracy ends about where it ends without the explanation loss; its peak is about 1 % lower.",
    reason: "it is said of one disease’s curve over training, and an ONNX file is one point of it",
  },
];
