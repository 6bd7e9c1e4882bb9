/**
 * Inference against the engine: every operator on odd shapes, its dims, types and evaluated values compared with what
 * ONNX Runtime makes of it.
 */
import { describe, expect, it } from "vitest";
import { fromHalf, toHalf } from "../src/onnx/evaluate/data.ts";
import { type Attribute, attr, canonicalOpset, type Graph, node } from "../src/onnx/graph.ts";
import { type Info, inferNode } from "../src/onnx/infer.ts";
import { rules } from "../src/onnx/inference/index.ts";
import { float32, int64, sizeOf, type Tensor } from "../src/onnx/tensor.ts";
import { runOnce } from "./ort.ts";

/** Deterministic floats in [-2, 2), no two alike nearby. */
const x = (...dims: number[]): Tensor =>
  float32(
    dims,
    Float32Array.from({ length: sizeOf(dims) }, (_, i) => ((i * 0.618034 + 0.31) % 1) * 4 - 2),
  );
const positive = (...dims: number[]): Tensor =>
  float32(
    dims,
    Float32Array.from({ length: sizeOf(dims) }, (_, i) => ((i * 0.618034 + 0.31) % 1) + 0.1),
  );
const i64 = (values: readonly number[], dims: readonly number[] = [values.length]): Tensor =>
  int64(dims, values);
const i32 = (values: readonly number[], dims: readonly number[] = [values.length]): Tensor => ({
  type: "int32",
  dims,
  data: Int32Array.from(values),
});
const u8 = (values: readonly number[], dims: readonly number[] = [values.length]): Tensor => ({
  type: "uint8",
  dims,
  data: Uint8Array.from(values),
});
const i8 = (values: readonly number[], dims: readonly number[] = [values.length]): Tensor => ({
  type: "int8",
  dims,
  data: Int8Array.from(values),
});
const bool = (values: readonly number[], dims: readonly number[] = [values.length]): Tensor => ({
  type: "bool",
  dims,
  data: Uint8Array.from(values),
});
const f16 = (...dims: number[]): Tensor => ({
  type: "float16",
  dims,
  data: Uint16Array.from(x(...dims).data as Float32Array, toHalf),
});
const f64 = (values: readonly number[], dims: readonly number[] = [values.length]): Tensor => ({
  type: "float64",
  dims,
  data: Float64Array.from(values),
});
const scalar = (value: number): Tensor => float32([], [value]);
const { int, float, ints, string: text } = attr;
const values = (value: Tensor) => ({ value: attr.tensor(value) });

interface Case {
  readonly op: string;
  readonly inputs: readonly (Tensor | undefined)[];
  readonly attributes?: Readonly<Record<string, Attribute>>;
  readonly outputs?: number;
  readonly domain?: string;
}
const on = (
  op: string,
  inputs: readonly (Tensor | undefined)[],
  attributes?: Readonly<Record<string, Attribute>>,
  outputs?: number,
): Case => ({ op, inputs, attributes, outputs });

const unary = (ops: string, ...inputs: Tensor[]): Case[] =>
  ops.split(/\s+/).flatMap((op) => inputs.map((input) => on(op, [input])));
const integers = i64([7, -7, 2, 0, 9, -1], [2, 3]);

