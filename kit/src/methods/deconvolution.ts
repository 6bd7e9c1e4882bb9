import { deconvolutionRules, passesRelu } from "../autodiff/rules/guided.ts";
import { gradientBy } from "../model/programs.ts";
import { defineMethod } from "./method.ts";
import { passedBack, ruled } from "./ruled.ts";

const deconvolved = ruled(gradientBy("deconvolution", deconvolutionRules), passesRelu);

/**
 * Deconvolution: the gradient, but every ReLU passes back what is positive, whether or not it was open.
 *
 * @returns float32 [C,H,W], logits per unit of x along the paths that are left
 * @throws  KitError E_NO_RULE where an operator is neither linear nor a ReLU or a max-pooling, E_NO_GRADIENT
 *
 * Cost: one forward and one backward pass.
 * Source: arXiv:1311.2901 § 2.1, from the score in place of one activation of a layer. Refusing other activations is ours, as for guided-backprop.
 */
export const deconvolution = defineMethod({
  id: "deconvolution",
  title: "Deconvolution",
  paper: "arXiv:1311.2901",
  revision: 1,
  summary: "∂f/∂x with g · [g > 0] passed back at every ReLU, whether or not it was open.",
  formula: "Φ = ∂f/∂x, at each ReLU g ↦ g · [g > 0]",
  limits:
    "Knows the image by its max-pooling switches alone: without such layers the map is the same for every image.",
  kind: "sensitivity",
  map: "abs-sum",
  needs: ["gradient"],
  params: {},
  refuses: deconvolved.refuses,
  cost: () => ({ forwards: 1, backwards: 1 }),
  attribute: (context) => passedBack(context, deconvolved),
});
