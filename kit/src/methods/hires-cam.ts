import { camMap, cellSums } from "./cam.ts";
import { defineMethod } from "./method.ts";

/**
 * HiResCAM: gradient times activation, cell by cell, added over the channels of the CAM layer. Where only a linear layer follows, the
 * cells' values are exactly what they add to the score.
 *
 * @returns float32 [H,W], ≥ 0; with `raw` [rows, columns] of the layer, signed
 * @throws  KitError E_CAM_LAYER where the model has no spatial grid, or the score's gradient vanishes on it; E_NO_GRADIENT
 *
 * Cost: one forward and one backward pass, shared by all that read this layer.
 * Source: arXiv:2011.08891; bilinear with half-pixel centres.
 */
export const hiresCam = defineMethod({
  id: "hires-cam",
  title: "HiResCAM",
  paper: "arXiv:2011.08891",
  revision: 1,
  summary: "ReLU(Σ_k ∂f/∂A_k ⊙ A_k) over the channels of the CAM layer, bilinear to the input size.",
  formula: "Φ = ReLU(Σₖ gₖ ⊙ Aₖ), bilinear to [H,W]",
  limits:
    "As coarse as its layer; behind anything but a linear layer it is a first-order guess of what a cell adds.",
  kind: "map",
  map: "sum",
  needs: ["gradient", "cam"],
  params: {
    "positive-products": {
      type: "boolean",
      default: false,
      description: "add only the positive products: pytorch-grad-cam's GradCAMElementWise",
    },
  },
  cost: () => ({ forwards: 1, backwards: 1 }),
  async attribute({ probe, params, raw }) {
    const { activation: a, activationGradient: g } = await probe.cam();
    const least = params["positive-products"] ? 0 : Number.NEGATIVE_INFINITY;
    const map = cellSums(probe.model.cam!, (at) => Math.max(g[at] * a[at], least));
    return camMap(map, probe.model.shape, raw);
  },
});
