/**
 * How well a model classifies, over a whole split. Definitions agree with scikit-learn's where those are defined; where it would put
 * 0 (or warn), the value here is `null` and `gaps` says why.
 */
import { KitError } from "../errors.ts";
import { mean } from "./summary.ts";

/** Row-major [rows, columns]: a row per sample, a column per class. */
export interface Matrix {
  readonly rows: number;
  readonly columns: number;
  readonly data: ArrayLike<number>;
}

export type ClassificationInput =
  /** One class index per sample. Two columns, or one (the probability of class 1; ≥ 0.5 predicts it), make it binary. */
  | {
      readonly task: "multi-class";
      readonly probabilities: Matrix;
      readonly labels: ArrayLike<number>;
    }
  /** `truth` as `probabilities`: 1 present, 0 absent, −1 not known (that sample is left out for that label). */
  | {
      readonly task: "multi-label";
      readonly probabilities: Matrix;
      readonly truth: ArrayLike<number>;
      /** A label is predicted when its probability is at least this; default 0.5 for every label. */
      readonly thresholds?: readonly number[];
    };

/** Counts and scores of one class against the rest. */
export interface ClassQuality {
  readonly class: number;
  readonly truePositive: number;
  readonly falsePositive: number;
  readonly falseNegative: number;
  readonly trueNegative: number;
  readonly auroc: number | null;
  readonly averagePrecision: number | null;
  readonly f1: number | null;
  /** recall */
  readonly sensitivity: number | null;
  readonly specificity: number | null;
  readonly precision: number | null;
  readonly accuracy: number | null;
}

export type ClassScore = Exclude<
  keyof ClassQuality,
  "class" | "truePositive" | "falsePositive" | "falseNegative" | "trueNegative"
>;

export interface ClassificationQuality {
  readonly n: number;
  /** Binary: of class 1. Else the mean over the classes where it is defined (one against the rest). */
  readonly auroc: number | null;
  readonly averagePrecision: number | null;
  readonly sensitivity: number | null;
  readonly specificity: number | null;
  readonly precision: number | null;
  /** Mean of F1 over all classes that occur in labels or predictions, both classes of a binary task. */
  readonly macroF1: number | null;
  /** F1 of the pooled counts. Equals `accuracy` unless multi-label. */
  readonly microF1: number | null;
  /** Share of right predictions; multi-label: mean of this share over labels. */
  readonly accuracy: number | null;
  /** Mean sensitivity of the classes present; multi-label: mean over labels of (sensitivity + specificity) / 2. */
  readonly balancedAccuracy: number | null;
  /** Rows are true classes, columns predicted ones; null when multi-label. */
  readonly confusion: readonly (readonly number[])[] | null;
  readonly perClass: readonly ClassQuality[];
  /** Multi-label: labels that are always or never present; they enter no average. */
  readonly leftOut: readonly number[];
  /** Every `null` in `perClass`, with its reason. */
  readonly gaps: readonly { readonly score: ClassScore; readonly class: number; readonly reason: string }[];
}

/**
 * @throws KitError E_PROBABILITIES (not finite), E_LABELS (not a class of the model); RangeError if the sizes disagree.
 * Cost: a sort of n scores per class.
 */
export function classificationQuality(input: ClassificationInput): ClassificationQuality {
  checkProbabilities(input.probabilities);
  return input.task === "multi-class" ? multiClass(input) : multiLabel(input);
}

function multiClass({
  probabilities: { rows: n, columns, data },
  labels,
}: Extract<ClassificationInput, { task: "multi-class" }>): ClassificationQuality {
  const single = columns === 1;
  const classes = single ? 2 : columns;
  checkLabels(labels, n, classes);
  const predicted = Array.from({ length: n }, (_, i) =>
    single ? Number(data[i] >= 0.5) : argmax(data, i, columns),
  );
  const confusion = Array.from({ length: classes }, () => new Array<number>(classes).fill(0));
  for (let i = 0; i < n; i++) confusion[labels[i]][predicted[i]]++;

  const { perClass, gaps } = qualities(classes, (c) => ({
    // −p orders samples as 1 − p does, but cannot round two of them together
    scores: Float64Array.from({ length: n }, (_, i) =>
      single ? (c === 1 ? data[i] : -data[i]) : data[i * columns + c],
    ),
    actual: Uint8Array.from({ length: n }, (_, i) => Number(labels[i] === c)),
    predicted: Uint8Array.from({ length: n }, (_, i) => Number(predicted[i] === c)),
  }));
  const averaged = classes === 2 ? perClass.slice(1) : perClass;
  const right = confusion.reduce((count, row, c) => count + row[c], 0);
  const accuracy = n === 0 ? null : right / n;
  return {
    n,
    ...averages(averaged),
    macroF1: average(perClass, "f1"),
    microF1: accuracy, // every false positive of a class is a false negative of another
    accuracy,
    balancedAccuracy: average(perClass, "sensitivity"),
    confusion,
    perClass,
    leftOut: [],
    gaps,
  };
}

