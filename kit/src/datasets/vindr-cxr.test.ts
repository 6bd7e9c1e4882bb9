import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import sharp from "sharp";
import { afterAll, describe, expect, it } from "vitest";
import { KitError } from "../errors.ts";
import type { DatasetOptions, Sample } from "./dataset.ts";
import { openDataset } from "./open.ts";
import fixtures from "./readers/dicom.fixtures.json" with { type: "json" };
import { vindrLabels } from "./vindr-cxr.ts";

const base = mkdtempSync(join(tmpdir(), "xai-kit-vindr-"));
afterAll(() => rmSync(base, { recursive: true }));
let trees = 0;

/** 23 x 18 pixels, of other software: the set's files are JPEG 2000, and some are not. */
const dicom = (name: string) =>
  Buffer.from(fixtures.files.find((file) => file.name === name)!.base64, "base64");
const png = (width: number, height: number) =>
  sharp({ create: { width, height, channels: 3, background: "#777" } })
    .png()
    .toBuffer();

function write(root: string, files: Readonly<Record<string, string | Uint8Array>>): string {
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), content);
  }
  return root;
}
const tree = (files: Readonly<Record<string, string | Uint8Array>>) =>
  write(join(base, `tree${trees++}`), files);

const [a, b, c] = [
  "000434271f63a053c4128a0ba6352c7f",
  "00053190460d56c53cc3e57321387478",
  "0005e8e3701dfb1dd93d53e2ff537b6e",
];
const pictures = (split: string) => ({
  [`${split}/${a}.dicom`]: dicom("JPEG 2000"),
  [`${split}/${b}.dicom`]: dicom("MONOCHROME1 with a window"),
  [`${split}/${c}.dicom`]: dicom("JPEG lossless, first-order prediction"),
});

// Headers as they are published.
const TRAIN = "image_id,rad_id,class_name,x_min,y_min,x_max,y_max";
const TEST = "image_id,class_name,x_min,y_min,x_max,y_max";
const KAGGLE = "image_id,class_name,class_id,rad_id,x_min,y_min,x_max,y_max";
const whole = [...vindrLabels.local, ...vindrLabels.global, "No finding"];

/** Rows of image_labels: these labels are 1. */
const labelled = (lead: string, ...names: string[]) =>
  `${lead},${whole.map((name) => (names.includes(name) ? 1 : 0)).join(",")}`;
const trainBoxes = [
  TRAIN,
  `${c},R10,Infiltration,9.96,5.81,12.36,8.71`,
  `${c},R8,Infiltration,9,5,13,9`,
  `${c},R8,Nodule/Mass,1,1,3,3`,
  `${c},R9,No finding,,,,`,
  ...["R8", "R9", "R10"].map((reader) => `${b},${reader},Cardiomegaly,2,3,20,17`),
  ...["R1", "R2", "R3"].map((reader) => `${a},${reader},No finding,,,,`),
];
const trainLabels = [
  ["image_id,rad_id", ...whole.map((name) => (name === "Other disease" ? "Other diseases" : name))].join(","),
  labelled(`${a},R1`, "No finding"),
  labelled(`${a},R2`, "No finding"),
  labelled(`${a},R3`, "No finding"),
  labelled(`${b},R8`, "Cardiomegaly", "Pneumonia"),
  labelled(`${b},R9`, "Cardiomegaly"),
  labelled(`${b},R10`, "Cardiomegaly"),
  labelled(`${c},R8`, "Infiltration", "Nodule/Mass", "Other disease"),
  labelled(`${c},R9`, "No finding"),
  labelled(`${c},R10`, "Infiltration"),
];
const physionet = (changes: Readonly<Record<string, string | Uint8Array>> = {}) =>
  tree({
    ...pictures("train"),
    ...pictures("test"),
    "annotations/annotations_train.csv": trainBoxes.join("\n"),
    "annotations/image_labels_train.csv": trainLabels.join("\n"),
    "annotations/annotations_test.csv": [
      TEST,
      `${a},Cardiomegaly,2,3,20,17`,
      `${b},No finding,,,,`,
      `${c},No finding,,,,`,
    ].join("\n"),
    "annotations/image_labels_test.csv": [
      ["image_id", ...whole].join(","),
      labelled(a, "Cardiomegaly", "Tuberculosis"),
      labelled(b, "No finding"),
      labelled(c, "COPD"),
    ].join("\n"),
    ...changes,
  });
