/** A picture in memory and the few things we draw on it. Laid out as the browser's ImageData, so a page can show it as it is. */

/** Row-major RGBA, one byte each, not premultiplied. */
export interface Raster {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8ClampedArray<ArrayBuffer>;
}

/** Of at most 256 colours: each pixel is the number of its own. */
export interface IndexedRaster {
  readonly width: number;
  readonly height: number;
  readonly pixels: Uint8Array;
  /** RGBA, one after the other */
  readonly colours: Uint8Array;
}

export type Rgb = readonly [red: number, green: number, blue: number];

/** A picture of one colour; without one, transparent. */
export function blank(width: number, height: number, colour?: Rgb): Raster {
  const data = new Uint8ClampedArray(width * height * 4);
  if (colour) {
    for (let i = 0; i < data.length; i += 4) {
      data[i] = colour[0];
      data[i + 1] = colour[1];
      data[i + 2] = colour[2];
      data[i + 3] = 255;
    }
  }
  return { width, height, data };
}

/** Lays `colour` over one pixel with `alpha` in [0, 1]; outside the picture nothing happens. */
export function blendPixel(target: Raster, x: number, y: number, colour: Rgb, alpha: number): void {
  if (alpha <= 0 || x < 0 || y < 0 || x >= target.width || y >= target.height) return;
  const at = (y * target.width + x) * 4;
  const under = target.data[at + 3] / 255;
  const sum = alpha + under * (1 - alpha);
  for (let c = 0; c < 3; c++) {
    target.data[at + c] = (colour[c] * alpha + target.data[at + c] * under * (1 - alpha)) / sum;
  }
  target.data[at + 3] = sum * 255;
}

export function fillRect(
  target: Raster,
  box: { x: number; y: number; width: number; height: number },
  colour: Rgb,
  alpha = 1,
): void {
  for (let y = box.y; y < box.y + box.height; y++) {
    for (let x = box.x; x < box.x + box.width; x++) blendPixel(target, x, y, colour, alpha);
  }
}

/** Lays `source` over `target` with its corner at (left, top); what falls outside is cut. */
export function paste(target: Raster, source: Raster, left: number, top: number): void {
  for (let y = 0; y < source.height; y++) {
    for (let x = 0; x < source.width; x++) {
      const at = (y * source.width + x) * 4;
      const colour: Rgb = [source.data[at], source.data[at + 1], source.data[at + 2]];
      blendPixel(target, left + x, top + y, colour, source.data[at + 3] / 255);
    }
  }
}
