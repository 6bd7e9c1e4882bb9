/**
 * CheXpert: JPEGs in `<split>/patient…/study…/`, and a table of 14 labels of each (arXiv:1901.07031). Labels of train come
 * from reports, those of val and test from radiologists.
 *
 * A blank is a label that nobody spoke of, and counts neither way, as -1 (not certain) does by default; except that
 * "No Finding" says no to every blank but Support Devices, which may be there without any, and a finding says no to a
 * blank "No Finding". Whoever trains on blanks as "absent" will see other figures on train; val and test have none.
 *
 * Opening looks for every picture and opens none: 40 s and 0.5 GB for the 223,414 rows of train on two cores, of which
 * 0.14 GB stay.
 */
import { basename, join } from "node:path";
import { KitError } from "../errors.ts";
import { type Dataset, type DatasetOptions, defineDataset, type Split } from "./dataset.ts";
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
import { type ImageFile, readImageFiles } from "./shared/image-files.ts";
import {
  firstFile,
  type Gathering,
  gathering,
  inTurns,
  namesIn,
  partsOf,
  placeOf,
  presentOf,
  rootOf,
} from "./shared/table-files.ts";

/** In the order of the tables that Stanford ships. */
export const chexpertLabels: readonly string[] = [
  "No Finding",
  "Enlarged Cardiomediastinum",
  "Cardiomegaly",
  "Lung Opacity",
  "Lung Lesion",
  "Edema",
  "Consolidation",
  "Pneumonia",
  "Atelectasis",
  "Pneumothorax",
  "Pleural Effusion",
  "Pleural Other",
  "Fracture",
  "Support Devices",
];

/** What is published, every view counted: 224,316 pictures of 65,240 patients. */
const published: Readonly<Record<Split, { readonly images: number; readonly patients: number }>> = {
  train: { images: 223_414, patients: 64_540 },
  val: { images: 234, patients: 200 },
  test: { images: 668, patients: 500 },
};

/** Tables and folders of a split: as in CheXpert-v1.0, in CheXlocalize's copy, and as the test labels were released by themselves. */
const tables: Readonly<Record<Split, readonly string[]>> = {
  train: ["train.csv"],
  val: ["valid.csv", "val_labels.csv", "val.csv"],
  test: ["test_labels.csv", "test.csv", "groundtruth.csv"],
};
const folders: Readonly<Record<Split, readonly string[]>> = {
  train: ["train"],
  val: ["valid", "val"],
  test: ["test"],
};

export type Views = "frontal" | "all-views";

const licence = "Stanford University Dataset Research Use Agreement (research only, no redistribution)";

export const chexpert = defineDataset({
  id: "chexpert",
  title: "CheXpert, chest radiographs",
  paper: "arXiv:1901.07031",
  licence,
  where:
    "Stanford AIMI Shared Datasets, after registration and its Research Use Agreement: CheXpert-v1.0 or CheXpert-v1.0-small (train, valid); test pictures and labels come with CheXlocalize",
  track: "cxr",
  ids: "private",
  lacks: ["masks"],
  reads: ["uncertain", "labelSpace"],
  params: {},
  offers: ["chexpert[:<path>]", "chexpert-all-views[:<path>]"],
  resolve: (rest) => {
    const { views, path } = viewsOf(rest);
    const id = views === "frontal" ? "chexpert" : "chexpert-all-views";
    const title = views === "frontal" ? chexpert.title : `${chexpert.title}, lateral views too`;
    return {
      id,
      base: id,
      title,
      open: async (options) => {
        const { split = "test" } = options;
        const root = await rootOf(path ?? options.dir, "chexpert", layoutOf(split));
        return datasetOf({ id, title, split, ...(await readChexpert(root, split, views, options)) });
      },
    };
  },
});

/** `all-views:<path>`, `all-views` or a path. */
export function viewsOf(rest: string): { readonly views: Views; readonly path?: string } {
  const [, all, path] = /^(all-views(?::|$))?(.*)$/s.exec(rest)!;
  return { views: all === undefined ? "frontal" : "all-views", ...(path !== "" && { path }) };
}

