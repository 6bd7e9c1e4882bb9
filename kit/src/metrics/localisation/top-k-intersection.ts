import { chance } from "../../stats/expectation.ts";
import { defineMetric } from "../metric.ts";
import { descending, tiesParam } from "../order.ts";
import { annotated } from "./annotated.ts";

/**
 * Of the k % strongest pixels, the share that lies on the object. A random and a constant map score the object's share of the image.
 *
 * Skips without a mask, with an empty one, and a map that is not finite. Cost: none.
 * Source: arXiv:2104.14995, with k in pixels (Quantus: 1000); a share of the image, so that sizes compare, is ours.
 */
export const topKIntersection = defineMetric({
  id: "top-k-intersection",
  title: "Top-k intersection",
  paper: "arXiv:2104.14995",
  revision: 1,
  formula: "|strongest 5 % of pixels ∩ M| / |strongest 5 % of pixels|",
  summary: "Of the strongest 5 % of all pixels, the share on the object.",
  limits:
    "An object smaller than k cannot be scored 1, and a large one is hit by chance, with its share of the image.",
  family: "localisation",
  better: "higher",
  range: [0, 1],
  gate: "controls",
  controls: chance("relevance-rank-accuracy"),
  needs: ["mask"],
  params: {
    k: {
      type: "number",
      default: 5,
      minimum: 0,
      maximum: 100,
      description: "per cent of the pixels that count, at least one pixel",
    },
    ties: tiesParam,
  },
  cost: () => ({ forwards: 0, backwards: 0 }),
  async score({ map, mask, params, rng }) {
    const object = annotated({ map, mask });
    if ("skip" in object) return object;
    const k = Math.max(1, Math.round((params.k / 100) * map.data.length));
    const strongest = descending(map, params.ties, rng).subarray(0, k);
    return strongest.reduce((hits, pixel) => hits + object.mask[pixel], 0) / k;
  },
});
