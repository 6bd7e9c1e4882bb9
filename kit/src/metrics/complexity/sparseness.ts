import { gini } from "../../stats/summary.ts";
import { defineMetric, skip } from "../metric.ts";
import { defect } from "../order.ts";

/**
 * Gini index of |map| over its N pixels: 0 for a constant map, 1 − 1/N for a single pixel, a third for uniform noise.
 *
 * Skips a map that is zero or not finite. Cost: none.
 * Source: Chalasani et al., arXiv:1810.06583, on a map instead of its features.
 */
export const sparseness = defineMetric({
  id: "sparseness",
  title: "Sparseness",
  paper: "arXiv:1810.06583",
  revision: 1,
  formula: "Gini = Σᵢ (2i − n − 1)·|Φ|₍ᵢ₎ / (n·Σ|Φ|), i the rank, smallest first",
  summary: "Gini index of |map|: how much of the relevance sits in few pixels.",
  limits: "Says nothing about whether those pixels matter: a single random pixel is the sparsest map of all.",
  family: "complexity",
  better: "higher",
  range: [0, 1],
  gate: "none",
  controls: {
    random: { mean: 1 / 3, within: 0.02 }, // Gini of uniform numbers
    sobel: { above: 0 },
    constant: { every: 0, within: 1e-6 },
    // Gini of the bell, 0.3993 as sides grow; 0.3988 at 28 pixels
    "centre-gaussian": { every: 0.3993, within: 0.005 },
  },
  needs: [],
  params: {},
  cost: () => ({ forwards: 0, backwards: 0 }),
  async score({ map }) {
    const reason = defect(map);
    return reason ? skip(reason) : (gini(map.data.map(Math.abs)) ?? skip("map is zero"));
  },
});
