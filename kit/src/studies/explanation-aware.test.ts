import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { madeStudyRun } from "../../test/made-study.ts";
import { explanationAware } from "./explanation-aware.ts";
import {
  checksOf,
  claims,
  losses,
  type Measure,
  measures,
  notOurs,
  type Point,
  type Verdict,
  verdictOf,
} from "./explanation-aware-claims.ts";
import type { Block, Boxes, Estimate, Scatter, Section, Table } from "./findings.ts";
import type { StudyRun } from "./study.ts";

const diseases = ["a", "b", "c", "d", "e", "f", "g"];
const weights = [0.25, 0.5, 0.75, 1];

/** As the paper describes its figures: every claim that is tested holds. */
function asPrinted(disease: number, loss: string, alpha: number): Point["values"] {
  const apart = (disease - 3) / 100;
  if (loss === "none")
    return {
      accuracy: 0.85 + apart,
      "annotation-coverage": 0.95 + apart,
      "top-saliency-precision": 0.1 + apart,
      "all-saliency-precision": 0.1 + apart,
    };
  const [kind, form] = loss.split("-");
  const alone = form === undefined;
  const squared = form === "squared";
  const unstable = kind === "probability" && squared;
  const wide = apart * (kind === "logit" && squared ? 0.6 : 3);
  const precision = (alone ? -0.15 : 0) + (kind === "logit" ? 0.08 : 0) + (squared ? 0.03 : 0);
  return {
    accuracy:
      0.85 +
      apart * (1 + 0.5 * alpha) * (unstable ? 1.3 : 1) -
      0.012 * alpha +
      (unstable ? -0.008 : kind === "probability" ? 0.003 : 0),
    "annotation-coverage": (alone ? 0.5 : 0.85) - 0.1 * alpha + wide,
    "top-saliency-precision": 0.5 - 0.1 * alpha + precision + wide,
    "all-saliency-precision": 0.4 + 0.1 * alpha + precision + wide,
  };
}

const pointsOf = (values = asPrinted, which = { diseases, losses, weights }): Point[] =>
  which.diseases.flatMap((disease, d) => [
    { architecture: "net", loss: "none", alpha: 0, disease, values: values(d, "none", 0) },
    ...which.losses.flatMap((loss) =>
      which.weights.map((alpha) => ({
        ...{ architecture: "net", loss, alpha, disease },
        values: values(d, loss, alpha),
      })),
    ),
  ]);
const verdicts = (points: readonly Point[]): Record<string, Verdict> =>
  Object.fromEntries(claims.map(({ id, checks }) => [id, verdictOf(checks(points))]));
const claim = (id: string, points: readonly Point[]) => claims.find((c) => c.id === id)!.checks(points);

