/** Small nets for backward rules: Captum's own test net, and layers whose rules one can write down as loops. */
import { attr, type Graph, type Node, node } from "../src/onnx/graph.ts";
import { float32 } from "../src/onnx/tensor.ts";
import { graphOf, weight } from "./small-models.ts";

/** Of Captum's tests: Conv (all weights 1) → Relu ("relu1") → Gemm → Relu; shown 0 to 15, the score of class 0 is 54. */
export const captumNet = (): Graph =>
  graphOf(
    ["N", 1, 4, 4],
    [
      node("Conv", ["x", "w", "b"], ["conv1"]),
      node("Relu", ["conv1"], ["relu1"]),
      node("Flatten", ["relu1"], ["flat"]),
      node("Gemm", ["flat", "v"], ["fc1"], { transB: attr.int(1) }),
      node("Relu", ["fc1"], ["y"]),
    ],
    {
      w: float32([2, 1, 3, 3], new Float32Array(18).fill(1)),
      b: float32([2], [-50, -75]),
      v: float32(
        [4, 8],
        Array.from({ length: 32 }, (_, i) => (i % 8 < 5 ? 1 : -1)),
      ),
    },
  );

export const captumImage = float32(
  [1, 4, 4],
  Array.from({ length: 16 }, (_, i) => i),
);

/** Three layers of `units` on an image [1, 2, 3]: y = v · σ(w2 · σ(w1 · x + b1) + b2), rows of units. */
export function layered(activation: (from: string, to: string) => Node, units = 5): Graph {
  return graphOf(
    ["N", 1, 2, 3],
    [
      node("Flatten", ["x"], ["flat"]),
      node("Gemm", ["flat", "w1", "b1"], ["in1"], { transB: attr.int(1) }),
      activation("in1", "out1"),
      node("Gemm", ["out1", "w2", "b2"], ["in2"], { transB: attr.int(1) }),
      activation("in2", "out2"),
      node("Gemm", ["out2", "v"], ["y"], { transB: attr.int(1) }),
    ],
    layeredWeights(units),
  );
}

export const layeredWeights = (units = 5) => ({
  w1: weight("layered w1", units, 6),
  b1: weight("layered b1", units),
  w2: weight("layered w2", units, units),
  b2: weight("layered b2", units),
  v: weight("layered v", 3, units),
});

/** Convolutions, ReLUs, an addition around them, overlapping windows of a maximum, a mean and the largest of each channel. */
export const pooledNet = (): Graph =>
  graphOf(
    ["N", 2, 8, 9],
    [
      node("Conv", ["x", "w", "b"], ["a"], { pads: attr.ints([1, 1, 1, 1]) }),
      node("Relu", ["a"], ["first"]),
      node("MaxPool", ["first"], ["pooled"], {
        kernel_shape: attr.ints([3, 3]),
        strides: attr.ints([2, 2]),
        pads: attr.ints([1, 1, 1, 1]),
      }),
      node("Conv", ["pooled", "w2", "b"], ["c"], { pads: attr.ints([1, 1, 1, 1]) }),
      node("BatchNormalization", ["c", "scale", "b", "b", "variance"], ["n"]),
      node("Relu", ["n"], ["second"]),
      node("Add", ["second", "pooled"], ["sum"]),
      node("AveragePool", ["sum"], ["mean"], { kernel_shape: attr.ints([2, 2]) }),
      node("GlobalMaxPool", ["mean"], ["largest"]),
      node("Flatten", ["largest"], ["flat"]),
      node("Gemm", ["flat", "v"], ["y"]),
    ],
    {
      w: weight("pooled w", 4, 2, 3, 3),
      w2: weight("pooled w2", 4, 4, 3, 3),
      b: weight("pooled b", 4),
      scale: weight("pooled scale", 4),
      variance: float32([4], [1, 0.5, 2, 1.5]),
      v: weight("pooled v", 4, 3),
    },
  );
