/**
 * The validation set of ILSVRC2012 as people have it: flat with a table, or by synset folders. Its labels are places in the sorted list of
 * synsets, as every model's are; the devkit's numbers are not. Boxes are the challenge's, which count pixels from 0 and include both ends
 * (they begin at 0, and end at 499 in pictures of 500 columns), unlike PASCAL VOC's in whose files they come. Masks are ImageNet-S'
 * (arXiv:2106.03149): its pixels marked "ignored" are no class's, so that metrics count them as off the object.
 */
import type { Dirent } from "node:fs";
import { readdir, readFile, stat } from "node:fs/promises";
import { basename, dirname, extname, join } from "node:path";
import { KitError } from "../errors.ts";
import { type Box, type Dataset, type DatasetOptions, defineDataset, type Mask } from "./dataset.ts";
import { columnsOf, csvRows } from "./readers/csv.ts";
import { decodeImage8 } from "./readers/image.ts";
import { readVoc } from "./readers/voc.ts";
import { positionsOf } from "./select.ts";
import { clipBox, plain } from "./shared/coco.ts";
import { childFolders, type Faults, filesIn, folderOf, listed } from "./shared/folder-files.ts";
import { type Annotation, type ImageFile, readImageFiles } from "./shared/image-files.ts";
import { joined, synsets } from "./shared/imagenet-synsets.ts";
import { gathering, placeOf, rootOf } from "./shared/table-files.ts";
import { annotationOf, vocFileNames } from "./shared/voc.ts";

/** Pictures, and of each class. */
const published = { images: 50_000, each: 50 };

const layout =
  "expected val/<synset>/ILSVRC2012_val_*.JPEG, or ILSVRC2012_val_*.JPEG with LOC_val_solution.csv, or Kaggle's folder with both";

export const imagenet = defineDataset({
  id: "imagenet",
  title: "ImageNet, ILSVRC2012 validation",
  paper: "doi:10.1007/s11263-015-0816-y",
  licence: "terms of image-net.org: non-commercial research and education",
  where:
    "image-net.org after registration (ILSVRC2012_img_val), or Kaggle's imagenet-object-localization-challenge, which has the boxes in " +
    "LOC_val_solution.csv; masks of 12,419 of the pictures: github.com/LUSSeg/ImageNet-S, the folder validation-segmentation",
  track: "natural",
  ids: "public",
  reads: ["boxes", "masks"],
  params: {},
  offers: ["imagenet[:<path>]"],
  resolve: (rest) => ({
    id: "imagenet",
    base: "imagenet",
    title: imagenet.title,
    open: (options) => openImagenet(rest === "" ? options.dir : rest, options),
  }),
});

const indexOf: ReadonlyMap<string, number> = new Map(synsets.map((synset, i) => [synset, i]));

