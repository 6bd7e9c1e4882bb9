import { defineMetric } from "../metric.ts";
import { nearbyCost, nearbyInputs, neighbours, normalised, quotientParams, stillControls } from "./nearby.ts";

/**
 * Relative input stability, arXiv:2203.06877: the largest ‖(Φ(x′) − Φ(x))/Φ(x)‖₂ / ‖(x′ − x)/x‖₂ over the draws of max-sensitivity, divided
 * element by element, every attribution first by its largest size.
 *
 * Reads Φ, not the map. Skips an attribution that is zero or not finite, and one from elsewhere. Controls that ignore the image score 0.
 *
 * @throws KitError E_INPUT for perturbations of other dims, or a map where the method gives [C,H,W]
 *
 * Cost: `draws` attributions, shared with the other metrics on these draws, at images shared by all methods of a sample.
 * Source: eq. 2. There the draws keep the predicted class, which here is not asked. Ours: denominators |Φᵢ| and |xᵢ| count `epsilon` at
 * least (Quantus replaces zeros only), and so does the norm below, as in the paper; with `normalise` epsilon is a share of the peak.
 */
export const relativeInputStability = defineMetric({
  id: "relative-input-stability",
  title: "Relative input stability",
  paper: "arXiv:2203.06877",
  revision: 1,
  formula:
    "max over x′ = x + e of ‖(Φ̂(x′) − Φ̂(x)) / max(|Φ̂(x)|, ε)‖₂ / max(‖(x′ − x) / max(|x|, ε)‖₂, ε), Φ̂ = Φ / max|Φ|",
  summary: "The largest relative change of single attributions per relative change of single pixels.",
  limits:
    "Values near 0 decide: where a map is nearly nothing its relative change is large, where the image is black that of the image is.",
  family: "robustness",
  better: "lower",
  range: [0, null],
  gate: "none",
  controls: stillControls,
  needs: ["method"],
  params: quotientParams,
  inputs: nearbyInputs,
  cost: nearbyCost,
  async score(context) {
    const near = await neighbours(context);
    if ("skip" in near) return near;
    const { probe, attribution, params } = context;
    const here = normalised(attribution, params.normalise);
    return Math.max(
      ...near.map((other) => {
        const there = normalised(other.attribution, params.normalise);
        const moved = relativeChange(other.x.data, probe.x.data, params.epsilon);
        return relativeChange(there, here, params.epsilon) / Math.max(moved, params.epsilon);
      }),
    );
  },
});

/** ‖(a − b) / max(|b|, least)‖₂, element by element. */
function relativeChange(a: ArrayLike<number>, b: ArrayLike<number>, least: number): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += ((a[i] - b[i]) / Math.max(Math.abs(b[i]), least)) ** 2;
  return Math.sqrt(sum);
}