/** What the pictures and tables of a split hold. */
export interface ChexpertFiles {
  readonly root: string;
  readonly classes: readonly string[];
  readonly items: readonly ImageFile[];
  readonly edition: string;
  readonly notes: readonly string[];
  /** of all views, with or without their pictures */
  readonly ids: ReadonlySet<string>;
  readonly hasTable: boolean;
  /** pictures are missing */
  readonly partial: boolean;
  readonly faults: Gathering;
}

export interface Row {
  /** patient64541_study1_view1_frontal */
  readonly id: string;
  readonly name: string;
  readonly patient: string;
  readonly frontal: boolean;
  /** below the folder of the split */
  readonly own: string;
  readonly labels: readonly number[];
  readonly unknown: readonly number[];
}

/** What else than CheXpert's own tables a reader of its pictures may have. */
export interface Besides {
  /** the set's labels; default CheXpert's, whose values are in the tables */
  readonly labels?: readonly string[];
  readonly faults?: Gathering;
  /** where there is no table */
  readonly instead?: { readonly file: string; rows(matched: MatchedLabels): readonly Row[] };
}

/**
 * Tables, and where the pictures are: none is opened.
 *
 * @throws KitError E_DATASET_MISSING, E_TABLE, E_DATASET_CLASSES
 */
export async function readChexpert(
  root: string,
  split: Split,
  views: Views,
  { classes: given, uncertain = "ignore", labelSpace, onFault }: DatasetOptions,
  { labels = chexpertLabels, faults = gathering(onFault), instead }: Besides = {},
): Promise<ChexpertFiles> {
  const layout = layoutOf(split);
  const copies = await copiesOf(root);
  const table = await firstFile(root, copies, tables[split]);
  if (table === undefined && instead === undefined) {
    throw new KitError("E_DATASET_MISSING", {
      problem: `there is no table of the ${split} split in ${root}`,
      details: [`looked for ${tables[split].join(", ")} there and in folders called CheXpert…`],
      next: layout,
    });
  }
  const matched = matchLabels("CheXpert", labels, given, { space: spaceOf(labelSpace) });
  const bases = [...new Set([...(table === undefined ? [] : [table.folder]), ...copies])].flatMap((copy) => [
    ...folders[split].map((name) => join(copy, name)),
    // the full set comes in several parts, each with patients in it
    ...(/ batch \d/.test(basename(copy)) ? [copy] : []),
  ]);
  const file = table === undefined ? instead!.file : basename(table.path);
  const rows =
    table === undefined
      ? instead!.rows(matched)
      : await rowsOf(table.path, bases, matched, uncertain, faults);

  const wanted = rows.filter(({ frontal }) => views === "all-views" || frontal);
  const placed = await inTurns(wanted, async (row) => ({
    ...row,
    place: await placeOf(
      root,
      bases.map((base) => join(base, row.own)),
    ),
  }));
  const items = presentOf(placed, file, faults, layout)
    .map(
      ({ id, patient, labels: own, unknown, place }): ImageFile => ({
        id,
        group: patient,
        labels: own,
        unknown,
        annotated: false,
        path: place.path,
      }),
    )
    .sort((a, b) => (a.id < b.id ? -1 : 1));

  const patients = new Set(rows.map(({ patient }) => patient)).size;
  const counted = countedOf(rows.length, patients);
  const known = published[split];
  const partial = items.length < wanted.length;
  const complete =
    table !== undefined && !partial && rows.length === known.images && patients === known.patients;
  const here = partial
    ? `, ${items.length.toLocaleString("en")} of ${wanted.length.toLocaleString("en")} here`
    : "";
  const small = rows.some(({ name }) => name.startsWith("CheXpert-v1.0-small/"));
  const unsure = { ignore: "neither way", one: "as present", zero: "as absent" }[uncertain];
  return {
    root,
    classes: matched.classes,
    items,
    edition: `CheXpert-v1.0${small ? "-small" : ""}, ${complete ? "as published" : "not as published"}: ${counted}${here}; ${views === "frontal" ? "frontal views" : "all views"}; uncertain labels count ${unsure}, blank ones neither way${inSpace(labelSpace)}`,
    notes: [
      ...matched.notes,
      ...(complete
        ? []
        : [
            `${file} has ${counted}; the published ${split} split has ${countedOf(known.images, known.patients)}`,
          ]),
      ...(rows.length > wanted.length
        ? [`${rows.length - wanted.length} lateral views left out; the set all-views has them`]
        : []),
      `labels that were not certain (-1) count ${unsure}; blank ones count neither way, except that "No Finding" says no to blanks, and a finding to a blank "No Finding"`,
    ],
    ids: new Set(rows.map(({ id }) => id)),
    hasTable: table !== undefined,
    partial,
    faults,
  };
}

