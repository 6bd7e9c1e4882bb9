import { guidedRules, passesRelu } from "../autodiff/rules/guided.ts";
import { gradientBy } from "../model/programs.ts";
import { defineMethod } from "./method.ts";
import { passedBack, ruled } from "./ruled.ts";

/** The gradient at the input, of which each ReLU lets through what is positive where it was itself open. */
export const guided = ruled(gradientBy("guided-backprop", guidedRules), passesRelu);

/**
 * Guided backpropagation: the gradient, but every ReLU passes back only what is positive, and only where it was open.
 *
 * @returns float32 [C,H,W], logits per unit of x along the paths that are left
 * @throws  KitError E_NO_RULE where an operator is neither linear nor a ReLU or a max-pooling, E_NO_GRADIENT
 *
 * Cost: one forward and one backward pass.
 * Source: arXiv:1412.6806, its section on deconvolution. Refusing models whose activations are no ReLUs is ours: Captum passes them the plain gradient.
 */
export const guidedBackprop = defineMethod({
  id: "guided-backprop",
  title: "Guided backpropagation",
  paper: "arXiv:1412.6806",
  revision: 1,
  summary: "∂f/∂x with g · [g > 0] · [a > 0] passed back at every ReLU of activation a.",
  formula: "Φ = ∂f/∂x, at each ReLU g ↦ g · [g > 0] · [A > 0]",
  limits:
    "Shows edges of the image more than what the class hangs on: the map hardly changes with the class or the upper weights (1805.07039, 1810.03292).",
  kind: "sensitivity",
  map: "abs-sum",
  needs: ["gradient"],
  params: {},
  refuses: guided.refuses,
  cost: () => ({ forwards: 1, backwards: 1 }),
  attribute: (context) => passedBack(context, guided),
});
