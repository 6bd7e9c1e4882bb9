/** Reading an image at points that are themselves computed: spatial transformers. */
import { type Call, info, type Rule, sameType } from "./call.ts";

/** [N, C, in…] read at [N, out…, r] for r spatial axes. */
const gridSample: Rule = (c) => {
  const [n, channels, ...space] = c.dims(0);
  const grid = c.dims(1);
  if (
    space.length === 0 ||
    grid.length !== space.length + 2 ||
    grid[0] !== n ||
    grid.at(-1) !== space.length
  ) {
    throw c.wrong("an image [N, C, spatial…] and a grid [N, spatial…, number of spatial axes]");
  }
  return [info(c.type(0), [n, channels, ...grid.slice(1, -1)])];
};

/** theta [N, r, r + 1] and size [N, C, out…] make a grid [N, out…, r]. */
const affineGrid: Rule = (c: Call) => {
  const theta = c.dims(0);
  const [n, , ...space] = c.values(1);
  const axes = space.length;
  if (axes < 2 || axes > 3 || theta.join() !== [n, axes, axes + 1].join()) {
    throw c.wrong("theta of [N, 2, 3] and 4 sizes, or [N, 3, 4] and 5 sizes");
  }
  return [info(sameType(c, [0]), [n, ...space, axes])];
};

export const sampling: Readonly<Record<string, Rule>> = {
  AffineGrid: affineGrid,
  GridSample: gridSample,
};
