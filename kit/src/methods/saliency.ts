import { defineMethod } from "./method.ts";

/**
 * Vanilla gradient: how fast the score moves with each pixel.
 *
 * @returns float32 [C,H,W], logits per pixel unit; signed unless `absolute`
 * @throws  KitError E_NO_GRADIENT where an operator of the model has none
 *
 * Cost: one forward and one backward pass, shared by all that read the gradient of this image.
 * Source: arXiv:1312.6034 § 3; there a pixel's map is the largest |·| of its channels, ours is their sum.
 */
export const saliency = defineMethod({
  id: "saliency",
  title: "Saliency",
  paper: "arXiv:1312.6034",
  revision: 1,
  summary: "∂f/∂x, the gradient of the explained class's logit with respect to the image.",
  formula: "Φ = ∂f/∂x",
  limits:
    "Shows where the score would change fastest, not what it rests on: where the score is saturated it is near zero, and it is noisy on deep ReLU networks.",
  kind: "sensitivity",
  map: "abs-sum",
  needs: ["gradient"],
  params: {
    absolute: {
      type: "boolean",
      default: false,
      description: "take |∂f/∂x| at once; the paper's map needs no sign",
    },
  },
  cost: () => ({ forwards: 1, backwards: 1 }),
  async attribute({ probe, params }) {
    const gradient = await probe.gradient();
    return params.absolute ? { ...gradient, data: gradient.data.map(Math.abs) } : gradient;
  },
});
