/**
 * One line or two per behaviour that models and gradient graphs rely on. Numbers are either small enough to check by
 * hand, or come from a literal restatement of the operator's definition at the end of this file.
 */
import { type Attribute, attr, type Node, node } from "../src/onnx/graph.ts";
import { float32, int64, sizeOf, type Tensor } from "../src/onnx/tensor.ts";

export interface Case {
  readonly name: string;
  readonly nodes: readonly Node[];
  readonly feeds: Readonly<Record<string, Tensor>>;
  readonly constants?: Readonly<Record<string, Tensor>>;
  readonly want: Readonly<Record<string, Tensor>>;
}

const bool = (dims: readonly number[], data: readonly number[]): Tensor => ({
  type: "bool",
  dims,
  data: Uint8Array.from(data),
});
const row = (...values: number[]) => float32([values.length], values);
const ints = (...values: number[]) => int64([values.length], values);

/** from, from + 1, … : exact in float32. */
const count = (dims: readonly number[], from = 0) =>
  float32(
    dims,
    Float32Array.from({ length: sizeOf(dims) }, (_, i) => from + i),
  );
/** Small values without symmetry, in [-1, 1]. */
const wave = (dims: readonly number[], phase = 0) =>
  float32(
    dims,
    Float32Array.from({ length: sizeOf(dims) }, (_, i) => Math.sin(1.7 * i + phase)),
  );

type Attributes = Readonly<Record<string, Attribute>>;

/** One node; feeds are its inputs x0, x1, … and constants its inputs by position. */
function one(
  name: string,
  op: string,
  inputs: readonly Tensor[],
  want: Tensor | readonly Tensor[],
  attributes: Attributes = {},
  { constants = [], domain = "" }: { constants?: readonly number[]; domain?: string } = {},
): Case {
  const wanted = Array.isArray(want) ? (want as readonly Tensor[]) : [want as Tensor];
  const named = inputs.map((t, i) => [`x${i}`, t] as const);
  return {
    name: `${op}: ${name}`,
    nodes: [
      node(
        op,
        named.map(([key]) => key),
        wanted.map((_, i) => `y${i}`),
        attributes,
        "",
        domain,
      ),
    ],
    feeds: Object.fromEntries(named.filter((_, i) => !constants.includes(i))),
    constants: Object.fromEntries(named.filter((_, i) => constants.includes(i))),
    want: Object.fromEntries(wanted.map((t, i) => [`y${i}`, t])),
  };
}

/** An elementwise operator against the function it stands for. */
const elementwise = (
  op: string,
  f: (v: number) => number,
  values: readonly number[],
  attributes?: Attributes,
) => one("elementwise", op, [row(...values)], row(...values.map((v) => f(Math.fround(v)))), attributes);

const spread = [-2.5, -1, -0.25, 0, 0.25, 1, 2.5];
const positive = [0.1, 0.5, 1, 2, 7];
/** Abramowitz and Stegun 7.1.5, summed until it stands still. */
const erf = (v: number): number => {
  let term = v;
  let sum = v;
  for (let k = 1; k < 80; k++) {
    term *= (-v * v) / k;
    sum += term / (2 * k + 1);
  }
  return (2 / Math.sqrt(Math.PI)) * sum;
};
const gelu = (v: number) => 0.5 * v * (1 + erf(v / Math.SQRT2));
const sigmoid = (v: number) => 1 / (1 + Math.exp(-v));

function convCase(
  name: string,
  x: Tensor<"float32">,
  w: Tensor<"float32">,
  o: ConvOptions,
  run = false,
): Case {
  const attributes = {
    strides: attr.ints(o.strides ?? [1, 1]),
    pads: attr.ints(o.pads ?? [0, 0, 0, 0]),
    dilations: attr.ints(o.dilations ?? [1, 1]),
    group: attr.int(o.group ?? 1),
  };
  return one(name, "Conv", [x, w], conv(x, w, o), attributes, { constants: run ? [] : [1] });
}

function transposeCase(name: string, x: Tensor<"float32">, w: Tensor<"float32">, o: ConvOptions): Case {
  const attributes = {
    strides: attr.ints(o.strides ?? [1, 1]),
    pads: attr.ints(o.pads ?? [0, 0, 0, 0]),
    dilations: attr.ints(o.dilations ?? [1, 1]),
    output_padding: attr.ints(o.outputPadding ?? [0, 0]),
    group: attr.int(o.group ?? 1),
  };
  return one(name, "ConvTranspose", [x, w], convTranspose(x, w, o), attributes, { constants: [1] });
}

