import { defineMetric, skip } from "../metric.ts";
import {
  correlation,
  drawnSubsets,
  pixelsOf,
  subsetControls,
  subsetFalls,
  subsetInputs,
  subsetParams,
  suppliedSubsets,
} from "./subsets.ts";

/**
 * Faithfulness correlation, arXiv:2005.00631: Pearson's r, over random sets of pixels of one size, of the map's sum over a set and the fall
 * of the score when it shows the reference.
 *
 * Skips a map that is not finite or has the same sum over every set (a constant one), and an image where the falls b hardly vary:
 * Σ(b − mean b)² < 1e-8 logits².
 *
 * @throws KitError E_INPUT for subsets or a baseline of other dims
 *
 * Cost: `draws` + 1 forward passes, shared by all methods of a sample.
 * Source: the paper's faithfulness µ; sets of a sixteenth of the pixels are ours (Quantus: 224 elements).
 */
export const faithfulnessCorrelation = defineMetric({
  id: "faithfulness-correlation",
  title: "Faithfulness correlation",
  paper: "arXiv:2005.00631",
  revision: 1,
  formula: "Pearson over random sets S of Σ of the map over S and f(x) − f(x with r in S)",
  summary: "How well the map's sum over a random set of pixels goes with the fall of f when they are hidden.",
  limits:
    "Scattered pixels hide no object: a model that reads shapes reacts little, and what it does react to is the noise they make.",
  family: "faithfulness",
  better: "higher",
  range: [-1, 1],
  gate: "controls",
  controls: subsetControls,
  needs: ["passes"],
  params: {
    draws: {
      type: "integer",
      default: 100,
      minimum: 2,
      maximum: 100_000,
      budget: true,
      description: "sets of pixels",
    },
    share: {
      type: "number",
      default: 1 / 16,
      minimum: 0,
      maximum: 1,
      description: "size of a set as a share of the pixels, at least one pixel",
    },
    ...subsetParams,
  },
  inputs: {
    subsets: { dims: "[N,H,W]", description: "1 where a pixel is hidden; N replaces `draws`" },
    ...subsetInputs,
  },
  cost: ({ draws }) => ({ forwards: draws + 1, backwards: 0 }),
  async score(context) {
    const { probe, map, params, given } = context;
    if (!map.data.every(Number.isFinite)) return skip("map is not finite");
    const supplied = given("subsets");
    const compute = () => {
      const sizes = Array<number>(params.draws).fill(pixelsOf(params.share, map.data.length));
      return subsetFalls(
        context,
        supplied ? suppliedSubsets(supplied, map) : drawnSubsets(context, "faithfulness-correlation", sizes),
      );
    };
    const own = supplied === undefined && given("baseline") === undefined;
    const key = `faithfulness-correlation ${JSON.stringify(params)}`;
    return correlation(map, await (own ? probe.once(key, compute) : compute()));
  },
});
