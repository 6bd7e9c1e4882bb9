/**
 * Pictures in folders by class, `<root>/<class>/<image>`, with boxes (COCO JSON, PASCAL VOC) or masks (a mirrored tree of PNGs) if there are
 * some: what `folder` and sets that are published so have in common. Ids are `<class folder>/<file>`, sorted by code unit, so neither disk nor
 * locale can change the order.
 */
import { createHash } from "node:crypto";
import { readFile, realpath, stat } from "node:fs/promises";
import { basename, extname, join } from "node:path";
import { KitError } from "../../errors.ts";
import type { Dataset, DatasetOptions, Mask } from "../dataset.ts";
import { decodeImage8 } from "../readers/image.ts";
import { isVocJson, parseVocJson } from "../readers/voc.ts";
import { positionsOf } from "../select.ts";
import { classMatcher } from "./class-names.ts";
import { type CocoImage, parseCoco } from "./coco.ts";
import { childFolders, type Faults, filesIn, folderOf, isMissing, listed, unusable } from "./folder-files.ts";
import { type ImageFile, readImageFiles } from "./image-files.ts";
import { gathering } from "./table-files.ts";
import { type VocBoxes, vocBoxes, vocFilesIn } from "./voc.ts";

/** A set of this form: what is not read off the disk. */
export interface ClassFolders extends Pick<Dataset, "id" | "base" | "title" | "track" | "licence" | "ids"> {
  /** what an error says of the form that was expected */
  readonly layout: string;
  /** Class names, and the label of each folder. Throws for folders that are no class. */
  classesOf(
    names: readonly string[],
    given: readonly string[] | undefined,
    dir: string,
  ): { readonly classes: readonly string[]; readonly labels: ReadonlyMap<string, number> };
  /** Which copy this is, by the number of pictures of each class. */
  editionOf?(counts: readonly number[]): { readonly edition: string; readonly notes: readonly string[] };
}

/**
 * @param dir  where the class folders are
 * @throws     KitError E_DATASET_MISSING, E_DATASET_EMPTY, E_DATASET_CLASSES, E_DATASET_FORMAT
 */
export async function openClassFolders(
  dir: string | undefined,
  options: DatasetOptions,
  set: ClassFolders,
): Promise<Dataset> {
  const root = await rootOf(dir, set);
  const notes: string[] = [];
  const collect = gathering(options.onFault);

  const maskRoot = options.masks === undefined ? undefined : await folderOf(options.masks, "--masks");
  const boxRoot =
    options.boxes === undefined ? undefined : await realpath(options.boxes).catch(() => undefined);
  const aside = new Set([maskRoot, boxRoot]);
  const names = (await childFolders(root, collect)).filter((name) => !aside.has(join(root, name)));
  if (names.length === 0) {
    throw new KitError("E_DATASET_EMPTY", { problem: `no class folders in ${dir}`, next: set.layout });
  }
  const { classes, labels } = set.classesOf(names, options.classes, String(dir));

  const others: string[] = [];
  const files: { id: string; label: number; path: string }[] = [];
  for (const name of names) {
    for (const file of await filesIn(root, name, collect, others)) {
      files.push({
        id: `${name}/${file}`.normalize("NFC"),
        label: labels.get(name)!,
        path: join(root, name, file),
      });
    }
  }
  if (files.length === 0) {
    throw new KitError("E_DATASET_EMPTY", {
      problem: `no pictures in the class folders of ${dir}`,
      details: others.length === 0 ? [] : [`not pictures by their names: ${listed(others)}`],
      next: set.layout,
    });
  }
  if (others.length > 0) notes.push(`not read: ${listed(others)}`);
  const unique = new Set<string>();
  for (const { id } of files) {
    if (unique.has(id)) throw unusable(`two files of ${dir} have the same name ${id} in composed Unicode`);
    unique.add(id);
  }

  const coco = await boxesOf(root, options.boxes, classMatcher(classes), unique, collect, notes);
  const masks = maskRoot === undefined ? undefined : await masksOf(maskRoot, unique, collect, notes);
  const items: ImageFile[] = files.map(({ id, label, path }) => {
    const image = coco?.get(id);
    const mask = masks?.get(stem(id));
    const annotated = mask !== undefined || (image?.boxes.length ?? 0) > 0;
    return {
      id,
      group: id,
      labels: [label],
      annotated,
      path,
      annotation: image,
      ...(mask !== undefined && { masks: async () => [await maskOf(mask)] }),
    };
  });

  const faults = collect.settle(String(dir));

  const annotations = await digestOf(coco, masks);
  const counts = classes.map((_, label) => items.filter((item) => item.labels[0] === label).length);
  const copy = set.editionOf?.(counts);
  notes.push(...(copy?.notes ?? []));
  return {
    id: set.id,
    base: set.base,
    title: set.title,
    edition: copy?.edition ?? `${items.length} pictures in ${names.length} folders`,
    track: set.track,
    split: "unknown",
    task: classes.length === 2 ? "binary" : "multi-class",
    classes,
    licence: set.licence,
    ids: set.ids,
    ...(annotations && { annotations }),
    count: items.length,
    index: async () =>
      items.map(({ id, group, labels: own, annotated }) => ({ id, group, labels: own, annotated })),
    read: (wanted) => readImageFiles(items, positionsOf(set.id, items, wanted), faults),
    notes,
    skipped: faults.skipped,
    close: async () => undefined,
  };
}

