/** Operators that move, cut, join or repeat elements: the gradient moves back. */
import { attr, intOf, intsOf, type Node, stringOf } from "../../onnx/graph.ts";
import { type Dim, equalDims, type Shape } from "../../onnx/shapes.ts";
import { int64 } from "../../onnx/tensor.ts";
import { axesFrom, axisIn, axisOf, changesBatch, fixed, integers } from "../arguments.ts";
import type { Ops } from "../ops.ts";
import type { Sample, Value, Vjp } from "../vjp.ts";

const ints = (...values: readonly number[]) => int64([values.length], values);

/** Back to the shape of the input. */
const restored: Vjp["rule"] = ({ ops, dy, inputs: [x] }) => [ops.reshape(dy, x.shape)];

export const Reshape: Vjp = {
  rule: restored,
  samples: [
    { shapes: [[2, 3, 4], []], constants: { 1: ints(0, -1) }, batch: [0] },
    { shapes: [[6], []], constants: { 1: ints(2, 1, 3) } },
    { shapes: [[2, 3], []], constants: { 1: ints(-1) }, batch: [0], name: "batch merged" },
  ],
};
export const Flatten: Vjp = {
  rule: restored,
  samples: [
    { shapes: [[2, 3, 2]], batch: [0] },
    { shapes: [[2, 3, 2]], attributes: { axis: attr.int(-1) }, batch: [0] },
    { shapes: [[2, 3]], attributes: { axis: attr.int(0) } },
  ],
};
export const Squeeze: Vjp = {
  rule: restored,
  samples: [
    { shapes: [[2, 1, 3, 1], []], constants: { 1: ints(-1) }, batch: [0] },
    { shapes: [[1, 3, 1]], name: "all axes" },
  ],
};
export const Unsqueeze: Vjp = {
  rule: restored,
  samples: [
    { shapes: [[2, 3], []], constants: { 1: ints(1, -1) }, batch: [0] },
    { shapes: [[], []], constants: { 1: ints(0) }, name: "scalar" },
  ],
};

export const Transpose: Vjp = {
  rule({ ops, node, dy }) {
    const rank = dy.shape.length;
    const perm = intsOf(node, "perm") ?? axesFrom(rank, 0).reverse();
    return [
      ops.transpose(
        dy,
        axesFrom(rank, 0).map((a) => perm.indexOf(a)),
      ),
    ];
  },
  samples: [
    { shapes: [[2, 3, 4]], attributes: { perm: attr.ints([2, 0, 1]) }, batch: [0] },
    { shapes: [[2, 3]], batch: [0], name: "no perm" },
    { shapes: [[2, 1, 3, 2]], attributes: { perm: attr.ints([0, 3, 1, 2]) }, batch: [0] },
  ],
};

/** The driver sums what was added. */
export const Expand: Vjp = {
  rule: ({ dy }) => [dy],
  samples: [
    { shapes: [[2, 1, 3], []], constants: { 1: ints(2, 4, 1) } },
    { shapes: [[3], []], constants: { 1: ints(2, 1) } },
    { shapes: [[2, 1], []], constants: { 1: ints(1, 3) }, batch: [0] },
  ],
};

export const Concat: Vjp = {
  rule({ ops, node, dy, inputs, need }) {
    const axis = axisOf(node, dy.shape.length, 0);
    const sizes = inputs.map((x) => x.shape[axis]);
    const known = sizes.every((s) => typeof s === "number");
    if (need.every(Boolean) || !known) return ops.split(dy, axis, sizes);
    let start = 0;
    return sizes.map((size, i) => {
      const from = start;
      start += size as number;
      return need[i] ? ops.slice(dy, [axis], [from], [start]) : null;
    });
  },
  samples: [
    {
      shapes: [
        [2, 3],
        [2, 1],
        [2, 2],
      ],
      attributes: { axis: attr.int(1) },
      batch: [0, 1, 2],
    },
    {
      shapes: [
        [2, 2, 2],
        [2, 1, 2],
      ],
      attributes: { axis: attr.int(-2) },
      frozen: [0],
      name: "one part",
    },
    {
      shapes: [
        [2, 3],
        [2, 3],
      ],
      attributes: { axis: attr.int(0) },
      batch: [0, 1],
      name: "along the batch",
    },
    { shapes: [[3]], attributes: { axis: attr.int(0) }, name: "one input" },
  ],
};

