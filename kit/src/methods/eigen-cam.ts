import { type Float32Tensor, float32 } from "../onnx/tensor.ts";
import { activated, camMap, type Layer } from "./cam.ts";
import { defineMethod } from "./method.ts";

/**
 * Eigen-CAM: the cells' activation vectors, projected on the direction in which they differ most. The class plays no part in it, unless the
 * activation is multiplied by its gradient first.
 *
 * @returns float32 [H,W], ≥ 0; with `raw` [rows, columns] of the layer, signed, its mean 0
 * @throws  KitError E_CAM_LAYER where the model has no spatial grid; with `of=gradient-times-activation` E_NO_GRADIENT
 *
 * Cost: one forward pass; with the gradient one backward pass too.
 * Source: arXiv:2008.00299, there of the activation as it is; centred, as pytorch-grad-cam does. An eigenvector has no sign: that in
 * which the map correlates with the mean activation is ours.
 */
export const eigenCam = defineMethod({
  id: "eigen-cam",
  title: "Eigen-CAM",
  paper: "arXiv:2008.00299",
  revision: 1,
  summary:
    "ReLU(A · v) with v the first right-singular vector of the centred activation [cells, channels], bilinear to the input size.",
  formula: "Φ = ±ReLU((A − Ā) · v), v = argmax ‖(A − Ā) · v‖ over ‖v‖ = 1, bilinear to [H,W]",
  limits:
    "It does not know the class: it shows what the layer finds most striking, whether the score uses it or not.",
  kind: "map",
  map: "sum",
  needs: ["cam"],
  params: {
    of: {
      type: "choice",
      choices: ["activation", "gradient-times-activation"],
      default: "activation",
      description: "what is decomposed: the activation, or g ⊙ A (pytorch-grad-cam's EigenGradCAM)",
    },
  },
  cost: ({ of }) => ({ forwards: 1, backwards: of === "activation" ? 0 : 1 }),
  async attribute({ probe, params, raw }) {
    const decomposed = async () => {
      if (params.of === "activation") return (await activated(probe)).activation;
      const { activation: a, activationGradient: g } = await probe.cam();
      return a.map((v, at) => g[at] * v);
    };
    return camMap(firstProjection(probe.model.cam!, await decomposed()), probe.model.shape, raw);
  },
});

/** [channels, cells] → each cell's part of the first principal component, as [rows, columns]; all 0 where the cells do not differ. */
export function firstProjection({ channels, rows, columns }: Layer, values: Float32Array): Float32Tensor {
  const cells = rows * columns;
  const centred = Float64Array.from(values);
  const mean = new Float64Array(cells);
  for (let k = 0; k < channels; k++) {
    const channel = centred.subarray(k * cells, (k + 1) * cells);
    const middle = channel.reduce((s, v) => s + v, 0) / cells;
    for (let i = 0; i < cells; i++) {
      channel[i] -= middle;
      mean[i] += channel[i];
    }
  }
  // of the two matrices with the same eigenvalues the smaller: C·Cᵀ between channels, or Cᵀ·C between cells
  const between = channels < cells;
  const side = between ? channels : cells;
  const [step, stride] = between ? [cells, 1] : [1, cells];
  const gram = new Float64Array(side * side);
  for (let p = 0; p < side; p++) {
    for (let q = 0; q <= p; q++) {
      let sum = 0;
      for (let i = 0; i < centred.length / side; i++) {
        sum += centred[p * step + i * stride] * centred[q * step + i * stride];
      }
      gram[p * side + q] = gram[q * side + p] = sum;
    }
  }
  const { vector, value } = leading(gram, side);
  const projection = new Float64Array(cells);
  if (between) {
    for (let k = 0; k < channels; k++) {
      for (let i = 0; i < cells; i++) projection[i] += vector[k] * centred[k * cells + i];
    }
  } else projection.set(vector.map((v) => v * Math.sqrt(value)));
  const sign = projection.reduce((s, v, i) => s + v * mean[i], 0) < 0 ? -1 : 1;
  return float32(
    [rows, columns],
    Float32Array.from(projection, (v) => sign * v),
  );
}

/**
 * The unit eigenvector of the largest eigenvalue of a symmetric positive semidefinite matrix, by power iteration: until M·v is λ·v to
 * 1e-10, or for 5000 rounds, where the first two eigenvalues are so close that the direction between them hardly matters. 0 where M is.
 */
export function leading(matrix: Float64Array, side: number): { vector: Float64Array; value: number } {
  // any start that no structure of the matrix is likely to be orthogonal to; multiples of the golden ratio, modulo 1
  let vector = Float64Array.from({ length: side }, (_, i) => (((i + 1) * (Math.sqrt(5) - 1)) / 2) % 1);
  let value = 0;
  for (let round = 0; round < 5000; round++) {
    const length = Math.hypot(...vector);
    const unit = vector.map((v) => v / length);
    vector = unit.map((_, p) => {
      let sum = 0;
      for (let q = 0; q < side; q++) sum += matrix[p * side + q] * unit[q];
      return sum;
    });
    value = unit.reduce((s, v, p) => s + v * vector[p], 0);
    if (!(value > 0)) return { vector: new Float64Array(side), value: 0 };
    const off = Math.hypot(...vector.map((v, p) => v - value * unit[p]));
    if (off <= 1e-10 * value) return { vector: unit, value };
  }
  const length = Math.hypot(...vector);
  return { vector: vector.map((v) => v / length), value };
}