/** Of boxes as they were read, of masks by the names and sizes of their files: opening them all takes too long. */
async function digestOf(
  boxes: ReadonlyMap<string, CocoImage> | undefined,
  masks: ReadonlyMap<string, string> | undefined,
): Promise<string | undefined> {
  if (boxes === undefined && masks === undefined) return undefined;
  const sizes: [string, number][] = [];
  for (const [key, path] of masks ?? []) sizes.push([key, (await stat(path)).size]);
  const text = JSON.stringify([[...(boxes ?? [])].sort(byName), sizes.sort(byName)]);
  return createHash("sha256").update(text).digest("hex");
}

const byName = ([a]: readonly [string, unknown], [b]: readonly [string, unknown]) =>
  a < b ? -1 : a > b ? 1 : 0;

async function boxesOf(
  root: string,
  file: string | undefined,
  classOf: (name: string) => number | undefined,
  ids: ReadonlySet<string>,
  faults: Faults,
  notes: string[],
): Promise<ReadonlyMap<string, CocoImage> | undefined> {
  const path = file ?? join(root, "annotations.json");
  let text: string;
  try {
    if ((await stat(path)).isDirectory()) {
      const found = await vocFilesIn(await realpath(path), faults);
      return known(path, vocBoxes(found, ids, classOf, faults), notes);
    }
    text = await readFile(path, "utf8");
  } catch (cause) {
    if (cause instanceof KitError) throw cause;
    if (file === undefined && isMissing(cause)) return undefined;
    throw unusable(`${path} cannot be read (${cause instanceof Error ? cause.message : cause})`, cause);
  }
  if (isVocJson(text)) {
    const annotations = parseVocJson(text, path).map(({ at, voc }) => ({
      at: `${basename(path)}, ${at}`,
      voc,
    }));
    return known(path, vocBoxes(annotations, ids, classOf, faults), notes);
  }
  const coco = parseCoco(text, path, classOf);
  for (const fault of coco.faults) faults.report(basename(path), fault);
  return known(
    path,
    {
      images: new Map([...coco.images].filter(([name]) => ids.has(name))),
      strangers: [...coco.images.keys()].filter((name) => !ids.has(name)),
      foreign: coco.foreign,
    },
    notes,
  );
}

/** Annotations are often of more pictures than somebody has copied: that is noted, and refused where none is there. */
function known(path: string, { images, strangers, foreign }: VocBoxes, notes: string[]) {
  if (images.size === 0 && strangers.length > 0) {
    throw unusable(`${path} names no picture of the folder, but ${listed(strangers)}`);
  }
  if (strangers.length > 0) notes.push(`annotated, but not in the folder: ${listed(strangers)}`);
  for (const [name, count] of foreign) notes.push(`${count} boxes of ${name}, which is no class, left out`);
  return images;
}

/** Paths of masks by `<class>/<file without extension>`. */
async function masksOf(
  root: string,
  ids: ReadonlySet<string>,
  faults: Faults,
  notes: string[],
): Promise<ReadonlyMap<string, string>> {
  const stems = new Map<string, number>();
  for (const id of ids) stems.set(stem(id), (stems.get(stem(id)) ?? 0) + 1);
  const masks = new Map<string, string>();
  const others: string[] = [];
  for (const name of await childFolders(root, faults)) {
    for (const file of await filesIn(root, name, faults, others)) {
      const key = stem(`${name}/${file}`.normalize("NFC"));
      if (extname(file).toLowerCase() !== ".png" || !stems.has(key)) others.push(`${name}/${file}`);
      else if (stems.get(key) !== 1)
        faults.report(`${name}/${file}`, "the mask could belong to more than one picture");
      else masks.set(key, join(root, name, file));
    }
  }
  if (masks.size === 0) {
    throw new KitError("E_DATASET_EMPTY", {
      problem: `${root} has no mask for any picture`,
      details: others.length === 0 ? [] : [`it has ${listed(others)}`],
      next: "expected <masks>/<class>/<image>.png, named like the pictures",
    });
  }
  if (others.length > 0) notes.push(`not masks of any picture: ${listed(others)}`);
  return masks;
}

const stem = (id: string) => id.slice(0, id.length - extname(id).length);

async function rootOf(dir: string | undefined, { id, layout }: ClassFolders): Promise<string> {
  if (dir === undefined) {
    throw new KitError("E_DATASET_MISSING", {
      problem: `${id} needs to know where the pictures are`,
      details: [layout],
      next: `say ${id}:<path>, or --data-dir <path>`,
    });
  }
  return folderOf(dir, "the folder");
}

/** Above 127 in any channel is the object. */
async function maskOf(path: string): Promise<Mask> {
  const { height, width, data: values } = await decodeImage8(path);
  const data = new Uint8Array(height * width);
  let largest = 0;
  for (const [i, value] of values.entries()) {
    if (value > largest) largest = value;
    if (value > 127) data[i % data.length] = 1;
  }
  if (largest > 0 && largest <= 127) {
    // Saved as 0 and 1, it would pass for an empty mask.
    throw new KitError("E_IMAGE", {
      problem: `${path} has no value above ${largest}; in a mask, 255 is the object`,
      next: "save the mask with 0 and 255",
    });
  }
  return { height, width, data };
}
