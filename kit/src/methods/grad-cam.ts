import { camMap, channelSums, weightedSum } from "./cam.ts";
import { defineMethod } from "./method.ts";

/**
 * Grad-CAM: channels of the CAM layer, weighted by their mean gradient, added and rectified.
 *
 * @returns float32 [H,W], ≥ 0; with `raw` [rows, columns] of the layer, signed
 * @throws  KitError E_CAM_LAYER where the model has no spatial grid, or the score's gradient vanishes on it; E_NO_GRADIENT
 *
 * Cost: one forward and one backward pass, shared by all that read this layer.
 * Source: arXiv:1610.02391 eqs. 1 and 2; bilinear with half-pixel centres.
 */
export const gradCam = defineMethod({
  id: "grad-cam",
  title: "Grad-CAM",
  paper: "arXiv:1610.02391",
  revision: 1,
  summary: "ReLU(Σ_k mean(∂f/∂A_k) · A_k) over the channels of the CAM layer, bilinear to the input size.",
  formula: "Φ = ReLU(Σₖ mean(∂f/∂Aₖ) · Aₖ), bilinear to [H,W]",
  limits:
    "As coarse as its layer, and the mean of a channel's gradient may point to places that the model did not use.",
  kind: "map",
  map: "sum",
  needs: ["gradient", "cam"],
  params: {},
  cost: () => ({ forwards: 1, backwards: 1 }),
  async attribute({ probe, raw }) {
    const { activation, activationGradient } = await probe.cam();
    const layer = probe.model.cam!;
    const weights = channelSums(layer, (at) => activationGradient[at] / (layer.rows * layer.columns));
    return camMap(weightedSum(layer, weights, activation), probe.model.shape, raw);
  },
});
