/**
 * Contact sheets: for each image the input first, then one tile per method, wrapped to a grid. Every block has the same columns, so
 * with few methods a sheet of several images is a matrix (rows images, columns methods).
 */

import type { Heatmap, ScaleKind, SequentialPalette } from "./colour.ts";
import { colourAt, limitOf, lutOf, robustLimit, scaleOf } from "./colour.ts";
import {
  displayFactor,
  type OverlayOptions,
  opacityOf,
  overlay,
  type PixelImage,
  renderImage,
} from "./overlay.ts";
import { blank, blendPixel, fillRect, paste, type Raster, type Rgb } from "./raster.ts";
import { drawText, fitText, type TextStyle, textWidth, wrapText } from "./text.ts";

export interface SheetTile {
  /** The method's title. */
  readonly title: string;
  /** Lines under the picture, e.g. `deletion-auc ↓ 0.31` and `12 ms`. */
  readonly lines?: readonly string[];
  /** Without a map the tile is empty and says `reason`. */
  readonly map?: Heatmap;
  readonly reason?: string;
  /** Default: diverging if a value is negative. */
  readonly scale?: ScaleKind;
  /** Value of the last colour; default: 0.5 % of the pixels are above it and share it (`robustLimit`). */
  readonly limit?: number;
}

/** In pixels; (x, y) is the upper left corner. */
export interface SheetBox {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface SheetImage {
  /** Above the input: the predicted class and its probability, e.g. `pneumonia 0.97`. */
  readonly title: string;
  readonly lines?: readonly string[];
  readonly image: PixelImage;
  /** Annotated boxes, in pixels of the image: outlined on the input and on every map. */
  readonly boxes?: readonly SheetBox[];
  readonly tiles: readonly SheetTile[];
  /** Above the first row. */
  readonly heading?: string;
  /** Further tiles under headings of their own, each group from a new row. */
  readonly groups?: readonly SheetGroup[];
}

export interface SheetGroup {
  readonly heading: string;
  readonly tiles: readonly SheetTile[];
}

/** A sheet, and where on it each picture lies: of every image the input, then its tiles. */
export interface Sheet extends Raster {
  readonly cells: readonly SheetBox[];
}

export interface SheetOptions {
  readonly title: string;
  readonly subtitle?: string;
  /** Tiles in a row at most, the input counted; default 5. */
  readonly columns?: number;
  /** Last line: how to read the colours. Default: a sentence about the scales that occur. */
  readonly legend?: string;
  readonly palette?: SequentialPalette;
  readonly resample?: OverlayOptions["resample"];
  readonly opacity?: OverlayOptions["opacity"];
  readonly fade?: number;
}

const paper: Rgb = [252, 252, 250];
const ink: Rgb = [34, 40, 49];
const quiet: Rgb = [98, 106, 117];
const hairline: Rgb = [222, 224, 226];
const hollow: Rgb = [240, 241, 242];
const outline: Rgb = [0, 200, 240];

const heading: TextStyle = { size: 14, colour: ink, stroke: 2.1 };
const label: TextStyle = { size: 10, colour: ink, stroke: 1.6 };
const body: TextStyle = { size: 9, colour: quiet };
const groupStyle: TextStyle = { size: 11, colour: ink, stroke: 1.8 };

const margin = 24;
const gutter = 18;
const lineHeight = 18;
const barHeight = 7;
const leastWidth = 480;
const headingHeight = 30;

interface Bar {
  readonly scale: ScaleKind;
  readonly limit: number;
  /** some values are beyond the limit */
  readonly cut: boolean;
}

interface Cell {
  readonly title: string;
  readonly picture: Raster;
  readonly lines: readonly string[];
  readonly bar?: Bar;
}

/** Rows of cells that begin on a line of their own. */
interface Block {
  readonly heading?: string;
  readonly cells: readonly Cell[];
}

export function sheet(images: readonly SheetImage[], options: SheetOptions): Sheet {
  const blocks = images.flatMap((image) => blocksOf(image, options));
  const cells = blocks.flatMap((block) => block.cells);
  const columns = columnsFor(
    blocks.map((block) => block.cells.length),
    Math.max(1, options.columns ?? 5),
  );
  const tileWidth = Math.max(1, ...cells.map((cell) => cell.picture.width));
  const width = Math.max(leastWidth, 2 * margin + columns * tileWidth + (columns - 1) * gutter);
  const inner = width - 2 * margin;
  const legend = wrapText(options.legend ?? readingGuide(cells), inner, 3, body);

  const laid = blocks.map(({ heading: text, cells: own }) => ({
    text,
    rows: chunks(own, columns).map((row) => ({ row, ...rowHeights(row, tileWidth) })),
  }));
  const headHeight = margin + heading.size + (options.subtitle ? lineHeight + 4 : 0) + 16;
  const bodyHeight = laid.reduce(
    (sum, { text, rows }) =>
      sum +
      gutter +
      (text ? headingHeight : 0) +
      rows.reduce((s, { title, rest }) => s + title + rest + gutter, 0),
    0,
  );
  const footHeight = legend.length * lineHeight + margin - 4;
  const canvas = blank(width, headHeight + bodyHeight + footHeight, paper);

  let y = margin + heading.size;
  drawText(canvas, margin, y, fitText(options.title, inner, heading), heading);
  if (options.subtitle) {
    y += lineHeight + 4;
    drawText(canvas, margin, y, fitText(options.subtitle, inner, body), body);
  }
  y += 16;
  const placed: SheetBox[] = [];
  for (const { text, rows } of laid) {
    fillRect(canvas, { x: margin, y, width: inner, height: 1 }, hairline);
    y += gutter;
    if (text) {
      drawText(canvas, margin, y + groupStyle.size, fitText(text, inner, groupStyle), groupStyle);
      y += headingHeight;
    }
    for (const { row, title, rest } of rows) {
      for (const [column, cell] of row.entries()) {
        const left = margin + column * (tileWidth + gutter);
        drawCell(canvas, left, y, cell, tileWidth, title, options);
        placed.push({ x: left, y: y + title, width: cell.picture.width, height: cell.picture.height });
      }
      y += title + rest + gutter;
    }
  }
  for (const line of legend) {
    drawText(canvas, margin, y + body.size - 4, line, body);
    y += lineHeight;
  }
  return { ...canvas, cells: placed };
}

/** The fewest columns that need no further row than `most` would: 6 tiles stand as 3 + 3, not 5 + 1. */
export function columnsFor(tiles: readonly number[], most: number): number {
  const rows = (columns: number) => tiles.reduce((sum, n) => sum + Math.ceil(n / columns), 0);
  const least = Math.min(most, Math.max(1, ...tiles));
  return Array.from({ length: least }, (_, k) => k + 1).find((columns) => rows(columns) === rows(least)) ?? 1;
}

function chunks<T>(items: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, k) =>
    items.slice(k * size, (k + 1) * size),
  );
}

