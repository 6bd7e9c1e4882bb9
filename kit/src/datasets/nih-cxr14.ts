/**
 * NIH ChestX-ray14: PNGs of 1024 x 1024 pixels, a table with up to 14 findings of each, mined from reports, and boxes that a
 * radiologist drew on 880 of them (arXiv:1705.02315). A finding that is not named is absent; "No Finding" names none.
 *
 * The publisher divides the set into train_val_list.txt and test_list.txt, by patients. There is no validation split:
 * whoever needs one draws it out of the first, which is what `--split train` reads.
 *
 * Opening reads the 112,120 rows and looks for the split's pictures without opening one: 5 s and 0.2 GB for test, 12 s and
 * 0.3 GB for train on two cores.
 */
import { basename, join } from "node:path";
import { KitError } from "../errors.ts";
import { type Box, type Dataset, type DatasetOptions, defineDataset } from "./dataset.ts";
import { columnsOf, csvRows } from "./readers/csv.ts";
import { positionsOf } from "./select.ts";
import { inSpace, labelsOf, type MatchedLabels, matchLabels, spaceOf } from "./shared/chest-labels.ts";
import { clipBox } from "./shared/coco.ts";
import type { Faults } from "./shared/folder-files.ts";
import { type ImageFile, readImageFiles } from "./shared/image-files.ts";
import { firstFile, gathering, inTurns, namesIn, placeOf, presentOf, rootOf } from "./shared/table-files.ts";

/** In the order of the paper. */
export const nihLabels: readonly string[] = [
  "Atelectasis",
  "Cardiomegaly",
  "Effusion",
  "Infiltration",
  "Mass",
  "Nodule",
  "Pneumonia",
  "Pneumothorax",
  "Consolidation",
  "Edema",
  "Emphysema",
  "Fibrosis",
  "Pleural_Thickening",
  "Hernia",
];
const NONE = "No Finding";

/** Of the whole set; the two lists have 86,524 and 25,596. */
const published = { images: 112_120, patients: 30_805, train: 86_524, test: 25_596, boxes: 984, boxed: 880 };

/** Boxes are in pixels of the pictures as they were released. */
const SIDE = 1024;

const tables = ["Data_Entry_2017_v2020.csv", "Data_Entry_2017.csv"];
const lists = { train: "train_val_list.txt", test: "test_list.txt" } as const;
const BOXES = "BBox_List_2017.csv";

const layout = `expected ${tables.join(" or ")}, ${Object.values(lists).join(", ")}, ${BOXES}, and the PNGs in images/ or images_001/images/ to images_012/images/`;

export const nihCxr14 = defineDataset({
  id: "nih-cxr14",
  title: "NIH ChestX-ray14",
  paper: "arXiv:1705.02315",
  licence: "NIH Clinical Center terms: free use, with the NIH Clinical Center and the paper acknowledged",
  where:
    "NIH Clinical Center, ChestXray-NIHCC (twelve archives of PNGs, tables and lists), or its copy on Kaggle, nih-chest-xrays/data",
  track: "cxr",
  ids: "private",
  reads: ["labelSpace"],
  params: {},
  offers: ["nih-cxr14[:<path>]"],
  resolve: (rest) => ({
    id: "nih-cxr14",
    base: "nih-cxr14",
    title: nihCxr14.title,
    open: (options) => open(rest === "" ? options.dir : rest, options),
  }),
});

interface Row {
  /** 00000001_000.png */
  readonly id: string;
  readonly line: number;
  readonly patient: string;
  readonly labels: readonly number[];
}

