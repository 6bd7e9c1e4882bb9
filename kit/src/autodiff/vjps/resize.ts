/**
 * Resize is linear and separable: along each axis a constant matrix maps input to output, and its transpose maps the
 * gradient back, whatever the mode. The matrix is worked out here from the definition of the operator.
 */
import { attr, floatOf, intOf, intsOf, type Node, stringOf } from "../../onnx/graph.ts";
import { equalDims } from "../../onnx/shapes.ts";
import { type Float32Tensor, float32 } from "../../onnx/tensor.ts";
import { axesFrom, axisIn, fixed, product, unsupported } from "../arguments.ts";
import { floatsOf, type Ops } from "../ops.ts";
import type { Sample, Value, Vjp } from "../vjp.ts";

/** Where output element i falls on the input axis. */
function coordinate(node: Node, i: number, from: number, to: number, scale: number): number {
  const mode = stringOf(node, "coordinate_transformation_mode", "half_pixel");
  const halfPixel = (i + 0.5) / scale - 0.5;
  switch (mode) {
    case "half_pixel":
      return halfPixel;
    case "pytorch_half_pixel":
      return to > 1 ? halfPixel : 0;
    case "asymmetric":
      return i / scale;
    case "align_corners":
      return to > 1 ? (i * (from - 1)) / (to - 1) : 0;
    case "half_pixel_symmetric":
      return (from / 2) * (1 - to / (scale * from)) + halfPixel;
    default:
      throw unsupported(node, `coordinate_transformation_mode ${mode}`);
  }
}

/** The input elements that make up the point x, and their weights; indices may lie outside. */
function taps(node: Node, x: number, size: number): readonly (readonly [number, number])[] {
  const mode = stringOf(node, "mode", "nearest");
  if (mode === "nearest") {
    const rounding = stringOf(node, "nearest_mode", "round_prefer_floor");
    const round: Readonly<Record<string, (v: number) => number>> = {
      round_prefer_floor: (v) => Math.ceil(v - 0.5),
      round_prefer_ceil: (v) => Math.floor(v + 0.5),
      floor: Math.floor,
      ceil: Math.ceil,
    };
    return [[round[rounding](x), 1]];
  }
  if (mode === "linear") {
    const inside = Math.min(Math.max(x, 0), size - 1);
    const low = Math.floor(inside);
    return [
      [low, 1 - (inside - low)],
      [low + 1, inside - low],
    ];
  }
  const a = floatOf(node, "cubic_coeff_a", -0.75);
  const low = Math.floor(x);
  const weights = [-1, 0, 1, 2].map((k): [number, number] => {
    const d = Math.abs(x - low - k);
    const weight = d <= 1 ? ((a + 2) * d - (a + 3)) * d * d + 1 : ((a * d - 5 * a) * d + 8 * a) * d - 4 * a;
    return [low + k, weight];
  });
  if (intOf(node, "exclude_outside", 0) === 0) return weights;
  const kept = weights.filter(([k]) => k >= 0 && k < size);
  const sum = kept.reduce((s, [, w]) => s + w, 0);
  return kept.map(([k, w]): [number, number] => [k, w / sum]);
}

/** [to, from] */
function matrix(node: Node, from: number, to: number, scale: number): Float32Tensor {
  const data = new Float32Array(to * from);
  for (let i = 0; i < to; i++) {
    for (const [k, weight] of taps(node, coordinate(node, i, from, to, scale), from)) {
      data[i * from + Math.min(Math.max(k, 0), from - 1)] += weight;
    }
  }
  return float32([to, from], data);
}

/** [rows, columns] turned. */
function turned({ dims: [rows, columns], data }: Float32Tensor): Float32Tensor {
  const out = new Float32Array(data.length);
  for (let r = 0; r < rows; r++) for (let c = 0; c < columns; c++) out[c * rows + r] = data[r * columns + c];
  return float32([columns, rows], out);
}

/** The transpose of `m` applied along one axis. */
function backAlong(ops: Ops, g: Value, axis: number, m: Float32Tensor): Value {
  if (axis === g.shape.length - 1) return ops.matmul(g, ops.constant(m));
  const [before, after] = [g.shape.slice(0, axis), g.shape.slice(axis + 1)];
  const [to, from] = m.dims;
  const flat = ops.reshape(g, [product(before), to, product(after)]);
  return ops.reshape(ops.matmul(ops.constant(turned(m)), flat), [...before, from, ...after]);
}

export const Resize: Vjp = {
  rule({ ops, node, dy, inputs: [x, , scales] }) {
    if (intOf(node, "antialias", 0) === 1) throw unsupported(node, "antialias");
    const rank = x.shape.length;
    const axes = (intsOf(node, "axes") ?? axesFrom(rank, 0)).map((a) => axisIn(rank, a));
    const given = floatsOf(scales)?.data;
    let gradient = dy;
    for (const [i, axis] of axes.entries()) {
      if (equalDims(x.shape[axis], dy.shape[axis])) continue;
      const [from, to] = [fixed(node, x.shape[axis]), fixed(node, dy.shape[axis])];
      const scale = given && given.length > 0 ? given[i] : to / from;
      gradient = backAlong(ops, gradient, axis, matrix(node, from, to, scale));
    }
    return [gradient];
  },
  samples: [
    resize("nearest", [2, 1, 2, 3], [1, 1, 2, 3], {
      coordinate_transformation_mode: "asymmetric",
      nearest_mode: "floor",
    }),
    resize("nearest, defaults", [2, 2, 4, 3], [1, 1, 1.5, 0.7]),
    resize("linear", [2, 1, 3, 4], [1, 1, 2, 1.5], { mode: "linear" }),
    resize("linear, pytorch_half_pixel", [2, 1, 3, 4], [1, 1, 0.5, 2], {
      mode: "linear",
      coordinate_transformation_mode: "pytorch_half_pixel",
    }),
    resize("linear, align_corners", [2, 1, 3, 4], [1, 1, 2, 0.5], {
      mode: "linear",
      coordinate_transformation_mode: "align_corners",
    }),
    resize("cubic", [2, 1, 4, 5], [1, 1, 2, 0.6], { mode: "cubic" }),
    {
      name: "sizes",
      shapes: [[2, 2, 3, 3], [], [], []],
      absent: [1, 2],
      constants: { 3: { type: "int64", dims: [4], data: BigInt64Array.of(2n, 2n, 5n, 4n) } },
      attributes: { mode: attr.string("linear") },
    },
  ],
};

function resize(
  name: string,
  shape: readonly number[],
  scales: readonly number[],
  modes: Readonly<Record<string, string>> = {},
): Sample {
  return {
    name,
    shapes: [shape, [], []],
    absent: [1],
    constants: { 2: float32([scales.length], scales) },
    attributes: Object.fromEntries(Object.entries(modes).map(([k, v]) => [k, attr.string(v)])),
    batch: [0],
  };
}
