/** Anyone's own pictures, in folders by class. */
import { KitError } from "../errors.ts";
import { defineDataset } from "./dataset.ts";
import { openClassFolders } from "./shared/class-folders.ts";
import { classMatcher } from "./shared/class-names.ts";
import { layout, listed } from "./shared/folder-files.ts";

export const folder = defineDataset({
  id: "folder",
  title: "A folder of pictures by class",
  paper: "https://cocodataset.org/#format-data",
  licence: "the owner's",
  where: `your own: ${layout}; boxes as COCO JSON in <root>/annotations.json, or by --boxes, PASCAL VOC too; masks as PNG in a mirrored tree`,
  track: "own",
  ids: "private",
  reads: ["boxes", "masks"],
  params: {},
  offers: ["folder:<path>"],
  resolve: (rest) => ({
    id: "folder",
    base: "folder",
    open: (options) =>
      openClassFolders(rest === "" ? options.dir : rest, options, {
        id: "folder",
        base: "folder",
        title: folder.title,
        track: "own",
        licence: folder.licence,
        ids: "private",
        layout,
        classesOf,
      }),
  }),
});

/** Class names and the label of each folder. */
function classesOf(names: readonly string[], given: readonly string[] | undefined, dir: string) {
  if (given === undefined) {
    return {
      classes: names.map((name) => name.normalize("NFC")),
      labels: new Map(names.map((name, i) => [name, i])),
    };
  }
  const match = classMatcher(given);
  const labels = new Map(names.map((name) => [name, match(name)]));
  const lost = names.filter((name) => labels.get(name) === undefined);
  if (lost.length > 0) {
    throw new KitError("E_DATASET_CLASSES", {
      problem: `${dir} has folders that are none of the model's ${given.length} classes`,
      details: [listed(lost), `the model's: ${listed(given)}`],
      next: `name each folder after its class, or after its index (0 to ${given.length - 1})`,
    });
  }
  const byLabel = new Map<number, string>();
  for (const [name, label] of labels as Map<string, number>) {
    const other = byLabel.get(label);
    if (other !== undefined) {
      throw new KitError("E_DATASET_CLASSES", {
        problem: `the folders ${other} and ${name} of ${dir} are the same class ${label} (${given[label]})`,
        next: "put their pictures into one folder",
      });
    }
    byLabel.set(label, name);
  }
  return { classes: given, labels: labels as Map<string, number> };
}
