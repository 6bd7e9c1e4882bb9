/** Pooling. A MaxPool window gives its gradient to its first maximum in row order, as torch does. */
import { attr, intOf, intsOf, type Node } from "../../onnx/graph.ts";
import { float32, int64, sizeOf } from "../../onnx/tensor.ts";
import { axesFrom, fixed, integers, product } from "../arguments.ts";
import type { Ops } from "../ops.ts";
import type { Sample, Value, Vjp } from "../vjp.ts";
import { type ExactWindow, exactWindow } from "../windows.ts";
import { spread } from "./conv.ts";

const windowFor = (node: Node, x: Value, y: Value): ExactWindow =>
  exactWindow(node, x, y, intsOf(node, "kernel_shape") ?? []);

const pool = (
  name: string,
  shape: readonly number[],
  kernel: readonly number[],
  more: Record<string, readonly number[] | number | string> = {},
): Sample => ({
  name,
  shapes: [shape],
  attributes: {
    kernel_shape: attr.ints(kernel),
    ...Object.fromEntries(
      Object.entries(more).map(([k, v]) => [
        k,
        typeof v === "number" ? attr.int(v) : typeof v === "string" ? attr.string(v) : attr.ints(v),
      ]),
    ),
  },
  batch: [0],
});

const windows: readonly Sample[] = [
  pool("2×2 side by side", [2, 3, 4, 6], [2, 2], { strides: [2, 2] }),
  pool("side by side with a remainder", [2, 1, 5, 7], [2, 3], { strides: [2, 3] }),
  pool("overlapping", [2, 2, 6, 5], [3, 3], { strides: [2, 2], pads: [1, 1, 1, 1] }),
  pool("stride 1", [2, 2, 4, 5], [3, 2], { pads: [1, 0, 1, 1] }),
  pool("asymmetric padding", [2, 1, 5, 4], [3, 3], { strides: [2, 1], pads: [2, 0, 0, 1] }),
  pool("ceil_mode", [2, 1, 6, 7], [3, 3], { strides: [2, 2], ceil_mode: 1 }),
  pool("ceil_mode with padding", [2, 1, 6, 6], [3, 3], { strides: [2, 2], pads: [1, 1, 1, 1], ceil_mode: 1 }),
  pool("dilation", [2, 1, 6, 7], [2, 3], { strides: [1, 2], dilations: [3, 2] }),
  pool("ceil_mode with dilation", [2, 1, 8, 7], [2, 3], { strides: [3, 2], dilations: [2, 2], ceil_mode: 1 }),
  pool("SAME_UPPER", [2, 1, 5, 6], [2, 3], { strides: [2, 2], auto_pad: "SAME_UPPER" }),
  pool("SAME_LOWER", [2, 1, 5, 6], [2, 3], { strides: [2, 2], auto_pad: "SAME_LOWER" }),
  pool("one axis", [2, 3, 8], [3], { strides: [2] }),
  pool("three axes", [2, 1, 4, 4, 3], [2, 2, 2], { strides: [2, 1, 1] }),
];

const maxima: readonly Sample[] = [
  ...windows,
  {
    ...pool("ties", [1, 1, 3, 4], [2, 2]),
    at: [[1, 1, 0, 2, 1, 1, 0, 2, 0, 0, 0, 0]],
    // windows of row 0 start at columns 0, 1, 2; the first maximum in row order wins
    gradient: [[1, 1, 0, 1, 1, 1, 0, 1, 0, 0, 0, 0]],
    batch: undefined,
  },
];

const flatten = (ops: Ops, v: Value): Value => ops.reshape(v, [product(v.shape)]);

/** Indices count over the whole tensor, so one flat scatter serves any batch. */
export const MaxPool: Vjp = {
  rule(context) {
    const {
      ops,
      node,
      dy,
      inputs: [x],
      extra,
    } = context;
    // counted by columns, the indices are no places in memory
    if (intOf(node, "storage_order", 0) === 1) return maxPoolByMask.rule(context);
    const flat = (v: Value): Value => flatten(ops, v);
    return [ops.reshape(ops.scatterAdd([product(x.shape)], flat(extra(1)), flat(dy), 0), x.shape)];
  },
  samples: [...maxima, pool("indices by columns", [2, 2, 4, 5], [2, 2], { storage_order: 1 })],
};

/** Elements went to where the indices say, the rest is 0. */
export const MaxUnpool: Vjp = {
  rule: ({ ops, dy, inputs: [x, indices] }) => [
    ops.reshape(
      ops.op("GatherElements", [flatten(ops, dy), flatten(ops, indices)], { axis: attr.int(0) }),
      x.shape,
    ),
  ],
  limits: [
    {
      // the indices count in the smaller image, so they are places of another one
      what: "output_shape other than what pooling left",
      holds: ({ inputs: [, , size] }) => size !== undefined,
    },
  ],
  samples: [
    {
      ...pool("2×2", [1, 2, 2, 2], [2, 2], { strides: [2, 2] }),
      shapes: [[1, 2, 2, 2], []],
      constants: { 1: int64([1, 2, 2, 2], [5, 2, 8, 14, 16, 22, 29, 27]) },
      batch: undefined,
    },
    {
      ...pool("one axis", [2, 1, 2], [3], { strides: [2], pads: [1, 0] }),
      shapes: [[2, 1, 2], []],
      constants: { 1: int64([2, 1, 2], [0, 3, 5, 6]) },
      batch: undefined,
    },
  ],
};

