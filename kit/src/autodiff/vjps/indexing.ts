/** Operators that pick or place elements by index: picking scatters back, placing picks back. */
import { attr, intOf, type Node, stringOf } from "../../onnx/graph.ts";
import { integersOf } from "../../onnx/inference/call.ts";
import type { Shape } from "../../onnx/shapes.ts";
import { int64 } from "../../onnx/tensor.ts";
import { axisOf, product, unsupported } from "../arguments.ts";
import type { Sample, Value, Vjp } from "../vjp.ts";

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

export const GatherND: Vjp = {
  rule({ ops, node, dy, inputs: [x, indices] }) {
    if (intOf(node, "batch_dims", 0) !== 0) throw unsupported(node, "batch_dims other than 0");
    const zeros = ops.full(x.shape, 0, x.type);
    return [ops.op("ScatterND", [zeros, indices, dy], { reduction: attr.string("add") })];
  },
  samples: [
    { shapes: [[2, 3, 2], []], constants: { 1: int64([2, 2], [0, 1, 1, 2]) } },
    { shapes: [[3, 2], []], constants: { 1: int64([3, 1], [2, 0, 2]) }, name: "repeated indices" },
  ],
};

/** Written elements lose their own value; with reduction "add" they keep it. */
function reductionOf(node: Node): "none" | "add" {
  const reduction = stringOf(node, "reduction", "none");
  if (reduction === "none" || reduction === "add") return reduction;
  throw unsupported(node, `reduction ${reduction}`);
}

export const ScatterElements: Vjp = {
  rule({ ops, node, dy, inputs: [x, indices, updates], need }) {
    const axis = attr.int(axisOf(node, x.shape.length, 0));
    const hole = () =>
      ops.op("ScatterElements", [dy, indices, ops.full(updates.shape, 0, dy.type)], { axis });
    return [
      need[0] ? (reductionOf(node) === "add" ? dy : hole()) : null,
      null,
      need[2] ? ops.op("GatherElements", [dy, indices], { axis }) : null,
    ];
  },
  samples: ["none", "add"].flatMap((reduction): readonly Sample[] => [
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
};

export const ScatterND: Vjp = {
  rule({ ops, node, dy, inputs: [, indices, updates], need }) {
    const hole = () => ops.op("ScatterND", [dy, indices, ops.full(updates.shape, 0, dy.type)]);
    return [
      need[0] ? (reductionOf(node) === "add" ? dy : hole()) : null,
      null,
      need[2] ? ops.op("GatherND", [dy, indices]) : null,
    ];
  },
  samples: ["none", "add"].map((reduction) => ({
    name: reduction,
    shapes: [[3, 2], [], [2, 2]],
    constants: { 1: int64([2, 1], [2, 0]) },
    attributes: { reduction: attr.string(reduction) },
  })),
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
