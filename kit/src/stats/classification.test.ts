import { describe, expect, it } from "vitest";
import fixtures from "./classification.fixtures.json" with { type: "json" };
import {
  auroc,
  averagePrecision,
  type ClassificationInput,
  classificationQuality,
} from "./classification.ts";

function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 48271) % 2147483647;
    return state / 2147483647;
  };
}

/** Scores on a grid of `steps` values (so that there are ties) and labels. */
function example(seed: number, n = 60, steps = 10) {
  const next = random(seed);
  const scores = Array.from({ length: n }, () => Math.floor(next() * steps) / steps);
  return { scores, actual: scores.map((score) => next() < 0.2 + 0.5 * score) };
}

function literalAuroc(scores: number[], actual: boolean[]): number {
  let won = 0;
  let pairs = 0;
  for (const [i, a] of scores.entries()) {
    for (const [j, b] of scores.entries()) {
      if (!actual[i] || actual[j]) continue;
      pairs++;
      won += a > b ? 1 : a === b ? 0.5 : 0;
    }
  }
  return won / pairs;
}

function literalAveragePrecision(scores: number[], actual: boolean[]): number {
  const thresholds = [...new Set(scores)].sort((a, b) => b - a);
  const positives = actual.filter(Boolean).length;
  let area = 0;
  let before = 0;
  for (const threshold of thresholds) {
    const chosen = actual.filter((_, i) => scores[i] >= threshold);
    const found = chosen.filter(Boolean).length;
    area += (found / positives - before) * (found / chosen.length);
    before = found / positives;
  }
  return area;
}

describe("auroc", () => {
  it("is the share of pairs won, ties half", () => {
    for (const seed of [1, 2, 3, 4]) {
      const { scores, actual } = example(seed);
      expect(auroc(scores, actual)).toBeCloseTo(literalAuroc(scores, actual), 13);
    }
  });

  it("takes its known values", () => {
    // the example of scikit-learn's documentation
    expect(auroc([0.1, 0.4, 0.35, 0.8], [0, 0, 1, 1])).toBe(0.75);
    expect(auroc([1, 2, 3], [false, true, true])).toBe(1);
    expect(auroc([7, 7, 7], [false, true, true])).toBe(0.5);
    expect(auroc([1, 2], [true, true])).toBeNull();
    expect(auroc([], [])).toBeNull();
    expect(() => auroc([1, Number.NaN], [0, 1])).toThrow(RangeError);
  });

  it("does not change under a monotone transform and turns round with the sign", () => {
    const { scores, actual } = example(5);
    const value = auroc(scores, actual)!;
    expect(
      auroc(
        scores.map((s) => Math.exp(3 * s)),
        actual,
      ),
    ).toBe(value);
    expect(
      auroc(
        scores.map((s) => -s),
        actual,
      ),
    ).toBeCloseTo(1 - value, 13);
  });
});

describe("averagePrecision", () => {
  it("is the step-wise sum over distinct thresholds", () => {
    for (const seed of [1, 2, 3, 4]) {
      const { scores, actual } = example(seed);
      expect(averagePrecision(scores, actual)).toBeCloseTo(literalAveragePrecision(scores, actual), 13);
    }
  });

  it("takes its known values", () => {
    expect(averagePrecision([0.1, 0.4, 0.35, 0.8], [0, 0, 1, 1])).toBeCloseTo(0.8333333333333333, 15);
    expect(averagePrecision([1, 1, 1, 1], [1, 0, 0, 0])).toBe(0.25); // ties: the share of positives
    expect(averagePrecision([1, 2], [0, 0])).toBeNull();
  });

  it("does not change under a monotone transform", () => {
    const { scores, actual } = example(6);
    const bent = scores.map((s) => s ** 3);
    expect(averagePrecision(bent, actual)).toBe(averagePrecision(scores, actual));
  });
});

