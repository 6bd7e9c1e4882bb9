import { referenceParam } from "../../methods/baseline.ts";
import { image } from "../../stats/expectation.ts";
import { defineMetric, skip } from "../metric.ts";
import { curve, curveInputs, curveParams, trapezoid } from "./curve.ts";

/**
 * Symmetric relevance gain, arXiv:2401.06654: how much longer the class probability lasts while pixels are removed from the least relevant
 * one on than while they are removed from the most relevant one on. One ordering, read from both ends.
 *
 * Skips a map that is not finite.
 * Cost: 2·`steps` forward passes; the ends are shared by all methods of a sample, and both curves with deletion-auc and insertion-auc.
 * Source: the paper leaves open what is removed and what stands for it; equal shares of pixels, as in deletion-auc, and the reference image
 * are ours.
 */
export const srg = defineMetric({
  id: "srg",
  title: "Symmetric relevance gain",
  paper: "arXiv:2401.06654",
  revision: 1,
  formula:
    "∫₀¹ p(x with its weakest share s replaced by r) − p(x with its strongest share s replaced by r) ds",
  summary:
    "Area between the curves of removing the least and the most relevant pixels first; 0: the order does not matter.",
  limits:
    "Reads the order of pixels alone, and images with removed pixels still leave the data distribution.",
  family: "faithfulness",
  better: "higher",
  range: [-1, 1],
  gate: "controls",
  controls: {
    // an order drawn by chance, for ties too: reading it from the other end changes the sign and is as likely
    random: { mean: 0, within: 1e-3, errors: 5 },
    constant: { mean: 0, within: 1e-3, errors: 5 },
    sobel: image,
    "centre-gaussian": image,
  },
  needs: [],
  params: { steps: curveParams.steps, reference: referenceParam, ties: curveParams.ties },
  inputs: curveInputs,
  cost: ({ steps }) => ({ forwards: 2 * steps, backwards: 0 }),
  async score(context) {
    const { map, params, given } = context;
    if (!map.data.every(Number.isFinite)) return skip("map is not finite");
    const fill = given("baseline") ? "given" : params.reference;
    // the weakest share s is gone where the strongest share 1 − s is there: insertion, read backwards
    const leastFirst = trapezoid(await curve("insertion", context, fill));
    const mostFirst = trapezoid(await curve("deletion", context, fill));
    return { value: leastFirst - mostFirst, parts: { "least-first": leastFirst, "most-first": mostFirst } };
  },
});
