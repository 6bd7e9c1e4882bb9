/** What papers report of a classifier, from its confusion matrix, with intervals: the matrix is all that a run document holds of single images. */
import { rngOf } from "../rng.ts";
import { interval } from "../stats/bootstrap.ts";
import { mean } from "../stats/summary.ts";
import { none } from "./estimates.ts";
import type { Estimate } from "./findings.ts";

export const classScores = ["sensitivity", "specificity", "precision", "macroF1", "accuracy"] as const;
export type ClassScore = (typeof classScores)[number];

type Counts = readonly (readonly number[])[];

const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);

/**
 * As stats/classification.ts defines them: macro over the classes, of two classes those of class 1, F1 over all.
 *
 * @param counts  [true class][predicted class]
 */
export function classScoresOf(counts: Counts): Readonly<Record<ClassScore, number | null>> {
  const total = sum(counts.flat());
  const each = counts.map((row, c) => {
    const truePositive = row[c];
    const actual = sum(row);
    const predicted = sum(counts.map((other) => other[c]));
    const trueNegative = total - actual - predicted + truePositive;
    return {
      sensitivity: ratio(truePositive, actual),
      specificity: ratio(trueNegative, total - actual),
      precision: ratio(truePositive, predicted),
      f1: ratio(2 * truePositive, actual + predicted),
    };
  });
  const averaged = counts.length === 2 ? each.slice(1) : each;
  const over = (of: typeof each, score: keyof (typeof each)[number]) =>
    mean(of.flatMap((own) => own[score] ?? []));
  return {
    sensitivity: over(averaged, "sensitivity"),
    specificity: over(averaged, "specificity"),
    precision: over(averaged, "precision"),
    macroF1: over(each, "f1"),
    accuracy: ratio(sum(counts.map((row, c) => row[c])), total),
  };
}

const ratio = (part: number, whole: number): number | null => (whole === 0 ? null : part / whole);

const draws = 2000;
/** Of all resamples together: a set of 50,000 images needs fewer of them. */
const mostDrawn = 4e7;

/**
 * The same with 95 % percentile intervals over resampled images. Groups (patients) are not in the matrix: where a group has many images the intervals
 * are too narrow.
 */
export function classEstimates(counts: Counts): Readonly<Record<ClassScore, Estimate>> {
  const n = sum(counts.flat());
  const values = classScoresOf(counts);
  const resamples = n < 2 ? [] : resampled(counts, n).map(classScoresOf);
  return Object.fromEntries(
    classScores.map((score): [ClassScore, Estimate] => {
      if (values[score] === null) return [score, none("no image decides it")];
      const drawn = Float64Array.from(resamples, (own) => own[score] ?? Number.NaN);
      return [score, { value: values[score], interval: interval(drawn), n }];
    }),
  ) as Record<ClassScore, Estimate>;
}

function resampled(counts: Counts, n: number): number[][][] {
  const classes = counts.length;
  // each image by its cell of the matrix
  const images = counts.flat().flatMap((count, cell) => new Array<number>(count).fill(cell));
  const rng = rngOf("xai-kit/study", "images of a confusion matrix");
  return Array.from({ length: Math.max(200, Math.min(draws, Math.floor(mostDrawn / n))) }, () => {
    const drawn = Array.from({ length: classes }, () => new Array<number>(classes).fill(0));
    for (let k = 0; k < n; k++) {
      const cell = images[rng.integer(n)];
      drawn[Math.floor(cell / classes)][cell % classes]++;
    }
    return drawn;
  });
}
