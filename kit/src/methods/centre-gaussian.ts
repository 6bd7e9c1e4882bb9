import { float32 } from "../onnx/tensor.ts";
import { control } from "./control.ts";
import { defineMethod } from "./method.ts";

/** A bell about the centre, float32 [H,W], 1 at its peak: what the habit of centring objects scores. */
export const centreGaussian = defineMethod({
  ...control,
  id: "centre-gaussian",
  title: "Centre Gaussian",
  summary:
    "A Gaussian about the centre, sd a quarter of each side: photographers put the object in the middle.",
  formula: "Φᵢⱼ = exp(−(u² + v²)/(2 · 0.25²)), u and v the distances from the centre in sides",
  limits: "A control: it knows where photographers point.",
  async attribute({ x: { dims } }) {
    const [, height, width] = dims;
    const bell = (i: number, side: number) => Math.exp(-(((i + 0.5) / side - 0.5) ** 2) / (2 * 0.25 ** 2));
    const map = Float32Array.from(
      { length: height * width },
      (_, at) => bell(Math.floor(at / width), height) * bell(at % width, width),
    );
    return float32([height, width], map);
  },
});
