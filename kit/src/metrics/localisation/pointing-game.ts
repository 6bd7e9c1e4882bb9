import { chance } from "../../stats/expectation.ts";
import { defineMetric } from "../metric.ts";
import { descending, tiesParam } from "../order.ts";
import { annotated } from "./annotated.ts";

/**
 * Is the strongest pixel on the object? A random map hits with the object's share of the image, and so does a constant one over samples.
 *
 * Skips without a mask, with an empty one, and a map that is not finite. Cost: none.
 * Source: arXiv:1608.00507, without its tolerance of 15 pixels.
 */
export const pointingGame = defineMetric({
  id: "pointing-game",
  title: "Pointing game",
  paper: "arXiv:1608.00507",
  revision: 1,
  formula: "1 where the strongest pixel lies in M, else 0",
  summary: "1 where the strongest pixel lies on the object, else 0.",
  limits: "Looks at one pixel; large objects are hit by chance.",
  family: "localisation",
  better: "higher",
  range: [0, 1],
  gate: "controls",
  controls: chance("relevance-rank-accuracy"),
  needs: ["mask"],
  params: { ties: tiesParam },
  cost: () => ({ forwards: 0, backwards: 0 }),
  async score({ map, mask, params, rng }) {
    const object = annotated({ map, mask });
    return "skip" in object ? object : object.mask[descending(map, params.ties, rng)[0]];
  },
});
