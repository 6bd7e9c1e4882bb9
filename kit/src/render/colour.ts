/**
 * Numbers to colours. All scales can be told apart by colour-blind readers: viridis, inferno and magma run from dark to light, RdBu
 * pairs red with blue. A signed map is always symmetric about 0, so that the neutral colour means "no evidence" and nothing else.
 */
import {
  interpolateInferno,
  interpolateMagma,
  interpolateRdBu,
  interpolateViridis,
} from "d3-scale-chromatic";
import { blank, type Raster, type Rgb } from "./raster.ts";

/** A map as methods give it, [H, W] in row order. */
export interface Heatmap {
  readonly height: number;
  readonly width: number;
  readonly data: Float32Array;
}

/** `sequential` runs from 0 up; `diverging` from −limit to +limit. */
export type ScaleKind = "sequential" | "diverging";

export interface ColourOptions {
  readonly scale: ScaleKind;
  /** The value that gets the last colour; larger ones get it too. Default: the largest finite |value| of the map. */
  readonly limit?: number;
  /** Of the sequential scale; default inferno. */
  readonly palette?: SequentialPalette;
}

const interpolators = {
  viridis: interpolateViridis,
  inferno: interpolateInferno,
  magma: interpolateMagma,
} as const;
export type SequentialPalette = keyof typeof interpolators;

/** 256 colours, RGB bytes one after the other. */
export type Lut = Uint8ClampedArray;

/** d3 answers `#rrggbb` or `rgb(r, g, b)`, depending on the scale. */
function parseRgb(text: string): number[] {
  if (text.startsWith("#")) return [1, 3, 5].map((at) => Number.parseInt(text.slice(at, at + 2), 16));
  return (text.match(/\d+/g) ?? []).map(Number);
}

const buildLut = (colourAt: (index: number) => string): Lut =>
  Uint8ClampedArray.from(Array.from({ length: 256 }, (_, i) => parseRgb(colourAt(i))).flat());

const sequentialLuts = {
  viridis: buildLut((i) => interpolators.viridis(i / 255)),
  inferno: buildLut((i) => interpolators.inferno(i / 255)),
  magma: buildLut((i) => interpolators.magma(i / 255)),
} satisfies Record<SequentialPalette, Lut>;

// 0 falls on entry 128 exactly, ±limit on 1 and 255; entry 0 repeats the blue end. Red is for evidence, blue against.
const divergingLut = buildLut((i) => interpolateRdBu(0.5 - Math.max(-1, (i - 128) / 127) / 2));

export const lutOf = (scale: ScaleKind, palette: SequentialPalette = "inferno"): Lut =>
  scale === "diverging" ? divergingLut : sequentialLuts[palette];

/** `value` on its scale: −1..1 when diverging, else 0..1. A limit of 0 (constant zero map) puts everything at 0. */
export function position(value: number, scale: ScaleKind, limit: number): number {
  if (!(limit > 0)) return 0;
  const p = value / limit;
  return Math.min(1, Math.max(scale === "diverging" ? -1 : 0, p));
}

/** Colour of a position as `position` gives it. */
export function colourAt(lut: Lut, scale: ScaleKind, p: number): Rgb {
  const entry = 3 * (scale === "diverging" ? 128 + Math.round(127 * p) : Math.round(255 * p));
  return [lut[entry], lut[entry + 1], lut[entry + 2]];
}

/** The scale a map asks for: diverging as soon as one value is negative. */
export const scaleOf = (data: Float32Array): ScaleKind =>
  data.some((v) => v < 0) ? "diverging" : "sequential";

/** Largest finite |value|; 0 if there is none. */
export function limitOf(data: Float32Array): number {
  let limit = 0;
  for (const v of data) if (Number.isFinite(v)) limit = Math.max(limit, Math.abs(v));
  return limit;
}

/**
 * Limit for looking at: the value that a share `top` of the pixels exceeds, so that a single hot pixel of a gradient does not leave
 * the rest invisible. The largest |value| where that would change little (above 0.8 of it) or show nothing (0).
 */
export function robustLimit(data: Float32Array, top = 0.005): number {
  const sizes = data.filter(Number.isFinite).map(Math.abs).sort();
  const largest = limitOf(data);
  const limit = sizes[Math.max(0, sizes.length - 1 - Math.floor(top * sizes.length))];
  return limit > 0 && limit < 0.8 * largest ? limit : largest;
}

/** Draws a map, one pixel per value. A value that is not finite stays transparent. */
export function colourise(map: Heatmap, options: ColourOptions): Raster {
  const { scale, palette, limit = limitOf(map.data) } = options;
  const lut = lutOf(scale, palette);
  const picture = blank(map.width, map.height);
  for (const [i, value] of map.data.entries()) {
    if (!Number.isFinite(value)) continue;
    picture.data.set(colourAt(lut, scale, position(value, scale, limit)), 4 * i);
    picture.data[4 * i + 3] = 255;
  }
  return picture;
}
