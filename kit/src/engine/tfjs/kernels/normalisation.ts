/** Normalisations, as at inference, and other operators along an axis. */
import { floatOf, intOf, intsOf } from "../../../onnx/graph.ts";
import {
  inLast,
  type Kernel,
  lastAxis,
  type Made,
  perChannel,
  type Step,
  type Tf,
  type TfTensor,
} from "../kernel.ts";

const from = (rank: number, first: number): number[] =>
  Array.from({ length: Math.max(0, rank - first) }, (_, i) => i + first);

/** Elements less their mean over `axes`, their mean, and one over their deviation. */
function standardised(tf: Tf, x: TfTensor, axes: number[], epsilon: number) {
  const mean = tf.mean(x, axes, true);
  const centred = tf.sub(x, mean);
  const variance = tf.mean(tf.square(centred), axes, true);
  const inverse = tf.reciprocal(tf.sqrt(tf.add(variance, epsilon)));
  return { mean, inverse, xHat: tf.mul(centred, inverse) };
}

const batchNormalization: Kernel = (s) => {
  const { tf, c } = s;
  const rank = c.dims(0).length;
  const last = rank > 2 && inLast(s, 0);
  const factor = tf.div(s.x(1), tf.sqrt(tf.add(s.x(4), floatOf(c.node, "epsilon", 1e-5))));
  const shift = tf.sub(s.x(2), tf.mul(s.x(3), factor));
  const [by, and] = [factor, shift].map((v) => perChannel(s, v, rank, last));
  const y = tf.add(tf.mul(last ? s.last(0) : s.x(0), by), and);
  return last ? { last: y } : y;
};

const layerNormalization: Kernel = (s) => {
  const { tf, c } = s;
  const rank = c.dims(0).length;
  const axes = from(rank, c.axis(rank, -1));
  const { mean, inverse, xHat } = standardised(tf, s.x(0), axes, floatOf(c.node, "epsilon", 1e-5));
  const scaled = tf.mul(xHat, s.x(1));
  return [c.has(2) ? tf.add(scaled, s.x(2)) : scaled, mean, inverse];
};

/** Scale and bias per channel on what `normalise` made of input 0. */
const affine = (s: Step, xHat: TfTensor): TfTensor => {
  const rank = s.c.dims(0).length;
  const [by, and] = [1, 2].map((i) => perChannel(s, s.x(i), rank, false));
  return s.tf.add(s.tf.mul(xHat, by), and);
};

const instanceNormalization: Kernel = (s) =>
  affine(s, standardised(s.tf, s.x(0), from(s.c.dims(0).length, 2), floatOf(s.c.node, "epsilon", 1e-5)).xHat);

const groupNormalization: Kernel = (s) => {
  const [n, channels, ...space] = s.c.dims(0);
  const groups = s.c.int("num_groups", 1);
  const grouped = s.tf.reshape(s.x(0), [n, groups, channels / groups, ...space]);
  const { xHat } = standardised(
    s.tf,
    grouped,
    from(grouped.shape.length, 2),
    floatOf(s.c.node, "epsilon", 1e-5),
  );
  return affine(s, s.tf.reshape(xHat, [...s.c.dims(0)]));
};

/** x / (bias + alpha/size · Σ x² over `size` neighbouring channels)^beta */
const lrn: Kernel = (s) => {
  const { tf, c } = s;
  const dims = c.dims(0);
  const size = intOf(c.node, "size", 1);
  const x = s.x(0);
  const edges = dims.map((_, a): [number, number] =>
    a === 1 ? [Math.floor((size - 1) / 2), Math.ceil((size - 1) / 2)] : [0, 0],
  );
  const squares = tf.pad(tf.square(x), edges);
  const window = from(size, 0).map((k) =>
    tf.slice(
      squares,
      dims.map((_, a) => (a === 1 ? k : 0)),
      [...dims],
    ),
  );
  const sum = window.reduce((a, b) => tf.add(a, b));
  const base = tf.add(tf.mul(sum, floatOf(c.node, "alpha", 1e-4) / size), floatOf(c.node, "bias", 1));
  return tf.div(x, tf.pow(base, floatOf(c.node, "beta", 0.75)));
};

/** An operator along one axis, on input 0 as it is held. */
const along =
  (fallback: number, f: (tf: Tf, x: TfTensor, axis: number, s: Step) => TfTensor): Kernel =>
  (s): Made => {
    const rank = s.c.dims(0).length;
    const axis = s.c.axis(rank, fallback);
    return rank > 2 && inLast(s, 0)
      ? { last: f(s.tf, s.last(0), lastAxis(axis, rank), s) }
      : f(s.tf, s.x(0), axis, s);
  };

function softmax(tf: Tf, x: TfTensor, axis: number): TfTensor {
  if (axis === x.shape.length - 1) return tf.softmax(x);
  const odds = tf.exp(tf.sub(x, tf.max(x, axis, true)));
  return tf.div(odds, tf.sum(odds, axis, true));
}

function logSoftmax(tf: Tf, x: TfTensor, axis: number): TfTensor {
  const shifted = tf.sub(x, tf.max(x, axis, true));
  return tf.sub(shifted, tf.log(tf.sum(tf.exp(shifted), axis, true)));
}

/** 1 at the first maximum, 0 elsewhere. */
function hardmax(tf: Tf, x: TfTensor, axis: number): TfTensor {
  const size = x.shape[axis];
  const range = tf.tensor(
    Int32Array.from({ length: size }, (_, i) => i),
    x.shape.map((_, a) => (a === axis ? size : 1)),
    "int32",
  );
  return tf.cast(tf.equal(tf.expandDims(tf.argMax(x, axis), axis), range), "float32");
}

/** Input 1 names the axis. */
const cumSum: Kernel = (s) => {
  const rank = s.c.dims(0).length;
  const [axis] = s.c.axes(s.c.values(1), rank);
  return s.tf.cumsum(s.x(0), axis, s.c.int("exclusive", 0) === 1, s.c.int("reverse", 0) === 1);
};

export const normalisation: Readonly<Record<string, Kernel>> = {
  BatchNormalization: batchNormalization,
  CumSum: cumSum,
  GroupNormalization: groupNormalization,
  Hardmax: along(-1, hardmax),
  InstanceNormalization: instanceNormalization,
  LRN: lrn,
  LayerNormalization: layerNormalization,
  LogSoftmax: along(-1, logSoftmax),
  LpNormalization: along(-1, (tf, x, axis, s) => {
    const length =
      s.c.int("p", 2) === 1 ? tf.sum(tf.abs(x), axis, true) : tf.sqrt(tf.sum(tf.square(x), axis, true));
    return tf.div(x, length);
  }),
  MeanVarianceNormalization: (s) =>
    standardised(s.tf, s.x(0), [...(intsOf(s.c.node, "axes") ?? [0, 2, 3])], 1e-9).xHat,
  Softmax: along(-1, softmax),
};