export const Split: Vjp = {
  rule({ ops, node, dys, outputs }) {
    const axis = axisOf(node, outputs[0].shape.length, 0);
    return [
      ops.concat(
        outputs.map((y, i) => dys[i] ?? ops.full(y.shape, 0, y.type)),
        axis,
      ),
    ];
  },
  samples: [
    {
      shapes: [[2, 6], []],
      constants: { 1: ints(1, 3, 2) },
      attributes: { axis: attr.int(1) },
      outputs: 3,
      batch: [0],
    },
    { shapes: [[5, 2]], attributes: { num_outputs: attr.int(2) }, outputs: 2, name: "unequal parts" },
    {
      shapes: [[2, 4]],
      attributes: { axis: attr.int(-1), num_outputs: attr.int(2) },
      outputs: 2,
      score: [1],
      batch: [0],
      name: "second part",
    },
  ],
};

const flip = (ops: Ops, x: Value, axis: number): Value =>
  ops.slice(x, [axis], [-1], [-Number.MAX_SAFE_INTEGER], [-1]);

/** Pads one axis; negative crops. */
const padAxis = (ops: Ops, x: Value, axis: number, head: number, tail: number): Value => {
  const pads: number[] = new Array(2 * x.shape.length).fill(0);
  pads[axis] = head;
  pads[axis + x.shape.length] = tail;
  return pads.every((p) => p === 0) ? x : ops.pad(x, pads);
};

/** Slice counts from the end and clamps; this is where it really starts. */
function startOf(given: number, step: number, size: number): number {
  const start = given < 0 ? given + size : given;
  return step > 0 ? Math.min(Math.max(start, 0), size) : Math.min(Math.max(start, 0), size - 1);
}

/** Elements go back to start + i · step, zeros elsewhere. */
export const Slice: Vjp = {
  rule({ ops, node, dy, inputs: [x, starts, , axes, steps] }) {
    const rank = x.shape.length;
    const from = integers(node, starts, []);
    const along = integers(node, axes, axesFrom(from.length, 0)).map((a) => axisIn(rank, a));
    const strides = integers(
      node,
      steps,
      from.map(() => 1),
    );
    let gradient = dy;
    for (const [i, axis] of along.entries()) {
      const step = strides[i];
      if (step === 1 && equalDims(x.shape[axis], dy.shape[axis])) continue;
      if (step === -1 && equalDims(x.shape[axis], dy.shape[axis])) {
        gradient = flip(ops, gradient, axis);
        continue;
      }
      const [size, taken] = [fixed(node, x.shape[axis]), fixed(node, dy.shape[axis])];
      const first = startOf(from[i], step, size);
      if (step < 0) gradient = flip(ops, gradient, axis);
      const low = step < 0 ? first + (taken - 1) * step : first;
      const gap = Math.abs(step);
      gradient = spaced(ops, gradient, axis, gap);
      gradient = padAxis(ops, gradient, axis, low, size - low - taken * gap);
    }
    return [gradient];
  },
  limits: [changesBatch],
  samples: [
    slice("one axis", [2, 5], { starts: [1], ends: [4], axes: [1] }),
    slice("steps", [2, 7, 4], { starts: [1, 0], ends: [99, 4], axes: [-2, 2], steps: [2, 3] }),
    slice("backwards", [2, 5], { starts: [-1], ends: [-99], axes: [1], steps: [-1] }),
    slice("backwards in steps", [2, 7], { starts: [5], ends: [0], axes: [1], steps: [-2] }),
    slice("backwards from the middle", [2, 6], { starts: [-3], ends: [-99], axes: [1], steps: [-1] }),
    slice("the batch reversed", [3, 2], { starts: [-1], ends: [-99], axes: [0], steps: [-1] }),
    { shapes: [[4, 3], [], []], constants: { 1: ints(1, 0), 2: ints(3, -1) }, name: "no axes" },
  ],
};

function slice(
  name: string,
  shape: readonly number[],
  {
    starts,
    ends,
    axes,
    steps,
  }: Readonly<Record<"starts" | "ends" | "axes", readonly number[]>> & { readonly steps?: readonly number[] },
): Sample {
  const given = [starts, ends, axes, ...(steps ? [steps] : [])].map((v) => ints(...v));
  return {
    name,
    shapes: [shape, ...given.map(() => [])],
    constants: { ...[undefined as never, ...given] },
    batch: [0],
  };
}

/** gap − 1 zeros after each element along `axis`. */
function spaced(ops: Ops, x: Value, axis: number, gap: number): Value {
  if (gap === 1) return x;
  const [before, size, after] = [x.shape.slice(0, axis), x.shape[axis] as number, x.shape.slice(axis + 1)];
  const apart = padAxis(ops, ops.reshape(x, [...before, size, 1, ...after]), axis + 1, 0, gap - 1);
  return ops.reshape(apart, [...before, size * gap, ...after]);
}

