/**
 * VinDr-CXR: radiographs with the boxes of 22 local labels and, in PhysioNet's edition, 5 labels of the whole image besides
 * (arXiv:2012.15029). Three radiologists read each image of train by themselves, five agreed on each of test. Kaggle's
 * edition is PhysioNet's train, with 14 of the local labels and no test labels; the two are told apart by the table's header.
 *
 * Readers are fused by union: an image has a label that any of its readers gave, and every box that any drew. What only
 * some of them saw can count as not known or absent instead: `uncertain`. "No finding" is no label: it is what is left where
 * there is none, and a class only of models that have it.
 */
import { basename, extname, join } from "node:path";
import { KitError } from "../errors.ts";
import { type Box, type Dataset, type DatasetOptions, defineDataset, type Uncertain } from "./dataset.ts";
import { columnsOf, csvRows } from "./readers/csv.ts";
import { positionsOf } from "./select.ts";
import {
  type Answer,
  inSpace,
  labelsOf,
  type MatchedLabels,
  matchLabels,
  spaceOf,
} from "./shared/chest-labels.ts";
import type { Faults } from "./shared/folder-files.ts";
import { type Annotation, type ImageFile, readImageFiles } from "./shared/image-files.ts";
import {
  firstFile,
  gathering,
  inTurns,
  namesIn,
  type Place,
  placeOf,
  presentOf,
  rootOf,
} from "./shared/table-files.ts";

/** In the order of PhysioNet's tables. */
const local: readonly string[] = [
  "Aortic enlargement",
  "Atelectasis",
  "Calcification",
  "Cardiomegaly",
  "Clavicle fracture",
  "Consolidation",
  "Edema",
  "Emphysema",
  "Enlarged PA",
  "ILD",
  "Infiltration",
  "Lung Opacity",
  "Lung cavity",
  "Lung cyst",
  "Mediastinal shift",
  "Nodule/Mass",
  "Pleural effusion",
  "Pleural thickening",
  "Pneumothorax",
  "Pulmonary fibrosis",
  "Rib fracture",
  "Other lesion",
];
const global: readonly string[] = ["COPD", "Lung tumor", "Pneumonia", "Tuberculosis", "Other disease"];
const NONE = "No finding";

/** In the order of Kaggle's class_id; 14 is "No finding". */
const kaggle: readonly string[] = [
  "Aortic enlargement",
  "Atelectasis",
  "Calcification",
  "Cardiomegaly",
  "Consolidation",
  "ILD",
  "Infiltration",
  "Lung Opacity",
  "Nodule/Mass",
  "Other lesion",
  "Pleural effusion",
  "Pleural thickening",
  "Pneumothorax",
  "Pulmonary fibrosis",
];

export const vindrLabels = { local, global, kaggle } as const;

const published = { train: 15_000, test: 3_000, readers: 17, readersEach: 3 } as const;

/** What a picture may be called after its id: as published first, then what others have made of it. */
const extensions = [".dicom", ".dcm", ".png", ".jpg", ".jpeg"];
const isDicom = (name: string) => extensions.indexOf(extname(name).toLowerCase()) < 2;

const layout =
  "expected annotations/annotations_{train,test}.csv, annotations/image_labels_{train,test}.csv, train/ and test/ with *.dicom (PhysioNet), or train.csv and train/ (Kaggle); the tables may lie beside the folders";

export const vindrCxr = defineDataset({
  id: "vindr-cxr",
  title: "VinDr-CXR, chest radiographs",
  paper: "arXiv:2012.15029",
  licence:
    "PhysioNet Credentialed Health Data License 1.5.0 (no redistribution); Kaggle's edition: the rules of its competition",
  where:
    "PhysioNet, vindr-cxr 1.0.0: credentialed access, after training and its data use agreement; or Kaggle, vinbigdata-chest-xray-abnormalities-detection (train only). Compressed DICOM files need npm install dcmjs-codecs",
  track: "cxr",
  ids: "private",
  reads: ["uncertain", "labelSpace"],
  params: {},
  offers: ["vindr-cxr[:<path>]"],
  resolve: (rest) => ({
    id: "vindr-cxr",
    base: "vindr-cxr",
    title: vindrCxr.title,
    open: (options) => open(rest === "" ? options.dir : rest, options),
  }),
});

/** What the readers of one picture said. */
interface Reading {
  readonly id: string;
  /** by reader; where the table names none, the one that all agreed on */
  readonly readers: Map<string, Set<string>>;
  readonly boxes: { readonly label: string; readonly box: Box }[];
  size?: Size;
}

