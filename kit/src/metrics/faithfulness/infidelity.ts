import { baselineInput, baselineOf, ofShape, referenceParam } from "../../methods/baseline.ts";
import type { Rng } from "../../runner/rng.ts";
import { defineMetric, skip } from "../metric.ts";

/**
 * Infidelity with removal perturbations, after Yeh et al. arXiv:1901.09392; the division by Σb² is ours and makes it scale-free.
 *
 * b_k = f(x) − f(x̃_k) where mask k shows the reference in some cells; a_k = the map summed over the hidden pixels;
 * β = max(0, ⟨a,b⟩/⟨a,a⟩); the score is Σ(βa − b)²/Σb² in [0, 1]: 1 explains nothing, or has the wrong sign.
 */
export const infidelity = defineMetric({
  id: "infidelity",
  title: "Infidelity",
  paper: "arXiv:1901.09392",
  revision: 1,
  summary:
    "How badly the map's sum over hidden cells predicts the fall of f, after the best non-negative scaling.",
  limits:
    "Images with hidden cells leave the data distribution; what the model does there is part of the score.",
  family: "faithfulness",
  better: "lower",
  range: [0, 1],
  gate: "controls",
  needs: [],
  params: {
    draws: { type: "integer", default: 64, minimum: 1, maximum: 100_000, budget: true, description: "masks" },
    grid: { type: "integer", default: 7, minimum: 1, maximum: 64, description: "cells per side" },
    hidden: { type: "integer", default: 10, minimum: 1, maximum: 4096, description: "cells each mask hides" },
    reference: referenceParam,
  },
  inputs: {
    masks: { dims: "[N,H,W]", description: "1 where a pixel is hidden; N replaces `draws`" },
    baseline: baselineInput,
  },
  cost: ({ draws }) => ({ forwards: draws + 1, backwards: 0 }),
  async score({ probe, map, params, given, rng }) {
    const [height, width] = map.dims;
    const pixels = height * width;
    const supplied = given("masks");
    const compute = async () => {
      const masks = supplied
        ? ofShape("masks", supplied, [null, height, width]).data
        : cellMasks(params, height, width, rng("infidelity masks"));
      const { x } = probe;
      const r = baselineOf({ given, probe, x }, params.reference);
      const score = await probe.score();
      const hidden = await probe.scores(masks.length / pixels, (k, out) => {
        for (let i = 0; i < out.length; i++) {
          const h = masks[k * pixels + (i % pixels)];
          out[i] = x.data[i] + h * (r.data[i] - x.data[i]);
        }
      });
      return { masks, falls: hidden.map((value) => score - value) };
    };
    // the same for every method of this sample, unless something was supplied
    const own = supplied === undefined && given("baseline") === undefined;
    const { masks, falls } = own
      ? await probe.once(`infidelity ${JSON.stringify(params)}`, compute)
      : await compute();

    let aa = 0;
    let ab = 0;
    let bb = 0;
    for (const [k, b] of falls.entries()) {
      let a = 0;
      for (let i = 0; i < pixels; i++) a += masks[k * pixels + i] * map.data[i];
      aa += a * a;
      ab += a * b;
      bb += b * b;
    }
    if (!Number.isFinite(aa)) return skip("map is not finite");
    if (bb < 1e-8) return skip("the score does not react to hiding cells");
    const beta = aa === 0 ? 0 : Math.max(0, ab / aa);
    return Math.max(0, (beta * beta * aa - 2 * beta * ab + bb) / bb);
  },
});

/** [N,H,W]: each mask hides `hidden` of grid × grid cells, drawn without replacement. */
function cellMasks(
  { draws, grid, hidden }: { draws: number; grid: number; hidden: number },
  height: number,
  width: number,
  rng: Rng,
): Float32Array {
  const masks = new Float32Array(draws * height * width);
  for (let k = 0; k < draws; k++) {
    const chosen = new Set(rng.permutation(grid * grid).subarray(0, hidden));
    for (let i = 0; i < height; i++) {
      const row = Math.floor((grid * i) / height) * grid;
      for (let j = 0; j < width; j++) {
        if (chosen.has(row + Math.floor((grid * j) / width))) masks[(k * height + i) * width + j] = 1;
      }
    }
  }
  return masks;
}
