import { float32 } from "../onnx/tensor.ts";
import { control } from "./control.ts";
import { defineMethod } from "./method.ts";

/** Edge strength, float32 [H,W], ≥ 0: knows the image and nothing of the model (arXiv:1810.03292 compares maps with edges). */
export const sobel = defineMethod({
  ...control,
  id: "sobel",
  title: "Sobel edges",
  summary:
    "Edge strength of the image's channel mean (3×3 Sobel, edges replicated): what an edge detector would call an explanation.",
  formula: "Φ = √(Gx² + Gy²) of the channel mean, 3×3 Sobel",
  limits: "A control: it knows the image and nothing of the model.",
  async attribute({ x: { dims, data } }) {
    const [channels, height, width] = dims;
    const grey = (i: number, j: number) => {
      const at = Math.min(Math.max(i, 0), height - 1) * width + Math.min(Math.max(j, 0), width - 1);
      let sum = 0;
      for (let c = 0; c < channels; c++) sum += data[c * height * width + at];
      return sum / channels;
    };
    const map = Float32Array.from({ length: height * width }, (_, at) => {
      const i = Math.floor(at / width);
      const j = at % width;
      const across =
        grey(i - 1, j + 1) -
        grey(i - 1, j - 1) +
        2 * (grey(i, j + 1) - grey(i, j - 1)) +
        grey(i + 1, j + 1) -
        grey(i + 1, j - 1);
      const down =
        grey(i + 1, j - 1) -
        grey(i - 1, j - 1) +
        2 * (grey(i + 1, j) - grey(i - 1, j)) +
        grey(i + 1, j + 1) -
        grey(i - 1, j + 1);
      return Math.hypot(across, down);
    });
    return float32([height, width], map);
  },
});
