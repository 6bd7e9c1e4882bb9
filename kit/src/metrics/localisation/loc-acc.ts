import { image } from "../../stats/expectation.ts";
import { mean } from "../../stats/summary.ts";
import { defineMetric } from "../metric.ts";
import { ofParam, reading } from "../reading.ts";
import { annotated } from "./annotated.ts";

/**
 * The share of the object that the map covers, where its relevance is at least a half. A recall: nothing is lost by covering the rest of
 * the image too. A map that is constant or nowhere positive has no relevance, so it covers nothing: 0.
 *
 * Skips without a mask, with an empty one, and a map that is not finite. Cost: none.
 * Source: arXiv:2601.12826 eq. 4, whose set of pixels is that of its published code, relevance ≥ 0.5. `by=soft` sums the relevance over
 * the object instead.
 */
export const locAcc = defineMetric({
  id: "loc-acc",
  title: "LocAcc",
  paper: "arXiv:2601.12826",
  revision: 1,
  formula: "|{h ≥ 0.5} ∩ M| / |M|",
  summary: "Share of the object where the relevance is at least 0.5: a recall.",
  limits: "A recall: a relevance of 1 everywhere would score 1, and a diffuse map beats a sharp one.",
  family: "localisation",
  better: "higher",
  range: [0, 1],
  gate: "controls",
  controls: {
    // half of uniform noise is above a half of its range
    random: { mean: 0.5, within: 1e-3, errors: 5 },
    sobel: image,
    constant: { every: 0, within: 0 },
    "centre-gaussian": image,
  },
  needs: ["mask"],
  params: {
    by: {
      type: "choice",
      choices: ["half-max", "mean", "soft"],
      default: "half-max",
      description:
        "what of the object counts: values ≥ 0.5, values ≥ their mean over the image, or each pixel by its value",
    },
    of: ofParam("relevance", "min-max"),
  },
  cost: () => ({ forwards: 0, backwards: 0 }),
  async score({ map, mask, params }) {
    const object = annotated({ map, mask });
    if ("skip" in object) return object;
    const values = reading(map, params.of);
    const least = params.by === "mean" ? (mean(values) ?? 0) : 0.5;
    const counts = (v: number) => (params.by === "soft" ? v : Number(v >= least));
    return values.reduce((sum, v, i) => sum + (object.mask[i] ? counts(v) : 0), 0) / object.size;
  },
});
