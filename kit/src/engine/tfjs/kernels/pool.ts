/** Pooling, channels last. */

import type * as Tfjs from "@tensorflow/tfjs-core";
import { sizeOf } from "../../../onnx/tensor.ts";
import { type Kernel, plainOrder, type Step, type TfTensor } from "../kernel.ts";
import { turned } from "../moves.ts";
import { type Geometry, geometryOf, offsets, padded, taps } from "../window.ts";

/** Below every float32 there is, and finite: 0 · lowest is 0. */
const lowest = -3.4028234663852886e38;

interface Pool {
  readonly g: Geometry;
  readonly long: readonly number[];
  readonly short: readonly number[];
}

function poolOf(s: Step): Pool {
  const [long, short] = [s.c.dims(0).slice(2), s.outputs[0].dims.slice(2)];
  return { g: geometryOf(s.c, s.c.ints("kernel_shape") ?? [], long, short), long, short };
}

const simple = ({ g }: Pool): boolean => g.kernel.length === 2 && g.dilations.every((d) => d === 1);
const pair = ([a, b]: readonly number[]): [number, number] => [a, b];

const maxPool: Kernel = (s) => {
  const p = poolOf(s);
  const image = padded(s, s.last(0), p.g.heads, p.g.tails, lowest);
  const seen = s.outputs.length > 1 || !simple(p) ? taps(s, image, p.g, p.short) : [];
  const last = simple(p)
    ? s.tf.maxPool(image as Tfjs.Tensor4D, pair(p.g.kernel), pair(p.g.strides), "valid")
    : seen.reduce((a, b) => s.tf.maximum(a, b));
  return s.outputs.length > 1 ? [{ last }, indices(s, p, seen, last)] : { last };
};

/**
 * Where each maximum stands, counted over the whole tensor in ONNX order; the first of equal values wins. Within a plane the count stays
 * below 2²⁴, which float32 holds exactly, and float arithmetic is faster on every backend.
 */
function indices(s: Step, { g, long, short }: Pool, seen: readonly TfTensor[], best: TfTensor): TfTensor {
  const { tf } = s;
  const steps = long.map((_, i) => sizeOf(long.slice(i + 1)));
  const moves = offsets(g.kernel).map((offset) =>
    offset.reduce((sum, k, i) => sum + k * g.dilations[i] * steps[i], 0),
  );
  let move: TfTensor = tf.zerosLike(best);
  // from the last offset to the first, so that the first has the last word
  for (const [k, tap] of [...seen.entries()].toReversed()) {
    const here = tf.cast(tf.equal(tap, best), "float32");
    move = tf.add(move, tf.mul(here, tf.sub(moves[k], move)));
  }
  const within = turned(tf, tf.cast(move, "int32"), plainOrder(best.shape.length));
  return tf.add(within, tf.tensor(windowStarts(s, g, long, short), within.shape, "int32"));
}

/** The element each window begins at, padding at the head counted, in ONNX order. */
function windowStarts(s: Step, g: Geometry, long: readonly number[], short: readonly number[]): Int32Array {
  const steps = long.map((_, i) => sizeOf(long.slice(i + 1)));
  const within = offsets(short).map((at) =>
    at.reduce((sum, o, i) => sum + (o * g.strides[i] - g.heads[i]) * steps[i], 0),
  );
  const planes = s.c.dims(0)[0] * s.c.dims(0)[1];
  const starts = new Int32Array(planes * within.length);
  for (let p = 0, i = 0; p < planes; p++) for (const w of within) starts[i++] = p * sizeOf(long) + w;
  return starts;
}

/** How many elements each place averages, channels last without batch: [short…, 1]. */
function counts({ g, long, short }: Pool, includePad: boolean): Float32Array {
  const along = g.kernel.map((k, axis) =>
    Array.from({ length: short[axis] }, (_, o) => {
      const from = o * g.strides[axis] - g.heads[axis];
      const low = includePad ? -g.heads[axis] : 0;
      const high = long[axis] + (includePad ? g.saidTails[axis] : 0);
      return Array.from({ length: k }, (_, i) => from + i * g.dilations[axis]).filter(
        (at) => at >= low && at < high,
      ).length;
    }),
  );
  return Float32Array.from(offsets(short), (at) => at.reduce((n, o, axis) => n * along[axis][o], 1));
}

/** Sums over the windows. */
function sums(s: Step, p: Pool, x: TfTensor): TfTensor {
  const image = padded(s, x, p.g.heads, p.g.tails);
  if (!simple(p)) return taps(s, image, p.g, p.short).reduce((a, b) => s.tf.add(a, b));
  const mean = s.tf.avgPool(image as Tfjs.Tensor4D, pair(p.g.kernel), pair(p.g.strides), "valid");
  return s.tf.mul(mean, p.g.kernel[0] * p.g.kernel[1]);
}

const averagePool: Kernel = (s) => {
  const p = poolOf(s);
  const n = counts(p, s.c.int("count_include_pad", 0) === 1);
  const all = p.g.kernel.reduce((a, k) => a * k, 1);
  if (simple(p) && n.every((v) => v === all)) {
    const image = padded(s, s.last(0), p.g.heads, p.g.tails);
    return { last: s.tf.avgPool(image as Tfjs.Tensor4D, pair(p.g.kernel), pair(p.g.strides), "valid") };
  }
  return { last: s.tf.div(sums(s, p, s.last(0)), s.tf.tensor(n, [...p.short, 1])) };
};

/** (Σ |x|^p)^(1/p) */
const powers = (s: Step, sum: (x: TfTensor) => TfTensor): TfTensor => {
  const p = s.c.int("p", 2);
  return s.tf.pow(sum(s.tf.pow(s.tf.abs(s.last(0)), p)), 1 / p);
};

const spatial = (s: Step): number[] =>
  s.c
    .dims(0)
    .slice(2)
    .map((_, i) => i + 1);

export const pools: Readonly<Record<string, Kernel>> = {
  AveragePool: averagePool,
  GlobalAveragePool: (s) => ({ last: s.tf.mean(s.last(0), spatial(s), true) }),
  GlobalLpPool: (s) => ({ last: powers(s, (x) => s.tf.sum(x, spatial(s), true)) }),
  GlobalMaxPool: (s) => ({ last: s.tf.max(s.last(0), spatial(s), true) }),
  LpPool: (s) => ({ last: powers(s, (x) => sums(s, poolOf(s), x)) }),
  MaxPool: maxPool,
};
