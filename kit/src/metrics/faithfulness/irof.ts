import { KitError } from "../../errors.ts";
import { baselineInput, ofShape, referenceParam } from "../../methods/baseline.ts";
import { labelled } from "../../methods/segments.ts";
import { image } from "../../stats/expectation.ts";
import { defineMetric, skip } from "../metric.ts";
import { tiesParam } from "../order.ts";
import { removalCurve, sumsOf } from "./removal.ts";
import { slic } from "./slic.ts";

const superpixelsInput = {
  dims: "[H,W]",
  description: "a label image, one number per superpixel, in place of SLIC; as many removals as labels",
};

/**
 * IROF, iterative removal of features, arXiv:2003.08747: superpixels are removed in the order of the map's mean over them, and the share of
 * the class probability that is gone is averaged over the removals: the area over the curve p_k/p_0.
 *
 * Skips a map that is not finite, and an image whose probability is 0.
 *
 * @throws KitError E_PARAM for more segments than pixels; E_INPUT for segments or a baseline of other dims
 *
 * Cost: `segments` + 1 forward passes; the segments and the ends are shared by all methods of a sample.
 * Source: the paper's area over the curve of one image. 49 segments, SLIC on pixel values (slic.ts), the reference image as the fill, and
 * the plain mean over removals instead of the trapezoid are ours.
 */
export const irof = defineMetric({
  id: "irof",
  title: "IROF",
  paper: "arXiv:2003.08747",
  revision: 1,
  formula:
    "mean over k = 1 … K of 1 − p_k/p_0, p_k = p(x with its k SLIC segments of highest mean replaced by r)",
  summary: "Share of the class probability that is gone while superpixels are removed, most relevant first.",
  limits:
    "Superpixels follow edges, so a map that follows edges is favoured; where p_0 is small, a removal that raises p weighs much.",
  family: "faithfulness",
  better: "higher",
  range: [null, 1],
  gate: "controls",
  controls: {
    // the mean of noise is furthest out in the smallest segments, so these come first or last more often than by chance
    random: { like: "constant", within: 0.05 },
    constant: { like: "random", within: 0.05 },
    sobel: image,
    "centre-gaussian": image,
  },
  needs: ["passes"],
  params: {
    segments: {
      type: "integer",
      default: 49,
      minimum: 1,
      maximum: 10_000,
      budget: true,
      description: "superpixels",
    },
    compactness: {
      type: "number",
      default: 0.1,
      minimum: 1e-6,
      description:
        "SLIC: the difference of pixel values that counts as much as one spacing of superpixels; the larger, the squarer they are",
    },
    iterations: {
      type: "integer",
      default: 10,
      minimum: 1,
      maximum: 1000,
      description: "SLIC: rounds of k-means",
    },
    reference: referenceParam,
    ties: tiesParam,
  },
  inputs: { segments: superpixelsInput, baseline: baselineInput },
  cost: ({ segments }) => ({ forwards: segments + 1, backwards: 0 }),
  async score(context) {
    const { probe, map, params, given } = context;
    if (!map.data.every(Number.isFinite)) return skip("map is not finite");
    const supplied = given("segments");
    const parts = supplied
      ? labelled(ofShape("segments", supplied, map.dims))
      : { of: await superpixels(), count: params.segments };
    const { sums, pixels } = sumsOf(map, parts);
    const means = sums.map((sum, k) => sum / pixels[k]);
    const points = await removalCurve(context, parts, means, parts.count);
    const [whole, ...removed] = points;
    if (whole === 0) return skip("the probability is 0");
    const value = removed.reduce((sum, p) => sum + (1 - p / whole), 0) / removed.length;
    return { value, parts: { probabilities: points } };

    function superpixels(): Promise<Int32Array> {
      const { segments, compactness, iterations } = params;
      if (segments > map.data.length) {
        throw new KitError("E_PARAM", {
          problem: `irof: segments ${segments} is more than the ${map.data.length} pixels`,
          next: "use fewer segments",
        });
      }
      return probe.once(`slic ${segments} ${compactness} ${iterations}`, async () =>
        slic(probe.x, { segments, compactness, iterations }),
      );
    }
  },
});
