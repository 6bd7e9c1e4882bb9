import { defineMetric } from "../metric.ts";
import { distance, nearbyCost, nearbyInputs, nearbyParams, neighbours, stillControls } from "./nearby.ts";

/**
 * Max-sensitivity, arXiv:1901.09392: the largest ‖Φ(x + e) − Φ(x)‖₂ / ‖Φ(x)‖₂ over uniform e in (−radius, radius), x + e
 * clipped to pixel space. The class stays, and so do the method's own random draws.
 *
 * Reads Φ, not the map. Skips an attribution that is zero or not finite, and one from elsewhere. Controls that ignore the image score 0.
 *
 * @throws KitError E_INPUT for perturbations of other dims, or a map where the method gives [C,H,W]
 *
 * Cost: `draws` attributions, shared with the other metrics on these draws, at images shared by all methods of a sample.
 * Source: the paper does not divide by ‖Φ(x)‖, its code and Captum do; the clipping is ours.
 */
export const maxSensitivity = defineMetric({
  id: "max-sensitivity",
  title: "Max-sensitivity",
  paper: "arXiv:1901.09392",
  revision: 1,
  formula: "max over e of ‖Φ(x + e) − Φ(x)‖₂ / ‖Φ(x)‖₂",
  summary: "The largest relative change of the attribution when every pixel moves by at most the radius.",
  limits:
    "A map that ignores the image is perfectly stable; random maps cannot be told apart (arXiv:2412.10942).",
  family: "robustness",
  better: "lower",
  range: [0, null],
  gate: "none",
  controls: stillControls,
  needs: ["method"],
  params: nearbyParams,
  inputs: nearbyInputs,
  cost: nearbyCost,
  async score(context) {
    const near = await neighbours(context);
    if ("skip" in near) return near;
    const { data } = context.attribution;
    return Math.max(...near.map(({ attribution }) => distance(attribution.data, data) / distance(data)));
  },
});