describe("classificationQuality, multi-class", () => {
  // true 0 0 1 1 2 2, predicted 0 2 1 1 2 0
  const three = classificationQuality({
    task: "multi-class",
    probabilities: {
      rows: 6,
      columns: 3,
      data: [0.8, 0.1, 0.1, 0.3, 0.3, 0.4, 0.1, 0.7, 0.2, 0.2, 0.5, 0.3, 0.2, 0.2, 0.6, 0.5, 0.1, 0.4],
    },
    labels: [0, 0, 1, 1, 2, 2],
  });

  it("counts and averages as worked out by hand", () => {
    expect(three.confusion).toEqual([
      [1, 0, 1],
      [0, 2, 0],
      [1, 0, 1],
    ]);
    expect(three.accuracy).toBeCloseTo(4 / 6, 15);
    expect(three.microF1).toBe(three.accuracy);
    expect(three.macroF1).toBeCloseTo((0.5 + 1 + 0.5) / 3, 15);
    expect(three.balancedAccuracy).toBeCloseTo((0.5 + 1 + 0.5) / 3, 15);
    expect(three.specificity).toBeCloseTo((0.75 + 1 + 0.75) / 3, 15);
    expect(three.precision).toBeCloseTo((0.5 + 1 + 0.5) / 3, 15);
    // class 0: .8 .3 against .1 .2 .2 .5; class 1: .7 .5 against .1 .3 .2 .1; class 2: .6 .4 against .1 .4 .2 .3
    expect(three.perClass.map((q) => q.auroc)).toEqual([7 / 8, 1, 7.5 / 8]);
    expect(three.auroc).toBeCloseTo((7 / 8 + 1 + 7.5 / 8) / 3, 15);
    expect(three.gaps).toEqual([]);
  });

  it("takes class 1 of a binary task, from two columns or one", () => {
    const p = [0.9, 0.2, 0.5, 0.6, 0.1, 0.4];
    const labels = [1, 0, 1, 0, 0, 1];
    const one = classificationQuality({
      task: "multi-class",
      probabilities: { rows: 6, columns: 1, data: p },
      labels,
    });
    expect(one.auroc).toBe(
      literalAuroc(
        p,
        labels.map((l) => l === 1),
      ),
    );
    expect(one.confusion).toEqual([
      [2, 1],
      [1, 2], // p = 0.5 predicts class 1
    ]);
    expect(one.sensitivity).toBeCloseTo(2 / 3, 15);
    expect(one.specificity).toBeCloseTo(2 / 3, 15);
    const two = classificationQuality({
      task: "multi-class",
      probabilities: { rows: 6, columns: 2, data: p.flatMap((v) => [v === 0.5 ? 0.49 : 1 - v, v]) },
      labels,
    });
    expect(two).toEqual(one);
  });

  it("leaves a missing class out of the averages and says why", () => {
    const quality = classificationQuality({
      task: "multi-class",
      probabilities: { rows: 3, columns: 3, data: [0.8, 0.1, 0.1, 0.2, 0.5, 0.3, 0.6, 0.3, 0.1] },
      labels: [0, 1, 1],
    });
    expect(quality.perClass[2]).toMatchObject({ auroc: null, averagePrecision: null, f1: null });
    expect(quality.gaps).toContainEqual({ score: "auroc", class: 2, reason: "no sample of this class" });
    expect(quality.gaps).toContainEqual({ score: "precision", class: 2, reason: "never predicted" });
    expect(quality.gaps).toContainEqual({ score: "f1", class: 2, reason: "neither present nor predicted" });
    expect(quality.macroF1).toBeCloseTo(2 / 3, 15); // both classes: 2·1/(2·1 + 1)
    expect(quality.auroc).toBe(1);
  });

  it("scores an absent class that is predicted with F1 0, as scikit-learn does", () => {
    const quality = classificationQuality({
      task: "multi-class",
      probabilities: { rows: 2, columns: 2, data: [0.4, 0.6, 0.9, 0.1] },
      labels: [0, 0],
    });
    expect(quality.perClass[1].f1).toBe(0);
    expect(quality.macroF1).toBeCloseTo(1 / 3, 15);
    expect(quality.sensitivity).toBeNull(); // of class 1
    expect(quality.auroc).toBeNull();
  });

  it("is all null on an empty split", () => {
    const quality = classificationQuality({
      task: "multi-class",
      probabilities: { rows: 0, columns: 2, data: [] },
      labels: [],
    });
    expect([quality.accuracy, quality.auroc, quality.macroF1]).toEqual([null, null, null]);
    expect(new Set(quality.gaps.map((gap) => gap.reason))).toEqual(new Set(["no samples"]));
  });

  it("names the sample whose input is no good", () => {
    const run = (data: number[], labels: number[]) => () =>
      classificationQuality({ task: "multi-class", probabilities: { rows: 2, columns: 2, data }, labels });
    expect(run([0.5, 0.5, Number.NaN, 1], [0, 1])).toThrow(/NaN of class 0 for sample 1/);
    expect(run([0.5, 0.5, 0, 1], [0, 2])).toThrow(/label 2 of sample 1 is not a class index from 0 to 1/);
    expect(run([0.5, 0.5, 0], [0, 1])).toThrow(RangeError);
  });
});

