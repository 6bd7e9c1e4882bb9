import { float32 } from "../onnx/tensor.ts";
import { control } from "./control.ts";
import { defineMethod } from "./method.ts";

/** Uniform noise in [0, 1), float32 [H,W]: what no explanation scores. */
export const random = defineMethod({
  ...control,
  id: "random",
  title: "Random",
  summary: "Uniform noise, the same for every model and every perturbation of an image.",
  formula: "Φᵢ ~ U[0, 1)",
  limits: "A control: it knows nothing.",
  async attribute({ x: { dims }, rng }) {
    const [, height, width] = dims;
    const stream = rng("random");
    return float32(
      [height, width],
      Float32Array.from({ length: height * width }, () => stream.uniform()),
    );
  },
});
