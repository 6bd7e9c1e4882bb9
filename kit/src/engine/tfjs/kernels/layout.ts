/** Operators that move, cut, join, pad or repeat elements. */
import { stringOf } from "../../../onnx/graph.ts";
import { cutsOf } from "../../../onnx/inference/layout.ts";
import { sizeOf, toFloat32 } from "../../../onnx/tensor.ts";
import { inLast, type Kernel, lastAxis, type Made, plainOrder, type Step, type TfTensor } from "../kernel.ts";
import { chosen, expanded, thinned, turned } from "../moves.ts";

const reshape: Kernel = (s) => s.tf.reshape(s.x(0), [...s.outputs[0].dims]);

/** Turning a channels-last tensor composes with how it is held; what turns channels to the front is a matter of naming. */
const transpose: Kernel = (s) => {
  const rank = s.c.dims(0).length;
  const perm = [...(s.c.ints("perm") ?? Array.from({ length: rank }, (_, i) => rank - 1 - i))];
  if (rank > 2 && inLast(s, 0)) {
    return turned(
      s.tf,
      s.last(0),
      perm.map((a) => lastAxis(a, rank)),
    );
  }
  if (rank > 2 && perm.join() === plainOrder(rank).join()) return { last: s.x(0) };
  return turned(s.tf, s.x(0), perm);
};

/** Input 0 as it is held, and where its axes are then. */
function asHeld(s: Step): { x: TfTensor; at(a: number): number; made(y: TfTensor): Made } {
  const rank = s.c.dims(0).length;
  return rank > 2 && inLast(s, 0)
    ? { x: s.last(0), at: (a) => lastAxis(a, rank), made: (last) => ({ last }) }
    : { x: s.x(0), at: (a) => a, made: (y) => y };
}

/** In ONNX order: channels then lie in blocks, which are joined far faster than channel by channel. */
const concat: Kernel = (s) => {
  const rank = s.c.dims(0).length;
  const axis = s.c.axis(rank, 0);
  // a part of no elements adds nothing, and not every kernel takes it
  const parts = s.c.inputs.map((_, i) => i).filter((i) => sizeOf(s.c.dims(i)) > 0);
  if (parts.length === 0) return s.x(0);
  return s.tf.concat(
    parts.map((i) => s.x(i)),
    axis,
  );
};

const slice: Kernel = (s) => {
  const { tf } = s;
  if (sizeOf(s.outputs[0].dims) === 0) return empty(s);
  const { x, at, made } = asHeld(s);
  const begin = x.shape.map(() => 0);
  const size = [...x.shape];
  const strides = x.shape.map(() => 1);
  const backwards: number[] = [];
  for (const cut of cutsOf(s.c)) {
    const a = at(cut.axis);
    const reach = (cut.count - 1) * cut.step;
    begin[a] = Math.min(cut.start, cut.start + reach);
    size[a] = Math.abs(reach) + 1;
    strides[a] = Math.abs(cut.step);
    if (cut.step < 0 && cut.count > 1) backwards.push(a);
  }
  const whole = size.every((d, a) => d === x.shape[a]);
  const cut = whole ? x : tf.slice(x, begin, size);
  const facing = backwards.length === 0 ? cut : tf.reverse(cut, backwards);
  return made(thinned(tf, facing, strides));
};

const empty = (s: Step): TfTensor => s.tf.zeros([...s.outputs[0].dims], s.x(0).dtype as "float32");

const split: Kernel = (s) => {
  const { x, at, made } = asHeld(s);
  const axis = s.c.axis(s.c.dims(0).length, 0);
  let start = 0;
  return s.outputs.map(({ dims }) => {
    const begin = x.shape.map(() => 0);
    begin[at(axis)] = start;
    start += dims[axis];
    return made(
      s.tf.slice(
        x,
        begin,
        x.shape.map((d, a) => (a === at(axis) ? dims[axis] : d)),
      ),
    );
  });
};

/** A scalar input as a number: known before running, or read back. */
export function numberOf(s: Step, i: number, fallback: number): number {
  if (!s.c.has(i)) return fallback;
  const value = s.c.inputs[i]?.value;
  return value ? toFloat32(value)[0] : s.x(i).dataSync()[0];
}

/** Which element stands at each place of a padded axis. Negative padding cuts first, and what is left repeats. */
function sources(mode: string, size: number, head: number, tail: number): Int32Array {
  const cut = Math.max(0, -head);
  const left = size - cut + Math.min(0, tail);
  const around = Math.max(1, 2 * (left - 1));
  return Int32Array.from({ length: size + head + tail }, (_, k) => {
    const at = k - Math.max(0, head);
    if (mode === "edge") return cut + Math.min(Math.max(at, 0), left - 1);
    if (mode === "wrap") return cut + (((at % left) + left) % left);
    const folded = ((at % around) + around) % around;
    return cut + Math.min(folded, around - folded);
  });
}

