import { KitError } from "../../errors.ts";
import { baselineInput, baselineOf, ofShape, referenceParam } from "../../methods/baseline.ts";
import type { Float32Tensor } from "../../onnx/tensor.ts";
import type { Rng } from "../../rng.ts";
import { image } from "../../stats/expectation.ts";
import { defineMetric, skip } from "../metric.ts";
import { unexplained } from "./unexplained.ts";

/**
 * Infidelity with removal perturbations, after Yeh et al. arXiv:1901.09392; the division by Σb² is ours and makes it scale-free.
 *
 * b_k = f(x) − f(x̃_k) where mask k shows the reference in some cells; a_k = the map summed over the hidden pixels;
 * β = max(0, ⟨a,b⟩/⟨a,a⟩); the score is Σ(βa − b)²/Σb² in [0, 1]: 1 explains nothing, or has the wrong sign.
 *
 * Skips a map that is not finite, and an image where Σb² < 1e-8 logits².
 *
 * @throws KitError E_PARAM where more cells are to be hidden than there are; E_INPUT for masks or a baseline of other dims
 *
 * Cost: `draws` + 1 forward passes, shared by all methods of a sample.
 */
export const infidelity = defineMetric({
  id: "infidelity",
  title: "Infidelity",
  paper: "arXiv:1901.09392",
  revision: 1,
  formula:
    "Σ (βa − b)² / Σ b², a = Σ of the map over hidden pixels, b = f(x) − f(x with them hidden), β = max(0, ⟨a,b⟩/⟨a,a⟩)",
  summary:
    "How badly the map's sum over hidden cells predicts the fall of f, after the best non-negative scaling.",
  limits:
    "Images with hidden cells leave the data distribution; what the model does there is part of the score.",
  family: "faithfulness",
  better: "lower",
  range: [0, 1],
  gate: "controls",
  controls: {
    // the sum over hidden cells is nearly their area: what one adds to the other is noise of single pixels
    random: { like: "constant", within: 0.05 },
    constant: { like: "random", within: 0.05 },
    sobel: image,
    "centre-gaussian": image,
  },
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
    if (!map.data.every(Number.isFinite)) return skip("map is not finite");
    const [height, width] = map.dims;
    const supplied = given("masks");
    const compute = async () => {
      const masks = supplied
        ? suppliedMasks(ofShape("masks", supplied, [null, height, width]))
        : cellMasks(params, height, width, rng("infidelity masks"));
      const { x } = probe;
      const r = baselineOf({ given, probe, x }, params.reference);
      const score = await probe.score();
      const pixels = height * width;
      const hidden = await probe.scores(masks.hidden.length / masks.parts, (k, out) => {
        for (let i = 0; i < out.length; i++) {
          const h = masks.hidden[k * masks.parts + masks.partOf[i % pixels]];
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

    const sums = new Float64Array(masks.parts);
    for (const [i, v] of map.data.entries()) sums[masks.partOf[i]] += v;
    const a = falls.map((_, k) =>
      sums.reduce((total, sum, part) => total + masks.hidden[k * masks.parts + part] * sum, 0),
    );
    return unexplained(a, falls) ?? skip("the score does not react to hiding cells");
  },
});

/** Masks over parts of the image: cells, or single pixels where masks were supplied. */
interface Masks {
  readonly parts: number;
  /** the part of each pixel */
  readonly partOf: Int32Array;
  /** how far each mask hides each part, [N, parts]; 1 is wholly */
  readonly hidden: Float32Array;
}

const suppliedMasks = ({ dims: [, height, width], data }: Float32Tensor): Masks => ({
  parts: height * width,
  partOf: Int32Array.from({ length: height * width }, (_, i) => i),
  hidden: data,
});

/** Each mask hides `hidden` of grid × grid cells, drawn without replacement. */
function cellMasks(
  { draws, grid, hidden }: { draws: number; grid: number; hidden: number },
  height: number,
  width: number,
  rng: Rng,
): Masks {
  const cells = grid * grid;
  if (hidden > cells) {
    throw new KitError("E_PARAM", {
      problem: `infidelity: hidden ${hidden} is more than the ${cells} cells of grid ${grid}`,
      next: "use fewer hidden cells or a finer grid",
    });
  }
  const masks = new Float32Array(draws * cells);
  for (let k = 0; k < draws; k++) {
    for (const cell of rng.permutation(cells).subarray(0, hidden)) masks[k * cells + cell] = 1;
  }
  const partOf = Int32Array.from({ length: height * width }, (_, i) => {
    const row = Math.floor((grid * Math.floor(i / width)) / height);
    return row * grid + Math.floor((grid * (i % width)) / width);
  });
  return { parts: cells, partOf, hidden: masks };
}
