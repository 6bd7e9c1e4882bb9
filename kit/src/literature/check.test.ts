import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { checkClaims, checkLiterature, differs, shownAs } from "./check.ts";
import { type Literature, readLiterature } from "./document.ts";

const read = (path: string): Literature => {
  const file = new URL(`../../../${path}`, import.meta.url);
  const { literature, problems } = readLiterature(readFileSync(file), path);
  expect(problems).toEqual([]);
  return literature!;
};
const madeUp = read("schemas/literature/valid/made-up.json");
const uces = read("results/literature/uces.json");
const gradfaith = read("results/literature/gradfaith-cam.json");
const explanationAware = read("results/literature/explanation-aware-learning.json");
/** "table row column: printed, computed" */
const lines = (literature: Literature, wanted = differs) =>
  checkLiterature(literature)
    .filter(wanted)
    .map((c) => `${c.table} ${c.row} ${c.column}: ${c.printed}, ${shownAs(c)}${c.fits ? `, ${c.fits}` : ""}`);

describe("means and standard deviations", () => {
  it("follow from the rows of each seed, by either formula, or not", () => {
    // A: 0.1 and 0.3 → 0.2 ± 0.1414 (sample); 4 and 5 → 4.5 ± 0.5 (population). B: 0.2 and 0.6 → 0.4 ± 0.283; 7 and 7 → ± 0
    expect(lines(madeUp, () => true)).toEqual([
      "2 A deletion: 0.20, 0.200",
      "2 A deletion: 0.14, 0.141, sample",
      "2 A area: 4.5, 4.50",
      "2 A area: 0.5, 0.50, population",
      "2 B deletion: 0.45, 0.400",
      "2 B deletion: 0.28, 0.283, sample",
      "2 B area: 7.0, 7.00",
      "2 B area: 0.9, 0.00, neither",
    ]);
    expect(lines(madeUp)).toEqual([
      "2 A area: 0.5, 0.50, population",
      "2 B deletion: 0.45, 0.400",
      "2 B area: 0.9, 0.00, neither",
    ]);
  });

  it("may be off by what rounding of both took", () => {
    const [mean, spread] = checkLiterature(madeUp);
    expect(mean.tolerance).toBeCloseTo(0.005 + 0.005, 12); // half a digit of the result, and of each value
    expect(spread.tolerance).toBeCloseTo(0.005 + Math.hypot(0.005, 0.005), 12); // n − 1 is 1
  });

  it("of one seed have no spread", () => {
    const [table, ...rest] = madeUp.tables;
    const one = { ...table, seeds: [1], rows: table.rows.filter(({ seed }) => seed === 1) };
    expect(checkLiterature({ ...madeUp, tables: [one, ...rest] })[1]).toMatchObject({
      recomputed: null,
      agrees: false,
      note: "a single value has none",
    });
  });
});

describe("the tables of UCES", () => {
  it("table VII follows from tables II and VI to 0.001, and its scores from its parts", () => {
    const own = checkLiterature(uces).filter(({ table }) => table === "VII");
    expect(own).toHaveLength(4 * (3 + 1 + 1));
    expect(own.filter(({ agrees }) => !agrees)).toEqual([]);
    for (const { what, recomputed, printed } of own.filter((c) => c.what.startsWith("UCES of")))
      expect(Math.abs(recomputed! - Number(printed)), what).toBeLessThanOrEqual(0.001);
  });

  it("have standard deviations that do not follow from the seeds, and a few of another formula", () => {
    expect(lines(uces)).toEqual([
      "II ResNet-50 macro-f1: 0.005, 0.0052, population",
      "II ResNet-50 micro-f1: 0.007, 0.0071, population",
      "II ViT-B/16 auroc: 0.012, 0.0113, population",
      "II ViT-B/16 macro-f1: 0.012, 0.0119, population",
      "IV DenseNet-121 macro-f1: 0.011, 0.0055, neither",
      "IV ViT-B/16 macro-f1: 0.019, 0.0219, neither",
      "IV ConvNeXt-Tiny auroc: 0.020, 0.0225, neither",
      "IV ConvNeXt-Tiny macro-f1: 0.010, 0.0108, population",
      "VI ResNet-50 average-drop: 0.0951, 0.09843, neither",
      "VI ResNet-50 relative-confidence-gain: 0.0835, 0.07001, neither",
      "VI ResNet-50 deletion-auc: 0.58, 0.627, neither",
      "VI DenseNet-121 average-drop: 0.1047, 0.10735, neither",
    ]);
  });

  it("would tell a wrong score, part or rank", () => {
    const wrong = structuredClone(uces) as unknown as { tables: { rows: { cells: object[] }[] }[] };
    const [c, , score, rank] = wrong.tables[6].rows[0].cells;
    Object.assign(c, { printed: "0.945", value: 0.945 });
    Object.assign(score, { printed: "0.872", value: 0.872 });
    Object.assign(rank, { printed: "2", value: 2 });
    const found = checkLiterature(wrong as never).filter((x) => x.table === "VII" && !x.agrees);
    expect(found.map(({ column, what }) => `${column}: ${what}`)).toEqual([
      "classification: scaled classification of tables II and VI",
      "uces: UCES of tables II and VI",
      "uces: 0.7 and 0.3 of its parts as printed",
      "rank: rank by uces",
    ]);
  });
});