interface Size {
  readonly width: number;
  readonly height: number;
}

async function open(dir: string | undefined, options: DatasetOptions): Promise<Dataset> {
  const { split = "test", classes: given, uncertain = "one", labelSpace, onFault } = options;
  const root = await rootOf(dir, "vindr-cxr", layout);
  if (split === "val") {
    throw new KitError("E_DATASET_SPLIT", {
      problem: "VinDr-CXR has no validation split",
      next: "say --split train or --split test",
    });
  }
  const tables = [root, join(root, "annotations")];
  const table = await firstFile(root, tables, [`annotations_${split}.csv`, "train.csv"]);
  if (table === undefined) {
    throw new KitError("E_DATASET_MISSING", {
      problem: `there is no annotations_${split}.csv${split === "train" ? " or train.csv" : ""} in ${root}`,
      next: layout,
    });
  }
  if (split === "test" && basename(table.path) === "train.csv") {
    throw new KitError("E_DATASET_SPLIT", {
      problem: `${root} has a train.csv and no annotations_test.csv: Kaggle's edition has no labels of its test pictures`,
      next: "say --split train, or use PhysioNet's edition, which has them",
    });
  }

  const faults = gathering(onFault);
  const { readings, edition, notes, own } = await readingsOf(table.path, faults);
  const whole =
    edition === "Kaggle" ? undefined : await firstFile(root, tables, [`image_labels_${split}.csv`]);
  const labels = edition === "Kaggle" ? kaggle : whole === undefined ? local : [...local, ...global];
  const matched = matchLabels(`VinDr-CXR (${edition})`, labels, given, {
    also: [NONE],
    space: spaceOf(labelSpace),
  });
  if (whole !== undefined) {
    const unlike = await readWhole(whole.path, readings, faults);
    if (unlike > 0)
      notes.push(`${unlike} boxes of labels that ${basename(whole.path)} does not give their picture`);
  }
  const sizes = await firstFile(root, tables, [`${split}_meta.csv`]);
  if (sizes !== undefined) await readSizes(sizes.path, readings, faults);

  const places = await placesOf(root, split);
  const placed = await inTurns([...readings.values()], async (reading) => {
    const path = places.get(reading.id);
    const place: Place = path === undefined ? "missing" : await placeOf(root, [path]);
    return { reading, name: reading.id, path: path ?? "", place };
  });
  const present = presentOf(placed, basename(table.path), faults, layout);
  const strangers = present.filter(
    ({ path, reading }) => !isDicom(path) && reading.boxes.length > 0 && !reading.size,
  );
  if (strangers.length > 0) {
    throw new KitError("E_DATASET_MISSING", {
      problem: `${strangers.length} pictures with boxes are not DICOM, and nothing tells the size that the boxes were drawn at`,
      details: [`the first is ${basename(strangers[0].path)}; conversions are often rescaled`],
      next: `add ${split}_meta.csv with image_id, dim0 (height), dim1 (width) of the originals, or columns width and height in ${basename(table.path)}`,
    });
  }
  const foreign = new Map<string, number>();
  const items = present
    .map(({ reading, path, place }): ImageFile => {
      const boxes = reading.boxes.flatMap(({ label, box }) => {
        const index = matched.classOf(label);
        if (index === undefined) foreign.set(label, (foreign.get(label) ?? 0) + 1);
        return index === undefined ? [] : [{ ...box, class: index }];
      });
      const annotation: Annotation = { ...reading.size, boxes, ...(!isDicom(path) && { rescaled: true }) };
      const told = fused(reading, labels, matched, uncertain);
      return {
        id: reading.id,
        group: reading.id,
        ...told,
        annotated: boxes.some((box) => told.labels.includes(box.class)),
        path: place.path,
        ...(boxes.length > 0 && { annotation }),
      };
    })
    .sort((a, b) => (a.id < b.id ? -1 : 1));

  const settled = faults.settle(root);
  const count = (n: number) => n.toLocaleString("en");
  const partial = items.length < readings.size;
  const complete = !partial && readings.size === published[split];
  const rule = {
    one: "readers fused by union",
    zero: "labels that all readers gave, boxes fused by union",
    ignore: "labels that only some readers gave count neither way, boxes fused by union",
  }[uncertain];
  const pictures = `${count(readings.size)} pictures${partial ? `, ${count(items.length)} of them here` : ""}`;
  const converted = present.filter(({ path }) => !isDicom(path)).length;
  return {
    id: "vindr-cxr",
    base: "vindr-cxr",
    title: vindrCxr.title,
    edition: `${edition}, ${complete ? "as published" : "not as published"}: ${pictures}${converted > 0 ? ", converted" : ""}; ${own ? rule : "readers' consensus"}${inSpace(labelSpace)}`,
    track: "cxr",
    // a part of a split is not that split
    split: partial ? "unknown" : split,
    task: "multi-label",
    classes: matched.classes,
    licence: vindrCxr.licence,
    ids: "private",
    count: items.length,
    index: async () =>
      items.map(({ id, group, labels: own, unknown, annotated }) => ({
        id,
        group,
        labels: own,
        unknown,
        annotated,
      })),
    read: (wanted) => readImageFiles(items, positionsOf("vindr-cxr", items, wanted), settled),
    notes: [
      ...matched.notes,
      ...(complete ? [] : [`${pictures}; the published ${split} split has ${count(published[split])}`]),
      ...notes,
      own ? rule : "labels and boxes are what five readers agreed on",
      "patients are not told: each picture is its own group",
      ...(whole === undefined && edition === "PhysioNet"
        ? [`no labels of whole pictures (${global.join(", ")}): there is no image_labels_${split}.csv`]
        : []),
      ...(foreign.size > 0
        ? [
            `boxes left out, of labels that the model does not have: ${[...foreign].map(([label, n]) => `${n} of ${label}`).join(", ")}`,
          ]
        : []),
      ...(converted > 0
        ? [
            `${count(converted)} pictures are conversions of others: boxes follow their size as if they were scaled, and neither cut nor padded`,
          ]
        : []),
    ],
    skipped: settled.skipped,
    close: async () => undefined,
  };
}

