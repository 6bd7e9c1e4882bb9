/**
 * What the phantoms are drawn with. Only + − × ÷, sqrt and rounding, which IEEE 754 fixes to the last bit: `Math.sin` and its kind may differ
 * between engines, and a phantom is the same 8-bit picture in every one. Hence random directions by rejection, bells by polynomials.
 */
import type { Rng } from "../rng.ts";

/** Pixels along either side of every phantom. */
export const side = 64;
export const pixels = side * side;

/** One value per channel, 0 to 255. */
export type Colour = readonly number[];

/** Planar [channels, 64, 64], 0 to 255, before rounding. Pixel (column x, row y) has its centre at (x + ½, y + ½). */
export interface Canvas {
  readonly channels: 1 | 3;
  readonly data: Float64Array;
}

export const canvasOf = (channels: 1 | 3): Canvas => ({
  channels,
  data: new Float64Array(channels * pixels),
});

/** A value between 0 and 1 for the point (x, y). */
export type Field = (x: number, y: number) => number;

export const clamp = (t: number): number => (t < 0 ? 0 : t > 1 ? 1 : t);
export const mix = (a: number, b: number, t: number): number => a + (b - a) * t;
export const mixed = (a: Colour, b: Colour, t: number): Colour => a.map((v, c) => mix(v, b[c], t));
/** 0 below `from`, 1 above `to`, level at both ends. */
export function ramp(from: number, to: number, value: number): number {
  const t = clamp((value - from) / (to - from));
  return t * t * (3 - 2 * t);
}
/** 1 at 0, falling to 0 at 1: a bell without `exp`. */
export const bell = (t: number): number => (t >= 1 ? 0 : (1 - t * t) * (1 - t * t));
export const length = (x: number, y: number): number => Math.sqrt(x * x + y * y);
/** How much of a pixel lies inside an edge at signed distance `d` (negative inside). */
export const coverage = (d: number): number => clamp(0.5 - d);

export const between = (rng: Rng, low: number, high: number): number => low + (high - low) * rng.uniform();

/** A uniformly drawn unit vector. */
export function direction(rng: Rng): readonly [number, number] {
  for (;;) {
    const [x, y] = [2 * rng.uniform() - 1, 2 * rng.uniform() - 1];
    const r = length(x, y);
    if (r > 0.1 && r <= 1) return [x / r, y / r];
  }
}

/** A uniformly drawn point of the unit disc. */
export function inDisc(rng: Rng): readonly [number, number] {
  for (;;) {
    const [x, y] = [2 * rng.uniform() - 1, 2 * rng.uniform() - 1];
    if (x * x + y * y <= 1) return [x, y];
  }
}

/** Smooth noise: random heights on a lattice of `cell` pixels, blended in between. */
export function noise(rng: Rng, cell: number): Field {
  const n = 32;
  const heights = Float64Array.from({ length: n * n }, () => rng.uniform());
  const wrap = (i: number) => i & (n - 1);
  return (x, y) => {
    const [u, v] = [x / cell, y / cell];
    const [i, j] = [Math.floor(u), Math.floor(v)];
    const [s, t] = [ramp(0, 1, u - i), ramp(0, 1, v - j)];
    const at = (a: number, b: number) => heights[wrap(j + b) * n + wrap(i + a)];
    return mix(mix(at(0, 0), at(1, 0), s), mix(at(0, 1), at(1, 1), s), t);
  };
}

/** Sets every pixel. */
export function fill(canvas: Canvas, colourAt: (x: number, y: number) => Colour): void {
  for (let i = 0; i < pixels; i++) {
    const colour = colourAt((i % side) + 0.5, Math.floor(i / side) + 0.5);
    for (let c = 0; c < canvas.channels; c++) canvas.data[c * pixels + i] = colour[c];
  }
}

/** Lays `colour` over the pixels within `reach` of (x, y); `alpha` is given the offset from there. */
export function stamp(
  canvas: Canvas,
  [x, y]: readonly [number, number],
  reach: number,
  colour: Colour | ((dx: number, dy: number) => Colour),
  alpha: Field,
): void {
  const last = side - 1;
  const rows = [Math.max(0, Math.floor(y - reach)), Math.min(last, Math.floor(y + reach))];
  const columns = [Math.max(0, Math.floor(x - reach)), Math.min(last, Math.floor(x + reach))];
  for (let row = rows[0]; row <= rows[1]; row++) {
    for (let column = columns[0]; column <= columns[1]; column++) {
      const [dx, dy] = [column + 0.5 - x, row + 0.5 - y];
      const a = alpha(dx, dy);
      if (a <= 0) continue;
      const over = typeof colour === "function" ? colour(dx, dy) : colour;
      for (let c = 0; c < canvas.channels; c++) {
        const at = c * pixels + row * side + column;
        canvas.data[at] = mix(canvas.data[at], over[c], a);
      }
    }
  }
}

/** A disc with a soft rim. */
export function dot(
  canvas: Canvas,
  at: readonly [number, number],
  radius: number,
  colour: Colour,
  a = 1,
): void {
  stamp(canvas, at, radius + 1, colour, (dx, dy) => a * coverage(length(dx, dy) - radius));
}

/** An ellipse whose long axis points along `along`. */
export function ellipse(
  canvas: Canvas,
  at: readonly [number, number],
  [long, short]: readonly [number, number],
  [ux, uy]: readonly [number, number],
  colour: Colour,
  a = 1,
): void {
  stamp(canvas, at, long + 1, colour, (dx, dy) => {
    const r = length((dx * ux + dy * uy) / long, (dy * ux - dx * uy) / short);
    return a * coverage((r - 1) * short);
  });
}

/** Distance from (x, y) to the segment between two points. */
export function toSegment(
  x: number,
  y: number,
  [ax, ay]: readonly [number, number],
  [bx, by]: readonly [number, number],
): number {
  const [dx, dy] = [bx - ax, by - ay];
  const t = clamp(((x - ax) * dx + (y - ay) * dy) / (dx * dx + dy * dy + 1e-9));
  return length(x - ax - t * dx, y - ay - t * dy);
}

/** A straight stroke of `width` pixels. */
export function stroke(
  canvas: Canvas,
  from: readonly [number, number],
  to: readonly [number, number],
  width: number,
  colour: Colour,
  a = 1,
): void {
  const middle = [(from[0] + to[0]) / 2, (from[1] + to[1]) / 2] as const;
  const reach = length(to[0] - from[0], to[1] - from[1]) / 2 + width;
  const [p, q] = [
    [from[0] - middle[0], from[1] - middle[1]],
    [to[0] - middle[0], to[1] - middle[1]],
  ] as const;
  // thinner than a pixel: fainter, not broken
  const strength = a * Math.min(1, width);
  const half = Math.max(width, 1) / 2;
  stamp(canvas, middle, reach, colour, (dx, dy) => strength * coverage(toSegment(dx, dy, p, q) - half));
}