const grid4 = float32([1, 1, 4, 4], [1, 2, 3, 4, 5, 9, 7, 8, 9, 9, 2, 1, 0, 3, 6, 6]);
const table = float32([2, 3], [1, 2, 3, 4, 5, 6]);
const byAxis = (axis: number) => ({ axis: attr.int(axis) });

export const cases: readonly Case[] = [
  // convolutions: the forward forms and those the gradients turn into
  convCase("3×3, padding 1", wave([2, 3, 6, 5]), wave([4, 3, 3, 3], 1), { pads: [1, 1, 1, 1] }),
  convCase("weights known at run time only", wave([2, 3, 6, 5]), wave([4, 3, 3, 3], 1), {}, true),
  convCase("stride 2, uneven padding", wave([1, 2, 7, 8]), wave([3, 2, 3, 3], 1), {
    strides: [2, 2],
    pads: [0, 1, 2, 1],
  }),
  convCase("2 groups", wave([2, 4, 5, 5]), wave([6, 2, 3, 3], 1), { group: 2 }),
  convCase("depthwise 5×5, stride 2", wave([1, 3, 9, 9]), wave([3, 1, 5, 5], 1), {
    group: 3,
    strides: [2, 2],
    pads: [2, 2, 2, 2],
  }),
  convCase("dilation 2", wave([1, 2, 8, 8]), wave([2, 2, 3, 3], 1), {
    dilations: [2, 2],
    pads: [2, 2, 2, 2],
  }),
  transposeCase("stride 2, output_padding", wave([2, 3, 4, 4]), wave([3, 2, 3, 3], 1), {
    strides: [2, 2],
    pads: [1, 1, 1, 1],
    outputPadding: [1, 1],
  }),
  transposeCase("output_padding of one axis", wave([1, 3, 4, 3]), wave([3, 2, 2, 3], 1), {
    strides: [2, 2],
    pads: [0, 1, 0, 1],
    outputPadding: [1, 0],
  }),
  transposeCase("2 groups, stride 2", wave([1, 4, 3, 3]), wave([4, 2, 3, 3], 1), {
    group: 2,
    strides: [2, 2],
  }),
  transposeCase("several inputs and one output in a group", wave([2, 6, 4, 3]), wave([6, 1, 3, 2], 1), {
    group: 3,
  }),
  transposeCase("patch 4×4", wave([1, 5, 2, 2]), wave([5, 3, 4, 4], 1), { strides: [4, 4] }),
  transposeCase("dilation 2", wave([1, 2, 4, 4]), wave([2, 2, 3, 3], 1), {
    dilations: [2, 2],
    pads: [2, 2, 2, 2],
  }),

  one(
    "one axis, stride 2, padding",
    "Conv",
    [count([1, 1, 5]), float32([1, 1, 3], [1, 10, 100])],
    float32([1, 1, 3], [100 + 0, 321, 43]),
    { strides: attr.ints([2]), pads: attr.ints([1, 1]) },
    { constants: [1] },
  ),
  one(
    "three axes",
    "Conv",
    [count([1, 1, 2, 2, 3]), float32([1, 1, 2, 2, 2], [1, 1, 1, 1, 1, 1, 1, 2])],
    float32([1, 1, 1, 1, 2], [0 + 1 + 3 + 4 + 6 + 7 + 9 + 20, 1 + 2 + 4 + 5 + 7 + 8 + 10 + 22]),
    {},
    { constants: [1] },
  ),
  one(
    "one axis, stride 2",
    "ConvTranspose",
    [float32([1, 1, 3], [1, 2, 3]), float32([1, 1, 3], [1, 10, 100])],
    float32([1, 1, 7], [1, 10, 102, 20, 203, 30, 300]),
    { strides: attr.ints([2]) },
    { constants: [1] },
  ),
  one(
    "three axes, stride 2",
    "ConvTranspose",
    [float32([1, 1, 1, 1, 2], [1, 2]), count([1, 1, 2, 1, 3], 1)],
    float32([1, 1, 2, 1, 5], [1, 2, 3 + 2, 4, 6, 4, 5, 6 + 8, 10, 12]),
    { strides: attr.ints([2, 2, 2]) },
    { constants: [1] },
  ),

  // pooling, and what its gradient needs
  one(
    "2×2, with indices; the first of equal values wins",
    "MaxPool",
    [grid4],
    [float32([1, 1, 2, 2], [9, 8, 9, 6]), int64([1, 1, 2, 2], [5, 7, 8, 14])],
    { kernel_shape: attr.ints([2, 2]), strides: attr.ints([2, 2]) },
  ),
  one(
    "indices count over batch and channels",
    "MaxPool",
    [float32([2, 1, 2, 2], [1, 2, 3, 4, 8, 7, 6, 5])],
    [float32([2, 1, 1, 1], [4, 8]), int64([2, 1, 1, 1], [3, 4])],
    { kernel_shape: attr.ints([2, 2]) },
  ),
  one(
    "3×3 overlapping, padding 1",
    "MaxPool",
    [grid4],
    [float32([1, 1, 2, 2], [9, 9, 9, 9]), int64([1, 1, 2, 2], [5, 5, 5, 5])],
    { kernel_shape: attr.ints([3, 3]), strides: attr.ints([2, 2]), pads: attr.ints([1, 1, 1, 1]) },
  ),
  one(
    "padding is not counted",
    "AveragePool",
    [count([1, 1, 2, 2], 1)],
    float32([1, 1, 2, 2], [1, 2, 3, 4]),
    { kernel_shape: attr.ints([2, 2]), strides: attr.ints([2, 2]), pads: attr.ints([1, 1, 1, 1]) },
  ),
  one(
    "padding is counted",
    "AveragePool",
    [count([1, 1, 2, 2], 1)],
    float32([1, 1, 2, 2], [0.25, 0.5, 0.75, 1]),
    {
      kernel_shape: attr.ints([2, 2]),
      strides: attr.ints([2, 2]),
      pads: attr.ints([1, 1, 1, 1]),
      count_include_pad: attr.int(1),
    },
  ),
  one("", "GlobalAveragePool", [count([2, 1, 2, 2])], float32([2, 1, 1, 1], [1.5, 5.5])),
  one(
    "adds where indices repeat",
    "ScatterElements",
    [row(0, 0, 0, 0), ints(2, 0, 2), row(1, 2, 4)],
    row(2, 0, 5, 0),
    { axis: attr.int(0), reduction: attr.string("add") },
  ),
  one(
    "replaces",
    "ScatterElements",
    [table, int64([2, 1], [2, -3]), float32([2, 1], [9, 8])],
    float32([2, 3], [1, 2, 9, 8, 5, 6]),
    byAxis(1),
  ),
  one(
    "multiplies where indices repeat",
    "ScatterElements",
    [row(1, 2, 3), ints(2, 0, 2), row(5, 2, 4)],
    row(2, 2, 60),
    { axis: attr.int(0), reduction: attr.string("mul") },
  ),
  one(
    "adds rows where indices repeat",
    "ScatterND",
    [table, int64([3, 1], [1, 0, 1]), float32([3, 3], [1, 1, 1, 2, 2, 2, 3, 3, 3])],
    float32([2, 3], [3, 4, 5, 8, 9, 10]),
    { reduction: attr.string("add") },
  ),
  one(
    "replaces elements",
    "ScatterND",
    [table, int64([2, 2], [1, 0, 0, 2]), row(9, 8)],
    float32([2, 3], [1, 2, 8, 9, 5, 6]),
  ),
  one("elements", "GatherND", [table, int64([2, 2], [1, 0, 0, 2])], row(4, 3)),
  one("rows", "GatherND", [table, int64([2, 1], [1, -2])], float32([2, 3], [4, 5, 6, 1, 2, 3])),
  one("a length per sequence", "ReverseSequence", [table, ints(3, 2)], float32([2, 3], [3, 2, 1, 5, 4, 6]), {
    batch_axis: attr.int(0),
    time_axis: attr.int(1),
  }),
  one("", "GatherElements", [table, int64([2, 1], [2, 0])], float32([2, 1], [3, 4]), byAxis(1)),

  // products
  one(
    "transB, alpha, bias",
    "Gemm",
    [table, float32([2, 3], [1, 0, 1, 0, 1, 0]), row(10, 20)],
    float32([2, 2], [18, 24, 30, 30]),
    { transB: attr.int(1), alpha: attr.float(2) },
  ),
  one("transA", "Gemm", [table, float32([2, 1], [1, 2])], float32([3, 1], [9, 12, 15]), {
    transA: attr.int(1),
  }),
  one(
    "batched, one side broadcast",
    "MatMul",
    [count([2, 1, 2, 2]), float32([2, 1], [1, 10])],
    float32([2, 1, 2, 1], [10, 32, 54, 76]),
  ),
  one(
    "transB",
    "FusedMatMul",
    [table, float32([1, 3], [1, 10, 100])],
    float32([2, 1], [321, 654]),
    { transB: attr.int(1) },
    { domain: "com.microsoft" },
  ),

  // normalisation
  one(
    "last axis",
    "Softmax",
    [float32([2, 2], [0, Math.log(3), 0, 0])],
    float32([2, 2], [0.25, 0.75, 0.5, 0.5]),
  ),
  one(
    "inner axis",
    "Softmax",
    [float32([1, 2, 2], [0, 0, Math.log(3), 0])],
    float32([1, 2, 2], [0.25, 0.5, 0.75, 0.5]),
    byAxis(1),
  ),
  one(
    "",
    "LogSoftmax",
    [float32([1, 2], [0, Math.log(3)])],
    float32([1, 2], [Math.log(0.25), Math.log(0.75)]),
  ),
  one(
    "three outputs",
    "LayerNormalization",
    [float32([2, 2], [1, 3, 10, 14]), row(1, 2), row(0, 1)],
    [float32([2, 2], [-1, 3, -1, 3]), float32([2, 1], [2, 12]), float32([2, 1], [1, 0.5])],
    { epsilon: attr.float(1e-12) },
  ),
  one(
    "inference",
    "BatchNormalization",
    [count([1, 2, 1, 2]), row(1, 2), row(0, 1), row(1, 2), row(4, 1)],
    float32([1, 2, 1, 2], [-0.5, 0, 1, 3]),
    { epsilon: attr.float(0) },
  ),

  // elementwise
  elementwise("Relu", (v) => Math.max(0, v), spread),
  elementwise("Sigmoid", sigmoid, spread),
  elementwise("Tanh", Math.tanh, spread),
  elementwise("Erf", erf, spread),
  elementwise("Gelu", gelu, spread),
  elementwise("Exp", Math.exp, spread),
  elementwise("Log", Math.log, positive),
  elementwise("Sqrt", Math.sqrt, positive),
  elementwise("Reciprocal", (v) => 1 / v, positive),
  elementwise("Neg", (v) => -v, spread),
  elementwise("Abs", Math.abs, spread),
  elementwise("Sign", Math.sign, spread),
  elementwise("Floor", Math.floor, spread),
  elementwise("Sin", Math.sin, spread),
  elementwise("Cos", Math.cos, spread),
  elementwise("Sinh", Math.sinh, spread),
  elementwise("Cosh", Math.cosh, spread),
  elementwise("Identity", (v) => v, spread),
  elementwise("HardSwish", (v) => v * Math.max(0, Math.min(1, v / 6 + 0.5)), spread),
  elementwise("LeakyRelu", (v) => (v < 0 ? 0.1 * v : v), spread, { alpha: attr.float(0.1) }),
  elementwise("Elu", (v) => (v < 0 ? Math.expm1(v) : v), spread),
  elementwise("Softplus", (v) => Math.log1p(Math.exp(v)), spread),
  elementwise("Mish", (v) => v * Math.tanh(Math.log1p(Math.exp(v))), spread),
  {
    ...elementwise("HardSigmoid", (v) => (v > 0 ? 1 : 0), [-1e9, -1, -1e-20, 0, 1e-20, 1e-3, 1, 1e9], {
      alpha: attr.float(1e30),
      beta: attr.float(0),
    }),
    name: "HardSigmoid: the 0/1 mask of ReLU, by a slope of 1e30",
  },
  one("broadcast", "Add", [table, row(10, 20, 30)], float32([2, 3], [11, 22, 33, 14, 25, 36])),
  one(
    "broadcast of both",
    "Mul",
    [float32([2, 1], [2, 3]), float32([1, 2], [5, 7])],
    float32([2, 2], [10, 14, 15, 21]),
  ),
  one("scalar", "Sub", [table, float32([], [1])], count([2, 3])),
  one("", "Div", [row(1, 2, 3), row(2, 2, 2)], row(0.5, 1, 1.5)),
  one("", "Pow", [row(1, 2, 3), row(2, 3, 0.5)], row(1, 8, Math.sqrt(3))),
  one("of three", "Max", [row(1, 5, 3), row(4, 2, 3), row(0, 0, 9)], row(4, 5, 9)),
  one("of two", "Min", [row(1, 5), row(4, 2)], row(1, 2)),
  one("of three", "Sum", [row(1, 2), row(10, 20), row(100, 200)], row(111, 222)),
  one("bounds as inputs", "Clip", [row(-9, 0.5, 9), float32([], [-1]), float32([], [6])], row(-1, 0.5, 6)),

  // reductions
  one("inner axis, kept", "ReduceSum", [table, ints(1)], float32([2, 1], [6, 15]), { keepdims: attr.int(1) }),
  one("two axes, dropped", "ReduceSum", [count([2, 2, 2]), ints(0, 2)], row(10, 18), {
    keepdims: attr.int(0),
  }),
  one("all axes", "ReduceSum", [table], float32([1, 1], [21])),
  one("", "ReduceMean", [table, ints(0)], float32([1, 3], [2.5, 3.5, 4.5])),
  one("", "ReduceMax", [table, ints(-1)], float32([2, 1], [3, 6])),
  one("", "ReduceL2", [float32([2, 2], [3, 4, 6, 8]), ints(1)], float32([2, 1], [5, 10])),
  one("", "ReduceProd", [table, ints(1)], float32([2, 1], [6, 120])),
  one(
    "the first of equal values",
    "ArgMax",
    [float32([2, 3], [1, 3, 3, 9, 0, 9])],
    int64([2, 1], [1, 0]),
    byAxis(1),
  ),
  one("", "TopK", [row(3, 1, 4, 1, 5), ints(2)], [row(5, 4), ints(4, 2)], {}, { constants: [1] }),
  one("", "CumSum", [table, int64([], [1])], float32([2, 3], [1, 3, 6, 4, 9, 15]), {}, { constants: [1] }),
  one(
    "exclusive, from the end",
    "CumSum",
    [table, int64([], [1])],
    float32([2, 3], [5, 3, 0, 11, 6, 0]),
    { exclusive: attr.int(1), reverse: attr.int(1) },
    { constants: [1] },
  ),

  // moving values about
  one("-1 and 0", "Reshape", [count([2, 2, 3]), ints(0, -1)], count([2, 6])),
  one("", "Flatten", [count([2, 2, 3])], count([2, 6])),
  one("", "Transpose", [table], float32([3, 2], [1, 4, 2, 5, 3, 6]), { perm: attr.ints([1, 0]) }),
  one("four axes", "Transpose", [count([1, 2, 1, 3])], float32([1, 1, 3, 2], [0, 3, 1, 4, 2, 5]), {
    perm: attr.ints([0, 2, 3, 1]),
  }),
  one("", "Unsqueeze", [row(1, 2), ints(0, 2)], float32([1, 2, 1], [1, 2])),
  one("", "Squeeze", [float32([1, 2, 1], [1, 2]), ints(0)], float32([2, 1], [1, 2])),
  one(
    "",
    "Expand",
    [float32([2, 1], [1, 2]), ints(2, 2, 3)],
    float32([2, 2, 3], [1, 1, 1, 2, 2, 2, 1, 1, 1, 2, 2, 2]),
  ),
  one("", "Tile", [row(1, 2), ints(2)], row(1, 2, 1, 2)),
  one(
    "inner axis",
    "Concat",
    [table, float32([2, 1], [9, 8])],
    float32([2, 4], [1, 2, 3, 9, 4, 5, 6, 8]),
    byAxis(1),
  ),
  one(
    "uneven",
    "Split",
    [table, ints(1, 2)],
    [float32([2, 1], [1, 4]), float32([2, 2], [2, 3, 5, 6])],
    byAxis(1),
    { constants: [1] },
  ),
  one(
    "rows, by many indices",
    "Gather",
    [table, ints(1, 0, -1)],
    float32([3, 3], [4, 5, 6, 1, 2, 3, 4, 5, 6]),
    byAxis(0),
  ),
  one("a scalar index drops the axis", "Gather", [table, int64([], [2])], row(3, 6), byAxis(1)),
  one("step 2", "Slice", [count([6]), ints(1), ints(6), ints(0), ints(2)], row(1, 3, 5)),
  one(
    "step -1",
    "Slice",
    [table, ints(-1), ints(-9), ints(1), ints(-1)],
    float32([2, 3], [3, 2, 1, 6, 5, 4]),
  ),
  one(
    "backwards from the middle",
    "Slice",
    [table, ints(1), ints(-9), ints(1), ints(-1)],
    float32([2, 2], [2, 1, 5, 4]),
    {},
    { constants: [1, 2, 3, 4] },
  ),
  one("constant", "Pad", [row(1, 2), ints(1, 2), float32([], [7])], row(7, 1, 2, 7, 7)),
  one("negative pads cut", "Pad", [row(1, 2, 3), ints(-1, 1)], row(2, 3, 0), {}, { constants: [1] }),
  one("reflect", "Pad", [row(1, 2, 3), ints(2, 1)], row(3, 2, 1, 2, 3, 2), { mode: attr.string("reflect") }),
  {
    name: "Resize: nearest, the gradient of average pooling",
    nodes: [
      node("Resize", ["x", "", "scales"], ["y"], {
        mode: attr.string("nearest"),
        coordinate_transformation_mode: attr.string("asymmetric"),
        nearest_mode: attr.string("floor"),
      }),
    ],
    feeds: { x: count([1, 1, 1, 2], 1) },
    constants: { scales: row(1, 1, 2, 2) },
    want: { y: float32([1, 1, 2, 4], [1, 1, 2, 2, 1, 1, 2, 2]) },
  },
  {
    name: "Resize: linear, half-pixel centres",
    nodes: [node("Resize", ["x", "", "", "sizes"], ["y"], { mode: attr.string("linear") })],
    feeds: { x: float32([1, 1, 1, 2], [0, 4]) },
    constants: { sizes: ints(1, 1, 1, 4) },
    want: { y: float32([1, 1, 1, 4], [0, 1, 3, 4]) },
  },
  one("", "DepthToSpace", [float32([1, 4, 1, 1], [1, 2, 3, 4])], float32([1, 1, 2, 2], [1, 2, 3, 4]), {
    blocksize: attr.int(2),
  }),
  one("", "SpaceToDepth", [float32([1, 1, 2, 2], [1, 2, 3, 4])], float32([1, 4, 1, 1], [1, 2, 3, 4]), {
    blocksize: attr.int(2),
  }),
  one("upper", "Trilu", [table], float32([2, 3], [1, 2, 3, 0, 5, 6])),
  one("", "Einsum", [table, row(1, 10, 100)], row(321, 654), { equation: attr.string("ij,j->i") }),

  // conditions, types, shapes
  one("", "Where", [bool([3], [1, 0, 1]), row(1, 2, 3), row(9, 8, 7)], row(1, 8, 3)),
  one("", "Equal", [row(1, 2), row(1, 3)], bool([2], [1, 0])),
  one("", "Greater", [row(1, 2), row(1, 1)], bool([2], [0, 1])),
  one("", "LessOrEqual", [row(1, 2), row(1, 1)], bool([2], [1, 0])),
  one("of int64", "Less", [ints(-1, 2), int64([], [0])], bool([2], [1, 0])),
  one("of int64", "Where", [bool([2], [1, 0]), ints(3, 4), ints(7, 8)], ints(3, 8)),
  one("", "And", [bool([2], [1, 1]), bool([2], [0, 1])], bool([2], [0, 1])),
  one("", "Not", [bool([2], [1, 0])], bool([2], [0, 1])),
  one("float to int64 cuts", "Cast", [row(-1.7, 0.9, 2.5)], ints(-1, 0, 2), { to: attr.int(7) }),
  one("bool to float", "Cast", [bool([2], [1, 0])], row(1, 0), { to: attr.int(1) }),
  one("float to bool", "Cast", [row(0, 0.5, -2)], bool([3], [0, 1, 1]), { to: attr.int(9) }),
  one(
    "float to float16, as bits",
    "Cast",
    [row(1, -2, 0.5)],
    { type: "float16", dims: [3], data: Uint16Array.of(0x3c00, 0xc000, 0x3800) },
    { to: attr.int(10) },
  ),
  one(
    "float16 to float",
    "Cast",
    [{ type: "float16", dims: [2], data: Uint16Array.of(0x3c00, 0xc000) }],
    row(1, -2),
    { to: attr.int(1) },
  ),
  one("", "Shape", [count([2, 3, 4])], ints(2, 3, 4)),
  one("", "ConstantOfShape", [ints(2, 1)], float32([2, 1], [7, 7]), { value: attr.tensor(row(7)) }),
  one("int64", "Range", [int64([], [2]), int64([], [8]), int64([], [3])], ints(2, 5)),
  one("int64 arithmetic", "Mul", [ints(3, 2 ** 40), ints(5, 2)], ints(15, 2 ** 41)),
  one("depth as input", "OneHot", [ints(1, 0), ints(2), row(0, 1)], float32([2, 2], [0, 1, 1, 0])),
  one("a batch of none", "Relu", [float32([0, 3], [])], float32([0, 3], [])),
];