const cases: readonly Case[] = [
  // elementwise
  ...unary(
    `Abs Atan Ceil Celu Cos Cosh Elu Erf Exp Floor HardSigmoid HardSwish Identity LeakyRelu Mish Neg Relu Round
    Selu Sigmoid Sign Sin Sinh Softplus Softsign Tan Tanh ThresholdedRelu Shrink IsNaN IsInf`,
    x(2, 3, 1, 5),
    x(),
  ),
  ...unary("Log Sqrt Reciprocal Asinh", positive(3, 2)),
  ...unary("Acosh", float32([3], [1, 1.5, 7])),
  ...unary("Acos Asin Atanh", float32([3], [-0.5, 0.1, 0.7])),
  ...unary("Abs Neg Sign Identity", integers, i32([5, -3])),
  ...unary("Relu", i32([5, -3])),
  ...unary("Not", bool([1, 0, 1], [3, 1])),
  ...unary("BitwiseNot", u8([1, 200])),
  on("Clip", [x(2, 3), scalar(-0.5), scalar(1)]),
  on("Clip", [x(2, 3), undefined, scalar(0)]),
  on("Clip", [integers, i64([-1], []), i64([5], [])]),
  on("Gelu", [x(2, 3)]),
  on("Gelu", [x(2, 3)], { approximate: text("tanh") }),
  on("Gelu", [x(0, 3)]),
  ...["Add", "Sub", "Mul", "Div"].flatMap((op) => [
    on(op, [x(2, 1, 3), positive(4, 1)]),
    on(op, [x(3), positive(2, 3)]),
    on(op, [x(), positive(2, 1)]),
    on(op, [integers, i64([2, -3, 5])]),
    on(op, [i32([100000, 7]), i32([100000, -2])]),
    on(op, [x(0, 3), x(1, 3)]),
  ]),
  on("Pow", [positive(2, 3), x(3)]),
  on("Pow", [x(2, 3), i64([2], [])]),
  on("Pow", [integers, i64([3], [])]),
  on("Pow", [x(4), f64([2], [])]),
  on("Mod", [integers, i64([4], [])]),
  on("Mod", [integers, i64([-4], [])]),
  on("Mod", [i32([7, -7, 5]), i32([-4, 4, 4])]),
  on("Mod", [x(4), positive(4)], { fmod: int(1) }),
  on("Mod", [integers, i64([4], [])], { fmod: int(1) }),
  ...["Max", "Min", "Sum", "Mean"].flatMap((op) => [
    on(op, [x(2, 1), x(3), x(2, 3)]),
    on(op, [x(2, 1)]),
    ...(op.startsWith("M") && op !== "Mean" ? [on(op, [integers, i64([1, 2, 3])])] : []),
  ]),
  on("PRelu", [x(2, 3, 2), x(3, 1)]),
  ...["Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual"].flatMap((op) => [
    on(op, [x(2, 1), x(3)]),
    on(op, [integers, i64([2], [])]),
    on(op, [i32([1, 2]), i32([2, 2])]),
  ]),
  on("Equal", [bool([1, 0]), bool([1, 1])]),
  ...["And", "Or", "Xor"].map((op) => on(op, [bool([1, 0, 1, 0], [2, 2]), bool([1, 0])])),
  ...["BitwiseAnd", "BitwiseOr", "BitwiseXor"].map((op) => on(op, [u8([12, 7]), u8([10], [1])])),
  on("BitShift", [u8([12, 7]), u8([2], [1])], { direction: text("RIGHT") }),
  on("Where", [bool([1, 0], [2, 1]), x(3), x(1)]),
  on("Where", [bool([1, 0], [2, 1]), integers, i64([3], [])]),
  on("Cast", [x(2, 3)], { to: int(7) }),
  on("Cast", [x(2, 3)], { to: int(6) }),
  on("Cast", [x(2, 3)], { to: int(9) }),
  on("Cast", [x(2, 3)], { to: int(10) }),
  on("Cast", [x(2, 3)], { to: int(11) }),
  on("Cast", [f16(2, 3)], { to: int(1) }),
  on("Cast", [integers], { to: int(1) }),
  on("Cast", [integers], { to: int(9) }),
  on("Cast", [i64([300, -1, 2 ** 32 + 5])], { to: int(6) }),
  on("Cast", [bool([1, 0])], { to: int(7) }),
  on("Cast", [u8([250, 3])], { to: int(3) }),
  on("CastLike", [x(2, 3), integers]),
  on("QuantizeLinear", [x(2, 3), scalar(0.1), i8([3], [])]),
  on("QuantizeLinear", [x(2, 3), scalar(0.1)]),
  on("QuantizeLinear", [x(2, 3), scalar(0.1)], { output_dtype: int(3) }),
  on("DequantizeLinear", [u8([1, 2, 3], [3]), scalar(0.1), u8([2], [])]),
  on("DequantizeLinear", [i8([1, -2, 3, 4], [2, 2]), positive(2)], { axis: int(0) }),
  on("Dropout", [x(2, 3)], {}, 2),

  // reductions
  ...`ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum
  ReduceSumSquare`
    .split(/\s+/)
    .flatMap((op) => [
      on(op, [positive(2, 3, 4), i64([1])]),
      on(op, [positive(2, 3, 4), i64([-1, 0])], { keepdims: int(0) }),
      on(op, [positive(2, 3, 4)]),
      on(op, [positive(2, 3, 4)], { keepdims: int(0) }),
      on(op, [positive(2, 3), i64([])], { noop_with_empty_axes: int(0) }),
    ]),
  on("ReduceSum", [x(2, 3), i64([])], { noop_with_empty_axes: int(1) }),
  ...["ReduceMax", "ReduceMin", "ReduceProd", "ReduceSum"].map((op) => on(op, [integers, i64([1])])),
  ...["ArgMax", "ArgMin"].flatMap((op) => [
    on(op, [x(2, 3, 4)]),
    on(op, [x(2, 3, 4)], { axis: int(-1), keepdims: int(0) }),
    on(op, [x(2, 3, 4)], { axis: int(1), select_last_index: int(1) }),
  ]),

  // windows
  on("Conv", [x(2, 4, 7, 9), x(6, 4, 3, 2)]),
  on("Conv", [x(2, 4, 7, 9), x(6, 2, 3, 3), x(6)], { group: int(2), pads: ints([1, 0, 2, 1]) }),
  on("Conv", [x(1, 4, 7, 9), x(8, 1, 3, 3)], { group: int(4), strides: ints([2, 3]) }),
  on("Conv", [x(1, 2, 9, 11), x(3, 2, 3, 3)], { dilations: ints([2, 3]), strides: ints([2, 1]) }),
  on("Conv", [x(1, 2, 8, 11), x(3, 2, 3, 4)], { auto_pad: text("SAME_UPPER"), strides: ints([2, 3]) }),
  on("Conv", [x(1, 2, 8, 11), x(3, 2, 3, 4)], { auto_pad: text("SAME_LOWER"), strides: ints([3, 2]) }),
  on("Conv", [x(1, 2, 8, 11), x(3, 2, 3, 4)], { auto_pad: text("VALID"), strides: ints([3, 2]) }),
  on("Conv", [x(2, 3, 11), x(5, 3, 4)], { kernel_shape: ints([4]), pads: ints([2, 1]), strides: ints([2]) }),
  on("Conv", [x(1, 2, 5, 6, 7), x(3, 2, 2, 3, 2)]),
  on("ConvTranspose", [x(2, 4, 5, 3), x(4, 3, 3, 2)]),
  on("ConvTranspose", [x(1, 4, 5, 3), x(4, 3, 3, 3), x(6)], {
    group: int(2),
    strides: ints([2, 3]),
    pads: ints([1, 0, 0, 1]),
    output_padding: ints([1, 2]),
  }),
  on("ConvTranspose", [x(1, 2, 5, 3), x(2, 3, 3, 3)], { dilations: ints([2, 1]), strides: ints([1, 2]) }),
  on("ConvTranspose", [x(1, 2, 5, 3), x(2, 3, 3, 3)], { strides: ints([2, 2]), output_shape: ints([10, 7]) }),
  on("ConvTranspose", [x(1, 2, 5, 3), x(2, 3, 3, 3)], {
    strides: ints([2, 3]),
    auto_pad: text("SAME_UPPER"),
  }),
  on("ConvTranspose", [x(1, 2, 5, 3), x(2, 3, 3, 3)], { strides: ints([2, 3]), auto_pad: text("VALID") }),
  ...["MaxPool", "AveragePool", "LpPool"].flatMap((op) => [
    on(op, [x(2, 3, 7, 9)], { kernel_shape: ints([3, 2]) }),
    on(op, [x(2, 3, 7, 9)], { kernel_shape: ints([3, 2]), strides: ints([2, 3]), pads: ints([1, 0, 0, 1]) }),
    on(op, [x(1, 1, 8, 9)], { kernel_shape: ints([3, 3]), strides: ints([2, 2]), ceil_mode: int(1) }),
    // the clipped window: without the rule that it must begin inside, there would be one more
    on(op, [x(1, 1, 5, 6)], {
      kernel_shape: ints([2, 2]),
      strides: ints([3, 3]),
      pads: ints([1, 0, 1, 1]),
      ceil_mode: int(1),
    }),
    on(op, [x(1, 2, 11, 9)], { kernel_shape: ints([3, 2]), dilations: ints([2, 3]), ceil_mode: int(1) }),
    on(op, [x(1, 2, 8, 11)], {
      kernel_shape: ints([3, 4]),
      strides: ints([2, 3]),
      auto_pad: text("SAME_UPPER"),
    }),
    on(op, [x(1, 2, 8, 11)], {
      kernel_shape: ints([3, 4]),
      strides: ints([3, 2]),
      auto_pad: text("SAME_LOWER"),
    }),
    on(op, [x(1, 2, 8, 11)], { kernel_shape: ints([3, 4]), strides: ints([3, 2]), auto_pad: text("VALID") }),
    on(op, [x(1, 2, 11)], { kernel_shape: ints([4]), strides: ints([3]) }),
  ]),
  on("MaxPool", [x(2, 3, 7, 9)], { kernel_shape: ints([3, 2]), strides: ints([2, 2]) }, 2),
  on("AveragePool", [x(1, 1, 6, 6)], {
    kernel_shape: ints([3, 3]),
    strides: ints([2, 2]),
    pads: ints([1, 1, 1, 1]),
    ceil_mode: int(1),
    count_include_pad: int(1),
  }),
  ...["GlobalAveragePool", "GlobalMaxPool", "GlobalLpPool"].flatMap((op) => [
    on(op, [x(2, 3, 5, 4)]),
    on(op, [x(2, 3, 5)]),
  ]),

  on("MaxUnpool", [x(1, 1, 2, 2), i64([5, 2, 8, 14], [1, 1, 2, 2])], {
    kernel_shape: ints([2, 2]),
    strides: ints([2, 2]),
  }),
  on("MaxUnpool", [x(1, 1, 3), i64([0, 2, 4], [1, 1, 3])], {
    kernel_shape: ints([3]),
    strides: ints([2]),
    pads: ints([1, 1]),
  }),
  on("MaxUnpool", [x(1, 1, 2), i64([0, 2], [1, 1, 2]), i64([1, 1, 7])], {
    kernel_shape: ints([2]),
    strides: ints([2]),
  }),
  on("Col2Im", [x(2, 8, 6), i64([3, 4]), i64([2, 2])]),
  on("Col2Im", [x(1, 6, 4), i64([3, 5]), i64([2, 3])], { strides: ints([2, 2]), pads: ints([1, 0, 0, 0]) }),

  // sampling
  on("GridSample", [x(2, 3, 4, 5), x(2, 6, 7, 2)]),
  on("GridSample", [x(1, 2, 3, 4, 5), x(1, 2, 2, 3, 3)], { mode: text("nearest") }),
  on("AffineGrid", [x(2, 2, 3), i64([2, 3, 4, 5])]),
  on("AffineGrid", [x(1, 3, 4), i64([1, 2, 3, 4, 5])], { align_corners: int(1) }),

  // layout
  on("CenterCropPad", [x(5, 4), i64([2, 9])]),
  on("CenterCropPad", [x(2, 3, 6), i64([3, 6])], { axes: ints([2, -2]) }),
  on("Concat", [x(2, 1, 3), x(2, 4, 3), x(2, 0, 3)], { axis: int(-2) }),
  on("Concat", [integers, integers], { axis: int(0) }),
  on("Concat", [bool([1]), bool([0, 1])], { axis: int(0) }),
  on("DepthToSpace", [x(1, 12, 2, 3)], { blocksize: int(2) }),
  on("DepthToSpace", [x(1, 12, 2, 3)], { blocksize: int(2), mode: text("CRD") }),
  on("SpaceToDepth", [x(2, 3, 4, 6)], { blocksize: int(2) }),
  on("Expand", [x(3, 1), i64([2, 1, 4])]),
  on("Expand", [x(3, 4), i64([1])]),
  on("Expand", [integers, i64([2, 1, 1])]),
  on("Flatten", [x(2, 3, 4)]),
  on("Flatten", [x(2, 3, 4)], { axis: int(0) }),
  on("Flatten", [x(2, 3, 4)], { axis: int(3) }),
  on("Flatten", [x(2, 3, 4)], { axis: int(-1) }),
  on("Pad", [x(2, 3), i64([1, 0, 2, 3])]),
  on("Pad", [x(3, 4), i64([0, -1, 2, -1]), scalar(7)]),
  on("Pad", [x(2, 3, 4), i64([1, 2]), undefined, i64([-1])], { mode: text("reflect") }),
  on("Pad", [x(2, 3, 4), i64([1, 0, 0, 2]), undefined, i64([2, 0])], { mode: text("edge") }),
  on("Pad", [x(2, 5), i64([0, -1, 0, 2])], { mode: text("wrap") }),
  on("Pad", [x(2, 5), i64([0, 5, 0, 5])], { mode: text("wrap") }),
  on("Pad", [x(2, 5), i64([0, 2, 0, -2])], { mode: text("reflect") }),
  on("Reshape", [x(2, 3, 4), i64([0, -1])]),
  on("Reshape", [x(2, 3, 4), i64([4, 0, -1, 1])]),
  on("Reshape", [x(2, 0, 4), i64([0, 3, 4])], { allowzero: int(1) }),
  on("Reshape", [x(1), i64([])]),
  on("Reshape", [integers, i64([3, 2])]),
  on("Resize", [x(1, 2, 3, 5), undefined, float32([4], [1, 1, 2, 1.7])]),
  on("Resize", [x(1, 2, 3, 3), undefined, float32([4], [1, 1, 10 / 3, 7 / 3])]),
  on("Resize", [x(1, 2, 3, 5), undefined, undefined, i64([1, 2, 7, 4])], { mode: text("linear") }),
  on("Resize", [x(1, 2, 3, 5), undefined, undefined, i64([7, 4])], { axes: ints([2, 3]) }),
  on("Resize", [x(1, 2, 3, 5), undefined, undefined, i64([7, 9])], {
    axes: ints([2, 3]),
    keep_aspect_ratio_policy: text("not_larger"),
  }),
  on("Resize", [x(1, 2, 3, 5), undefined, undefined, i64([7, 9])], {
    axes: ints([2, 3]),
    keep_aspect_ratio_policy: text("not_smaller"),
  }),
  on("Slice", [x(5, 6), i64([1, -2]), i64([4, 9])]),
  on("Slice", [x(5, 6), i64([-1]), i64([-9]), i64([1]), i64([-2])]),
  on("Slice", [x(5, 6), i64([3]), i64([1]), i64([-2])]),
  on("Slice", [
    i64([1, 2, 3, 4, 5]),
    i64([-100]),
    { type: "int64", dims: [1], data: BigInt64Array.of(2n ** 63n - 1n) },
  ]),
  on("Slice", [integers, i64([0, 1]), i64([2, 3]), i64([0, 1]), i64([1, 2])]),
  on("Slice", [integers, i32([1]), i32([3]), i32([1])]),
  on("Split", [x(2, 7)], { axis: int(1), num_outputs: int(3) }, 3),
  on("Split", [x(6, 2)], { num_outputs: int(2) }, 2),
  on("Split", [x(2, 7), i64([3, 0, 4])], { axis: int(-1) }, 3),
  on("Split", [i64([1, 2, 3, 4, 5]), i64([2, 3])], {}, 2),
  on("Squeeze", [x(1, 3, 1, 2), i64([-2])]),
  on("Squeeze", [x(1, 3, 1, 2)]),
  on("Tile", [x(2, 3), i64([2, 1])]),
  on("Tile", [i64([1, 2, 3], [3, 1]), i64([2, 4])]),
  on("Tile", [x(2, 3), i64([0, 1])]),
  on("Transpose", [x(2, 3, 4)]),
  on("Transpose", [x(2, 3, 4)], { perm: ints([1, 2, 0]) }),
  on("Transpose", [x()]),
  on("Trilu", [x(3, 4)]),
  on("Trilu", [x(2, 3, 4), i64([-1], [])], { upper: int(0) }),
  on("Unsqueeze", [x(3, 2), i64([0, -1])]),
  on("Unsqueeze", [i64([5], []), i64([0])]),

  // linear algebra
  on("MatMul", [x(2, 3, 4), x(4, 5)]),
  on("MatMul", [x(3, 1, 2, 4), x(5, 4, 3)]),
  on("MatMul", [x(4), x(4)]),
  on("MatMul", [x(4), x(2, 4, 3)]),
  on("MatMul", [x(2, 3, 4), x(4)]),
  on("Gemm", [x(2, 3), x(3, 4), x(4)]),
  on("Gemm", [x(3, 2), x(4, 3), x(2, 1)], { transA: int(1), transB: int(1), alpha: float(0.5) }),
  on("Gemm", [x(2, 3), x(3, 4)]),
  on("Einsum", [x(2, 3, 4), x(2, 4, 5)], { equation: text("bij,bjk->bik") }),
  on("Einsum", [x(2, 3, 4), x(4, 5)], { equation: text("...j, jk -> ...k") }),
  on("Einsum", [x(3, 4), x(4, 2)], { equation: text("ij,jk") }),
  on("Einsum", [x(3, 3)], { equation: text("ii->i") }),
  on("Einsum", [x(2, 3, 4, 5)], { equation: text("nchw->nhwc") }),
  on("Einsum", [x(3, 4)], { equation: text("ij->") }),
  {
    ...on("FusedMatMul", [x(2, 4, 3), x(2, 5, 4)], { transA: int(1), transB: int(1) }),
    domain: "com.microsoft",
  },
  { ...on("FusedMatMul", [x(2, 3, 4), x(4, 5)], { alpha: float(0.5) }), domain: "com.microsoft" },
  { ...on("Gelu", [x(2, 3)]), domain: "com.microsoft" },
  { ...on("QuickGelu", [x(2, 3)]), domain: "com.microsoft" },
  { ...on("BiasGelu", [x(2, 3), x(3)]), domain: "com.microsoft" },

  // normalisation
  on("BatchNormalization", [x(2, 3, 4, 5), x(3), x(3), x(3), positive(3)]),
  on("InstanceNormalization", [x(2, 3, 4, 5), x(3), x(3)]),
  on("GroupNormalization", [x(2, 6, 4, 5), x(6), x(6)], { num_groups: int(3) }),
  on("LayerNormalization", [x(2, 3, 4), x(4), x(4)]),
  on("LayerNormalization", [x(2, 3, 4), x(3, 4)], { axis: int(1) }, 3),
  on("LayerNormalization", [x(2, 3, 4), x(4)], { axis: int(-1) }, 3),
  on("LRN", [x(2, 5, 3, 3)], { size: int(3) }),
  on("LpNormalization", [x(2, 5)], { axis: int(0), p: int(1) }),
  on("MeanVarianceNormalization", [x(2, 3, 4, 5)]),
  ...["Softmax", "LogSoftmax", "Hardmax"].flatMap((op) => [
    on(op, [x(2, 3, 4)]),
    on(op, [x(2, 3)], { axis: int(0) }),
  ]),
  on("CumSum", [x(2, 3), i64([1], [])]),

  // indexing
  on("Compress", [x(3, 4), bool([0, 1, 1])], { axis: int(0) }),
  on("Compress", [x(3, 4), bool([0, 1, 1, 0, 1])]),
  on("Gather", [x(3, 4, 5), i64([2, -1, 0, 1], [2, 2])], { axis: int(1) }),
  on("Gather", [x(3, 4), i64([-1], [])]),
  on("Gather", [integers, i64([1], [])], { axis: int(-1) }),
  on("Gather", [i64([4, 5, 6]), i32([2, 0])]),
  on("GatherElements", [x(3, 4), i64([0, 1, 2, 0], [2, 2])], { axis: int(0) }),
  on("GatherND", [x(2, 3, 4), i64([0, 1, 1, 2], [2, 2])]),
  on("GatherND", [x(2, 3, 4), i64([1, 2], [2, 1])], { batch_dims: int(1) }),
  on("OneHot", [i64([1, 0, 2]), i64([4], []), float32([2], [0, 1])]),
  on("OneHot", [i64([1, 0, 2]), i64([4], []), i64([0, 1])], { axis: int(0) }),
  on("OneHot", [i64([1, 0], [2, 1]), float32([], [3]), float32([2], [0, 1])], { axis: int(1) }),
  on("ReverseSequence", [x(4, 2, 3), i64([1, 4])]),
  on("ReverseSequence", [x(2, 4), i64([1, 4])], { batch_axis: int(0), time_axis: int(1) }),
  on("ScatterElements", [x(3, 4), i64([0, 1, 2, 0], [2, 2]), x(2, 2)], { axis: int(1) }),
  on("ScatterElements", [x(3, 4), i64([0, 1, 2, 0], [2, 2]), x(2, 2)], { reduction: text("add") }),
  on("ScatterND", [x(3, 4), i64([2, 0], [2, 1]), x(2, 4)]),
  on("ScatterND", [i64([1, 2, 3, 4]), i64([1, -1], [2, 1]), i64([8, 9])]),
  on("ScatterND", [x(2, 3), i64([1, 2], [1, 2]), x(1)], { reduction: text("add") }),
  on("TopK", [x(3, 4), i64([2])], {}, 2),
  on("TopK", [x(3, 4), i64([2])], { axis: int(0), largest: int(0) }, 2),

  // generators
  on("Constant", [], values(x(2, 3))),
  on("Constant", [], { value_ints: ints([1, 2]) }),
  on("Constant", [], { value_float: float(2) }),
  on("ConstantOfShape", [i64([2, 3])]),
  on("ConstantOfShape", [i64([2, 0])], values(i64([7]))),
  on("ConstantOfShape", [i64([])], values(bool([1]))),
  on("EyeLike", [x(2, 3)]),
  on("EyeLike", [x(2, 3)], { dtype: int(7) }),
  on("NonZero", [bool([1, 0, 1, 1, 0, 0], [2, 3])]),
  on("NonZero", [float32([4], [0, -1, 0.5, 0])]),
  on("NonZero", [i64([0, 0])]),
  on("Range", [i64([3], []), i64([11], []), i64([3], [])]),
  on("Range", [scalar(1), scalar(-1), scalar(-0.3)]),
  on("Range", [i32([5], []), i32([5], []), i32([1], [])]),
  on("Shape", [x(2, 3, 4)]),
  on("Shape", [x(2, 3, 4)], { start: int(-2) }),
  on("Shape", [x(2, 3, 4)], { start: int(1), end: int(2) }),
  on("Shape", [x(2, 3, 4)], { start: int(-9), end: int(9) }),
  on("Size", [x(2, 3, 4)]),
];