const pad: Kernel = (s) => {
  const { tf, c } = s;
  const rank = c.dims(0).length;
  const axes = c.has(3) ? c.axes(c.values(3), rank) : c.dims(0).map((_, a) => a);
  const given = c.values(1);
  const { x, at, made } = asHeld(s);
  const mode = stringOf(c.node, "mode", "constant");
  if (mode !== "constant") {
    let y = x;
    for (const [i, axis] of axes.entries()) {
      const [head, tail] = [given[i], given[i + axes.length]];
      if (head === 0 && tail === 0) continue;
      y = tf.gather(y, tf.tensor1d(sources(mode, c.dims(0)[axis], head, tail), "int32"), at(axis));
    }
    return made(y);
  }
  return constantPad(
    s,
    axes,
    axes.map((_, i) => given[i]),
    axes.map((_, i) => given[i + axes.length]),
    numberOf(s, 2, 0),
  );
};

/** Negative padding cuts. */
function constantPad(
  s: Step,
  axes: readonly number[],
  heads: readonly number[],
  tails: readonly number[],
  fill: number,
): Made {
  const { tf } = s;
  if (sizeOf(s.outputs[0].dims) === 0) return empty(s);
  const { x, at, made } = asHeld(s);
  const begin = x.shape.map(() => 0);
  const size = [...x.shape];
  const grown = x.shape.map((): [number, number] => [0, 0]);
  for (const [i, axis] of axes.entries()) {
    const a = at(axis);
    begin[a] = Math.max(0, -heads[i]);
    size[a] += Math.min(0, heads[i]) + Math.min(0, tails[i]);
    grown[a] = [Math.max(0, heads[i]), Math.max(0, tails[i])];
  }
  if (size.some((d) => d <= 0)) return tf.fill([...s.outputs[0].dims], fill, x.dtype as "float32");
  const kept = size.every((d, a) => d === x.shape[a]) ? x : tf.slice(x, begin, size);
  return made(grown.every(([h, t]) => h + t === 0) ? kept : tf.pad(kept, grown, fill));
}

/** The odd element of what is cut or added is the last one. */
const centerCropPad: Kernel = (s) => {
  const axes = s.c.dims(0).map((_, a) => a);
  const more = axes.map((a) => s.outputs[0].dims[a] - s.c.dims(0)[a]);
  const heads = more.map((m) => Math.trunc(m / 2));
  return constantPad(
    s,
    axes,
    heads,
    more.map((m, a) => m - heads[a]),
    0,
  );
};

/** [N, C, H, W] ↔ b × b blocks of pixels in channels, by one transpose between two reshapes. */
const blocks =
  (toSpace: boolean): Kernel =>
  (s) => {
    const { tf, c } = s;
    const b = c.int("blocksize", 1);
    const [n, channels, height, width] = c.dims(0);
    const x = s.x(0);
    const dims = [...s.outputs[0].dims];
    if (!toSpace) {
      const apart = tf.reshape(x, [n, channels, height / b, b, width / b, b]);
      return tf.reshape(turned(tf, apart, [0, 3, 5, 1, 2, 4]), dims);
    }
    const left = channels / (b * b);
    if (stringOf(c.node, "mode", "DCR") === "CRD") {
      const apart = tf.reshape(x, [n, left, b, b, height, width]);
      return tf.reshape(turned(tf, apart, [0, 1, 4, 2, 5, 3]), dims);
    }
    const apart = tf.reshape(x, [n, b, b, left, height, width]);
    return tf.reshape(turned(tf, apart, [0, 3, 4, 1, 5, 2]), dims);
  };

/** A triangle of the last two axes, 0 elsewhere. */
const trilu: Kernel = (s) => {
  const { tf, c } = s;
  const [rows, columns] = c.dims(0).slice(-2);
  const k = c.has(1) ? c.values(1)[0] : 0;
  const upper = c.int("upper", 1) === 1;
  const mask = Uint8Array.from({ length: rows * columns }, (_, i) => {
    const beyond = (i % columns) - Math.floor(i / columns) - k;
    return (upper ? beyond >= 0 : beyond <= 0) ? 1 : 0;
  });
  const x = s.x(0);
  return chosen(tf, tf.tensor(mask, [rows, columns], "bool"), x, tf.zerosLike(x), x.shape);
};

const expand: Kernel = (s) =>
  sizeOf(s.outputs[0].dims) === 0 ? empty(s) : expanded(s.tf, s.x(0), s.outputs[0].dims);

export const layout: Readonly<Record<string, Kernel>> = {
  CenterCropPad: centerCropPad,
  Concat: concat,
  DepthToSpace: blocks(true),
  Expand: expand,
  Flatten: reshape,
  Pad: pad,
  Reshape: reshape,
  Slice: slice,
  SpaceToDepth: blocks(false),
  Split: split,
  Squeeze: reshape,
  Tile: (s) => (sizeOf(s.outputs[0].dims) === 0 ? empty(s) : s.tf.tile(s.x(0), [...s.c.values(1)])),
  Transpose: transpose,
  Trilu: trilu,
  Unsqueeze: reshape,
};
