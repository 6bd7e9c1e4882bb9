/** An image, alone or under a map, at a size that can be looked at. */
import { type ColourOptions, colourAt, type Heatmap, limitOf, lutOf, position } from "./colour.ts";
import { blank, blendPixel, type IndexedRaster, type Raster, type Rgb } from "./raster.ts";

/** An image in pixel space: [C, H, W] in [0, 1], C = 1 (grey) or 3 (RGB). */
export interface PixelImage {
  readonly channels: number;
  readonly height: number;
  readonly width: number;
  readonly data: Float32Array;
}

export type Resample = "nearest" | "bilinear";

/** What of `image` is seen. `fade` in [0, 1] moves it towards grey and white, so that colours laid over it stand out. */
export interface ImageOptions {
  readonly resample?: Resample;
  readonly fade?: number;
  /** Shown size: an integer factor when enlarging, 1/n when shrinking; see `displayFactor`. */
  readonly factor?: number;
}

export interface OverlayOptions extends ColourOptions, ImageOptions {
  /** `{ most }`: opacity grows with |value| up to `most` (default 0.85); a number: the same everywhere, 1 shows the map alone. */
  readonly opacity?: number | { readonly most: number };
}

/**
 * Factor that brings the shorter side to at least `least` pixels by whole pixels (28 → ×8, 64 → ×4, 224 → ×1), and the longer side of
 * a large image to at most `most` by whole blocks (1024 → 1/2).
 */
export function displayFactor(height: number, width: number, least = 224, most = 640): number {
  const longer = Math.max(height, width);
  if (longer > most) return 1 / Math.ceil(longer / most);
  return Math.max(1, Math.ceil(least / Math.min(height, width)));
}

/** Plane resampled by `factor`: block means when shrinking, `resample` when enlarging. Half-pixel centres, edges repeated. */
export function resizePlane(plane: Heatmap, factor: number, resample: Resample): Heatmap {
  if (factor === 1) return plane;
  const width = factor < 1 ? Math.ceil(plane.width * factor) : plane.width * factor;
  const height = factor < 1 ? Math.ceil(plane.height * factor) : plane.height * factor;
  const data = new Float32Array(width * height);
  const sample = factor < 1 ? blockMean(plane, Math.round(1 / factor)) : enlarger(plane, factor, resample);
  for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) data[y * width + x] = sample(y, x);
  return { height, width, data };
}

const blockMean = (plane: Heatmap, size: number) => (y: number, x: number) => {
  let sum = 0;
  let n = 0;
  for (let i = y * size; i < Math.min((y + 1) * size, plane.height); i++) {
    for (let j = x * size; j < Math.min((x + 1) * size, plane.width); j++) {
      sum += plane.data[i * plane.width + j];
      n++;
    }
  }
  return sum / n;
};

function enlarger({ data, height, width }: Heatmap, factor: number, resample: Resample) {
  if (resample === "nearest") {
    return (y: number, x: number) => data[Math.floor(y / factor) * width + Math.floor(x / factor)];
  }
  const clamp = (v: number, size: number) => Math.min(size - 1, Math.max(0, v));
  return (y: number, x: number) => {
    const sy = clamp((y + 0.5) / factor - 0.5, height);
    const sx = clamp((x + 0.5) / factor - 0.5, width);
    const top = Math.floor(sy);
    const left = Math.floor(sx);
    const bottom = clamp(top + 1, height);
    const right = clamp(left + 1, width);
    const ty = sy - top;
    const tx = sx - left;
    const upper = data[top * width + left] * (1 - tx) + data[top * width + right] * tx;
    const lower = data[bottom * width + left] * (1 - tx) + data[bottom * width + right] * tx;
    return upper * (1 - ty) + lower * ty;
  };
}

