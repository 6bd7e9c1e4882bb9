import { baselineInput, referenceParam } from "../../methods/baseline.ts";
import type { Segments } from "../../methods/segments.ts";
import { randomOrder } from "../../stats/expectation.ts";
import { defineMetric, skip } from "../metric.ts";
import { tiesParam } from "../order.ts";
import { trapezoid } from "./curve.ts";
import { removalCurve, sumsOf } from "./removal.ts";

/**
 * Selectivity, arXiv:1706.07979: how fast the class probability falls while square patches are removed in the order of the map's sum over
 * them. Patches start at the upper left corner, those at the other edges are clipped. Step k of `steps` has removed the first
 * round(k · patches/steps); the area is the trapezoid over [0, 1], both ends included.
 *
 * Skips a map that is not finite.
 * Cost: `steps` + 1 forward passes; the ends are shared by all methods of a sample.
 * Source: §7.2 of the paper, one patch a step; equal steps are ours, so that the cost is the same for images of every size (an image of 784
 * patches loses twelve or thirteen at once; `steps` = patches is the paper's curve).
 */
export const selectivity = defineMetric({
  id: "selectivity",
  title: "Selectivity",
  paper: "arXiv:1706.07979",
  revision: 1,
  formula: "∫₀¹ p(x with the share s of patches of largest sum replaced by r) ds",
  summary: "Area under the class probability while the most relevant patches are removed first.",
  limits:
    "What is finer than a patch does not count, and images with removed patches leave the data distribution.",
  family: "faithfulness",
  better: "lower",
  range: [0, 1],
  gate: "controls",
  // clipped patches come last for both, the others in an order drawn by chance
  controls: randomOrder,
  needs: ["passes"],
  params: {
    patch: {
      type: "integer",
      default: 8,
      minimum: 1,
      maximum: 1024,
      description: "side of a patch in pixels",
    },
    steps: {
      type: "integer",
      default: 64,
      minimum: 1,
      maximum: 100_000,
      budget: true,
      description: "equal steps; as many as there are patches: one at a time",
    },
    reference: referenceParam,
    ties: tiesParam,
  },
  inputs: { baseline: baselineInput },
  cost: ({ steps }) => ({ forwards: steps + 1, backwards: 0 }),
  async score(context) {
    const { map, params, given } = context;
    if (!map.data.every(Number.isFinite)) return skip("map is not finite");
    const patches = patchesOf(map.dims, params.patch);
    const points = await removalCurve(context, patches, sumsOf(map, patches).sums, params.steps);
    const name = given("baseline") ? "given" : params.reference;
    return { value: trapezoid(points), parts: { [`${name}-curve`]: points } };
  },
});

/** Pixel (i, j) lies in patch (⌊i/side⌋, ⌊j/side⌋). */
function patchesOf([height, width]: readonly number[], side: number): Pick<Segments, "of" | "count"> {
  const columns = Math.ceil(width / side);
  const of = Int32Array.from({ length: height * width }, (_, p) => {
    const row = Math.floor(Math.floor(p / width) / side);
    return row * columns + Math.floor((p % width) / side);
  });
  return { of, count: Math.ceil(height / side) * columns };
}
