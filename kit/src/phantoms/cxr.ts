/** Chest radiographs: lungs, ribs, heart, a letter of lead; and in one lung an opacity of one of four textures. */
import type { Rng } from "../rng.ts";
import {
  bell,
  between,
  clamp,
  coverage,
  direction,
  fill,
  length,
  noise,
  ramp,
  side,
  stamp,
  stroke,
  toSegment,
} from "./canvas.ts";
import { type Patch, patch, scatter } from "./outline.ts";
import { definePhantoms } from "./phantom.ts";

export const cxrPhantoms = definePhantoms({
  id: "cxr",
  title: "Chest radiographs",
  classes: ["nodule", "cavity", "consolidation", "reticular"],
  channels: 1,
  grain: 11,
  background(rng, canvas) {
    const [cx, cy] = [side / 2 + between(rng, -2, 2), side / 2 + 1 + between(rng, -2, 2)];
    const [wide, tall] = [between(rng, 29, 32), between(rng, 29, 32)];
    const exposure = between(rng, 0.9, 1.1);
    const heart = { x: between(rng, 0.1, 0.18), w: between(rng, 0.36, 0.46), h: between(rng, 0.3, 0.38) };
    const rib = {
      top: between(rng, -0.95, -0.8),
      gap: between(rng, 0.2, 0.24),
      arch: between(rng, 0.3, 0.5),
    };
    const [clouds, vessels] = [noise(rng, 13), noise(rng, 3.2)];

    fill(canvas, (x, y) => {
      const [u, v] = [(x - cx) / wide, (y - cy) / tall];
      const a = Math.abs(u);
      const body = ramp(0.04, -0.04, a - 0.97 - 0.12 * v * v + 0.25 * ramp(-0.55, -1.1, v));
      // wider towards the diaphragm
      const lungWidth = 0.37 + 0.05 * v;
      const [p, q] = [(a - 0.47 - 0.03 * v) / lungWidth, (v + 0.05) / 0.82];
      const dome = 0.6 - 0.13 * (1 - p * p) + (u > 0 ? 0.05 : 0);
      const lung = ramp(1.08, 0.82, p * p + q * q) * ramp(0.04, -0.04, v - dome);
      let value = 18 + body * (142 + 26 * (clouds(x, y) - 0.5) + 20 * ramp(0.3, 0.9, v));
      value -= lung * (104 - 34 * (1 - clamp((a - 0.1) / 0.5)) * vessels(x, y) - 18 * vessels(x, y));
      const heartAt = length((u - heart.x) / heart.w, (v - 0.32) / heart.h);
      value += 62 * ramp(1.1, 0.8, heartAt) * lung;
      const vertebra = 10 * Math.abs(v * 6 - Math.floor(v * 6) - 0.5);
      value += body * ramp(0.17, 0.08, a) * (38 + vertebra);
      // from the spine up, out and down
      const order = (v - rib.top - rib.arch * (a - 0.35) * (a - 0.35)) / rib.gap;
      const across = Math.abs(order - Math.floor(order) - 0.5);
      if (order > 0 && order < 7)
        value += body * 27 * ramp(0.5, 0.24, across * 1.6 + 0.1) * ramp(0.98, 0.8, a) * ramp(0.06, 0.14, a);
      for (const s of [-1, 1]) {
        const collar = toSegment(u, v, [s * 0.1, -0.62], [s * 0.8, -0.8]) * wide;
        value += 34 * body * coverage((collar - 1.3) / 1.5);
      }
      return [exposure * value];
    });
    const corner = [between(rng, 2, 4), between(rng, 3, 6)] as const;
    stroke(canvas, corner, [corner[0], corner[1] + 5], 1.2, [235]);
    stroke(canvas, [corner[0], corner[1] + 5], [corner[0] + 3, corner[1] + 5], 1.2, [235]);

    return (rng) => {
      const radius = between(rng, 7, 9.5);
      const half = rng.uniform() < 0.5 ? -1 : 1;
      const at = [cx + half * wide * between(rng, 0.4, 0.56), cy + tall * between(rng, -0.5, 0.28)] as const;
      const region = patch(rng, at, radius, 0.16);
      const strength = exposure * between(rng, 0.75, 1.15);
      const opacity = textures.map((texture) => texture(rng, region));
      return {
        mask: region.mask,
        paint(k, target) {
          // towards white, and where it is negative towards black: ribs still show through
          const reach = 1.4 * radius;
          for (const sign of [1, -1]) {
            stamp(target, at, reach, [sign > 0 ? 255 : 0], (dx, dy) =>
              clamp((sign * strength * opacity[k](dx, dy)) / 255),
            );
          }
        },
      };
    };
  },
});

type Opacity = (dx: number, dy: number) => number;
type Texture = (rng: Rng, region: Patch) => Opacity;

/** By class: how far towards white, of 255. Each ends within the patch. */
const textures: readonly Texture[] = [
  function nodule(_, { radius }) {
    return (dx, dy) => 118 * ramp(0.84, 0.42, length(dx, dy) / radius);
  },
  function cavity(_, { distance }) {
    return (dx, dy) => {
      const depth = -distance(dx, dy);
      return 112 * ramp(-0.5, 1.6, depth) * ramp(4.4, 2.4, depth) - 30 * ramp(3, 5, depth);
    };
  },
  function consolidation(rng, { distance }) {
    const [coarse, fine] = [noise(rng, 4.5), noise(rng, 2)];
    return (dx, dy) => {
      const cloud = 0.65 * coarse(dx + 40, dy + 40) + 0.35 * fine(dx + 40, dy + 40);
      return 135 * ramp(-0.5, 3, -distance(dx, dy)) * clamp(1.5 * cloud - 0.15);
    };
  },
  function reticular(rng, region) {
    const [ux, uy] = direction(rng);
    const [bend, gap] = [noise(rng, 6), between(rng, 4, 4.8)];
    const knots = scatter(rng, region, 5, 1.5, 8);
    return (dx, dy) => {
      const sway = 3 * bend(dx + 40, dy + 40);
      const line = (t: number) => bell(Math.abs(t / gap - Math.floor(t / gap) - 0.5) * gap);
      const net = Math.max(line(dx * ux + dy * uy + sway), line(dy * ux - dx * uy + sway));
      const knot = Math.max(0, ...knots.map(([kx, ky]) => bell(length(dx - kx, dy - ky) / 2)));
      return 122 * ramp(-0.5, 2, -region.distance(dx, dy)) * Math.max(net, 0.8 * knot);
    };
  },
];
