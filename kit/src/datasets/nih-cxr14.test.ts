import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import sharp from "sharp";
import { afterAll, describe, expect, it } from "vitest";
import { KitError } from "../errors.ts";
import type { DatasetOptions, Sample } from "./dataset.ts";
import { nihLabels } from "./nih-cxr14.ts";
import { openDataset } from "./open.ts";

const base = mkdtempSync(join(tmpdir(), "xai-kit-nih-"));
afterAll(() => rmSync(base, { recursive: true }));
let trees = 0;
const grey = (side: number) =>
  sharp({ create: { width: side, height: side, channels: 3, background: "#777" } })
    .toColourspace("b-w")
    .png()
    .toBuffer();
const png = await grey(1024);

function write(root: string, path: string, content: string | Uint8Array = png): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), content);
}

// The header as NIH ships it: names with commas in them, and one comma at the end.
const HEADER =
  "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,View Position,OriginalImage[Width,Height],OriginalImagePixelSpacing[x,y],";
const row = (image: string, findings: string, patient = Number(image.slice(0, 8))) =>
  `${image},${findings},0,${patient},58,M,PA,2682,2749,0.143,0.143,`;
const BOXES = "Image Index,Finding Label,Bbox [x,y,w,h],,,";

const [a, b, c, d] = ["00000001_000.png", "00000001_001.png", "00000002_000.png", "00000003_000.png"];
const rows = [
  row(d, "No Finding"),
  row(a, "Cardiomegaly|Emphysema"),
  row(b, "Infiltration"),
  row(c, "No Finding"),
];

function release({
  folder = () => "images",
  table = "Data_Entry_2017.csv",
}: {
  folder?: (image: string) => string;
  table?: string;
} = {}) {
  const root = join(base, `tree${trees++}`);
  for (const image of [a, b, c, d]) write(root, `${folder(image)}/${image}`);
  write(root, table, [HEADER, ...rows, ""].join("\n"));
  write(root, "train_val_list.txt", `${d}\n`);
  write(root, "test_list.txt", `${c}\n${b}\n${a}`); // without a line end at last, as published
  write(
    root,
    "BBox_List_2017.csv",
    `${BOXES}\n${b},Infiltrate,225.0847458,547.0192168,86.77966102,79.18644068,,,\n`,
  );
  return root;
}

const open = (dir: string, options: DatasetOptions = {}) => openDataset("nih-cxr14", { dir, ...options });

const refused = async (root: string, options: DatasetOptions = {}): Promise<string> => {
  const error = await open(root, options).catch((e: unknown) => e);
  if (!(error instanceof KitError)) throw new Error(`was accepted: ${error}`);
  return [error.code, error.message, ...error.details, error.next].join(" | ");
};

async function samples(root: string, options: DatasetOptions = {}): Promise<Sample[]> {
  const found: Sample[] = [];
  for await (const sample of (await open(root, options)).read()) found.push(sample);
  return found;
}

