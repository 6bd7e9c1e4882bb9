import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import sharp from "sharp";
import { afterAll, describe, expect, it } from "vitest";
import { KitError } from "../errors.ts";
import { chexlocalizeLabels } from "./chexlocalize.ts";
import { chexpertLabels } from "./chexpert.ts";
import type { DatasetOptions, Sample } from "./dataset.ts";
import { openDataset } from "./open.ts";

const base = mkdtempSync(join(tmpdir(), "xai-kit-chexlocalize-"));
afterAll(() => rmSync(base, { recursive: true }));
let trees = 0;

/** 5 rows, 6 columns. */
const [height, width] = [5, 6];
const jpeg = await sharp({ create: { width, height, channels: 3, background: "#777" } })
  .toColourspace("b-w")
  .jpeg()
  .toBuffer();

function write(root: string, path: string, content: string | Uint8Array): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), content);
}

// Written by hand from COCO's description: runs 1, 3, 26 — rows 1 to 3 of the first column — and one run of 30 zeros.
const column = { size: [height, width], counts: "13j0" };
const empty = { size: [height, width], counts: "n0" };
const tasks = chexlocalizeLabels.map((label) => (label === "Lung Opacity" ? "Airspace Opacity" : label));
const drawn = (masks: Readonly<Record<string, object>>) =>
  Object.fromEntries(tasks.map((task) => [task, masks[task] ?? empty]));

const [first, second, lateral] = [
  "patient64541_study1_view1_frontal",
  "patient64542_study1_view1_frontal",
  "patient64542_study1_view2_lateral",
];
const fileOf = (id: string) => `${id.replace("_study", "/study").replace("_view", "/view")}.jpg`;

/** As the download is laid out, with 2 patients. */
function release(split: "val" | "test" = "val"): string {
  const root = join(base, `tree${trees++}`);
  for (const id of [first, second, lateral]) write(root, `CheXpert/${split}/${fileOf(id)}`, jpeg);
  const row = (id: string, ...present: string[]) =>
    [
      `CheXpert-v1.0/${split}/${fileOf(id)}`,
      ...chexpertLabels.map((label) => (present.includes(label) ? "1.0" : "0.0")),
    ].join(",");
  const rows = [row(first, "Lung Opacity", "Pneumonia"), row(second), row(lateral)];
  write(root, `CheXpert/${split}_labels.csv`, `Path,${chexpertLabels}\n${rows.join("\n")}\n`);
  write(
    root,
    `CheXlocalize/gt_segmentations_${split}.json`,
    JSON.stringify({ [first]: drawn({ "Airspace Opacity": column }) }),
  );
  return root;
}

const open = (dir: string, options: DatasetOptions = {}) =>
  openDataset("chexlocalize", { dir, split: "val", ...options });

const refused = async (root: string, options: DatasetOptions = {}): Promise<string> => {
  const error = await open(root, options).catch((e: unknown) => e);
  if (!(error instanceof KitError)) throw new Error(`was accepted: ${error}`);
  return [error.code, error.message, ...error.details, error.next].join(" | ");
};

async function samples(set: Awaited<ReturnType<typeof open>>): Promise<Sample[]> {
  const found: Sample[] = [];
  for await (const sample of set.read()) found.push(sample);
  return found;
}

const picture = (mask: { readonly data: Uint8Array }) =>
  Array.from({ length: height }, (_, y) => mask.data.subarray(y * width, (y + 1) * width).join(""));

