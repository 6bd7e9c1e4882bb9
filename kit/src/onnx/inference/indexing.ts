/** Operators that pick or place elements by index. */
import { sizeOf } from "../tensor.ts";
import { type Call, formatList, info, type Rule, sameType } from "./call.ts";

const gather: Rule = (c) => {
  const dims = c.dims(0);
  const axis = c.axis(dims.length, 0);
  return [info(c.type(0), [...dims.slice(0, axis), ...c.dims(1), ...dims.slice(axis + 1)])];
};

const gatherElements: Rule = (c) => {
  const dims = c.dims(0);
  const axis = c.axis(dims.length, 0);
  const indices = c.dims(1);
  if (indices.length !== dims.length || indices.some((d, i) => i !== axis && d > dims[i])) {
    throw c.wrong(`indices of rank ${dims.length}, no larger than the data off axis ${axis}`);
  }
  return [info(c.type(0), indices)];
};

const gatherND: Rule = (c) => {
  const dims = c.dims(0);
  const indices = c.dims(1);
  const batch = c.int("batch_dims", 0);
  const depth = indices.at(-1);
  if (
    depth === undefined ||
    batch + depth > dims.length ||
    batch >= Math.min(indices.length, dims.length) ||
    dims.slice(0, batch).some((d, i) => d !== indices[i])
  ) {
    throw c.wrong(`index tuples into the data, after ${batch} batch axes`);
  }
  return [info(c.type(0), [...indices.slice(0, -1), ...dims.slice(batch + depth)])];
};

const scatterElements: Rule = (c) => {
  c.axis(c.dims(0).length, 0);
  if (c.dims(1).join() !== c.dims(2).join() || c.dims(1).length !== c.dims(0).length) {
    throw c.wrong("indices and updates of one shape, of the rank of the data");
  }
  return [info(sameType(c, [0, 2]), c.dims(0))];
};

const scatterND: Rule = (c) => {
  const dims = c.dims(0);
  const indices = c.dims(1);
  const depth = indices.at(-1) ?? Number.NaN;
  const updates = [...indices.slice(0, -1), ...dims.slice(depth)];
  if (!(depth <= dims.length) || c.dims(2).join() !== updates.join()) {
    throw c.wrong(`updates of ${formatList(updates)}`);
  }
  return [info(sameType(c, [0, 2]), dims)];
};

const topK: Rule = (c) => {
  const dims = c.dims(0);
  const axis = c.axis(dims.length, -1);
  const [k] = c.values(1);
  if (!(k >= 0 && k <= dims[axis])) throw c.wrong(`k of at most ${dims[axis]}, not ${k}`);
  return [info(c.type(0), dims.with(axis, k)), info("int64", dims.with(axis, k))];
};

/** The new axis may stand last, hence rank + 1. */
const oneHot: Rule = (c: Call) => {
  const dims = c.dims(0);
  const axis = c.axis(dims.length + 1, -1);
  return [info(c.type(2), [...dims.slice(0, axis), depthOf(c), ...dims.slice(axis)])];
};

/** The depth may be of any numeric type. */
function depthOf(c: Call): number {
  const value = c.inputs[1]?.value;
  if (value?.type !== "float32" && value?.type !== "float64") return c.values(1)[0];
  return Math.trunc(value.data[0]);
}

/** Keeps what a condition known before running says; without an axis, of the flattened data. */
const compress: Rule = (c) => {
  const dims = c.dims(0);
  const flat = c.node.attributes.axis === undefined;
  const [size, axis] = flat ? [sizeOf(dims), 0] : [dims[c.axis(dims.length, 0)], c.axis(dims.length, 0)];
  const kept = c.values(1);
  if (c.dims(1).length !== 1 || kept.length > size) throw c.wrong(`a condition of at most ${size} elements`);
  const count = kept.filter((v) => v !== 0).length;
  return [info(c.type(0), flat ? [count] : dims.with(axis, count))];
};

const reverseSequence: Rule = (c) => {
  const dims = c.dims(0);
  const axes = [c.int("batch_axis", 1), c.int("time_axis", 0)];
  if (dims.length < 2 || axes.toSorted().join() !== "0,1" || c.dims(1).join() !== `${dims[axes[0]]}`) {
    throw c.wrong("batch_axis and time_axis 0 and 1, and one length per sequence");
  }
  return [info(c.type(0), dims)];
};

export const indexing: Readonly<Record<string, Rule>> = {
  Compress: compress,
  Gather: gather,
  GatherElements: gatherElements,
  GatherND: gatherND,
  OneHot: oneHot,
  ReverseSequence: reverseSequence,
  ScatterElements: scatterElements,
  ScatterND: scatterND,
  TopK: topK,
};