/** Present where all readers gave the label, absent where none did; in between, "unsure". "No finding" follows from the others. */
function fused(
  { readers }: Reading,
  labels: readonly string[],
  { classes, classOf }: MatchedLabels,
  uncertain: Uncertain,
): { labels: readonly number[]; unknown: readonly number[] } {
  const own = [...readers.values()];
  const said = labels.map((label): Answer => {
    const yes = own.filter((given) => given.has(label)).length;
    return yes === 0 ? "no" : yes === own.length ? "yes" : "unsure";
  });
  const answers = labels.flatMap((label, i) => {
    const index = classOf(label);
    return index === undefined ? [] : [[index, said[i]] as const];
  });
  const none = classOf(NONE);
  if (none !== undefined) {
    const all = labelsOf(
      labels.length,
      said.map((answer, i) => [i, answer] as const),
      uncertain,
    );
    answers.push([none, all.labels.length > 0 ? "no" : all.unknown.length > 0 ? undefined : "yes"]);
  }
  return labelsOf(classes.length, answers, uncertain);
}

/** A name, and no path. */
const isName = (id: string | undefined): id is string =>
  id !== undefined && /^[^\\/:\0.][^\\/:\0]*$/.test(id);
const numberOf = (cell: string | undefined) =>
  cell === undefined || cell === "" ? Number.NaN : Number(cell);
const sides = ["x_min", "y_min", "x_max", "y_max"] as const;
/** The reader of tables that name none. */
const ALL = "";

