import { camMap, cellSums } from "./cam.ts";
import { defineMethod } from "./method.ts";

/**
 * LayerCAM: activation times its positive gradient, cell by cell, added over the channels of the CAM layer.
 *
 * @returns float32 [H,W], ≥ 0; with `raw` [rows, columns] of the layer, signed where activations are
 * @throws  KitError E_CAM_LAYER where the model has no spatial grid, or the score's gradient vanishes on it; E_NO_GRADIENT
 *
 * Cost: one forward and one backward pass, shared by all that read this layer.
 * Source: doi:10.1109/TIP.2021.3089943, for one layer; bilinear with half-pixel centres.
 */
export const layerCam = defineMethod({
  id: "layer-cam",
  title: "LayerCAM",
  paper: "doi:10.1109/TIP.2021.3089943",
  revision: 1,
  summary: "ReLU(Σ_k ReLU(∂f/∂A_k) ⊙ A_k) over the channels of the CAM layer, bilinear to the input size.",
  formula: "Φ = ReLU(Σₖ ReLU(gₖ) ⊙ Aₖ), bilinear to [H,W]",
  limits:
    "What speaks against the class is left out channel by channel, so places of mixed evidence look positive.",
  kind: "map",
  map: "sum",
  needs: ["gradient", "cam"],
  params: {},
  cost: () => ({ forwards: 1, backwards: 1 }),
  async attribute({ probe, raw }) {
    const { activation: a, activationGradient: g } = await probe.cam();
    const map = cellSums(probe.model.cam!, (at) => Math.max(g[at], 0) * a[at]);
    return camMap(map, probe.model.shape, raw);
  },
});
