import { defineMetric, skip } from "../metric.ts";
import { drop, dropControls, dropCost, dropInputs, dropParams } from "./drop.ts";

/**
 * Average drop, arXiv:1710.11063: the share of the class probability that is lost when the image shows only what the map marks.
 *
 * Skips what drop.ts skips, and an image of which the class has probability 0.
 * Cost: as in drop.ts.
 * Source: the paper, as a fraction instead of per cent; the reference image in place of black is ours.
 */
export const averageDrop = defineMetric({
  id: "average-drop",
  title: "Average drop",
  paper: "arXiv:1710.11063",
  revision: 1,
  formula: "max(0, Y − O) / Y, Y = p(x), O = p(r + h ⊙ (x − r))",
  summary: "Share of the class probability lost when the image shows only what the map marks.",
  limits:
    "A map that marks everything loses nothing, so it rewards spread; and dimmed images leave the data distribution.",
  family: "faithfulness",
  better: "lower",
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
    return Y === 0 ? skip("the class has probability 0") : Math.max(0, Y - O) / Y;
  },
});
