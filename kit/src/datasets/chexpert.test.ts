import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import sharp from "sharp";
import { afterAll, describe, expect, it } from "vitest";
import { KitError } from "../errors.ts";
import { chexpertLabels } from "./chexpert.ts";
import type { Dataset, DatasetOptions, Sample } from "./dataset.ts";
import { openDataset } from "./open.ts";

const base = mkdtempSync(join(tmpdir(), "xai-kit-chexpert-"));
afterAll(() => rmSync(base, { recursive: true }));
let trees = 0;
const tree = () => join(base, `tree${trees++}`);
const jpeg = await sharp({ create: { width: 12, height: 10, channels: 3, background: "#777" } })
  .toColourspace("b-w")
  .jpeg()
  .toBuffer();

function write(root: string, path: string, content: string | Uint8Array = jpeg): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), content);
}

const columns = ["Path", "Sex", "Age", "Frontal/Lateral", "AP/PA", ...chexpertLabels];

/** A row as in Stanford's tables; every label that is not given is `rest`. */
const row = (path: string, labels: Readonly<Record<string, string>> = {}, rest = "0.0") =>
  [
    path,
    ...["Male", "73"],
    path.includes("lateral") ? "Lateral" : "Frontal",
    "AP",
    ...chexpertLabels.map((label) => labels[label] ?? rest),
  ].join(",");

const table = (...rows: readonly string[]) => [columns.join(","), ...rows, ""].join("\n");

const refused = async (root: string, options: DatasetOptions = {}): Promise<string> => {
  const error = await openDataset("chexpert", { dir: root, split: "val", ...options }).catch(
    (e: unknown) => e,
  );
  if (!(error instanceof KitError)) throw new Error(`was accepted: ${error}`);
  return [error.code, error.message, ...error.details, error.next].join(" | ");
};

const present = (set: Dataset, labels: readonly number[] = []) => labels.map((label) => set.classes[label]);

/** A validation split of two patients, with a lateral view. */
function small(prefix = "CheXpert-v1.0"): string {
  const root = tree();
  const views = [
    "patient64542/study1/view1_frontal.jpg",
    "patient64541/study1/view1_frontal.jpg",
    "patient64542/study1/view2_lateral.jpg",
  ];
  for (const view of views) write(root, `${prefix}/valid/${view}`);
  const [a, b, c] = views.map((view) => `${prefix}/valid/${view}`);
  write(
    root,
    `${prefix}/valid.csv`,
    table(
      row(a, { "Support Devices": "1.0" }),
      row(b, { "Lung Opacity": "1.0", Cardiomegaly: "1.0" }),
      row(c),
    ),
  );
  return root;
}