function blocksOf(item: SheetImage, options: SheetOptions): Block[] {
  const { image, boxes = [] } = item;
  const { resample, palette, opacity, fade } = options;
  const factor = displayFactor(image.height, image.width);
  const input = renderImage(image, { factor, resample });
  for (const box of boxes) drawBox(input, box, factor);
  const cellOf = (tile: SheetTile): Cell => {
    const { title, lines = [], map } = tile;
    if (map === undefined) return { title, lines, picture: emptyTile(input, tile.reason ?? "no map") };
    const scale = tile.scale ?? scaleOf(map.data);
    const limit = tile.limit ?? robustLimit(map.data);
    const picture = overlay(image, map, { scale, limit, factor, resample, palette, opacity, fade });
    for (const box of boxes) drawBox(picture, box, factor);
    return { title, lines, picture, bar: { scale, limit, cut: limitOf(map.data) > limit } };
  };
  const first: Cell = { title: item.title, lines: item.lines ?? [], picture: input };
  return [
    { heading: item.heading, cells: [first, ...item.tiles.map(cellOf)] },
    ...(item.groups ?? []).map((group) => ({ heading: group.heading, cells: group.tiles.map(cellOf) })),
  ];
}

const barBlock = 8 + barHeight + lineHeight + 3;
const titleLines = 2;

const titleOf = ({ title }: Cell, width: number): string[] => wrapText(title, width, titleLines, label);

/** Pictures of a row stand on one line, whatever the titles above them take. */
function rowHeights(row: readonly Cell[], width: number): { title: number; rest: number } {
  const lines = Math.max(1, ...row.map((cell) => titleOf(cell, width).length));
  return {
    title: label.size + 9 + (lines - 1) * (label.size + 6),
    rest: Math.max(
      ...row.map(
        ({ picture, lines, bar }) => picture.height + (bar ? barBlock : 4) + lines.length * lineHeight,
      ),
    ),
  };
}

