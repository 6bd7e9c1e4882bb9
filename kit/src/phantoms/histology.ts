/** Stained tissue: fibres and scattered nuclei; and one patch of one of four kinds of cells. */
import type { Rng } from "../rng.ts";
import {
  between,
  type Canvas,
  type Colour,
  direction,
  dot,
  ellipse,
  fill,
  mixed,
  noise,
  ramp,
  side,
  stamp,
} from "./canvas.ts";
import { type Patch, patch, scatter } from "./outline.ts";
import { definePhantoms } from "./phantom.ts";

const eosin: Colour = [228, 158, 190];
const pale: Colour = [246, 226, 236];
const haematoxylin: Colour = [96, 58, 138];

export const histologyPhantoms = definePhantoms({
  id: "histology",
  title: "Stained tissue",
  classes: ["gland", "lymphocytes", "tumour", "necrosis"],
  channels: 3,
  grain: 10,
  background(rng, canvas) {
    const [ux, uy] = direction(rng);
    const [fibres, thickness, waves] = [noise(rng, 3), noise(rng, 14), noise(rng, 16)];
    const stain = between(rng, -0.15, 0.15);
    fill(canvas, (x, y) => {
      const bent = 12 * waves(x, y);
      const [along, across] = [(x * ux + y * uy) / 5, y * ux - x * uy + bent];
      const density = 0.45 * fibres(along + 90, across + 90) + 0.55 * thickness(x, y) + stain;
      return mixed(pale, eosin, ramp(0.1, 0.85, density));
    });
    for (let k = 0; k < 5; k++) {
      // gaps that shrinking leaves between fibres
      const at = [between(rng, 0, side), between(rng, 0, side)] as const;
      ellipse(canvas, at, [between(rng, 4, 9), between(rng, 0.8, 1.6)], [ux, uy], [250, 244, 248], 0.8);
    }
    for (let k = 0; k < 34; k++) {
      const at = [between(rng, 0, side), between(rng, 0, side)] as const;
      const size = [between(rng, 2, 3.6), between(rng, 0.9, 1.5)] as const;
      ellipse(canvas, at, size, [ux, uy], mixed(haematoxylin, eosin, between(rng, 0, 0.3)), 0.85);
    }
    return (rng) => {
      const radius = between(rng, 10, 13.5);
      const at = [between(rng, 15, side - 15), between(rng, 15, side - 15)] as const;
      const region = patch(rng, at, radius, 0.2);
      const cells = kinds.map((kind) => kind(rng, region));
      return { mask: region.mask, paint: (k, target) => cells[k](target) };
    };
  },
});

type Kind = (rng: Rng, region: Patch) => (canvas: Canvas) => void;

/** Lays a ground over the whole patch. */
function ground(
  canvas: Canvas,
  { at, radius, distance }: Patch,
  colourAt: (dx: number, dy: number) => Colour,
) {
  stamp(canvas, at, 1.4 * radius, colourAt, (dx, dy) => 0.85 * ramp(-0.5, 1.8, -distance(dx, dy)));
}

/** A nucleus: a darker rim, and where it is large a nucleolus. */
interface Nucleus {
  readonly at: readonly [number, number];
  readonly size: readonly [number, number];
  readonly along: readonly [number, number];
  readonly colour: Colour;
  readonly core: boolean;
}

function nuclei(
  rng: Rng,
  region: Patch,
  places: readonly (readonly [number, number])[],
  { size, colour, core = false }: { size: readonly [number, number]; colour: Colour; core?: boolean },
): Nucleus[] {
  return places.map(([dx, dy]) => {
    const long = between(rng, ...size);
    return {
      at: [region.at[0] + dx, region.at[1] + dy],
      size: [long, long * between(rng, 0.72, 0.95)],
      along: direction(rng),
      colour: mixed(colour, eosin, between(rng, 0, 0.18)),
      core,
    };
  });
}

function put(canvas: Canvas, { at, size, along, colour, core }: Nucleus): void {
  ellipse(canvas, at, size, along, mixed(colour, [40, 16, 84], 0.45), 0.95);
  ellipse(canvas, at, [size[0] - 0.8, size[1] - 0.8], along, colour, 0.95);
  if (core) dot(canvas, at, 0.9, [60, 20, 96]);
}

const kinds: readonly Kind[] = [
  function gland(rng, region) {
    const { distance, radius } = region;
    const ring = scatter(rng, region, 3.3, 1.8).filter(([dx, dy]) => distance(dx, dy) > -4.6);
    const lining = nuclei(rng, region, ring, { size: [1.6, 2.1], colour: haematoxylin });
    const lumen = 0.5 * radius;
    return (canvas) => {
      ground(canvas, region, (dx, dy) => {
        const depth = -distance(dx, dy);
        return mixed([214, 150, 200], [252, 246, 250], ramp(radius - lumen - 1.5, radius - lumen, depth));
      });
      for (const nucleus of lining) put(canvas, nucleus);
    };
  },
  function lymphocytes(rng, region) {
    const crowd = nuclei(rng, region, scatter(rng, region, 3.4, 1.2), {
      size: [1.5, 1.9],
      colour: [74, 44, 122],
    });
    return (canvas) => {
      ground(canvas, region, () => [220, 170, 206]);
      for (const nucleus of crowd) put(canvas, nucleus);
    };
  },
  function tumour(rng, region) {
    const large = nuclei(rng, region, scatter(rng, region, 6, 2.2), {
      size: [2.7, 3.9],
      colour: [150, 104, 176],
      core: true,
    });
    return (canvas) => {
      ground(canvas, region, () => [222, 164, 200]);
      for (const nucleus of large) put(canvas, nucleus);
    };
  },
  function necrosis(rng, region) {
    const [smudge, grit] = [noise(rng, 4), noise(rng, 1.5)];
    const dust = scatter(rng, region, 3.2, 1).map((at) => ({ at, size: between(rng, 0.5, 0.8) }));
    return (canvas) => {
      ground(canvas, region, (dx, dy) =>
        mixed(
          [240, 184, 196],
          [212, 132, 164],
          0.6 * smudge(dx + 40, dy + 40) + 0.4 * grit(dx + 40, dy + 40),
        ),
      );
      for (const { at, size } of dust)
        dot(canvas, [region.at[0] + at[0], region.at[1] + at[1]], size, [120, 60, 110], 0.75);
    };
  },
];
