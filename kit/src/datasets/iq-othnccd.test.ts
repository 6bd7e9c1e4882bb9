import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import sharp from "sharp";
import { afterAll, describe, expect, it } from "vitest";
import { KitError } from "../errors.ts";
import type { DatasetOptions } from "./dataset.ts";
import { openDataset } from "./open.ts";

const base = mkdtempSync(join(tmpdir(), "xai-kit-iq-"));
afterAll(() => rmSync(base, { recursive: true }));
let trees = 0;

const grey = (value: number) =>
  sharp({ create: { width: 8, height: 8, channels: 3, background: { r: value, g: value, b: value } } });

/** A new folder in which each of these class folders has so many slices, named as the publisher names them. */
async function tree(counts: Readonly<Record<string, number>>): Promise<string> {
  const root = join(base, `tree${trees++}`);
  const jpeg = await grey(90).jpeg().toBuffer();
  for (const [name, n] of Object.entries(counts)) {
    mkdirSync(join(root, name), { recursive: true });
    for (let k = 1; k <= n; k++)
      writeFileSync(join(root, name, `${name.replace(/s$/, "")} (${k}).jpg`), jpeg);
  }
  return root;
}

const refused = async (root: string, options: DatasetOptions = {}): Promise<string> => {
  const error = await openDataset("iq-othnccd", { dir: root, ...options }).catch((e: unknown) => e);
  if (!(error instanceof KitError)) throw new Error("was accepted");
  return [error.code, error.message, ...error.details].join(" | ");
};

describe("iq-othnccd", () => {
  it("reads the publisher's folders, spelling and all, as three classes", async () => {
    const root = await tree({ "Bengin cases": 2, "Malignant cases": 3, "Normal cases": 1 });
    const set = await openDataset(`iq-othnccd:${root}`);
    expect(set).toMatchObject({
      id: "iq-othnccd",
      track: "ct",
      ids: "private",
      split: "unknown",
      task: "multi-class",
      classes: ["benign", "malignant", "normal"],
      count: 6,
      edition: "6 slices",
    });
    expect((await set.index()).map(({ id, labels }) => [id, labels[0]])).toEqual([
      ["Bengin cases/Bengin case (1).jpg", 0],
      ["Bengin cases/Bengin case (2).jpg", 0],
      ["Malignant cases/Malignant case (1).jpg", 1],
      ["Malignant cases/Malignant case (2).jpg", 1],
      ["Malignant cases/Malignant case (3).jpg", 1],
      ["Normal cases/Normal case (1).jpg", 2],
    ]);
    for await (const { image } of set.read()) expect([image.width, image.height]).toEqual([8, 8]);
    expect(set.notes.join("\n")).toMatch(/6 slices, 2 \+ 3 \+ 1; the public copy has 120 \+ 561 \+ 416/);
    expect(set.notes.join("\n")).toMatch(/patients are not told/);
  });

  it("knows the public copy by its counts, in the order of a model's outputs too", async () => {
    const root = await tree({ "Benign cases": 120, "Malignant cases": 561, "Normal cases": 416 });
    const set = await openDataset("iq-othnccd", { dir: root, classes: ["Normal", "Benign", "Malignant"] });
    expect(set).toMatchObject({ edition: "public copy, 1,097 slices", count: 1097 });
    expect(set.notes).toHaveLength(1);
    const labels = (await set.index()).map((sample) => sample.labels[0]);
    expect([0, 1, 2].map((label) => labels.filter((l) => l === label).length)).toEqual([416, 120, 561]);
  });

  it("takes masks that somebody drew", async () => {
    const root = await tree({ "Bengin cases": 1, "Malignant cases": 1, "Normal cases": 1 });
    const masks = join(base, "masks");
    const mask = join(masks, "Malignant cases", "Malignant case (1).png");
    mkdirSync(dirname(mask), { recursive: true });
    writeFileSync(mask, await grey(255).png().toBuffer());
    const set = await openDataset("iq-othnccd", { dir: root, masks });
    expect((await set.index()).map((sample) => sample.annotated)).toEqual([false, true, false]);
  });

  it("refuses what is another set, a part of it, or another model's classes", async () => {
    expect(await refused(await tree({ cats: 1, dogs: 1 }))).toMatch(
      /E_DATASET_FORMAT.*no folder Bengin cases, Malignant cases, Normal cases.*cats, dogs/,
    );
    expect(await refused(await tree({ "Bengin cases": 1, "Normal cases": 1 }))).toMatch(
      /no folder Malignant cases$/,
    );
    const root = await tree({ "Bengin cases": 1, "Malignant cases": 1, "Normal cases": 1 });
    expect(await refused(root, { classes: ["cat", "dog", "cow"] })).toMatch(
      /E_DATASET_CLASSES.*none of the model's classes is benign/,
    );
    expect(await refused(join(root, "nowhere"))).toMatch(/E_DATASET_MISSING/);
  });
});
