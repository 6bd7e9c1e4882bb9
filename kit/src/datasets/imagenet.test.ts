import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import sharp from "sharp";
import { afterAll, describe, expect, it } from "vitest";
import { KitError } from "../errors.ts";
import type { DatasetOptions } from "./dataset.ts";
import { openDataset } from "./open.ts";
import { joined, synsets } from "./shared/imagenet-synsets.ts";

const base = mkdtempSync(join(tmpdir(), "xai-kit-imagenet-"));
afterAll(() => rmSync(base, { recursive: true }));
let trees = 0;

const jpeg = await sharp({ create: { width: 8, height: 6, channels: 3, background: "#705030" } })
  .jpeg()
  .toBuffer();

/** A new folder with these files; `null` is a small picture. */
function tree(files: Readonly<Record<string, string | Buffer | null>>): string {
  const root = join(base, `tree${trees++}`);
  mkdirSync(root);
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), content ?? jpeg);
  }
  return root;
}

const id = (number: number) => `ILSVRC2012_val_${String(number).padStart(8, "0")}`;
const solution = (...rows: string[]) => `ImageId,PredictionString\n${rows.join("\n")}\n`;
// as the published table begins them
const snake = `${id(1)},n01751748 1 0 6 3 `;
const tench = `${id(293)},n01440764 0 0 7 5 n01440764 2 2 2 2 `;
const flat = { [`val/${id(1)}.JPEG`]: null, [`val/${id(293)}.JPEG`]: null };
const sorted = { [`val/n01751748/${id(1)}.JPEG`]: null, [`val/n01440764/${id(293)}.JPEG`]: null };

const labelled = async (root: string, options: DatasetOptions = {}) => {
  const set = await openDataset("imagenet", { dir: root, ...options });
  return (await set.index()).map(({ id: name, labels: [label], annotated }) => [
    Number(name.slice(-8)),
    label,
    annotated,
  ]);
};

const samples = async (root: string, options: DatasetOptions = {}) => {
  const set = await openDataset(`imagenet:${root}`, options);
  const found = [];
  for await (const sample of set.read()) found.push(sample);
  return { set, found };
};

const refused = async (root: string, options: DatasetOptions = {}): Promise<string> => {
  const error = await samples(root, options).catch((e: unknown) => e);
  if (!(error instanceof KitError)) throw new Error("was accepted");
  return [error.code, error.message, ...error.details, error.next].join(" | ");
};

it("has the synsets in the order of every model's outputs", () => {
  expect(synsets).toHaveLength(1000);
  expect([...new Set(synsets)].sort()).toEqual(synsets);
  expect([0, 65, 490, 999].map((i) => synsets[i])).toEqual([
    "n01440764",
    "n01751748",
    "n03000247",
    "n15075141",
  ]);
  for (const pair of joined) for (const synset of pair) expect(synsets).toContain(synset);
});