const describeTensor = (t: Tensor | undefined) => (t ? `${t.type}[${t.dims.join()}]` : "-");
const title = ({ op, inputs, attributes }: Case): string =>
  `${op} ${inputs.map(describeTensor).join(" ")} ${Object.entries(attributes ?? {})
    .map(([k, a]) => `${k}=${a.type === "tensor" ? describeTensor(a.value) : a.value}`)
    .join(" ")}`;

function nodeOf({ op, inputs, attributes = {}, outputs = 1, domain = "" }: Case) {
  const names = inputs.map((t, i) => (t ? `x${i}` : ""));
  return node(
    op,
    names,
    Array.from({ length: outputs }, (_, i) => `y${i}`),
    attributes,
    "",
    domain,
  );
}

const numbers = (t: Tensor): number[] =>
  t.type === "string"
    ? []
    : t.type === "float16"
      ? Array.from(t.data, fromHalf)
      : Array.from(t.data as ArrayLike<number>, Number);

describe("inference agrees with ONNX Runtime", () => {
  it.each(cases.map((c) => [title(c), c] as const))("%s", async (_, c) => {
    const infos = c.inputs.map((t): Info | undefined => t && { type: t.type, dims: t.dims, value: t });
    const n = nodeOf(c);
    const inferred = inferNode(n, infos);
    const given = c.inputs.flatMap((t, i) => (t ? [[`x${i}`, t] as const] : []));
    // the engine reads the sizes of a Resize when it loads a model
    const fixed = (name: string) => c.op === "Resize" && name !== "x0";
    const fed = given.filter(([name]) => !fixed(name));
    const graph: Graph = {
      name: "",
      opsets: { "": canonicalOpset, "com.microsoft": 1 },
      inputs: fed.map(([name, t]) => ({ name, type: t.type, dims: t.dims.map(() => "?") })),
      outputs: n.outputs.map((name, i) => ({
        name,
        type: inferred[i].type,
        dims: inferred[i].dims.map(() => "?"),
      })),
      nodes: [n],
      initializers: new Map(given.filter(([name]) => fixed(name))),
    };
    const real = await runOnce(graph, Object.fromEntries(fed));
    for (const [i, name] of n.outputs.entries()) {
      expect({ dims: inferred[i].dims, type: inferred[i].type }).toEqual({
        dims: real[name].dims,
        type: real[name].type,
      });
      const value = inferred[i].value;
      if (value === undefined) continue;
      const [ours, theirs] = [numbers(value), numbers(real[name])];
      for (const [k, v] of theirs.entries()) {
        const slack = value.type.includes("float") ? 1e-6 * Math.max(1, Math.abs(v)) : 0;
        expect(Math.abs(ours[k] - v)).toBeLessThanOrEqual(slack);
      }
      expect(ours.length).toBe(theirs.length);
    }
  });

  it("has a case for every operator", () => {
    const tested = new Set(cases.map((c) => `${c.domain ?? ""}:${c.op}`));
    const known = ["", "com.microsoft"].flatMap((domain) =>
      [...rules(domain).keys()].map((op) => `${domain}:${op}`),
    );
    expect(known.filter((op) => !tested.has(op))).toEqual([]);
  });
});
