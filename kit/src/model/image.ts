/**
 * Images as the kit computes with them: float32 [C,H,W] in pixel space [0, 1], and the three reference images that stand for "no
 * information". Platform-free.
 */
import { type Float32Tensor, float32 } from "../onnx/tensor.ts";

export interface ImageShape {
  readonly channels: number;
  readonly height: number;
  readonly width: number;
}

/** What the cost of a method may depend on: the size of the image, and of the layer CAM methods read. */
export interface Surface extends ImageShape {
  /** undefined where the model has no spatial grid */
  readonly cam?: { readonly channels: number; readonly rows: number; readonly columns: number };
}

export const shapeOfImage = ({ dims: [channels, height, width] }: Float32Tensor): ImageShape => ({
  channels,
  height,
  width,
});

export type ReferenceKind = "mean" | "black" | "blur";
export const referenceKinds = ["mean", "black", "blur"] as const satisfies readonly ReferenceKind[];

/** One colour everywhere: [C,H,W] from `colour[c]`. */
export function constantImage(
  { channels, height, width }: ImageShape,
  colour: readonly number[],
): Float32Tensor {
  const data = new Float32Array(channels * height * width);
  for (let c = 0; c < channels; c++) data.fill(colour[c], c * height * width, (c + 1) * height * width);
  return float32([channels, height, width], data);
}

/**
 * Gaussian blur with reflected edges (…2 1 0 | 0 1 2…), sigma in pixels, cut at 4 sigma. Separable: rows, then columns.
 */
export function blurred(image: Float32Tensor, sigma: number): Float32Tensor {
  const { channels, height, width } = shapeOfImage(image);
  const radius = Math.max(1, Math.ceil(4 * sigma));
  const kernel = Array.from({ length: 2 * radius + 1 }, (_, i) =>
    Math.exp(-((i - radius) ** 2) / (2 * sigma ** 2)),
  );
  const total = kernel.reduce((s, v) => s + v, 0);
  const rows = new Float64Array(image.data.length);
  const out = new Float32Array(image.data.length);
  // every sum is over k in its order, whatever the order of the loops: the bits depend on it
  const across = reflections(width, radius);
  const down = reflections(height, radius);
  const sums = new Float64Array(width);
  for (let c = 0; c < channels; c++) {
    const at = c * height * width;
    for (let i = 0; i < height; i++) {
      const row = image.data.subarray(at + i * width, at + (i + 1) * width);
      for (let j = 0; j < width; j++) {
        let sum = 0;
        for (let k = 0; k < kernel.length; k++) sum += kernel[k] * row[across[j + k]];
        rows[at + i * width + j] = sum / total;
      }
    }
    for (let i = 0; i < height; i++) {
      sums.fill(0);
      for (let k = 0; k < kernel.length; k++) {
        const from = at + down[i + k] * width;
        for (let j = 0; j < width; j++) sums[j] += kernel[k] * rows[from + j];
      }
      for (let j = 0; j < width; j++) out[at + i * width + j] = sums[j] / total;
    }
  }
  return float32(image.dims, out);
}

/** The pixel that stands at each place from −radius to length + radius. */
const reflections = (length: number, radius: number): Int32Array =>
  Int32Array.from({ length: length + 2 * radius }, (_, i) => reflected(i - radius, length));

function reflected(index: number, length: number): number {
  const period = 2 * length;
  const folded = ((index % period) + period) % period;
  return folded < length ? folded : period - 1 - folded;
}

/** `r + h ⊙ (x − r)` with one weight per pixel: what stands wherever a paper multiplies an image by a map. */
export function keep(x: Float32Tensor, h: Float32Array, reference: Float32Tensor): Float32Tensor {
  const pixels = h.length;
  const out = new Float32Array(x.data.length);
  for (let at = 0; at < out.length; at += pixels) {
    for (let p = 0; p < pixels; p++) {
      const r = reference.data[at + p];
      out[at + p] = r + h[p] * (x.data[at + p] - r);
    }
  }
  return float32(x.dims, out);
}

/**
 * Bilinear resize of one plane, half-pixel centres, edges clamped, no antialiasing (torch `align_corners=False`, OpenCV INTER_LINEAR).
 *
 * @param alignCorners  corner values lie in the corner pixels' centres instead (torch `align_corners=True`)
 */
export function bilinear(
  plane: Float32Array,
  height: number,
  width: number,
  toHeight: number,
  toWidth: number,
  alignCorners = false,
): Float32Array {
  // along the rows first, each of them once
  const wide = new Float64Array(height * toWidth);
  for (let j = 0; j < toWidth; j++) {
    const [left, right, u] = between(j, width, toWidth, alignCorners);
    for (let i = 0; i < height; i++) {
      wide[i * toWidth + j] = plane[i * width + left] * (1 - u) + plane[i * width + right] * u;
    }
  }
  const out = new Float32Array(toHeight * toWidth);
  for (let i = 0; i < toHeight; i++) {
    const [top, bottom, v] = between(i, height, toHeight, alignCorners);
    for (let j = 0; j < toWidth; j++) {
      out[i * toWidth + j] = wide[top * toWidth + j] * (1 - v) + wide[bottom * toWidth + j] * v;
    }
  }
  return out;
}

/** The two neighbours of target pixel `i` and the weight of the second. */
function between(i: number, from: number, to: number, alignCorners: boolean): [number, number, number] {
  const place = alignCorners ? (i * (from - 1)) / Math.max(to - 1, 1) : ((i + 0.5) * from) / to - 0.5;
  const at = Math.min(Math.max(place, 0), from - 1);
  const low = Math.floor(at);
  return [low, Math.min(low + 1, from - 1), at - low];
}