describe("the paper’s claims", () => {
  it("are those of the literature file, word for word, and none is left out but counts", () => {
    const file = new URL("../../../results/literature/explanation-aware-learning.json", import.meta.url);
    const literature = JSON.parse(readFileSync(file, "utf8")) as {
      claims: { id: string; text: string; where: string }[];
    };
    const printed = new Map(literature.claims.map((own) => [own.id, own]));
    for (const { id, text, where } of claims) expect(printed.get(id)).toMatchObject({ text, where });
    for (const { id, text } of notOurs) expect(printed.get(id)).toMatchObject({ text });
    const counts = ["models-trained", "values-a-weight"];
    expect([...claims, ...notOurs].map(({ id }) => id).sort()).toEqual(
      [...printed.keys()].filter((id) => !counts.includes(id)).sort(),
    );
  });

  it("hold on numbers that are as the paper describes its own", () => {
    expect(verdicts(pointsOf())).toEqual(Object.fromEntries(claims.map(({ id }) => [id, "holds"])));
  });

  it("do not hold on the same numbers turned round, where a direction is claimed", () => {
    const turned = (disease: number, loss: string, alpha: number) =>
      Object.fromEntries(
        Object.entries(asPrinted(disease, loss, alpha)).map(([measure, value]) => [measure, 1 - value!]),
      ) as Point["values"];
    const found = verdicts(pointsOf(turned));
    // spread and likeness are the same either way
    const kept = ["median-accuracy-alike", "accuracy-spreads"];
    const alike = ["accuracy-alike-over-losses", "squared-logit-most-consistent"];
    expect(found).toEqual(
      Object.fromEntries(
        claims.map(({ id }) => [id, [...kept, ...alike].includes(id) ? "holds" : "does not hold"]),
      ),
    );
  });

  it("compare what they say, on the same diseases", () => {
    const points = pointsOf();
    const [guided] = claim("guided-maps-focused", points);
    const at = (loss: string, alpha: number, measure: Measure) =>
      diseases.reduce((sum, _, d) => sum + asPrinted(d, loss, alpha)[measure]!, 0) / diseases.length;
    const all = losses.flatMap((loss) => weights.map((alpha) => at(loss, alpha, "all-saliency-precision")));
    const expected = all.reduce((a, b) => a + b, 0) / all.length - at("none", 0, "all-saliency-precision");
    expect(guided.difference).toMatchObject({ value: expect.closeTo(expected, 12), n: 7 });
    expect(claim("all-precision-rises", points).map(({ words }) => words)).toEqual([
      "α 0.5 − α 0.25",
      "α 0.75 − α 0.5",
      "α 1 − α 0.75",
    ]);
    // a disease that one side lacks is left out of both
    const uneven = points.filter(({ disease, loss }) => disease !== "a" || loss !== "none");
    expect(claim("guided-maps-focused", uneven)[0].difference.n).toBe(6);
  });

  it("cannot be told of one weight, of losses that are not there, of two diseases, of nothing", () => {
    const some = (which: Partial<{ diseases: string[]; losses: string[]; weights: number[] }>) =>
      pointsOf(asPrinted, { diseases, losses: [...losses], weights, ...which });
    const why = (id: string, points: readonly Point[]) => {
      const checks = claim(id, points);
      expect(verdictOf(checks)).toBe("cannot be told");
      return checks[0].difference.reason;
    };
    expect(why("coverage-falls", some({ weights: [0.5] }))).toBe("weights are compared, and α 0.5 is alone");
    expect(why("coverage-falls", some({ losses: [] }))).toBe("no guided model is there");
    const own = some({ losses: ["input-gradient"] });
    expect(why("logit-only-worst", own)).toBe("none of its losses is there");
    const half = some({ losses: ["logit-squared"] });
    expect(why("squared-best-precision", half)).toBe(
      "no model of probability-squared, logit-algebraic, logit-absolute, probability-algebraic, probability-absolute",
    );
    expect(verdicts(own)["guided-maps-focused"]).toBe("holds");
    const two = some({ diseases: ["a", "b"] });
    expect(why("guided-maps-focused", two)).toBe("no interval: 2 of diseases, 3 are needed");
    expect(Object.values(verdicts([])).every((verdict) => verdict === "cannot be told")).toBe(true);
    expect(JSON.stringify(claims.map(({ checks }) => checks([])))).not.toMatch(/NaN|Infinity/);
  });

  it("cannot be told of an effect that differs between diseases", () => {
    const mixed = (d: number, loss: string): Point["values"] => ({
      ...asPrinted(d, loss, 1),
      "all-saliency-precision": loss === "none" ? 0.5 : 0.5 + (d % 2 === 0 ? 0.2 : -0.2),
    });
    const [check] = claim("guided-maps-focused", pointsOf(mixed));
    expect(check.difference.interval![0]).toBeLessThan(0);
    expect(check.verdict).toBe("cannot be told");
  });
});

const base = madeStudyRun({ labels: { architecture: "net", loss: "none", alpha: 0, disease: "all" } });

/** Of one disease, whose images have these scores. */
function made(
  loss: string,
  alpha: number,
  disease: string,
  { accuracy, coverage }: { readonly accuracy: number; readonly coverage: readonly number[] | null },
): StudyRun {
  const quality = { ...base.result.quality, perClass: [{ ...base.result.quality.perClass[0], accuracy }] };
  const row = { ...base.rows[0], method: "grad-cam", target: 0, skips: {} };
  return {
    ...base,
    id: `${loss}-${alpha}-${disease}`,
    labels: { architecture: "net", loss, alpha, disease },
    result: { ...base.result, quality },
    rows: [
      // what is explained for its own sake has no annotation
      { ...row, targetKind: "predicted", scores: { "annotation-coverage": 0 } },
      ...(coverage ?? []).map((score) => ({
        ...row,
        targetKind: "annotated" as const,
        scores: { "annotation-coverage": score, "all-saliency-precision": score / 2 },
      })),
    ],
  };
}
/** That chooses one of three, each with a map. */
function several(loss: string, alpha: number, ids: "public" | "private" = "public"): StudyRun {
  const { result } = base;
  return {
    ...base,
    id: `several-${alpha}`,
    labels: { architecture: "net", loss, alpha, disease: "all" },
    result: { ...result, data: { ...result.data, ...(ids === "private" && { ids, classNames: null }) } },
    rows: [0, 1, 2].map((target) => ({
      ...base.rows[0],
      ...{ method: "grad-cam", target, targetKind: "annotated" as const, skips: {} },
      scores: { "annotation-coverage": 0.5, "all-saliency-precision": 0.2 + 0.3 * alpha },
    })),
  };
}