/** The image as it is, enlarged or shrunk to be looked at. Values outside [0, 1] are clipped. */
export function renderImage(image: PixelImage, options: ImageOptions = {}): Raster {
  const { channels, height, width, data } = image;
  if (data.length !== channels * height * width || (channels !== 1 && channels !== 3)) {
    throw new RangeError(`${data.length} values for a [${channels}, ${height}, ${width}] image`);
  }
  const { factor = displayFactor(height, width), resample = "nearest", fade = 0 } = options;
  const planes = Array.from({ length: channels }, (_, c) =>
    resizePlane(
      { height, width, data: data.subarray(c * height * width, (c + 1) * height * width) },
      factor,
      resample,
    ),
  );
  const [red, green = red, blue = red] = planes;
  const picture = blank(red.width, red.height);
  const byte = (v: number) => 255 * Math.min(1, Math.max(0, v));
  for (let i = 0; i < red.data.length; i++) {
    const rgb = [byte(red.data[i]), byte(green.data[i]), byte(blue.data[i])];
    const grey = 0.299 * rgb[0] + 0.587 * rgb[1] + 0.114 * rgb[2]; // Rec. 601 luma
    const pale = grey + (255 - grey) * 0.35;
    for (let c = 0; c < 3; c++) picture.data[4 * i + c] = rgb[c] * (1 - fade) + pale * fade;
    picture.data[4 * i + 3] = 255;
  }
  return picture;
}

/**
 * Opacity of a position on the scale: rises fast, so that weak evidence is seen before strong evidence covers the image, but with a
 * finite slope at 0, else the zero crossings of a smoothly enlarged map would stand out as dark lines.
 */
export const opacityOf = (p: number, opacity: OverlayOptions["opacity"] = { most: 0.85 }): number =>
  typeof opacity === "number" ? opacity : opacity.most * (1 - (1 - Math.abs(p)) ** 3);

/** The map over its image. Where a value is not finite, the bare image shows. */
export function overlay(image: PixelImage, map: Heatmap, options: OverlayOptions): Raster {
  if (map.height !== image.height || map.width !== image.width) {
    throw new RangeError(
      `a ${map.height}×${map.width} map does not cover a ${image.height}×${image.width} image`,
    );
  }
  const {
    scale,
    palette,
    limit = limitOf(map.data),
    factor = displayFactor(image.height, image.width),
    resample = "nearest",
    fade = 0.8,
    opacity,
  } = options;
  const picture = renderImage(image, { factor, resample, fade });
  const values = resizePlane(map, factor, resample);
  const lut = lutOf(scale, palette);
  for (const [i, value] of values.data.entries()) {
    if (!Number.isFinite(value)) continue;
    const p = position(value, scale, limit);
    const colour: Rgb = colourAt(lut, scale, p);
    const alpha = opacityOf(p, opacity);
    blendPixel(picture, i % values.width, Math.floor(i / values.width), colour, alpha);
  }
  return picture;
}

/** The map alone, to be laid over its image by whoever shows it: the colours of `overlay`, clear where there is no evidence. */
export function layer(map: Heatmap, options: ColourOptions & Pick<OverlayOptions, "opacity">): IndexedRaster {
  const { scale, palette, limit = limitOf(map.data), opacity } = options;
  const lut = lutOf(scale, palette);
  const at = (p: number) => (scale === "diverging" ? 128 + Math.round(127 * p) : Math.round(255 * p));
  const colours = new Uint8Array(4 * 256);
  for (let entry = 0; entry < 256; entry++) {
    const p = scale === "diverging" ? Math.max(-1, (entry - 128) / 127) : entry / 255;
    colours.set([...colourAt(lut, scale, p), 255 * opacityOf(p, opacity)], 4 * entry);
  }
  const clear = at(0);
  colours[4 * clear + 3] = 0;
  const pixels = Uint8Array.from(map.data, (value) =>
    Number.isFinite(value) ? at(position(value, scale, limit)) : clear,
  );
  return { width: map.width, height: map.height, pixels, colours };
}
