import type { CamLayer } from "../model/cam-layer.ts";
import { camMap, channelSums, weightedSum } from "./cam.ts";
import { defineMethod } from "./method.ts";

/**
 * XGrad-CAM: channels of the CAM layer, weighted by their gradient averaged where they are active, added and rectified.
 *
 * @returns float32 [H,W], ≥ 0; with `raw` [rows, columns] of the layer, signed
 * @throws  KitError E_CAM_LAYER where the model has no spatial grid, or the score's gradient vanishes on it; E_NO_GRADIENT
 *
 * Cost: one forward and one backward pass, shared by all that read this layer.
 * Source: arXiv:2008.02312; a channel that adds up to 0 has weight 0 (pytorch-grad-cam adds 1e-7 to every sum).
 */
export const xgradCam = defineMethod({
  id: "xgrad-cam",
  title: "XGrad-CAM",
  paper: "arXiv:2008.02312",
  revision: 1,
  summary:
    "ReLU(Σ_k w_k · A_k) with w_k = Σ(∂f/∂A_k ⊙ A_k)/ΣA_k over the cells of a channel, bilinear to the input size.",
  formula: "Φ = ReLU(Σₖ wₖ · Aₖ), wₖ = Σ(gₖ ⊙ Aₖ)/ΣAₖ, bilinear to [H,W]",
  limits:
    "Made for activations that are not negative: where a channel's values cancel, its weight grows without bound.",
  kind: "map",
  map: "sum",
  needs: ["gradient", "cam"],
  params: {},
  cost: () => ({ forwards: 1, backwards: 1 }),
  async attribute({ probe, raw }) {
    const { activation, activationGradient } = await probe.cam();
    const layer = probe.model.cam!;
    return camMap(
      weightedSum(layer, xgradWeights(layer, activation, activationGradient), activation),
      probe.model.shape,
      raw,
    );
  },
});

export function xgradWeights(layer: CamLayer, a: Float32Array, g: Float32Array): Float64Array {
  const total = channelSums(layer, (at) => a[at]);
  return channelSums(layer, (at) => g[at] * a[at]).map((sum, k) => (total[k] === 0 ? 0 : sum / total[k]));
}