async function open(dir: string | undefined, options: DatasetOptions): Promise<Dataset> {
  const { split = "test", classes: given, labelSpace, onFault } = options;
  const root = await rootOf(dir, "nih-cxr14", layout);
  if (split === "val") {
    throw new KitError("E_DATASET_SPLIT", {
      problem: "NIH ChestX-ray14 has no validation split: train_val_list.txt is not divided",
      next: "say --split train for that list, or --split test",
    });
  }
  const faults = gathering(onFault);
  const table = await required(root, tables);
  const list = await required(root, [lists[split]]);
  const boxFile = await firstFile(root, [root], [BOXES]);

  const matched = matchLabels("NIH ChestX-ray14", nihLabels, given, {
    also: [NONE],
    space: spaceOf(labelSpace),
  });
  const rows = await rowsOf(table, matched, faults);
  const chosen = await chosenOf(list, rows, basename(table), faults);
  const boxes = boxFile === undefined ? undefined : await boxesOf(boxFile.path, rows, matched, faults);

  const places = await placesOf(root);
  const placed = await inTurns(chosen, async (row) => ({
    ...row,
    name: row.id,
    place: await placeOf(root, [join(places.get(row.id) ?? join(root, "images"), row.id)]),
  }));
  const items = presentOf(placed, basename(table), faults, layout)
    .map(({ id, patient, labels, place }): ImageFile => {
      const own = boxes?.of.get(id) ?? [];
      return {
        id,
        group: patient,
        labels,
        annotated: own.some((box) => labels.includes(box.class)),
        path: place.path,
        ...(own.length > 0 && { annotation: { width: SIDE, height: SIDE, boxes: own } }),
      };
    })
    .sort((a, b) => (a.id < b.id ? -1 : 1));

  const patients = new Set([...rows.values()].map(({ patient }) => patient)).size;
  const partial = items.length < chosen.length;
  const complete =
    !partial &&
    rows.size === published.images &&
    patients === published.patients &&
    chosen.length === published[split];
  const count = (n: number) => n.toLocaleString("en");
  const counted = `${count(rows.size)} pictures of ${count(patients)} patients, ${count(chosen.length)} in ${lists[split]}${partial ? `, ${count(items.length)} of those here` : ""}`;
  const settled = faults.settle(root);
  return {
    id: "nih-cxr14",
    base: "nih-cxr14",
    title: nihCxr14.title,
    edition: `${basename(table)}, ${complete ? "as published" : "not as published"}: ${counted}${inSpace(labelSpace)}`,
    track: "cxr",
    // a part of a split is not that split
    split: partial ? "unknown" : split,
    task: "multi-label",
    classes: matched.classes,
    licence: nihCxr14.licence,
    ids: "private",
    count: items.length,
    index: async () => items.map(({ id, group, labels, annotated }) => ({ id, group, labels, annotated })),
    read: (wanted) => readImageFiles(items, positionsOf("nih-cxr14", items, wanted), settled),
    notes: [
      ...matched.notes,
      ...(complete
        ? []
        : [
            `${counted}; published are ${count(published.images)} pictures of ${count(published.patients)} patients, ${count(published[split])} in ${lists[split]}`,
          ]),
      ...(split === "train"
        ? ["train is the whole of train_val_list.txt, which the publisher does not divide"]
        : []),
      ...(boxes?.notes ?? [`no boxes: there is no ${BOXES}`]),
    ],
    skipped: settled.skipped,
    close: async () => undefined,
  };
}

async function required(root: string, names: readonly string[]): Promise<string> {
  const found = await firstFile(root, [root], names);
  if (found !== undefined) return found.path;
  throw new KitError("E_DATASET_MISSING", {
    problem: `there is no ${names.join(" or ")} in ${root}`,
    next: layout,
  });
}

/** By image name. Few of the many combinations of findings that there could be occur: each is kept once. */
async function rowsOf(
  path: string,
  { classes, classOf, labelOf }: MatchedLabels,
  faults: Faults,
): Promise<Map<string, Row>> {
  const file = basename(path);
  const rows = new Map<string, Row>();
  const combinations = new Map<string, readonly number[] | string>();
  const patients = new Map<string, string>();
  let columns: Readonly<Record<"Image Index" | "Finding Labels" | "Patient ID", number>> | undefined;
  for await (const { line, cells } of csvRows(path)) {
    if (columns === undefined) {
      columns = columnsOf(cells, ["Image Index", "Finding Labels", "Patient ID"], path);
      continue;
    }
    const [id, findings, patient] = [
      cells[columns["Image Index"]],
      cells[columns["Finding Labels"]] ?? "",
      cells[columns["Patient ID"]] ?? "",
    ];
    let labels = combinations.get(findings);
    if (labels === undefined) {
      labels = labelsFrom(findings);
      combinations.set(findings, labels);
    }
    const where = `${file}, line ${line}`;
    const earlier = rows.get(id);
    if (!isName(id)) faults.report(where, `${JSON.stringify(id)} is no name of a picture`);
    else if (earlier !== undefined) faults.report(where, `${id} was in line ${earlier.line} already`);
    else if (patient === "") faults.report(where, `${id} has no patient`);
    else if (typeof labels === "string") faults.report(where, labels);
    else {
      if (!patients.has(patient)) patients.set(patient, patient);
      rows.set(id, { id, line, patient: patients.get(patient)!, labels });
    }
  }
  if (columns === undefined) columnsOf(undefined, ["Image Index"], path);
  return rows;

  function labelsFrom(findings: string): readonly number[] | string {
    const names = findings.split("|").map((name) => name.trim());
    const own = names.map((name) => (name === "" ? undefined : labelOf(name)));
    const stranger = own.indexOf(undefined);
    if (stranger >= 0)
      return `the finding ${JSON.stringify(names[stranger])} is none of ${[...nihLabels, NONE].join(", ")}`;
    if (own.includes(NONE) && own.length > 1) return `${NONE} stands beside another finding: ${findings}`;
    const answers = [...nihLabels, NONE].flatMap((label) => {
      const index = classOf(label);
      return index === undefined ? [] : [[index, own.includes(label) ? "yes" : "no"] as const];
    });
    return labelsOf(classes.length, answers).labels;
  }
}

