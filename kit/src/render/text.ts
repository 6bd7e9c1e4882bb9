/** Text drawn with the strokes of `glyphs.ts`. */
import { glyphs, unknownGlyph } from "./glyphs.ts";
import { blendPixel, type Raster, type Rgb } from "./raster.ts";

export interface TextStyle {
  /** Height of capitals in pixels: 9 reads well as body text, 12 as a heading. */
  readonly size: number;
  readonly colour: Rgb;
  /** Pixels; default size / 7, at least 1.15. */
  readonly stroke?: number;
}

type Point = readonly [x: number, y: number];

const strokeOf = ({ size, stroke }: TextStyle) => stroke ?? Math.max(1.15, size / 7);

/**
 * Distance between the pens of two neighbouring letters, and of the letter box itself, in whole pixels: stems then stand on pixel
 * centres and stay sharp at small sizes.
 */
const snapped = (units: number, style: TextStyle) => Math.round((units * style.size) / 7);
const gapOf = (style: TextStyle) => Math.round((1.25 * style.size) / 7 + 0.75 * strokeOf(style) + 0.3);

/** Letters with accents we do not draw lose them; anything else unknown becomes a box. */
function* lettersOf(text: string): Generator<readonly [number, string]> {
  for (const letter of text.replace(/\s+/g, " ")) {
    if (letter in glyphs) yield glyphs[letter];
    else
      for (const part of letter.normalize("NFD").replace(/\p{Mark}/gu, ""))
        yield glyphs[part] ?? unknownGlyph;
  }
}

/** Pixels from the first pen position to past the last one. */
export function textWidth(text: string, style: TextStyle): number {
  let width = 0;
  for (const [units] of lettersOf(text)) width += snapped(units, style) + gapOf(style);
  return Math.max(0, width - gapOf(style) + Math.ceil(strokeOf(style)));
}

/** The text if it fits into `width` pixels, else its beginning and `…`. */
export function fitText(text: string, width: number, style: TextStyle): string {
  if (textWidth(text, style) <= width) return text;
  const letters = Array.from(text);
  while (letters.length > 0 && textWidth(`${letters.join("").trimEnd()}…`, style) > width) letters.pop();
  return letters.length === 0 ? "" : `${letters.join("").trimEnd()}…`;
}

/** Breaks at spaces, and inside words that are wider, into at most `lines` lines of `width` pixels; the last one ends in `…` if something is left. */
export function wrapText(text: string, width: number, lines: number, style: TextStyle): string[] {
  const words = text.split(/\s+/).flatMap((word) => (word === "" ? [] : broken(word, width, style)));
  const out: string[] = [];
  while (words.length > 0 && out.length < lines) {
    let line = words.shift()!;
    while (words.length > 0 && textWidth(`${line} ${words[0]}`, style) <= width) line += ` ${words.shift()}`;
    if (out.length === lines - 1 && words.length > 0) line += ` ${words.splice(0).join(" ")}`;
    out.push(fitText(line, width, style));
  }
  return out;
}

/** A word in pieces that fit, cut behind the last `/`, `.`, `_`, `-` or `:` where there is one: names of tensors are paths. */
function broken(word: string, width: number, style: TextStyle): string[] {
  const pieces: string[] = [];
  let rest = Array.from(word);
  while (rest.length > 1 && textWidth(rest.join(""), style) > width) {
    let size = rest.length - 1;
    while (size > 1 && textWidth(rest.slice(0, size).join(""), style) > width) size--;
    const joint = rest.slice(0, size).findLastIndex((letter) => "/._-:".includes(letter)) + 1;
    const cut = joint > size / 2 ? joint : size;
    pieces.push(rest.slice(0, cut).join(""));
    rest = rest.slice(cut);
  }
  return [...pieces, rest.join("")];
}

/** Draws one line; (x, baseline) is the left end of the baseline. Answers the x where the text ends. */
export function drawText(
  target: Raster,
  x: number,
  baseline: number,
  text: string,
  style: TextStyle,
): number {
  let pen = x;
  for (const [units, strokes] of lettersOf(text)) {
    drawGlyph(target, pen, baseline, units, strokes, style);
    pen += snapped(units, style) + gapOf(style);
  }
  return pen - gapOf(style) + Math.ceil(strokeOf(style));
}

function drawGlyph(
  target: Raster,
  x: number,
  baseline: number,
  units: number,
  strokes: string,
  style: TextStyle,
) {
  if (strokes === "") return;
  const scale = style.size / 7;
  const toX = units === 0 ? () => 0 : (u: number) => (u * snapped(units, style)) / units;
  const toY = (v: number) => snapHeight(v, style);
  const lines = strokes.split("|").map((stroke) => parseStroke(stroke, scale));
  const points = lines.map((line) => line.map(([u, v]): Point => [toX(u) + 0.5, 0.5 - toY(v)]));
  const half = strokeOf(style) / 2;
  const xs = points.flat().map(([px]) => px);
  const ys = points.flat().map(([, py]) => py);
  const reach = half + 1;
  for (let py = Math.floor(Math.min(...ys) - reach); py <= Math.max(...ys) + reach; py++) {
    for (let px = Math.floor(Math.min(...xs) - reach); px <= Math.max(...xs) + reach; px++) {
      let cover = 0;
      for (const line of points) {
        const dot = line.length === 1 ? 0.35 * half : 0; // a dot as thin as a stroke looks too weak
        const distance = distanceTo(line, px + 0.5, py + 0.5) - dot;
        cover = Math.max(cover, Math.min(1, half + 0.5 - distance));
      }
      blendPixel(target, x + px, baseline - 1 + py, style.colour, cover);
    }
  }
}

/** Height in pixels; the lines that letters share (baseline, x-height, capitals) fall on whole pixels. */
function snapHeight(v: number, style: TextStyle): number {
  const xHeight = snapped(5, style);
  const capitals = snapped(7, style);
  if (v <= 5) return (v * xHeight) / 5;
  return xHeight + ((v - 5) * (capitals - xHeight)) / 2;
}

function parseStroke(stroke: string, scale: number): Point[] {
  return stroke.split(" ").flatMap((item): Point[] => {
    const numbers = item.replace("@", "").split(",").map(Number);
    if (!item.startsWith("@")) return [[numbers[0], numbers[1]]];
    const [cx, cy, rx, ry, from, to] = numbers;
    const steps = Math.max(4, Math.ceil((Math.abs(to - from) / 90) * (3 + scale * Math.max(rx, ry))));
    return Array.from({ length: steps + 1 }, (_, k) => {
      const angle = ((from + ((to - from) * k) / steps) * Math.PI) / 180;
      return [cx + rx * Math.cos(angle), cy + ry * Math.sin(angle)];
    });
  });
}

/** Distance from a point to a line through points. */
function distanceTo(line: readonly Point[], x: number, y: number): number {
  if (line.length === 1) return Math.hypot(x - line[0][0], y - line[0][1]);
  let nearest = Number.POSITIVE_INFINITY;
  for (let i = 1; i < line.length; i++) {
    const [ax, ay] = line[i - 1];
    const dx = line[i][0] - ax;
    const dy = line[i][1] - ay;
    const length = dx * dx + dy * dy;
    const t = length === 0 ? 0 : Math.min(1, Math.max(0, ((x - ax) * dx + (y - ay) * dy) / length));
    nearest = Math.min(nearest, Math.hypot(x - ax - t * dx, y - ay - t * dy));
  }
  return nearest;
}
