import { defineMethod } from "./method.ts";
import { drawsParam, noiseInput, noisyCopies, sigmaParam } from "./noise.ts";

/**
 * SmoothGrad-Squared: the mean squared gradient over noisy copies x + ε. Copies are not clipped to [0, 1].
 *
 * @returns float32 [C,H,W], ≥ 0, (logits per pixel unit)²
 * @throws  KitError E_NO_GRADIENT where an operator of the model has none; E_INPUT for noise of other dims
 *
 * Cost: `draws` forward and backward passes.
 * Source: arXiv:1806.10758 §4.1 (its sum divided by the number of draws); number and size of the draws are those of `smoothgrad`.
 */
export const smoothgradSquared = defineMethod({
  id: "smoothgrad-squared",
  title: "SmoothGrad-Squared",
  paper: "arXiv:1806.10758",
  revision: 1,
  summary: "The mean of (∂f/∂x)² over noisy copies x + ε, ε normal with sd sigma × (max − min of x).",
  formula: "Φ = mean over draws of (∂f/∂x(x + ε))², ε ~ N(0, (sigma · range)²)",
  limits:
    "Tells how strongly the score reacts, never in which direction, and squaring lets the largest gradients drown the rest.",
  kind: "map",
  map: "sum",
  needs: ["gradient"],
  params: { draws: drawsParam, sigma: sigmaParam },
  inputs: { noise: noiseInput },
  cost: ({ draws }) => ({ forwards: draws, backwards: draws }),
  async attribute(context) {
    const { probe, x } = context;
    const { draws, copy } = noisyCopies(context);
    const mean = new Float64Array(x.data.length);
    await probe.gradients(draws, copy, (_, gradient) => {
      for (let i = 0; i < mean.length; i++) mean[i] += gradient[i] ** 2 / draws;
    });
    return { ...x, data: Float32Array.from(mean) };
  },
});
