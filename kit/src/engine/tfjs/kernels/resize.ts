/** Resize, axis by axis: nearest by picking elements, the other modes as the matrix they are. */
import { floatOf, type Node, stringOf } from "../../../onnx/graph.ts";
import { resizeMatrix } from "../../../onnx/resize.ts";
import { type Float32Tensor, sizeOf, toFloat32 } from "../../../onnx/tensor.ts";
import type { Kernel, Step, TfTensor } from "../kernel.ts";
import { expanded } from "../moves.ts";

/** Which element each place takes, where it takes one alone and whole. */
function picks({ dims: [to, from], data }: Float32Tensor): Int32Array {
  return Int32Array.from({ length: to }, (_, i) => data.subarray(i * from, (i + 1) * from).indexOf(1));
}

/** Each element `times` times in a row is a product with ones between two reshapes; anything else is gathered. */
function picked({ tf }: Step, x: TfTensor, axis: number, which: Int32Array): TfTensor {
  const size = x.shape[axis];
  const times = which.length / size;
  if (!Number.isInteger(times) || which.some((k, i) => k !== Math.floor(i / times))) {
    return tf.gather(x, tf.tensor1d(which, "int32"), axis);
  }
  const [before, after] = [x.shape.slice(0, axis), x.shape.slice(axis + 1)];
  const [outer, inner] = [sizeOf(before), sizeOf(after)];
  const apart = tf.reshape(x, [outer * size, 1, inner]);
  return tf.reshape(expanded(tf, apart, [outer * size, times, inner]), [...before, which.length, ...after]);
}

/** The matrix applied along one axis. */
function applied({ tf }: Step, x: TfTensor, axis: number, m: Float32Tensor): TfTensor {
  const [to, from] = m.dims;
  const before = x.shape.slice(0, axis);
  const after = x.shape.slice(axis + 1);
  const [outer, inner] = [before, after].map((dims) => dims.reduce((n, d) => n * d, 1));
  const matrix = tf.tensor2d(m.data, [to, from]);
  const y =
    inner === 1
      ? tf.matMul(tf.reshape(x, [outer, from]), matrix, false, true)
      : tf.matMul(tf.expandDims(matrix, 0), tf.reshape(x, [outer, from, inner]));
  return tf.reshape(y, [...before, to, ...after]);
}

/** Values of a float input known before running. */
function floats({ c }: Step, i: number): ArrayLike<number> {
  const value = c.inputs[i]?.value;
  return value === undefined ? [] : toFloat32(value);
}

/** The one scale of all axes, where the aspect ratio is kept: of the size asked for, not of the one it was rounded to. */
function keptRatio({ c }: Step, axes: readonly number[]): number | undefined {
  const policy = stringOf(c.node, "keep_aspect_ratio_policy", "stretch");
  if (!c.has(3) || policy === "stretch") return undefined;
  const ratios = c.values(3).map((size, i) => size / c.dims(0)[axes[i]]);
  return policy === "not_larger" ? Math.min(...ratios) : Math.max(...ratios);
}

const resize: Kernel = (s) => {
  const { c } = s;
  const [from, to] = [c.dims(0), s.outputs[0].dims];
  const axes = c.ints("axes") ? c.axes(c.ints("axes") ?? [], from.length) : from.map((_, a) => a);
  const said = floats(s, 2);
  const kept = keptRatio(s, axes);
  const crops = stringOf(c.node, "coordinate_transformation_mode", "half_pixel") === "tf_crop_and_resize";
  const region = crops ? floats(s, 1) : [];
  // engines copy where no size changes, whatever the scales
  if (!crops && from.join() === to.join()) return s.x(0);
  const nearest = !crops && stringOf(c.node, "mode", "nearest") === "nearest";
  let y = s.x(0);
  for (const [i, axis] of axes.entries()) {
    if (!crops && from[axis] === to[axis] && (said[i] ?? 1) === 1) continue;
    const part = crops ? ([region[i], region[i + axes.length]] as const) : undefined;
    const matrix = resizeMatrix(c.node, from[axis], to[axis], said[i] ?? kept ?? to[axis] / from[axis], part);
    if (matrix === undefined) throw c.wrong("a region known before running");
    y = nearest ? picked(s, y, axis, picks(matrix)) : applied(s, y, axis, matrix);
  }
  return y;
};

/** What the kernel does not cover: elements outside of a crop come out as 0. */
export const resizeLimit = (n: Node): string | undefined =>
  floatOf(n, "extrapolation_value", 0) === 0 ? undefined : "an extrapolation_value";

export const resizing: Readonly<Record<string, Kernel>> = { Resize: resize };