const countedOf = (images: number, patients: number) =>
  `${images.toLocaleString("en")} pictures of ${patients.toLocaleString("en")} patients`;

export const layoutOf = (split: Split) =>
  `expected ${tables[split].join(" or ")}, and ${folders[split].map((name) => `${name}/`).join(" or ")} with patient…/study…/*.jpg, as Stanford ships them`;

/** The folder itself, and those in it that hold a copy or a part of one. */
async function copiesOf(root: string): Promise<string[]> {
  const below = async (folder: string) =>
    (await namesIn(folder)).filter((name) => /^chexpert/i.test(name)).map((name) => join(folder, name));
  const parts = [...(await below(root)), ...(await below(join(root, "chexlocalize")))];
  return [root, ...parts, ...(await Promise.all(parts.map(below))).flat()];
}

const { labelOf } = matchLabels("CheXpert", chexpertLabels, undefined);

async function rowsOf(
  path: string,
  bases: readonly string[],
  { classOf, classes }: MatchedLabels,
  uncertain: NonNullable<DatasetOptions["uncertain"]>,
  faults: Faults,
): Promise<Row[]> {
  const file = basename(path);
  const rows: Row[] = [];
  const lines = new Map<string, number>();
  // Labels come in few combinations, patients in several rows: kept once each.
  const combinations = new Map<string, ReturnType<typeof labelsOf>>();
  let header: { at: number; column: Record<string, number>; studies: boolean; view: number } | undefined;
  for await (const { line, cells } of csvRows(path)) {
    if (header === undefined) {
      const studies = !cells.includes("Path") && cells.includes("Study");
      const titles = cells.map((cell) => labelOf(cell) ?? cell); // "Airspace Opacity", in tables of CheXlocalize's time
      const column = columnsOf(titles, [studies ? "Study" : "Path", ...chexpertLabels], path);
      header = {
        at: column[studies ? "Study" : "Path"],
        column,
        studies,
        view: cells.indexOf("Frontal/Lateral"),
      };
      continue;
    }
    const { at, column, studies, view } = header;
    const where = `${file}, line ${line}`;
    const parts = partsOf(cells[at] ?? "");
    const depth = parts === undefined ? -1 : parts.findIndex((part) => /^patient\d+$/.test(part));
    const tail = depth < 0 ? [] : parts!.slice(depth);
    if (parts === undefined)
      faults.report(where, `the path ${JSON.stringify(cells[at])} is none, or leads out of the folder`);
    else if (tail.length !== (studies ? 2 : 3)) {
      faults.report(
        where,
        `the path ${cells[at]} is not …/patient<number>/<study>${studies ? "" : "/<picture>"}`,
      );
    }
    if (tail.length !== (studies ? 2 : 3)) continue;

    const answers: Answer[] = [];
    const wrong = chexpertLabels.filter((label, i) => {
      const answer = answerOf(cells[column[label]]);
      if (answer !== "none") answers[i] = answer === "unsure" ? certainly[uncertain] : answer;
      return answer === "none";
    });
    if (wrong.length > 0) {
      const [label] = wrong;
      faults.report(
        where,
        `${label} is ${JSON.stringify(cells[column[label]] ?? "")}, and neither 1, 0, -1 nor blank`,
      );
      continue;
    }
    const key = answers.join();
    let said = combinations.get(key);
    if (said === undefined) {
      said = labelsOf(
        classes.length,
        implied(answers).flatMap((answer, i) => {
          const index = classOf(chexpertLabels[i]);
          return index === undefined ? [] : [[index, answer] as const];
        }),
        uncertain,
      );
      combinations.set(key, said);
    }

    const pictures = studies ? await picturesOf(bases, tail) : [tail[2]];
    if (pictures.length === 0) faults.report(where, `no picture of ${tail.join("/")} is there`);
    for (const picture of pictures) {
      const id = [tail[0], tail[1], picture.replace(/\.[^.]*$/, "")].join("_");
      const seen = lines.get(id);
      if (seen !== undefined) {
        faults.report(where, `${cells[at]} was in line ${seen} already`);
        continue;
      }
      lines.set(id, line);
      const told = view < 0 ? "" : (cells[view] ?? "");
      const frontal = /^frontal$/i.test(told) || (told === "" && /frontal/i.test(picture));
      if (!frontal && !/^lateral$/i.test(told) && !(told === "" && /lateral/i.test(picture))) {
        faults.report(where, `neither the table nor ${picture} says whether it is frontal or lateral`);
        continue;
      }
      rows.push({
        id,
        name: studies ? `${cells[at]}/${picture}` : cells[at],
        patient: tail[0],
        frontal,
        own: join(tail[0], tail[1], picture),
        ...said,
      });
    }
  }
  if (header === undefined) columnsOf(undefined, ["Path"], path);
  return rows;
}

