/** Values of operators that move elements: no arithmetic, so every element type goes through the same code. */
import { type Call, integersOf } from "../inference/call.ts";
import { fillOf } from "../inference/generators.ts";
import { cutsOf } from "../inference/layout.ts";
import { sizeOf, type Tensor } from "../tensor.ts";
import {
  broadcastPositions,
  cells,
  type Evaluator,
  type Numeric,
  positions,
  rawTensor,
  storage,
  stridesOf,
  take,
  view,
} from "./data.ts";

const one = (t: Tensor | undefined): readonly Tensor[] | undefined => t && [t];
const valueAt = (c: Call, i: number): Tensor => c.inputs[i]!.value!;

/** New dims on the same data. */
const relabel: Evaluator = (c, [out]) => [view(valueAt(c, 0), out.dims)];

const transpose: Evaluator = (c, [out]) => {
  const strides = stridesOf(c.dims(0));
  const perm = c.ints("perm") ?? [...strides.keys()].reverse();
  const where = positions(
    out.dims,
    perm.map((p) => strides[p]),
  );
  return one(take(valueAt(c, 0), out.dims, where));
};

const slice: Evaluator = (c, [out]) => {
  const strides = stridesOf(c.dims(0));
  let offset = 0;
  for (const { axis, start, step } of cutsOf(c)) {
    offset += start * strides[axis];
    strides[axis] *= step;
  }
  return one(take(valueAt(c, 0), out.dims, positions(out.dims, strides, offset)));
};

const split: Evaluator = (c, outputs) => {
  const strides = stridesOf(c.dims(0));
  const axis = c.axis(strides.length, 0);
  let start = 0;
  const pieces = outputs.map(({ dims }) => {
    const where = positions(dims, strides, start * strides[axis]);
    start += dims[axis];
    return take(valueAt(c, 0), dims, where);
  });
  return pieces.every((p) => p !== undefined) ? pieces : undefined;
};

const concat: Evaluator = (c, [out]) => {
  if (out.type === "string") return undefined;
  const axis = c.axis(out.dims.length, 0);
  const data = storage(out.type, sizeOf(out.dims));
  const strides = stridesOf(out.dims);
  let start = 0;
  for (const [i, { dims }] of c.inputs.map((given) => given!).entries()) {
    const where = positions(dims, strides, start * strides[axis]);
    const from = valueAt(c, i);
    if (from.type === "string") return undefined;
    for (let j = 0; j < where.length; j++) cells(data)[where[j]] = cells(from.data)[j];
    start += dims[axis];
  }
  return [rawTensor(out.type, out.dims, data)];
};

/** Indices of a Gather, negative ones counted from the end; undefined if one is out of range. */
function indicesOf(c: Call, i: number, size: number): readonly number[] | undefined {
  const indices = integersOf(valueAt(c, i))?.map((k) => (k < 0 ? k + size : k));
  return indices?.every((k) => k >= 0 && k < size) ? indices : undefined;
}

const gather: Evaluator = (c, [out]) => {
  const dims = c.dims(0);
  const axis = c.axis(dims.length, 0);
  const indices = indicesOf(c, 1, dims[axis]);
  if (indices === undefined) return undefined;
  const inner = sizeOf(dims.slice(axis + 1));
  const outer = sizeOf(dims.slice(0, axis));
  const where = new Int32Array(sizeOf(out.dims));
  let at = 0;
  for (let o = 0; o < outer; o++) {
    for (const k of indices) {
      for (let j = 0; j < inner; j++) where[at++] = (o * dims[axis] + k) * inner + j;
    }
  }
  return one(take(valueAt(c, 0), out.dims, where));
};

const expand: Evaluator = (c, [out]) =>
  one(take(valueAt(c, 0), out.dims, broadcastPositions(c.dims(0), out.dims)));

const tile: Evaluator = (c, [out]) => {
  const dims = c.dims(0);
  // split each axis in (repeat, size) and give the repeat a stride of 0
  const strides = stridesOf(dims);
  const where = positions(
    dims.flatMap((d, i) => [d === 0 ? 0 : out.dims[i] / d, d]),
    strides.flatMap((s) => [0, s]),
  );
  return one(take(valueAt(c, 0), out.dims, where));
};

const constantOfShape: Evaluator = (c, [out]) =>
  one(take(fillOf(c), out.dims, new Int32Array(sizeOf(out.dims))));

const where: Evaluator = (c, [out]) => {
  if (out.type === "string") return undefined;
  const [test, yes, no] = [0, 1, 2].map((i) => {
    const at = broadcastPositions(c.dims(i), out.dims);
    const t = valueAt(c, i);
    return { at, from: t.type === "string" ? {} : cells(t.data) };
  });
  const data = storage(out.type, sizeOf(out.dims));
  for (let i = 0; i < data.length; i++) {
    const chosen = test.from[test.at[i]] ? yes : no;
    cells(data)[i] = chosen.from[chosen.at[i]];
  }
  return [rawTensor(out.type, out.dims, data)];
};

/** Plain replacement; with a reduction it stays in the graph. */
const scatterND: Evaluator = (c, [out]) => {
  const data = valueAt(c, 0);
  const updates = valueAt(c, 2);
  const mode = c.node.attributes.reduction;
  if (data.type === "string" || updates.type === "string") return undefined;
  if (mode?.type === "string" && mode.value !== "none") return undefined;
  const depth = c.dims(1).at(-1)!;
  const strides = stridesOf(out.dims);
  const block = sizeOf(out.dims.slice(depth));
  const made = data.data.slice();
  const tuples = c.values(1);
  for (let t = 0; t * depth < tuples.length; t++) {
    let at = 0;
    for (let axis = 0; axis < depth; axis++) {
      const k = tuples[t * depth + axis];
      const index = k < 0 ? k + out.dims[axis] : k;
      if (index < 0 || index >= out.dims[axis]) return undefined;
      at += index * strides[axis];
    }
    for (let j = 0; j < block; j++) cells(made)[at + j] = cells(updates.data)[t * block + j];
  }
  return [rawTensor(data.type, out.dims, made)];
};

const range: Evaluator = (c, [out]) => {
  const start = valueAt(c, 0);
  const step = valueAt(c, 2);
  const n = out.dims[0];
  if (out.type === "int64" && start.type === "int64" && step.type === "int64") {
    return [
      {
        type: "int64",
        dims: out.dims,
        data: BigInt64Array.from({ length: n }, (_, i) => start.data[0] + BigInt(i) * step.data[0]),
      },
    ];
  }
  if (out.type !== "int32" && out.type !== "float32") return undefined;
  const data = storage(out.type as Numeric, n);
  for (let i = 0; i < n; i++) data[i] = Number(start.data[0]) + i * Number(step.data[0]);
  return [rawTensor(out.type, out.dims, data)];
};

/** Operators whose output is the input's data under other dims: free of charge at any size. */
export const relabels: ReadonlySet<string> = new Set([
  "Dropout",
  "Flatten",
  "Identity",
  "Reshape",
  "Squeeze",
  "Unsqueeze",
]);

export const movement: Readonly<Record<string, Evaluator>> = {
  ...Object.fromEntries([...relabels].map((op) => [op, relabel])),
  Concat: concat,
  ConstantOfShape: constantOfShape,
  Expand: expand,
  Gather: gather,
  Range: range,
  ScatterND: scatterND,
  Slice: slice,
  Split: split,
  Tile: tile,
  Transpose: transpose,
  Where: where,
};
