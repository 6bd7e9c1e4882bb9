/** Operators that pick or place elements by index: picking scatters back, placing picks back. */
import { attr, intOf, stringOf } from "../../onnx/graph.ts";
import { integersOf } from "../../onnx/inference/call.ts";
import { dimAt, type Shape } from "../../onnx/shapes.ts";
import { float32, int64, sizeOf } from "../../onnx/tensor.ts";
import { axesFrom, axisOf, fixedAll, integers, product } from "../arguments.ts";
import type { Ops } from "../ops.ts";
import type { Limit, Sample, Use, Value, Vjp, VjpContext } from "../vjp.ts";

/** First of a run of constant indices i, i+1, …, if it is one: then Pad does what a scatter would. */
function runStart(indices: Value, size: Shape[number]): number | undefined {
  const values = integersOf(indices.constant);
  if (values === undefined || values.length === 0 || typeof size !== "number") return undefined;
  const first = values[0] < 0 ? values[0] + size : values[0];
  return values.every((v, i) => (v < 0 ? v + size : v) === first + i) ? first : undefined;
}

export const Gather: Vjp = {
  rule({ ops, node, dy, inputs: [x, indices] }) {
    const rank = x.shape.length;
    const axis = axisOf(node, rank, 0);
    const [before, after] = [x.shape.slice(0, axis), x.shape.slice(axis + 1)];
    const picked = product(indices.shape);
    // the axes of the indices become one axis in the place of the one they picked from
    const flat = ops.reshape(dy, [...before, picked, ...after]);
    const size = x.shape[axis];
    const first = runStart(indices, size);
    if (first !== undefined && typeof size === "number" && typeof picked === "number") {
      const pads: number[] = new Array(2 * rank).fill(0);
      pads[axis] = first;
      pads[axis + rank] = size - first - picked;
      return [ops.pad(flat, pads)];
    }
    const aligned = ops.reshape(indices, [...before.map(() => 1), picked, ...after.map(() => 1)]);
    return [ops.scatterAdd(x.shape, ops.expand(aligned, flat.shape), flat, axis)];
  },
  samples: [
    gather("scalar index", [2, 3, 4], int64([], [2]), 1),
    gather("negative index", [2, 3], int64([], [-1]), -1),
    gather("a run", [2, 5], int64([3], [1, 2, 3]), 1),
    gather("repeated indices", [2, 3, 2], int64([2, 2], [2, 0, -1, 2]), 1),
    gather("first axis", [4, 2], int64([3], [3, 0, 3]), 0),
  ],
};

function gather(
  name: string,
  shape: readonly number[],
  indices: ReturnType<typeof int64>,
  axis: number,
): Sample {
  const free = axis === 0 ? undefined : [0];
  return {
    name,
    shapes: [shape, []],
    constants: { 1: indices },
    attributes: { axis: attr.int(axis) },
    batch: free,
  };
}

export const GatherElements: Vjp = {
  rule: ({ ops, node, dy, inputs: [x, indices] }) => [
    ops.scatterAdd(x.shape, indices, dy, axisOf(node, x.shape.length, 0)),
  ],
  samples: [
    {
      shapes: [[2, 3], []],
      constants: { 1: int64([2, 2], [0, 0, 2, -1]) },
      attributes: { axis: attr.int(1) },
    },
    { shapes: [[3, 2], []], constants: { 1: int64([2, 2], [2, 0, 2, 1]) }, name: "repeated indices" },
  ],
};

/** Index tuples into axes of `dims` as one number each, in row order; negative parts count from the end. */
function flatIndices(ops: Ops, tuples: Value, dims: readonly number[]): Value {
  const steps = dims.map((_, i) => sizeOf(dims.slice(i + 1)));
  const sizes = ops.integers(dims);
  const negative = ops.op("Less", [tuples, ops.integers([0], [])]);
  const counted = ops.where(negative, ops.add(tuples, sizes), tuples);
  return ops.sum(ops.mul(counted, ops.integers(steps)), [tuples.shape.length - 1], false);
}

