import { auroc } from "../../stats/classification.ts";
import { image } from "../../stats/expectation.ts";
import { defineMetric, skip } from "../metric.ts";
import { annotated } from "./annotated.ts";

/**
 * How well the map tells the object's pixels from the others: the share of pairs in which the one on the object is stronger, ties half.
 * A half by chance, whatever the object's size.
 *
 * Skips without a mask, with an empty or a full one, and a map that is not finite. Cost: none.
 * Source: doi:10.1016/j.patrec.2005.10.010, over the pixels of one image, as Quantus' AUC.
 */
export const localisationAuroc = defineMetric({
  id: "localisation-auroc",
  title: "Localisation AUROC",
  paper: "doi:10.1016/j.patrec.2005.10.010",
  revision: 1,
  formula: "P(Φᵢ > Φⱼ) + P(Φᵢ = Φⱼ)/2, i ∈ M, j ∉ M",
  summary: "Probability that a pixel on the object is stronger than one beside it, ties half.",
  limits:
    "Looks at the order of all pixels alike: the strongest may lie elsewhere, if they are few, and a faint ramp scores as a sharp edge does.",
  family: "localisation",
  better: "higher",
  range: [0, 1],
  gate: "controls",
  controls: {
    random: { like: "constant", within: 1e-3 },
    sobel: image,
    constant: { every: 0.5, within: 0 }, // all pairs are ties
    "centre-gaussian": image,
  },
  needs: ["mask"],
  params: {},
  cost: () => ({ forwards: 0, backwards: 0 }),
  async score({ map, mask }) {
    const object = annotated({ map, mask });
    if ("skip" in object) return object;
    return auroc(map.data, object.mask) ?? skip("the mask is full");
  },
});
