import { defineMetric } from "../metric.ts";
import {
  distance,
  nearbyCost,
  nearbyInputs,
  neighbours,
  normalised,
  quotientParams,
  stillControls,
} from "./nearby.ts";

/**
 * Local Lipschitz estimate, arXiv:1806.08049: the largest ‖Φ(x′) − Φ(x)‖₂ / ‖x′ − x‖₂ over the draws of max-sensitivity, every attribution
 * divided by its largest size.
 *
 * Reads Φ, not the map. Skips an attribution that is zero or not finite, and one from elsewhere. Controls that ignore the image score 0.
 *
 * @throws KitError E_INPUT for perturbations of other dims, or a map where the method gives [C,H,W]
 *
 * Cost: `draws` attributions, shared with the other metrics on these draws, at images shared by all methods of a sample.
 * Source: eq. 2 with uniform draws for its search. Ours: ‖x′ − x‖₂, of the image after clipping, counts `epsilon` at least; and the division
 * by the largest size, without which units would decide (`normalise=false` is the paper). Quantus divides too, but by its batch's largest.
 */
export const localLipschitz = defineMetric({
  id: "local-lipschitz",
  title: "Local Lipschitz estimate",
  paper: "arXiv:1806.08049",
  revision: 1,
  formula: "max over x′ = x + e of ‖Φ̂(x′) − Φ̂(x)‖₂ / max(‖x′ − x‖₂, ε), Φ̂ = Φ / max|Φ|",
  summary: "The largest change of the attribution, over its peak, per change of the image, close to it.",
  limits:
    "A map that ignores the image scores best; and the size of the image is in it, so that values compare at one input size only.",
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
      ...near.map(
        (other) =>
          distance(normalised(other.attribution, params.normalise), here) /
          Math.max(distance(other.x.data, probe.x.data), params.epsilon),
      ),
    );
  },
});
