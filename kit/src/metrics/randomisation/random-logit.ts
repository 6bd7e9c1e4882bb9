import { spearman } from "../../stats/summary.ts";
import { defineMetric, skip } from "../metric.ts";
import { flatness } from "./flatness.ts";

/**
 * Random logit test, after Sixt et al. arXiv:1912.09818: |Spearman| between the |map| of the explained class and that of the most probable
 * other one. The image, and the method's own random draws, stay.
 *
 * Skips a zero, constant or non-finite map, of either class, one from elsewhere, and a model of one class. Controls that ignore the model
 * score 1.
 *
 * Cost: f(x), for all classes, and one attribution.
 * Source: the paper compares with a class drawn at random by SSIM; the second most probable one, and ranks, are ours: what the model hesitates
 * between is the hardest to tell apart, and |Spearman| is what `randomisation` takes. Of equal scores the first class counts.
 */
export const randomLogit = defineMetric({
  id: "random-logit",
  title: "Random logit",
  paper: "arXiv:1912.09818",
  revision: 1,
  formula: "|Spearman(|map of class c|, |map of c′|)|, c′ = the most probable class but c",
  summary:
    "|Spearman| between the |map| of the explained class and of the next most probable one; 0: the map depends on what is explained.",
  limits:
    "Two classes may rightly rest on the same pixels; and where a model has a single output for two, a gradient's size is the same for both.",
  family: "randomisation",
  better: "lower",
  range: [0, 1],
  gate: "none",
  controls: {
    random: { every: 1, within: 1e-6 },
    sobel: { every: 1, within: 1e-6 },
    constant: { skipped: true },
    "centre-gaussian": { every: 1, within: 1e-6 },
  },
  needs: ["method"],
  params: {},
  cost: (_, { forwards, backwards }) => ({ forwards: forwards + 1, backwards }),
  async score({ probe, map, explain, reduce }) {
    if (explain === undefined) return skip("the method cannot be re-run");
    const reason = flatness(map);
    if (reason) return skip(reason);
    const other = nextClass(await probe.logits(), probe.target);
    if (other === undefined) return skip("the model has one class");
    const otherMap = reduce(await explain(probe.explaining(other)));
    const otherReason = flatness(otherMap);
    if (otherReason) return skip(`the other class's ${otherReason}`);
    return Math.abs(spearman(map.data.map(Math.abs), otherMap.data.map(Math.abs))!);
  },
});

/** By scores, whose order is that of the probabilities, also where these round to the same. */
function nextClass(logits: Float32Array, target: number): number | undefined {
  let best: number | undefined;
  for (let k = 0; k < logits.length; k++) {
    if (k !== target && (best === undefined || logits[k] > logits[best])) best = k;
  }
  return best;
}