export const GatherND: Vjp = {
  rule({ ops, node, dy, inputs: [x, indices] }) {
    const batch = intOf(node, "batch_dims", 0);
    if (batch === 0) {
      const zeros = ops.full(x.shape, 0, x.type);
      return [ops.op("ScatterND", [zeros, indices, dy], { reduction: attr.string("add") })];
    }
    // ScatterND has no batch: [batch, indexed, rest] with one index each does the same along an axis
    const depth = indices.shape.at(-1) as number;
    const dims = fixedAll(node, x.shape.slice(batch, batch + depth));
    const rows = product(x.shape.slice(0, batch));
    const picked = product(indices.shape.slice(batch, -1));
    const rest = product(x.shape.slice(batch + depth));
    const flat = ops.reshape(flatIndices(ops, indices, dims), [rows, picked, 1]);
    const gradient = ops.reshape(dy, [rows, picked, rest]);
    const shape = [rows, sizeOf(dims), rest];
    return [ops.reshape(ops.scatterAdd(shape, ops.expand(flat, gradient.shape), gradient, 1), x.shape)];
  },
  samples: [
    { shapes: [[2, 3, 2], []], constants: { 1: int64([2, 2], [0, 1, 1, 2]) } },
    { shapes: [[3, 2], []], constants: { 1: int64([3, 1], [2, 0, 2]) }, name: "repeated indices" },
    {
      shapes: [[2, 3, 2], []],
      constants: { 1: int64([2, 2, 1], [2, -1, 0, 1]) },
      attributes: { batch_dims: attr.int(1) },
      name: "one batch axis",
    },
    {
      shapes: [[2, 2, 3, 2, 2], []],
      constants: { 1: int64([2, 2, 1, 2], [2, 1, 0, -1, -3, 0, 1, 1]) },
      attributes: { batch_dims: attr.int(2) },
      name: "two batch axes",
    },
  ],
};

/** A scatter in its two spellings, seen from its gradient. */
interface Places {
  /** what stands at the places */
  readonly pick: (from: Value) => Value;
  /** `updates` put at the places of `into` */
  readonly put: (into: Value, updates: Value, reduction?: string) => Value;
}

/** Gradients of what was scattered into, and of what was scattered. */
function scattered({ ops, node, dy, inputs, output: y, need }: VjpContext, at: Places): (Value | null)[] {
  const [x, , updates] = inputs;
  const zeros = (v: Value): Value => ops.full(v.shape, 0, dy.type);
  const ones = (v: Value): Value => ops.full(v.shape, 1, dy.type);
  const reduction = stringOf(node, "reduction", "none");
  if (reduction === "none") {
    // written elements lose their own value
    return [need[0] ? at.put(dy, zeros(updates)) : null, null, need[2] ? at.pick(dy) : null];
  }
  if (reduction === "add") return [dy, null, need[2] ? at.pick(dy) : null];
  if (reduction === "mul") {
    return [
      need[0] ? ops.mul(dy, at.put(ones(x), updates, "mul")) : null,
      null,
      need[2] ? at.pick(ops.mul(dy, x)) : null,
    ];
  }
  // max and min: equal extremes share, as for torch's scatter_reduce
  const kept = ops.cast(ops.equal(x, y), dy.type);
  const won = ops.cast(ops.equal(updates, at.pick(y)), dy.type);
  const share = ops.div(dy, at.put(kept, won, "add"));
  return [ops.mul(share, kept), null, need[2] ? ops.mul(at.pick(share), won) : null];
}

/** Where each factor's gradient is the product of the others, updates that meet would need one another. */
const meetingFactors = (apart: (use: Use) => boolean): Limit => ({
  what: "reduction mul, with updates that depend on the image and may meet in one place",
  holds: (use) => stringOf(use.node, "reduction", "none") === "mul" && use.need[2] && !apart(use),
});