describe("imagenet's labels", () => {
  it("come from synset folders, as torchvision has them", async () => {
    const { set, found } = await samples(tree(sorted));
    expect(set).toMatchObject({
      id: "imagenet",
      track: "natural",
      ids: "public",
      split: "unknown",
      task: "multi-class",
      count: 2,
      edition: "2 of the 50,000 images, of 2 of the 1,000 classes",
    });
    expect(set.classes).toEqual(synsets);
    expect(set.notes.join()).toMatch(/a part of the validation set/);
    expect(found.map(({ id: name, group, labels, image }) => [name, group, labels, image.width])).toEqual([
      [id(1), id(1), [65], 8],
      [id(293), id(293), [0], 8],
    ]);
    // the folder may be named too, or be the one inside
    expect(await labelled(join(tree(sorted), "val"))).toEqual([
      [1, 65, false],
      [293, 0, false],
    ]);
  });

  it("come from the table beside flat pictures, in Kaggle's tree too", async () => {
    const inside = Object.fromEntries(Object.keys(flat).map((name) => [`ILSVRC/Data/CLS-LOC/${name}`, null]));
    const table = { "LOC_val_solution.csv": solution(tench, snake) };
    const expected = [
      [1, 65, true],
      [293, 0, true],
    ];
    expect(await labelled(tree({ ...flat, ...table }))).toEqual(expected);
    const root = tree({ ...inside, ...table });
    expect(await labelled(root)).toEqual(expected);
    expect(await labelled(join(root, "ILSVRC"))).toEqual(expected);
    expect(await labelled(join(root, "ILSVRC/Data/CLS-LOC/val"))).toEqual(expected);
  });

  it("come from the devkit's numbers only with the devkit's table", async () => {
    // as in the published files the first picture has the number 490, a sea snake, and the 293rd 449, a tench
    const numbers = [
      "n01751748",
      "n01440764",
      ...synsets.filter((s) => s !== "n01751748" && s !== "n01440764"),
    ];
    const numberOf = (synset: string) => ({ n01751748: 490, n01440764: 449 })[synset] ?? others.get(synset)!;
    const free = Array.from({ length: 1000 }, (_, i) => i + 1).filter((n) => n !== 490 && n !== 449);
    const others = new Map(numbers.slice(2).map((synset, i) => [synset, free[i]]));
    const map = numbers.map((synset) => `${synset} ${numberOf(synset)} name`).join("\r\n");
    const truth = Array.from({ length: 50_000 }, (_, i) => (i === 0 ? 490 : i === 292 ? 449 : 7)).join(
      "\r\n",
    );
    const devkit = "ILSVRC2012_devkit_t12/data";
    const files = { ...flat, [`${devkit}/ILSVRC2012_validation_ground_truth.txt`]: `${truth}\r\n` };
    expect(await refused(tree(files))).toMatch(
      /E_DATASET_LABELS.*the devkit's numbers are in another order.*map_clsloc\.txt/,
    );
    expect(await labelled(tree({ ...files, [`${devkit}/map_clsloc.txt`]: `${map}\r\n` }))).toEqual([
      [1, 65, false],
      [293, 0, false],
    ]);
    // a table in another order
    const order = synsets.map((synset, i) => `${synset} ${i + 1} name`).join("\n");
    expect(await refused(tree({ ...files, [`${devkit}/map_clsloc.txt`]: order }))).toMatch(
      /by its numbers the first picture is n03000134, which it is not/,
    );
    const short = { ...files, [`${devkit}/ILSVRC2012_validation_ground_truth.txt`]: "490\n7\n" };
    expect(await refused(tree({ ...short, [`${devkit}/map_clsloc.txt`]: map }))).toMatch(
      /ground_truth\.txt, line 2: the last; the published file has 50000/,
    );
    expect(
      await refused(tree({ ...files, [`${devkit}/map_clsloc.txt`]: `${map}\nn01440764 490 x` })),
    ).toMatch(/map_clsloc\.txt, line 1001: the number 490 is there twice/);
  });

  it("are known of nothing without a table", async () => {
    expect(await refused(tree(flat))).toMatch(/in no synset folders, and no table tells their labels/);
    expect(await refused(tree({ "val/a.jpg": null }))).toMatch(
      /E_DATASET_EMPTY.*has no picture of the ILSVRC2012.*it has a\.jpg/,
    );
    expect(await refused(tree({}))).toMatch(/E_DATASET_EMPTY/);
    expect(await refused(join(base, "nowhere"))).toMatch(/E_DATASET_MISSING.*LOC_val_solution\.csv/);
    expect(await refused(tree(sorted), { split: "test" })).toMatch(
      /E_DATASET_SPLIT.*validation set, not test/,
    );
    expect(await labelled(tree(sorted), { split: "val" })).toHaveLength(2);
  });

  it.each<[string, string, RegExp]>([
    [
      "a row of another synset than the folder's",
      `${id(1)},n01440764 0 0 1 1`,
      /in the folder n01751748, and n01440764 in LOC_val/,
    ],
    [
      "a path",
      "../../x,n01751748 0 0 1 1",
      /LOC_val_solution\.csv, line 2: "\.\.\/\.\.\/x" is no validation picture/,
    ],
    [
      "the same picture twice",
      `${snake}\n${snake}`,
      /LOC_val_solution\.csv, line 3: ILSVRC2012_val_00000001 has a row already/,
    ],
    ["a synset that is none", `${id(1)},n99999999 0 0 1 1`, /line 2: .*: n99999999 is none of the 1,000/],
    [
      "a corner that is missing",
      `${id(1)},n01751748 0 0 1`,
      /line 2: .*: 4 values, not a synset and four corners/,
    ],
    ["no objects", `${id(1)},`, /line 2: .*: 0 values/],
    ["corners that are no numbers", `${id(1)},n01751748 0 0 NaN 1`, /line 2: .*: corners 0 0 NaN 1/],
    [
      "a box without size",
      `${id(1)},n01751748 4 0 3 5`,
      /line 2: .*: a box that ends before it begins: 4 0 3 5/,
    ],
    ["a box before the picture", `${id(1)},n01751748 -9 0 3 5`, /line 2: .*: bbox from \(-9, 0\)/],
    [
      "a box that leaves the picture",
      `${id(1)},n01751748 0 0 11 5`,
      /ILSVRC2012_val_00000001: bbox from \(0, 0\) to \(12, 6\) leaves the 8 x 6/,
    ],
  ])("are refused with %s", async (_, row, message) => {
    const root = tree({ ...sorted, "LOC_val_solution.csv": solution(row) });
    expect(await refused(root)).toMatch(message);
  });

  it("are refused with a column missing, or a flat picture without a row, and read in spite of BOM and CRLF", async () => {
    expect(await refused(tree({ ...flat, "LOC_val_solution.csv": "ImageId,Label\nx,y\n" }))).toMatch(
      /E_TABLE.*LOC_val_solution\.csv, line 1: no column PredictionString/,
    );
    expect(await refused(tree({ ...flat, "LOC_val_solution.csv": "" }))).toMatch(
      /LOC_val_solution\.csv is empty/,
    );
    const partial = tree({ ...flat, "LOC_val_solution.csv": solution(snake) });
    expect(await refused(partial)).toMatch(/ILSVRC2012_val_00000293: has no row in LOC_val_solution\.csv/);
    expect(await labelled(partial, { onFault: "skip" })).toEqual([[1, 65, true]]);
    const text = `\uFEFF${solution(snake, tench)}`.replaceAll("\n", "\r\n");
    expect(await labelled(tree({ ...flat, "LOC_val_solution.csv": text }))).toHaveLength(2);
  });

  it("are refused for a picture that is there twice, an unknown folder, and links out of the folder", async () => {
    expect(await refused(tree({ ...sorted, [`val/n01440764/${id(1)}.JPEG`]: null }))).toMatch(
      /ILSVRC2012_val_00000001: is there twice: n01440764\/.*, n01751748\//,
    );
    expect(await refused(tree({ ...sorted, [`val/n00000001/${id(5)}.JPEG`]: null }))).toMatch(
      /n00000001: is none of the 1,000 synsets/,
    );
    const root = tree({ ...sorted, "outside.jpeg": null });
    symlinkSync(join(root, "outside.jpeg"), join(root, `val/n01440764/${id(9)}.JPEG`));
    expect(await refused(root)).toMatch(
      /n01440764\/ILSVRC2012_val_00000009\.JPEG: is a link out of the folder/,
    );
    const linked = tree({});
    symlinkSync(join(root, "val"), join(linked, "val"));
    expect(await refused(linked)).toMatch(/E_DATASET/);
  });

  it("do not save a picture of 0 bytes", async () => {
    const root = tree({ ...sorted, [`val/n01440764/${id(7)}.JPEG`]: "" });
    expect(await labelled(root)).toHaveLength(3);
    expect(await refused(root)).toMatch(/E_IMAGE.*00000007\.JPEG is empty \(0 bytes\)/);
    const { set, found } = await samples(root, { onFault: "skip" });
    expect([found.length, set.skipped[0].what]).toEqual([2, id(7)]);
  });
});

