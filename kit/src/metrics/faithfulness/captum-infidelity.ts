/**
 * Infidelity as Captum computes it: additive perturbations, x̃ = x − I, and the mean square of Σ(I ⊙ Φ) − (f(x) − f(x̃)), in logits².
 * x̃ is not clipped; an [H,W] map counts for every channel. Skips an attribution that is not finite.
 *
 * Cost: `draws` + 1 forward passes, shared by all methods of a sample.
 * Source: arXiv:1901.09392; Captum 0.8 `infidelity`, with sigma 0.003 as in its docstring.
 */
import { type MetricContext, type Score, skip } from "../metric.ts";
import { noise } from "./noise.ts";

export const captumParams = {
  draws: {
    type: "integer",
    default: 10,
    minimum: 1,
    maximum: 100_000,
    budget: true,
    description: "perturbations",
  },
  sigma: {
    type: "number",
    default: 0.003,
    minimum: 0,
    description: "sd of the normal perturbation, pixel units",
  },
} as const;

export const captumInputs = {
  perturbations: { dims: "[N,C,H,W]", description: "I, subtracted from x; N replaces `draws`" },
} as const;

export async function captumInfidelity(
  context: MetricContext<{ draws: number; sigma: number }>,
  scaled: boolean,
): Promise<Score> {
  const { data: phi } = context.attribution;
  if (!phi.every(Number.isFinite)) return skip("attribution is not finite");
  const { falls: b, along } = await noise(context);
  const a = along(phi);
  const mean = (f: (k: number) => number) => a.reduce((sum, _, k) => sum + f(k), 0) / a.length;
  const aa = mean((k) => a[k] * a[k]);
  const beta = !scaled ? 1 : aa === 0 ? 0 : mean((k) => a[k] * b[k]) / aa;
  return mean((k) => (beta * a[k] - b[k]) ** 2);
}