async function openImagenet(dir: string | undefined, options: DatasetOptions): Promise<Dataset> {
  if (options.split !== undefined && options.split !== "val") {
    throw new KitError("E_DATASET_SPLIT", {
      problem: `imagenet is read as its validation set, not ${options.split}`,
      details: ["the labels of the test set were never published"],
      next: "leave --split out",
    });
  }
  const root = await rootOf(dir, "imagenet", layout);
  const faults = gathering(options.onFault);
  const notes: string[] = [];
  const place = await placeOfPictures(root, faults);
  const pictures = await picturesIn(place.pictures, faults, notes);
  const table = options.boxes?.endsWith(".csv") ? options.boxes : await place.find("LOC_val_solution.csv");
  const rows = table === undefined ? undefined : await solutionsOf(table, faults);
  const labels = await labelsOf(pictures, { rows, table, place, faults });

  const masks = await masksOf(place, labels, { options, faults, notes });
  const boxes = masks ?? (await boxesOf(place, pictures, { rows, table, options, faults }));
  const items: ImageFile[] = pictures.flatMap(({ id, path }) => {
    const label = labels.get(id);
    if (label === undefined) return [];
    const truth = boxes?.of(id, label);
    return [{ id, group: id, labels: [label], annotated: truth !== undefined, path, ...truth }];
  });
  const classes = await namesOf(place, options.classes);
  const later = faults.settle(root);
  if (items.length === 0) throw nothing(root, []);

  const copy = editionOf(items.map(({ labels: [label] }) => label));
  notes.push(...copy.notes, ...(boxes?.notes ?? []));
  return {
    id: "imagenet",
    base: "imagenet",
    title: imagenet.title,
    edition: [copy.edition, ...(boxes === undefined ? [] : [boxes.name])].join("; "),
    track: "natural",
    split: copy.whole ? "val" : "unknown",
    task: "multi-class",
    classes,
    licence: imagenet.licence,
    ids: "public",
    count: items.length,
    index: async () =>
      items.map(({ id, group, labels: own, annotated }) => ({ id, group, labels: own, annotated })),
    read: (wanted) => readImageFiles(items, positionsOf("imagenet", items, wanted), later),
    notes,
    skipped: later.skipped,
    close: async () => undefined,
  };
}

interface Place {
  /** the folder of the pictures, or of the synsets' folders */
  readonly pictures: string;
  /** where tables and annotations are looked for: the folder that was named, the pictures' and its own, the top of Kaggle's tree */
  readonly around: readonly string[];
  /** The path of the first of these that is there and is no link out of the folder that it is in. */
  find(...names: readonly string[]): Promise<string | undefined>;
}

const kaggle = join("Data", "CLS-LOC", "val");

async function placeOfPictures(root: string, faults: Faults): Promise<Place> {
  const first = async (folder: string, names: readonly string[]) => {
    for (const name of names) {
      const place = await placeOf(folder, [join(folder, name)]);
      if (place === "outside") faults.report(name, "is a link out of the folder");
      else if (place !== "missing") return place.path;
    }
    return undefined;
  };
  const pictures = (await first(root, [join("ILSVRC", kaggle), kaggle, "val", "ILSVRC2012_img_val"])) ?? root;
  const top = pictures.endsWith(kaggle) ? dirname(dirname(dirname(pictures))) : undefined;
  const around = new Set([
    root,
    pictures,
    dirname(pictures),
    ...(top === undefined ? [] : [top, dirname(top)]),
  ]);
  return {
    pictures,
    around: [...around],
    async find(...names) {
      for (const name of names) {
        for (const folder of around) {
          const path = await first(folder, [name]);
          if (path !== undefined) return path;
        }
      }
      return undefined;
    },
  };
}

interface Picture {
  /** the file's name without its ending */
  readonly id: string;
  readonly path: string;
  /** the folder it is in, of a tree by synsets */
  readonly synset?: string;
}

const isId = (id: string) => /^ILSVRC2012_val_\d{8}$/.test(id);
const isSynset = (name: string) => /^n\d{8}$/.test(name);

/** Validation pictures, sorted by id; names tell what is one. */
async function picturesIn(folder: string, faults: Faults, notes: string[]): Promise<Picture[]> {
  const others: string[] = [];
  const found: Picture[] = [];
  const names = await childFolders(folder, faults);
  const folders = names.filter(isSynset);
  for (const synset of folders.length > 0 ? folders : ["."]) {
    if (synset !== "." && !indexOf.has(synset)) {
      faults.report(synset, "is none of the 1,000 synsets");
      continue;
    }
    for (const file of await filesIn(folder, synset, faults, others)) {
      const id = file.slice(0, file.length - extname(file).length);
      if (!isId(id)) others.push(plain(`${synset}/${file}`));
      else found.push({ id, path: join(folder, synset, file), ...(synset !== "." && { synset }) });
    }
  }
  if (found.length === 0) throw nothing(folder, others);
  const strange = others.filter((name) => !/\.(csv|txt|json|xml|mat|md)$/i.test(name));
  if (folders.length > 0 && strange.length > 0) notes.push(`not read: ${listed(strange.map(plain))}`);

  found.sort((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0));
  return found.filter(({ id, path }, i) => {
    if (found[i - 1]?.id !== id) return true;
    faults.report(
      id,
      `is there twice: ${[found[i - 1].path, path].map((p) => p.slice(folder.length + 1)).join(", ")}`,
    );
    return false;
  });
}