/** Of a table of studies: the pictures in a study's folder. */
async function picturesOf(bases: readonly string[], study: readonly string[]): Promise<string[]> {
  for (const base of bases) {
    const names = (await namesIn(join(base, ...study))).filter((name) => /\.(jpe?g|png)$/i.test(name));
    if (names.length > 0) return names;
  }
  return [];
}

function answerOf(cell: string | undefined): Answer | "none" {
  if (cell === undefined) return "none"; // a row cut off is not a row of blanks
  if (cell === "") return undefined;
  const [, value] = /^(1|0|-1)(?:\.0*)?$/.exec(cell) ?? [];
  return value === undefined ? "none" : ({ 1: "yes", 0: "no", "-1": "unsure" } as const)[value as "1"];
}

const certainly = { ignore: "unsure", one: "yes", zero: "no" } as const;

/** What an answer on one label says of those that were left blank. */
function implied(answers: readonly Answer[]): Answer[] {
  const none = chexpertLabels.indexOf("No Finding");
  const devices = chexpertLabels.indexOf("Support Devices");
  const finding = answers.some((answer, i) => answer === "yes" && i !== none && i !== devices);
  return chexpertLabels.map((_, i) => {
    const blank = answers[i] === undefined;
    if (blank && i === none && finding) return "no";
    if (blank && answers[none] === "yes" && i !== devices) return "no";
    return answers[i];
  });
}

/** The open set, once all of its faults are told. */
export function datasetOf({
  id,
  title,
  split,
  root,
  classes,
  items,
  edition,
  notes,
  faults,
  partial,
}: ChexpertFiles & {
  readonly id: string;
  readonly title: string;
  readonly split: Split;
}): Dataset {
  const settled = faults.settle(root);
  return {
    id,
    base: id,
    title,
    edition,
    track: "cxr",
    // a part of a split is not that split
    split: partial ? "unknown" : split,
    task: "multi-label",
    classes,
    licence,
    ids: "private",
    count: items.length,
    index: async () =>
      items.map(({ id: own, group, labels, unknown, annotated }) => ({
        id: own,
        group,
        labels,
        unknown,
        annotated,
      })),
    read: (wanted) => readImageFiles(items, positionsOf(id, items, wanted), settled),
    notes,
    skipped: settled.skipped,
    close: async () => undefined,
  };
}
