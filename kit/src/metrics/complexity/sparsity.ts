import { defineMetric } from "../metric.ts";
import { weights } from "../reading.ts";

/**
 * Share of pixels with next to no relevance: 1 − 1/N for a single pixel, 0 where every pixel has some.
 *
 * Skips a map that is zero, constant, nowhere positive or not finite: it shows nothing, which would count as sparsest. Cost: none.
 * Source: arXiv:0811.4706 table I, ℓ0 with a threshold; its 0.05, of the relevance, is the protocol's choice. `index=hoyer` is the same
 * table's (√N − ‖Φ‖₁/‖Φ‖₂)/(√N − 1), of the map as it is.
 */
export const sparsity = defineMetric({
  id: "sparsity",
  title: "Sparsity",
  paper: "arXiv:0811.4706",
  revision: 1,
  formula: "|{i : hᵢ < 0.05}| / N",
  summary: "Share of pixels whose relevance is below 0.05.",
  limits:
    "Says nothing about whether the rest matters, and one outlier makes any map sparse: relevance is scaled by its maximum.",
  family: "complexity",
  better: "higher",
  range: [0, 1],
  gate: "none",
  controls: {
    random: { mean: 0.05, within: 2e-3, errors: 5 }, // uniform between its smallest and its largest pixel
    sobel: { above: 0 }, // its smallest pixel is one of them
    constant: { skipped: true },
    "centre-gaussian": { every: 0.082, within: 0.013 }, // 0.094 at 16 pixels, 0.0765 at 28, 0.0699 as sides grow
  },
  needs: [],
  params: {
    index: {
      type: "choice",
      choices: ["share", "hoyer"],
      default: "share",
      description: "share of pixels below the threshold, or Hoyer's index of |map|, which needs none",
    },
    threshold: {
      type: "number",
      default: 0.05,
      minimum: 0,
      maximum: 1,
      description: "relevance below which a pixel counts as blank",
    },
  },
  cost: () => ({ forwards: 0, backwards: 0 }),
  async score({ map, params }) {
    const values = weights(map, params.index === "hoyer" ? "absolute" : "relevance");
    if ("skip" in values) return values;
    if (params.index === "hoyer") return hoyer(values);
    return values.reduce((blank, v) => blank + Number(v < params.threshold), 0) / values.length;
  },
});

/** 0: all equal; 1: one holds everything, as one of one does. */
function hoyer(values: Float64Array): number {
  const root = Math.sqrt(values.length);
  const sum = values.reduce((a, b) => a + b);
  const norm = Math.sqrt(values.reduce((a, b) => a + b * b, 0));
  return root === 1 ? 1 : (root - sum / norm) / (root - 1);
}
