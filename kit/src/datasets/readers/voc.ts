/**
 * Boxes as PASCAL VOC annotates them: one XML file per picture, or the same as JSON. VOC counts pixels from 1 and includes both ends (its
 * devkit's `VOCreadxml` and evaluation), so a box of xmin 1, xmax 2 covers the first two columns: x0 = 0, x1 = 2 here. What counts from 0
 * says so by `origin`. A DOCTYPE is refused: no publisher has one, and entities are what it is good for.
 */
import { readFile, stat } from "node:fs/promises";
import { SaxesParser } from "saxes";
import { KitError } from "../../errors.ts";

export interface VocObject {
  /** where it begins in its file: "line 12" */
  readonly at: string;
  readonly name: string;
  readonly x0: number;
  readonly y0: number;
  readonly x1: number;
  readonly y1: number;
}

export interface Voc {
  readonly filename?: string;
  readonly width?: number;
  readonly height?: number;
  readonly objects: readonly VocObject[];
  /** objects and sizes that are wrong: "line 12: ..." */
  readonly faults: readonly string[];
}

/** The number of the first pixel of a row. */
export type Origin = 0 | 1;

/** Real files have a few kilobytes. */
/** Annotations have four. */
const MAX_DEPTH = 16;

const MAX_BYTES = 2 ** 20;

/** @throws KitError E_VOC if it cannot be read, is no well-formed XML, or no annotation */
export async function readVoc(path: string, origin: Origin = 1): Promise<Voc> {
  try {
    const { size } = await stat(path);
    if (size > MAX_BYTES) throw bad(path, `has ${size} bytes, too many for the annotation of one picture`);
    const text = new TextDecoder("utf-8", { fatal: true }).decode(await readFile(path));
    return parseVoc(text, path, origin);
  } catch (cause) {
    if (cause instanceof KitError) throw cause;
    throw bad(path, `cannot be read (${cause instanceof Error ? cause.message : cause})`, cause);
  }
}

/** What an annotation says, before it is checked; values are text. */
type Told = {
  filename?: string;
  size: { at: string; width?: string; height?: string };
  objects: { at: string; name?: string; bndbox?: Record<string, string> }[];
  faults: string[];
};

/**
 * One annotation.
 *
 * @param where  names the file in errors
 * @throws       KitError E_VOC if it is no well-formed XML, or no annotation
 */
export function parseVoc(text: string, where: string, origin: Origin = 1): Voc {
  const told: Told = { size: { at: "" }, objects: [], faults: [] };
  const parser = new SaxesParser({ position: true });
  const path: string[] = [];
  let value = "";
  const at = () => `line ${parser.line}`;
  const set = (target: Record<string, unknown>, key: string) => {
    if (target[key] !== undefined) told.faults.push(`${at()}: a second <${key}>`);
    else target[key] = value.trim();
  };
  parser.on("error", (cause) => {
    throw bad(
      `${where}, ${at()}`,
      `is not well-formed: ${cause.message.replace(/^(\S*:)?\d+:\d+: /, "")}`,
      cause,
    );
  });
  parser.on("doctype", () => {
    throw bad(`${where}, ${at()}`, "has a DOCTYPE, which annotations do not need");
  });
  parser.on("opentag", ({ name }) => {
    path.push(name);
    value = "";
    if (path.length > MAX_DEPTH) throw bad(`${where}, ${at()}`, `nests elements more than ${MAX_DEPTH} deep`);
    if (path.length === 1 && name !== "annotation") throw bad(`${where}, ${at()}`, `begins with <${name}>`);
    const own = path.join("/");
    if (own === "annotation/object") told.objects.push({ at: at() });
    else if (own === "annotation/size") told.size.at = at();
    else if (own === "annotation/object/bndbox") {
      const object = told.objects.at(-1)!;
      if (object.bndbox) told.faults.push(`${at()}: a second <bndbox> of one object`);
      else object.bndbox = {};
    }
  });
  parser.on("text", (part) => {
    value += part;
  });
  parser.on("cdata", (part) => {
    value += part;
  });
  parser.on("closetag", () => {
    const own = path.join("/");
    const key = path.pop()!;
    const object = told.objects.at(-1);
    if (own === "annotation/filename") set(told, key);
    else if (own === "annotation/size/width" || own === "annotation/size/height") set(told.size, key);
    else if (own === "annotation/object/name") set(object!, key);
    else if (/^annotation\/object\/bndbox\/[xy](min|max)$/.test(own)) set(object!.bndbox!, key);
    value = "";
  });
  parser.write(text).close();
  return checked(told, origin);
}