describe("chexpert", () => {
  it.each(["CheXpert-v1.0", "CheXpert-v1.0-small"])(
    "reads the frontal views of %s, ordered by id",
    async (prefix) => {
      const root = small(prefix);
      const set = await openDataset("chexpert", { dir: root, split: "val" });
      expect(set).toMatchObject({
        id: "chexpert",
        track: "cxr",
        ids: "private",
        split: "val",
        task: "multi-label",
      });
      expect(set.classes).toEqual(chexpertLabels);
      const index = await set.index();
      expect(index.map(({ id, group, labels }) => [id, group, present(set, labels)])).toEqual([
        ["patient64541_study1_view1_frontal", "patient64541", ["Cardiomegaly", "Lung Opacity"]],
        ["patient64542_study1_view1_frontal", "patient64542", ["Support Devices"]],
      ]);
      expect(index.every(({ unknown, annotated }) => unknown?.length === 0 && !annotated)).toBe(true);
      const read: Sample[] = [];
      for await (const sample of set.read([index[1].id])) read.push(sample);
      expect(read.map(({ id, image }) => [id, image.width, image.height])).toEqual([[index[1].id, 12, 10]]);
      expect(set.edition).toContain(`${prefix}, not as published: 3 pictures of 2 patients; frontal views`);
      expect(set.notes.join("\n")).toMatch(
        /valid\.csv has 3 pictures.*published val split has 234 pictures of 200/,
      );
      expect(set.notes.join("\n")).toMatch(/1 lateral views left out/);
    },
  );

  it("has the lateral views too when asked for, as another set", async () => {
    const set = await openDataset(`chexpert-all-views:${small()}`, { split: "val" });
    expect([set.id, set.count, set.edition.includes("all views")]).toEqual(["chexpert-all-views", 3, true]);
  });

  it("reads the test split in the layouts it was released in", async () => {
    const root = tree();
    const view = "patient64741/study1/view1_frontal.jpg";
    write(root, `CheXpert/test/${view}`);
    // without view and sex, in another order
    const order = chexpertLabels.toReversed();
    const values = order.map((label) => (label === "Edema" ? "1.0" : "0.0"));
    const titles = order.map((label) => (label === "Lung Opacity" ? "Airspace Opacity" : label));
    write(root, "CheXpert/test_labels.csv", `Path,${titles}\ntest/${view},${values}\n`);
    const set = await openDataset("chexpert", { dir: root });
    expect((await set.index()).map(({ labels }) => present(set, labels))).toEqual([["Edema"]]);

    const studies = tree();
    write(studies, `test/${view}`);
    write(studies, "test/patient64741/study1/view2_lateral.jpg");
    const whole = chexpertLabels.map((label) => (label === "Edema" ? "1" : "0"));
    write(
      studies,
      "groundtruth.csv",
      `Study,${chexpertLabels}\nCheXpert-v1.0/test/patient64741/study1,${whole}\n`,
    );
    const all = await openDataset("chexpert-all-views", { dir: studies });
    expect((await all.index()).map(({ id, labels }) => [id, present(all, labels)])).toEqual([
      ["patient64741_study1_view1_frontal", ["Edema"]],
      ["patient64741_study1_view2_lateral", ["Edema"]],
    ]);
  });

  it("finds the parts in which the full training set comes", async () => {
    const root = tree();
    write(root, "CheXpert-v1.0 batch 2 (train 1)/patient00001/study1/view1_frontal.jpg");
    write(root, "CheXpert-v1.0 batch 3 (train 2)/patient00002/study1/view1_frontal.jpg");
    const rows = ["patient00001", "patient00002"].map((name) =>
      row(`CheXpert-v1.0/train/${name}/study1/view1_frontal.jpg`),
    );
    write(root, "train.csv", table(...rows));
    expect((await openDataset("chexpert", { dir: root, split: "train" })).count).toBe(2);
  });

  it.each([
    ["ignore", ["Edema"], ["Pneumonia", "Fracture"]],
    ["one", ["Edema", "Pneumonia"], ["Fracture"]],
    ["zero", ["Edema"], ["Fracture"]],
  ] as const)(
    "takes what is not certain as told (%s), and blanks neither way",
    async (uncertain, yes, open) => {
      const root = small();
      const path = "CheXpert-v1.0/valid/patient64541/study1/view1_frontal.jpg";
      write(
        root,
        "CheXpert-v1.0/valid.csv",
        table(row(path, { Edema: "1.0", Pneumonia: "-1.0", Fracture: "" })),
      );
      const set = await openDataset("chexpert", { dir: root, split: "val", uncertain });
      const [info] = await set.index();
      expect([present(set, info.labels), present(set, info.unknown)]).toEqual([yes, open]);
      expect(set.edition).toContain(
        { ignore: "neither way,", one: "as present,", zero: "as absent," }[uncertain],
      );
    },
  );

  it("takes a finding that counts as present for an answer on a blank No Finding too", async () => {
    const root = small();
    const path = "CheXpert-v1.0/valid/patient64541/study1/view1_frontal.jpg";
    write(root, "CheXpert-v1.0/valid.csv", table(row(path, { Pneumonia: "-1.0" }, "")));
    const openOf = async (uncertain: "ignore" | "one") => {
      const set = await openDataset("chexpert", { dir: root, split: "val", uncertain });
      return present(set, (await set.index())[0].unknown).includes("No Finding");
    };
    expect([await openOf("ignore"), await openOf("one")]).toEqual([true, false]);
  });

  it("hears what no finding, and a finding, say of blanks", async () => {
    const root = small();
    const [a, b] = ["patient64541", "patient64542"].map(
      (name) => `CheXpert-v1.0/valid/${name}/study1/view1_frontal.jpg`,
    );
    write(
      root,
      "CheXpert-v1.0/valid.csv",
      table(row(a, { "No Finding": "1.0" }, ""), row(b, { Edema: "1.0" }, "")),
    );
    const set = await openDataset("chexpert", { dir: root, split: "val" });
    const [none, edema] = await set.index();
    expect([present(set, none.labels), present(set, none.unknown)]).toEqual([
      ["No Finding"],
      ["Support Devices"],
    ]);
    expect(present(set, edema.labels)).toEqual(["Edema"]);
    expect(present(set, edema.unknown)).toHaveLength(12);
    expect(present(set, edema.unknown)).not.toContain("No Finding");
  });

  it("has the model's classes in its order, whatever it calls them", async () => {
    const set = await openDataset("chexpert", {
      dir: small(),
      split: "val",
      classes: ["Effusion", "Airspace Opacity"],
    });
    expect(set.classes).toEqual(["Effusion", "Airspace Opacity"]);
    expect((await set.index()).map(({ labels }) => labels)).toEqual([[1], []]);
    expect(set.notes[0]).toMatch(/^labels that the model does not have: No Finding, Enlarged/);
    expect(await refused(small(), { classes: ["Edema", "Hernia"] })).toMatch(
      /E_DATASET_CLASSES.*Hernia.*the set's labels: No Finding/s,
    );
  });

  it("reads tables with a byte order mark and CRLF", async () => {
    const root = small();
    const path = "CheXpert-v1.0/valid/patient64541/study1/view1_frontal.jpg";
    write(root, "CheXpert-v1.0/valid.csv", `\uFEFF${table(row(path)).replaceAll("\n", "\r\n")}`);
    expect((await openDataset("chexpert", { dir: root, split: "val" })).count).toBe(1);
  });

  it("tells every faulty row with its line", async () => {
    const root = small();
    const path = "CheXpert-v1.0/valid/patient64541/study1/view1_frontal.jpg";
    const lines = table(
      row(path),
      row("../../etc/patient1/study1/view1_frontal.jpg"),
      row("/etc/patient1/study1/view1_frontal.jpg"),
      row("CheXpert-v1.0/valid/patient64541/study1/../study2/view1_frontal.jpg"),
      row("C:\\data\\patient1\\study1\\view1_frontal.jpg"),
      row("CheXpert-v1.0/valid/view1_frontal.jpg"),
      row(path),
      row("valid/patient64541/study1/view3_frontal.jpg", { Edema: "2.0" }),
      row("valid/patient64541/study1/view4_frontal.jpg", { Edema: "yes" }),
      row("valid/patient64541/study1/view5_frontal.jpg").replace(/(,0\.0){3}$/, ""),
      row("valid/patient64541/study1/view6.jpg").replace("Frontal", ""),
    );
    write(root, "CheXpert-v1.0/valid.csv", lines);
    const told = await refused(root);
    expect(told).toMatch(/has 10 faults/);
    for (const line of [3, 4, 5, 6])
      expect(told).toMatch(new RegExp(`valid\\.csv, line ${line}: the path .* leads out`));
    expect(told).toContain(
      "valid.csv, line 7: the path CheXpert-v1.0/valid/view1_frontal.jpg is not …/patient",
    );
    expect(told).toContain(
      "valid.csv, line 8: CheXpert-v1.0/valid/patient64541/study1/view1_frontal.jpg was in line 2 already",
    );
    expect(told).toContain('valid.csv, line 9: Edema is "2.0", and neither 1, 0, -1 nor blank');
    expect(told).toContain('valid.csv, line 10: Edema is "yes"');
    expect(told).toContain('valid.csv, line 11: Pleural Other is ""');
    expect(told).toContain("valid.csv, line 12: neither the table nor view6.jpg says");
    const skipping = await openDataset("chexpert", { dir: root, split: "val", onFault: "skip" });
    expect([skipping.count, skipping.skipped.length]).toEqual([1, 10]);
  });

  it("says what is missing: columns, tables, pictures, all of them", async () => {
    const root = small();
    write(root, "CheXpert-v1.0/valid.csv", "Path,Sex\n");
    expect(await refused(root)).toMatch(/E_TABLE.*valid\.csv, line 1: no column No Finding, Enlarged/);
    write(root, "CheXpert-v1.0/valid.csv", "");
    expect(await refused(root)).toMatch(/valid\.csv is empty/);
    write(root, "CheXpert-v1.0/valid.csv", `${table(row("valid/patient1/study1/view1_frontal.jpg"))}"cut`);
    expect(await refused(root)).toMatch(/E_TABLE.*valid\.csv, after line 2/);
    expect(await refused(root, { split: "train" })).toMatch(
      /E_DATASET_MISSING.*no table of the train split.*train\.csv/,
    );
    expect(await refused(join(root, "nowhere"))).toMatch(/E_DATASET_MISSING.*does not exist/);
    expect(await refused(undefined as never)).toMatch(/needs to know where its files are/);

    write(root, "CheXpert-v1.0/valid.csv", table(row("valid/patient1/study1/view1_frontal.jpg")));
    expect(await refused(root)).toMatch(/none of the 1 pictures that valid\.csv names is there/);
    const half = [
      row("valid/patient64541/study1/view1_frontal.jpg"),
      row("valid/patient1/study1/view1_frontal.jpg"),
    ];
    write(root, "CheXpert-v1.0/valid.csv", table(...half));
    expect(await refused(root)).toMatch(
      /valid\.csv: 1 of its 2 pictures are not there: valid\/patient1\/study1/,
    );
    expect((await openDataset("chexpert", { dir: root, split: "val", onFault: "skip" })).count).toBe(1);
  });

  it("follows no link out of the folder, and names a picture that does not open", async () => {
    const root = small();
    const outside = tree();
    write(outside, "secret.jpg");
    rmSync(join(root, "CheXpert-v1.0/valid/patient64541/study1/view1_frontal.jpg"));
    symlinkSync(
      join(outside, "secret.jpg"),
      join(root, "CheXpert-v1.0/valid/patient64541/study1/view1_frontal.jpg"),
    );
    expect(await refused(root)).toMatch(
      /patient64541\/study1\/view1_frontal\.jpg: is a link out of the folder/,
    );

    const empty = small();
    write(empty, "CheXpert-v1.0/valid/patient64542/study1/view1_frontal.jpg", "");
    const set = await openDataset("chexpert", { dir: empty, split: "val" });
    const reading = async () => {
      for await (const { image } of set.read()) expect(image.width).toBe(12);
    };
    await expect(reading()).rejects.toThrow(/patient64542\/study1\/view1_frontal\.jpg is empty/);
  });
});
