import { chance } from "../../stats/expectation.ts";
import { defineMetric, skip } from "../metric.ts";
import { ofParam, weights } from "../reading.ts";
import { annotated, shareInside } from "./annotated.ts";

/**
 * Share of the positive attribution that lies on the object. A random and a constant map score the object's share of the image.
 *
 * Skips without a mask, with an empty one, and a map that is zero, nowhere positive or not finite. Cost: none.
 * Source: arXiv:2003.07258, of maps that are ≥ 0. Counting the positive part of others is ours; `of=signed` is Quantus' sum with signs,
 * which can leave [0, 1], and `of=absolute` the AttributionLocalisation of Quantus (arXiv:1910.09840).
 */
export const relevanceMassAccuracy = defineMetric({
  id: "relevance-mass-accuracy",
  title: "Relevance mass accuracy",
  paper: "arXiv:2003.07258",
  revision: 1,
  formula: "Σᵢ∈M max(Φᵢ, 0) / Σᵢ max(Φᵢ, 0)",
  summary: "Share of the positive attribution that lies on the object.",
  limits:
    "Chance is the object's share of the image; a faint haze over a large background outweighs a sharp object, and context that the model uses counts as wrong.",
  family: "localisation",
  better: "higher",
  range: [0, 1],
  gate: "controls",
  controls: chance("relevance-rank-accuracy"),
  needs: ["mask"],
  params: { of: ofParam("positive", "absolute", "signed") },
  cost: () => ({ forwards: 0, backwards: 0 }),
  async score({ map, mask, params }) {
    const object = annotated({ map, mask });
    if ("skip" in object) return object;
    const values = weights(map, params.of);
    if ("skip" in values) return values;
    return shareInside(values, object.mask) ?? skip("map sums to 0");
  },
});