describe("imagenet's classes", () => {
  const names = synsets.map((synset, i) => [synset, `name ${i}, also ${i}`] as const);
  const lines = (sep: string) => `${names.map(([synset, name]) => `${synset}${sep}${name}`).join("\n")}\n`;
  const keyed = (list: readonly (readonly string[])[]) =>
    JSON.stringify(Object.fromEntries(list.map((entry, i) => [i, entry])));
  const classesOf = async (files: Readonly<Record<string, string>>, options: DatasetOptions = {}) =>
    (await openDataset("imagenet", { dir: tree({ ...sorted, ...files }), ...options })).classes;

  it("are named by the files that go around, in the order of the synsets", async () => {
    const expected = names.map(([, name]) => name);
    expect(await classesOf({ "LOC_synset_mapping.txt": lines(" ") })).toEqual(expected);
    const shuffled = lines(" : ").trim().split("\n").reverse().join("\r\n");
    expect(await classesOf({ "synset_words.txt": `\uFEFF${shuffled}` })).toEqual(expected);
    expect(await classesOf({ "imagenet_class_index.json": keyed(names) })).toEqual(expected);
    expect(await classesOf({ "imagenet_classes.json": JSON.stringify(expected) })).toEqual(expected);
  });

  it("are the model's, if it has 1,000", async () => {
    const own = synsets.map((_, i) => `class ${i}`);
    expect(await classesOf({ "LOC_synset_mapping.txt": "rubbish" }, { classes: own })).toEqual(own);
    const set = tree(sorted);
    expect(await refused(set, { classes: ["cat", "dog"] })).toMatch(
      /the model has 2 classes, ImageNet 1000.*folder:/,
    );
    expect(await refused(set, { classes: ["background", ...own] })).toMatch(
      /the first is often a background class/,
    );
  });

  it("are refused in another order, or in part", async () => {
    const devkit = [names[278], ...names.slice(1)];
    for (const [files, message] of [
      [
        { "imagenet_class_index.json": keyed(devkit) },
        /says that class 0 is n02119789; in every model's order it is n01440764/,
      ],
      [{ "imagenet_class_index.json": keyed(names.slice(0, 999)) }, /has no "999"/],
      [{ "imagenet_class_index.json": "{" }, /imagenet_class_index\.json is not JSON/],
      [{ "imagenet_classes.json": '["cat"]' }, /is no list of 1,000 names/],
      [
        { "synset_words.txt": "n01440764 tench\nn01440764 tench\n" },
        /synset_words\.txt, line 2: n01440764 is there twice/,
      ],
      [{ "synset_words.txt": "n01440764 tench\nx y\n" }, /line 2: no synset and its name/],
      [{ "synset_words.txt": "n01440764 tench\n" }, /names 1 of the 1000 synsets/],
      [{ "synset_words.txt": " ".repeat(2 ** 21) }, /too many for a list of names/],
    ] as const) {
      expect(await refused(tree({ ...sorted, ...files }))).toMatch(message);
    }
  });
});

