/** From a data set's image and annotations to the model's pixel space. */
import type { Box, Mask, Sample } from "../datasets/dataset.ts";
import { type Image8, toUnit } from "../datasets/readers/image8.ts";
import { type ResizeFilter, resize8 } from "../datasets/readers/resize.ts";
import { KitError } from "../errors.ts";
import { maskOfBoxes } from "../metrics/metric.ts";
import { bilinear, type ImageShape } from "../model/image.ts";
import { type Float32Tensor, float32 } from "../onnx/tensor.ts";
import type { ModelCard } from "../schemas.generated.ts";

export type Resize = NonNullable<NonNullable<ModelCard["input"]>["resize"]>;

/** torchvision's and Pillow's way; what a card without `resize` gets. */
export const defaultResize: Resize = { method: "pillow-bilinear" };

/** The scaled image and where the input lies on it: input pixel (i, j) is its pixel (i + top, j + left). */
interface Placement {
  readonly height: number;
  readonly width: number;
  readonly top: number;
  readonly left: number;
}

/** The size an image is scaled to before the centre crop; a stretch to the input size without `resizeTo`. */
function placement(
  image: { height: number; width: number },
  shape: ImageShape,
  { resizeTo }: Resize,
): Placement {
  if (resizeTo === undefined) return { height: shape.height, width: shape.width, top: 0, left: 0 };
  const shorter = Math.min(image.height, image.width);
  const scaled = (side: number) => Math.max(1, Math.trunc((side * resizeTo) / shorter));
  const [height, width] = [scaled(image.height), scaled(image.width)];
  return {
    height,
    width,
    top: cropped(height - shape.height),
    left: cropped(width - shape.width),
  };
}

/** What torchvision's CenterCrop leaves out before the crop: half of it, rounded to even; when it has to pad, the smaller half. */
function cropped(surplus: number): number {
  const half = Math.trunc(surplus / 2);
  return surplus > 0 && surplus % 2 === 1 && half % 2 === 1 ? half + 1 : half;
}

/**
 * The image as the model is shown it: float32 [C,H,W] in [0, 1], resized, cropped (black outside), grey repeated or colour turned to
 * luma (ITU-R 601, as Pillow's "L") where the channels differ.
 *
 * @throws KitError E_MODEL_INPUT when the model takes neither 1 nor 3 channels
 */
export function pixelsOf(image: Image8, shape: ImageShape, resize: Resize): Float32Tensor {
  const place = placement(image, shape, resize);
  const scaled = resized(inChannels(image, shape.channels), place, resize.method);
  const data = new Float32Array(shape.channels * shape.height * shape.width);
  for (let c = 0; c < shape.channels; c++) {
    for (let i = 0; i < shape.height; i++) {
      const y = i + place.top;
      if (y < 0 || y >= place.height) continue;
      for (let j = 0; j < shape.width; j++) {
        const x = j + place.left;
        if (x < 0 || x >= place.width) continue;
        data[(c * shape.height + i) * shape.width + j] = scaled[(c * place.height + y) * place.width + x];
      }
    }
  }
  return float32([shape.channels, shape.height, shape.width], data);
}

function resized(image: Image8, { height, width }: Placement, method: Resize["method"]): Float32Array {
  if (method !== "bilinear") {
    return toUnit(resize8(image, height, width, method.slice("pillow-".length) as ResizeFilter));
  }
  const unit = toUnit(image);
  if (image.height === height && image.width === width) return unit;
  const plane = image.height * image.width;
  const out = new Float32Array(image.channels * height * width);
  for (let c = 0; c < image.channels; c++) {
    const source = unit.subarray(c * plane, (c + 1) * plane);
    out.set(bilinear(source, image.height, image.width, height, width), c * height * width);
  }
  return out;
}

function inChannels(image: Image8, channels: number): Image8 {
  if (image.channels === channels) return image;
  if (channels !== 1 && channels !== 3) {
    throw new KitError("E_MODEL_INPUT", {
      problem: `the model takes ${channels} channels, images have 1 or 3`,
      next: "evaluate a model of grey or colour images",
    });
  }
  const plane = image.height * image.width;
  if (channels === 3) {
    const data = new Uint8Array(3 * plane);
    for (let c = 0; c < 3; c++) data.set(image.data, c * plane);
    return { ...image, channels: 3, data };
  }
  const data = new Uint8Array(plane);
  for (let i = 0; i < plane; i++) {
    const [r, g, b] = [image.data[i], image.data[plane + i], image.data[2 * plane + i]];
    data[i] = (19595 * r + 38470 * g + 7471 * b + 0x8000) >> 16;
  }
  return { ...image, channels: 1, data };
}

/** The annotation of one class at the input size: the union of its masks, else of its boxes; undefined where the sample has none. */
export function annotationOf(
  { image, masks, boxes }: Pick<Sample, "image" | "masks" | "boxes">,
  label: number,
  shape: ImageShape,
  resize: Resize,
): Uint8Array | undefined {
  const place = placement(image, shape, resize);
  const drawn = masks?.filter((mask) => mask.class === undefined || mask.class === label) ?? [];
  if (drawn.length > 0) {
    const placed = drawn.map((mask) => placedMask(mask, shape, place));
    return placed.reduce((union, mask) => union.map((on, i) => on | mask[i]));
  }
  const own = boxes?.filter((b) => b.class === label);
  if (!own?.length) return undefined;
  return maskOfBoxes(
    own.map((box) => placedBox(box, image, place)),
    shape.height,
    shape.width,
  );
}

/** A box in input coordinates. */
export function placedBox(box: Box, image: { height: number; width: number }, place: Placement): Box {
  const [sx, sy] = [place.width / image.width, place.height / image.height];
  return {
    class: box.class,
    x0: box.x0 * sx - place.left,
    x1: box.x1 * sx - place.left,
    y0: box.y0 * sy - place.top,
    y1: box.y1 * sy - place.top,
  };
}

/** Boxes of one class in input coordinates, for pictures. */
export function boxesOf(
  { image, boxes = [] }: Pick<Sample, "image" | "boxes">,
  label: number,
  shape: ImageShape,
  resize: Resize,
): readonly Box[] {
  const place = placement(image, shape, resize);
  return boxes.filter((b) => b.class === label).map((b) => placedBox(b, image, place));
}

/** Nearest neighbour: each input pixel takes the mask at its centre. */
function placedMask(mask: Mask, shape: ImageShape, place: Placement): Uint8Array {
  const out = new Uint8Array(shape.height * shape.width);
  for (let i = 0; i < shape.height; i++) {
    const y = Math.floor(((i + place.top + 0.5) * mask.height) / place.height);
    if (y < 0 || y >= mask.height) continue;
    for (let j = 0; j < shape.width; j++) {
      const x = Math.floor(((j + place.left + 0.5) * mask.width) / place.width);
      if (x >= 0 && x < mask.width) out[i * shape.width + j] = mask.data[y * mask.width + x];
    }
  }
  return out;
}
