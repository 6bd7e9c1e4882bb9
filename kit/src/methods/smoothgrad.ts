import { defineMethod } from "./method.ts";
import { drawsParam, noiseInput, noisyCopies, sigmaParam } from "./noise.ts";

/**
 * SmoothGrad: the mean gradient over noisy copies x + ε. Copies are not clipped to [0, 1]: the paper's are not.
 *
 * @returns float32 [C,H,W], logits per pixel unit (its square with `squared`); signed unless told otherwise
 * @throws  KitError E_NO_GRADIENT where an operator of the model has none; E_INPUT for noise of other dims
 *
 * Cost: `draws` forward and backward passes.
 * Source: arXiv:1706.03825; its figures show absolute values, its text leaves the sign open.
 */
export const smoothgrad = defineMethod({
  id: "smoothgrad",
  title: "SmoothGrad",
  paper: "arXiv:1706.03825",
  revision: 1,
  summary: "The mean of ∂f/∂x over noisy copies x + ε, ε normal with sd sigma × (max − min of x).",
  formula: "Φ = mean over draws of ∂f/∂x(x + ε), ε ~ N(0, (sigma · range)²)",
  limits: "Explains the model smoothed by noise, which is another one; the noise's size is a choice.",
  kind: "sensitivity",
  map: "abs-sum",
  needs: ["gradient"],
  params: {
    draws: drawsParam,
    sigma: sigmaParam,
    absolute: { type: "boolean", default: false, description: "average |∂f/∂x|" },
    squared: {
      type: "boolean",
      default: false,
      description: "average (∂f/∂x)²; `absolute` then changes nothing",
    },
  },
  inputs: { noise: noiseInput },
  cost: ({ draws }) => ({ forwards: draws, backwards: draws }),
  async attribute(context) {
    const { probe, x, params } = context;
    const { draws, copy } = noisyCopies(context);
    const sum = new Float64Array(x.data.length);
    await probe.gradients(draws, copy, (_, gradient) => {
      for (let i = 0; i < sum.length; i++) {
        const g = gradient[i];
        sum[i] += params.squared ? g * g : params.absolute ? Math.abs(g) : g;
      }
    });
    return { ...x, data: Float32Array.from(sum, (v) => v / draws) };
  },
});
