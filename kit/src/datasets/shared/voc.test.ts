/** VOC annotations of a folder of pictures. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import sharp from "sharp";
import { afterAll, describe, expect, it } from "vitest";
import { KitError } from "../../errors.ts";
import type { DatasetOptions } from "../dataset.ts";
import { openDataset } from "../open.ts";

const base = mkdtempSync(join(tmpdir(), "xai-kit-voc-boxes-"));
afterAll(() => rmSync(base, { recursive: true }));
let trees = 0;

const png = await sharp({ create: { width: 6, height: 4, channels: 3, background: "red" } })
  .png()
  .toBuffer();

/** A new folder: cat/a.png, cat/b.png, dog/a.png, and files with this text beside. */
function tree(files: Readonly<Record<string, string>>): string {
  const root = join(base, `tree${trees++}`);
  for (const [path, content] of [
    ...["cat/a.png", "cat/b.png", "dog/a.png"].map((name) => [`photos/${name}`, png] as const),
    ...Object.entries(files),
  ]) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), content);
  }
  return root;
}

const xml = (
  filename: string,
  box: readonly number[] = [1, 1, 6, 4],
  { name = "cat", size = "6 4" } = {},
) => {
  const [width, height] = size.split(" ");
  const [xmin, ymin, xmax, ymax] = box;
  return `<annotation><filename>${filename}</filename>
<size><width>${width}</width><height>${height}</height><depth>3</depth></size>
<object><name>${name}</name>
<bndbox><xmin>${xmin}</xmin><ymin>${ymin}</ymin><xmax>${xmax}</xmax><ymax>${ymax}</ymax></bndbox></object></annotation>`;
};

const open = (root: string, options: DatasetOptions = {}) =>
  openDataset(`folder:${join(root, "photos")}`, { boxes: join(root, "boxes"), ...options });

async function boxesIn(root: string, options: DatasetOptions = {}) {
  const set = await open(root, options);
  const found: Record<string, unknown> = {};
  for await (const { id, boxes } of set.read()) if (boxes) found[id] = boxes;
  return { found, notes: set.notes, skipped: set.skipped };
}

const refused = async (root: string, options: DatasetOptions = {}): Promise<string> => {
  const error = await boxesIn(root, options).catch((e: unknown) => e);
  if (!(error instanceof KitError)) throw new Error("was accepted");
  return [error.code, error.message, ...error.details].join(" | ");
};

const whole = { class: 0, x0: 0, y0: 0, x1: 6, y1: 4 };