function multiLabel({
  probabilities,
  truth,
  thresholds,
}: Extract<ClassificationInput, { task: "multi-label" }>): ClassificationQuality {
  const { rows: n, columns, data } = probabilities;
  if (truth.length !== n * columns) throw new RangeError(`${truth.length} labels for ${n} × ${columns}`);
  if (thresholds !== undefined && thresholds.length !== columns) {
    throw new RangeError(`${thresholds.length} thresholds for ${columns} labels`);
  }
  for (let i = 0; i < truth.length; i++) {
    if (truth[i] !== 0 && truth[i] !== 1 && truth[i] !== -1) {
      throw badLabel(Math.floor(i / columns), truth[i], "0, 1 or −1 (not known)");
    }
  }
  const { perClass, gaps } = qualities(columns, (c) => {
    const known = Array.from({ length: n }, (_, i) => i * columns + c).filter((at) => truth[at] !== -1);
    const threshold = thresholds?.[c] ?? 0.5;
    return {
      scores: Float64Array.from(known, (at) => data[at]),
      actual: Uint8Array.from(known, (at) => truth[at]),
      predicted: Uint8Array.from(known, (at) => Number(data[at] >= threshold)),
    };
  });
  const twoSided = (q: ClassQuality) =>
    q.truePositive + q.falseNegative > 0 && q.falsePositive + q.trueNegative > 0;
  const kept = perClass.filter(twoSided);
  const total = (count: "truePositive" | "falsePositive" | "falseNegative") =>
    kept.reduce((sum, q) => sum + q[count], 0);
  return {
    n,
    ...averages(kept),
    macroF1: average(kept, "f1"),
    microF1: ratio(
      2 * total("truePositive"),
      2 * total("truePositive") + total("falsePositive") + total("falseNegative"),
    ),
    accuracy: average(kept, "accuracy"),
    balancedAccuracy: mean(kept.map((q) => (q.sensitivity! + q.specificity!) / 2)),
    confusion: null,
    perClass,
    leftOut: perClass.filter((q) => !twoSided(q)).map((q) => q.class),
    gaps,
  };
}

const average = (perClass: readonly ClassQuality[], score: ClassScore): number | null =>
  mean(perClass.map((q) => q[score]).filter((value) => value !== null));

const averages = (perClass: readonly ClassQuality[]) => ({
  auroc: average(perClass, "auroc"),
  averagePrecision: average(perClass, "averagePrecision"),
  sensitivity: average(perClass, "sensitivity"),
  specificity: average(perClass, "specificity"),
  precision: average(perClass, "precision"),
});

/** One class against the rest, one entry per sample. */
interface Outcomes {
  readonly scores: Float64Array;
  readonly actual: Uint8Array;
  readonly predicted: Uint8Array;
}

const why = {
  none: "no samples",
  noPositive: "no sample of this class",
  noNegative: "no sample of another class",
  neverPredicted: "never predicted",
  neither: "neither present nor predicted",
};

/** Class by class, so that 50,000 samples × 1,000 classes never stand in memory twice. */
function qualities(classes: number, outcomesOf: (c: number) => Outcomes) {
  const perClass = Array.from({ length: classes }, (_, c) => quality(c, outcomesOf(c)));
  const gaps = perClass.flatMap((q) => {
    const positives = q.truePositive + q.falseNegative;
    const negatives = q.falsePositive + q.trueNegative;
    const positiveReason = positives === 0 ? why.noPositive : why.noNegative;
    const reasons: Record<ClassScore, string> = {
      auroc: positiveReason,
      averagePrecision: why.noPositive,
      sensitivity: why.noPositive,
      specificity: why.noNegative,
      precision: why.neverPredicted,
      f1: why.neither,
      accuracy: why.none,
    };
    return Object.entries(reasons)
      .map(([score, reason]) => ({ score: score as ClassScore, class: q.class, reason }))
      .filter(({ score }) => q[score] === null)
      .map((gap) => (positives + negatives === 0 ? { ...gap, reason: why.none } : gap));
  });
  return { perClass, gaps };
}

