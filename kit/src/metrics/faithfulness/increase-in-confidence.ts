import { defineMetric } from "../metric.ts";
import { drop, dropControls, dropCost, dropInputs, dropParams } from "./drop.ts";

/**
 * Increase in confidence, arXiv:1710.11063: 1 where the class is more probable when the image shows only what the map marks, else
 * 0; the mean over images is the share.
 *
 * Skips what drop.ts skips.
 * Cost: as in drop.ts.
 * Source: the paper, as a fraction instead of per cent; the reference image in place of black is ours.
 */
export const increaseInConfidence = defineMetric({
  id: "increase-in-confidence",
  title: "Increase in confidence",
  paper: "arXiv:1710.11063",
  revision: 1,
  formula: "1 where O > Y, else 0; Y = p(x), O = p(r + h ⊙ (x − r))",
  summary: "Share of images whose class is more probable when only what the map marks is shown.",
  limits: "Counts a rise of any size alike, and a class that is all but certain can hardly rise.",
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
    return "skip" in found ? found : Number(found.O > found.Y);
  },
});
