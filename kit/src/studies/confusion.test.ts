import { expect, it } from "vitest";
import { rngOf } from "../rng.ts";
import { classificationQuality } from "../stats/classification.ts";
import { classEstimates, classScores, classScoresOf } from "./confusion.ts";

/** Decisions drawn at random, and their matrix. */
function drawn(classes: number, n: number) {
  const rng = rngOf("confusion", classes);
  const pairs = Array.from({ length: n }, () => [rng.integer(classes), rng.integer(classes)]);
  const counts = Array.from({ length: classes }, (_, r) =>
    Array.from({ length: classes }, (_, c) => pairs.filter(([a, b]) => a === r && b === c).length),
  );
  const quality = classificationQuality({
    task: "multi-class",
    probabilities: {
      rows: n,
      columns: classes,
      data: pairs.flatMap(([, b]) => Array.from({ length: classes }, (_, c) => Number(c === b))),
    },
    labels: pairs.map(([a]) => a),
  });
  return { counts, quality };
}

it.each([2, 3, 7])("of %i classes, gives what the run document says", (classes) => {
  const { counts, quality } = drawn(classes, 60);
  expect(quality.confusion).toEqual(counts);
  const scores = classScoresOf(counts);
  for (const score of classScores) expect(scores[score]).toBeCloseTo(quality[score]!, 12);
});

it("has an interval around each value, that of an accuracy as the binomial has it", () => {
  const { accuracy, sensitivity } = classEstimates([
    [80, 20],
    [10, 90],
  ]);
  expect(accuracy).toMatchObject({ value: 0.85, n: 200 });
  // 0.85 ± 1.96 √(0.85 · 0.15 / 200)
  expect(accuracy.interval![0]).toBeCloseTo(0.8, 1);
  expect(accuracy.interval![1]).toBeCloseTo(0.9, 1);
  expect(accuracy.interval![1] - accuracy.interval![0]).toBeCloseTo(0.099, 1);
  expect(sensitivity.value).toBe(0.9);
});

it("says that nothing decides what no image decides", () => {
  const { sensitivity, accuracy } = classEstimates([
    [0, 0],
    [0, 0],
  ]);
  expect([sensitivity, accuracy]).toEqual(
    [1, 2].map(() => ({ value: null, interval: null, n: null, reason: "no image decides it" })),
  );
  expect(
    classEstimates([
      [5, 0],
      [0, 0],
    ]).sensitivity.value,
  ).toBeNull();
});
