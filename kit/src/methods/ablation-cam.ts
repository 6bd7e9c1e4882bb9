import { withoutChannel } from "../model/cam-layer.ts";
import type { Probe } from "../model/probe.ts";
import { activated, camMap, goOn, layerSize, weightedSum, widestChannels } from "./cam.ts";
import { defineMethod } from "./method.ts";

/**
 * Ablation-CAM: channels of the CAM layer, weighted by the share of the score that is lost without them.
 *
 * @returns float32 [H,W], ≥ 0; with `raw` [rows, columns] of the layer, signed
 * @throws  KitError E_CAM_LAYER where the model has no spatial grid
 *
 * Cost: one forward pass, and one for each channel from the layer on: after the last convolution next to nothing, though counted as a pass.
 * Source: doi:10.1109/WACV45572.2020.9093360. A channel is 0 everywhere, in class and register tokens too. The paper divides by the
 * score, which turns the map around where the score is negative. So does pytorch-grad-cam, but it ablates to the
 * minimum − 1e7 where that is not 0.
 */
export const ablationCam = defineMethod({
  id: "ablation-cam",
  title: "Ablation-CAM",
  paper: "doi:10.1109/WACV45572.2020.9093360",
  revision: 1,
  summary:
    "ReLU(Σ_k w_k · A_k) with w_k = (f − f without channel k)/f over the channels of the CAM layer, bilinear to the input size.",
  formula: "Φ = ReLU(Σₖ wₖ · Aₖ), wₖ = (f − f(Aₖ ← 0))/f, bilinear to [H,W]",
  limits:
    "Channels that stand in for each other are not missed one by one; where f is negative the map shows what speaks against the class.",
  kind: "map",
  map: "sum",
  needs: ["cam"],
  params: {
    channels: {
      type: "integer",
      default: 0,
      minimum: 0,
      description: "how many channels are ablated, those of the largest range; 0: all",
    },
    divisor: {
      type: "choice",
      choices: ["score", "absolute-score"],
      default: "score",
      description: "f, as published; or |f|, so that a negative score does not turn the map around",
    },
  },
  cost: ({ channels }, shape) => {
    const { channels: all } = layerSize(shape);
    return { forwards: 1 + Math.min(channels || all, all), backwards: 0 };
  },
  async attribute({ probe, params, raw }) {
    const { layer, activation } = await activated(probe);
    const weights = await ablationWeights(probe, params);
    return camMap(weightedSum(layer, weights, activation), probe.model.shape, raw);
  },
});

/** [channels]; 0 where a channel was not ablated. */
export async function ablationWeights(
  probe: Probe,
  { channels, divisor }: { channels: number; divisor: "score" | "absolute-score" },
): Promise<Float64Array> {
  const found = await activated(probe);
  const { layer, activation, logits } = found;
  const f = logits[probe.target];
  const by = divisor === "score" ? f : Math.abs(f);
  const ablated = widestChannels(layer, activation, channels);
  const weights = new Float64Array(layer.channels);
  await goOn(
    probe,
    found,
    ablated.length,
    (n, given) => withoutChannel(layer, ablated[n], given),
    (n, without) => {
      // a score of exactly 0 has no shares: the fall itself
      weights[ablated[n]] = (f - without[probe.target]) / (by || 1);
    },
  );
  return weights;
}
