import { defineMethod } from "./method.ts";
import { drawsParam, noiseInput, noisyCopies, sigmaParam } from "./noise.ts";

/**
 * VarGrad: the variance of the gradient over noisy copies x + ε. Copies are not clipped to [0, 1].
 *
 * @returns float32 [C,H,W], ≥ 0, (logits per pixel unit)²; 0 where the model is linear
 * @throws  KitError E_NO_GRADIENT where an operator of the model has none; E_INPUT for noise of other dims
 *
 * Cost: `draws` forward and backward passes.
 * Source: arXiv:1810.03292, written out in arXiv:1806.10758 §4.1; divided by the number of draws, as libraries do, not by one less. Number
 * and size of the draws are those of `smoothgrad`.
 */
export const vargrad = defineMethod({
  id: "vargrad",
  title: "VarGrad",
  paper: "arXiv:1810.03292",
  revision: 1,
  summary: "The variance of ∂f/∂x over noisy copies x + ε, ε normal with sd sigma × (max − min of x).",
  formula: "Φ = variance over draws of ∂f/∂x(x + ε), ε ~ N(0, (sigma · range)²)",
  limits:
    "Sees only where the gradient changes under noise: a pixel on which the score depends linearly gets nothing.",
  kind: "map",
  map: "sum",
  needs: ["gradient"],
  params: { draws: drawsParam, sigma: sigmaParam },
  inputs: { noise: noiseInput },
  cost: ({ draws }) => ({ forwards: draws, backwards: draws }),
  async attribute(context) {
    const { probe, x } = context;
    const { draws, copy } = noisyCopies(context);
    // one pass over the draws: a difference of two large sums would lose what the variance is made of
    const mean = new Float64Array(x.data.length);
    const spread = new Float64Array(x.data.length);
    await probe.gradients(draws, copy, (k, gradient) => {
      for (let i = 0; i < mean.length; i++) {
        const off = gradient[i] - mean[i];
        mean[i] += off / (k + 1);
        spread[i] += off * (gradient[i] - mean[i]);
      }
    });
    return { ...x, data: Float32Array.from(spread, (s) => s / draws) };
  },
});
