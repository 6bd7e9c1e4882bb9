/**
 * Lung CT slices of the Iraq-Oncology Teaching Hospital / National Center for Cancer Diseases, in three folders of JPEGs. The set has no
 * masks; whoever has drawn some gives them with `--masks`.
 */
import { KitError } from "../errors.ts";
import { defineDataset } from "./dataset.ts";
import { openClassFolders } from "./shared/class-folders.ts";
import { classMatcher } from "./shared/class-names.ts";
import { listed } from "./shared/folder-files.ts";

/** As the folders are called, the first with its publisher's spelling. */
const classes = [
  { name: "benign", folders: ["Bengin cases", "Benign cases"] },
  { name: "malignant", folders: ["Malignant cases"] },
  { name: "normal", folders: ["Normal cases"] },
] as const;

/** Pictures of each class in the copy that is public; the description speaks of 1,190. */
const published = [120, 561, 416];
const described = 1190;

const layout = `expected ${classes.map(({ folders }) => `"${folders[0]}"`).join(", ")} with JPEGs in them`;

export const iqOthnccd = defineDataset({
  id: "iq-othnccd",
  title: "IQ-OTH/NCCD, lung cancer CT",
  paper: "doi:10.17632/bhmdr45bh2.4",
  licence: "CC BY 4.0",
  where: "Mendeley Data, bhmdr45bh2, or its copy on Kaggle; unpacked, it has three folders of JPEGs",
  track: "ct",
  ids: "private",
  lacks: ["split", "masks"],
  reads: ["boxes", "masks"],
  params: {},
  offers: ["iq-othnccd[:<path>]"],
  resolve: (rest) => ({
    id: "iq-othnccd",
    base: "iq-othnccd",
    title: iqOthnccd.title,
    open: (options) =>
      openClassFolders(rest === "" ? options.dir : rest, options, {
        id: "iq-othnccd",
        base: "iq-othnccd",
        title: iqOthnccd.title,
        track: "ct",
        licence: iqOthnccd.licence,
        ids: "private",
        layout,
        classesOf,
        editionOf,
      }),
  }),
});

/** The three classes in the order of the model's outputs. */
function classesOf(names: readonly string[], given: readonly string[] | undefined, dir: string) {
  const order = given ?? classes.map(({ name }) => name);
  const match = classMatcher(order);
  const labels = new Map<string, number>();
  const missing: string[] = [];
  for (const { name, folders } of classes) {
    const found = names.filter((folder) => (folders as readonly string[]).includes(folder));
    const label = [name, ...folders].map(match).find((index) => index !== undefined);
    if (label === undefined) {
      throw new KitError("E_DATASET_CLASSES", {
        problem: `none of the model's classes is ${name}`,
        details: [`the model's: ${listed(order)}`],
        next: `name them in the model card, in the order of its outputs: ${classes.map((c) => c.name).join(", ")}`,
      });
    }
    if (found.length === 0) missing.push(folders[0]);
    for (const folder of found) labels.set(folder, label);
  }
  const others = names.filter((folder) => !labels.has(folder));
  if (missing.length > 0 || others.length > 0) {
    throw new KitError("E_DATASET_FORMAT", {
      problem: `${dir} is not IQ-OTH/NCCD as it is published`,
      details: [
        ...(missing.length > 0 ? [`no folder ${listed(missing)}`] : []),
        ...(others.length > 0 ? [`folders that it does not have: ${listed(others)}`] : []),
      ],
      next: layout,
    });
  }
  return { classes: order, labels };
}

function editionOf(counts: readonly number[]) {
  const total = counts.reduce((sum, n) => sum + n, 0);
  const sorted = (values: readonly number[]) => [...values].sort((a, b) => a - b).join();
  const known = sorted(counts) === sorted(published);
  return {
    edition: known ? "public copy, 1,097 slices" : `${total} slices`,
    notes: [
      ...(known
        ? []
        : [
            `${total} slices, ${counts.join(" + ")}; the public copy has ${published.join(" + ")}, its description speaks of ${described}`,
          ]),
      "patients are not told, and have several slices each: any division of this set by slices has the same patients on both sides",
    ],
  };
}
