import { describe, expect, it } from "vitest";
import { fiveRuns, madeComparison } from "../../test/made-comparison.ts";
import { madeStudyRun } from "../../test/made-study.ts";
import type { Block, Confusions, Estimate, Montage, Section, Table, Tile } from "./findings.ts";
import { gradfaithCam } from "./gradfaith-cam.ts";
import type { Found, StudyRun, StudySheet } from "./study.ts";

const none = { comparisons: [], notCompared: [] };
const analysed = (found: Found) => gradfaithCam.analyse(found) as readonly Section[];
const find = <B extends Block>(sections: readonly Section[], id: string): B =>
  sections.flatMap(({ blocks }) => blocks).find((own) => own.id === id) as B;

const tile = (words: string): Tile => ({ picture: "data:,", width: 1, height: 1, words, says: "" });
const sheet = (sample: string, words: string): StudySheet => ({
  sample,
  annotated: "nodule",
  predicted: "nodule",
  probability: 0.5,
  input: tile("input"),
  maps: new Map([["grad-cam", tile(words)]]),
});

const confusion = [
  [8, 2, 0],
  [1, 9, 0],
  [0, 0, 10],
];
const made = (architecture: string, seed: number, ids?: "private") =>
  madeStudyRun({ labels: { architecture, seed }, confusion, ids });
// composing one takes a second
const resnet = made("resnet-50", 1);
const vit = made("vit-b-16", 1);
const seeded = (seed: number): StudyRun => ({ ...vit, id: `vit-${seed}`, labels: { ...vit.labels, seed } });

describe("classification", () => {
  it("has the scores of the matrix, over images for one seed and over seeds for several", () => {
    const time = { ms: 4, low: 3, high: 9, passes: 20, device: "cpu, 1 thread" };
    const sections = analysed({
      runs: [{ ...resnet, time }, vit, seeded(2), seeded(3)],
      ...none,
    });
    const { rows } = find<Table>(sections, "quality");
    expect(rows.map(({ label }) => label)).toEqual(["resnet-50", "vit-b-16, 3 seeds"]);
    const [one, three] = rows.map(({ values }) => values as Estimate[]);
    expect(one[4]).toMatchObject({ value: 0.9, n: 30 });
    expect(one[5]).toEqual({ value: 4, interval: [3, 9], n: 20 });
    expect(three[4]).toMatchObject({ value: expect.closeTo(0.9, 12), n: 3 });
    expect(three[5]).toMatchObject({ value: null, reason: "not measured" });
    const { panels } = find<Confusions>(sections, "confusion");
    expect(panels.map(({ counts }) => counts[0])).toEqual([
      [8, 2, 0],
      [24, 6, 0],
    ]);
    expect(panels[0].classes).toEqual(["disc", "ring", "cross"]);
  });

  it("of a private set names no class", () => {
    const sections = analysed({ runs: [made("resnet-50", 1, "private")], ...none });
    expect(find<Confusions>(sections, "confusion").panels[0].classes).toEqual([
      "class 0",
      "class 1",
      "class 2",
    ]);
  });
});

it("says whose sensitivity it is, of two classes", () => {
  const { says } = find<Table>(analysed({ runs: [resnet], ...none }), "quality");
  expect(says).toContain("are class 1’s");
});

it("takes a run without a seed, which the paper does not name", () => {
  expect(gradfaithCam.wanted).toHaveLength(5);
  expect(gradfaithCam.wanted.every((labels) => !("seed" in labels))).toBe(true);
});

it("says what was not measured, in place of an empty table", () => {
  const { blocks, gaps } = analysed({ runs: [resnet], ...none })[1];
  expect(blocks).toEqual([]);
  expect(gaps).toEqual([
    "resnet-50: no LocAcc: the data has no masks, or it was not asked for",
    "resnet-50: no Faith: it was not asked for",
  ]);
});

describe("consistency", () => {
  it("of one seed is not invented: there is no table, and the reason is said", () => {
    const { blocks, gaps } = analysed({ runs: [resnet, vit], ...none })[2];
    expect(blocks).toEqual([]);
    expect(gaps).toEqual(["resnet-50: needs two seeds, and has 1", "vit-b-16: needs two seeds, and has 1"]);
  });

  it("is that of the comparison, controls beside it", () => {
    const compared = fiveRuns();
    const comparison = madeComparison(compared);
    const runs = compared.map(({ sha256, result, rows }, k): StudyRun => {
      const { architecture, id, training } = result.model;
      return {
        id,
        labels: { architecture: architecture ?? id, seed: training?.seed ?? k },
        sha256,
        result,
        rows,
        time: undefined,
        sheets: [],
      };
    });
    const section = analysed({ runs, comparisons: [comparison], notCompared: [] })[2];
    const table = section.blocks[0] as Table;
    const [entry] = comparison.consistency;
    const several = table.rows.find(({ label }) => label.startsWith(entry.model))!;
    const random = several.values[1] as Estimate;
    const own = entry.methods.find(({ method }) => method === "random")!;
    expect(random.value).toBe(own.value);
    expect(random.value).toBe(1);
    // these were not explained by grad-cam
    expect(several.values[0]).toMatchObject({ value: null, reason: "its seeds could not be compared" });
    expect(table.rows.some(({ values }) => (values[0] as Estimate).reason === "needs two seeds")).toBe(true);
  });
});

describe("montage", () => {
  it("lays the same image side by side, whatever the order of the sheets, and publishes no id", () => {
    const sections = analysed({
      runs: [
        { ...resnet, sheets: [sheet("patient-7", "r7"), sheet("patient-8", "r8")] },
        { ...vit, sheets: [sheet("patient-8", "v8")] },
      ],
      ...none,
    });
    const { columns, rows } = find<Montage>(sections, "maps");
    expect(columns).toEqual(["resnet-50", "vit-b-16"]);
    expect(rows.map(({ tiles }) => tiles.map((own) => own?.words ?? null))).toEqual([
      ["r7", null],
      ["r8", "v8"],
    ]);
    expect(JSON.stringify(sections)).not.toContain("patient-");
  });

  it("is not there without pictures", () => {
    expect(analysed({ runs: [resnet], ...none }).map(({ id }) => id)).not.toContain("montage");
  });
});
