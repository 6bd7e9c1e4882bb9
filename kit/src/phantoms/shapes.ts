/** Coloured shapes of equal area on clutter. */
import {
  between,
  type Colour,
  clamp,
  coverage,
  direction,
  fill,
  length,
  mix,
  mixed,
  noise,
  side,
  stamp,
  stroke,
} from "./canvas.ts";
import { maskOf } from "./outline.ts";
import { definePhantoms } from "./phantom.ts";

/** A colour by hue in [0, 6), saturation and value in [0, 1]. */
function hsv(hue: number, saturation: number, value: number): Colour {
  const channel = (n: number) => {
    const k = (n + hue) % 6;
    return 255 * value * (1 - saturation * clamp(Math.min(k, 4 - k)));
  };
  return [channel(5), channel(3), channel(1)];
}

/** Signed distance at (x, y) from a shape of the area of a disc of radius 1. */
const shapes: Readonly<Record<string, (x: number, y: number) => number>> = {
  circle: (x, y) => length(x, y) - 1,
  square: (x, y) => Math.max(Math.abs(x), Math.abs(y)) - 0.8862,
  // half-planes with normals at 90°, 210° and 330°
  triangle: (x, y) => Math.max(y, -0.5 * y + 0.8660254 * Math.abs(x)) - 0.7777,
  cross: (x, y) => {
    const [a, b] = [Math.max(Math.abs(x), Math.abs(y)), Math.min(Math.abs(x), Math.abs(y))];
    return Math.max(a - 1.189, b - 0.3963);
  },
};
const outlines = Object.values(shapes);

export const shapesPhantoms = definePhantoms({
  id: "shapes",
  title: "Coloured shapes on clutter",
  classes: Object.keys(shapes),
  channels: 3,
  grain: 9,
  background(rng, canvas) {
    const hue = between(rng, 0, 6);
    const tint = () =>
      hsv((hue + between(rng, -0.6, 0.6) + 6) % 6, between(rng, 0.1, 0.35), between(rng, 0.35, 0.85));
    const [from, to] = [tint(), tint()];
    const [ux, uy] = direction(rng);
    const clouds = noise(rng, 11);
    fill(canvas, (x, y) => {
      const along = ((x - side / 2) * ux + (y - side / 2) * uy) / 80 + 0.5;
      return mixed(from, to, clamp(along + 0.5 * (clouds(x, y) - 0.5)));
    });
    for (let k = 0; k < 16; k++) {
      const at = [between(rng, 0, side), between(rng, 0, side)] as const;
      const [dx, dy] = direction(rng);
      const reach = between(rng, 3, 12);
      const colour = hsv(between(rng, 0, 6), between(rng, 0.2, 0.9), between(rng, 0.25, 1));
      stroke(canvas, at, [at[0] + dx * reach, at[1] + dy * reach], between(rng, 0.8, 2.4), colour, 0.85);
    }
    return (rng) => {
      const r = between(rng, 7.5, 10.5);
      const at = [between(rng, 1.6 * r, side - 1.6 * r), between(rng, 1.6 * r, side - 1.6 * r)] as const;
      const [cx, cy] = direction(rng);
      const colour = hsv((hue + between(rng, 1.5, 4.5)) % 6, between(rng, 0.75, 1), between(rng, 0.7, 1));
      const rim = colour.map((v) => v * 0.55);
      const [lx, ly] = direction(rng);
      const distance = (k: number, dx: number, dy: number) =>
        r * outlines[k]((dx * cx + dy * cy) / r, (dy * cx - dx * cy) / r);
      return {
        mask: maskOf((x, y) => outlines.some((_, k) => distance(k, x - at[0], y - at[1]) < 0.5)),
        paint(k, target) {
          const shade = (dx: number, dy: number) => {
            const light = 1 + (0.18 * (dx * lx + dy * ly)) / r;
            const edge = coverage(-distance(k, dx, dy) - 1.4);
            return colour.map((v, c) => Math.min(255, light * mix(v, rim[c], edge)));
          };
          stamp(target, at, 1.6 * r + 1, shade, (dx, dy) => coverage(distance(k, dx, dy)));
        },
      };
    };
  },
});