const nothing = (folder: string, others: readonly string[]) =>
  new KitError("E_DATASET_EMPTY", {
    problem: `${folder} has no picture of the ILSVRC2012 validation set`,
    details: others.length === 0 ? [] : [`it has ${listed(others.map(plain))}`],
    next: layout,
  });

interface Solution {
  readonly label: number;
  readonly boxes: readonly Box[];
}

/** LOC_val_solution.csv: a synset and four corners for each object. */
async function solutionsOf(path: string, faults: Faults): Promise<ReadonlyMap<string, Solution>> {
  const name = basename(path);
  const found = new Map<string, Solution>();
  let at: Readonly<Record<"ImageId" | "PredictionString", number>> | undefined;
  for await (const { line, cells } of csvRows(path)) {
    if (at === undefined) {
      at = columnsOf(cells, ["ImageId", "PredictionString"], path);
      continue;
    }
    const [id, told] = [cells[at.ImageId] ?? "", cells[at.PredictionString] ?? ""];
    const solution = solutionOf(told);
    if (!isId(id)) faults.report(`${name}, line ${line}`, `${JSON.stringify(id)} is no validation picture`);
    else if (found.has(id)) faults.report(`${name}, line ${line}`, `${id} has a row already`);
    else if (typeof solution === "string") faults.report(`${name}, line ${line}`, `${id}: ${solution}`);
    else found.set(id, solution);
  }
  if (at === undefined) columnsOf(undefined, ["ImageId", "PredictionString"], path);
  return found;
}

/** What a row says, or what is wrong with it. The label is the first object's; boxes of other synsets are of other classes. */
function solutionOf(told: string): Solution | string {
  const parts = told.split(/\s+/).filter((part) => part !== "");
  if (parts.length === 0 || parts.length % 5 !== 0)
    return `${parts.length} values, not a synset and four corners`;
  const boxes: Box[] = [];
  for (let k = 0; k < parts.length; k += 5) {
    const index = indexOf.get(parts[k]);
    if (index === undefined) return `${parts[k]} is none of the 1,000 synsets`;
    const corners = parts.slice(k + 1, k + 5);
    if (!corners.every((corner) => /^-?\d+(\.\d+)?$/.test(corner))) return `corners ${corners.join(" ")}`;
    const [x0, y0, x1, y1] = corners.map(Number);
    if (x1 < x0 || y1 < y0) return `a box that ends before it begins: ${corners.join(" ")}`;
    const box = clipBox({ class: index, x0, y0, x1: x1 + 1, y1: y1 + 1 }, {});
    if (typeof box === "string") return box;
    boxes.push(box);
  }
  return { label: boxes[0].class, boxes };
}

interface Told {
  readonly rows: ReadonlyMap<string, Solution> | undefined;
  readonly table: string | undefined;
  readonly faults: Faults;
}

/** Labels of those pictures that have one, where table and folder agree. */
async function labelsOf(
  pictures: readonly Picture[],
  { rows, table, place, faults }: Told & { place: Place },
): Promise<ReadonlyMap<string, number>> {
  const labels = new Map<string, number>();
  const flat = pictures[0].synset === undefined;
  const devkit = flat && rows === undefined ? await devkitLabels(place) : undefined;
  for (const { id, synset } of pictures) {
    const row = rows?.get(id)?.label;
    const label = synset === undefined ? (row ?? devkit?.(id)) : indexOf.get(synset);
    if (label === undefined) faults.report(id, `has no row in ${basename(table ?? "the table")}`);
    else if (row !== undefined && row !== label) {
      faults.report(id, `is in the folder ${synset}, and ${synsets[row]} in ${basename(table!)}`);
    } else labels.set(id, label);
  }
  return labels;
}

