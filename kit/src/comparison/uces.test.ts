import { describe, expect, it } from "vitest";
import { type IndicatorId, indicators, uces, type Values } from "./uces.ts";

/** Tables II and VI of the paper (means over three seeds), and what its table VII makes of them. */
const paper: Record<string, { readonly values: readonly number[]; readonly expected: readonly number[] }> = {
  "ResNet-50": {
    values: [0.819, 0.561, 0.437, 0.504, 0.0823, 0.0706, 10.02, 0.207, 4.65, 5.11],
    expected: [0.622, 0.364, 0.544, 3],
  },
  "DenseNet-121": {
    values: [0.821, 0.543, 0.46, 0.512, 0.3304, 0.00047, 10.02, 0.207, 7.53, 8.49],
    expected: [0.848, 0.167, 0.643, 2],
  },
  "ViT-B/16": {
    values: [0.785, 0.515, 0.433, 0.492, 0.164, 0.0168, 9.637, 0.411, 7.21, 7.29],
    expected: [0, 0.572, 0.172, 4],
  },
  "ConvNeXt-Tiny": {
    values: [0.831, 0.559, 0.455, 0.512, 0.2004, 0.385, 9.624, 0.41, 7.3, 7.11],
    expected: [0.943, 0.698, 0.87, 1],
  },
};

const named = (values: readonly number[]): Values =>
  Object.fromEntries(indicators.map(({ id }, i) => [id, values[i]])) as Values;
const all = Object.values(paper).map(({ values }) => named(values));

function scored(values: readonly Values[], alpha?: number) {
  const scores = uces(values, alpha);
  if ("reason" in scores) throw new Error(scores.reason);
  return scores;
}

describe("the paper's table VII from its tables II and VI", () => {
  const { leftOut, models } = scored(all);

  it.each(Object.keys(paper).map((name, i) => [name, i] as const))("%s", (name, i) => {
    const [classification, explanation, score, rank] = paper[name].expected;
    const own = models[i];
    expect(Math.abs(own.classification - classification)).toBeLessThanOrEqual(0.001);
    expect(Math.abs(own.explanation - explanation)).toBeLessThanOrEqual(0.001);
    expect(Math.abs(own.uces - score)).toBeLessThanOrEqual(0.001);
    expect(own.rank).toBe(rank);
  });

  it("uses every indicator", () => expect(leftOut).toEqual([]));
});

describe("scaling", () => {
  it("knows which way is better: the best of each indicator is 1, the worst 0", () => {
    const { models } = scored(all);
    for (const { id, better } of indicators) {
      const column = all.map((v) => v[id]);
      const best = better === "higher" ? Math.max(...column) : Math.min(...column);
      const worst = better === "higher" ? Math.min(...column) : Math.max(...column);
      expect(models[column.indexOf(best)].scaled[id]).toBe(1);
      expect(models[column.indexOf(worst)].scaled[id]).toBe(0);
    }
  });

  it("does not see units: any increasing line through an indicator changes nothing", () => {
    const moved = all.map(
      (v) => Object.fromEntries(Object.entries(v).map(([id, x]) => [id, 3 * x - 20])) as Values,
    );
    for (const [i, own] of scored(moved).models.entries())
      expect(own.uces).toBeCloseTo(scored(all).models[i].uces, 10);
  });

  it("turned upside down, the score is its complement", () => {
    const turned = all.map((v) => Object.fromEntries(Object.entries(v).map(([id, x]) => [id, -x])) as Values);
    for (const [i, own] of scored(turned).models.entries())
      expect(own.uces).toBeCloseTo(1 - scored(all).models[i].uces, 10);
  });

  const equal = (ids: readonly IndicatorId[], offset = 0): Values[] =>
    all.map((v, i) => ({ ...v, ...Object.fromEntries(ids.map((id) => [id, 0.3 + i * offset])) }));

  it.each([0, 1e-17, 1e-12])(
    "leaves out and names what differs by %s, and means over the others",
    (offset) => {
      const { leftOut, models } = scored(equal(["entropy", "auroc"], offset));
      expect(leftOut).toEqual(["auroc", "entropy"]);
      const { scaled, classification, explanation } = models[0];
      expect([scaled.auroc, scaled.entropy]).toEqual([null, null]);
      const meanOf = (part: string) => {
        const own = indicators.flatMap(({ id, part: p }) => (p === part ? (scaled[id] ?? []) : []));
        return own.reduce((a, b) => a + b) / own.length;
      };
      expect(classification).toBeCloseTo(meanOf("classification"), 12);
      expect(explanation).toBeCloseTo(meanOf("explanation"), 12);
    },
  );

  it("does not leave out what differs by more than rounding", () => {
    expect(scored(equal(["entropy"], 1e-6)).leftOut).toEqual([]);
  });

  it("has no score where a whole part is equal", () => {
    const ids = indicators.flatMap(({ id, part }) => (part === "classification" ? id : []));
    expect(uces(equal(ids))).toEqual({
      reason: "every indicator of classification is equal for all models",
    });
  });
});

describe("alpha", () => {
  it.each([0, 0.25, 1])("%s weighs the two parts", (alpha) => {
    for (const { uces: score, classification, explanation } of scored(all, alpha).models)
      expect(score).toBeCloseTo(alpha * classification + (1 - alpha) * explanation, 12);
  });

  it("never leaves [0, 1], whatever it is rounded to", () => {
    const ends = [0, 1, 1].map((x) =>
      named(indicators.map(({ better }) => (better === "higher" ? x : 1 - x))),
    );
    for (let alpha = 0; alpha <= 1; alpha += 0.01)
      expect(scored(ends, alpha).models.map((m) => [m.uces <= 1, m.rank])).toEqual([
        [true, 3],
        [true, 1],
        [true, 1],
      ]);
  });
});

it("needs three models", () => {
  expect(uces(all.slice(0, 2))).toEqual({ reason: "2 models, and 3 are the fewest that can be scaled" });
});
