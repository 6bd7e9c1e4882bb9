import { baselineInput, baselineOf, referenceParam } from "./baseline.ts";
import { defineMethod } from "./method.ts";

/**
 * Gradient times the difference from the reference: each pixel's first-order share of f(x) − f(r).
 *
 * @returns float32 [C,H,W], logits
 * @throws  KitError E_NO_GRADIENT where an operator of the model has none; E_INPUT for a baseline of other dims
 *
 * Cost: one forward and one backward pass, shared by all that read the gradient of this image.
 * Source: arXiv:1605.01713; the reference is ours, a black one gives the classic x ⊙ ∂f/∂x.
 */
export const inputXGradient = defineMethod({
  id: "input-x-gradient",
  title: "Input × Gradient",
  paper: "arXiv:1605.01713",
  revision: 1,
  summary: "(x − r) ⊙ ∂f/∂x: the first-order share of each pixel in f(x) − f(r).",
  formula: "Φ = (x − r) ⊙ ∂f/∂x",
  limits:
    "A first-order estimate at x: right on linear models only, and zero wherever the image has the reference's colour.",
  kind: "contribution",
  map: "sum",
  needs: ["gradient"],
  params: { reference: referenceParam },
  inputs: { baseline: baselineInput },
  cost: () => ({ forwards: 1, backwards: 1 }),
  async attribute(context) {
    const { probe, x, params } = context;
    const r = baselineOf(context, params.reference);
    const gradient = await probe.gradient();
    return { ...x, data: gradient.data.map((g, i) => (x.data[i] - r.data[i]) * g) };
  },
});
