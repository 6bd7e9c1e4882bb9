import { defineMetric, skip } from "../metric.ts";
import { drop, dropControls, dropCost, dropInputs, dropParams } from "./drop.ts";

/**
 * Relative confidence gain: the rise of the class probability, relative to what it was, when the image shows only what the map marks.
 *
 * Skips what drop.ts skips, and an image of which the class has probability 0.
 * Cost: as in drop.ts.
 * Source: the counterpart of average drop (arXiv:1710.11063), ours; UCES reads it, since its published "increase in confidence" exceeds 1.
 */
export const relativeConfidenceGain = defineMetric({
  id: "relative-confidence-gain",
  title: "Relative confidence gain",
  paper: "arXiv:1710.11063",
  revision: 1,
  formula: "max(0, O − Y) / Y, Y = p(x), O = p(r + h ⊙ (x − r))",
  summary:
    "Rise of the class probability, relative to what it was, when the image shows only what the map marks.",
  limits: "Has no upper bound, so that few images of an improbable class can make the mean.",
  family: "faithfulness",
  better: "higher",
  range: [0, null],
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
    return Y === 0 ? skip("the class has probability 0") : Math.max(0, O - Y) / Y;
  },
});