function drawCell(
  canvas: Raster,
  left: number,
  top: number,
  cell: Cell,
  width: number,
  titleHeight: number,
  options: SheetOptions,
): void {
  const title = titleOf(cell, width);
  for (const [k, line] of title.entries()) {
    const above = (title.length - 1 - k) * (label.size + 6);
    drawText(canvas, left, top + titleHeight - 9 - above, line, label);
  }
  let y = top + titleHeight;
  paste(canvas, cell.picture, left, y);
  y += cell.picture.height;
  if (cell.bar) {
    drawBar(canvas, left, y + 8, cell.picture.width, cell.bar, options);
    y += barBlock;
  } else y += 4;
  for (const line of cell.lines) {
    drawText(canvas, left, y + body.size + 4, fitText(line, width, body), body);
    y += lineHeight;
  }
}

/** The scale as it looks over a pale background, with the values of its ends under it. */
function drawBar(
  canvas: Raster,
  left: number,
  top: number,
  width: number,
  { scale, limit, cut }: Bar,
  { palette, opacity }: SheetOptions,
): void {
  const lut = lutOf(scale, palette);
  for (let x = 0; x < width; x++) {
    const t = width === 1 ? 0 : x / (width - 1);
    const p = scale === "diverging" ? 2 * t - 1 : t;
    fillRect(canvas, { x: left + x, y: top, width: 1, height: barHeight }, hollow);
    for (let y = 0; y < barHeight; y++) {
      blendPixel(canvas, left + x, top + y, colourAt(lut, scale, p), opacityOf(p, opacity));
    }
  }
  const baseline = top + barHeight + body.size + 5;
  const put = (text: string, x: number) => drawText(canvas, Math.round(x), baseline, text, body);
  const high = `${cut ? "≥ " : ""}${scale === "diverging" ? "+" : ""}${formatValue(limit)}`;
  put(high, left + width - textWidth(high, body));
  if (scale === "diverging") {
    put(`${cut ? "≤ " : ""}−${formatValue(limit)}`, left);
    put("0", left + (width - textWidth("0", body)) / 2);
  } else put("0", left);
}

/** Three digits at most: `0.012`, `3.4`, `120`, `1.2e-7`. */
export function formatValue(value: number): string {
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-3 || size >= 1e5)) {
    return value.toExponential(1).replace("+", "").replaceAll("-", "−");
  }
  return String(Number(value.toPrecision(size < 100 ? 2 : 3)));
}

function emptyTile({ width, height }: Raster, reason: string): Raster {
  const tile = blank(width, height, hollow);
  const lines = wrapText(reason, width - 32, Math.max(1, Math.floor((height - 32) / lineHeight)), body);
  const top = Math.round((height - lines.length * lineHeight) / 2) + body.size;
  for (const [k, line] of lines.entries()) {
    drawText(tile, Math.round((width - textWidth(line, body)) / 2), top + k * lineHeight, line, body);
  }
  return tile;
}

/** A bright line with a dark one on each side: seen on black lungs and on white bones. */
function drawBox(picture: Raster, box: SheetBox, factor: number): void {
  const x0 = Math.round(box.x * factor);
  const y0 = Math.round(box.y * factor);
  const x1 = Math.round((box.x + box.width) * factor) - 1;
  const y1 = Math.round((box.y + box.height) * factor) - 1;
  const frame = (inset: number, colour: Rgb, alpha: number) => {
    const [l, t, r, b] = [x0 + inset, y0 + inset, x1 - inset, y1 - inset];
    for (let x = l; x <= r; x++) {
      blendPixel(picture, x, t, colour, alpha);
      blendPixel(picture, x, b, colour, alpha);
    }
    for (let y = t + 1; y < b; y++) {
      blendPixel(picture, l, y, colour, alpha);
      blendPixel(picture, r, y, colour, alpha);
    }
  };
  frame(-1, [0, 0, 0], 0.55);
  frame(0, outline, 1);
  frame(1, [0, 0, 0], 0.55);
}

function readingGuide(cells: readonly Cell[]): string {
  const scales = new Set(cells.flatMap((cell) => (cell.bar ? [cell.bar.scale] : [])));
  const sentences: string[] = [];
  if (scales.has("diverging")) sentences.push("Red speaks for the explained class, blue against it.");
  if (scales.has("sequential")) sentences.push("One-sided maps run from nothing (bare image) to yellow.");
  if (scales.size > 0) sentences.push("Each tile has its own scale.");
  if (cells.some((cell) => cell.bar?.cut)) sentences.push("≥: stronger pixels share the last colour.");
  return sentences.join(" ");
}
