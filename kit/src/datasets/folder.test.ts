import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { crc32 } from "node:zlib";
import sharp from "sharp";
import { afterAll, describe, expect, it } from "vitest";
import { fixtures } from "../../test/fixtures.ts";
import { KitError } from "../errors.ts";
import type { Dataset, DatasetOptions, Sample } from "./dataset.ts";
import { openDataset } from "./open.ts";

const base = mkdtempSync(join(tmpdir(), "xai-kit-folder-"));
afterAll(() => rmSync(base, { recursive: true }));
let trees = 0;

const png = (value: number, width = 6, height = 4) =>
  sharp({ create: { width, height, channels: 3, background: { r: value, g: value, b: value } } })
    .png()
    .toBuffer();

/** A new folder with these files: numbers are grey pictures, text is text. */
async function tree(files: Record<string, number | string | Buffer>): Promise<string> {
  const root = join(base, `tree${trees++}`);
  mkdirSync(root);
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), typeof content === "number" ? await png(content) : content);
  }
  return root;
}

async function all(dataset: Dataset, wanted?: string[]): Promise<Sample[]> {
  const samples: Sample[] = [];
  for await (const sample of dataset.read(wanted)) samples.push(sample);
  return samples;
}

async function errorOf(root: string, options: DatasetOptions = {}): Promise<string> {
  const error = await openDataset(`folder:${root}`, options)
    .then((set) => all(set))
    .catch((e: unknown) => e);
  if (!(error instanceof KitError)) throw new Error("was accepted");
  return [error.code, error.message, ...error.details].join(" | ");
}

const coco = (boxes: object[], images: object[] = [{ id: 1, file_name: "cat/a.png", width: 6, height: 4 }]) =>
  JSON.stringify({
    images,
    annotations: boxes.map((box, i) => ({ id: i, image_id: 1, category_id: 1, ...box })),
    categories: [{ id: 1, name: "cat" }],
  });