describe("classificationQuality, multi-label", () => {
  // columns: a normal label, one that is always present, one with an unknown truth
  const input = {
    task: "multi-label",
    probabilities: {
      rows: 4,
      columns: 3,
      data: [0.9, 0.8, 0.1, 0.4, 0.9, 0.7, 0.6, 0.3, 0.2, 0.2, 0.6, 0.9],
    },
    truth: [1, 1, 0, 1, 1, 1, 0, 1, 0, 0, 1, -1],
  } as const;
  const quality = classificationQuality(input);

  it("leaves one-sided labels out and unknown truths aside", () => {
    expect(quality.leftOut).toEqual([1]);
    expect(quality.perClass[2]).toMatchObject({
      truePositive: 1,
      falsePositive: 0,
      trueNegative: 2,
      auroc: 1,
    });
    expect(quality.perClass[0]).toMatchObject({
      truePositive: 1,
      falsePositive: 1,
      falseNegative: 1,
      trueNegative: 1,
    });
    expect(quality.auroc).toBeCloseTo((0.75 + 1) / 2, 15);
    expect(quality.macroF1).toBeCloseTo((0.5 + 1) / 2, 15);
    expect(quality.microF1).toBeCloseTo((2 * 2) / (2 * 2 + 1 + 1), 15);
    expect(quality.accuracy).toBeCloseTo((0.5 + 1) / 2, 15);
    expect(quality.balancedAccuracy).toBeCloseTo((0.5 + 1) / 2, 15);
    expect(quality.confusion).toBeNull();
    expect(quality.gaps).toContainEqual({ score: "auroc", class: 1, reason: "no sample of another class" });
  });

  it("takes a threshold per label", () => {
    const { perClass } = classificationQuality({ ...input, thresholds: [0.4, 0.5, 0.5] });
    expect(perClass[0]).toMatchObject({
      truePositive: 2,
      falsePositive: 1,
      falseNegative: 0,
      trueNegative: 1,
    });
  });

  it("refuses a truth that is none", () => {
    expect(() =>
      classificationQuality({ ...input, truth: input.truth.map((v) => (v === -1 ? 2 : v)) }),
    ).toThrow(/label 2 of sample 3/);
  });
});

/** Made by scripts/classification-reference.py. */
describe("scikit-learn finds the same", () => {
  it.each(fixtures.cases.map((one) => [one.name, one] as const))("%s", (_, { expected, ...given }) => {
    const { probabilities: rows } = given;
    const probabilities = { rows: rows.length, columns: rows[0].length, data: rows.flat() };
    const truth = given.truth?.flat();
    const quality = classificationQuality({ ...given, probabilities, truth } as ClassificationInput);
    const { perClass, confusion, leftOut = [], ...averages } = expected;
    expect(quality.confusion).toEqual(confusion);
    expect(quality.leftOut).toEqual(leftOut);
    const compare = (found: object, wanted: object, where: string) => {
      for (const [score, value] of Object.entries(wanted)) {
        const own = found[score as keyof typeof found] as number | null;
        if (value === null) expect([where, score, own]).toEqual([where, score, null]);
        else expect(Math.abs(own! - value), `${where} ${score}`).toBeLessThan(1e-14);
      }
    };
    compare(quality, averages, "averaged");
    for (const [c, wanted] of perClass.entries()) compare(quality.perClass[c], wanted, `class ${c}`);
  });
  it("in every kind of task, with scores that are not defined among them", () => {
    expect(new Set(fixtures.cases.map(({ task }) => task))).toEqual(new Set(["multi-class", "multi-label"]));
    const missing = fixtures.cases.flatMap(({ expected }) =>
      expected.perClass.flatMap((q) =>
        Object.entries(q).flatMap(([score, v]) => (v === null ? [score] : [])),
      ),
    );
    expect(new Set(missing)).toEqual(
      new Set(["auroc", "averagePrecision", "sensitivity", "specificity", "precision", "f1"]),
    );
  });
});
