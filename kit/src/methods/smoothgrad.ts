import { ofShape } from "./baseline.ts";
import { defineMethod } from "./method.ts";

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
    draws: {
      type: "integer",
      default: 25,
      minimum: 1,
      maximum: 10_000,
      budget: true,
      description: "noisy copies",
    },
    sigma: {
      type: "number",
      default: 0.15,
      minimum: 0,
      description: "noise sd as a share of the image's range",
    },
    absolute: { type: "boolean", default: false, description: "average |∂f/∂x|" },
    squared: {
      type: "boolean",
      default: false,
      description: "average (∂f/∂x)²; `absolute` then changes nothing",
    },
  },
  inputs: {
    noise: { dims: "[N,C,H,W]", description: "noise added to x, one entry per draw; N replaces `draws`" },
  },
  cost: ({ draws }) => ({ forwards: draws, backwards: draws }),
  async attribute({ probe, x, params, given, rng }) {
    const supplied = given("noise");
    const noise = supplied && ofShape("noise", supplied, [null, ...x.dims]);
    const draws = noise ? noise.dims[0] : params.draws;
    const sd = params.sigma * rangeOf(x.data);
    const mean = new Float64Array(x.data.length);
    await probe.gradients(
      draws,
      (k, point) => {
        // a stream per draw: a batch that failed for memory is filled again, and no draw depends on how many there are
        const stream = rng(`noise ${k}`);
        for (let i = 0; i < point.length; i++) {
          point[i] = x.data[i] + (noise ? noise.data[k * point.length + i] : sd * stream.normal());
        }
      },
      (_, gradient) => {
        for (let i = 0; i < mean.length; i++) {
          const g = gradient[i];
          mean[i] += params.squared ? g * g : params.absolute ? Math.abs(g) : g;
        }
      },
    );
    return { ...x, data: Float32Array.from(mean, (sum) => sum / draws) };
  },
});

function rangeOf(values: Float32Array): number {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (const v of values) {
    low = Math.min(low, v);
    high = Math.max(high, v);
  }
  return high - low;
}