/** Boxes, and the labels that come with them. */
async function readingsOf(path: string, faults: Faults) {
  const file = basename(path);
  const readings = new Map<string, Reading>();
  const rows = new Set<string>();
  let twice = 0;
  let header:
    | {
        at: Readonly<Record<"image_id" | (typeof sides)[number], number>>;
        name: number;
        number: number;
        reader: number;
        width: number;
        height: number;
      }
    | undefined;
  for await (const { line, cells } of csvRows(path)) {
    if (header === undefined) {
      const ofKaggle = cells.includes("class_id") || file === "train.csv";
      const at = columnsOf(cells, ["image_id", ofKaggle ? "class_id" : "class_name", ...sides], path);
      const [name, number, reader, width, height] = [
        "class_name",
        "class_id",
        "rad_id",
        "width",
        "height",
      ].map((column) => cells.indexOf(column));
      // Whose opinion a row is cannot be guessed: only test is what they agreed on.
      if (reader < 0 && file !== "annotations_test.csv") columnsOf(cells, ["rad_id"], path);
      header = { at, name, number, reader, width, height };
      continue;
    }
    const where = `${file}, line ${line}`;
    const { at, name, number, reader, width, height } = header;
    const id = cells[at.image_id];
    const by = reader < 0 ? ALL : (cells[reader] ?? "");
    if (!isName(id)) faults.report(where, `${JSON.stringify(id)} is no name of a picture`);
    if (!isName(id)) continue;
    if (reader >= 0 && by === "") {
      faults.report(where, `${id} has no rad_id`);
      continue;
    }
    const label = labelOfRow(cells, name, number);
    if (typeof label !== "string") {
      faults.report(where, label.fault);
      continue;
    }
    const [x0, y0, x1, y1] = sides.map((side) => numberOf(cells[at[side]]));
    const boxed = label !== NONE; // some fill up the others with 0, 0, 1, 1
    if (boxed && ![x0, y0, x1, y1].every(Number.isFinite)) {
      faults.report(
        where,
        `${sides.join(", ")} are not four numbers: ${sides.map((side) => cells[at[side]]).join(", ")}`,
      );
      continue;
    }
    if (boxed && (x1 <= x0 || y1 <= y0)) {
      faults.report(where, `the box has the size ${x1 - x0} x ${y1 - y0}`);
      continue;
    }
    const size = width < 0 || height < 0 ? undefined : sizeOf(cells[width], cells[height]);
    if (typeof size === "string") {
      faults.report(where, size);
      continue;
    }
    const reading: Reading = readings.get(id) ?? { id, readers: new Map(), boxes: [] };
    readings.set(id, reading);
    reading.size ??= size;
    const key = [id, by, label, x0, y0, x1, y1].join();
    if (rows.has(key)) twice++;
    else {
      rows.add(key);
      const given = reading.readers.get(by) ?? new Set();
      reading.readers.set(by, given);
      if (boxed) {
        given.add(label);
        reading.boxes.push({ label, box: { class: 0, x0, y0, x1, y1 } });
      }
    }
  }
  if (header === undefined) columnsOf(undefined, ["image_id"], path);
  if (readings.size === 0 && faults.skipped.length === 0) {
    throw new KitError("E_DATASET_EMPTY", { problem: `${path} has no picture`, next: layout });
  }
  const own = header!.reader >= 0;
  const readers = new Set([...readings.values()].flatMap((reading) => [...reading.readers.keys()])).size;
  const others = [...readings.values()].filter(
    (reading) => reading.readers.size !== published.readersEach,
  ).length;
  return {
    readings,
    own,
    edition: header!.number >= 0 ? ("Kaggle" as const) : ("PhysioNet" as const),
    notes: [
      ...(twice > 0 ? [`${twice} rows of ${file} are there twice, and count once`] : []),
      ...(own && readers !== published.readers
        ? [`${readers} readers; published are ${published.readers}`]
        : []),
      ...(own && others > 0 ? [`${others} pictures do not have ${published.readersEach} readers`] : []),
    ],
  };
}

function labelOfRow(
  cells: readonly string[],
  name: number,
  number: number,
): string | { readonly fault: string } {
  const told = name < 0 ? undefined : cells[name];
  const named = told === undefined ? undefined : spelled.get(told.toLowerCase());
  if (number < 0) return named ?? { fault: `the class ${JSON.stringify(told)} is none of VinDr-CXR's` };
  const id = cells[number] ?? "";
  const label = /^\d+$/.test(id) ? [...kaggle, NONE][Number(id)] : undefined;
  if (label === undefined)
    return { fault: `the class_id ${JSON.stringify(id)} is none of 0 to ${kaggle.length}` };
  return told === undefined || named === label
    ? label
    : { fault: `class_id ${id} is ${label}, and not ${JSON.stringify(told)}` };
}

const spelled: ReadonlyMap<string, string> = new Map([
  ...[...local, ...global, NONE].map((label) => [label.toLowerCase(), label] as const),
  ["other diseases", "Other disease"],
]);

function sizeOf(width: string | undefined, height: string | undefined): Size | string {
  const size = { width: numberOf(width), height: numberOf(height) };
  const whole =
    Number.isInteger(size.width) && Number.isInteger(size.height) && size.width > 0 && size.height > 0;
  return whole ? size : `the size ${width} x ${height} is none`;
}