/** pads of all axes, heads then tails. */
function padsOf(node: Node, rank: number, given: Value, axes: Value | undefined): readonly number[] {
  const said = integers(node, given, []);
  const along = integers(node, axes, axesFrom(rank, 0)).map((a) => axisIn(rank, a));
  const pads: number[] = new Array(2 * rank).fill(0);
  for (const [i, a] of along.entries()) {
    pads[a] = said[i];
    pads[a + rank] = said[i + along.length];
  }
  return pads;
}

/** Where padding repeats elements, their gradients add up: each side is folded back onto where it came from. */
function foldSides(
  ops: Ops,
  g: Value,
  axis: number,
  size: number,
  head: number,
  tail: number,
  mode: string,
): Value {
  const part = (from: number, to: number): Value => ops.slice(g, [axis], [from], [to]);
  const inner = part(head, head + size);
  const put = (v: Value, at: number, length: number): Value => padAxis(ops, v, axis, at, size - at - length);
  const parts = [inner];
  if (head > 0) {
    const side = part(0, head);
    if (mode === "edge") parts.push(put(ops.sum(side, [axis]), 0, 1));
    else if (mode === "wrap") parts.push(put(side, size - head, head));
    else parts.push(put(flip(ops, side, axis), 1, head));
  }
  if (tail > 0) {
    const side = part(head + size, head + size + tail);
    if (mode === "edge") parts.push(put(ops.sum(side, [axis]), size - 1, 1));
    else if (mode === "wrap") parts.push(put(side, 0, tail));
    else parts.push(put(flip(ops, side, axis), size - 1 - tail, tail));
  }
  return parts.reduce((a, b) => ops.add(a, b));
}

export const Pad: Vjp = {
  rule({ ops, node, dy, inputs: [x, given, , axes], need }) {
    const rank = x.shape.length;
    const pads = padsOf(node, rank, given, axes);
    const mode = stringOf(node, "mode", "constant");
    if (mode === "constant") {
      const back = ops.pad(
        dy,
        pads.map((p) => -p),
      );
      const all = axesFrom(rank, 0);
      // the fill's share is what did not come from x
      return [back, null, need[2] ? ops.sub(ops.sum(dy, all, false), ops.sum(back, all, false)) : null];
    }
    let gradient = dy;
    for (const axis of axesFrom(rank, 0)) {
      const [head, tail] = [pads[axis], pads[axis + rank]];
      if (head === 0 && tail === 0) continue;
      // what a negative side cuts off is not there to be repeated
      const [cutHead, cutTail] = [Math.min(0, head), Math.min(0, tail)];
      const size = fixed(node, x.shape[axis]) + cutHead + cutTail;
      gradient = foldSides(ops, gradient, axis, size, Math.max(0, head), Math.max(0, tail), mode);
      gradient = padAxis(ops, gradient, axis, -cutHead, -cutTail);
    }
    return [gradient];
  },
  samples: [
    pad("constant", [2, 3, 4], [0, 1, 2, 0, 0, 1]),
    pad("crops and pads", [2, 5, 4], [0, -1, 2, 0, -2, -1]),
    { ...pad("fill", [2, 3], [0, 1, 0, 2]), shapes: [[2, 3], [], []] },
    {
      shapes: [[2, 3, 2], [], [], []],
      constants: { 1: ints(1, 2, 0, 1), 3: ints(1, -1) },
      absent: [2],
      name: "axes",
      batch: [0],
    },
    pad("reflect", [2, 3, 5], [0, 1, 4, 0, 2, 3], "reflect"),
    pad("edge", [2, 3, 2], [0, 1, 4, 0, 2, 3], "edge"),
    pad("wrap", [2, 3, 5], [0, 1, 4, 0, 2, 3], "wrap"),
    ...["reflect", "edge", "wrap"].map((mode) => pad(`${mode}, cut`, [2, 6, 5], [0, -1, 2, 0, 2, -2], mode)),
  ],
};

function pad(name: string, shape: readonly number[], pads: readonly number[], mode = "constant"): Sample {
  return {
    name,
    shapes: [shape, []],
    constants: { 1: ints(...pads) },
    attributes: { mode: attr.string(mode) },
    batch: [0],
  };
}

