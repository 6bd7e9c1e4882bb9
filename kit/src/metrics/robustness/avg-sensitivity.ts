import { mean } from "../../stats/summary.ts";
import { defineMetric } from "../metric.ts";
import { distance, nearbyCost, nearbyInputs, nearbyParams, neighbours, stillControls } from "./nearby.ts";

/**
 * Average sensitivity, arXiv:2005.00631: the mean of ‖Φ(x + e) − Φ(x)‖₂ / ‖Φ(x)‖₂ over the draws of max-sensitivity, uniform e in
 * (−radius, radius), x + e clipped to pixel space. The class stays, and so do the method's own random draws.
 *
 * Reads Φ, not the map. Skips an attribution that is zero or not finite, and one from elsewhere. Controls that ignore the image score 0.
 *
 * @throws KitError E_INPUT for perturbations of other dims, or a map where the method gives [C,H,W]
 *
 * Cost: `draws` attributions, shared with the other metrics on these draws, at images shared by all methods of a sample.
 * Source: definition 2, which leaves the distance open; the relative one of max-sensitivity and the clipping are ours.
 */
export const avgSensitivity = defineMetric({
  id: "avg-sensitivity",
  title: "Average sensitivity",
  paper: "arXiv:2005.00631",
  revision: 1,
  formula: "mean over e of ‖Φ(x + e) − Φ(x)‖₂ / ‖Φ(x)‖₂",
  summary: "The mean relative change of the attribution when every pixel moves by at most the radius.",
  limits:
    "A map that ignores the image is perfectly stable; and a rare jump, which max-sensitivity shows, is averaged away.",
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
    return mean(near.map(({ attribution }) => distance(attribution.data, data) / distance(data)))!;
  },
});
