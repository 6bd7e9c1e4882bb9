/** Operators that pick or place elements by index. Everything is brought down to rows of a flat table. */
import { intOf, stringOf } from "../../../onnx/graph.ts";
import { fillOf } from "../../../onnx/inference/generators.ts";
import { sizeOf } from "../../../onnx/tensor.ts";
import type { Kernel, Step, Tf, TfTensor } from "../kernel.ts";
import { chosen, expanded, turned } from "../moves.ts";
import { upload } from "../types.ts";

const integer = (tf: Tf, v: number): TfTensor => tf.scalar(v, "int32");

/** Indices counted from the front. */
function counted(s: Step, i: number, size: number): TfTensor {
  const { tf } = s;
  const x = tf.cast(s.x(i), "int32");
  const known = s.c.inputs[i]?.value && s.c.values(i);
  if (known?.every((v) => v >= 0)) return x;
  return tf.add(x, tf.mul(tf.cast(tf.less(x, integer(tf, 0)), "int32"), integer(tf, size)));
}

const gather: Kernel = (s) => {
  const dims = s.c.dims(0);
  const axis = s.c.axis(dims.length, 0);
  const picked = s.tf.gather(s.x(0), counted(s, 1, dims[axis]), axis);
  return s.tf.reshape(picked, [...s.outputs[0].dims]);
};

/** Where element (i₀, i₁, …) of `dims` with axis `axis` replaced by `indices` lies in a flat tensor of `from`. */
function places(
  tf: Tf,
  indices: TfTensor,
  dims: readonly number[],
  from: readonly number[],
  axis: number,
): TfTensor {
  const strides = from.map((_, a) => sizeOf(from.slice(a + 1)));
  let at = tf.mul(indices, integer(tf, strides[axis]));
  for (const [a, d] of dims.entries()) {
    if (a === axis || d === 1) continue;
    const steps = Int32Array.from({ length: d }, (_, i) => i * strides[a]);
    at = tf.add(
      at,
      tf.tensor(
        steps,
        dims.map((_, b) => (b === a ? d : 1)),
        "int32",
      ),
    );
  }
  return tf.reshape(at, [sizeOf(dims)]);
}

const flat = (tf: Tf, x: TfTensor): TfTensor => tf.reshape(x, [x.size]);

/** Keeps what a condition known before running says; without an axis, of the flattened data. */
const compress: Kernel = (s) => {
  const flattened = s.c.node.attributes.axis === undefined;
  const kept = s.c.values(1).flatMap((v, i) => (v === 0 ? [] : [i]));
  const x = flattened ? flat(s.tf, s.x(0)) : s.x(0);
  const axis = flattened ? 0 : s.c.axis(s.c.dims(0).length, 0);
  return s.tf.gather(x, s.tf.tensor1d(kept, "int32"), axis);
};

const gatherElements: Kernel = (s) => {
  const from = s.c.dims(0);
  const dims = s.c.dims(1);
  const axis = s.c.axis(from.length, 0);
  const at = places(s.tf, counted(s, 1, from[axis]), dims, from, axis);
  return s.tf.reshape(s.tf.gather(flat(s.tf, s.x(0)), at), [...dims]);
};

type Meet = (old: number, update: number) => number;
const meetings: Readonly<Record<string, Meet>> = {
  max: Math.max,
  min: Math.min,
  mul: (old, update) => old * update,
};

/** Through the CPU, element by element: no kernel does it, and no gradient needs it. */
function met(tf: Tf, table: TfTensor, at: TfTensor, updates: TfTensor, meet: Meet): TfTensor {
  const values = table.dataSync<"float32">().slice();
  const given = updates.dataSync<"float32">();
  const row = at.size === 0 ? 0 : given.length / at.size;
  for (const [i, place] of at.dataSync<"int32">().entries()) {
    for (let j = 0; j < row; j++) {
      values[place * row + j] = meet(values[place * row + j], given[i * row + j]);
    }
  }
  return tf.tensor(values, table.shape, table.dtype as "float32");
}

/** `updates` [n, row…] at rows `at` of `table`: added to what is there, or in its place, or met otherwise. */
function placed(s: Step, table: TfTensor, at: TfTensor, updates: TfTensor): TfTensor {
  const { tf } = s;
  const meet = meetings[stringOf(s.c.node, "reduction", "none")];
  if (meet) return met(tf, table, at, updates, meet);
  const indices = tf.reshape(at, [at.size, 1]);
  const shape = [...table.shape] as [number];
  const sums = tf.scatterND(indices, updates, shape);
  if (stringOf(s.c.node, "reduction", "none") === "add") return tf.add(table, sums);
  const hit = tf.scatterND(indices, tf.onesLike(updates), shape);
  return tf.where(tf.greater(hit, 0), sums, table);
}

const scatterElements: Kernel = (s) => {
  const { tf, c } = s;
  const dims = c.dims(0);
  const axis = c.axis(dims.length, 0);
  if (sizeOf(c.dims(1)) === 0) return s.x(0);
  const at = places(tf, counted(s, 1, dims[axis]), c.dims(1), dims, axis);
  return tf.reshape(placed(s, flat(tf, s.x(0)), at, flat(tf, s.x(2))), [...dims]);
};

