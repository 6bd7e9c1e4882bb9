import { image } from "../../stats/expectation.ts";
import { defineMetric, skip } from "../metric.ts";
import { ofParam, weights } from "../reading.ts";
import { annotated, shareInside } from "./annotated.ts";
import { fromQuantile, shareOf, zerosParam } from "./salient.ts";

/**
 * Of the more salient half of the pixels, the share that lies on the object. Part `selected`: their share of the image, less than a half
 * where more than half of the map is empty.
 *
 * Skips without a mask, with an empty one, and a map that is zero, constant, nowhere positive or not finite. Cost: none.
 * Source: arXiv:2605.10054 eqs. 5 and 7. That a pixel of relevance 0 is never salient is ours: eq. 5 selects every pixel of a map that is
 * half empty, as Grad-CAM's often are, and the score is the object's size (`zeros=keep`).
 */
export const topSaliencyPrecision = defineMetric({
  id: "top-saliency-precision",
  title: "Top saliency precision",
  paper: "arXiv:2605.10054",
  revision: 1,
  formula: "|H⁺ ∩ M| / |H⁺|, H⁺ = {h ≥ median h} ∩ {h > 0}",
  summary: "Of the pixels with at least the median relevance and more than 0, the share on the object.",
  limits:
    "Half of the image is a large selection: an object of a few per cent cannot be scored above twice its share unless the rest of the map is empty.",
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
  params: {
    quantile: {
      type: "number",
      default: 0.5,
      minimum: 0,
      maximum: 1,
      description: "of the map's values, from which a pixel is salient",
    },
    zeros: zerosParam,
    of: ofParam("relevance", "min-max", "positive"),
  },
  cost: () => ({ forwards: 0, backwards: 0 }),
  async score({ map, mask, params }) {
    const object = annotated({ map, mask });
    if ("skip" in object) return object;
    const values = weights(map, params.of);
    if ("skip" in values) return values;
    const selected = fromQuantile(values, params.quantile, params.zeros);
    const value = shareInside(selected, object.mask);
    return value === undefined
      ? skip("no pixel is selected")
      : { value, parts: { selected: shareOf(selected) } };
  },
});
