/** Pictures side by side with a line or two under each: what a data set looks like, at a glance. */
import { displayFactor, type PixelImage, renderImage } from "./overlay.ts";
import { blank, blendPixel, fillRect, paste, type Raster, type Rgb } from "./raster.ts";
import type { SheetBox } from "./sheet.ts";
import { drawText, fitText, type TextStyle } from "./text.ts";

export interface GridPicture {
  readonly image: PixelImage;
  /** [height, width], 1 on what is outlined */
  readonly masks?: readonly { readonly height: number; readonly width: number; readonly data: Uint8Array }[];
  /** in pixels of the image, outlined */
  readonly boxes?: readonly SheetBox[];
  readonly lines: readonly string[];
}

const paper: Rgb = [252, 252, 250];
const mark: Rgb = [0, 200, 240];
const heading: TextStyle = { size: 14, colour: [34, 40, 49], stroke: 2.1 };
const body: TextStyle = { size: 9, colour: [98, 106, 117] };
const margin = 24;
const gutter = 18;
const lineHeight = 16;
/** Sides of a picture, about: small ones are enlarged by whole pixels, large ones shrunk by whole blocks. */
const [least, most] = [128, 288];
/** Of outlines, in pixels of the grid. */
const line = 2;

export function grid(
  pictures: readonly GridPicture[],
  { title, columns = 6 }: { title: string; columns?: number },
): Raster {
  const drawn = pictures.map(thumbnail);
  const across = Math.max(1, Math.min(columns, drawn.length));
  const cell = Math.max(1, ...drawn.map(({ width }) => width));
  const lines = Math.max(0, ...pictures.map((picture) => picture.lines.length));
  const inner = Math.max(across * cell + (across - 1) * gutter, 360);
  const rows = Array.from({ length: Math.ceil(drawn.length / across) }, (_, r) =>
    Math.max(...drawn.slice(r * across, (r + 1) * across).map(({ height }) => height)),
  );
  const below = lines * lineHeight + gutter;
  const top = margin + heading.size + gutter;
  const height = top + rows.reduce((sum, row) => sum + row + below, 0) + margin - gutter;
  const canvas = blank(inner + 2 * margin, height, paper);
  drawText(canvas, margin, margin + heading.size, fitText(title, inner, heading), heading);
  for (const [k, picture] of drawn.entries()) {
    const row = Math.floor(k / across);
    const y = top + rows.slice(0, row).reduce((sum, h) => sum + h + below, 0);
    const x = margin + (k % across) * (cell + gutter);
    paste(canvas, picture, x, y);
    for (const [l, text] of pictures[k].lines.entries()) {
      drawText(canvas, x, y + picture.height + (l + 1) * lineHeight, fitText(text, cell, body), body);
    }
  }
  return canvas;
}

function thumbnail({ image, masks = [], boxes = [] }: GridPicture): Raster {
  const factor = displayFactor(image.height, image.width, least, most);
  const picture = renderImage(image, { factor });
  for (const mask of masks) {
    const inside = (x: number, y: number): boolean => {
      const [i, j] = [Math.floor(y / factor), Math.floor(x / factor)];
      return i >= 0 && j >= 0 && i < mask.height && j < mask.width && mask.data[i * mask.width + j] === 1;
    };
    for (let y = 0; y < picture.height; y++) {
      for (let x = 0; x < picture.width; x++) {
        const edge =
          [x - line, x + line].some((n) => !inside(n, y)) || [y - line, y + line].some((n) => !inside(x, n));
        if (edge && inside(x, y)) blendPixel(picture, x, y, mark, 1);
      }
    }
  }
  for (const box of boxes) {
    const [x, y, width, height] = [box.x, box.y, box.width, box.height].map((v) => Math.round(v * factor));
    for (const edge of [
      { x, y, width, height: line },
      { x, y: y + height - line, width, height: line },
      { x, y, width: line, height },
      { x: x + width - line, y, width: line, height },
    ]) {
      fillRect(picture, edge, mark);
    }
  }
  return picture;
}
