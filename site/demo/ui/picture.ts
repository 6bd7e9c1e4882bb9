/** Pictures on canvases: one canvas pixel per pixel of the model's input, enlarged by CSS. */
import { type Image8, toUnit } from "../../../kit/src/datasets/readers/image8.ts";
import { overlay, type PixelImage, renderImage } from "../../../kit/src/render/overlay.ts";
import { blank, type Raster } from "../../../kit/src/render/raster.ts";
import type { Shown } from "../../../kit/src/render/shown.ts";
import { all, one } from "./dom.ts";

/** The strength that the command line's pictures have. */
export const usualOpacity = 0.85;
/** How far they fade the picture below. */
const usualFade = 0.8;

export const plainRaster = (image: PixelImage): Raster => renderImage(image, { factor: 1 });

/** A map over its picture; opacity 0 leaves the picture alone. */
export const overlayRaster = (image: PixelImage, { map, scale, limit }: Shown, opacity: number): Raster =>
  overlay(image, map, {
    scale,
    limit,
    factor: 1,
    fade: Math.min(1, (usualFade * opacity) / usualOpacity),
    opacity: { most: opacity },
  });

/** A picture of any size at no more than `most` pixels on a side: every n-th pixel, to be looked at only. */
export function thumbnail(image: Image8, most = 256): Raster {
  const { channels, height, width, data } = image;
  const step = Math.ceil(Math.max(height, width) / most);
  if (step === 1) return plainRaster({ channels, height, width, data: toUnit(image) });
  const small = blank(Math.floor(width / step), Math.floor(height / step));
  for (let i = 0; i < small.width * small.height; i++) {
    const at = Math.floor(i / small.width) * step * width + (i % small.width) * step;
    for (let c = 0; c < 3; c++) small.data[4 * i + c] = data[Math.min(c, channels - 1) * height * width + at];
    small.data[4 * i + 3] = 255;
  }
  return small;
}

export function paint(canvas: HTMLCanvasElement, { width, height, data }: Raster): void {
  canvas.width = width;
  canvas.height = height;
  canvas.getContext("2d")?.putImageData(new ImageData(data, width, height), 0, 0);
}

/**
 * The borders between a mask's pixels and the rest as an SVG path, in pixels: each side of a pixel that has no neighbour there.
 */
export function outlinePath(mask: Uint8Array, width: number): string {
  const height = mask.length / width;
  const on = (x: number, y: number) =>
    x >= 0 && y >= 0 && x < width && y < height && mask[y * width + x] === 1;
  const sides: string[] = [];
  for (let y = 0; y <= height; y++) {
    for (let x = 0; x <= width; x++) {
      if (on(x, y) !== on(x, y - 1)) sides.push(`M${x} ${y}h1`);
      if (on(x, y) !== on(x - 1, y)) sides.push(`M${x} ${y}v1`);
    }
  }
  return sides.join("");
}

/** The outline of a mask over every picture; without a mask, none. */
export function showOutline(mask: Uint8Array | undefined, width: number): void {
  const path = mask ? outlinePath(mask, width) : "";
  for (const svg of all<SVGSVGElement>("[data-outline]")) {
    if (mask) svg.setAttribute("viewBox", `0 0 ${width} ${mask.length / width}`);
    for (const line of all("path", svg)) line.setAttribute("d", path);
  }
}

/** The picture itself: as the model is shown it, once that is known. */
export function showSubject(image: Image8, seen: PixelImage | undefined): void {
  paint(one<HTMLCanvasElement>("[data-picture]"), seen ? plainRaster(seen) : thumbnail(image));
}