describe("imagenet's boxes", () => {
  it("count pixels from 0, both ends included, and are of the class that they name", async () => {
    const other = `${snake}n01440764 0 0 1 1`;
    const { set, found } = await samples(tree({ ...sorted, "LOC_val_solution.csv": solution(other, tench) }));
    expect(found.map(({ boxes }) => boxes)).toEqual([
      [
        { class: 65, x0: 1, y0: 0, x1: 7, y1: 4 },
        { class: 0, x0: 0, y0: 0, x1: 2, y1: 2 },
      ],
      [
        { class: 0, x0: 0, y0: 0, x1: 8, y1: 6 },
        { class: 0, x0: 2, y0: 2, x1: 3, y1: 3 },
      ],
    ]);
    expect(set.edition).toMatch(/; boxes of LOC_val_solution\.csv$/);
    expect(set.notes.join()).toMatch(/1,762 of the 50,000/);
  });

  const xml = (
    synset: string,
    [a, b, c, d]: readonly number[],
    size = "<width>8</width><height>6</height>",
  ) =>
    `<annotation>\n\t<folder>val</folder>\n\t<filename>%s</filename>\n\t<size>${size}<depth>3</depth></size>\n\t<object>\n\t\t<name>${synset}</name>
\t\t<bndbox>\n\t\t\t<xmin>${a}</xmin>\n\t\t\t<ymin>${b}</ymin>\n\t\t\t<xmax>${c}</xmax>\n\t\t\t<ymax>${d}</ymax>\n\t\t</bndbox>\n\t</object>\n</annotation>\n`;

  it("come from XML files, which are not opened before their picture", async () => {
    const at = "ILSVRC/Annotations/CLS-LOC/val";
    const pictures = Object.fromEntries(
      Object.keys(sorted).map((name) => [`ILSVRC/Data/CLS-LOC/${name}`, null]),
    );
    const root = tree({
      ...pictures,
      [`${at}/${id(1)}.xml`]: xml("n01751748", [0, 1, 7, 5]),
      [`${at}/${id(293)}.xml`]: "<annotation>",
    });
    expect(await labelled(root)).toEqual([
      [1, 65, true],
      [293, 0, true],
    ]);
    expect(await refused(root)).toMatch(/E_VOC.*00000293\.xml, line \d is not well-formed/);
    const { found, set } = await samples(root, { onFault: "skip" });
    expect(found.map(({ boxes }) => boxes)).toEqual([[{ class: 65, x0: 0, y0: 1, x1: 8, y1: 6 }], undefined]);
    expect(set.edition).toMatch(/boxes of the XML files$/);
  });

  it("are refused from XML that does not fit", async () => {
    for (const [text, message] of [
      [xml("n00000007", [0, 0, 1, 1]), /00000001\.xml: n00000007 is none of the 1,000 synsets/],
      [xml("n01751748", [3, 0, 1, 1]), /00000001\.xml: line 5: the box of n01751748 ends before it begins/],
      [
        xml("n01751748", [0, 0, 1, 1], "<width>80</width><height>60</height>"),
        /the annotations say 80 x 60, the picture is 8 x 6/,
      ],
      [`<!DOCTYPE a [<!ENTITY a "a">]>${xml("n01751748", [0, 0, 1, 1])}`, /has a DOCTYPE/],
    ] as const) {
      const root = tree({ ...sorted, [`xml/${id(1)}.xml`]: text });
      expect(await refused(root, { boxes: join(root, "xml") })).toMatch(message);
    }
    const root = tree({ ...sorted, "xml/a.xml": "" });
    expect(await refused(root, { boxes: join(root, "xml") })).toMatch(
      /has boxes of none of the pictures.*it has a/,
    );
  });
});

