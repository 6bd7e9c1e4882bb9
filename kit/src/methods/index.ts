/** The registry of attribution methods: one line each. */
import { ablationCam } from "./ablation-cam.ts";
import { attentionRollout } from "./attention-rollout.ts";
import { centreGaussian } from "./centre-gaussian.ts";
import { constant } from "./constant.ts";
import { deconvolution } from "./deconvolution.ts";
import { deeplift } from "./deeplift.ts";
import { eigenCam } from "./eigen-cam.ts";
import { featureAblation } from "./feature-ablation.ts";
import { genericAttention } from "./generic-attention.ts";
import { gradCam } from "./grad-cam.ts";
import { gradCamPlusPlus } from "./grad-cam-plus-plus.ts";
import { gradEclip } from "./grad-eclip.ts";
import { gradientShap } from "./gradient-shap.ts";
import { guidedBackprop } from "./guided-backprop.ts";
import { guidedGradCam } from "./guided-grad-cam.ts";
import { hiresCam } from "./hires-cam.ts";
import { inputXGradient } from "./input-x-gradient.ts";
import { integratedGradients } from "./integrated-gradients.ts";
import { kernelShap } from "./kernel-shap.ts";
import { layerCam } from "./layer-cam.ts";
import { legrad } from "./legrad.ts";
import { lime } from "./lime.ts";
import { lrp } from "./lrp.ts";
import type { Method } from "./method.ts";
import { occlusion } from "./occlusion.ts";
import { random } from "./random.ts";
import { reciproCam } from "./recipro-cam.ts";
import { rise } from "./rise.ts";
import { saliency } from "./saliency.ts";
import { scoreCam } from "./score-cam.ts";
import { shapleyValueSampling } from "./shapley-value-sampling.ts";
import { smoothgrad } from "./smoothgrad.ts";
import { smoothgradSquared } from "./smoothgrad-squared.ts";
import { sobel } from "./sobel.ts";
import { vargrad } from "./vargrad.ts";
import { xgradCam } from "./xgrad-cam.ts";

export const methods: readonly Method[] = [
  saliency,
  inputXGradient,
  integratedGradients,
  smoothgrad,
  gradientShap,
  gradCam,
  gradCamPlusPlus,
  scoreCam,
  occlusion,
  lime,
  kernelShap,
  rise,
  hiresCam,
  layerCam,
  xgradCam,
  eigenCam,
  ablationCam,
  reciproCam,
  smoothgradSquared,
  vargrad,
  featureAblation,
  shapleyValueSampling,
  guidedBackprop,
  deconvolution,
  guidedGradCam,
  deeplift,
  lrp,
  attentionRollout,
  genericAttention,
  legrad,
  gradEclip,
  random,
  sobel,
  constant,
  centreGaussian,
];
