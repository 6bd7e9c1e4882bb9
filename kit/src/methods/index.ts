/** The registry of attribution methods: one line each. */
import { centreGaussian } from "./centre-gaussian.ts";
import { constant } from "./constant.ts";
import { gradCam } from "./grad-cam.ts";
import { inputXGradient } from "./input-x-gradient.ts";
import { integratedGradients } from "./integrated-gradients.ts";
import type { Method } from "./method.ts";
import { occlusion } from "./occlusion.ts";
import { random } from "./random.ts";
import { saliency } from "./saliency.ts";
import { smoothgrad } from "./smoothgrad.ts";
import { sobel } from "./sobel.ts";

export const methods: readonly Method[] = [
  saliency,
  inputXGradient,
  integratedGradients,
  smoothgrad,
  gradCam,
  occlusion,
  random,
  sobel,
  constant,
  centreGaussian,
];
