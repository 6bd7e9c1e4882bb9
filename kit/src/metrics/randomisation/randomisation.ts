import { spearman } from "../../stats/summary.ts";
import { defineMetric, skip } from "../metric.ts";
import { defect } from "../order.ts";
import { flatness } from "./flatness.ts";

/**
 * Model randomisation test, arXiv:1810.03292, in one step: |Spearman| between the |map| of the model and of the same model with every
 * weight tensor permuted. A randomised model that gives a constant or non-finite map is drawn again, three times at most.
 *
 * Skips a zero, constant or non-finite map, and one from elsewhere. Controls that ignore the model score 1.
 * Cost: one attribution per randomised model.
 * Source: the paper draws new weights layer after layer; all at once, and permuted instead of drawn, is ours.
 */
export const randomisation = defineMetric({
  id: "randomisation",
  title: "Randomisation",
  paper: "arXiv:1810.03292",
  revision: 1,
  formula: "|Spearman(|map of the model|, |map of the model with permuted weights|)|",
  summary:
    "|Spearman| between the |map| of the model and of the same model with its weights permuted; 0: the map depends on what was learnt.",
  limits:
    "Passes for noise: a random map of the randomised model is uncorrelated too. Architecture alone can keep it above 0.",
  family: "randomisation",
  better: "lower",
  range: [0, 1],
  gate: "none",
  controls: {
    random: { every: 1, within: 1e-6 },
    sobel: { every: 1, within: 1e-6 },
    constant: { skipped: true },
    "centre-gaussian": { every: 1, within: 1e-6 },
  },
  needs: ["method", "randomised"],
  params: {},
  cost: (_, method) => method,
  async score({ probe, map, explain, reduce, randomised }) {
    if (explain === undefined) return skip("the method cannot be re-run");
    const reason = flatness(map);
    if (reason) return skip(reason);
    for (let draw = 0; draw <= 3; draw++) {
      const other = reduce(await explain(probe.under(randomised(draw))));
      const correlation = defect(other) ? null : spearman(map.data.map(Math.abs), other.data.map(Math.abs));
      if (correlation !== null) return Math.abs(correlation);
    }
    return skip("four randomised models gave constant or non-finite maps");
  },
});