/** The devkit's ground truth: a number per line, which its own table of synsets gives a meaning. */
async function devkitLabels(place: Place): Promise<(id: string) => number | undefined> {
  const folders = ["", "data", join("devkit", "data"), join("ILSVRC2012_devkit_t12", "data")];
  const within = (...names: string[]) =>
    place.find(...names.flatMap((name) => folders.map((f) => join(f, name))));
  const truth = await within(
    "ILSVRC2012_validation_ground_truth.txt",
    "ILSVRC2014_clsloc_validation_ground_truth.txt",
    "ILSVRC2015_clsloc_validation_ground_truth.txt",
  );
  const map = await within("map_clsloc.txt");
  if (truth === undefined || map === undefined) {
    throw new KitError("E_DATASET_LABELS", {
      problem: `the pictures in ${place.pictures} are in no synset folders, and no table tells their labels`,
      details: [
        ...(truth === undefined
          ? []
          : [
              `${basename(truth)} alone does not: the devkit's numbers are in another order than every model's outputs`,
            ]),
      ],
      next: "put LOC_val_solution.csv there (Kaggle), or the devkit's ground truth with its map_clsloc.txt (meta.mat is not read), or sort them into synset folders",
    });
  }
  const wrong = (path: string, line: number, text: string) =>
    new KitError("E_DATASET_LABELS", {
      problem: `${path}, line ${line}: ${text}`,
      next: "take both files from the same devkit of ILSVRC CLS-LOC",
    });
  const byNumber = new Map<string, number>();
  for (const [i, line] of (await linesOf(map)).entries()) {
    const [synset, number] = line.split(/\s+/);
    const index = indexOf.get(synset);
    if (index === undefined) throw wrong(map, i + 1, `${synset} is none of the 1,000 synsets`);
    if (byNumber.has(number)) throw wrong(map, i + 1, `the number ${number} is there twice`);
    byNumber.set(number, index);
  }
  const numbers = await linesOf(truth);
  if (numbers.length !== published.images) {
    throw wrong(truth, numbers.length, `the last; the published file has ${published.images}`);
  }
  const labels = numbers.map((number, i) => {
    const index = byNumber.get(number.trim());
    if (index === undefined) throw wrong(truth, i + 1, `${number} is not in ${basename(map)}`);
    return index;
  });
  // the first is a sea snake: a map of other numbers gives it away
  if (synsets[labels[0]] !== "n01751748") {
    throw wrong(map, 1, `by its numbers the first picture is ${synsets[labels[0]]}, which it is not`);
  }
  return (id) => labels[Number(id.slice(-8)) - 1];
}

const linesOf = async (path: string): Promise<string[]> =>
  (await readFile(path, "utf8"))
    .replace(/^\uFEFF/, "")
    .trimEnd()
    .split(/\r\n|[\r\n]/);

/** What lies on the objects: boxes, or masks. */
interface Truth {
  /** for the edition */
  readonly name: string;
  readonly notes: readonly string[];
  of(id: string, label: number): Pick<ImageFile, "annotation" | "masks"> | undefined;
}

