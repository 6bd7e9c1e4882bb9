import { image } from "../../stats/expectation.ts";
import { pearson } from "../../stats/summary.ts";
import { defineMetric, skip } from "../metric.ts";
import { drop, dropInputs, dropParams, masked, weightsOf } from "./drop.ts";

/**
 * ADCC, arXiv:2104.10252: the harmonic mean of coherency, simplicity and kept confidence of one image.
 *
 * Coherency is (Pearson(map(x), map(keep(x, h))) + 1)/2, the method run again on what its map shows; complexity is the mean of h; the drop is
 * average-drop's. 0 where one of the three is 0.
 *
 * Skips what average-drop skips, a map from elsewhere, and where a correlation with a constant map would be asked for.
 * Cost: one attribution and 2 forward passes; p(x) is shared by all methods of a sample, the shown image by all metrics of a map.
 * Source: the paper; of each image, where some toolkits take it of the means over images. The reference image in place of black is ours.
 */
export const adcc = defineMetric({
  id: "adcc",
  title: "ADCC",
  paper: "arXiv:2104.10252",
  revision: 1,
  formula:
    "3 / (1/Coh + 1/(1 − Com) + 1/(1 − AD)), Coh = (Pearson(map(x), map(r + h ⊙ (x − r))) + 1)/2, Com = mean h, AD = max(0, Y − O)/Y",
  summary:
    "Harmonic mean of coherency, simplicity and kept confidence when the image shows only what the map marks.",
  limits:
    "A map that ignores image and model is perfectly coherent, so the one number hides which of the three is missing.",
  family: "faithfulness",
  better: "higher",
  range: [0, 1],
  gate: "controls",
  controls: {
    random: { open: "coherent with itself, complexity 1/2: the drop decides" },
    sobel: image,
    constant: { skipped: true },
    "centre-gaussian": { open: "coherent with itself: the drop decides" },
  },
  needs: ["method"],
  params: dropParams,
  inputs: dropInputs,
  cost: (_, { forwards, backwards }) => ({ forwards: forwards + 2, backwards }),
  async score(context) {
    const { map, explain, reduce } = context;
    if (explain === undefined) return skip("the method cannot be re-run");
    const found = await drop(context);
    if ("skip" in found) return found;
    const { Y, O } = found;
    if (Y === 0) return skip("the class has probability 0");
    const other = reduce(await explain(masked(context, "shown")));
    if (!other.data.every(Number.isFinite)) return skip("map of what is shown is not finite");
    const correlation = pearson(map.data, other.data);
    if (correlation === null) return skip("map is constant, here or of what is shown");
    const coherency = (correlation + 1) / 2;
    const h = weightsOf(context);
    const complexity = h.reduce((sum, v) => sum + v, 0) / h.length;
    const averageDrop = Math.max(0, Y - O) / Y;
    const terms = [coherency, 1 - complexity, 1 - averageDrop];
    const value = terms.some((term) => term <= 0) ? 0 : 3 / terms.reduce((sum, term) => sum + 1 / term, 0);
    return { value, parts: { coherency, complexity, "average-drop": averageDrop } };
  },
});
