/**
 * Resampling as the training pipelines do it. `resize8` is Pillow's `Image.resize` on 8-bit data to the bit, and so
 * torchvision's `Resize` on a PIL image; `bilinear` is `torch.nn.functional.interpolate(mode="bilinear",
 * align_corners=False, antialias=False)` on floats. An image library's own resize differs from both by up to 20 of
 * 255, which is enough to change what a model sees.
 */
import { bilinear as bilinearPlane } from "../../model/image.ts";
import type { Image8 } from "./image8.ts";

interface Kernel {
  /** half its width in source pixels at scale 1 */
  readonly support: number;
  readonly weight: (x: number) => number;
}

const sinc = (x: number) => (x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x));

const kernels = {
  bilinear: { support: 1, weight: (x) => Math.max(0, 1 - Math.abs(x)) },
  /** Keys' cubic with a = -0.5 (OpenCV and torch without antialias use -0.75) */
  bicubic: {
    support: 2,
    weight: (signed) => {
      const a = -0.5;
      const x = Math.abs(signed);
      if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
      if (x < 2) return (((x - 5) * x + 8) * x - 4) * a;
      return 0;
    },
  },
  lanczos: { support: 3, weight: (x) => (x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0) },
} satisfies Record<string, Kernel>;

export type ResizeFilter = keyof typeof kernels;

export const resizeFilters = Object.keys(kernels) as readonly ResizeFilter[];

/** Pillow's fixed point: 32 bits less 8 for the value and 2 for overshoot. */
const PRECISION = 22;

/** For each output position: the first source position and the fixed-point weights from there on. */
interface Taps {
  readonly first: Int32Array;
  readonly weights: readonly Int32Array[];
}

function taps(from: number, to: number, { support, weight }: Kernel): Taps {
  const scale = from / to;
  const stretch = Math.max(scale, 1); // the kernel widens when shrinking: that is the antialiasing
  const reach = support * stretch;
  const first = new Int32Array(to);
  const weights = Array.from({ length: to }, (_, i) => {
    const centre = (i + 0.5) * scale;
    const low = Math.max(0, Math.trunc(centre - reach + 0.5));
    const high = Math.min(from, Math.trunc(centre + reach + 0.5));
    // `* (1 / stretch)`, not `/ stretch`: Pillow's rounding.
    const raw = Array.from({ length: high - low }, (_, k) =>
      weight((k + low - centre + 0.5) * (1 / stretch)),
    );
    const sum = raw.reduce((total, w) => total + w, 0);
    first[i] = low;
    return Int32Array.from(raw, (w) => {
      const fixed = (sum === 0 ? w : w / sum) * 2 ** PRECISION;
      return Math.trunc(fixed < 0 ? fixed - 0.5 : fixed + 0.5);
    });
  });
  return { first, weights };
}

/**
 * Resamples `lines` rows of `from` values each along the row, writing them out transposed: two calls resize a plane.
 */
function passTransposed(
  source: Uint8Array,
  lines: number,
  from: number,
  to: number,
  kernel: Kernel,
): Uint8Array {
  const out = new Uint8Array(lines * to);
  const { first, weights } = taps(from, to, kernel);
  for (let i = 0; i < to; i++) {
    const w = weights[i];
    for (let line = 0; line < lines; line++) {
      const start = line * from + first[i];
      let sum = 1 << (PRECISION - 1);
      for (let k = 0; k < w.length; k++) sum += source[start + k] * w[k];
      out[i * lines + line] = Math.min(255, Math.max(0, sum >> PRECISION));
    }
  }
  return out;
}

/**
 * Pillow's `image.resize((width, height), filter)`: antialiased when shrinking, bit-exact with Pillow 9.4.
 * Horizontal pass first, rounded to 8 bits between the passes, as there.
 *
 * Cost: channels · (H·w·taps_x + w·h·taps_y); 451x300 → 224x224 takes some 10 ms.
 */
export function resize8(image: Image8, height: number, width: number, filter: ResizeFilter): Image8 {
  checkSize(height, width);
  if (height === image.height && width === image.width) return image;
  const { channels } = image;
  const data = new Uint8Array(channels * height * width);
  const kernel = kernels[filter];
  const plane = image.height * image.width;
  for (let c = 0; c < channels; c++) {
    const source = image.data.subarray(c * plane, (c + 1) * plane);
    const narrow = passTransposed(source, image.height, image.width, width, kernel); // [width, H]
    data.set(passTransposed(narrow, width, image.height, height, kernel), c * height * width);
  }
  return { channels, height, width, data };
}

/** Planes of float values, as tensors hold them. */
export interface Planes {
  readonly channels: number;
  readonly height: number;
  readonly width: number;
  /** [channels, height, width] */
  readonly data: Float32Array;
}

/**
 * Bilinear interpolation between pixel centres (half-pixel, align_corners=false), edges clamped, no antialiasing:
 * shrinking by more than 2 skips pixels, as torch's default does.
 */
export function bilinear(image: Planes, height: number, width: number): Planes {
  checkSize(height, width);
  const plane = image.height * image.width;
  const data = new Float32Array(image.channels * height * width);
  for (let c = 0; c < image.channels; c++) {
    const source = image.data.subarray(c * plane, (c + 1) * plane);
    data.set(bilinearPlane(source, image.height, image.width, height, width), c * height * width);
  }
  return { channels: image.channels, height, width, data };
}

function checkSize(height: number, width: number) {
  if (!(Number.isInteger(height) && Number.isInteger(width) && height > 0 && width > 0)) {
    throw new RangeError(`cannot resize to ${height}x${width}`);
  }
}
