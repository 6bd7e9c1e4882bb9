import { chance } from "../../stats/expectation.ts";
import { defineMetric } from "../metric.ts";
import { descending, tiesParam } from "../order.ts";
import { annotated } from "./annotated.ts";

/**
 * Of the |S| strongest pixels, the share that lies on the object S. A random map scores the object's share of the image.
 *
 * Skips without a mask, with an empty one, and a map that is not finite. Cost: none.
 * Source: arXiv:2003.07258.
 */
export const relevanceRankAccuracy = defineMetric({
  id: "relevance-rank-accuracy",
  title: "Relevance rank accuracy",
  paper: "arXiv:2003.07258",
  revision: 1,
  formula: "|strongest |M| pixels ∩ M| / |M|",
  summary: "Of as many strongest pixels as the object has, the share on the object.",
  limits:
    "Chance is the object's share of the image; a model that uses context is punished for a true explanation.",
  family: "localisation",
  better: "higher",
  range: [0, 1],
  gate: "controls",
  controls: chance("pointing-game"),
  needs: ["mask"],
  params: { ties: tiesParam },
  cost: () => ({ forwards: 0, backwards: 0 }),
  async score({ map, mask, params, rng }) {
    const object = annotated({ map, mask });
    if ("skip" in object) return object;
    const strongest = descending(map, params.ties, rng).subarray(0, object.size);
    return strongest.reduce((hits, pixel) => hits + object.mask[pixel], 0) / object.size;
  },
});