describe("folder", () => {
  it("reads classes and files in an order of its own", async () => {
    const root = await tree({
      "dog/10.png": 1,
      "dog/2.png": 2,
      "Zebra/a.PNG": 3,
      "cat/b.png": 4,
      "cat/.x.png": "",
    });
    const set = await openDataset("folder", { dir: root });
    expect(set).toMatchObject({
      classes: ["Zebra", "cat", "dog"],
      task: "multi-class",
      ids: "private",
      split: "unknown",
    });
    const ids = ["Zebra/a.PNG", "cat/b.png", "dog/10.png", "dog/2.png"];
    expect(await set.index()).toEqual(
      ids.map((id, i) => ({ id, group: id, labels: [Math.min(i, 2)], annotated: false })),
    );
    const samples = await all(set, ["dog/2.png", "Zebra/a.PNG"]);
    expect(samples.map(({ id, image }) => [id, image.data[0], image.width])).toEqual([
      ["Zebra/a.PNG", 3, 6],
      ["dog/2.png", 2, 6],
    ]);
    expect((await all(set)).map(({ id }) => id)).toEqual(ids);
    expect(() => set.read(["dog/3.png"])).toThrow("folder has no sample dog/3.png");
  });

  it("matches folders with the model's classes by name or index", async () => {
    const root = await tree({ "african_elephant/a.png": 1, "2/b.png": 2 });
    const classes = ["tench", "African elephant, Loxodonta africana", "zebra"];
    const set = await openDataset(`folder:${root}`, { classes });
    expect(set.classes).toEqual(classes);
    expect((await set.index()).map(({ id, labels }) => [id, labels])).toEqual([
      ["2/b.png", [2]],
      ["african_elephant/a.png", [1]],
    ]);
    expect(await errorOf(root, { classes: ["zebra"] })).toContain("E_DATASET_CLASSES | ");
    expect(await errorOf(root, { classes: ["zebra"] })).toContain("2, african_elephant");
    expect(await errorOf(await tree({ "cat/a.png": 1, "0/b.png": 1 }), { classes: ["cat"] })).toContain(
      "the folders 0 and cat",
    );
  });

  it("notes files that it does not read", async () => {
    const root = await tree({ "cat/a.png": 1, "cat/b.txt": "x", "cat/sub/c.png": 1 });
    const set = await openDataset(`folder:${root}`);
    expect(set.notes).toEqual(["not read: cat/b.txt, cat/sub"]);
    expect(set.count).toBe(1);
  });

  it("reads boxes from annotations.json or a file that is named", async () => {
    const text = coco([{ bbox: [1, 1, 3, 2] }]);
    const root = await tree({
      "cat/a.png": 1,
      "dog/b.png": 2,
      "annotations.json": text,
      "other.json": coco([]),
    });
    const set = await openDataset(`folder:${root}`);
    expect((await set.index()).map(({ annotated }) => annotated)).toEqual([true, false]);
    const [first, second] = await all(set);
    expect(first.boxes).toEqual([{ class: 0, x0: 1, y0: 1, x1: 4, y1: 3 }]);
    expect("boxes" in second).toBe(false);
    const bare = await openDataset(`folder:${root}`, { boxes: join(root, "other.json") });
    expect((await bare.index()).some(({ annotated }) => annotated)).toBe(false);
    // an evaluation with other boxes does not go on where one with these stopped
    const again = await openDataset(`folder:${root}`);
    expect(again.annotations).toBe(set.annotations);
    expect(new Set([set.annotations, bare.annotations, undefined]).size).toBe(3);
  });

  it("reads masks from a mirrored tree, also inside the folder", async () => {
    const mask = await sharp(Buffer.from([0, 255, 128, 127]), { raw: { width: 2, height: 2, channels: 1 } })
      .png()
      .toBuffer();
    const root = await tree({
      "cat/a.jpg": await png(9, 2, 2),
      "cat/b.png": 1,
      "masks/cat/a.png": mask,
      "masks/cat/x.png": mask,
    });
    const set = await openDataset(`folder:${root}`, { masks: join(root, "masks") });
    expect(set.classes).toEqual(["cat"]);
    expect(set.notes).toEqual(["not masks of any picture: cat/x.png"]);
    expect((await set.index()).map(({ annotated }) => annotated)).toEqual([true, false]);
    expect((await all(set, ["cat/a.jpg"]))[0].masks?.[0]).toEqual({
      height: 2,
      width: 2,
      data: Uint8Array.of(0, 1, 1, 0),
    });
  });

  it("tells every fault of the annotations at once", async () => {
    const boxes = [{ bbox: [0, 0, 0, 1] }, { bbox: [90, 0, 2, 2] }, { bbox: [0, 0, 1, 1] }];
    const root = await tree({ "cat/a.png": 1, "annotations.json": coco(boxes) });
    const message = await errorOf(root);
    expect(message).toContain("has 2 faults");
    expect(message).toContain("annotations.json: annotations[0] (cat/a.png): bbox has the size 0 x 1");
    expect(message).toContain(
      "annotations[1] (cat/a.png): bbox from (90, 0) to (92, 2) leaves the 6 x 4 picture",
    );
    const set = await openDataset(`folder:${root}`, { onFault: "skip" });
    expect(set.skipped.map(({ what }) => what)).toEqual(["annotations.json", "annotations.json"]);
    expect((await all(set))[0].boxes).toHaveLength(1);
  });

  it("stops at a bad picture, or leaves it out and records that", async () => {
    const root = await tree({ "cat/a.png": 1, "cat/b.png": "not a picture", "cat/c.png": 3 });
    expect(await errorOf(root)).toMatch(/^E_IMAGE \| .*b\.png is not a picture/);
    const set = await openDataset(`folder:${root}`, { onFault: "skip" });
    expect((await all(set)).map(({ id }) => id)).toEqual(["cat/a.png", "cat/c.png"]);
    expect(set.skipped).toEqual([{ what: "cat/b.png", reason: expect.stringContaining("is not a picture") }]);
  });

  it("checks annotations against the opened picture", async () => {
    const unsized = [{ id: 1, file_name: "cat/a.png" }];
    const late = await tree({ "cat/a.png": 1, "annotations.json": coco([{ bbox: [5, 0, 9, 2] }], unsized) });
    expect(await errorOf(late)).toContain("cat/a.png: bbox from (5, 0) to (14, 2) leaves the 6 x 4 picture");
    const other = [{ id: 1, file_name: "cat/a.png", width: 60, height: 40 }];
    const wrong = await tree({ "cat/a.png": 1, "annotations.json": coco([{ bbox: [5, 0, 9, 2] }], other) });
    expect(await errorOf(wrong)).toContain("the annotations say 60 x 40, the picture is 6 x 4");
    const masked = await tree({
      "i/cat/a.png": 1,
      "m/cat/a.png": await png(255, 3, 3),
      "n/cat/a.png": await png(1),
    });
    expect(await errorOf(join(masked, "i"), { masks: join(masked, "m") })).toContain(
      "its mask is 3 x 3, the picture 6 x 4",
    );
    expect(await errorOf(join(masked, "i"), { masks: join(masked, "n") })).toContain(
      "has no value above 1; in a mask, 255",
    );
    const set = await openDataset(`folder:${join(masked, "i")}`, {
      masks: join(masked, "m"),
      onFault: "skip",
    });
    expect("masks" in (await all(set))[0]).toBe(false);
    expect(set.skipped).toHaveLength(1);
  });

  it("never follows a link out of the folder", async () => {
    const root = await tree({ "cat/a.png": 1, "dog/b.png": 2 });
    const outside = await tree({ "secret/s.png": 7 });
    symlinkSync(join(outside, "secret"), join(root, "fox"));
    symlinkSync(join(outside, "secret", "s.png"), join(root, "cat", "s.png"));
    symlinkSync(join(root, "nothing.png"), join(root, "cat", "t.png"));
    symlinkSync(join(root, "dog", "b.png"), join(root, "cat", "inside.png"));
    const message = await errorOf(root);
    expect(message).toContain("fox: is a link out of the folder");
    expect(message).toContain("cat/s.png: is a link out of the folder");
    expect(message).toContain("cat/t.png: is a link to nothing");
    const set = await openDataset(`folder:${root}`, { onFault: "skip" });
    expect((await set.index()).map(({ id }) => id)).toEqual(["cat/a.png", "cat/inside.png", "dog/b.png"]);
  });

  it("never goes round in a circle of links", async () => {
    const root = await tree({ "cat/a.png": 1, "dog/b.png": 1 });
    symlinkSync("self.png", join(root, "cat", "self.png"));
    symlinkSync("two.png", join(root, "cat", "one.png"));
    symlinkSync("one.png", join(root, "cat", "two.png"));
    symlinkSync(".", join(root, "again"));
    symlinkSync("../dog", join(root, "dog", "deeper"));
    const error = await errorOf(root);
    for (const name of ["cat/self.png", "cat/one.png", "cat/two.png"])
      expect(error).toContain(`${name}: is a link that leads back to itself`);
    expect(error).toContain("again: is a link to the folder that it is in");
    const set = await openDataset(`folder:${root}`, { onFault: "skip" });
    expect(set.classes).toEqual(["cat", "dog"]);
    expect((await set.index()).map(({ id }) => id)).toEqual(["cat/a.png", "dog/b.png"]);
    expect(set.skipped).toHaveLength(4);
    expect(set.notes).toEqual(["not read: dog/deeper"]);
  });

  it("leaves out a picture of 0 bytes, and one whose header promises too much", async () => {
    const root = await tree({ "cat/a.png": 1, "cat/none.png": 1, "cat/bomb.png": 1 });
    writeFileSync(join(root, "cat", "none.png"), "");
    const bomb = readFileSync(join(root, "cat", "bomb.png"));
    bomb.writeUInt32BE(60_000, 16);
    bomb.writeUInt32BE(60_000, 20);
    bomb.writeUInt32BE(crc32(bomb.subarray(12, 29)), 29);
    writeFileSync(join(root, "cat", "bomb.png"), bomb);
    const set = await openDataset(`folder:${root}`, { onFault: "skip" });
    expect((await all(set)).map(({ id }) => id)).toEqual(["cat/a.png"]);
    expect(set.skipped.map(({ what }) => what)).toEqual(["cat/bomb.png", "cat/none.png"]);
    expect(set.skipped[0].reason).toContain("exceeds pixel limit");
    expect(set.skipped[1].reason).toContain("is empty (0 bytes)");
  });

  it("refuses paths out of the folder in annotations", async () => {
    const images = [{ id: 1, file_name: "../secret.png" }];
    const root = await tree({ "cat/a.png": 1, "annotations.json": coco([], images) });
    expect(await errorOf(root)).toContain("images[0]: file_name ../secret.png leads out of the folder");
  });

  it.each<[string, Record<string, string | number>, DatasetOptions, string]>([
    ["nothing", {}, {}, "E_DATASET_EMPTY | no class folders"],
    ["pictures without class folders", { "a.png": 1 }, {}, "E_DATASET_EMPTY | no class folders"],
    ["folders without pictures", { "cat/a.txt": "x" }, {}, "not pictures by their names: cat/a.txt"],
    ["a missing box file", { "cat/a.png": 1 }, { boxes: "none.json" }, "none.json cannot be read (ENOENT"],
    ["boxes that are not JSON", { "cat/a.png": 1, "annotations.json": "x" }, {}, "E_COCO"],
    [
      "boxes of other pictures",
      { "cat/z.png": 1, "annotations.json": coco([]) },
      {},
      "names no picture of the folder, but cat/a.png",
    ],
    ["a missing mask folder", { "cat/a.png": 1 }, { masks: "none" }, "--masks: none does not exist"],
  ])("refuses %s", async (_, files, options, expected) => {
    expect(await errorOf(await tree(files), options)).toContain(expected);
  });

  it("refuses names that differ only in how Unicode composes them", async () => {
    const root = await tree({ "cat/\u00e9.png": 1, "cat/e\u0301.png": 2 });
    expect(await errorOf(root)).toContain("have the same name cat/\u00e9.png");
  });

  it("refuses a root that is not there, or a file", async () => {
    expect(await errorOf(join(base, "none"))).toContain("E_DATASET_MISSING");
    const root = await tree({ file: "x" });
    expect(await errorOf(join(root, "file"))).toContain("is not a folder");
  });
});

const real = fixtures();
describe.skipIf(real === undefined)("real photos (needs the fixtures)", () => {
  it("opens the photos as one class", async () => {
    const set = await openDataset(`folder:${join(real!, "real")}`, { onFault: "skip" });
    const photos = (await set.index()).filter(({ id }) => id.startsWith("photos/"));
    expect(photos).toHaveLength(10);
    const [zebra] = await all(set, ["photos/zebra.png"]);
    expect([zebra.image.channels, zebra.image.height, zebra.image.width]).toEqual([3, 227, 227]);
    expect(zebra.notes).toEqual(["colour profile not applied"]); // an sRGB profile
  });
});
