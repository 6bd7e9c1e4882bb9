/** The irregular patch that the findings of the medical phantoms fill. */
import type { Rng } from "../rng.ts";
import { between, coverage, length, noise, pixels, side } from "./canvas.ts";

export interface Patch {
  readonly at: readonly [number, number];
  readonly radius: number;
  /** signed distance from the outline, negative inside; roughly in pixels. Takes the offset from `at` */
  readonly distance: (dx: number, dy: number) => number;
  /** [64·64], 1 where a pixel is at least partly inside */
  readonly mask: Uint8Array;
}

/** A disc whose rim is pushed in and out by smooth noise, by at most `wobble` of the radius. */
export function patch(rng: Rng, at: readonly [number, number], radius: number, wobble: number): Patch {
  const push = noise(rng, radius * 0.8);
  const [u, v] = [between(rng, 0, 400), between(rng, 0, 400)];
  const distance = (dx: number, dy: number) =>
    length(dx, dy) - radius * (1 + wobble * (2 * push(dx + u, dy + v) - 1));
  const mask = maskOf((x, y) => coverage(distance(x - at[0], y - at[1])) > 0);
  return { at, radius, distance, mask };
}

/** 1 at the pixels whose centre is accepted. */
export const maskOf = (inside: (x: number, y: number) => boolean): Uint8Array =>
  Uint8Array.from({ length: pixels }, (_, i) => Number(inside((i % side) + 0.5, Math.floor(i / side) + 0.5)));

/** Points of the patch at least `apart` from each other, in drawing order; at most `most`. */
export function scatter(rng: Rng, { distance, radius }: Patch, apart: number, margin: number, most = 999) {
  const points: (readonly [number, number])[] = [];
  for (let misses = 0; misses < 60 && points.length < most; ) {
    const [dx, dy] = [between(rng, -1.4, 1.4) * radius, between(rng, -1.4, 1.4) * radius];
    const free = points.every(([px, py]) => length(px - dx, py - dy) >= apart);
    if (free && distance(dx, dy) < -margin) {
      points.push([dx, dy]);
      misses = 0;
    } else misses++;
  }
  return points;
}
