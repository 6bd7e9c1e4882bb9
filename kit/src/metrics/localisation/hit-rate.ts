import { defineMetric } from "../metric.ts";
import { descending, tiesParam } from "../order.ts";
import { annotated } from "./annotated.ts";

/**
 * Is the strongest pixel on the object? The same number as the pointing game without tolerance, under the name that CheXlocalize gives it.
 *
 * Skips without a mask, with an empty one, and a map that is not finite. Cost: none.
 * Source: CheXlocalize, doi:10.1038/s42256-022-00536-x, where ties go to the first pixel (`ties=index`).
 */
export const hitRate = defineMetric({
  id: "hit-rate",
  title: "Hit rate",
  paper: "doi:10.1038/s42256-022-00536-x",
  revision: 1,
  formula: "1 where argmax Φ lies in M, else 0",
  summary:
    "1 where the strongest pixel lies on the object, else 0; the pointing game under its name in CheXlocalize.",
  limits: "Looks at one pixel; large objects are hit by chance.",
  family: "localisation",
  better: "higher",
  range: [0, 1],
  gate: "controls",
  controls: {
    random: { like: "random", on: "pointing-game", within: 0 },
    sobel: { like: "sobel", on: "pointing-game", within: 0 },
    constant: { like: "constant", on: "pointing-game", within: 0 },
    "centre-gaussian": { like: "centre-gaussian", on: "pointing-game", within: 0 },
  },
  needs: ["mask"],
  params: { ties: tiesParam },
  cost: () => ({ forwards: 0, backwards: 0 }),
  async score({ map, mask, params, rng }) {
    const object = annotated({ map, mask });
    return "skip" in object ? object : object.mask[descending(map, params.ties, rng)[0]];
  },
});