interface ConvOptions {
  readonly strides?: readonly number[];
  /** top, left, bottom, right */
  readonly pads?: readonly number[];
  readonly dilations?: readonly number[];
  readonly group?: number;
  readonly outputPadding?: readonly number[];
}

/** y[n,o,r,c] = Σ w[o,i,a,b] · x[n, i, r·s + a·d − p, c·s + b·d − p]; i within the group of o. */
function conv(x: Tensor<"float32">, w: Tensor<"float32">, options: ConvOptions): Tensor {
  const { strides = [1, 1], pads = [0, 0, 0, 0], dilations = [1, 1], group = 1 } = options;
  const [N, C, H, W] = x.dims;
  const [O, I, KH, KW] = w.dims;
  const out = [
    N,
    O,
    Math.floor((H + pads[0] + pads[2] - dilations[0] * (KH - 1) - 1) / strides[0]) + 1,
    Math.floor((W + pads[1] + pads[3] - dilations[1] * (KW - 1) - 1) / strides[1]) + 1,
  ];
  return fill(out, ([n, o, r, c]) => {
    let sum = 0;
    for (let i = 0; i < I; i++) {
      for (let a = 0; a < KH; a++) {
        for (let b = 0; b < KW; b++) {
          const channel = Math.floor(o / (O / group)) * (C / group) + i;
          const y = r * strides[0] + a * dilations[0] - pads[0];
          const z = c * strides[1] + b * dilations[1] - pads[1];
          if (y < 0 || z < 0 || y >= H || z >= W) continue;
          sum += at(w, [o, i, a, b]) * at(x, [n, channel, y, z]);
        }
      }
    }
    return sum;
  });
}