/** Labels of whole pictures, of each reader, in the place of those that came with boxes. Counts boxes of labels that it does not give. */
async function readWhole(path: string, readings: Map<string, Reading>, faults: Faults): Promise<number> {
  const file = basename(path);
  const seen = new Map<string, Map<string, Set<string>>>();
  let header:
    | { id: number; reader: number; labels: readonly (readonly [at: number, label: string])[] }
    | undefined;
  for await (const { line, cells } of csvRows(path)) {
    if (header === undefined) {
      const { image_id: id } = columnsOf(cells, ["image_id"], path);
      const own = cells.map((cell) => spelled.get(cell.toLowerCase()) ?? cell);
      const column = columnsOf(own, [...local, ...global], path);
      header = {
        id,
        reader: cells.indexOf("rad_id"),
        labels: [...local, ...global].map((label) => [column[label], label]),
      };
      continue;
    }
    const where = `${file}, line ${line}`;
    const { id: at, reader, labels } = header;
    const id = cells[at];
    const by = reader < 0 ? ALL : (cells[reader] ?? "");
    const wrong = labels.find(([column]) => !/^[01](\.0*)?$/.test(cells[column] ?? ""));
    if (!isName(id)) faults.report(where, `${JSON.stringify(id)} is no name of a picture`);
    else if (!readings.has(id))
      faults.report(where, `${id} is not in the table of boxes, where all pictures are`);
    else if (wrong !== undefined) {
      faults.report(where, `${wrong[1]} is ${JSON.stringify(cells[wrong[0]] ?? "")}, and neither 1 nor 0`);
    } else if (seen.get(id)?.has(by))
      faults.report(where, `${[id, by].filter(Boolean).join(" by ")} was there already`);
    else {
      const given = new Set(
        labels.filter(([column]) => Number(cells[column]) === 1).map(([, label]) => label),
      );
      seen.set(id, (seen.get(id) ?? new Map()).set(by, given));
    }
  }
  if (header === undefined) columnsOf(undefined, ["image_id"], path);
  let unlike = 0;
  const silent: string[] = [];
  for (const reading of readings.values()) {
    const readers = seen.get(reading.id);
    if (readers === undefined) {
      silent.push(reading.id);
      continue;
    }
    unlike += reading.boxes.filter(
      ({ label }) => ![...readers.values()].some((given) => given.has(label)),
    ).length;
    reading.readers.clear();
    for (const [by, given] of readers) reading.readers.set(by, given);
  }
  if (silent.length > 0 && silent.length < readings.size) {
    faults.report(file, `${silent.length} pictures are not in it: the first is ${silent[0]}`);
  }
  if (silent.length === readings.size && readings.size > 0) {
    throw new KitError("E_TABLE", {
      problem: `${path} names none of the pictures in the table of boxes`,
      next: layout,
    });
  }
  // Without its labels such a picture would count as free of all those of whole pictures.
  for (const id of silent) readings.delete(id);
  return unlike;
}

/** Sizes of the originals, as makers of converted copies give them: dim0 is the height. */
async function readSizes(
  path: string,
  readings: ReadonlyMap<string, Reading>,
  faults: Faults,
): Promise<void> {
  let at: Readonly<Record<"image_id" | "dim0" | "dim1", number>> | undefined;
  for await (const { line, cells } of csvRows(path)) {
    if (at === undefined) {
      at = columnsOf(cells, ["image_id", "dim0", "dim1"], path);
      continue;
    }
    const reading = readings.get(cells[at.image_id]);
    if (reading === undefined) continue;
    const size = sizeOf(cells[at.dim1], cells[at.dim0]);
    const where = `${basename(path)}, line ${line}`;
    if (typeof size === "string") faults.report(where, size);
    else if (reading.size && (reading.size.width !== size.width || reading.size.height !== size.height)) {
      faults.report(
        where,
        `${reading.id} is ${size.width} x ${size.height} here, and was ${reading.size.width} x ${reading.size.height}`,
      );
    } else reading.size = size;
  }
}

/** The file of each id, of the folder of its split or beside it; of several, the one that is most like the original. */
async function placesOf(root: string, split: string): Promise<Map<string, string>> {
  const places = new Map<string, string>();
  const rank = (path: string) => extensions.indexOf(extname(path).toLowerCase());
  for (const folder of [join(root, split), join(root, split, split), root]) {
    for (const name of await namesIn(folder)) {
      const id = name.slice(0, name.length - extname(name).length);
      const other = places.get(id);
      if (rank(name) < 0 || (other !== undefined && rank(other) <= rank(name))) continue;
      places.set(id, join(folder, name));
    }
  }
  return places;
}