function quality(index: number, { scores, actual, predicted }: Outcomes): ClassQuality {
  const counts = [0, 0, 0, 0];
  for (let i = 0; i < actual.length; i++) counts[2 * actual[i] + predicted[i]]++;
  const [trueNegative, falsePositive, falseNegative, truePositive] = counts;
  return {
    class: index,
    truePositive,
    falsePositive,
    falseNegative,
    trueNegative,
    auroc: auroc(scores, actual),
    averagePrecision: averagePrecision(scores, actual),
    f1: ratio(2 * truePositive, 2 * truePositive + falsePositive + falseNegative),
    sensitivity: ratio(truePositive, truePositive + falseNegative),
    specificity: ratio(trueNegative, trueNegative + falsePositive),
    precision: ratio(truePositive, truePositive + falsePositive),
    accuracy: ratio(truePositive + trueNegative, actual.length),
  };
}

const ratio = (part: number, whole: number): number | null => (whole === 0 ? null : part / whole);

/**
 * Area under the ROC curve: the share of (positive, negative) pairs in which the positive scores higher, ties counted half
 * (Mann–Whitney). `null` if one of the two is missing.
 */
export function auroc(scores: ArrayLike<number>, actual: ArrayLike<boolean | number>): number | null {
  let won = 0;
  let positives = 0;
  let negatives = 0;
  for (const { p, n } of tiedGroups(scores, actual)) {
    won += n * positives + (n * p) / 2; // the positives counted so far score higher than these negatives
    positives += p;
    negatives += n;
  }
  return ratio(won, positives * negatives);
}

/**
 * Average precision: Σ (recall step) × precision over the distinct thresholds, highest first, as scikit-learn's; equal scores enter
 * together, nothing is interpolated. `null` without a positive.
 */
export function averagePrecision(
  scores: ArrayLike<number>,
  actual: ArrayLike<boolean | number>,
): number | null {
  let taken = 0;
  let found = 0;
  let area = 0;
  for (const { p, n } of tiedGroups(scores, actual)) {
    taken += p + n;
    found += p;
    area += p * (found / taken);
  }
  return ratio(area, found);
}

/** Positives and negatives at each distinct score, highest first. */
function* tiedGroups(scores: ArrayLike<number>, actual: ArrayLike<boolean | number>) {
  // two sorts of plain numbers and a merge: many times faster than sorting indices by their scores
  let found = 0;
  for (let k = 0; k < scores.length; k++) {
    if (Number.isNaN(scores[k])) throw new RangeError(`score ${k} is NaN and has no place in an order`);
    if (actual[k]) found++;
  }
  const positives = new Float64Array(found);
  const negatives = new Float64Array(scores.length - found);
  for (let k = 0, p = 0, n = 0; k < scores.length; k++) {
    if (actual[k]) positives[p++] = scores[k];
    else negatives[n++] = scores[k];
  }
  positives.sort();
  negatives.sort();
  let i = positives.length - 1;
  let j = negatives.length - 1;
  while (i >= 0 || j >= 0) {
    const score = Math.max(
      positives[i] ?? Number.NEGATIVE_INFINITY,
      negatives[j] ?? Number.NEGATIVE_INFINITY,
    );
    const group = { p: 0, n: 0 };
    for (; i >= 0 && positives[i] === score; i--) group.p++;
    for (; j >= 0 && negatives[j] === score; j--) group.n++;
    yield group;
  }
}

/** First of the largest. */
function argmax(data: ArrayLike<number>, row: number, columns: number): number {
  let best = 0;
  for (let c = 1; c < columns; c++) if (data[row * columns + c] > data[row * columns + best]) best = c;
  return best;
}

function checkProbabilities({ rows, columns, data }: Matrix): void {
  if (data.length !== rows * columns || columns < 1) {
    throw new RangeError(`${data.length} probabilities for ${rows} × ${columns}`);
  }
  for (let i = 0; i < data.length; i++) {
    // a softmax in float32 may end a rounding above 1
    if (!(data[i] >= 0 && data[i] <= 1 + 1e-5)) {
      throw new KitError("E_PROBABILITIES", {
        problem: `probability ${data[i]} of class ${i % columns} for sample ${Math.floor(i / columns)} is not in [0, 1]`,
        next: "check the model on this sample: its outputs are not finite, or are not what the model card says",
      });
    }
  }
}

function checkLabels(labels: ArrayLike<number>, n: number, classes: number): void {
  if (labels.length !== n) throw new RangeError(`${labels.length} labels for ${n} samples`);
  for (let i = 0; i < n; i++) {
    if (!(Number.isInteger(labels[i]) && labels[i] >= 0 && labels[i] < classes)) {
      throw badLabel(i, labels[i], `a class index from 0 to ${classes - 1}`);
    }
  }
}

const badLabel = (sample: number, label: number, expected: string) =>
  new KitError("E_LABELS", {
    problem: `label ${label} of sample ${sample} is not ${expected}`,
    next: "check that the data set and the model have the same classes, in the same order",
  });
