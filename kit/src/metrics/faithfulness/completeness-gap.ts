import { baselineInput, baselineScore } from "../../methods/baseline.ts";
import type { Expectation } from "../../stats/expectation.ts";
import { defineMetric, skip } from "../metric.ts";

const noContribution: Expectation = { skipped: true };

/**
 * Completeness gap: how far the sum of a contribution is from the difference of scores it should share out, |ΣΦ − (f(x) − f(r))| over
 * |f(x) − f(r)|; r is the reference that the method counts from.
 *
 * Reads Φ, not the map. Skips what is not counted from a reference (sensitivities, CAMs, occlusion), an attribution that is not finite, and an
 * image whose f(x) − f(r) is nearly nothing: less than 0.01 of the standard deviation of this image's scores over the classes. That measure
 * of "nearly nothing" is ours, and of one image, since whoever computes a share of a data set does not see the rest.
 *
 * @throws KitError E_INPUT for a baseline of other dims
 *
 * Cost: f(x) and f(r), shared by all methods of a sample.
 * Source: the axiom of arXiv:1703.01365 § 3, proposition 1, as a relative gap; supplied, `baseline` stands for r.
 */
export const completenessGap = defineMetric({
  id: "completeness-gap",
  title: "Completeness gap",
  paper: "arXiv:1703.01365",
  revision: 1,
  formula: "|ΣΦ − (f(x) − f(r))| / |f(x) − f(r)|",
  summary:
    "How far the contributions are from adding up to the difference of scores between image and reference.",
  limits: "Only the sum is looked at: methods that enforce it score 0 whatever they show.",
  family: "faithfulness",
  better: "lower",
  reported: "median",
  range: [0, null],
  gate: "none",
  controls: {
    random: noContribution,
    sobel: noContribution,
    constant: noContribution,
    "centre-gaussian": noContribution,
  },
  needs: [],
  params: {
    least: {
      type: "number",
      default: 0.01,
      minimum: 0,
      description: "smallest |f(x) − f(r)|, in standard deviations of the image's scores over the classes",
    },
  },
  inputs: { baseline: baselineInput },
  cost: () => ({ forwards: 2, backwards: 0 }),
  async score({ probe, attribution, kind, reference, params, given }) {
    const counted = reference !== undefined || given("baseline") !== undefined;
    if (kind !== "contribution" || !counted) return skip("not a contribution counted from a reference");
    if (!attribution.data.every(Number.isFinite)) return skip("attribution is not finite");
    const logits = await probe.logits();
    const difference =
      logits[probe.target] - (await baselineScore({ given, probe, x: probe.x }, reference ?? "mean"));
    if (difference === 0 || Math.abs(difference) < params.least * spread(logits)) {
      return skip("the score hardly differs from the reference's");
    }
    const sum = attribution.data.reduce((total, v) => total + v, 0);
    return Math.abs((sum - difference) / difference);
  },
});

/** Standard deviation of all values there are. */
function spread(values: Float32Array): number {
  const mean = values.reduce((sum, v) => sum + v, 0) / values.length;
  return Math.sqrt(values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / values.length);
}
