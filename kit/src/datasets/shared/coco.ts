/** Boxes from COCO annotation files (https://cocodataset.org/#format-data); segmentations are not read. */
import { KitError } from "../../errors.ts";
import type { Box } from "../dataset.ts";

export interface CocoImage {
  /** as declared; the decoded picture must agree */
  readonly width?: number;
  readonly height?: number;
  readonly boxes: readonly Box[];
}

export interface Coco {
  /** by `file_name` */
  readonly images: ReadonlyMap<string, CocoImage>;
  /** "annotations[7]: ..." */
  readonly faults: readonly string[];
  /** names of categories that are no class of ours, and how many boxes that left out */
  readonly foreign: ReadonlyMap<string, number>;
}

/** Boxes may stick out by this many pixels: annotation tools round. They are clipped. */
const TOLERANCE = 1;

/**
 * Reads annotations against a list of pictures.
 *
 * @param text     the JSON
 * @param where    names the file in errors
 * @param classOf  class index of a category's name (of its id in digits, where the file has no names)
 * @throws         KitError E_COCO if it is no COCO file at all; faults of single entries are returned
 */
export function parseCoco(text: string, where: string, classOf: (name: string) => number | undefined): Coco {
  const { images, annotations, categories } = sections(text, where);
  const faults: string[] = [];

  const byId = new Map<unknown, { name: string; width?: number; height?: number; boxes: Box[] }>();
  const names = new Set<string>();
  for (const [i, image] of images.entries()) {
    const at = `images[${i}]`;
    const { id, file_name: name, width, height } = image;
    const sizes = [width, height].filter((side) => side !== undefined);
    if (!isId(id)) faults.push(`${at}: id is not a number or text`);
    else if (byId.has(id)) faults.push(`${at}: id ${id} is used twice`);
    else if (typeof name !== "string" || name === "") faults.push(`${at}: file_name is missing`);
    else if (!inside(name)) faults.push(`${at}: file_name ${name} leads out of the folder`);
    else if (names.has(plain(name))) faults.push(`${at}: file_name ${name} is listed twice`);
    else if (sizes.some((side) => typeof side !== "number" || !Number.isInteger(side) || side < 1)) {
      faults.push(`${at}: width and height are not positive whole numbers`);
    } else {
      names.add(plain(name));
      byId.set(id, {
        name: plain(name),
        ...(typeof width === "number" && { width }),
        ...(typeof height === "number" && { height }),
        boxes: [],
      });
    }
  }

  const nameOf = new Map<unknown, string>();
  for (const [i, { id, name }] of categories.entries()) {
    if (!isId(id) || nameOf.has(id)) faults.push(`categories[${i}]: id ${String(id)} is none or used twice`);
    else nameOf.set(id, typeof name === "string" ? name : String(id));
  }

  const foreign = new Map<string, number>();
  const seen = new Set<unknown>();
  for (const [i, { id, image_id, category_id, bbox }] of annotations.entries()) {
    const at = `annotations[${i}]`;
    if (id !== undefined && seen.has(id)) {
      faults.push(`${at}: id ${String(id)} is used twice`);
      continue;
    }
    seen.add(id);
    const image = byId.get(image_id);
    const category = nameOf.get(category_id) ?? (categories.length === 0 ? String(category_id) : undefined);
    if (image === undefined) faults.push(`${at}: no image has the id ${String(image_id)}`);
    else if (category === undefined) faults.push(`${at}: no category has the id ${String(category_id)}`);
    else {
      const index = classOf(category);
      if (index === undefined) foreign.set(category, (foreign.get(category) ?? 0) + 1);
      else {
        const box = boxOf(bbox, index, image);
        if (typeof box === "string") faults.push(`${at} (${image.name}): ${box}`);
        else image.boxes.push(box);
      }
    }
  }
  return { images: new Map([...byId.values()].map(({ name, ...image }) => [name, image])), faults, foreign };
}

/** The box, or what is wrong with it. Sides that are not declared are checked once the picture is open. */
function boxOf(bbox: unknown, index: number, size: { width?: number; height?: number }): Box | string {
  if (!Array.isArray(bbox) || bbox.length !== 4 || !bbox.every(Number.isFinite)) {
    return "bbox is not four numbers [x, y, width, height]";
  }
  const [x, y, w, h] = bbox as number[];
  if (w <= 0 || h <= 0) return `bbox has the size ${w} x ${h}`;
  return clipBox({ class: index, x0: x, y0: y, x1: x + w, y1: y + h }, size);
}

/** The box cut to the picture, or what is wrong with it. */
export function clipBox(box: Box, { width, height }: { width?: number; height?: number }): Box | string {
  const { x0, y0, x1, y1 } = box;
  const right = width ?? Number.POSITIVE_INFINITY;
  const bottom = height ?? Number.POSITIVE_INFINITY;
  const over = Math.max(-x0, -y0, x1 - right, y1 - bottom);
  const cut = {
    ...box,
    x0: Math.max(0, x0),
    y0: Math.max(0, y0),
    x1: Math.min(right, x1),
    y1: Math.min(bottom, y1),
  };
  if (over > TOLERANCE || cut.x1 <= cut.x0 || cut.y1 <= cut.y0) {
    const sides = width === undefined || height === undefined ? "picture" : `${width} x ${height} picture`;
    return `bbox from (${x0}, ${y0}) to (${x1}, ${y1}) leaves the ${sides}`;
  }
  return cut;
}

type Row = Readonly<Record<string, unknown>>;

function sections(
  text: string,
  where: string,
): Record<"images" | "annotations" | "categories", readonly Row[]> {
  const bad = (problem: string, cause?: unknown) =>
    new KitError("E_COCO", {
      problem: `${where} ${problem}`,
      next: 'expected a COCO file: {"images": [{id, file_name}], "annotations": [{image_id, category_id, bbox}], "categories": [{id, name}]}',
      cause,
    });
  let root: unknown;
  try {
    root = JSON.parse(text);
  } catch (cause) {
    throw bad(`is not JSON: ${cause instanceof Error ? cause.message : cause}`, cause);
  }
  if (!isRow(root)) throw bad("is not a JSON object");
  const section = (name: string): readonly Row[] => {
    const rows = root[name] ?? (name === "categories" ? [] : undefined);
    if (!Array.isArray(rows)) throw bad(`has no list "${name}"`);
    const wrong = rows.findIndex((row) => !isRow(row));
    if (wrong >= 0) throw bad(`has something else than an object at ${name}[${wrong}]`);
    return rows;
  };
  return {
    images: section("images"),
    annotations: section("annotations"),
    categories: section("categories"),
  };
}

const isRow = (value: unknown): value is Row =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const isId = (id: unknown): id is number | string => typeof id === "number" || typeof id === "string";

/** `./a//b.png` as `a/b.png`, composed as ids are. */
export const plain = (name: string) =>
  name
    .split("/")
    .filter((part) => part !== "" && part !== ".")
    .join("/")
    .normalize("NFC");

/** Whether a name that a file gives leads nowhere but further in. */
export const inside = (name: string) => !/^([a-z]:|[\\/])/i.test(name) && !name.split(/[\\/]/).includes("..");
