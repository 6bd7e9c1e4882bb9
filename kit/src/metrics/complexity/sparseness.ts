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
  summary: "Gini index of |map|: how much of the relevance sits in few pixels.",
  limits: "Says nothing about whether those pixels matter: a single random pixel is the sparsest map of all.",
  family: "complexity",
  better: "higher",
  range: [0, 1],
  gate: "none",
  needs: [],
  params: {},
  cost: () => ({ forwards: 0, backwards: 0 }),
  async score({ map }) {
    const reason = defect(map);
    return reason ? skip(reason) : (gini(map.data.map(Math.abs)) ?? skip("map is zero"));
  },
});