describe("the table of GradFaith-CAM", () => {
  it("has recall equal to sensitivity, and F1 below what precision and recall make, in every row", () => {
    expect(lines(gradfaith)).toEqual([
      "I ResNet50 f1: 0.79, 0.815",
      "I ResNet101 f1: 0.83, 0.845",
      "I DenseNet161 f1: 0.85, 0.865",
      "I EfficientNetB0 f1: 0.78, 0.795",
      "I ViT-Base-Patch16-224 f1: 0.86, 0.875",
    ]);
    expect(checkLiterature(gradfaith).filter((c) => c.what === "the same as sensitivity")).toHaveLength(5);
  });
});

describe("claims", () => {
  const verdicts = (literature: Literature) =>
    Object.fromEntries(checkClaims(literature).map(({ claim, verdict }) => [claim, verdict]));

  it("of UCES hold, hold in part, or do not", () => {
    const found = verdicts(uces);
    const of = (verdict: string) => Object.keys(found).filter((claim) => found[claim] === verdict);
    expect(of("does not hold")).toEqual(["densenet-best-micro-f1", "convnext-best-ap", "convnext-curves"]);
    expect(of("in part")).toEqual([
      "vit-varies-more",
      "resnet-most-stable",
      "convnext-most-stable-on-nih",
      "vit-lowest-on-nih",
      "resnet-most-stable-explanations",
      "convnext-curves-behind",
    ]);
    expect(of("holds")).toHaveLength(uces.claims.length - 9);
  });

  it("say by how much", () => {
    const evidence = (id: string) => checkClaims(uces).find(({ claim }) => claim === id)!.evidence;
    expect(evidence("convnext-best-ap")).toEqual([
      { holds: false, found: "table II, average-precision: ConvNeXt-Tiny 0.559, but ResNet-50 0.561" },
      {
        holds: true,
        found: "table II, average-precision: ConvNeXt-Tiny 0.559 ± 0.023, in the text 0.559 ± 0.023",
      },
    ]);
    expect(evidence("densenet-best-micro-f1")[0].found).toMatch(/but equal with ConvNeXt-Tiny$/);
    expect(evidence("resnet-largest-fall")[0].found).toMatch(/ResNet-50 -0\.06, DenseNet-121 -0\.042/);
  });

  it("of every seed are computed with the kit's own UCES", () => {
    const seeds = checkClaims(uces).find(({ claim }) => claim === "convnext-first-in-every-seed")!;
    // the same by hand, outside the kit
    expect(seeds.evidence.map(({ found }) => found)).toEqual([
      "tables I and V, seed 42: ConvNeXt-Tiny 0.814, DenseNet-121 0.630, ResNet-50 0.449, ViT-B/16 0.374",
      "tables I and V, seed 123: ConvNeXt-Tiny 0.814, ResNet-50 0.616, DenseNet-121 0.568, ViT-B/16 0.248",
      "tables I and V, seed 999: ConvNeXt-Tiny 0.809, DenseNet-121 0.633, ResNet-50 0.421, ViT-B/16 0.188",
    ]);
  });

  it("without numbers are left open", () => {
    expect(verdicts(madeUp)).toEqual({ "b-larger": "holds", "a-liked": undefined });
    const trends = verdicts(explanationAware);
    expect(Object.keys(trends).filter((claim) => trends[claim] !== undefined)).toEqual([
      "models-trained",
      "values-a-weight",
    ]);
  });

  it("of a trend name metrics of the registry", () => {
    const ours = explanationAware.claims.flatMap(({ quantities }) => quantities.flatMap((q) => q.ours ?? []));
    for (const id of ["annotation-coverage", "top-saliency-precision", "all-saliency-precision"])
      expect(ours).toContain(id);
  });
});
