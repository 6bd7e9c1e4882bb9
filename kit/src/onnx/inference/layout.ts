/** Operators that move, cut, join, pad or resize: they change where elements are, not what they are. */
import { stringOf } from "../graph.ts";
import { sizeOf } from "../tensor.ts";
import { broadcast, type Call, formatList, info, type Rule, sameType } from "./call.ts";

const concat: Rule = (c) => {
  const first = c.dims(0);
  const axis = c.axis(first.length, 0);
  const all = c.inputs.map((_, i) => c.dims(i));
  if (all.some((d) => d.length !== first.length || d.some((v, i) => i !== axis && v !== first[i]))) {
    throw c.wrong(`shapes that differ on axis ${axis} only`);
  }
  return [
    info(
      sameType(c),
      first.with(
        axis,
        all.reduce((sum, d) => sum + d[axis], 0),
      ),
    ),
  ];
};

/** 0 copies the input's size (unless allowzero), one -1 takes what is left. */
const reshape: Rule = (c) => {
  const from = c.dims(0);
  const target = c.values(1);
  const allowZero = c.int("allowzero", 0) === 1;
  const dims = target.map((d, i) => (d === 0 && !allowZero ? from[i] : d));
  const fits = `a shape for ${sizeOf(from)} elements, not ${formatList(target)}`;
  if (dims.some((d) => d === undefined || d < -1) || dims.filter((d) => d === -1).length > 1)
    throw c.wrong(fits);
  const rest = dims.reduce((n, d) => (d === -1 ? n : n * d), 1);
  const hole = rest === 0 ? Number.NaN : sizeOf(from) / rest;
  const made = dims.map((d) => (d === -1 ? hole : d));
  if (!made.every(Number.isInteger) || sizeOf(made) !== sizeOf(from)) throw c.wrong(fits);
  return [info(c.type(0), made)];
};

const transpose: Rule = (c) => {
  const dims = c.dims(0);
  const perm = c.ints("perm") ?? [...dims.keys()].reverse();
  if (perm.length !== dims.length || perm.toSorted((a, b) => a - b).some((p, i) => p !== i)) {
    throw c.wrong(`perm to be a permutation of rank ${dims.length}, not ${formatList(perm)}`);
  }
  return [
    info(
      c.type(0),
      perm.map((p) => dims[p]),
    ),
  ];
};

const squeeze: Rule = (c) => {
  const dims = c.dims(0);
  const axes = c.has(1) ? c.axes(c.values(1), dims.length) : [...dims.keys()].filter((i) => dims[i] === 1);
  if (axes.some((a) => dims[a] !== 1)) throw c.wrong(`axes ${formatList(axes)} of size 1`);
  return [
    info(
      c.type(0),
      dims.filter((_, i) => !axes.includes(i)),
    ),
  ];
};

const unsqueeze: Rule = (c) => {
  const rank = c.dims(0).length + c.values(1).length;
  const axes = c.axes(c.values(1), rank);
  const rest = c.dims(0)[Symbol.iterator]();
  return [
    info(
      c.type(0),
      Array.from({ length: rank }, (_, i) => (axes.includes(i) ? 1 : rest.next().value!)),
    ),
  ];
};

export interface Cut {
  readonly axis: number;
  readonly start: number;
  readonly step: number;
  readonly count: number;
}

/** What a Slice node takes of each axis it names: ends clamped, negative ones counted from the end, as numpy does. */
export function cutsOf(c: Call): readonly Cut[] {
  const dims = c.dims(0);
  const starts = c.values(1);
  const ends = c.values(2);
  const axes = c.axes(c.has(3) ? c.values(3) : [...starts.keys()], dims.length);
  const steps = c.has(4) ? c.values(4) : starts.map(() => 1);
  if (ends.length !== starts.length || axes.length !== starts.length || steps.length !== starts.length) {
    throw c.wrong("starts, ends, axes and steps of one length");
  }
  return axes.map((axis, i) => {
    const size = dims[axis];
    const step = steps[i];
    if (step === 0) throw c.wrong("steps other than 0");
    const within = (at: number, low: number, high: number) =>
      Math.min(Math.max(at < 0 ? at + size : at, low), high);
    const start = step > 0 ? within(starts[i], 0, size) : within(starts[i], 0, size - 1);
    const end = step > 0 ? within(ends[i], 0, size) : within(ends[i], -1, size - 1);
    return { axis, start, step, count: Math.max(0, Math.ceil((end - start) / step)) };
  });
}

const slice: Rule = (c) => {
  const dims = [...c.dims(0)];
  for (const cut of cutsOf(c)) dims[cut.axis] = cut.count;
  return [info(c.type(0), dims)];
};

const split: Rule = (c) => {
  const dims = c.dims(0);
  const axis = c.axis(dims.length, 0);
  const count = c.node.outputs.length;
  // without sizes the pieces are equal and only the last may be smaller
  const piece = Math.ceil(dims[axis] / c.int("num_outputs", count));
  const sizes = c.has(1)
    ? c.values(1)
    : Array.from({ length: count }, (_, i) => Math.min(piece, Math.max(0, dims[axis] - i * piece)));
  if (sizes.length !== count || sizes.some((s) => s < 0) || sizes.reduce((a, b) => a + b, 0) !== dims[axis]) {
    throw c.wrong(`${count} pieces that make up ${dims[axis]} on axis ${axis}, not ${formatList(sizes)}`);
  }
  return sizes.map((s) => info(c.type(0), dims.with(axis, s)));
};

