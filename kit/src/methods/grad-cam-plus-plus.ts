import type { CamLayer } from "../model/cam-layer.ts";
import { camMap, channelSums, weightedSum } from "./cam.ts";
import { defineMethod } from "./method.ts";

/**
 * Grad-CAM++: like Grad-CAM, but the positive gradients of a channel are weighted place by place, so that several instances of an
 * object count however small they are.
 *
 * @returns float32 [H,W], ≥ 0; with `raw` [rows, columns] of the layer, signed
 * @throws  KitError E_CAM_LAYER where the model has no spatial grid, or the score's gradient vanishes on it; E_NO_GRADIENT
 *
 * Cost: one forward and one backward pass, shared by all that read this layer.
 * Source: arXiv:1710.11063 eq. 19. There the class score is exp(f), whose derivatives are exp(f)·g, exp(f)·g², exp(f)·g³: in α the factor
 * cancels. Before the sum it would scale the whole map, and overflow; leaving it out is ours.
 */
export const gradCamPlusPlus = defineMethod({
  id: "grad-cam-plus-plus",
  title: "Grad-CAM++",
  paper: "arXiv:1710.11063",
  revision: 1,
  summary:
    "ReLU(Σ_k w_k · A_k) with w_k = Σ ReLU(g) · α over the cells of a channel, α = g²/(2g² + ΣA_k · g³), bilinear to the input size.",
  formula: "Φ = ReLU(Σₖ wₖ · Aₖ), wₖ = Σ ReLU(gₖ) · gₖ²/(2gₖ² + ΣAₖ · gₖ³), bilinear to [H,W]",
  limits:
    "Only positive gradients count; its weights assume a score that is linear behind the layer, and activations that are not negative.",
  kind: "map",
  map: "sum",
  needs: ["gradient", "cam"],
  params: {
    score: {
      type: "choice",
      choices: ["exp", "logit"],
      default: "exp",
      description:
        "what is differentiated: exp(f), as published; logit: as pytorch-grad-cam, with 1e-6 added to the denominator of α",
    },
  },
  cost: () => ({ forwards: 1, backwards: 1 }),
  async attribute({ probe, params, raw }) {
    const { activation, activationGradient } = await probe.cam();
    const layer = probe.model.cam!;
    const weights = plusPlusWeights(layer, activation, activationGradient, params.score);
    return camMap(weightedSum(layer, weights, activation), probe.model.shape, raw);
  },
});

export function plusPlusWeights(
  layer: CamLayer,
  a: Float32Array,
  g: Float32Array,
  score: "exp" | "logit",
): Float64Array {
  const total = channelSums(layer, (at) => a[at]);
  return channelSums(layer, (at, k) => {
    if (!(g[at] > 0)) return 0;
    // g² reduced, so that small gradients do not vanish in their cube; 0 where α has a pole
    if (score === "exp") return total[k] * g[at] === -2 ? 0 : g[at] / (2 + total[k] * g[at]);
    return (g[at] * g[at] ** 2) / (2 * g[at] ** 2 + total[k] * g[at] ** 3 + 1e-6);
  });
}