describe("chexlocalize", () => {
  it("has the masks of a picture by label, and none that is empty", async () => {
    const set = await open(release());
    expect(set).toMatchObject({
      id: "chexlocalize",
      split: "val",
      ids: "private",
      count: 2,
      classes: chexlocalizeLabels,
    });
    expect((await set.index()).map(({ id, labels, annotated }) => [id, labels, annotated])).toEqual([
      [first, [3], true],
      [second, [], false],
    ]);
    const [one, two] = await samples(set);
    expect(one.masks?.map((mask) => [mask.class, picture(mask)])).toEqual([
      [3, ["000000", "100000", "100000", "100000", "000000"]],
    ]);
    expect(two.masks).toBeUndefined();
    expect(set.edition).toContain("published masks");
    expect(set.notes.join("\n")).not.toMatch(/labels that the model does not have/);
  });

  it("has the lateral views as another set, and the test split by default", async () => {
    expect((await openDataset(`chexlocalize-all-views:${release("test")}`)).count).toBe(3);
    const root = release("test");
    expect((await openDataset(`chexlocalize:${root}`)).split).toBe("test");
    expect(await refused(root, { split: "train" })).toMatch(/E_DATASET_SPLIT.*none for train/);
  });

  it("gives a model's classes their masks, those without any being labels of CheXpert", async () => {
    const set = await open(release(), { classes: ["Pneumonia", "Lung Opacity", "No Finding"] });
    const [one] = await samples(set);
    expect([one.labels, one.masks?.map((mask) => mask.class)]).toEqual([[0, 1], [1]]);
    expect(set.notes[0]).toMatch(/^labels that the model does not have: Enlarged/);
    // where the model has no such class, what was drawn of it is no annotation
    const other = await open(release(), { classes: ["Edema"] });
    expect((await other.index()).map(({ annotated }) => annotated)).toEqual([false, false]);
  });

  it("merges labels as a study does, masks with them", async () => {
    const set = await open(release(), { labelSpace: "uces8" });
    expect(set.classes).toHaveLength(8);
    expect(set.edition).toMatch(/; labels of uces8; published masks$/);
    const [one] = await samples(set);
    const [consolidation, pneumonia] = ["Consolidation", "Pneumonia"].map((name) =>
      set.classes.indexOf(name),
    );
    expect([one.labels, one.masks?.map((mask) => mask.class)]).toEqual([
      [consolidation, pneumonia],
      [consolidation],
    ]);
  });

  it("takes labels from the masks where there is no table, and says so", async () => {
    const root = release();
    rmSync(join(root, "CheXpert/val_labels.csv"));
    const set = await open(root, { classes: ["Airspace Opacity", "Pneumonia", "Edema"] });
    // nobody drew pneumonia, so nobody says that there is none
    expect((await set.index()).map(({ id, labels, unknown }) => [id, labels, unknown])).toEqual([
      [first, [0], [1]],
    ]);
    expect(set.notes.join("\n")).toMatch(/labels are from the masks of gt_segmentations_val\.json/);
  });

  it("fills polygons where there are no masks, and says so", async () => {
    const root = release();
    rmSync(join(root, "CheXlocalize/gt_segmentations_val.json"));
    const contour = [
      [0.5, 0.5],
      [3.5, 0.5],
      [3.5, 2.5],
      [0.5, 2.5],
    ];
    const annotations = { [first]: { img_size: [height, width], "Airspace Opacity": [contour] } };
    write(root, "CheXlocalize/gt_annotations_val.json", JSON.stringify(annotations));
    const set = await open(root);
    const [one] = await samples(set);
    expect(one.masks?.map((mask) => [mask.class, picture(mask)])).toEqual([
      [3, ["000000", "011100", "011100", "000000", "000000"]],
    ]);
    expect(set.edition).toContain("masks from polygons");
    expect(set.notes.join("\n")).toMatch(
      /polygons of gt_annotations_val\.json, filled \(even-odd, pixel centres\)/,
    );

    write(
      root,
      "CheXlocalize/gt_annotations_val.json",
      JSON.stringify({ [first]: { Edema: [contour] }, [second]: { img_size: [5, 6], Edema: [[[1, 2]]] } }),
    );
    expect(await refused(root)).toMatch(
      /frontal: img_size is not \[height, width\].*frontal, Edema: contour 0 has fewer/s,
    );
  });

  it("notes masks that the table knows nothing of", async () => {
    const root = release();
    const stranger = "patient1_study1_view1_frontal";
    const masks = { [first]: drawn({ Edema: column }), [stranger]: drawn({}) };
    write(root, "CheXlocalize/gt_segmentations_val.json", JSON.stringify(masks));
    const { notes } = await open(root);
    expect(notes).toContain(`drawn on, but not in the table: ${stranger}`);
    expect(notes).toContain("1 masks of labels that the table does not call present");
  });

  it("names file, picture and finding of every fault", async () => {
    const root = release();
    const bad = {
      [first]: {
        ...drawn({}),
        Edema: { size: [height, width], counts: "13j" },
        Cardiomegaly: { size: [height, width], counts: "13k0" },
        Consolidation: { size: [height, width + 1], counts: "13j0" },
        Atelectasis: { counts: "n0" },
        "Bone Lesion": empty,
      },
      [second]: [],
      "../patient1": drawn({}),
    };
    write(root, "CheXlocalize/gt_segmentations_val.json", JSON.stringify(bad));
    const told = await refused(root);
    expect(told).toMatch(/has 7 faults/);
    const at = `gt_segmentations_val.json, ${first}`;
    for (const [task, reason] of [
      ["Edema", "counts are cut off within run 2"],
      ["Cardiomegaly", "run 2 leaves the picture of 5 x 6"],
      ["Consolidation", "the runs end after 30 of the 35 pixels"],
      ["Atelectasis", 'is not {"size"'],
      ["Bone Lesion", "is none of Enlarged"],
    ]) {
      expect(told).toContain(`${at}, ${task}: ${reason}`);
    }
    expect(told).toContain(`${second}: has no findings`);
    expect(told).toContain('"../patient1" is not patient<number>');
    expect((await open(root, { onFault: "skip" })).skipped).toHaveLength(7);
  });

  it("refuses masks of another size than the picture", async () => {
    const root = release();
    const wrong = { size: [height + 1, width], counts: [1, 3, 32] };
    write(
      root,
      "CheXlocalize/gt_segmentations_val.json",
      JSON.stringify({ [first]: drawn({ Edema: wrong }) }),
    );
    await expect(samples(await open(root))).rejects.toThrow(/its mask is 6 x 6, the picture 6 x 5/);
  });

  it("refuses what is no such file, whole or in part", async () => {
    const root = release();
    const path = "CheXlocalize/gt_segmentations_val.json";
    truncateSync(join(root, path), 200);
    expect(await refused(root)).toMatch(/gt_segmentations_val\.json is not JSON: .*line 1 column/);
    write(root, path, "[]");
    expect(await refused(root)).toMatch(/is not a JSON object/);
    writeFileSync(join(root, path), "");
    truncateSync(join(root, path), 257 * 2 ** 20); // a sparse file
    expect(await refused(root)).toMatch(/has 257 MiB/);
    rmSync(join(root, path));
    expect(await refused(root)).toMatch(
      /E_DATASET_MISSING.*no gt_segmentations_val\.json in .*nor gt_annotations_val\.json/,
    );
    expect(await refused(undefined as never)).toMatch(/chexlocalize needs to know where its files are/);
  });
});
