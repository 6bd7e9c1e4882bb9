/** Samples that are one picture file each, known beforehand and opened one at a time. */
import { KitError } from "../../errors.ts";
import type { Box, Mask, Sample, SampleInfo } from "../dataset.ts";
import { decodeImage8 } from "../readers/image.ts";
import { clipBox } from "./coco.ts";
import type { Faults } from "./folder-files.ts";

/** Boxes, and the size of the picture that they were drawn on, as far as that is told. */
export interface Annotation {
  readonly width?: number;
  readonly height?: number;
  /** the picture may be a copy that was rescaled, as a whole, from that size: boxes are too */
  readonly rescaled?: boolean;
  readonly boxes: readonly Box[];
}

export interface ImageFile extends SampleInfo {
  readonly path: string;
  readonly annotation?: Annotation | (() => Promise<Annotation>);
  readonly masks?: () => Promise<readonly Mask[]>;
}

/** @param positions  in `items`, in the order wanted */
export async function* readImageFiles(
  items: readonly ImageFile[],
  positions: readonly number[],
  faults: Faults,
): AsyncGenerator<Sample> {
  for (const position of positions) {
    const sample = await open(items[position], faults);
    if (sample !== undefined) yield sample;
  }
}

/** One sample without the annotations that are at fault; undefined if its picture is. */
async function open(
  { id, group, labels, unknown, path, annotation: told, masks: readMasks }: ImageFile,
  faults: Faults,
): Promise<Sample | undefined> {
  const decoded = await orReport(id, decodeImage8(path), faults);
  if (decoded === undefined) return undefined;
  const { notes: decided, ...image } = decoded;
  const notes = [...decided];
  const size = `${image.width} x ${image.height}`;

  const boxes: Box[] = [];
  const annotation = typeof told === "function" ? await orReport(id, told(), faults) : told;
  const declared = `${annotation?.width ?? image.width} x ${annotation?.height ?? image.height}`;
  const rescaled = annotation?.rescaled === true && declared !== size;
  if (rescaled) notes.push(`boxes scaled from ${declared} to ${size}`);
  if (declared !== size && !rescaled) {
    faults.report(id, `the annotations say ${declared}, the picture is ${size}`);
  } else {
    for (const box of rescaled ? scaledTo(image, annotation) : (annotation?.boxes ?? [])) {
      const cut = clipBox(box, image);
      if (typeof cut === "string") faults.report(id, cut);
      else boxes.push(cut);
    }
  }
  const masks = ((readMasks && (await orReport(id, readMasks(), faults))) ?? []).filter((mask) => {
    const fits = mask.width === image.width && mask.height === image.height;
    if (!fits) faults.report(id, `its mask is ${mask.width} x ${mask.height}, the picture ${size}`);
    return fits;
  });
  return {
    id,
    group,
    labels,
    ...(unknown && { unknown }),
    image,
    ...(boxes.length > 0 && { boxes }),
    ...(masks.length > 0 && { masks }),
    notes,
  };
}

function scaledTo(
  image: { readonly width: number; readonly height: number },
  { width = image.width, height = image.height, boxes }: Annotation,
): Box[] {
  const [across, down] = [image.width / width, image.height / height];
  return boxes.map(({ class: index, x0, y0, x1, y1 }) => ({
    class: index,
    x0: x0 * across,
    y0: y0 * down,
    x1: x1 * across,
    y1: y1 * down,
  }));
}

async function orReport<T>(id: string, reading: Promise<T>, faults: Faults): Promise<T | undefined> {
  try {
    return await reading;
  } catch (error) {
    if (!(error instanceof KitError)) throw error;
    faults.report(id, error.message, error);
    return undefined;
  }
}
