/** Class activation maps. */
import { ablationWeights } from "../../src/methods/ablation-cam.ts";
import { activated, camMap, channelSums, goOn, weightedSum } from "../../src/methods/cam.ts";
import { plusPlusWeights } from "../../src/methods/grad-cam-plus-plus.ts";
import { relevance } from "../../src/methods/method.ts";
import { scoreWeights } from "../../src/methods/score-cam.ts";
import { xgradWeights } from "../../src/methods/xgrad-cam.ts";
import type { ParamValue } from "../../src/params.ts";
import { dot } from "../analytic-probe.ts";
import { attributed, by, type Fixture, type Ours, plain, type Table } from "./fixture.ts";

const raw = (id: string, params: Record<string, ParamValue> = {}): Ours => plain(id, params, undefined, true);

/** Their final map is scaled to [0, 1]. */
const final = (id: string, params: Record<string, ParamValue> = {}): Ours =>
  by(id, async (f) => relevance(await attributed(f, id, params)));

/** A map and what it looks like in the end. */
const both = (name: string, id: string, params: Record<string, ParamValue> = {}): Table => ({
  [`cam.${name}_raw`]: raw(id, params),
  [`cam.${name}`]: final(id, params),
});

/** A weight for each channel, of activation and gradient. */
const weights = (
  id: string,
  weigh: (layer: NonNullable<Fixture["model"]["cam"]>, a: Float32Array, g: Float32Array) => Float64Array,
): Ours =>
  by(id, async (f) => {
    const { activation, activationGradient } = await f.probe.cam();
    return weigh(f.model.cam!, activation, activationGradient);
  });

/** The library leaves the sign to chance: ours is turned to theirs, after which the two must agree. */
function eigen(name: string, params: Record<string, ParamValue>): Table {
  const turned = async (f: Fixture) => {
    const map = await attributed(f, "eigen-cam", params, {}, true);
    const sign = Math.sign(dot(map.data, f.array(`cam.${name}_raw`).data));
    return { ...map, data: map.data.map((v) => sign * v) };
  };
  return {
    [`cam.${name}_raw`]: by("eigen-cam", turned),
    [`cam.${name}`]: by("eigen-cam", async (f) => relevance(camMap(await turned(f), f.model.shape, false))),
  };
}

const scored = { channels: 0, weights: "softmax-logits", "align-corners": true, reference: "black" } as const;

const ablated = { channels: 0, divisor: "score" } as const;

/**
 * The library's weights. It ablates to 0, as we do, only where the least activation is 0. Else the k-th channel of each batch of 32 becomes
 * the least activation − (k + 1)·1e7, which no method means: reproduced by our graph, so that all that comes behind the layer is compared.
 */
async function libraryWeights({ probe }: Fixture): Promise<ArrayLike<number>> {
  const found = await activated(probe);
  const { whole, logits, layer } = found;
  const least = whole.reduce((a, b) => Math.min(a, b));
  if (least === 0) return ablationWeights(probe, ablated);
  const weights = new Float64Array(layer.channels);
  await goOn(
    probe,
    found,
    layer.channels,
    (k, given) => {
      for (let at = k; at < given.length; at += layer.channels) given[at] = least - ((k % 32) + 1) * 1e7;
    },
    (k, without) => {
      weights[k] = 1 - without[probe.target] / logits[probe.target];
    },
  );
  return weights;
}

const libraryAblation = async (f: Fixture) => {
  const { layer, activation } = await activated(f.probe);
  return weightedSum(layer, await libraryWeights(f), activation);
};

export const cam: Table = {
  "captum.layer_gradcam": raw("grad-cam"),
  ...both("gradcam", "grad-cam"),
  "heat.gradcam": final("grad-cam"),
  "cam.gradcam_weights": weights("grad-cam", (layer, _, g) =>
    channelSums(layer, (at) => g[at] / (layer.rows * layer.columns)),
  ),
  ...both("gradcampp", "grad-cam-plus-plus", { score: "logit" }),
  "cam.gradcampp_weights": weights("grad-cam-plus-plus", (layer, a, g) =>
    plusPlusWeights(layer, a, g, "logit"),
  ),
  ...both("hirescam", "hires-cam"),
  ...both("gradcam_elementwise", "hires-cam", { "positive-products": true }),
  ...both("layercam", "layer-cam"),
  ...both("xgradcam", "xgrad-cam"),
  "cam.xgradcam_weights": weights("xgrad-cam", xgradWeights),
  ...eigen("eigencam", {}),
  ...eigen("eigengradcam", { of: "gradient-times-activation" }),
  ...both("scorecam", "score-cam", scored),
  "cam.scorecam_weights": by("score-cam", (f) => scoreWeights(f.probe, scored)),
  "cam.ablationcam_raw": by("ablation-cam", libraryAblation),
  "cam.ablationcam": by("ablation-cam", async (f) =>
    relevance(camMap(await libraryAblation(f), f.model.shape, false)),
  ),
  "cam.ablationcam_weights": by("ablation-cam", libraryWeights),
  "own.ablation_zero_raw": raw("ablation-cam"),
  "own.ablation_zero_weights": by("ablation-cam", (f) => ablationWeights(f.probe, ablated)),
};