describe("folder with VOC boxes", () => {
  it("finds a picture's file by its own name, in the same folders or by a name that is one picture's", async () => {
    const root = tree({
      "boxes/cat/a.xml": xml("IMG_1.jpg"),
      "boxes/dog/a.xml": xml("a.png", [2, 2, 3, 3], { name: "dog" }),
      "boxes/b.xml": xml("b"),
    });
    const { found, notes } = await boxesIn(root);
    expect(found).toEqual({
      "cat/a.png": [whole],
      "cat/b.png": [whole],
      "dog/a.png": [{ class: 1, x0: 1, y0: 1, x1: 3, y1: 3 }],
    });
    expect(notes).toEqual([]);
    expect((await (await open(root)).index()).map(({ annotated }) => annotated)).toEqual([true, true, true]);
  });

  it("goes by the filename where the file's own name is no picture's", async () => {
    const root = tree({ "boxes/0001.xml": xml("cat/a.png"), "boxes/0002.xml": xml("b.png") });
    expect(Object.keys((await boxesIn(root)).found)).toEqual(["cat/a.png", "cat/b.png"]);
  });

  it("leaves out what is no class and notes what is of no picture; boxes may lie among the class folders", async () => {
    const root = tree({
      "photos/boxes/cat/a.xml": xml("a.png").replace(
        "<object>",
        `${/<object>.*<\/object>/s.exec(xml("a", [1, 1, 2, 2], { name: "bird" }))![0]}<object>`,
      ),
      "photos/boxes/z.xml": xml("z.png"),
    });
    const { found, notes } = await boxesIn(root, { boxes: join(root, "photos/boxes") });
    expect(found).toEqual({ "cat/a.png": [whole] });
    expect(notes).toEqual([
      "annotated, but not in the folder: z.xml",
      "1 boxes of bird, which is no class, left out",
    ]);
  });

  it("reads the same from JSON", async () => {
    const bndbox = { xmin: "1", ymin: "1", xmax: "6", ymax: "4" };
    const entry = (filename: string, name = "cat") => ({
      annotation: { filename, object: [{ name, bndbox }] },
    });
    const root = tree({ "boxes.json": JSON.stringify([entry("cat/a.png"), entry("b.png"), entry("a.png")]) });
    const boxes = join(root, "boxes.json");
    expect(await refused(root, { boxes })).toMatch(
      /boxes\.json, \[2\]\.annotation: could belong to more than one picture/,
    );
    expect((await boxesIn(root, { boxes, onFault: "skip" })).found).toEqual({
      "cat/a.png": [whole],
      "cat/b.png": [whole],
    });
  });

  it.each<[string, Record<string, string>, RegExp]>([
    [
      "two names for one annotation",
      { "cat/a.xml": xml("b.png") },
      /cat\/a\.xml: its name says cat\/a\.png, its filename cat\/b\.png/,
    ],
    [
      "two annotations of one picture",
      { "b.xml": xml("x"), "cat/b.xml": xml("y") },
      /cat\/b\.xml: is a second annotation of cat\/b\.png/,
    ],
    [
      "a name that two pictures have",
      { "a.xml": xml("a.png") },
      /a\.xml: could belong to more than one picture/,
    ],
    [
      "a way out",
      { "1.xml": xml("../../cat/a.png") },
      /1\.xml: its filename \.\.\/\.\.\/cat\/a\.png leads out/,
    ],
    ["an absolute path", { "1.xml": xml("/etc/passwd") }, /leads out of the folder/],
    ["a file cut off", { "b.xml": xml("b.png").slice(0, 90) }, /b\.xml: .*b\.xml, line 2 is not well-formed/],
    [
      "a box without size",
      { "b.xml": xml("b.png", [3, 1, 2, 4]) },
      /b\.xml: line 3: the box of cat ends before it begins/,
    ],
    [
      "a box outside",
      { "b.xml": xml("b.png", [1, 1, 9, 4]) },
      /b\.xml: line 3: bbox from .* leaves the 6 x 4 picture/,
    ],
    [
      "another size",
      { "b.xml": xml("b.png", [1, 1, 2, 2], { size: "60 40" }) },
      /annotations say 60 x 40, the picture is 6 x 4/,
    ],
    ["no picture of the folder", { "y.xml": xml("z.png") }, /names no picture of the folder, but y\.xml/],
  ])("refuses %s", async (_, files, message) => {
    const root = tree(
      Object.fromEntries(Object.entries(files).map(([name, text]) => [`boxes/${name}`, text])),
    );
    expect(await refused(root)).toMatch(message);
  });

  it("refuses folders without XML, and links out of the folder", async () => {
    const empty = tree({ "boxes/readme.txt": "" });
    expect(await refused(empty)).toMatch(/E_DATASET_EMPTY.*has no \.xml file/);
    const root = tree({ "boxes/cat/b.xml": xml("b.png"), "secret.xml": xml("a.png") });
    symlinkSync(join(root, "secret.xml"), join(root, "boxes/cat/a.xml"));
    expect(await refused(root)).toMatch(/cat\/a\.xml: is a link out of the folder/);
    expect(await boxesIn(root, { onFault: "skip" })).toMatchObject({
      found: { "cat/b.png": [whole] },
      skipped: [{ what: "cat/a.xml" }],
    });
  });
});