async function boxesOf(
  place: Place,
  pictures: readonly Picture[],
  { rows, table, options, faults }: Told & { options: DatasetOptions },
): Promise<Truth | undefined> {
  const notes = [
    "of 1,762 of the 50,000 pictures the challenge holds the boxes for too poor to count; they are used here",
  ];
  const folder = options.boxes?.endsWith(".csv")
    ? undefined
    : (options.boxes ?? (rows ? undefined : await place.find(...xmlFolders)));
  if (folder === undefined) {
    if (rows === undefined) return undefined;
    return {
      name: `boxes of ${basename(table!)}`,
      notes,
      of: (id) => {
        const row = rows.get(id);
        return row && { annotation: { boxes: row.boxes } };
      },
    };
  }
  const files = await vocFileNames(await folderOf(folder, "--boxes", "expected <picture>.xml"), faults);
  const known = new Set(pictures.map(({ id }) => id));
  const paths = new Map([...files].filter(([id]) => known.has(id)));
  if (paths.size === 0) {
    throw new KitError("E_DATASET_EMPTY", {
      problem: `${folder} has boxes of none of the pictures`,
      details: files.size === 0 ? [] : [`it has ${listed([...files.keys()])}`],
      next: "expected ILSVRC2012_val_*.xml, as in Annotations/CLS-LOC/val",
    });
  }
  return {
    name: "boxes of the XML files",
    notes,
    of: (id) => {
      const path = paths.get(id);
      return path === undefined ? undefined : { annotation: () => xmlBoxes(path) };
    },
  };
}

const xmlFolders = [
  join("Annotations", "CLS-LOC", "val"),
  join("ILSVRC", "Annotations", "CLS-LOC", "val"),
  "ILSVRC2012_bbox_val_v3",
];

/** Its filename says nothing new: in some published files it is "%s". */
async function xmlBoxes(path: string): Promise<Annotation> {
  const foreign = new Map<string, number>();
  const found: string[] = [];
  const annotation = annotationOf(
    await readVoc(path, 0),
    (name) => indexOf.get(name),
    foreign,
    (reason) => found.push(reason),
  );
  for (const name of foreign.keys()) found.push(`${name} is none of the 1,000 synsets`);
  if (found.length === 0) return annotation;
  throw new KitError("E_VOC", {
    problem: `${path}: ${found.join("; ")}`,
    next: "mend the file, or leave faulty ones out and have that recorded: --on-fault skip",
  });
}

/** How many classes the sets called ImageNet-S have, so that their folders tell what the numbers mean. */
const subsets = [50, 300, 919];

async function masksOf(
  place: Place,
  labels: ReadonlyMap<string, number>,
  { options, faults, notes }: { options: DatasetOptions; faults: Faults; notes: string[] },
): Promise<Truth | undefined> {
  if (options.masks !== undefined && options.boxes !== undefined) {
    throw new KitError("E_USAGE", {
      problem: "imagenet with --masks and with --boxes",
      next: "give one: scores against boxes and against masks do not compare",
    });
  }
  if (options.boxes !== undefined) return undefined;
  const folder = options.masks ?? (await masksBeside(place));
  if (folder === undefined) return undefined;
  const root = await folderOf(
    folder,
    "--masks",
    "expected ImageNet-S' validation-segmentation/<synset>/<picture>.png",
  );
  const folders = (await childFolders(root, faults)).filter(isSynset);
  if (!subsets.includes(folders.length)) {
    throw new KitError("E_DATASET_FORMAT", {
      problem: `${folder} has ${folders.length} synset folders; ImageNet-S has ${subsets.join(", ")}`,
      details: ["what a mask's number means is known by the list of all of its folders"],
      next: "unpack the validation-segmentation of ImageNet-S as a whole",
    });
  }
  const unknown = folders.filter((name) => !indexOf.has(name));
  if (unknown.length > 0)
    throw new KitError("E_DATASET_FORMAT", {
      problem: `${folder} has folders that are none of the 1,000 synsets: ${listed(unknown)}`,
      next: "unpack the validation-segmentation of ImageNet-S as it is published",
    });
  const paths = new Map<string, { path: string; synset: string }>();
  const others: string[] = [];
  for (const synset of folders) {
    for (const file of await filesIn(root, synset, faults, others, ["png"])) {
      const id = file.slice(0, -extname(file).length);
      if (!isId(id)) others.push(`${synset}/${file}`);
      else if (paths.has(id))
        faults.report(`${synset}/${file}`, `there is a mask in ${paths.get(id)!.synset} already`);
      else paths.set(id, { path: join(root, synset, file), synset });
    }
  }
  if (others.length > 0) notes.push(`not masks of any picture: ${listed(others)}`);
  const classes = folders.map((synset) => indexOf.get(synset)!);
  const isOf = (synset: string, label: number) =>
    synset === synsets[label] || synset === joined.get(synsets[label]);
  const [there, elsewhere] = [...labels].reduce(
    ([own, other], [id, label]) => {
      const mask = paths.get(id);
      return mask === undefined
        ? [own, other]
        : isOf(mask.synset, label)
          ? [own + 1, other]
          : [own, other + 1];
    },
    [0, 0],
  );
  if (there === 0) {
    throw new KitError("E_DATASET_EMPTY", {
      problem: `${folder} has a mask of none of the pictures`,
      details: paths.size === 0 ? [] : [`it has ${listed([...paths.keys()])}`],
      next: "expected the masks of the same validation pictures",
    });
  }
  return {
    name: `ImageNet-S-${folders.length} masks`,
    notes: [
      "what ImageNet-S marks as ignored counts as off the object: where there is much of it, scores that punish what lies off the object are too low",
      ...(elsewhere === 0
        ? []
        : [
            `${elsewhere} masks are not used: ImageNet-S files their pictures under another class than the challenge's label`,
          ]),
    ],
    of: (id, label) => {
      const mask = paths.get(id);
      if (mask === undefined || !isOf(mask.synset, label)) return undefined;
      return { masks: () => readMask(mask.path, classes, label) };
    },
  };
}