/** Index tuples [n…, depth] as row numbers of a table of `dims`, of which `batch` axes are walked in step with the tuples. */
function rows(s: Step, dims: readonly number[], batch: number): TfTensor {
  const { tf } = s;
  const tuples = s.c.dims(1);
  const depth = tuples.at(-1)!;
  const table = dims.slice(0, batch + depth);
  const strides = table.map((_, a) => sizeOf(table.slice(a + 1)));
  const count = sizeOf(tuples.slice(0, -1));
  const given = tf.reshape(tf.cast(s.x(1), "int32"), [count, depth]);
  const sizes = tf.tensor1d(table.slice(batch), "int32");
  const counted = tf.add(given, tf.mul(tf.cast(tf.less(given, integer(tf, 0)), "int32"), sizes));
  const at = tf.sum(tf.mul(counted, tf.tensor1d(strides.slice(batch), "int32")), 1);
  if (batch === 0) return at;
  const per = count / sizeOf(dims.slice(0, batch));
  const block = sizeOf(table.slice(batch));
  const starts = Int32Array.from({ length: count }, (_, i) => Math.floor(i / per) * block);
  return tf.add(at, tf.tensor1d(starts, "int32"));
}

const gatherND: Kernel = (s) => {
  const dims = s.c.dims(0);
  const batch = intOf(s.c.node, "batch_dims", 0);
  const depth = s.c.dims(1).at(-1)!;
  const table = s.tf.reshape(s.x(0), [
    sizeOf(dims.slice(0, batch + depth)),
    sizeOf(dims.slice(batch + depth)),
  ]);
  return s.tf.reshape(s.tf.gather(table, rows(s, dims, batch)), [...s.outputs[0].dims]);
};

const scatterND: Kernel = (s) => {
  const { tf, c } = s;
  const dims = c.dims(0);
  const depth = c.dims(1).at(-1)!;
  const block = sizeOf(dims.slice(depth));
  const table = tf.reshape(s.x(0), [sizeOf(dims.slice(0, depth)), block]);
  if (sizeOf(c.dims(2)) === 0) return s.x(0);
  const updates = tf.reshape(s.x(2), [sizeOf(c.dims(2)) / block, block]);
  return tf.reshape(placed(s, table, rows(s, dims, 0), updates), [...dims]);
};

/** The new axis is compared with 0, 1, …; negative indices count from the end. */
const oneHot: Kernel = (s) => {
  const { tf, c } = s;
  const dims = [...s.outputs[0].dims];
  const axis = c.axis(dims.length, -1);
  const depth = dims[axis];
  const indices = counted(s, 0, depth);
  const range = tf.tensor(
    Int32Array.from({ length: depth }, (_, i) => i),
    dims.map((_, a) => (a === axis ? depth : 1)),
    "int32",
  );
  const hit = tf.equal(tf.expandDims(indices, axis), range);
  const values = s.x(2);
  const [off, on] = [0, 1].map((i) => tf.reshape(tf.slice(values, [i], [1]), []));
  return chosen(tf, hit, on, off, dims);
};

/** Along the last axis, the largest: others are turned and negated to that. */
const topK: Kernel = (s) => {
  const { tf, c } = s;
  const rank = c.dims(0).length;
  const axis = c.axis(rank, -1);
  const order = Array.from({ length: rank }, (_, a) => (a === axis ? rank - 1 : a === rank - 1 ? axis : a));
  const largest = c.int("largest", 1) === 1;
  const x = turned(tf, s.x(0), order);
  const { values, indices } = tf.topk(largest ? x : tf.neg(x), c.values(1)[0], true);
  const [first, second] = [largest ? values : tf.neg(values), indices].map((t) => turned(tf, t, order));
  return [first, second];
};

/** Of each sequence the first `length` elements run backwards; the rest stays. */
const reverseSequence: Kernel = (s) => {
  const { tf, c } = s;
  const dims = c.dims(0);
  const order = dims.map((_, a) => (a > 1 ? a : a === 0 ? c.int("batch_axis", 1) : c.int("time_axis", 0)));
  const x = turned(tf, s.x(0), order);
  const [n, steps] = x.shape;
  const lengths = tf.reshape(tf.cast(s.x(1), "int32"), [n, 1]);
  const at = tf.tensor(
    Int32Array.from({ length: steps }, (_, t) => t),
    [1, steps],
    "int32",
  );
  const inside = tf.cast(tf.less(at, lengths), "int32");
  // inside: length − 1 − t, outside: t
  const back = tf.sub(tf.sub(lengths, integer(tf, 1)), tf.mul(at, integer(tf, 2)));
  const step = tf.add(at, tf.mul(inside, back));
  const starts = tf.tensor(
    Int32Array.from({ length: n }, (_, i) => i * steps),
    [n, 1],
    "int32",
  );
  const rows = tf.reshape(tf.add(step, starts), [n * steps]);
  const table = tf.reshape(x, [n * steps, sizeOf(x.shape.slice(2))]);
  const y = tf.reshape(tf.gather(table, rows), x.shape);
  return turned(tf, y, order); // swapping the two axes, or not, is its own inverse
};

const constantOfShape: Kernel = (s) => {
  const value = upload(s.tf, { ...fillOf(s.c), dims: [] });
  return expanded(s.tf, value, s.outputs[0].dims);
};

const eyeLike: Kernel = (s) => {
  const { tf, c } = s;
  const [n, columns] = c.dims(0);
  const k = c.int("k", 0);
  const ones = Float32Array.from({ length: n * columns }, (_, i) =>
    (i % columns) - Math.floor(i / columns) === k ? 1 : 0,
  );
  const type = s.outputs[0].type;
  return tf.cast(tf.tensor(ones, [n, columns]), type.includes("float") ? "float32" : "int32");
};

export const indexing: Readonly<Record<string, Kernel>> = {
  Compress: compress,
  ConstantOfShape: constantOfShape,
  EyeLike: eyeLike,
  Gather: gather,
  GatherElements: gatherElements,
  GatherND: gatherND,
  OneHot: oneHot,
  ReverseSequence: reverseSequence,
  ScatterElements: scatterElements,
  ScatterND: scatterND,
  TopK: topK,
};