/** Index tuples (rows of a constant) that are all different, negative parts counted from the end. */
function allDifferent(tuples: readonly (readonly number[])[], dims: Shape): boolean {
  const seen = new Set(tuples.map((t) => t.map((k, i) => (k < 0 ? k + dimAt(dims[i], 1) : k)).join()));
  return seen.size === tuples.length;
}

/** Every place of ScatterElements: the index of the update with the axis replaced. */
function elementsApart({ node, inputs: [x, indices] }: Use): boolean {
  const values = integersOf(indices.constant);
  if (values === undefined) return false;
  const axis = axisOf(node, x.shape.length, 0);
  const dims = indices.constant?.dims ?? [];
  const steps = dims.map((_, i) => sizeOf(dims.slice(i + 1)));
  const places = values.map((k, at) => steps.map((s, i) => (i === axis ? k : Math.floor(at / s) % dims[i])));
  return allDifferent(places, x.shape);
}
function tuplesApart({ inputs: [x, indices] }: Use): boolean {
  const values = integersOf(indices.constant);
  if (values === undefined) return false;
  const depth = indices.constant?.dims.at(-1) ?? 1;
  const tuples = Array.from({ length: values.length / depth }, (_, i) =>
    values.slice(i * depth, (i + 1) * depth),
  );
  return allDifferent(tuples, x.shape);
}

const reductions = ["none", "add", "mul", "max", "min"] as const;
/** Updates that meet: undefined for "none", refused for "mul". */
const meeting = ["add", "max", "min"] as const;

export const ScatterElements: Vjp = {
  rule(context) {
    const { ops, node, inputs } = context;
    const axis = attr.int(axisOf(node, inputs[0].shape.length, 0));
    return scattered(context, {
      pick: (from) => ops.op("GatherElements", [from, inputs[1]], { axis }),
      put: (into, updates, reduction = "none") =>
        ops.op("ScatterElements", [into, inputs[1], updates], { axis, reduction: attr.string(reduction) }),
    });
  },
  limits: [meetingFactors(elementsApart)],
  samples: [
    ...reductions.flatMap((reduction): readonly Sample[] => [
      {
        name: reduction,
        shapes: [[2, 4], [], [2, 2]],
        constants: { 1: int64([2, 2], [3, 1, 0, -1]) },
        attributes: { axis: attr.int(1), reduction: attr.string(reduction) },
      },
      {
        name: `${reduction}, first axis`,
        shapes: [[3, 2], [], [1, 2]],
        constants: { 1: int64([1, 2], [2, 0]) },
        attributes: { reduction: attr.string(reduction) },
      },
    ]),
    ...meeting.map((reduction) => ({
      name: `${reduction}, updates that meet`,
      shapes: [[4], [], [3]],
      constants: { 1: int64([3], [2, 0, 2]) },
      attributes: { reduction: attr.string(reduction) },
    })),
    {
      name: "mul, constant updates that meet",
      shapes: [[4], [], [3]],
      constants: { 1: int64([3], [2, 0, 2]), 2: float32([3], [0.5, 0, 3]) },
      attributes: { reduction: attr.string("mul") },
    },
    {
      name: "max, ties",
      shapes: [[2], [], [3]],
      constants: { 1: int64([3], [0, 0, 1]) },
      attributes: { reduction: attr.string("max") },
      at: [[5, 1], [], [5, 5, 0]],
      gradient: [[1 / 3, 1], null, [1 / 3, 1 / 3, 0]],
    },
  ],
};

export const ScatterND: Vjp = {
  rule(context) {
    const { ops, inputs } = context;
    return scattered(context, {
      pick: (from) => ops.op("GatherND", [from, inputs[1]]),
      put: (into, updates, reduction = "none") =>
        ops.op("ScatterND", [into, inputs[1], updates], { reduction: attr.string(reduction) }),
    });
  },
  limits: [meetingFactors(tuplesApart)],
  samples: [
    ...reductions.map((reduction) => ({
      name: reduction,
      shapes: [[3, 2], [], [2, 2]],
      constants: { 1: int64([2, 1], [2, 0]) },
      attributes: { reduction: attr.string(reduction) },
    })),
    ...meeting.map((reduction) => ({
      name: `${reduction}, updates that meet`,
      shapes: [[3, 2], [], [3]],
      constants: { 1: int64([3, 2], [2, 0, 1, 1, -1, 0]) },
      attributes: { reduction: attr.string(reduction) },
    })),
  ],
};

