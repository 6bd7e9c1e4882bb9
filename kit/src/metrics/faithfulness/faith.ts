import { defineMetric } from "../metric.ts";
import { drop, dropControls, dropCost, dropInputs, dropParams } from "./drop.ts";

/**
 * Faith, arXiv:2601.12826 eq. 5: how far the class probability falls when what the map marks is removed.
 *
 * Skips what drop.ts skips.
 * Cost: as in drop.ts, of the image without what the map marks.
 * Source: the paper; its code takes the raw output for the probability and black for the reference.
 */
export const faith = defineMetric({
  id: "faith",
  title: "Faith",
  paper: "arXiv:2601.12826",
  revision: 1,
  formula: "p(x) − p(r + (1 − h) ⊙ (x − r))",
  summary: "Fall of the class probability when what the map marks is removed.",
  limits: "A map that marks everything removes everything, so it rewards spread.",
  family: "faithfulness",
  better: "higher",
  range: [-1, 1],
  gate: "controls",
  // a flat map marks nothing, so nothing is removed but the last bits of the image
  controls: { ...dropControls, constant: { every: 0, within: 1e-4 } },
  needs: [],
  params: dropParams,
  inputs: dropInputs,
  cost: dropCost,
  async score(context) {
    const found = await drop(context, "hidden");
    return "skip" in found ? found : found.Y - found.O;
  },
});