const analysed = (runs: readonly StudyRun[]) =>
  explanationAware.analyse({ runs, comparisons: [], notCompared: [] }) as readonly Section[];
const find = <B extends Block>(sections: readonly Section[], id: string): B =>
  sections.flatMap(({ blocks }) => blocks).find((own) => own.id === id) as B;

const runs = ["a", "b", "c"].flatMap((disease, d) => [
  made("none", 0, disease, { accuracy: 0.9 + d / 100, coverage: [0.5, 0.7] }),
  made("logit-squared", 1, disease, { accuracy: 0.8 + d / 100, coverage: [0.9] }),
  made("logit-squared", 0.25, disease, { accuracy: 0.85, coverage: disease === "a" ? null : [0.8] }),
]);

describe("box plots", () => {
  const { rows } = find<Boxes>(analysed(runs), "boxes-annotation-coverage");

  it("have a row for each model, by weight, and a point for each disease: the mean over its images", () => {
    expect(rows.map(({ label }) => label)).toEqual([
      "cross-entropy alone",
      "logit-squared, α 0.25",
      "logit-squared, α 1",
    ]);
    expect(rows[0].points).toEqual(
      ["a", "b", "c"].map((label) => ({ label, value: expect.closeTo(0.6, 12) })),
    );
    expect(rows[2].box).toMatchObject({ n: 3, median: expect.closeTo(0.9, 12) });
    expect(find<Boxes>(analysed(runs), "boxes-accuracy").rows[0].box).toMatchObject({
      median: expect.closeTo(0.91, 12),
    });
  });

  it("take a loss of weight 0 for none, and weights in the order of numbers", () => {
    const like = (loss: string, alpha: number) => made(loss, alpha, "a", { accuracy: 0.9, coverage: [0.5] });
    const { rows: own } = find<Boxes>(
      analysed([like("mine", 10), like("mine", 9), like("mine", 0), like("logit", 1)]),
      "boxes-accuracy",
    );
    expect(own.map(({ label }) => label)).toEqual([
      "cross-entropy alone",
      "logit, α 1",
      "mine, α 9",
      "mine, α 10",
    ]);
  });

  it("leave out what was not measured, and say so", () => {
    expect(rows[1].points.map(({ label }) => label)).toEqual(["b", "c"]);
    const { gaps } = analysed(runs).find(({ id }) => id === "boxes")!;
    expect(gaps).toContain("Annotation coverage: none of logit-squared, α 0.25 on a");
    expect(
      gaps.some((gap) => gap.startsWith("Top saliency precision: none of cross-entropy alone on a")),
    ).toBe(true);
    expect(
      find<Boxes>(analysed(runs), "boxes-top-saliency-precision").rows.every(({ box }) => box === null),
    ).toBe(true);
  });

  it("of a model of several classes have a point for each, by name unless the set is private", () => {
    const points = (ids: "public" | "private") =>
      find<Boxes>(analysed([several("none", 0, ids)]), "boxes-annotation-coverage").rows[0].points.map(
        ({ label }) => label,
      );
    expect(points("public")).toEqual(["disc", "ring", "cross"]);
    expect(points("private")).toEqual([0, 1, 2].map((c) => `class ${c} of several-0`));
  });

  it("of a model that chooses one of several have its accuracy, once", () => {
    const { rows: own } = find<Boxes>(analysed([several("none", 0)]), "boxes-accuracy");
    expect(own[0].points).toEqual([{ label: "all", value: base.result.quality.accuracy }]);
  });

  it("take both labels of a multi-label model of two for diseases", () => {
    const { perClass } = base.result.quality;
    const quality = { ...base.result.quality, confusion: null, perClass: perClass.slice(0, 2) };
    const run = several("none", 0);
    const { rows: own } = find<Boxes>(
      analysed([{ ...run, result: { ...run.result, quality } }]),
      "boxes-accuracy",
    );
    expect(own[0].points.map(({ label }) => label)).toEqual(["disc", "ring"]);
  });
});