async function masksBeside({ around }: Place): Promise<string | undefined> {
  const found: string[] = [];
  for (const folder of around) {
    const entries: Dirent[] = await readdir(folder, { withFileTypes: true }).catch(() => []);
    for (const entry of entries) {
      if (entry.isDirectory() && entry.name.startsWith("validation-segmentation"))
        found.push(join(folder, entry.name));
    }
  }
  if (found.length < 2) return found[0];
  throw new KitError("E_DATASET_FORMAT", {
    problem: `there are several folders of masks: ${listed(found)}`,
    next: "name one with --masks",
  });
}

/**
 * One mask for each class in the file. A class that ImageNet-S joined to another has that one's mask.
 *
 * @param classes  the class of each number, from 1
 */
async function readMask(path: string, classes: readonly number[], label: number): Promise<Mask[]> {
  const { height, width, channels, data } = await decodeImage8(path);
  const bad = (problem: string) =>
    new KitError("E_MASK", {
      problem: `${path} ${problem}`,
      next: `expected ImageNet-S' PNG: red + 256 · green is 0, 1 to ${classes.length}, or 1000 for what is ignored`,
    });
  if (channels !== 3) throw bad("is grey");
  const size = height * width;
  const found = new Map<number, Uint8Array>();
  for (let i = 0; i < size; i++) {
    const id = data[i] + 256 * data[size + i];
    if (data[2 * size + i] !== 0) throw bad(`has blue at row ${Math.floor(i / width)}, column ${i % width}`);
    if (id === 0 || id === 1000) continue;
    if (id > classes.length)
      throw bad(`has the number ${id} at row ${Math.floor(i / width)}, column ${i % width}`);
    const mask = found.get(id) ?? new Uint8Array(size);
    mask[i] = 1;
    found.set(id, mask);
  }
  const whole = joined.get(synsets[label]);
  return [...found]
    .sort(([a], [b]) => a - b)
    .map(([id, mask]) => {
      const own = classes[id - 1];
      return { class: synsets[own] === whole ? label : own, height, width, data: mask };
    });
}

