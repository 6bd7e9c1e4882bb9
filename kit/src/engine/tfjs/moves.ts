/**
 * Moving elements about by the operations that every backend does fast. On the WebAssembly backend some general ones take hundreds of
 * nanoseconds an element (transposes of five axes, steps of a slice, tiling, batched products); these take one or two.
 */
import type * as Tfjs from "@tensorflow/tfjs-core";
import { sizeOf } from "../../onnx/tensor.ts";
import type { Tf, TfTensor } from "./kernel.ts";

/** The axes in a new order; free where axes of size 1 alone are passed. */
export function turned(tf: Tf, x: TfTensor, order: readonly number[]): TfTensor {
  const dims = order.map((a) => x.shape[a]);
  const { sizes, perm } = merged(x.shape, order);
  if (perm.length < 2 || x.size === 0) return tf.reshape(x, dims);
  let y = tf.reshape(x, [...sizes]);
  if (perm.length <= 4) return tf.reshape(tf.transpose(y, [...perm]), dims);
  // axis by axis to its place: each move swaps two neighbouring blocks of axes
  const at = perm.map((_, i) => i);
  let current = [...sizes];
  for (const [to, axis] of perm.entries()) {
    const from = at.indexOf(axis);
    if (from === to) continue;
    const blocks = [current.slice(0, to), current.slice(to, from), [current[from]], current.slice(from + 1)];
    y = tf.transpose(tf.reshape(y, blocks.map(sizeOf)), [0, 2, 1, 3]);
    at.splice(to, 0, ...at.splice(from, 1));
    current = [...blocks[0], current[from], ...blocks[1], ...blocks[3]];
  }
  return tf.reshape(y, dims);
}

/** The same move with as few axes as it has: sizes of 1 dropped, axes that stay neighbours made one. */
function merged(shape: readonly number[], order: readonly number[]) {
  const runs: number[][] = [];
  for (const a of order) {
    if (shape[a] === 1) continue;
    const run = runs.at(-1);
    const last = run?.at(-1);
    // neighbours still, but for axes of size 1 between them
    if (last !== undefined && last < a && shape.slice(last + 1, a).every((d) => d === 1)) run?.push(a);
    else runs.push([a]);
  }
  const inPlace = runs.toSorted((r, s) => r[0] - s[0]);
  return {
    sizes: inPlace.map((run) => sizeOf(run.map((a) => shape[a]))),
    perm: runs.map((run) => inPlace.indexOf(run)),
  };
}

/** Broadcast to `dims` by a product with ones. */
export function expanded(tf: Tf, x: TfTensor, dims: readonly number[]): TfTensor {
  if (x.shape.join() === dims.join()) return x;
  if (sizeOf(dims) === x.size) return tf.reshape(x, [...dims]);
  if (x.dtype === "bool") return tf.broadcastTo(x, [...dims]);
  return tf.mul(x, tf.ones([...dims], x.dtype as "float32"));
}

/** `yes` where the test holds, else `no`; all three broadcast. */
export function chosen(
  tf: Tf,
  test: TfTensor,
  yes: TfTensor,
  no: TfTensor,
  dims: readonly number[],
): TfTensor {
  return tf.where(expanded(tf, test, dims), expanded(tf, yes, dims), expanded(tf, no, dims));
}

/** Every stride-th element along each axis, from the first. */
export function thinned(tf: Tf, x: TfTensor, strides: readonly number[]): TfTensor {
  if (strides.every((step) => step === 1)) return x;
  if (x.dtype !== "float32" || x.size === 0) {
    return tf.stridedSlice(
      x,
      x.shape.map(() => 0),
      [...x.shape],
      [...strides],
    );
  }
  const first = strides.findIndex((step) => step > 1);
  const pair = first + 1 < strides.length - 1 ? 2 : 1;
  const [before, [rows, columns = 1], after] = [
    x.shape.slice(0, first),
    x.shape.slice(first, first + pair),
    x.shape.slice(first + pair),
  ];
  const [down, across] = [strides[first], pair === 2 ? strides[first + 1] : 1];
  const image = tf.reshape(x, [sizeOf(before), rows, columns, sizeOf(after)]) as Tfjs.Tensor4D;
  // a pool over windows of one element takes every stride-th one
  const taken = tf.maxPool(image, 1, [down, across], "valid");
  const left = [taken.shape[1], taken.shape[2]].slice(0, pair);
  const rest = strides.map((step, a) => (a >= first && a < first + pair ? 1 : step));
  return thinned(tf, tf.reshape(taken, [...before, ...left, ...after]), rest);
}
