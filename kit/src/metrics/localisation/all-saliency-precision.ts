import { image } from "../../stats/expectation.ts";
import { defineMetric, skip } from "../metric.ts";
import { ofParam, weights } from "../reading.ts";
import { annotated, shareInside } from "./annotated.ts";

/**
 * Share of the relevance that lies on the object. Relevance mass accuracy differs from it in one thing: there the smallest value is not
 * subtracted first.
 *
 * Skips without a mask, with an empty one, and a map that is zero, constant, nowhere positive or not finite. Cost: none.
 * Source: arXiv:2605.10054 eq. 8.
 */
export const allSaliencyPrecision = defineMetric({
  id: "all-saliency-precision",
  title: "All saliency precision",
  paper: "arXiv:2605.10054",
  revision: 1,
  formula: "Σᵢ∈M hᵢ / Σᵢ hᵢ",
  summary: "Share of the relevance that lies on the object.",
  limits:
    "Chance is the object's share of the image; a faint haze over a large background outweighs a sharp object, and context that the model uses counts as wrong.",
  family: "localisation",
  better: "higher",
  range: [0, 1],
  gate: "controls",
  controls: {
    random: { like: "random", on: "relevance-rank-accuracy", within: 1e-3 },
    sobel: image,
    constant: { skipped: true },
    "centre-gaussian": image,
  },
  needs: ["mask"],
  params: { of: ofParam("relevance", "min-max") },
  cost: () => ({ forwards: 0, backwards: 0 }),
  async score({ map, mask, params }) {
    const object = annotated({ map, mask });
    if ("skip" in object) return object;
    const values = weights(map, params.of);
    if ("skip" in values) return values;
    return shareInside(values, object.mask) ?? skip("map sums to 0");
  },
});