/** A name, and no path. */
const isName = (id: string | undefined): id is string => id !== undefined && /^[^\\/:\0]+\.png$/i.test(id);

/** Rows of the pictures in a list, in its order. */
async function chosenOf(
  path: string,
  rows: ReadonlyMap<string, Row>,
  table: string,
  faults: Faults,
): Promise<Row[]> {
  const chosen = new Map<string, Row>();
  for await (const { line, cells } of csvRows(path)) {
    const [id] = cells;
    const row = rows.get(id);
    const where = `${basename(path)}, line ${line}`;
    if (row === undefined) faults.report(where, `${JSON.stringify(id)} is not in ${table}`);
    else if (chosen.has(id)) faults.report(where, `${id} is there twice`);
    else chosen.set(id, row);
  }
  if (chosen.size === 0 && faults.skipped.length === 0) {
    throw new KitError("E_DATASET_EMPTY", { problem: `${path} lists no picture`, next: layout });
  }
  return [...chosen.values()];
}

/**
 * Boxes by image. The header is `Image Index,Finding Label,Bbox [x,y,w,h],,,`: a name with commas in it and no quotes, so columns are
 * told by their position, and the header's may be more or fewer than the rows have.
 */
async function boxesOf(
  path: string,
  rows: ReadonlyMap<string, Row>,
  { classOf, labelOf }: MatchedLabels,
  faults: Faults,
): Promise<{ readonly of: ReadonlyMap<string, readonly Box[]>; readonly notes: readonly string[] }> {
  const file = basename(path);
  const of = new Map<string, Box[]>();
  const boxed = new Set<string>();
  const foreign = new Map<string, number>();
  let [header, total, unlike] = [true, 0, 0];
  for await (const { line, cells } of csvRows(path)) {
    if (header) {
      header = false;
      if (!/^image index$/i.test(cells[0] ?? "") || !/^finding label/i.test(cells[1] ?? "")) {
        throw new KitError("E_TABLE", {
          problem: `${path}, line 1: does not begin with Image Index, Finding Label`,
          details: [`its columns: ${cells.join(", ").slice(0, 500)}`],
          next: "expected Image Index,Finding Label,Bbox [x,y,w,h],,, as NIH ships it",
        });
      }
      continue;
    }
    const where = `${file}, line ${line}`;
    const [id, finding = "", ...sides] = cells;
    const [x, y, w, h] = sides.map((side) => (side === "" ? Number.NaN : Number(side)));
    const row = rows.get(id);
    const label = labelOf(finding);
    if (row === undefined) faults.report(where, `${JSON.stringify(id)} is not in the table of pictures`);
    else if (label === undefined)
      faults.report(where, `the finding ${JSON.stringify(finding)} is none of ${nihLabels.join(", ")}`);
    else if (![x, y, w, h].every(Number.isFinite))
      faults.report(where, `x, y, w, h are not four numbers: ${sides.join(", ")}`);
    else if (w <= 0 || h <= 0) faults.report(where, `the box has the size ${w} x ${h}`);
    else {
      const box = clipBox(
        { class: classOf(label) ?? 0, x0: x, y0: y, x1: x + w, y1: y + h },
        { width: SIDE, height: SIDE },
      );
      if (typeof box === "string") {
        faults.report(where, box);
        continue;
      }
      total++;
      boxed.add(id);
      const index = classOf(label);
      if (index === undefined) foreign.set(label, (foreign.get(label) ?? 0) + 1);
      else {
        if (!row.labels.includes(index)) unlike++;
        of.set(id, [...(of.get(id) ?? []), { ...box, class: index }]);
      }
    }
  }
  const count = `${total} boxes on ${boxed.size} pictures`;
  return {
    of,
    notes: [
      ...(total === published.boxes && boxed.size === published.boxed
        ? []
        : [`${file} has ${count}; published are ${published.boxes} on ${published.boxed}`]),
      ...(foreign.size > 0
        ? [
            `boxes left out, of labels that the model does not have: ${[...foreign].map(([label, n]) => `${n} of ${label}`).join(", ")}`,
          ]
        : []),
      ...(unlike > 0 ? [`${unlike} boxes of findings that the table does not name for their picture`] : []),
    ],
  };
}

/** The folder of each picture, whichever of the published layouts it is. */
async function placesOf(root: string): Promise<Map<string, string>> {
  const parts = (await namesIn(root)).filter((name) => /^images(_\d+)?$/.test(name));
  const folders = parts.flatMap((name) => [join(root, name), join(root, name, "images")]);
  const places = new Map<string, string>();
  for (const folder of folders)
    for (const name of await namesIn(folder)) if (!places.has(name)) places.set(name, folder);
  return places;
}