const pad: Rule = (c) => {
  const dims = c.dims(0);
  const axes = c.has(3) ? c.axes(c.values(3), dims.length) : [...dims.keys()];
  const pads = c.has(1) ? c.values(1) : (c.ints("pads") ?? []);
  if (pads.length !== 2 * axes.length) throw c.wrong(`${2 * axes.length} pads, not ${formatList(pads)}`);
  const made = [...dims];
  const mode = stringOf(c.node, "mode", "constant");
  for (const [i, axis] of axes.entries()) {
    const [head, tail] = [pads[i], pads[i + axes.length]];
    // engines refuse, or read beyond the axis, where a side would need it twice
    const inside = dims[axis] + Math.min(0, head) + Math.min(0, tail);
    const most = { reflect: inside - 1, wrap: inside }[mode] ?? Number.POSITIVE_INFINITY;
    if (Math.max(head, tail) > Math.max(0, most))
      throw c.wrong(`at most ${most} ${mode} pads on axis ${axis}`);
    made[axis] += head + tail;
  }
  return [info(c.type(0), made)];
};

const resize: Rule = (c) => {
  const dims = c.dims(0);
  const axes = c.ints("axes") ? c.axes(c.ints("axes")!, dims.length) : [...dims.keys()];
  const policy = stringOf(c.node, "keep_aspect_ratio_policy", "stretch");
  const made = [...dims];
  // an empty `scales` counts as absent: it was the only way to leave it out before opset 13
  const scales = c.inputs[2]?.value;
  if (c.has(3)) {
    const sizes = c.values(3);
    if (sizes.length !== axes.length) throw c.wrong(`${axes.length} sizes, not ${formatList(sizes)}`);
    const factors = axes.map((axis, i) => sizes[i] / dims[axis]);
    const factor = policy === "not_larger" ? Math.min(...factors) : Math.max(...factors);
    for (const [i, axis] of axes.entries()) {
      // ONNX rounds half up here
      made[axis] = policy === "stretch" ? sizes[i] : Math.floor(factor * dims[axis] + 0.5);
    }
  } else if (scales?.type === "float32" && scales.data.length === axes.length) {
    for (const [i, axis] of axes.entries()) made[axis] = Math.floor(Math.fround(dims[axis] * scales.data[i])); // in float32, as engines do
  } else {
    throw c.wrong(`${axes.length} scales or sizes, known before running`);
  }
  return [info(c.type(0), made)];
};

/** Depth ↔ space: b×b pixels against b² channels. */
function blocks(c: Call): { b: number; dims: readonly number[] } {
  const b = c.int("blocksize", 0);
  if (c.dims(0).length !== 4 || b < 1) throw c.wrong("[N, C, H, W] and a positive blocksize");
  return { b, dims: c.dims(0) };
}

const depthToSpace: Rule = (c) => {
  const { b, dims } = blocks(c);
  if (dims[1] % (b * b) !== 0) throw c.wrong(`channels divisible by ${b * b}`);
  return [info(c.type(0), [dims[0], dims[1] / (b * b), dims[2] * b, dims[3] * b])];
};

const spaceToDepth: Rule = (c) => {
  const { b, dims } = blocks(c);
  if (dims[2] % b !== 0 || dims[3] % b !== 0) throw c.wrong(`height and width divisible by ${b}`);
  return [info(c.type(0), [dims[0], dims[1] * b * b, dims[2] / b, dims[3] / b])];
};

const tile: Rule = (c) => {
  const repeats = c.values(1);
  if (repeats.length !== c.dims(0).length || repeats.some((r) => r < 0)) {
    throw c.wrong(`one repeat per axis, not ${formatList(repeats)}`);
  }
  return [
    info(
      c.type(0),
      c.dims(0).map((d, i) => d * repeats[i]),
    ),
  ];
};

const flatten: Rule = (c) => {
  const dims = c.dims(0);
  const axis = c.axis(dims.length, 1, 1);
  return [info(c.type(0), [sizeOf(dims.slice(0, axis)), sizeOf(dims.slice(axis))])];
};

const centerCropPad: Rule = (c) => {
  const dims = c.dims(0);
  const axes = c.ints("axes") ? c.axes(c.ints("axes")!, dims.length) : [...dims.keys()];
  const sizes = c.values(1);
  if (sizes.length !== axes.length) throw c.wrong(`${axes.length} sizes, not ${formatList(sizes)}`);
  const made = [...dims];
  for (const [i, axis] of axes.entries()) made[axis] = sizes[i];
  return [info(c.type(0), made)];
};

export const layout: Readonly<Record<string, Rule>> = {
  CenterCropPad: centerCropPad,
  Concat: concat,
  DepthToSpace: depthToSpace,
  Expand: (c) => [info(c.type(0), broadcast(c, c.dims(0), c.values(1)))],
  Flatten: flatten,
  Pad: pad,
  Reshape: reshape,
  Resize: resize,
  Slice: slice,
  SpaceToDepth: spaceToDepth,
  Split: split,
  Squeeze: squeeze,
  Tile: tile,
  Transpose: transpose,
  Trilu: (c) => [info(c.type(0), c.dims(0))],
  Unsqueeze: unsqueeze,
};
