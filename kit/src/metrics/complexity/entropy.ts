import { defineMetric } from "../metric.ts";
import { ofParam, weights } from "../reading.ts";

/**
 * Entropy of the relevance, read as a distribution over the N pixels, in nats: 0 for a single pixel, ln N where all are alike.
 *
 * Skips a map that is zero, constant, nowhere positive or not finite: its relevance has no sum to be scaled by. Cost: none.
 * Source: arXiv:2005.00631, there of |Φ| (`of=absolute`, as Quantus' Complexity does); of the relevance, as where saliency maps are
 * scaled to [0, 1] first, is the protocol's choice.
 */
export const entropy = defineMetric({
  id: "entropy",
  title: "Entropy",
  paper: "arXiv:2005.00631",
  revision: 1,
  formula: "−Σᵢ qᵢ ln qᵢ, q = h/Σh",
  summary: "Entropy of the relevance scaled to sum 1, in nats: how evenly it spreads over the pixels.",
  limits:
    "Says nothing about whether the pixels matter, and grows with the image: ln N at most, so compare within one input size only.",
  family: "complexity",
  better: "lower",
  range: [0, null],
  gate: "none",
  controls: {
    // uniform noise: ln N − ln 2 + 1/2, the bell ln N − 0.29; both above 3.5 from 8 × 8 pixels on
    random: { above: 3.5 },
    sobel: { above: 0 },
    constant: { skipped: true },
    "centre-gaussian": { above: 3.5 },
  },
  needs: [],
  params: { of: ofParam("relevance", "absolute") },
  cost: () => ({ forwards: 0, backwards: 0 }),
  async score({ map, params }) {
    const values = weights(map, params.of);
    if ("skip" in values) return values;
    const total = values.reduce((a, b) => a + b);
    return values.reduce((sum, v) => (v > 0 ? sum - (v / total) * Math.log(v / total) : sum), 0);
  },
});
