/** Sentences claim no more than intervals bear. */
import { describe, expect, it } from "vitest";
import type { Agreement } from "../../kit/src/results/across-agreement.ts";
import type { RunSet, Standing, WeightShares } from "../../kit/src/results/across-runs.ts";
import { findingOf, notEnough, shadeOf, tauIs, tauText } from "./agreement.ts";
import { type FamilyGap, gapAnswer, kindOf } from "./architectures.ts";
import { differenceAnswer, pText, weightAnswer } from "./differences.ts";
import { matrixOf, metricsAnswer } from "./metrics.ts";
import { coverageAnswer, faithfulAnswer } from "./scatter.ts";
import type { View } from "./views.ts";

const agreement = (tau: number | null, interval: Agreement["interval"] = null, more = {}): Agreement => ({
  a: "infidelity",
  b: "max-sensitivity",
  tau,
  interval,
  reason: interval === null ? "no interval: 2 data sets, 3 are needed" : null,
  pairs: 1200,
  dataSets: 4,
  methods: 11,
  ...more,
});
const view = (set: Partial<RunSet>): View => ({
  key: "real",
  title: "Photographs and patients",
  set: { betweenMetrics: [], standings: [], ...set } as RunSet,
  runs: [],
  titles: new Map([
    ["infidelity", "Infidelity"],
    ["a", "Method A"],
    ["b", "Method B"],
    ["c", "Method C"],
  ]),
});

describe("τ", () => {
  it("is a finding only where the interval leaves 0 out", () => {
    expect(findingOf(agreement(0.4, [0.1, 0.6]))).toBe("alike");
    expect(findingOf(agreement(-0.4, [-0.6, -0.1]))).toBe("opposed");
    expect(findingOf(agreement(0.9, [-0.01, 1]))).toBe("open");
    expect(findingOf(agreement(0.9))).toBe("unknown");
  });
  it("is written with its interval, in one piece", () => {
    expect(tauText(agreement(-0.4, [-0.61, 0.1]))).toBe("−0.40 [−0.61, 0.10]");
    expect(tauText(agreement(null))).toBe("–");
    expect(tauIs(agreement(0.5))).toBe("τ\u00a0=\u00a00.50");
  });
  it("has seven shades, the middle one at 0", () => {
    expect([-1, -0.6, -0.2, 0.1, 0.4, 0.7, 1].map(shadeOf)).toEqual([0, 1, 2, 3, 4, 5, 6]);
    expect(shadeOf(-7)).toBe(0);
  });
  it("gives the reason where there is too little", () => {
    expect(notEnough("no interval: 2 data sets, 3 are needed")).toBe(
      "Not enough evidence: 2 data sets, 3 are needed for an interval.",
    );
    expect(notEnough(null)).toBe("Not enough evidence.");
  });
});

describe("faithfulness and robustness", () => {
  it.each([
    [agreement(0.1, [0.05, 0.2]), /^Barely: .*1,200 runs on 4 data sets/],
    [agreement(0.7, [0.5, 0.8]), /^Mostly: /],
    [agreement(-0.4, [-0.6, -0.1]), /^No, rather the opposite/],
    [agreement(0.4, [-0.2, 0.8]), /^It is not shown/],
    [agreement(0.9), /^Not enough evidence: 2 data sets.* So far τ/],
    [undefined, /^Not enough evidence: no run/],
    [
      agreement(null, null, { reason: "all methods tie in every pair" }),
      /^Not enough evidence: all methods tie/,
    ],
  ])("%#", (pair, said) => {
    expect(faithfulAnswer(pair)).toMatch(said);
  });
  it("coverage against precision in the same way", () => {
    expect(coverageAnswer(agreement(-0.4, [-0.6, -0.1]))).toMatch(/^No: methods that cover more/);
    expect(coverageAnswer(agreement(0.4))).toMatch(/^Not enough evidence/);
  });
});

describe("metrics", () => {
  const pairs = [
    agreement(0.6, [0.3, 0.8]),
    agreement(-0.5, [-0.7, -0.2], { b: "sparseness" }),
    agreement(0.2, [-0.1, 0.4], { a: "max-sensitivity", b: "sparseness" }),
  ];
  it("are counted by what their intervals show", () => {
    const said = metricsAnswer(view({ betweenMetrics: pairs }));
    expect(said).toMatch(
      /^Of 3 pairs of metrics 1 order methods more alike than by chance and 1 in more opposite ways; 1 cannot be told/,
    );
    expect(said).toContain("most opposed Infidelity and sparseness");
  });
  it("show nothing without intervals, and nothing at all without pairs", () => {
    expect(metricsAnswer(view({ betweenMetrics: [agreement(0.9)] }))).toMatch(/^Not enough evidence/);
    expect(metricsAnswer(view({}))).toMatch(/^Not enough evidence/);
  });
  it("stand in a matrix that is the same from both sides", () => {
    const { metrics, rows } = matrixOf(view({ betweenMetrics: pairs }));
    expect(metrics.map(({ id }) => id)).toEqual(["infidelity", "max-sensitivity", "sparseness"]);
    expect(rows[0][1].agreement).toBe(pairs[0]);
    expect(rows[1][0].agreement).toBe(pairs[0]);
    expect(rows[0][0]).toMatchObject({ agreement: undefined, shade: undefined });
    expect(rows[0][2].name).toBe(
      "Infidelity and sparseness: τ −0.50 [−0.70, −0.20], more opposed than by chance",
    );
  });
});

