import { expect, it } from "vitest";
import { metrics } from "../kit/src/metrics/index.ts";
import { metricOf } from "../kit/src/protocol/protocol.ts";
import { mustScore } from "./control-words.ts";
import { pages } from "./metrics-docs.ts";
import { byLibrary, noteOf, staleIn } from "./registry-docs.ts";
import { costText, legend } from "./registry-words.ts";

const written = pages();
const page = (path: string) => written.get(path)!;

it("kit/docs/metrics.md and the page of each metric are what the registry says", () => {
  expect(staleIn("metrics", written), "run node scripts/metrics-docs.ts").toEqual([]);
});

it("has a page for every metric", () => {
  expect([...written.keys()]).toEqual(["metrics.md", ...metrics.map(({ id }) => `metrics/${id}.md`)]);
});

it.each([
  [
    "a row that leads to its page",
    "metrics.md",
    /^\| \[Infidelity\]\(metrics\/infidelity\.md\) \| `infidelity` \| ↓ \| \[0, 1\] \| controls \|/m,
  ],
  ["its formula", "metrics/max-sensitivity.md", /^```text\nmax over e of .*\n```$/m],
  ["what its letters mean", "metrics/relevance-rank-accuracy.md", /^`M` the annotated pixels\.$/m],
  ["direction and range", "metrics/max-sensitivity.md", /^- \*\*Better:\*\* lower ↓\. Values: from 0, unb/m],
  ["the gate", "metrics/sparseness.md", /^- \*\*Gate:\*\* `none`\. A map that ignores/m],
  ["what it needs", "metrics/pointing-game.md", /^- \*\*Needs\*\* an annotation/m],
  ["what it skips", "metrics/sparseness.md", /^- \*\*Skips\*\* a map that is zero or not finite\.$/m],
  [
    "what a control must score",
    "metrics/sparseness.md",
    /^\| \[`random`\]\(\.\.\/methods\/random\.md\) \| a mean of 0\.3333 ± 0\.02 over images \|$/m,
  ],
  [
    "a parameter with its bounds",
    "metrics/infidelity.md",
    /^\| `draws` \| integer from 1 to 100000 \| 64 \(quick: 16\) \|/m,
  ],
  ["an input", "metrics/infidelity.md", /^\| `masks` \| \[N,H,W\] \|/m],
  [
    "what it costs",
    "metrics/infidelity.md",
    /^Beyond the attribution: 65 forward passes, 17 forward passes with/m,
  ],
  ["the arrays that pin it", "metrics/sparseness.md", /^- Quantus: `metric\.<heat>\.quantus_sparseness`/m],
  ["its tests", "metrics/infidelity.md", /\(\.\.\/\.\.\/src\/metrics\/faithfulness\/infidelity\.test\.ts\)/],
  ["what of it is ours", "metrics/max-sensitivity.md", /the clipping is ours/],
  ["a command that has what it needs", "metrics/max-sensitivity.md", /--method saliency --param draws=4$/m],
])("a page has %s", (_, path, line) => expect(page(path)).toMatch(line));

it("says a cost in passes and in attributions", () => {
  expect(costText(metricOf("max-sensitivity"))).toBe("10 attributions of the method");
  expect(costText(metricOf("randomisation"))).toBe("1 attribution of the method");
  expect(costText(metricOf("sparseness"))).toBe("no pass of the model");
});

it.each([
  [{ every: 0, within: 0 }, "0 on every image"],
  [{ every: 1 / 3, within: 0.005 }, "0.3333 ± 0.005 on every image"],
  [{ mean: 0.5, within: 0.02 }, "a mean of 0.5 ± 0.02 over images"],
  [{ skipped: true }, "no score"],
  [{ above: 0 }, "more than 0 on every image"],
  [{ like: "constant", within: 0.05 }, "the mean of `constant`, to 0.05 and five standard errors"],
  [
    { like: "random", on: "cost", within: 0 },
    "the mean of `random` on `cost`, to 0 and five standard errors",
  ],
  [{ open: "it depends" }, "not known beforehand: it depends"],
] as const)("puts %j into words", (expectation, words) => expect(mustScore(expectation)).toBe(words));

it("knows letters that stand alone, in the order of the formula", () => {
  const meanings = { x: "image", p: "probability", M: "mask" };
  expect(legend("p(x) − max p", meanings)).toBe("`p` probability, `x` image");
});

it("knows whose arrays they are", () => {
  const names = ["metric.a.gini", "metric.a.quantus_auc", "metric.a.cam_drop", "infidelity.captum.ig", "x"];
  expect([...byLibrary(names).keys()]).toEqual([
    "float64 formulas of the oracle's own",
    "Quantus",
    "pytorch-grad-cam",
    "Captum",
    "other arrays",
  ]);
});

it("reads a paragraph of a comment to its end, and no further", () => {
  expect(noteOf("metrics/complexity/sparseness.ts", "Skips")).toBe("a map that is zero or not finite.");
  expect(noteOf("metrics/complexity/sparseness.ts", "Source")).toMatch(/^Chalasani .*features\.$/);
  expect(noteOf("metrics/robustness/max-sensitivity.ts", "Skips")).toMatch(/^an attribution that is zero/);
  expect(noteOf("metrics/faithfulness/average-drop.ts", "Skips")).toMatch(
    /^a map that is not finite, and an image/,
  );
  expect(noteOf("metrics/none.ts", "Source")).toBeUndefined();
});
