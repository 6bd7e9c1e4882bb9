/** `xai-kit study uces` on CheXpert as it is laid out: eight labels, maps from elsewhere, and a set of three architectures. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { chexpertLabels } from "../src/datasets/chexpert.ts";
import { uces8 } from "../src/datasets/shared/chest-labels.ts";
import type { Run } from "../src/results/document.ts";
import { rngOf } from "../src/rng.ts";
import type { Estimate, Section, Table } from "../src/studies/findings.ts";
import { cli } from "./run-cli.ts";
import { cnn, saveArray, saveModel, savePicture, uniform } from "./tiny.ts";

const dir = mkdtempSync(join(tmpdir(), "xai-kit-uces-"));
const at = (...names: string[]) => join(dir, ...names);
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const architectures = ["wide", "deep", "narrow"];
const classes = [...uces8.classes];
const patients = Array.from({ length: 8 }, (_, k) => `patient${64541 + k}`);

beforeAll(async () => {
  const rows: string[] = [];
  mkdirSync(at("maps"));
  for (const [k, patient] of patients.entries()) {
    const path = `test/${patient}/study1/view1_frontal.jpg`;
    const file = at("chexpert", path);
    mkdirSync(dirname(file), { recursive: true });
    await savePicture(file, { colour: k % 3, at: k });
    // every label is on some pictures and off others; "Lung Opacity" on those that lack "Consolidation"
    const values = chexpertLabels.map((label, i) =>
      label === "Consolidation" ? 0 : label === "Lung Opacity" ? k % 2 : Number((k + i) % 3 === 0),
    );
    rows.push([path, ...values].join(","));
    saveArray(at("maps", `${patient}_study1_view1_frontal.npy`), uniform(patient, 16, 16));
  }
  writeFileSync(at("chexpert", "test_labels.csv"), `Path,${chexpertLabels}\n${rows.join("\n")}\n`);
  for (const architecture of architectures) {
    const graph = cnn({ classes: classes.length });
    const rng = rngOf("study-uces", architecture);
    for (const tensor of graph.initializers.values()) {
      if (tensor.type !== "float32") continue;
      for (const [i, value] of tensor.data.entries()) tensor.data[i] = value + 0.2 * rng.normal();
    }
    saveModel(at(`${architecture}.onnx`), graph);
  }
});

const inputs = (name: string, more: object = {}, maps: object = {}): string => {
  const cells = architectures.flatMap((architecture) =>
    ["in-domain", "explanations"].map((part) => ({
      labels: { architecture, seed: 1, part },
      model: `${architecture}.onnx`,
      card: { task: "multi-label", classes },
      ...{ data: "chexpert", dataDir: "chexpert", labelSpace: "uces8", ...more },
      ...(part === "explanations" && {
        maps: [{ folder: "maps", as: "theirs", map: "sum", source: "https://example.org/maps", ...maps }],
      }),
    })),
  );
  writeFileSync(at(name), JSON.stringify({ study: "uces", protocol: "quick", samples: 3, cells }));
  return at(name);
};

it("makes tables I, II, V, VI and VII in eight labels, of maps from elsewhere too", async () => {
  const file = inputs("inputs.json");
  const ran = await cli(
    "study",
    "uces",
    "--inputs",
    file,
    "--device",
    "wasm",
    "--jobs",
    "1",
    "--out",
    at("out"),
  );
  expect(ran, ran.err.slice(-600)).toMatchObject({ code: 0 });
  const { sections, gaps } = JSON.parse(readFileSync(at("out", "study.json"), "utf8")) as {
    sections: readonly Section[];
    gaps: readonly string[];
  };
  expect(gaps).toHaveLength(4); // the paper's architectures
  const tables = sections
    .flatMap(({ blocks }) => blocks)
    .filter((block): block is Table => block.kind === "table");
  const ids = [
    "in-domain-seeds",
    "in-domain-means",
    "uces-ranks",
    "uces-ranks-theirs",
    "explanations-means-theirs",
  ];
  expect(tables.map(({ id }) => id)).toEqual(expect.arrayContaining(ids));
  expect(sections.at(-1)!.gaps).toEqual([]);
  expect(sections[1].gaps).toEqual([
    expect.stringMatching(/^no run out of domain, and so no tables III and IV/),
  ]);
  // the maps are the same for all models, so what is of the map alone is too
  const theirs = tables.find(({ id }) => id === "uces-ranks-theirs")!;
  expect(theirs.notes).toEqual(["Left out, equal for all models: Entropy, Sparsity."]);
  const areas = tables
    .find(({ id }) => id === "explanations-means-theirs")!
    .rows.map(({ values }) => values[4] as Estimate);
  expect(new Set(areas.map(({ value }) => value)).size).toBe(3);

  const run = JSON.parse(readFileSync(at("out", "runs", "wide-1-in-domain", "run.json"), "utf8")) as Run;
  expect(run.result.data.edition).toMatch(/; labels of uces8$/);
  // "Consolidation" is on no picture by itself: what has an AUROC is the merged class
  expect(run.result.quality.perClass[classes.indexOf("Consolidation")].auroc).toEqual(expect.any(Number));
  const page = readFileSync(at("out", "report.html"), "utf8");
  expect(page).toContain("VII: UCES, α = 0.7, by theirs, maps computed elsewhere");
  expect(page).not.toMatch(/<script|https?:\/\/|NaN|undefined|patient645/);
}, 240_000);

it.each([
  [
    "another label space",
    {},
    { labelSpace: "uces9" },
    "E_STUDY_INPUTS",
    /cell 1, labelSpace: must be equal to one of/,
  ],
  [
    "maps without a source",
    { source: undefined },
    {},
    "E_STUDY_INPUTS",
    /cell 2, maps\/0: must have required property 'source'/,
  ],
  [
    "maps called as a method",
    { as: "grad-cam" },
    {},
    "E_STUDY_PLAN",
    /--as grad-cam: that is a method of the kit/,
  ],
  ["maps that are not there", { folder: "none" }, {}, "E_STUDY_PLAN", /there is no folder .*none/],
] as const)("refuses %s before any work", async (name, maps, more, code, says) => {
  const file = inputs(`${name.replaceAll(" ", "-")}.json`, more, maps);
  const ran = await cli("study", "uces", "--inputs", file, "--out", at("refused"));
  expect(ran).toMatchObject({ code: 1, out: "" });
  expect(ran.err).toContain(`[${code}]`);
  expect(ran.err).toMatch(says);
});