const kaggle = (
  rows: readonly string[],
  files: Readonly<Record<string, string | Uint8Array>> = pictures("train"),
) => tree({ ...files, "train.csv": [KAGGLE, ...rows].join("\n") });
const kaggleRows = [
  `${c},Infiltration,6,R10,9.96,5.81,12.36,8.71`,
  `${c},No finding,14,R9,,,,`,
  `${b},Cardiomegaly,3,R8,2,3,20,17`,
  `${a},No finding,14,R1,,,,`,
];

const opened = (root: string, options: DatasetOptions = {}) =>
  openDataset("vindr-cxr", { dir: root, ...options });
async function samplesOf(root: string, options: DatasetOptions = {}): Promise<Record<string, Sample>> {
  const found: Record<string, Sample> = {};
  for await (const sample of (await opened(root, options)).read()) found[sample.id] = sample;
  return found;
}
async function refused(root: string, options: DatasetOptions = {}): Promise<string> {
  const error = await samplesOf(root, { split: "train", ...options }).catch((e: unknown) => e);
  if (!(error instanceof KitError)) throw new Error(`was not refused: ${String(error)}`);
  return [error.code, error.message, ...error.details, error.next].join(" | ");
}
const named = (classes: readonly string[], labels: readonly number[] = []) => labels.map((i) => classes[i]);

