import { baselineInput, baselineOf, referenceParam } from "./baseline.ts";
import { defineMethod } from "./method.ts";
import { attributionOf, cellsOf, gridParam, scoresOf, segmentsInput, segmentsOf } from "./segments.ts";

/**
 * Feature ablation: how far the score falls when one segment shows the reference and all others the image.
 *
 * @returns float32 [C,H,W], logits, each segment's fall shared out over its pixels and channels; with `raw` the falls themselves,
 *          [rows, columns] of the grid or one per label
 * @throws  KitError E_INPUT for a baseline or label image of other dims
 *
 * Cost: a forward pass for each segment, and one for the image; 50 with the default grid.
 * Source: doi:10.1109/TKDE.2007.190734 (leave one feature out; a difference of probabilities, of log odds or of information there, of scores
 * here, one reference value where the paper averages over values). Captum writes the fall into every pixel, undivided.
 */
export const featureAblation = defineMethod({
  id: "feature-ablation",
  title: "Feature Ablation",
  paper: "doi:10.1109/TKDE.2007.190734",
  revision: 1,
  summary: "The fall of f when one segment shows the reference, shared out over the segment's pixels.",
  formula: "φₛ = f(x) − f(x with segment s hidden); Φᵢ = φₛ/(pixels · channels of s), i ∈ s",
  limits:
    "One segment at a time: evidence that is there twice is not missed; and what falls across the edge of a cell is split by it.",
  kind: "contribution",
  map: "sum",
  rawMap: true,
  needs: [],
  params: { grid: gridParam, reference: referenceParam },
  inputs: { segments: segmentsInput, baseline: baselineInput },
  cost: ({ grid }, shape) => ({ forwards: cellsOf(shape, grid) + 1, backwards: 0 }),
  async attribute(context) {
    const { probe, params } = context;
    const segments = segmentsOf(context, params.grid);
    const r = baselineOf(context, params.reference);
    const score = await probe.score();
    const without = await scoresOf(context, segments, r, segments.count, (s, z) => {
      z.fill(1);
      z[s] = 0;
    });
    return attributionOf(
      context,
      segments,
      without.map((v) => score - v),
    );
  },
});
