import { defineMetric, skip } from "../metric.ts";
import { drop, dropControls, dropCost, dropInputs, dropParams } from "./drop.ts";

/**
 * Average gain, arXiv:2301.07002: of the probability that the class lacks, the share it gains when the image shows only what the map
 * marks.
 *
 * Skips what drop.ts skips, and an image of which 1 − p(x) < 1e-6: nothing to gain.
 * Cost: as in drop.ts.
 * Source: the paper, as a fraction instead of per cent; the reference image in place of black is ours.
 */
export const averageGain = defineMetric({
  id: "average-gain",
  title: "Average gain",
  paper: "arXiv:2301.07002",
  revision: 1,
  formula: "max(0, O − Y) / (1 − Y), Y = p(x), O = p(r + h ⊙ (x − r))",
  summary:
    "Of the probability that the class lacks, the share gained when the image shows only what the map marks.",
  limits: "Says nothing of losses: read it beside average drop.",
  family: "faithfulness",
  better: "higher",
  range: [0, 1],
  gate: "controls",
  controls: dropControls,
  needs: [],
  params: dropParams,
  inputs: dropInputs,
  cost: dropCost,
  async score(context) {
    const found = await drop(context);
    if ("skip" in found) return found;
    const { Y, O } = found;
    return 1 - Y < 1e-6 ? skip("the class has probability 1") : Math.max(0, O - Y) / (1 - Y);
  },
});
