import { defineMetric, skip } from "../metric.ts";
import {
  correlation,
  drawnSubsets,
  pixelsOf,
  subsetControls,
  subsetFalls,
  subsetInputs,
  subsetParams,
} from "./subsets.ts";

/**
 * Sensitivity-n, arXiv:1711.06104: faithfulness correlation at several sizes n of the hidden sets, from few pixels to most of the image;
 * the mean of Pearson's r over sizes. Size s of m is smallest · (largest/smallest)^(s/(m − 1)) of the pixels, at least one.
 *
 * A size at which the map's sums or the falls do not vary is left out (a map of few pixels has none in small sets). Skips a map that is not
 * finite, and where no size is left.
 *
 * @throws KitError E_INPUT for a baseline of other dims
 *
 * Cost: `sizes` · `draws` + 1 forward passes, shared by all methods of a sample.
 * Source: the paper shows the correlation as a curve over n; its mean is ours.
 */
export const sensitivityN = defineMetric({
  id: "sensitivity-n",
  title: "Sensitivity-n",
  paper: "arXiv:1711.06104",
  revision: 1,
  formula:
    "mean over n of Pearson over random sets S of n pixels of Σ of the map over S and f(x) − f(x with r in S)",
  summary:
    "How well the map's sum over hidden pixels goes with the fall of f, from few pixels to most of them.",
  limits:
    "Only a nearly linear model can be explained well at every n, and images with most pixels hidden are far from the data.",
  family: "faithfulness",
  better: "higher",
  range: [-1, 1],
  gate: "controls",
  controls: subsetControls,
  needs: ["passes"],
  params: {
    draws: {
      type: "integer",
      default: 32,
      minimum: 2,
      maximum: 10_000,
      budget: true,
      description: "sets of pixels of each size",
    },
    sizes: {
      type: "integer",
      default: 8,
      minimum: 1,
      maximum: 1000,
      description: "sizes of sets, log-spaced",
    },
    smallest: {
      type: "number",
      default: 0.01,
      minimum: 1e-6,
      maximum: 1,
      description: "share of the pixels",
    },
    largest: { type: "number", default: 0.8, minimum: 1e-6, maximum: 1, description: "share of the pixels" },
    ...subsetParams,
  },
  inputs: subsetInputs,
  cost: ({ sizes, draws }) => ({ forwards: sizes * draws + 1, backwards: 0 }),
  async score(context) {
    const { probe, map, params, given } = context;
    if (!map.data.every(Number.isFinite)) return skip("map is not finite");
    const { draws, sizes, smallest, largest } = params;
    const compute = () => {
      const n = Array.from({ length: sizes * draws }, (_, k) => {
        const step = Math.floor(k / draws) / Math.max(sizes - 1, 1);
        return pixelsOf(smallest * (largest / smallest) ** step, map.data.length);
      });
      return subsetFalls(context, drawnSubsets(context, "sensitivity-n", n));
    };
    const { hidden, falls } = await (given("baseline")
      ? compute()
      : probe.once(`sensitivity-n ${JSON.stringify(params)}`, compute));
    const found = Array.from({ length: sizes }, (_, s) =>
      correlation(map, {
        hidden: hidden.slice(s * draws, (s + 1) * draws),
        falls: falls.subarray(s * draws, (s + 1) * draws),
      }),
    );
    const defined = found.filter((r) => typeof r === "number");
    return defined.length > 0 ? defined.reduce((sum, r) => sum + r, 0) / defined.length : found[0];
  },
});