describe("imagenet's masks", () => {
  type Pixel = readonly [number, number, number];
  /** Rows of class numbers as an RGB PNG: red + 256 · green. */
  const maskOf = (ids: readonly number[], width = 8, blue = 0) =>
    sharp(Buffer.from(ids.flatMap((n): Pixel => [n % 256, n >> 8, blue])), {
      raw: { width, height: ids.length / width, channels: 3 },
    })
      .png()
      .toBuffer();
  const area = (fill: (i: number) => number, size = 48) => Array.from({ length: size }, (_, i) => fill(i));
  /** All the folders of a subset: these synsets, and others up to the number. */
  const folders = (n: number, ...own: string[]) => {
    const names = [...new Set([...own, ...synsets.filter((s) => !joined.has(s))])].slice(0, n).sort();
    return { names, of: (synset: string) => names.indexOf(synset) + 1 };
  };
  const withFolders = (
    names: readonly string[],
    files: Readonly<Record<string, Buffer | string | null>>,
    at = "validation-segmentation",
  ) => {
    const root = tree(files);
    for (const name of names) mkdirSync(join(root, at, name), { recursive: true });
    return root;
  };

  it("tell classes by their place in the sorted list of folders, and leave out what is ignored", async () => {
    const { names, of } = folders(50, "n01751748", "n01440764");
    const [own, other] = [of("n01751748"), of("n01440764")];
    const mask = await maskOf(area((i) => (i < 8 ? own : i < 12 ? 1000 : i === 47 ? other : 0)));
    const root = withFolders(names, { ...sorted, [`validation-segmentation/n01751748/${id(1)}.png`]: mask });
    const { set, found } = await samples(root);
    expect(await labelled(root)).toEqual([
      [1, 65, true],
      [293, 0, false],
    ]);
    const expected = [
      { class: 65, height: 6, width: 8, data: Uint8Array.from(area((i) => (i < 8 ? 1 : 0))) },
      { class: 0, height: 6, width: 8, data: Uint8Array.from(area((i) => (i === 47 ? 1 : 0))) },
    ];
    expect(found[0].masks).toEqual(own < other ? expected : expected.reverse());
    expect("masks" in found[1]).toBe(false);
    expect(set.edition).toMatch(/; ImageNet-S-50 masks$/);
    expect(set.notes.join()).toMatch(/marks as ignored counts as off the object/);
  });

  it("have numbers above 255, and joined classes that count for both", async () => {
    // sunglasses are filed under sunglass
    const { names, of } = folders(919, "n04355933");
    const number = of("n04355933");
    expect(number).toBeGreaterThan(255);
    const file = { [`s/n04355933/${id(3)}.png`]: await maskOf(area(() => number)) };
    const root = withFolders(names, { [`val/n04356056/${id(3)}.JPEG`]: null, ...file }, "s");
    const { found } = await samples(root, { masks: join(root, "s") });
    expect(found[0].masks).toMatchObject([{ class: synsets.indexOf("n04356056") }]);
  });

  it("are not used where ImageNet-S sees another class, and not mixed with boxes", async () => {
    const { names, of } = folders(50, "n01751748", "n01440764");
    const files = {
      [`validation-segmentation/n01440764/${id(1)}.png`]: await maskOf(area(() => of("n01440764"))),
      [`validation-segmentation/n01440764/${id(293)}.png`]: await maskOf(area(() => of("n01440764"))),
      "LOC_val_solution.csv": solution(snake, tench),
    };
    const root = withFolders(names, { ...sorted, ...files });
    const { set, found } = await samples(root);
    expect(await labelled(root)).toEqual([
      [1, 65, false],
      [293, 0, true],
    ]);
    expect(set.notes.join()).toMatch(/1 masks are not used: ImageNet-S files/);
    expect(found.some((sample) => "boxes" in sample)).toBe(false);
    // boxes when they are asked for
    const boxes = join(root, "LOC_val_solution.csv");
    expect(await labelled(root, { boxes })).toEqual([
      [1, 65, true],
      [293, 0, true],
    ]);
    const masks = join(root, "validation-segmentation");
    expect(await refused(root, { boxes, masks })).toMatch(/E_USAGE.*with --masks and with --boxes/);
  });

  it.each<[string, () => Promise<Buffer | string>, RegExp]>([
    [
      "of another size",
      () =>
        maskOf(
          area(() => 1, 80),
          10,
        ),
      /its mask is 10 x 8, the picture 8 x 6/,
    ],
    [
      "with a number too large",
      () => maskOf(area((i) => (i === 9 ? 51 : 0))),
      /E_MASK.*has the number 51 at row 1, column 1/,
    ],
    ["with numbers between the last and 1000", () => maskOf(area(() => 999)), /has the number 999/],
    [
      "in colours for people",
      () =>
        maskOf(
          area(() => 1),
          8,
          60,
        ),
      /has blue at row 0, column 0/,
    ],
    [
      "in grey",
      () =>
        sharp(Buffer.alloc(48), { raw: { width: 8, height: 6, channels: 1 } })
          .toColourspace("b-w")
          .png()
          .toBuffer(),
      /is grey/,
    ],
    ["of 0 bytes", async () => "", /E_IMAGE.*is empty/],
  ])("are refused %s", async (_, mask, message) => {
    const { names } = folders(50, "n01440764");
    const root = withFolders(names, {
      ...sorted,
      [`validation-segmentation/n01440764/${id(293)}.png`]: await mask(),
    });
    expect(await refused(root)).toMatch(message);
    const { found } = await samples(root, { onFault: "skip" });
    expect(found.map((sample) => "masks" in sample)).toEqual([false, false]);
  });

  it("are refused in part, for other pictures, twice, and in two folders at once", async () => {
    const mask = await maskOf(area(() => 1));
    const { names } = folders(50, "n01440764");
    const at = (synset: string, n: number) => ({ [`validation-segmentation/${synset}/${id(n)}.png`]: mask });
    expect(await refused(withFolders(names.slice(1), { ...sorted }))).toMatch(
      /has 49 synset folders; ImageNet-S has 50, 300, 919/,
    );
    expect(await refused(withFolders(names, { ...sorted, ...at("n01440764", 8) }))).toMatch(
      /has a mask of none of the pictures/,
    );
    expect(
      await refused(withFolders(names, { ...sorted, ...at("n01440764", 293), ...at("n01443537", 293) })),
    ).toMatch(/n01443537\/ILSVRC2012_val_00000293\.png: there is a mask in n01440764 already/);
    const two = withFolders(names, { ...sorted });
    mkdirSync(join(two, "validation-segmentation-50"));
    expect(await refused(two)).toMatch(/several folders of masks/);
    const strange = withFolders([...names.slice(1), "n00000001"], { ...sorted });
    expect(await refused(strange)).toMatch(/none of the 1,000 synsets: n00000001/);
  });

  const python = "/usr/bin/python3";
  const script = `
import sys
import numpy
from PIL import Image
ids = numpy.zeros((6, 8), numpy.uint16)
ids[1:3, 2:5] = int(sys.argv[2])
ids[5] = 1000
rgb = numpy.stack([ids % 256, ids // 256, numpy.zeros_like(ids)], axis=-1).astype(numpy.uint8)
Image.fromarray(rgb).save(sys.argv[1])
`;
  it.skipIf(spawnSync(python, ["-c", "import numpy, PIL"]).status !== 0)(
    "are read as Pillow writes them (needs /usr/bin/python3 with numpy and Pillow)",
    async () => {
      const { names, of } = folders(300, "n01751748");
      const root = withFolders(names, { ...sorted });
      const path = join(root, "validation-segmentation/n01751748", `${id(1)}.png`);
      expect(spawnSync(python, ["-c", script, path, String(of("n01751748"))]).status).toBe(0);
      const [{ masks }] = (await samples(root)).found;
      expect(masks).toHaveLength(1);
      expect([...masks![0].data.entries()].filter(([, on]) => on === 1).map(([i]) => i)).toEqual([
        10, 11, 12, 18, 19, 20,
      ]);
    },
  );
});