/** For devices without Indices: each place of the kernel claims what no place before it has claimed. */
export const maxPoolByMask: Vjp = {
  rule({ ops, node, dy, inputs: [x], output: y }) {
    const w = windowFor(node, x, y);
    const space = axesFrom(x.shape.length, 2);
    const [n, channels] = x.shape;
    const images = product([n, channels]);
    const lowest = -3.4028234663852886e38;
    const image = ops.pad(x, [0, 0, ...w.heads, 0, 0, ...w.tails], lowest);
    const taps = places(w.kernel);
    let unclaimed = dy;
    const claims = taps.map((tap) => {
      const starts = tap.map((k, i) => k * w.dilations[i]);
      const ends = starts.map((s, i) => s + (w.small[i] - 1) * w.strides[i] + 1);
      const hit = ops.equal(ops.slice(image, space, starts, ends, w.strides), y);
      const claim = ops.where(hit, unclaimed, 0);
      unclaimed = ops.where(hit, 0, unclaimed);
      return ops.reshape(claim, [images, 1, ...w.small]);
    });
    // one kernel per place, 1 there and 0 elsewhere, puts each claim back where it came from
    const eye = new Float32Array(taps.length ** 2);
    for (const i of taps.keys()) eye[i * (taps.length + 1)] = 1;
    const placed = ops.op(
      "ConvTranspose",
      [ops.concat(claims, 1), ops.constant(float32([taps.length, 1, ...w.kernel], eye))],
      { strides: attr.ints(w.strides), dilations: attr.ints(w.dilations) },
    );
    const padded = ops.reshape(placed, [n, channels, ...placed.shape.slice(2)]);
    return [ops.pad(padded, [0, 0, ...w.heads.map((p) => -p), 0, 0, ...w.tails.map((p) => -p)])];
  },
  samples: maxima,
};

/** Every index of a block, in row order. */
function places(dims: readonly number[]): readonly (readonly number[])[] {
  return dims.reduce<number[][]>(
    (list, size) => list.flatMap((head) => Array.from({ length: size }, (_, i) => [...head, i])),
    [[]],
  );
}

/** How many elements each place of the window averages, [1, 1, small…]. */
function counts(w: ExactWindow, includePad: boolean): Float32Array {
  const along = w.kernel.map((k, axis) =>
    Array.from({ length: w.small[axis] }, (_, o) => {
      const from = o * w.strides[axis] - w.heads[axis];
      const low = includePad ? -w.heads[axis] : 0;
      const high = w.large[axis] + (includePad ? w.saidTails[axis] : 0);
      let n = 0;
      for (let i = 0; i < k; i++) {
        const at = from + i * w.dilations[axis];
        if (at >= low && at < high) n++;
      }
      return n;
    }),
  );
  return Float32Array.from(places(w.small), (at) => at.reduce((n, o, axis) => n * along[axis][o], 1));
}

/** dy divided by the number of elements averaged. */
function shares(ops: Ops, dy: Value, w: ExactWindow, includePad: boolean): Value {
  const n = counts(w, includePad);
  if (n.every((c) => c === n[0])) return ops.mul(dy, 1 / n[0]);
  return ops.mul(
    dy,
    ops.constant(
      float32(
        [1, 1, ...w.small],
        n.map((c) => 1 / c),
      ),
    ),
  );
}

/** Every element of a window gets what the window has; where windows overlap, the sum. */
function overWindows(ops: Ops, share: Value, w: ExactWindow, channels: number): Value {
  if (w.kernel.every((k, i) => k === w.strides[i] && w.dilations[i] === 1)) {
    // windows side by side
    const grown = ops.op(
      "Resize",
      [share, undefined, ops.constant(float32([w.kernel.length + 2], [1, 1, ...w.kernel]))],
      {
        mode: attr.string("nearest"),
        coordinate_transformation_mode: attr.string("asymmetric"),
        nearest_mode: attr.string("floor"),
      },
    );
    return ops.pad(grown, [0, 0, ...w.heads.map((p) => -p), 0, 0, ...w.tails.map((p) => -p)]);
  }
  const ones = ops.constant(
    float32([channels, 1, ...w.kernel], new Float32Array(channels * sizeOf(w.kernel)).fill(1)),
  );
  return spread(ops, share, ones, w, channels);
}

/** y = (Σ |x|^p)^(1/p); dx = sign(x) |x|^(p−1) · g with g = dy y^(1−p), brought back to the elements. 0 at 0. */
function lp(ops: Ops, node: Node, x: Value, y: Value, dy: Value, back: (g: Value) => Value): Value {
  const p = intOf(node, "p", 2);
  if (p === 1) return ops.mul(ops.sign(x), back(dy));
  // y^(1−p) stays finite
  const length = ops.max(y, 10 ** (-30 / (p - 1)));
  if (p === 2) return ops.mul(x, back(ops.div(dy, length)));
  // |x / y| would need y at x: the two powers are taken apart
  const size = ops.op("Abs", [x]);
  const power = ops.mul(ops.sign(x), ops.pow(size, p - 1));
  return ops.mul(power, back(ops.mul(dy, ops.pow(length, 1 - p))));
}

