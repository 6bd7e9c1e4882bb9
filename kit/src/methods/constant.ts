import { float32 } from "../onnx/tensor.ts";
import { control } from "./control.ts";
import { defineMethod } from "./method.ts";

/** 1 everywhere, float32 [H,W]: what ties and areas alone score. */
export const constant = defineMethod({
  ...control,
  id: "constant",
  title: "Constant",
  summary: "1 everywhere: a map that says nothing.",
  formula: "Φᵢ = 1",
  limits: "A control: it knows nothing.",
  async attribute({ x: { dims } }) {
    const [, height, width] = dims;
    return float32([height, width], new Float32Array(height * width).fill(1));
  },
});