describe("PhysioNet's edition", () => {
  it("has the eight classes of a study, and says so", async () => {
    const set = await opened(physionet(), { labelSpace: "uces8" });
    expect(set.classes).toHaveLength(8);
    expect(set.edition).toMatch(/; labels of uces8$/);
    const names = (await set.index()).map(({ id, labels }) => [id, named(set.classes, labels)]);
    expect(names).toEqual(
      expect.arrayContaining([
        [a, ["Cardiomegaly"]],
        [b, ["No Finding"]],
        [c, []],
      ]),
    );
  });

  it("reads the test split, on which the readers agreed", async () => {
    const set = await openDataset(`vindr-cxr:${physionet()}`);
    expect(set).toMatchObject({
      id: "vindr-cxr",
      track: "cxr",
      ids: "private",
      split: "test",
      task: "multi-label",
      count: 3,
      edition: "PhysioNet, not as published: 3 pictures; readers' consensus",
    });
    expect(set.classes).toEqual([...vindrLabels.local, ...vindrLabels.global]);
    expect(set.classes).toHaveLength(27);
    const index = await set.index();
    expect(index.map(({ id, labels }) => [id, named(set.classes, labels)])).toEqual([
      [a, ["Cardiomegaly", "Tuberculosis"]],
      [b, []],
      [c, ["COPD"]],
    ]);
    expect(index.map(({ group, annotated }) => [group, annotated])).toEqual([
      [a, true],
      [b, false],
      [c, false],
    ]);
    expect(set.notes.join("\n")).toMatch(/3 pictures; the published test split has 3,000/);
    expect(set.notes.join("\n")).toMatch(/patients are not told/);
  });

  it("opens DICOM files of whichever compression, with the boxes of their pixels", async () => {
    const { [a]: first, [b]: second } = await samplesOf(physionet());
    expect(first.image).toMatchObject({ channels: 1, width: 23, height: 18 });
    expect(first.boxes).toEqual([{ class: 3, x0: 2, y0: 3, x1: 20, y1: 17 }]);
    expect(second.notes).toContain("MONOCHROME1 inverted");
  });

  it("fuses the readers of train by union, unless told otherwise", async () => {
    const root = physionet();
    const of = async (uncertain?: "ignore" | "one" | "zero") => {
      const set = await opened(root, { split: "train", uncertain });
      const own = Object.fromEntries((await set.index()).map((info) => [info.id, info]));
      const [nothing, heart, lung] = [a, b, c].map((id) => [
        named(set.classes, own[id].labels),
        named(set.classes, own[id].unknown),
      ]);
      return { nothing, heart, lung, edition: set.edition };
    };
    const union = {
      nothing: [[], []],
      heart: [["Cardiomegaly", "Pneumonia"], []],
      lung: [["Infiltration", "Nodule/Mass", "Other disease"], []],
      edition: "PhysioNet, not as published: 3 pictures; readers fused by union",
    };
    expect(await of()).toEqual(union);
    expect(await of("one")).toEqual(union);
    expect(await of("ignore")).toMatchObject({
      nothing: [[], []],
      heart: [["Cardiomegaly"], ["Pneumonia"]],
      lung: [[], ["Infiltration", "Nodule/Mass", "Other disease"]],
      edition: expect.stringContaining("only some readers gave count neither way"),
    });
    expect(await of("zero")).toMatchObject({
      nothing: [[], []],
      heart: [["Cardiomegaly"], []],
      lung: [[], []],
    });
  });

  it("keeps every reader's boxes", async () => {
    const { [c]: lung } = await samplesOf(physionet(), {
      split: "train",
      classes: ["Infiltrate", "Nodule/Mass"],
    });
    expect(lung.boxes).toEqual([
      { class: 0, x0: 9.96, y0: 5.81, x1: 12.36, y1: 8.71 },
      { class: 0, x0: 9, y0: 5, x1: 13, y1: 9 },
      { class: 1, x0: 1, y0: 1, x1: 3, y1: 3 },
    ]);
    const set = await opened(physionet(), { split: "train", classes: ["Nodule/Mass"] });
    expect(set.notes.join("\n")).toMatch(/boxes left out.*2 of Infiltration, 3 of Cardiomegaly/);
    expect(set.notes.join("\n")).toMatch(/6 readers; published are 17/);
  });

  it("notes boxes that the labels of whole pictures know nothing of, and takes those for the labels", async () => {
    const labels = trainLabels.with(7, labelled(`${c},R8`, "Infiltration")).join("\n");
    const set = await opened(physionet({ "annotations/image_labels_train.csv": labels }), { split: "train" });
    expect(set.notes).toContain("1 boxes of labels that image_labels_train.csv does not give their picture");
    expect(named(set.classes, (await set.index())[2].labels)).toEqual(["Infiltration"]);
  });

  it("has No finding where the model does: what is left where there is no label", async () => {
    const classes = ["No Finding", "Nodule/Mass"];
    const labels = async (uncertain: "ignore" | "one" | "zero") =>
      (await (await opened(physionet(), { split: "train", classes, uncertain })).index()).map(
        ({ labels: own, unknown }) => [own, unknown],
      );
    // of b only another label; of c, readers differ
    expect(await labels("one")).toEqual([
      [[0], []],
      [[], []],
      [[1], []],
    ]);
    expect(await labels("ignore")).toEqual([
      [[0], []],
      [[], []],
      [[], [0, 1]],
    ]);
    expect(await labels("zero")).toEqual([
      [[0], []],
      [[], []],
      [[0], []],
    ]);
  });

  it("is read from one flat folder too, and with the labels of boxes only where there are no others", async () => {
    const root = tree({
      ...Object.fromEntries(Object.entries(pictures("test")).map(([path, bytes]) => [path.slice(5), bytes])),
      "annotations_train.csv": `\uFEFF${trainBoxes.join("\r\n")}\r\n`,
    });
    const set = await opened(root, { split: "train" });
    expect(set.classes).toEqual(vindrLabels.local);
    expect((await set.index()).map(({ labels }) => named(set.classes, labels))).toEqual([
      [],
      ["Cardiomegaly"],
      ["Infiltration", "Nodule/Mass"],
    ]);
    expect(set.notes.join("\n")).toMatch(/no labels of whole pictures \(COPD/);
    expect(await refused(root, { classes: ["COPD"] })).toMatch(/E_DATASET_CLASSES .*COPD/);
  });
});

describe("Kaggle's edition", () => {
  it("is told by its header, and has 14 labels and no test split", async () => {
    const root = kaggle(kaggleRows);
    const set = await opened(root, { split: "train" });
    expect(set.edition).toMatch(/^Kaggle, not as published: 3 pictures; readers fused by union/);
    expect(set.classes).toEqual(vindrLabels.kaggle);
    expect((await set.index()).map(({ labels }) => named(set.classes, labels))).toEqual([
      [],
      ["Cardiomegaly"],
      ["Infiltration"],
    ]);
    expect(await refused(root, { split: "test" })).toMatch(
      /E_DATASET_SPLIT .*no labels of its test pictures.*--split train/,
    );
  });

  it("scales boxes to converted pictures, whose originals' size is told", async () => {
    const files = {
      [`train/${a}.png`]: await png(8, 8),
      [`train/${b}.png`]: await png(8, 8),
      [`train/${c}.jpg`]: await png(46, 18),
    };
    const root = kaggle(kaggleRows, {
      ...files,
      "train_meta.csv": `image_id,dim0,dim1\n${b},36,46\n${c},18,23\nelsewhere,1,1\n`,
    });
    const { [b]: heart, [c]: lung } = await samplesOf(root, { split: "train" });
    const [box] = heart.boxes!;
    expect([box.x0, box.x1].map((x) => x * 46)).toEqual([16, 160]);
    expect([box.y0, box.y1].map((y) => y * 36)).toEqual([24, 136]);
    expect(heart.notes).toContain("boxes scaled from 46 x 36 to 8 x 8");
    expect(lung.boxes![0]).toMatchObject({ x0: 9.96 * 2, y0: 5.81 });
    const set = await opened(root, { split: "train" });
    expect(set.edition).toContain("3 pictures, converted;");
    // the other way in which the size is told
    const wide = tree({
      ...files,
      "train.csv": [`${KAGGLE},width,height`, ...kaggleRows.map((row) => `${row},46,36`)].join("\n"),
    });
    expect((await samplesOf(wide, { split: "train" }))[b].boxes![0].x0 * 46).toBe(16);
  });

  it("refuses converted pictures with boxes where nothing tells their size, and takes the original where both are there", async () => {
    const files = {
      [`train/${a}.png`]: await png(8, 8),
      [`train/${b}.png`]: await png(8, 8),
      [`train/${c}.png`]: await png(8, 8),
    };
    expect(await refused(kaggle(kaggleRows, files))).toMatch(
      /E_DATASET_MISSING .*2 pictures with boxes are not DICOM.*train_meta\.csv with image_id, dim0 \(height\)/s,
    );
    const both = await samplesOf(kaggle(kaggleRows, { ...files, ...pictures("train") }), { split: "train" });
    expect(both[b].image.width).toBe(23);
  });
});

describe("what is at fault", () => {
  const row = (text: string) => kaggle([...kaggleRows, text]);
  it.each<[what: string, root: () => string, says: RegExp]>([
    [
      "no table",
      () => tree(pictures("train")),
      /E_DATASET_MISSING .*there is no annotations_train\.csv or train\.csv/,
    ],
    ["an empty table", () => physionet({ "annotations/annotations_train.csv": "" }), /E_TABLE .*is empty/],
    ["no rows", () => physionet({ "annotations/annotations_train.csv": TRAIN }), /E_DATASET_EMPTY/],
    [
      "no column of boxes",
      () => physionet({ "annotations/annotations_train.csv": TRAIN.replace(",y_max", "") }),
      /E_TABLE .*line 1: no column y_max/,
    ],
    [
      "no column of readers",
      () => physionet({ "annotations/annotations_train.csv": TEST }),
      /E_TABLE .*no column rad_id/,
    ],
    [
      "no column of a label",
      () =>
        physionet({
          "annotations/image_labels_train.csv": trainLabels.join("\n").replace("Lung cyst", "Lung"),
        }),
      /E_TABLE .*no column Lung cyst/,
    ],
    [
      "labels of other pictures",
      () =>
        physionet({ "annotations/image_labels_train.csv": [trainLabels[0], labelled("x,R1")].join("\n") }),
      /line 2: x is not in the table of boxes|names none/,
    ],
    [
      "a picture without labels",
      () => physionet({ "annotations/image_labels_train.csv": trainLabels.slice(0, 7).join("\n") }),
      /image_labels_train\.csv: 1 pictures are not in it/,
    ],
    [
      "a label of 2",
      () =>
        physionet({
          "annotations/image_labels_train.csv": [
            ...trainLabels.slice(0, 9),
            `${c},R10,2${",0".repeat(27)}`,
          ].join("\n"),
        }),
      /line 10: Aortic enlargement is "2"/,
    ],
    [
      "a reader twice",
      () =>
        physionet({ "annotations/image_labels_train.csv": [...trainLabels, labelled(`${a},R1`)].join("\n") }),
      /line 11: 0004.* by R1 was there already/,
    ],
    [
      "an unknown class",
      () => row(`${a},Hernia,15,R1,1,1,2,2`),
      /train\.csv, line 6: the class_id "15" is none of 0 to 14/,
    ],
    [
      "a class that is another",
      () => row(`${a},Cardiomegaly,2,R1,1,1,2,2`),
      /line 6: class_id 2 is Calcification, and not "Cardiomegaly"/,
    ],
    ["a box without size", () => row(`${a},Cardiomegaly,3,R1,5,5,5,9`), /line 6: the box has the size 0 x 4/],
    [
      "a box of words",
      () => row(`${a},Cardiomegaly,3,R1,5,five,9,9`),
      /line 6: x_min, .* are not four numbers: 5, five/,
    ],
    ["a finding without box", () => row(`${a},Cardiomegaly,3,R1,,,,`), /line 6: .*not four numbers/],
    [
      "a box outside the picture",
      () => row(`${a},Cardiomegaly,3,R1,5,5,90,9`),
      /E_DATASET_FORMAT .*0004.*leaves the 23 x 18 picture/,
    ],
    [
      "a way out",
      () => row("../../secret,Cardiomegaly,3,R1,5,5,9,9"),
      /line 6: "..\/..\/secret" is no name of a picture/,
    ],
    ["no reader", () => row(`${a},Cardiomegaly,3,,5,5,9,9`), /line 6: 0004.* has no rad_id/],
    [
      "a picture that is not there",
      () => row("absent,No finding,14,R1,,,,"),
      /train\.csv: 1 of its 4 pictures are not there: absent/,
    ],
    ["no picture at all", () => kaggle(kaggleRows, {}), /E_DATASET_MISSING .*none of the 3 pictures/],
    [
      "a picture that is none",
      () => kaggle(kaggleRows, { ...pictures("train"), [`train/${a}.dicom`]: "no" }),
      /E_IMAGE .*is not a picture/,
    ],
    [
      "a size that is none",
      () => kaggle(kaggleRows, { ...pictures("train"), "train_meta.csv": `image_id,dim0,dim1\n${a},0,9` }),
      /train_meta\.csv, line 2: the size 9 x 0 is none/,
    ],
    [
      "another size than told",
      () => kaggle(kaggleRows, { ...pictures("train"), "train_meta.csv": `image_id,dim0,dim1\n${b},9,9` }),
      /annotations say 9 x 9, the picture is 23 x 18/,
    ],
  ])("%s", async (_, root, says) => {
    expect(await refused(root())).toMatch(says);
  });

  it("a link out of the folder", async () => {
    const root = kaggle(kaggleRows);
    rmSync(join(root, `train/${a}.dicom`));
    const elsewhere = tree({ "a.dicom": dicom("RLE") });
    symlinkSync(join(elsewhere, "a.dicom"), join(root, `train/${a}.dicom`));
    expect(await refused(root)).toMatch(/is a link out of the folder/);
  });

  it("is left out and recorded when told to, and rows that are there twice count once", async () => {
    const root = row(`${a},Cardiomegaly,3,R1,5,5,5,9\n${kaggleRows[0]}\nabsent,No finding,14,R1,,,,`);
    const set = await opened(root, { split: "train", onFault: "skip" });
    expect(set.count).toBe(3);
    expect(set.skipped.map(({ what }) => what)).toEqual(["train.csv, line 6", "train.csv"]);
    expect(set.notes).toContain("1 rows of train.csv are there twice, and count once");
    expect((await set.index()).find(({ id }) => id === a)?.labels).toEqual([]);
  });

  it("and there is no validation split", async () => {
    expect(await refused(physionet(), { split: "val" })).toMatch(/E_DATASET_SPLIT .*no validation split/);
  });
});