export const LpPool: Vjp = {
  rule({ ops, node, dy, inputs: [x], output: y }) {
    const w = windowFor(node, x, y);
    return [lp(ops, node, x, y, dy, (g) => overWindows(ops, g, w, fixed(node, x.shape[1])))];
  },
  samples: [
    ...windows,
    ...[1, 3].map((p) => pool(`p = ${p}`, [2, 2, 4, 5], [2, 3], { strides: [2, 1], pads: [1, 0, 0, 1], p })),
  ],
};
export const GlobalLpPool: Vjp = {
  rule: ({ ops, node, dy, inputs: [x], output: y }) => [lp(ops, node, x, y, dy, (g) => g)],
  samples: [
    ...[1, 2, 3].map(
      (p): Sample => ({
        name: `p = ${p}`,
        shapes: [[2, 3, 2, 3]],
        attributes: { p: attr.int(p) },
        batch: [0],
      }),
    ),
    ...[1, 2, 3].map(
      (p): Sample => ({
        name: `at 0, p = ${p}`,
        shapes: [[1, 1, 3]],
        attributes: { p: attr.int(p) },
        at: [[0, 0, 0]],
        gradient: [[0, 0, 0]],
      }),
    ),
  ],
};

/** Blocks that were added up where they overlap: each gets the gradient of the place it was put, as a convolution copies it. */
export const Col2Im: Vjp = {
  rule({ ops, node, dy, inputs: [x, , block] }) {
    const kernel = integers(node, block, []);
    const [n, channels, ...image] = dy.shape;
    const places = sizeOf(kernel);
    // one kernel per place of the block, 1 there and 0 elsewhere
    const eye = new Float32Array(places ** 2);
    for (let i = 0; i < places; i++) eye[i * (places + 1)] = 1;
    const columns = ops.op(
      "Conv",
      [
        ops.reshape(dy, [product([n, channels]), 1, ...image]),
        ops.constant(float32([places, 1, ...kernel], eye)),
      ],
      Object.fromEntries(
        ["strides", "dilations", "pads"].flatMap((key) =>
          key in node.attributes ? [[key, node.attributes[key]]] : [],
        ),
      ),
    );
    return [ops.reshape(columns, x.shape)];
  },
  samples: [
    {
      shapes: [[2, 8, 6], [], []],
      constants: { 1: int64([2], [3, 4]), 2: int64([2], [2, 2]) },
      batch: [0],
      name: "overlapping",
    },
    {
      shapes: [[1, 6, 4], [], []],
      constants: { 1: int64([2], [3, 5]), 2: int64([2], [2, 3]) },
      attributes: { strides: attr.ints([2, 2]), pads: attr.ints([1, 0, 0, 0]), dilations: attr.ints([1, 1]) },
      name: "stride and padding",
    },
    {
      shapes: [[1, 4, 3], [], []],
      constants: { 1: int64([2], [3, 5]), 2: int64([2], [2, 2]) },
      attributes: { dilations: attr.ints([2, 2]) },
      name: "dilation",
    },
  ],
};

export const AveragePool: Vjp = {
  rule({ ops, node, dy, inputs: [x] }) {
    const w = windowFor(node, x, dy);
    const share = shares(ops, dy, w, intOf(node, "count_include_pad", 0) === 1);
    return [overWindows(ops, share, w, fixed(node, x.shape[1]))];
  },
  samples: [
    ...windows,
    ...windows.map((s) => ({
      ...s,
      name: `${s.name}, count_include_pad`,
      attributes: { ...s.attributes, count_include_pad: attr.int(1) },
    })),
  ],
};

export const GlobalAveragePool: Vjp = {
  rule: ({ ops, dy, inputs: [x] }) => [ops.div(dy, ops.count(x.shape, axesFrom(x.shape.length, 2)))],
  samples: [
    { shapes: [[2, 3, 4, 5]], batch: [0] },
    { shapes: [[1, 2, 3]], name: "one axis" },
  ],
};

/** The first maximum gets it all, as for torch's adaptive max pool (ReduceMax shares it). */
export const GlobalMaxPool: Vjp = {
  rule({ ops, dy, inputs: [x] }) {
    const [n, channels, ...space] = x.shape;
    const flat = ops.reshape(x, [n, channels, product(space)]);
    const first = ops.op("ArgMax", [flat], { axis: attr.int(2), keepdims: attr.int(1) });
    const gradient = ops.scatterAdd(flat.shape, first, ops.reshape(dy, [n, channels, 1]), 2);
    return [ops.reshape(gradient, x.shape)];
  },
  samples: [
    { shapes: [[2, 3, 4, 5]], batch: [0] },
    { shapes: [[1, 1, 4]], at: [[2, 5, 5, 1]], gradient: [[0, 1, 0, 0]], name: "ties" },
  ],
};