describe("trade-off", () => {
  it("goes from cross-entropy alone through the weights, with intervals over three diseases", () => {
    const { points, joined, panels } = find<Scatter>(analysed(runs), "trade-off-annotation-coverage");
    expect(points).toEqual(["cross-entropy alone", "α 0.25", "α 1"]);
    expect(joined).toBe(true);
    expect(panels.map(({ title }) => title)).toEqual(["logit-squared, Grad-CAM", "logit-squared, Saliency"]);
    const [alone, weak, strong] = panels[0].at;
    expect(alone.x).toMatchObject({ value: expect.closeTo(0.6, 12), n: 3 });
    expect(alone.y.interval).not.toBeNull();
    expect(weak.x).toMatchObject({ value: expect.closeTo(0.8, 12), n: 2, interval: null });
    expect(strong.y.value).toBeCloseTo(0.81, 12);
  });

  it("of one weight alone has no line, and says so", () => {
    const gaps = (own: readonly StudyRun[]) => analysed(own).find(({ id }) => id === "trade-off")!.gaps;
    expect(gaps(runs.filter(({ labels }) => labels.alpha === 1))).toEqual([
      "logit-squared: no line through one weight",
    ]);
    expect(gaps(runs.filter(({ labels }) => labels.alpha === 0))).toEqual(["no guided model is there"]);
  });

  it("has a panel for each loss, where a weight that another loss has is a gap", () => {
    const other = made("mine", 0.5, "a", { accuracy: 0.7, coverage: [0.2] });
    const { points, panels } = find<Scatter>(analysed([...runs, other]), "trade-off-annotation-coverage");
    expect(points).toEqual(["cross-entropy alone", "α 0.25", "α 0.5", "α 1"]);
    const own = panels.find(({ title }) => title === "mine, Grad-CAM")!.at;
    expect(own.map(({ y }) => y.value)).toEqual([expect.closeTo(0.91, 12), null, 0.7, null]);
  });
});

it("says of each claim whether it holds, with numbers only where there are some", () => {
  const sections = analysed(runs);
  const { rows } = find<Table>(sections, "verdicts");
  expect(rows).toHaveLength(claims.length + notOurs.length);
  const verdict = (text: string) => rows.find(({ label }) => label.startsWith(text))!.values;
  expect(verdict("Maps of guided models")[0]).toBe("holds");
  expect(verdict("Validation accuracy")[0]).toBe("cannot be told");
  expect(verdict("Top saliency precision falls")).toEqual([
    "cannot be told",
    "no loss has a disease at every weight",
  ]);
  expect(verdict("Squared losses")[1]).toContain("no model of probability-squared");
  const compared = find<Table>(sections, "compared").rows;
  expect(compared.every(({ values }) => (values[2] as Estimate).value !== null)).toBe(true);
  expect(compared.find(({ label }) => label === "guided-maps-focused")!.values[2]).toMatchObject({ n: 3 });
});

describe("a claim", () => {
  const found = (own: readonly StudyRun[]) => {
    const sections = analysed(own);
    const { rows } = find<Table>(sections, "verdicts");
    return {
      verdict: (text: string) => rows.find(({ label }) => label.startsWith(text))!.values,
      gaps: sections.find(({ id }) => id === "claims")!.gaps,
    };
  };

  it("of accuracy is not told from the classes of one model", () => {
    const { verdict } = found([several("none", 0), several("mine", 0.5), several("mine", 1)]);
    const why = "the classes are one model’s on the same images";
    for (const text of ["Mean test accuracy falls", "Test accuracy spreads wider"])
      expect(verdict(text)).toEqual(["cannot be told", why]);
    expect(verdict("Maps of guided models")[0]).toBe("holds");
    const [{ measure, difference }] = checksOf(claims.find(({ id }) => id === "mean-accuracy-falls")!, [
      { ...pointsOf()[0], oneOfSeveral: true },
    ]);
    expect([measure, difference.reason]).toEqual(["accuracy", why]);
  });

  it("does not pair classes without names", () => {
    const { verdict, gaps } = found([several("none", 0, "private"), several("mine", 1, "private")]);
    expect(verdict("Maps of guided models")[0]).toBe("cannot be told");
    expect(gaps.map((gap) => gap.slice(0, 31))).toEqual([
      "several-0: the data is private,",
      "several-1: the data is private,",
    ]);
  });

  it("leaves out a disease whose runs are of other data", () => {
    const other = runs.map((run) =>
      run.id === "logit-squared-1-b"
        ? { ...run, result: { ...run.result, data: { ...run.result.data, split: "train" as const } } }
        : run,
    );
    const { verdict, gaps } = found(other);
    expect(verdict("Maps of guided models")[1]).toContain("2 of diseases");
    expect(gaps).toEqual([
      expect.stringMatching(/^b: left out, since its runs are not of the same: split: /),
    ]);
  });

  it("takes a loss however its label is written", () => {
    const { rows } = find<Boxes>(
      analysed([made("Logit Squared", 1, "a", { accuracy: 0.9, coverage: [0.5] })]),
      "boxes-accuracy",
    );
    expect(rows.map(({ label }) => label)).toEqual(["logit-squared, α 1"]);
  });
});

it("wants the paper’s grid: cross-entropy alone once, each of seven losses at four weights, of seven diseases", () => {
  expect(explanationAware.wanted).toHaveLength(7 + 7 * 4 * 7);
  expect(measures).toHaveLength(4);
});
