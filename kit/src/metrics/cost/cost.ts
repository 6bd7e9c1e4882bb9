import { defineMetric, skip } from "../metric.ts";

/**
 * What an explanation costs, in model passes: forwards and backwards counted alike, as its definition says and not as caches save; time
 * and memory are telemetry. Skips a map from elsewhere.
 */
export const cost = defineMetric({
  id: "cost",
  title: "Cost",
  paper: "none",
  revision: 1,
  formula: "forward and backward passes of one attribution",
  summary: "Model passes of one attribution, forwards plus backwards.",
  limits: "A pass of a large model is dearer than one of a small one; compare within a model.",
  family: "cost",
  better: "lower",
  range: [0, null],
  gate: "none",
  controls: {
    random: { every: 0, within: 0 },
    sobel: { every: 0, within: 0 },
    constant: { every: 0, within: 0 },
    "centre-gaussian": { every: 0, within: 0 },
  },
  needs: [],
  params: {},
  cost: () => ({ forwards: 0, backwards: 0 }),
  async score({ cost: passes }) {
    if (passes === undefined) return skip("a map from elsewhere");
    return { value: passes.forwards + passes.backwards, parts: { ...passes } };
  },
});
