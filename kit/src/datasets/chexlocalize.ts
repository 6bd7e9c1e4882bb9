/**
 * CheXlocalize: what radiologists drew on the validation and test pictures of CheXpert, a mask for each of ten findings
 * (doi:10.1038/s42256-022-00536-x). Masks come from `gt_segmentations_<split>.json` (COCO run lengths); where that is not there, from the
 * polygons of `gt_annotations_<split>.json`. Salient points, which are other radiologists' answers and no truth, are not
 * read.
 *
 * The files are read whole: they hold some tens of MB of text, of which the run lengths are kept and the masks, 6 MB each, are
 * made only for the picture being read.
 */
import { readFile, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { KitError } from "../errors.ts";
import { chexpertLabels, datasetOf, type Row, readChexpert, viewsOf } from "./chexpert.ts";
import { defineDataset, type Mask, type Split } from "./dataset.ts";
import { fillPolygons, type Polygon, polygonsOf } from "./readers/polygons.ts";
import { anyOf, fillRuns, runsOf } from "./readers/rle.ts";
import { labelsOf, type MatchedLabels, matchLabels, spaceOf } from "./shared/chest-labels.ts";
import { type Faults, listed, unusable } from "./shared/folder-files.ts";
import type { ImageFile } from "./shared/image-files.ts";
import { firstFile, gathering, rootOf } from "./shared/table-files.ts";

/** In the order of the publisher's code, "Airspace Opacity" called as in CheXpert's tables. */
export const chexlocalizeLabels: readonly string[] = [
  "Enlarged Cardiomediastinum",
  "Cardiomegaly",
  "Lung Lesion",
  "Lung Opacity",
  "Edema",
  "Consolidation",
  "Atelectasis",
  "Pneumothorax",
  "Pleural Effusion",
  "Support Devices",
];

/** JSON is read whole; the published files have a tenth of this. */
const MAX_JSON_BYTES = 256 * 2 ** 20;

const layout =
  "expected gt_segmentations_<split>.json in the folder or in CheXlocalize/, beside CheXpert/ with the pictures and their table";

export const chexlocalize = defineDataset({
  id: "chexlocalize",
  title: "CheXlocalize, masks of chest radiographs",
  paper: "doi:10.1038/s42256-022-00536-x",
  licence: "Stanford University Dataset Research Use Agreement (research only, no redistribution)",
  where:
    "Stanford AIMI Shared Datasets, CheXlocalize, after registration and its Research Use Agreement: two folders, CheXpert (val and test pictures, labels) and CheXlocalize (masks)",
  track: "cxr",
  ids: "private",
  reads: ["uncertain", "labelSpace"],
  params: {},
  offers: ["chexlocalize[:<path>]", "chexlocalize-all-views[:<path>]"],
  resolve: (rest) => {
    const { views, path } = viewsOf(rest);
    const id = views === "frontal" ? "chexlocalize" : "chexlocalize-all-views";
    const title = views === "frontal" ? chexlocalize.title : `${chexlocalize.title}, lateral views too`;
    return {
      id,
      base: id,
      title,
      async open(options) {
        const { split = "test", classes: given, labelSpace } = options;
        if (split === "train") {
          throw new KitError("E_DATASET_SPLIT", {
            problem: "CheXlocalize has masks for the val and test pictures of CheXpert, none for train",
            next: "say --split val or --split test, or --data chexpert",
          });
        }
        const root = await rootOf(path ?? options.dir, "chexlocalize", layout);
        const faults = gathering(options.onFault);
        const { file, drawn, note } = await drawingsOf(root, split, faults);
        const labels = (given ?? labelSpace) === undefined ? chexlocalizeLabels : chexpertLabels;
        const files = await readChexpert(root, split, views, options, {
          labels,
          faults,
          instead: { file, rows: (matched) => rowsOf(drawn, matched) },
        });
        const { classOf } = matchLabels("CheXlocalize", labels, given, { space: spaceOf(labelSpace) });
        const strangers = [...drawn.keys()].filter((key) => !files.ids.has(key));
        const beyond = files.items.flatMap((item) =>
          (drawn.get(item.id) ?? []).filter(({ label }) => {
            const index = classOf(label);
            return index !== undefined && !item.labels.includes(index);
          }),
        ).length;
        return datasetOf({
          ...files,
          id,
          title,
          split,
          items: files.items.map((item) => withMasks(item, drawn.get(item.id) ?? [], classOf)),
          edition: `${files.edition}; ${note === undefined ? "published masks" : "masks from polygons"}${files.hasTable ? "" : "; labels from the masks"}`,
          notes: [
            ...files.notes,
            ...(note === undefined ? [] : [note]),
            ...(files.hasTable
              ? []
              : [`labels are from the masks of ${file}: there is no table of ${split}`]),
            ...(strangers.length > 0 ? [`drawn on, but not in the table: ${listed(strangers)}`] : []),
            ...(beyond > 0 ? [`${beyond} masks of labels that the table does not call present`] : []),
          ],
        });
      },
    };
  },
});

/** What was drawn of one finding on one picture; never empty. */
interface Region {
  readonly label: string;
  readonly height: number;
  readonly width: number;
  readonly shape: { readonly counts: unknown } | { readonly polygons: readonly Polygon[] };
}

type Drawings = ReadonlyMap<string, readonly Region[]>;

/** By picture: what was drawn on it; an entry without regions was looked at, and nothing found. */
async function drawingsOf(
  root: string,
  split: Split,
  faults: Faults,
): Promise<{ readonly file: string; readonly drawn: Drawings; readonly note?: string }> {
  const folders = [
    root,
    join(root, "CheXlocalize"),
    join(root, "chexlocalize"),
    join(root, "chexlocalize", "CheXlocalize"),
  ];
  const names = { masks: `gt_segmentations_${split}.json`, polygons: `gt_annotations_${split}.json` };
  const masks = await firstFile(root, folders, [names.masks]);
  const found = masks ?? (await firstFile(root, folders, [names.polygons]));
  if (found === undefined) {
    throw new KitError("E_DATASET_MISSING", {
      problem: `there is no ${names.masks} in ${root}, nor ${names.polygons}`,
      next: layout,
    });
  }
  const file = basename(found.path);
  const drawn = new Map<string, readonly Region[]>();
  for (const [id, entry] of Object.entries(await jsonOf(found.path))) {
    if (!/^patient\d+_study\d+_view\d+_(frontal|lateral)$/.test(id)) {
      faults.report(
        file,
        `${JSON.stringify(id)} is not patient<number>_study<number>_view<number>_<frontal or lateral>`,
      );
    } else if (!isRecord(entry)) faults.report(`${file}, ${id}`, "has no findings");
    else
      drawn.set(
        id,
        masks === undefined ? polygonRegions(file, id, entry, faults) : maskRegions(file, id, entry, faults),
      );
  }
  return {
    file,
    drawn,
    ...(masks === undefined && {
      note: `masks are the polygons of ${file}, filled (even-odd, pixel centres): ${names.masks} is not there, whose masks have the outlines too`,
    }),
  };
}

const { labelOf } = matchLabels("CheXlocalize", chexlocalizeLabels, undefined);

function maskRegions(file: string, id: string, entry: Json, faults: Faults): Region[] {
  const regions: Region[] = [];
  for (const [task, mask] of Object.entries(entry)) {
    const where = `${file}, ${id}, ${task}`;
    const label = labelOf(task);
    if (label === undefined) faults.report(where, `is none of ${chexlocalizeLabels.join(", ")}`);
    else if (!isRecord(mask) || !Array.isArray(mask.size) || mask.size.length !== 2) {
      faults.report(where, 'is not {"size": [height, width], "counts"}');
    } else {
      const [height, width] = mask.size;
      const runs = runsOf(mask.counts, height, width);
      if (typeof runs === "string") faults.report(where, runs);
      else if (anyOf(runs)) regions.push({ label, height, width, shape: { counts: mask.counts } });
    }
  }
  return regions;
}

function polygonRegions(file: string, id: string, entry: Json, faults: Faults): Region[] {
  const size = entry.img_size;
  if (!Array.isArray(size) || size.length !== 2) {
    faults.report(`${file}, ${id}`, "img_size is not [height, width]");
    return [];
  }
  const [height, width] = size;
  const regions: Region[] = [];
  for (const [task, contours] of Object.entries(entry)) {
    if (task === "img_size") continue;
    const where = `${file}, ${id}, ${task}`;
    const label = labelOf(task);
    const polygons = polygonsOf(contours, height, width);
    if (label === undefined) faults.report(where, `is none of ${chexlocalizeLabels.join(", ")}`);
    else if (typeof polygons === "string") faults.report(where, polygons);
    else if (polygons.length > 0) regions.push({ label, height, width, shape: { polygons } });
  }
  return regions;
}

/** Pictures and their labels where only the drawings tell of them: what was drawn is present, of the ten all else is absent. */
function rowsOf(drawn: Drawings, { classes, classOf }: MatchedLabels): Row[] {
  return [...drawn].map(([id, regions]) => {
    const [patient, study, view] = id.split(/_(?=study|view)/);
    const answers = chexlocalizeLabels.flatMap((label) => {
      const index = classOf(label);
      const yes = regions.some((region) => region.label === label);
      return index === undefined ? [] : [[index, yes ? "yes" : "no"] as const];
    });
    return {
      id,
      name: id,
      patient,
      frontal: view.endsWith("frontal"),
      own: join(patient, study, `${view}.jpg`),
      ...labelsOf(classes.length, answers),
    };
  });
}

function withMasks(
  item: ImageFile,
  regions: readonly Region[],
  classOf: (label: string) => number | undefined,
): ImageFile {
  const own = regions.flatMap((region) => {
    const index = classOf(region.label);
    return index === undefined ? [] : [{ ...region, index }];
  });
  if (own.length === 0) return item;
  return {
    ...item,
    annotated: own.some(({ index }) => item.labels.includes(index)),
    masks: async () =>
      own.map(
        ({ index, height, width, shape }): Mask => ({
          class: index,
          height,
          width,
          data:
            "polygons" in shape
              ? fillPolygons(shape.polygons, height, width)
              : fillRuns(runsOf(shape.counts, height, width) as readonly number[], height, width),
        }),
      ),
  };
}

type Json = Readonly<Record<string, unknown>>;

const isRecord = (value: unknown): value is Json =>
  typeof value === "object" && value !== null && !Array.isArray(value);

async function jsonOf(path: string): Promise<Json> {
  const { size } = await stat(path);
  if (size > MAX_JSON_BYTES) {
    throw unusable(
      `${path} has ${Math.round(size / 2 ** 20)} MiB; no file of CheXlocalize has over ${MAX_JSON_BYTES / 2 ** 20}`,
    );
  }
  let value: unknown;
  try {
    value = JSON.parse((await readFile(path, "utf8")).replace(/^\uFEFF/, ""));
  } catch (cause) {
    throw unusable(`${path} is not JSON: ${cause instanceof Error ? cause.message : cause}`, cause);
  }
  if (!isRecord(value)) throw unusable(`${path} is not a JSON object`);
  return value;
}