/** Every x[n,i,r,c] adds w[i,o,a,b] · x at (r·s + a·d − p, c·s + b·d − p): convolution read backwards. */
function convTranspose(x: Tensor<"float32">, w: Tensor<"float32">, options: ConvOptions): Tensor {
  const { strides = [1, 1], pads = [0, 0, 0, 0], dilations = [1, 1], group = 1 } = options;
  const { outputPadding = [0, 0] } = options;
  const [N, C, H, W] = x.dims;
  const [, perGroup, KH, KW] = w.dims;
  const out = [
    N,
    perGroup * group,
    strides[0] * (H - 1) + outputPadding[0] + dilations[0] * (KH - 1) + 1 - pads[0] - pads[2],
    strides[1] * (W - 1) + outputPadding[1] + dilations[1] * (KW - 1) + 1 - pads[1] - pads[3],
  ];
  return fill(out, ([n, o, y, z]) => {
    let sum = 0;
    const g = Math.floor(o / perGroup);
    for (let i = g * (C / group); i < (g + 1) * (C / group); i++) {
      for (let a = 0; a < KH; a++) {
        for (let b = 0; b < KW; b++) {
          const r = (y + pads[0] - a * dilations[0]) / strides[0];
          const c = (z + pads[1] - b * dilations[1]) / strides[1];
          if (!Number.isInteger(r) || !Number.isInteger(c) || r < 0 || c < 0 || r >= H || c >= W) continue;
          sum += at(w, [i, o - g * perGroup, a, b]) * at(x, [n, i, r, c]);
        }
      }
    }
    return sum;
  });
}

function at(t: Tensor<"float32">, index: readonly number[]): number {
  return t.data[index.reduce((flat, i, axis) => flat * t.dims[axis] + i, 0)];
}

function fill(dims: readonly number[], value: (index: readonly number[]) => number): Tensor {
  const data = Float32Array.from({ length: sizeOf(dims) }, (_, flat) => {
    const index: number[] = [];
    let rest = flat;
    for (const d of dims.toReversed()) {
      index.unshift(rest % d);
      rest = Math.floor(rest / d);
    }
    return value(index);
  });
  return float32(dims, data);
}