describe("gradient and perturbation methods", () => {
  it("are told apart by what they ask of a model", () => {
    expect(["saliency", "smoothgrad", "gradient-shap"].map(kindOf)).toEqual(new Array(3).fill("gradient"));
    expect(["occlusion", "lime", "kernel-shap"].map(kindOf)).toEqual(new Array(3).fill("perturbation"));
    expect(["grad-cam", "score-cam", "unheard-of"].map(kindOf)).toEqual(new Array(3).fill(undefined));
  });
  const gap = (value: number | null, interval: FamilyGap["interval"] = null): FamilyGap => ({
    family: "contrastive",
    title: "Contrastive",
    runs: 4,
    dataSets: 4,
    gap: value,
    interval,
    reason: interval === null ? "no interval: 2 data sets, 3 are needed" : null,
  });
  it.each([
    [
      gap(0.2, [0.1, 0.3]),
      /^Perturbation methods stand higher on contrastive models \(0\.20 \[0\.10, 0\.30\]/,
    ],
    [gap(-0.2, [-0.3, -0.1]), /^Gradient methods stand higher/],
    [gap(0.2, [-0.1, 0.3]), /^Neither/],
    [gap(-0.2), /^Not enough evidence: 2 data sets.*stand lower/],
    [gap(null), /^Not enough evidence: no runs/],
  ])("%#", (own, said) => {
    expect(gapAnswer([own])).toMatch(said);
  });
});

describe("which methods differ", () => {
  const standing = (fP: number, groups: readonly string[][], more: Partial<Standing> = {}) =>
    ({
      of: "overall",
      reason: null,
      methods: ["a", "b", "c"].map((method, k) => ({ method, averageRank: 1 + k })),
      groups,
      friedman: { fP, blocks: 8 },
      ...more,
    }) as unknown as Standing;
  it("names no leader where the test does not reject", () => {
    expect(differenceAnswer(view({}), standing(0.2, [["a", "b", "c"]]))).toBe(
      "No difference between methods is shown (Friedman’s test, p = 0.200, 8 runs).",
    );
  });
  it("names who cannot be told from the best, and who is behind", () => {
    expect(
      differenceAnswer(
        view({}),
        standing(0.0001, [
          ["a", "b"],
          ["b", "c"],
        ]),
      ),
    ).toBe(
      "Methods differ (Friedman’s test, p < 0.001, 8 runs). Method A has the best mean rank (1.0 of 3); 1 cannot be told from it; behind are Method C.",
    );
    expect(differenceAnswer(view({}), standing(0.01, [["a", "b", "c"]]))).toMatch(/no two can be told apart/);
    expect(differenceAnswer(view({}), standing(0.01, [["a"], ["b", "c"]]))).toMatch(
      /every other method is behind/,
    );
  });
  it("says why there is no test", () => {
    const none = standing(1, [], { friedman: null, reason: "2 runs, 3 are needed" });
    expect(differenceAnswer(view({}), none)).toBe("Not enough evidence: 2 runs, 3 are needed.");
    expect(differenceAnswer(view({}), undefined)).toMatch(/^Not enough evidence/);
  });
  it("writes p", () => {
    expect([0.0004, 0.05].map(pText)).toEqual(["p < 0.001", "p = 0.050"]);
  });
});

describe("weights", () => {
  const shares = (...list: number[]): WeightShares => ({
    over: "facets",
    components: ["faithfulness", "robustness"],
    reason: null,
    blocks: 8,
    weightings: 100,
    methods: list.map((share, k) => ({ method: "abc"[k], share, error: 0.01, equal: 0.5 })),
  });
  it("says how far the answer hangs on them", () => {
    expect(weightAnswer(view({}), shares(1, 0))).toMatch(/^No: Method A leads however/);
    expect(weightAnswer(view({}), shares(0.7, 0.3, 0))).toMatch(/^In part: .*70\.0\u00a0%.*2 methods lead/);
    expect(weightAnswer(view({}), shares(0.4, 0.35, 0.25))).toMatch(/^Yes: no method/);
    expect(weightAnswer(view({}), { ...shares(), reason: "2 runs, 3 are needed" })).toMatch(/2 runs/);
  });
});
