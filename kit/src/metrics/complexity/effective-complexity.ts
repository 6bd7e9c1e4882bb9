import { defineMetric, skip } from "../metric.ts";
import { defect } from "../order.ts";

/**
 * Share of pixels that are not negligible beside the strongest: 1/N for a single pixel, 1 for a constant map.
 *
 * Skips a map that is zero or not finite. Cost: none.
 * Source: after arXiv:2007.07584, which asks how few features explain nearly as much; a threshold on |Φ| in its place is Quantus', where
 * the score is a count (ours · N). The threshold is the protocol's choice.
 */
export const effectiveComplexity = defineMetric({
  id: "effective-complexity",
  title: "Effective complexity",
  paper: "arXiv:2007.07584",
  revision: 1,
  formula: "|{i : |Φᵢ| ≥ 0.01 · maxⱼ|Φⱼ|}| / N",
  summary: "Share of pixels with at least 1 % of the strongest one's size.",
  limits:
    "Says nothing about whether those pixels matter, and one outlier makes any map look simple: sizes are compared with the largest.",
  family: "complexity",
  better: "lower",
  range: [0, 1],
  gate: "none",
  controls: {
    random: { mean: 0.99, within: 1e-3, errors: 5 }, // uniform from 0
    sobel: { above: 0 },
    constant: { every: 1, within: 0 },
    "centre-gaussian": { every: 1, within: 0 }, // e⁻⁴ = 0.018 at its corners
  },
  needs: [],
  params: {
    threshold: {
      type: "number",
      default: 0.01,
      minimum: 0,
      maximum: 1,
      description: "share of the largest |map| from which a pixel counts",
    },
  },
  cost: () => ({ forwards: 0, backwards: 0 }),
  async score({ map, params }) {
    const reason = defect(map);
    if (reason) return skip(reason);
    const least = params.threshold * map.data.reduce((max, v) => Math.max(max, Math.abs(v)), 0);
    return map.data.reduce((count, v) => count + Number(Math.abs(v) >= least), 0) / map.data.length;
  },
});