const nameFiles = ["LOC_synset_mapping.txt", "synset_words.txt"];
const nameLists = [
  "imagenet_class_index.json",
  "imagenet-simple-labels.json",
  "imagenet_classes.json",
  "classes.json",
];
const MAX_NAMES_BYTES = 2 ** 20;

/** The model's names, else those of a file beside the pictures, else the synsets. */
async function namesOf(place: Place, given: readonly string[] | undefined): Promise<readonly string[]> {
  if (given !== undefined) {
    if (given.length === synsets.length) return given;
    throw new KitError("E_DATASET_CLASSES", {
      problem: `the model has ${given.length} classes, ImageNet ${synsets.length}`,
      details:
        given.length === 1001 ? ["with 1,001 the first is often a background class that others lack"] : [],
      next: "a model of some of the classes, or of others, is evaluated on --data folder:<path>, by the names of its classes",
    });
  }
  const path = await place.find(...nameFiles, ...nameLists);
  if (path === undefined) return synsets;
  const bad = (problem: string, cause?: unknown) =>
    new KitError("E_CLASS_NAMES", {
      problem: `${path}${problem}`,
      next: "mend the file, take it away, or name the classes with --class-names in the order of the model's outputs",
      cause,
    });
  const { size } = await stat(path);
  if (size > MAX_NAMES_BYTES) throw bad(` has ${size} bytes, too many for a list of names`);
  if (path.endsWith(".txt")) {
    const lines = await linesOf(path);
    const names = new Map<string, string>();
    for (const [i, line] of lines.entries()) {
      const [, synset, name] = /^(n\d{8})[\s:]+(\S.*)$/.exec(line.trimEnd()) ?? [];
      if (synset === undefined || !indexOf.has(synset)) throw bad(`, line ${i + 1}: no synset and its name`);
      if (names.has(synset)) throw bad(`, line ${i + 1}: ${synset} is there twice`);
      names.set(synset, name);
    }
    if (names.size < synsets.length) throw bad(` names ${names.size} of the ${synsets.length} synsets`);
    return synsets.map((synset) => names.get(synset)!);
  }
  let told: unknown;
  try {
    told = JSON.parse((await readFile(path, "utf8")).replace(/^\uFEFF/, ""));
  } catch (cause) {
    throw bad(` is not JSON: ${cause instanceof Error ? cause.message : cause}`, cause);
  }
  if (isNames(told) && told.length === synsets.length) return told;
  if (typeof told !== "object" || told === null || Array.isArray(told))
    throw bad(" is no list of 1,000 names");
  return synsets.map((synset, i) => {
    const entry: unknown = (told as Record<string, unknown>)[i];
    if (!isNames(entry) || entry.length !== 2) throw bad(` has no "${i}": [synset, name]`);
    // lists in the devkit's order go around under the same name
    if (entry[0] !== synset)
      throw bad(` says that class ${i} is ${entry[0]}; in every model's order it is ${synset}`);
    return entry[1];
  });
}

const isNames = (value: unknown): value is string[] =>
  Array.isArray(value) && value.every((name) => typeof name === "string" && name !== "");

function editionOf(labels: readonly number[]) {
  const counts = new Map<number, number>();
  for (const label of labels) counts.set(label, (counts.get(label) ?? 0) + 1);
  const total = labels.length.toLocaleString("en-GB");
  const even = [...counts.values()].every((n) => n === published.each);
  if (labels.length === published.images) {
    return {
      whole: even && counts.size === synsets.length,
      edition: `${total} images`,
      notes: even
        ? []
        : ["the published set has 50 pictures of each class, this copy has not: its labels are wrong"],
    };
  }
  return {
    whole: false,
    edition: `${total} of the 50,000 images, of ${counts.size.toLocaleString("en-GB")} of the 1,000 classes`,
    notes: [
      `a part of the validation set, ${total} of 50,000 pictures: its scores compare with those of no other part, so it is not ranked`,
    ],
  };
}
