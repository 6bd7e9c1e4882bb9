/**
 * Resize is linear and separable: along each axis a constant matrix maps input to output, and its transpose maps the
 * gradient back, whatever the mode.
 */
import { attr, intsOf, type Node, stringOf } from "../../onnx/graph.ts";
import { resizeMatrix } from "../../onnx/resize.ts";
import { equalDims, equalShapes } from "../../onnx/shapes.ts";
import { type Float32Tensor, float32, int64 } from "../../onnx/tensor.ts";
import { axesFrom, axisIn, changesBatch, fixed, integers, product, unsupported } from "../arguments.ts";
import { floatsOf, type Ops } from "../ops.ts";
import type { Sample, Value, Vjp } from "../vjp.ts";

const unknownRegion = "tf_crop_and_resize of a region known only while running";

/** The one scale of all axes, where the aspect ratio is kept: of the size asked for, not of the one it was rounded to. */
function keptRatio(
  node: Node,
  x: Value,
  axes: readonly number[],
  sizes: readonly number[],
): number | undefined {
  const policy = stringOf(node, "keep_aspect_ratio_policy", "stretch");
  if (policy === "stretch") return undefined;
  const ratios = sizes.map((size, i) => size / fixed(node, x.shape[axes[i]]));
  return policy === "not_larger" ? Math.min(...ratios) : Math.max(...ratios);
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

const crops = (node: Node): boolean =>
  stringOf(node, "coordinate_transformation_mode", "half_pixel") === "tf_crop_and_resize";

export const Resize: Vjp = {
  rule({ ops, node, dy, inputs: [x, region, scales, sizes] }) {
    const axes = (intsOf(node, "axes") ?? axesFrom(x.shape.length, 0)).map((a) => axisIn(x.shape.length, a));
    const said = floatsOf(scales)?.data ?? [];
    const roi = crops(node) ? floatsOf(region)?.data : undefined;
    const kept = sizes ? keptRatio(node, x, axes, integers(node, sizes, [])) : undefined;
    // engines copy where no size changes, whatever the scales
    if (!roi && equalShapes(x.shape, dy.shape)) return [dy];
    let gradient = dy;
    for (const [i, axis] of axes.entries()) {
      const whole = !roi || (roi[i] === 0 && roi[i + axes.length] === 1);
      if (whole && equalDims(x.shape[axis], dy.shape[axis]) && (said[i] ?? 1) === 1) continue;
      const [from, to] = [fixed(node, x.shape[axis]), fixed(node, dy.shape[axis])];
      const part: [number, number] | undefined = roi && [roi[i], roi[i + axes.length]];
      const matrix = resizeMatrix(node, from, to, said[i] ?? kept ?? to / from, part);
      if (matrix === undefined) throw unsupported(node, unknownRegion);
      gradient = backAlong(ops, gradient, axis, matrix);
    }
    return [gradient];
  },
  limits: [
    {
      what: unknownRegion,
      holds: ({ node, inputs: [, region] }) => crops(node) && floatsOf(region) === undefined,
    },
    changesBatch,
  ],
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
    resize("scales that change no size", [2, 1, 3, 5], [1, 1, 1, 1.1], { mode: "linear" }),
    resize("a scale that changes no size", [2, 1, 3, 5], [1, 1, 2, 1.1], { mode: "linear" }),
    resize("linear, half_pixel_symmetric", [2, 1, 3, 5], [1, 1, 2, 1.3], {
      mode: "linear",
      coordinate_transformation_mode: "half_pixel_symmetric",
    }),
    ...["linear", "cubic"].flatMap((mode) => [
      antialiased(resize(`${mode}, antialias`, [2, 1, 7, 9], [1, 1, 0.4, 0.7], { mode })),
      antialiased(resize(`${mode}, antialias, larger`, [2, 1, 3, 6], [1, 1, 1.7, 0.5], { mode })),
    ]),
    {
      ...resize("tf_crop_and_resize", [2, 1, 4, 5], [1, 1, 1.5, 0.8], {
        mode: "linear",
        coordinate_transformation_mode: "tf_crop_and_resize",
      }),
      absent: [],
      constants: { 1: float32([8], [0, 0, 0.2, -0.3, 1, 1, 0.7, 1]), 2: float32([4], [1, 1, 1.5, 0.8]) },
    },
    ...["not_larger", "not_smaller"].map((policy) => ({
      name: policy,
      shapes: [[2, 1, 3, 5], [], [], []],
      absent: [1, 2],
      constants: { 3: int64([2], [7, 9]) },
      attributes: {
        axes: attr.ints([2, 3]),
        mode: attr.string("linear"),
        keep_aspect_ratio_policy: attr.string(policy),
      },
      batch: [0],
    })),
    {
      name: "sizes",
      shapes: [[2, 2, 3, 3], [], [], []],
      absent: [1, 2],
      constants: { 3: { type: "int64", dims: [4], data: BigInt64Array.of(2n, 2n, 5n, 4n) } },
      attributes: { mode: attr.string("linear") },
    },
  ],
};

function antialiased(s: Sample): Sample {
  return { ...s, attributes: { ...s.attributes, antialias: attr.int(1) } };
}

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