/** Whether a JSON text is annotations of this kind (COCO's begin with other keys). */
export const isVocJson = (text: string): boolean => /^\uFEFF?\s*(\[\s*)?\{\s*"annotation"\s*:/.test(text);

/**
 * The same as JSON, as torchvision's `VOCDetection` and xmltodict hand it on: `{"annotation": {filename, size, object}}`, or a list of
 * such; `object` is a list, or the only object. Values may be text or numbers.
 *
 * @throws KitError E_VOC if it is no such JSON
 */
export function parseVocJson(text: string, where: string, origin: Origin = 1): { at: string; voc: Voc }[] {
  let root: unknown;
  try {
    root = JSON.parse(text.replace(/^\uFEFF/, ""));
  } catch (cause) {
    throw bad(where, `is not JSON: ${cause instanceof Error ? cause.message : cause}`, cause);
  }
  const list = Array.isArray(root) ? root : [root];
  return list.map((entry: unknown, i) => {
    const place = Array.isArray(root) ? `[${i}].annotation` : "annotation";
    const annotation = isRow(entry) ? entry.annotation : undefined;
    if (!isRow(annotation)) throw bad(`${where}, ${place}`, "is not an object");
    const { filename, size, object } = annotation;
    const objects = object === undefined || object === null ? [] : Array.isArray(object) ? object : [object];
    const told: Told = {
      ...(typeof filename === "string" && { filename }),
      size: { at: `${place}.size`, ...(isRow(size) && textsOf(size, ["width", "height"])) },
      objects: objects.map((one: unknown, k) => ({
        at: `${place}.object[${k}]`,
        ...(isRow(one) && {
          ...textsOf(one, ["name"]),
          ...(isRow(one.bndbox) && { bndbox: textsOf(one.bndbox, sides) }),
        }),
      })),
      faults: [],
    };
    return { at: place, voc: checked(told, origin) };
  });
}

const sides = ["xmin", "ymin", "xmax", "ymax"] as const;

const textsOf = <Key extends string>(row: Readonly<Record<string, unknown>>, keys: readonly Key[]) =>
  Object.fromEntries(
    keys.flatMap((key) => {
      const value = row[key];
      return typeof value === "string" || typeof value === "number" ? [[key, String(value).trim()]] : [];
    }),
  ) as { [K in Key]?: string } as Record<Key, string>;

const isRow = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function checked(told: Told, origin: Origin): Voc {
  const { filename, size } = told;
  const faults = [...told.faults];
  const objects: VocObject[] = [];
  for (const { at, name, bndbox } of told.objects) {
    if (name === undefined || name === "") faults.push(`${at}: an object without a name`);
    else if (bndbox === undefined) faults.push(`${at}: ${name} has no bndbox`);
    else {
      const [xmin, ymin, xmax, ymax] = sides.map((side) => numberOf(bndbox[side]));
      const wrong = sides.find((side) => Number.isNaN(numberOf(bndbox[side])));
      if (wrong) faults.push(`${at}: ${wrong} of ${name} is ${bndbox[wrong] ?? "missing"}, not a number`);
      else if (xmax < xmin || ymax < ymin) {
        faults.push(`${at}: the box of ${name} ends before it begins: ${xmin}, ${ymin}, ${xmax}, ${ymax}`);
      } else {
        const first = (v: number) => v - origin;
        const end = (v: number) => v - origin + 1;
        objects.push({ at, name, x0: first(xmin), y0: first(ymin), x1: end(xmax), y1: end(ymax) });
      }
    }
  }
  const lengths = [size.width, size.height].filter((side) => side !== undefined);
  const whole = lengths.map(Number).filter((side) => Number.isInteger(side) && side > 0);
  if (whole.length !== lengths.length || lengths.length === 1) {
    faults.push(`${size.at}: the size ${size.width ?? "?"} x ${size.height ?? "?"} is none`);
  }
  return {
    ...(filename !== undefined && filename !== "" && { filename }),
    ...(whole.length === 2 && { width: whole[0], height: whole[1] }),
    objects,
    faults,
  };
}

const numberOf = (text: string | undefined): number =>
  text !== undefined && /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d{1,2})?$/i.test(text) ? Number(text) : Number.NaN;

const bad = (where: string, problem: string, cause?: unknown) =>
  new KitError("E_VOC", {
    problem: `${where} ${problem}`,
    next: "expected PASCAL VOC: <annotation> with <filename>, <size> and an <object> with <name> and <bndbox> for each box",
    cause,
  });