/** What is written at the hot places and at the others; the indices have no gradient. */
export const OneHot: Vjp = {
  rule({ ops, node, dy, inputs: [indices, depth] }) {
    const hot = ops.op("OneHot", [indices, depth, ops.constant(float32([2], [0, 1]))], {
      axis: attr.int(intOf(node, "axis", -1)),
    });
    const all = axesFrom(dy.shape.length, 0);
    const total = (v: Value): Value => ops.reshape(ops.sum(v, all, false), [1]);
    const on = ops.mul(dy, ops.cast(hot, dy.type));
    return [null, null, ops.concat([total(ops.sub(dy, on)), total(on)], 0)];
  },
  samples: [
    { shapes: [[], [], [2]], constants: { 0: int64([3], [1, 0, 2]), 1: int64([], [4]) } },
    {
      shapes: [[], [], [2]],
      constants: { 0: int64([2, 2], [1, 0, -1, 2]), 1: int64([], [3]) },
      attributes: { axis: attr.int(1) },
      name: "inner axis",
    },
  ],
};

/** Picking what a constant condition says is a Gather. */
export const Compress: Vjp = {
  rule({ ops, node, dy, inputs: [x, condition] }) {
    const kept = integers(node, condition, []).flatMap((v, i) => (v === 0 ? [] : [i]));
    const flat = node.attributes.axis === undefined;
    const source = flat ? [product(x.shape)] : x.shape;
    const axis = flat ? 0 : axisOf(node, x.shape.length, 0);
    const indices = ops.integers(
      kept,
      source.map((_, i) => (i === axis ? kept.length : 1)),
    );
    return [ops.reshape(ops.scatterAdd(source, ops.expand(indices, dy.shape), dy, axis), x.shape)];
  },
  samples: [
    {
      shapes: [[2, 4], []],
      constants: { 1: { type: "bool", dims: [4], data: Uint8Array.of(1, 0, 0, 1) } },
      attributes: { axis: attr.int(-1) },
      batch: [0],
    },
    {
      shapes: [[2, 3], []],
      constants: { 1: { type: "bool", dims: [5], data: Uint8Array.of(0, 1, 1, 0, 1) } },
      name: "flattened, a short condition",
    },
  ],
};

/** Reversing the same lengths again puts everything back. */
export const ReverseSequence: Vjp = {
  rule: ({ ops, node, dy, inputs: [, lengths] }) => [
    ops.op("ReverseSequence", [dy, lengths], {
      batch_axis: attr.int(intOf(node, "batch_axis", 1)),
      time_axis: attr.int(intOf(node, "time_axis", 0)),
    }),
  ],
  samples: [
    { shapes: [[4, 2, 3], []], constants: { 1: int64([2], [3, 4]) } },
    {
      shapes: [[2, 3], []],
      constants: { 1: int64([2], [1, 3]) },
      attributes: { batch_axis: attr.int(0), time_axis: attr.int(1) },
      name: "batch first",
    },
  ],
};

/** The values go back to where the indices say they were. */
export const TopK: Vjp = {
  rule: ({ ops, node, dy, inputs: [x], extra }) => [
    ops.scatterAdd(x.shape, extra(1), dy, axisOf(node, x.shape.length, -1)),
  ],
  samples: [
    { shapes: [[2, 5], []], constants: { 1: int64([1], [2]) }, outputs: 2, score: [0], batch: [0] },
    {
      shapes: [[4, 2], []],
      constants: { 1: int64([1], [3]) },
      attributes: { axis: attr.int(0), largest: attr.int(0) },
      outputs: 2,
      score: [0],
      name: "smallest",
    },
  ],
};
