/** Is a classification quality what its own counts say? AUROC and average precision of a class need the probabilities; the rest does not. */
import type { ClassQuality, ClassScore } from "../stats/classification.ts";
import { mean } from "../stats/summary.ts";
import type { Result } from "./document.ts";
import { compare, type Report } from "./verdict.ts";

type Quality = Result["quality"];

const ratio = (part: number, whole: number) => (whole === 0 ? null : part / whole);
const scores: readonly ClassScore[] = [
  "auroc",
  "averagePrecision",
  "sensitivity",
  "specificity",
  "precision",
  "f1",
  "accuracy",
];

export function checkQuality({ quality, model, data }: Result, note: Report): void {
  const report: Report = (path, code, message) => note(["result", "quality", ...path], code, message);
  const { perClass, confusion, n } = quality;
  if (n > data.count) report(["n"], "E_COUNT", `${n} images of a split of ${data.count}`);
  if (perClass.length !== model.classes) {
    report(["perClass"], "E_COUNT", `${perClass.length} classes, the model has ${model.classes}`);
    return;
  }
  if ((confusion === null) !== (model.task === "multi-label")) {
    report(["confusion"], "E_QUALITY", `does not fit a ${model.task} model`);
    return;
  }
  if (
    confusion !== null &&
    !(confusion.length === model.classes && confusion.every((row) => row.length === model.classes))
  ) {
    report(["confusion"], "E_QUALITY", `is not ${model.classes} × ${model.classes}`);
    return;
  }
  for (const [c, own] of perClass.entries()) {
    const known = own.truePositive + own.falsePositive + own.falseNegative + own.trueNegative;
    if (confusion === null ? known > n : known !== n) {
      report(["perClass", c], "E_COUNT", `counts of ${known} images where there are ${n}`);
    }
  }
  compare(derived(quality), quality, [], (path, message) => report(path, "E_QUALITY", message));
}

/** The quality again, from its confusion matrix or its counts. */
function derived(given: Quality): Quality {
  const { confusion, n } = given;
  const perClass = given.perClass.map((own, c) => ({
    ...ofCounts(confusion === null ? own : { ...own, ...countsOf(confusion, c) }),
    class: c,
    auroc: bothSides(own) ? own.auroc : null,
    averagePrecision: own.truePositive + own.falseNegative > 0 ? own.averagePrecision : null,
  }));
  const average = (of: readonly ClassQuality[], score: ClassScore) =>
    mean(of.map((q) => q[score]).filter((value) => value !== null));
  const averages = (of: readonly ClassQuality[]) => ({
    auroc: average(of, "auroc"),
    averagePrecision: average(of, "averagePrecision"),
    sensitivity: average(of, "sensitivity"),
    specificity: average(of, "specificity"),
    precision: average(of, "precision"),
  });
  // reasons are words; which scores are missing is what can be checked
  const missing = perClass.flatMap((q) =>
    scores.filter((s) => q[s] === null).map((score) => ({ score, class: q.class })),
  );
  const gaps =
    missing.length === given.gaps.length
      ? missing.map((gap, i) => ({ ...gap, reason: given.gaps[i].reason }))
      : missing.map((gap) => ({ ...gap, reason: "missing" }));
  if (confusion !== null) {
    const right = confusion.reduce((sum, row, c) => sum + row[c], 0);
    const accuracy = ratio(right, n);
    return {
      n: confusion.flat().reduce((a, b) => a + b, 0),
      ...averages(perClass.length === 2 ? perClass.slice(1) : perClass),
      macroF1: average(perClass, "f1"),
      microF1: accuracy,
      accuracy,
      balancedAccuracy: average(perClass, "sensitivity"),
      confusion,
      perClass,
      leftOut: [],
      gaps,
    };
  }
  const kept = perClass.filter(bothSides);
  const total = (count: "truePositive" | "falsePositive" | "falseNegative") =>
    kept.reduce((sum, q) => sum + q[count], 0);
  const found = 2 * total("truePositive");
  return {
    n,
    ...averages(kept),
    macroF1: average(kept, "f1"),
    microF1: ratio(found, found + total("falsePositive") + total("falseNegative")),
    accuracy: average(kept, "accuracy"),
    balancedAccuracy: mean(kept.map((q) => (q.sensitivity! + q.specificity!) / 2)),
    confusion,
    perClass,
    leftOut: perClass.filter((q) => !bothSides(q)).map((q) => q.class),
    gaps,
  };
}

type Counts = Pick<ClassQuality, "truePositive" | "falsePositive" | "falseNegative" | "trueNegative">;

const bothSides = (q: Counts) => q.truePositive + q.falseNegative > 0 && q.falsePositive + q.trueNegative > 0;

function countsOf(confusion: readonly (readonly number[])[], c: number): Counts {
  const all = confusion.flat().reduce((a, b) => a + b, 0);
  const truePositive = confusion[c][c];
  const falseNegative = confusion[c].reduce((a, b) => a + b, 0) - truePositive;
  const falsePositive = confusion.reduce((sum, row) => sum + row[c], 0) - truePositive;
  return {
    truePositive,
    falsePositive,
    falseNegative,
    trueNegative: all - truePositive - falseNegative - falsePositive,
  };
}

function ofCounts(q: ClassQuality): ClassQuality {
  const { truePositive, falsePositive, falseNegative, trueNegative } = q;
  const all = truePositive + falsePositive + falseNegative + trueNegative;
  return {
    ...q,
    f1: ratio(2 * truePositive, 2 * truePositive + falsePositive + falseNegative),
    sensitivity: ratio(truePositive, truePositive + falseNegative),
    specificity: ratio(trueNegative, trueNegative + falsePositive),
    precision: ratio(truePositive, truePositive + falsePositive),
    accuracy: ratio(truePositive + trueNegative, all),
  };
}
