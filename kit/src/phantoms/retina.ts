/** Fundus photographs: optic disc, macula and vessels; and one patch of one of four lesions. */

import type { Rng } from "../rng.ts";
import {
  between,
  type Canvas,
  type Colour,
  clamp,
  dot,
  fill,
  inDisc,
  length,
  mix,
  mixed,
  noise,
  ramp,
  side,
  stamp,
  stroke,
} from "./canvas.ts";
import { type Patch, patch, scatter } from "./outline.ts";
import { definePhantoms } from "./phantom.ts";

const blood: Colour = [112, 14, 20];
const rim = 30.5;

export const retinaPhantoms = definePhantoms({
  id: "retina",
  title: "Fundus photographs",
  classes: ["haemorrhage", "exudates", "cotton-wool", "microaneurysms"],
  channels: 3,
  grain: 8,
  background(rng, canvas) {
    const middle = [side / 2 + between(rng, -1, 1), side / 2 + between(rng, -1, 1)] as const;
    const eye = rng.uniform() < 0.5 ? -1 : 1;
    const disc = [middle[0] + eye * between(rng, 14, 18), middle[1] + between(rng, -3, 3)] as const;
    const macula = [disc[0] - eye * between(rng, 20, 23), disc[1] + between(rng, 0, 3)] as const;
    const glow = between(rng, 0.88, 1.08);
    const clouds = noise(rng, 9);
    fill(canvas, (x, y) => {
      const r = length(x - middle[0], y - middle[1]);
      const shade = glow * (1.06 - 0.42 * (r / rim) * (r / rim) + 0.14 * (clouds(x, y) - 0.5));
      return [206, 92, 42].map((v) => v * shade);
    });
    stamp(canvas, macula, 9, [104, 32, 18], (dx, dy) => 0.6 * ramp(8, 0.5, length(dx, dy)));
    for (const up of [-1, 1]) {
      for (const [reach, bow] of [
        [between(rng, 34, 42), between(rng, 13, 19)],
        [between(rng, -16, -9), between(rng, 12, 18)],
      ]) {
        const end = [disc[0] - eye * reach, disc[1] + up * between(rng, 6, 14)] as const;
        const bend = [disc[0] - eye * reach * 0.35, disc[1] + up * (bow + 8)] as const;
        vessel(rng, canvas, disc, bend, end, between(rng, 1.5, 2.1), 2);
      }
    }
    stamp(canvas, disc, 7, [252, 214, 138], (dx, dy) => 0.95 * ramp(5.2, 3.8, length(dx, dy)));
    stamp(canvas, disc, 4, [255, 240, 196], (dx, dy) => 0.8 * ramp(2.6, 1, length(dx, dy)));
    stamp(canvas, middle, 2 * side, [7, 4, 5], (dx, dy) => ramp(rim - 0.8, rim + 0.8, length(dx, dy)));

    return (rng) => {
      const radius = between(rng, 6.5, 9);
      const at = placeFor(rng, middle, disc, radius);
      const region = patch(rng, at, radius, 0.2);
      const paints = lesions.map((lesion) => lesion(rng, region));
      return { mask: region.mask, paint: (k, target) => paints[k](target) };
    };
  },
});

/** On the retina, beside the optic disc. */
function placeFor(
  rng: Rng,
  middle: readonly [number, number],
  disc: readonly [number, number],
  radius: number,
): readonly [number, number] {
  for (;;) {
    const [u, v] = inDisc(rng);
    const free = rim - 1.25 * radius - 1;
    const at = [middle[0] + free * u, middle[1] + free * v] as const;
    if (length(at[0] - disc[0], at[1] - disc[1]) > 1.25 * radius + 6) return at;
  }
}

/** A curve from `a` bent towards `b` to `c`, thinning out, with branches. */
function vessel(
  rng: Rng,
  canvas: Canvas,
  a: readonly [number, number],
  b: readonly [number, number],
  c: readonly [number, number],
  width: number,
  branches: number,
): void {
  const steps = 9;
  const along = (i: 0 | 1, t: number) => mix(mix(a[i], b[i], t), mix(b[i], c[i], t), t);
  const point = (t: number) => [along(0, t), along(1, t)] as const;
  for (let k = 0; k < steps; k++) {
    const [t, next] = [k / steps, (k + 1) / steps];
    stroke(canvas, point(t), point(next), width * (1 - 0.6 * t), [126, 26, 24], 0.8);
  }
  for (let k = 0; k < branches; k++) {
    const from = point(between(rng, 0.25, 0.75));
    const [u, v] = inDisc(rng);
    const to = [from[0] + 14 * u, from[1] + 14 * v] as const;
    const via = [(from[0] + to[0]) / 2 + 3 * v, (from[1] + to[1]) / 2 - 3 * u] as const;
    vessel(rng, canvas, from, via, to, width * 0.55, 0);
  }
}

type Lesion = (rng: Rng, region: Patch) => (canvas: Canvas) => void;

/** Something that fills the patch. */
function spread(
  canvas: Canvas,
  { at, radius }: Patch,
  colour: Colour,
  alpha: (dx: number, dy: number) => number,
) {
  stamp(canvas, at, 1.4 * radius, colour, (dx, dy) => clamp(alpha(dx, dy)));
}

/** Something that dots the patch. */
function spots(
  rng: Rng,
  region: Patch,
  { apart, size, colour }: { apart: number; size: readonly [number, number]; colour: Colour },
) {
  const drawn = scatter(rng, region, apart, 0.8).map(([dx, dy]) => ({
    at: [region.at[0] + dx, region.at[1] + dy] as const,
    size: between(rng, ...size),
    colour: mixed(colour, [200, 100, 50], between(rng, 0, 0.15)),
  }));
  return (canvas: Canvas) => {
    for (const { at, size, colour: own } of drawn) dot(canvas, at, size, own, 0.95);
  };
}

const lesions: readonly Lesion[] = [
  function haemorrhage(rng, region) {
    const clot = noise(rng, 3);
    return (canvas) =>
      spread(canvas, region, blood, (dx, dy) => {
        const depth = -region.distance(dx, dy);
        return ramp(-0.5, 1.5, depth) * (0.55 + 0.45 * clot(dx + 40, dy + 40));
      });
  },
  function exudates(rng, region) {
    return spots(rng, region, { apart: 3.4, size: [0.7, 1.5], colour: [252, 232, 130] });
  },
  function cottonWool(rng, region) {
    const fluff = noise(rng, 3.2);
    return (canvas) =>
      spread(canvas, region, [246, 228, 200], (dx, dy) => {
        const depth = -region.distance(dx, dy);
        return ramp(-0.5, 4, depth) * (0.5 + 0.5 * fluff(dx + 40, dy + 40));
      });
  },
  function microaneurysms(rng, region) {
    return spots(rng, region, { apart: 3.8, size: [0.8, 1.3], colour: blood });
  },
];
