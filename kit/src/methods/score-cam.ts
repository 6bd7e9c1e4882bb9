import { bilinear, keep } from "../model/image.ts";
import type { Probe } from "../model/probe.ts";
import type { Params } from "../params.ts";
import { referenceParam } from "./baseline.ts";
import { activated, camMap, layerSize, minMax, weightedSum, widestChannels } from "./cam.ts";
import { defineMethod } from "./method.ts";

const params = {
  channels: {
    type: "integer",
    default: 256,
    minimum: 0,
    budget: true,
    description: "how many channels are tried, those of the largest range; 0: all",
  },
  weights: {
    type: "choice",
    choices: ["increase", "softmax-logits"],
    default: "increase",
    description:
      "how far a channel's mask raises the probability above the reference's; or a softmax over channels of logits (pytorch-grad-cam)",
  },
  "align-corners": {
    type: "boolean",
    default: false,
    description: "masks are enlarged with corners aligned (pytorch-grad-cam), not with half-pixel centres",
  },
  reference: {
    ...referenceParam,
    description: "what a mask hides by: mean colour, black, or the blurred image",
  },
} as const;

/**
 * Score-CAM: channels of the CAM layer, weighted by the probability the class has when only what a channel marks is shown.
 *
 * @returns float32 [H,W], ≥ 0; with `raw` [rows, columns] of the layer, signed
 * @throws  KitError E_CAM_LAYER where the model has no spatial grid
 *
 * Cost: one forward pass for the layer, one for each channel tried, one for the reference (unless `weights=softmax-logits`).
 * Source: arXiv:1910.01279. Ours: the channels of largest range instead of all, keep(x, M) = r + M ⊙ (x − r) with the reference r for the
 * product with the image, and the increase as it is, without a softmax over channels. A constant channel marks nothing, so its weight is 0.
 */
export const scoreCam = defineMethod({
  id: "score-cam",
  title: "Score-CAM",
  paper: "arXiv:1910.01279",
  revision: 1,
  summary:
    "ReLU(Σ_k w_k · A_k) with w_k = p(x shown where channel k is active) − p(reference), for the channels of largest range.",
  formula:
    "Φ = ReLU(Σₖ wₖ · Aₖ), wₖ = p(r + Mₖ ⊙ (x − r)) − p(r), Mₖ = minmax(enlarged Aₖ), bilinear to [H,W]",
  limits:
    "Each channel is judged alone, on images half hidden that the model never saw; what several mark together is not asked.",
  kind: "map",
  map: "sum",
  needs: ["cam"],
  params,
  cost: ({ channels, weights }, shape) => {
    const { channels: all } = layerSize(shape);
    const tried = Math.min(channels || all, all);
    return { forwards: 1 + tried + (weights === "increase" ? 1 : 0), backwards: 0 };
  },
  async attribute({ probe, params, raw }) {
    const { layer, activation } = await activated(probe);
    const weights = await scoreWeights(probe, params);
    return camMap(weightedSum(layer, weights, activation), probe.model.shape, raw);
  },
});

/** [channels]; 0 where a channel was not tried. */
export async function scoreWeights(
  probe: Probe,
  { channels, weights: rule, reference: kind, ...given }: Params<typeof params>,
): Promise<Float64Array> {
  const { layer, activation } = await activated(probe);
  const { height, width } = probe.model.shape;
  const { rows, columns } = layer;
  const cells = rows * columns;
  const tried = widestChannels(layer, activation, channels);
  const reference = probe.reference(kind);
  const showChannel = (n: number, out: Float32Array) => {
    const channel = activation.subarray(tried[n] * cells, (tried[n] + 1) * cells);
    const mask = minMax(bilinear(channel, rows, columns, height, width, given["align-corners"]));
    out.set(keep(probe.x, mask, reference).data);
  };
  const weights = new Float64Array(layer.channels);
  if (rule === "increase") {
    const p = await probe.probabilities(tried.length, showChannel);
    const empty = probe.model.probabilities(await probe.referenceLogits(kind))[probe.target];
    for (const [n, k] of tried.entries()) weights[k] = p[n] - empty;
    return weights;
  }
  const logits = await probe.scores(tried.length, showChannel);
  const top = logits.reduce((a, b) => Math.max(a, b));
  const powers = logits.map((z) => Math.exp(z - top));
  const total = powers.reduce((a, b) => a + b);
  for (const [n, k] of tried.entries()) weights[k] = powers[n] / total;
  return weights;
}