/** Cut or padded on both sides; an odd element is the tail's. */
export const CenterCropPad: Vjp = {
  rule({ ops, dy, inputs: [x] }) {
    const rank = x.shape.length;
    const more = x.shape.map((d, i) =>
      equalDims(d, dy.shape[i]) ? 0 : (d as number) - (dy.shape[i] as number),
    );
    const heads = more.map((m) => (m < 0 ? -Math.floor(-m / 2) : Math.floor(m / 2)));
    const pads = [...heads, ...more.map((m, i) => m - heads[i])];
    return [pads.some((p) => p !== 0) && rank > 0 ? ops.pad(dy, pads) : dy];
  },
  limits: [changesBatch],
  samples: [
    {
      shapes: [[2, 3, 6], []],
      constants: { 1: ints(6, 3) },
      attributes: { axes: attr.ints([1, 2]) },
      batch: [0],
    },
    { shapes: [[5, 4], []], constants: { 1: ints(2, 9) }, name: "odd" },
  ],
};

/** Copies stand as an axis before the one they repeat; they add up. */
export const Tile: Vjp = {
  rule({ ops, node, dy, inputs: [x, given] }) {
    const repeats = integers(node, given, []);
    const shape: Dim[] = [];
    const copies: number[] = [];
    for (const [axis, d] of x.shape.entries()) {
      if (repeats[axis] !== 1) copies.push(shape.push(repeats[axis]) - 1);
      shape.push(d);
    }
    return [ops.sum(ops.reshape(dy, shape), copies, false)];
  },
  samples: [
    { shapes: [[2, 3, 1], []], constants: { 1: ints(1, 2, 3) }, batch: [0] },
    { shapes: [[2, 3], []], constants: { 1: ints(3, 1) }, batch: [0], name: "batch repeated" },
  ],
};

export const SpaceToDepth: Vjp = {
  rule: ({ ops, node, dy }) => [
    ops.op("DepthToSpace", [dy], {
      blocksize: attr.int(intOf(node, "blocksize", 1)),
      mode: attr.string("DCR"),
    }),
  ],
  samples: [
    { shapes: [[2, 1, 4, 6]], attributes: { blocksize: attr.int(2) }, batch: [0] },
    { shapes: [[1, 2, 3, 6]], attributes: { blocksize: attr.int(3) } },
  ],
};
/** In mode DCR the inverse of SpaceToDepth; in CRD the block is the inner part of the channel. */
export const DepthToSpace: Vjp = {
  rule({ ops, node, dy, inputs: [x] }) {
    const block = intOf(node, "blocksize", 1);
    if (stringOf(node, "mode", "DCR") === "DCR") {
      return [ops.op("SpaceToDepth", [dy], { blocksize: attr.int(block) })];
    }
    const [n, , height, width] = x.shape;
    const split: Shape = [n, dy.shape[1], height, block, width, block];
    return [ops.reshape(ops.transpose(ops.reshape(dy, split), [0, 1, 3, 5, 2, 4]), x.shape)];
  },
  samples: ["DCR", "CRD"].map((mode) => ({
    name: mode,
    shapes: [[2, 8, 2, 3]],
    attributes: { blocksize: attr.int(2), mode: attr.string(mode) },
    batch: [0],
  })),
};

/** What an element contributed to is summed from the other side. */
export const CumSum: Vjp = {
  rule: ({ ops, node, dy, inputs: [, axis] }) => [
    ops.op("CumSum", [dy, axis], {
      exclusive: attr.int(intOf(node, "exclusive", 0)),
      reverse: attr.int(1 - intOf(node, "reverse", 0)),
    }),
  ],
  samples: [
    { shapes: [[2, 4], []], constants: { 1: int64([], [1]) }, batch: [0] },
    {
      shapes: [[3, 2], []],
      constants: { 1: int64([], [-2]) },
      attributes: { exclusive: attr.int(1), reverse: attr.int(1) },
      name: "exclusive, reverse",
    },
    ...["exclusive", "reverse"].map((key) => ({
      shapes: [[2, 4], []],
      constants: { 1: int64([], [-1]) },
      attributes: { [key]: attr.int(1) },
      batch: [0],
      name: key,
    })),
  ],
};

export const Trilu: Vjp = {
  rule: ({ ops, node, dy, inputs: [, k] }) => [
    ops.op("Trilu", [dy, k], { upper: attr.int(intOf(node, "upper", 1)) }),
  ],
  samples: [
    { shapes: [[2, 3, 4]], batch: [0] },
    {
      shapes: [[3, 3], []],
      constants: { 1: int64([], [-1]) },
      attributes: { upper: attr.int(0) },
      name: "lower",
    },
  ],
};