describe("nih-cxr14", () => {
  it.each([
    [{}],
    [{ folder: (image: string) => `images_00${image < b ? 1 : 2}/images` }],
    [{ table: "Data_Entry_2017_v2020.csv" }],
  ])("reads the test list in the layouts it comes in", async (layout) => {
    const set = await open(release(layout));
    expect(set).toMatchObject({
      id: "nih-cxr14",
      split: "test",
      task: "multi-label",
      ids: "private",
      count: 3,
    });
    expect(set.classes).toEqual(nihLabels);
    expect(
      (await set.index()).map(({ id, group, labels, unknown, annotated }) => [
        id,
        group,
        labels,
        unknown,
        annotated,
      ]),
    ).toEqual([
      [a, "1", [1, 10], undefined, false],
      [b, "1", [3], undefined, true],
      [c, "2", [], undefined, false],
    ]);
    expect(set.edition).toContain("not as published: 4 pictures of 3 patients, 3 in test_list.txt");
    expect(set.notes.join("\n")).toMatch(/112,120 pictures of 30,805 patients, 25,596 in test_list\.txt/);
    expect(set.notes.join("\n")).toMatch(/1 boxes on 1 pictures; published are 984 on 880/);
  });

  it("has the boxes of the label that the list of boxes spells otherwise", async () => {
    const [, infiltration, none] = await samples(release());
    const [box] = infiltration.boxes!;
    expect(box.class).toBe(3);
    expect([box.x0, box.y0]).toEqual([225.0847458, 547.0192168]);
    expect([box.x1 - box.x0, box.y1 - box.y0].map((side) => side.toFixed(4))).toEqual(["86.7797", "79.1864"]);
    expect(none.boxes).toBeUndefined();
  });

  it("has the eight classes of a study, and says so", async () => {
    const set = await open(release(), { labelSpace: "uces8" });
    expect(set.classes).toHaveLength(8);
    expect(set.edition).toMatch(/; labels of uces8$/);
    const names = (await set.index()).map(({ labels }) => labels.map((label) => set.classes[label]));
    expect(names).toEqual([["Cardiomegaly"], [], ["No Finding"]]);
  });

  it("reads boxes by position, whatever commas the header has", async () => {
    const root = release();
    for (const header of [BOXES, "Image Index,Finding Label,Bbox [x,y,w,h]", `\uFEFF${BOXES}`]) {
      write(root, "BBox_List_2017.csv", `${header}\r\n${b},Infiltrate,1,2,3,4\r\n${b},Mass,5,6,7,8\r\n`);
      const [, { boxes }] = await samples(root);
      expect(boxes?.map(({ x0, y0, x1, y1 }) => [x0, y0, x1, y1])).toEqual([
        [1, 2, 4, 6],
        [5, 6, 12, 14],
      ]);
    }
    expect((await open(root)).notes.join("\n")).toMatch(/1 boxes of findings that the table does not name/);
  });

  it("reads the train_val list as train, and has no validation split", async () => {
    const set = await open(release(), { split: "train" });
    expect([set.count, set.split]).toEqual([1, "train"]);
    expect(set.notes.join("\n")).toMatch(/train is the whole of train_val_list\.txt/);
    expect(await refused(release(), { split: "val" })).toMatch(
      /E_DATASET_SPLIT.*no validation split.*--split train/,
    );
  });

  it("has no finding as a class only for models that have it, and only their boxes", async () => {
    const set = await open(release(), { classes: ["No Finding", "Pleural Effusion", "Cardiomegaly"] });
    expect((await set.index()).map(({ labels, annotated }) => [labels, annotated])).toEqual([
      [[2], false],
      [[], false],
      [[0], false],
    ]);
    expect(set.notes.join("\n")).toMatch(
      /boxes left out, of labels that the model does not have: 1 of Infiltration/,
    );
    expect(await refused(release(), { classes: ["Lung Opacity"] })).toMatch(
      /E_DATASET_CLASSES.*Lung Opacity.*Atelectasis/s,
    );
  });

  it("does without boxes, but says so", async () => {
    const root = release();
    rmSync(join(root, "BBox_List_2017.csv"));
    const set = await open(root);
    expect((await set.index()).some(({ annotated }) => annotated)).toBe(false);
    expect(set.notes).toContain("no boxes: there is no BBox_List_2017.csv");
  });

  it("tells every faulty row of the tables with its line", async () => {
    const root = release();
    const more = [
      row(a, "Mass"),
      row("../00000009_000.png", "Mass"),
      row("00000005_000.png", "Masses"),
      row("00000006_000.png", "Mass|No Finding"),
      row("00000007_000.png", ""),
      row("00000008_000.png", "Mass").replace(",0,8,", ",0,,"),
      "00000009_000.png,Mass",
    ];
    write(root, "Data_Entry_2017.csv", [HEADER, ...rows, ...more, ""].join("\r\n"));
    write(root, "test_list.txt", `${a}\n${a}\n99999999_000.png\n`);
    const boxes = [
      `${b},Infiltrate,1,2,0,4`,
      `${b},Infiltrate,1,2,3`,
      `${b},Infiltrate,1,2,x,4`,
      `${b},Masses,1,2,3,4`,
      `${b},Mass,1000,2,30,4`,
      "99999999_000.png,Mass,1,2,3,4",
    ];
    write(root, "BBox_List_2017.csv", [BOXES, ...boxes, ""].join("\n"));
    const told = await refused(root);
    expect(told).toMatch(/has 15 faults/);
    for (const fault of [
      `Data_Entry_2017.csv, line 6: ${a} was in line 3 already`,
      'Data_Entry_2017.csv, line 7: "../00000009_000.png" is no name of a picture',
      'Data_Entry_2017.csv, line 8: the finding "Masses" is none of Atelectasis',
      "Data_Entry_2017.csv, line 9: No Finding stands beside another finding",
      'Data_Entry_2017.csv, line 10: the finding "" is none of',
      "Data_Entry_2017.csv, line 11: 00000008_000.png has no patient",
      "Data_Entry_2017.csv, line 12: 00000009_000.png has no patient",
      `test_list.txt, line 2: ${a} is there twice`,
      'test_list.txt, line 3: "99999999_000.png" is not in Data_Entry_2017.csv',
      "BBox_List_2017.csv, line 2: the box has the size 0 x 4",
      "BBox_List_2017.csv, line 3: x, y, w, h are not four numbers: 1, 2, 3",
      "BBox_List_2017.csv, line 4: x, y, w, h are not four numbers: 1, 2, x, 4",
      'BBox_List_2017.csv, line 5: the finding "Masses" is none of',
      "BBox_List_2017.csv, line 6: bbox from (1000, 2) to (1030, 6) leaves the 1024 x 1024 picture",
      'BBox_List_2017.csv, line 7: "99999999_000.png" is not in the table',
    ]) {
      expect(told).toContain(fault);
    }
    const skipping = await open(root, { onFault: "skip" });
    expect([skipping.count, skipping.skipped.length]).toEqual([1, 15]);
  });

  it("says what is missing: columns, tables, lists, pictures", async () => {
    const root = release();
    write(root, "BBox_List_2017.csv", "x,y\n");
    expect(await refused(root)).toMatch(
      /E_TABLE.*BBox_List_2017\.csv, line 1: does not begin with Image Index/,
    );
    rmSync(join(root, "BBox_List_2017.csv"));
    rmSync(join(root, `images/${b}`));
    expect(await refused(root)).toMatch(
      /Data_Entry_2017\.csv: 1 of its 3 pictures are not there: 00000001_001\.png/,
    );
    // what is left is no official split any more
    const part = await open(root, { onFault: "skip" });
    expect(part).toMatchObject({ split: "unknown", count: 2 });
    expect(part.edition).toMatch(/not as published: .*, 2 of those here/);
    write(root, "test_list.txt", "");
    expect(await refused(root)).toMatch(/test_list\.txt lists no picture/);
    rmSync(join(root, "test_list.txt"));
    expect(await refused(root)).toMatch(/E_DATASET_MISSING.*no test_list\.txt in /);
    write(root, "Data_Entry_2017.csv", "Image Index,Findings\n");
    write(root, "test_list.txt", a);
    expect(await refused(root)).toMatch(
      /E_TABLE.*Data_Entry_2017\.csv, line 1: no column Finding Labels, Patient ID/,
    );
    write(root, "Data_Entry_2017.csv", `${HEADER}\n${row(a, "Mass")}\n"cut`);
    expect(await refused(root)).toMatch(/E_TABLE.*Data_Entry_2017\.csv, after line 2/);
    rmSync(join(root, "Data_Entry_2017.csv"));
    expect(await refused(root)).toMatch(/no Data_Entry_2017_v2020\.csv or Data_Entry_2017\.csv in /);
  });

  it("follows no link out of the folder, and names pictures that do not open or have another size", async () => {
    const root = release();
    const outside = join(base, `tree${trees++}`);
    write(outside, "secret.png");
    rmSync(join(root, `images/${c}`));
    symlinkSync(join(outside, "secret.png"), join(root, `images/${c}`));
    expect(await refused(root)).toMatch(/00000002_000\.png: is a link out of the folder/);
    rmSync(join(root, `images/${c}`));
    write(root, `images/${c}`, "");
    await expect(samples(root)).rejects.toThrow(/00000002_000\.png is empty/);
    write(root, `images/${b}`, await grey(512));
    await expect(samples(root)).rejects.toThrow(
      /00000001_001\.png: the annotations say 1024 x 1024, the picture is 512 x 512/,
    );
  });
});
