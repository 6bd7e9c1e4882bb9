/** What class activation methods share: a weighted sum over channels, rectified and brought to the image's size. */
import type { CamLayer } from "../model/cam-layer.ts";
import { bilinear, type ImageShape } from "../model/image.ts";
import { type Float32Tensor, float32 } from "../onnx/tensor.ts";

/** Σ_k weights[k] · activation[k], as [rows, columns]. */
export function weightedSum(
  layer: CamLayer,
  weights: ArrayLike<number>,
  activation: Float32Array,
): Float32Tensor {
  const cells = layer.rows * layer.columns;
  const sum = new Float64Array(cells);
  for (let k = 0; k < layer.channels; k++) {
    for (let i = 0; i < cells; i++) sum[i] += weights[k] * activation[k * cells + i];
  }
  return float32([layer.rows, layer.columns], Float32Array.from(sum));
}

/** The map as published: ReLU, then bilinear to the input size; `raw` gives it as it is. */
export function camMap(map: Float32Tensor, shape: ImageShape, raw: boolean): Float32Tensor {
  if (raw) return map;
  const [rows, columns] = map.dims;
  const rectified = map.data.map((v) => Math.max(v, 0));
  return float32([shape.height, shape.width], bilinear(rectified, rows, columns, shape.height, shape.width));
}
