/** Normalisations, as at inference. */
import { attr, floatOf, intOf, intsOf } from "../../onnx/graph.ts";
import { float32 } from "../../onnx/tensor.ts";
import { axesFrom, axisIn, axisOf, fixed, fixedAll } from "../arguments.ts";
import { floatsOf, type Ops } from "../ops.ts";
import type { Sample, Value, Vjp } from "../vjp.ts";

/** A vector with one element per channel, shaped to broadcast over [N, C, spatial…]. */
const perChannel = (ops: Ops, v: Value, rank: number): Value =>
  ops.reshape(v, [v.shape[0], ...new Array(Math.max(0, rank - 2)).fill(1)]);
const othersThanChannel = (v: Value): number[] => [...v.shape.keys()].filter((a) => a !== 1);

/** scale / √(variance + epsilon), worked out here when it is constant. */
function slope(ops: Ops, scale: Value, variance: Value, epsilon: number): Value {
  const [s, v] = [floatsOf(scale), floatsOf(variance)];
  if (!s || !v) return ops.div(scale, ops.sqrt(ops.add(variance, epsilon)));
  return ops.constant(
    float32(
      s.dims,
      s.data.map((value, i) => value / Math.sqrt(v.data[i] + epsilon)),
    ),
  );
}

/** y = slope · (x − mean) + bias; usually everything but x is constant. */
export const BatchNormalization: Vjp = {
  rule({ ops, node, dy, inputs: [x, scale, , mean, variance], need }) {
    const rank = x.shape.length;
    const epsilon = floatOf(node, "epsilon", 1e-5);
    const perChannelSum = (v: Value): Value => ops.sum(v, othersThanChannel(x), false);
    const factor = slope(ops, scale, variance, epsilon);
    const spread = ops.add(variance, epsilon);
    /** Σ dy · (x − mean) */
    const moment = () => perChannelSum(ops.mul(dy, ops.sub(x, perChannel(ops, mean, rank))));
    return [
      need[0] ? ops.mul(dy, perChannel(ops, factor, rank)) : null,
      need[1] ? ops.div(moment(), ops.sqrt(spread)) : null,
      need[2] ? perChannelSum(dy) : null,
      need[3] ? ops.neg(ops.mul(perChannelSum(dy), factor)) : null,
      need[4] ? ops.mul(moment(), ops.mul(ops.div(factor, spread), -0.5)) : null,
    ];
  },
  samples: [2, 4].flatMap((rank): readonly Sample[] => {
    const sample: Sample = {
      name: `rank ${rank}`,
      shapes: [[3, 2, ...new Array(rank - 2).fill(3)], [2], [2], [2], [2]],
      attributes: { epsilon: attr.float(0.01) },
      range: [0.3, 2],
      batch: [0],
    };
    return [sample, { ...sample, name: `rank ${rank}, constant`, frozen: [1, 2, 3, 4] }];
  }),
};

/**
 * Gradient through x̂ = (x − mean) · inverse over `axes`, where g is the gradient at x̂:
 * inverse · (g − mean(g) − x̂ · mean(g x̂)).
 */
const standardised = (ops: Ops, g: Value, xHat: Value, inverse: Value, axes: readonly number[]): Value =>
  ops.mul(inverse, ops.sub(ops.sub(g, ops.mean(g, axes)), ops.mul(xHat, ops.mean(ops.mul(g, xHat), axes))));

/** Made when it is first asked for. */
function once<T>(make: () => T): () => T {
  let made: T | undefined;
  return () => {
    made ??= make();
    return made;
  };
}

/** Mean and inverse deviation come from the node itself, which knows them anyway. */
export const LayerNormalization: Vjp = {
  rule({ ops, node, dy, dys, inputs: [x, scale], need, extra }) {
    const axes = axesFrom(x.shape.length, axisOf(node, x.shape.length, -1));
    const inverse = extra(2);
    const centred = ops.sub(x, extra(1));
    const xHat = once(() => ops.mul(centred, inverse));
    const dx = () => {
      // as `standardised`, with inverse² taken to the small side: one pass over the tensor less
      const g = ops.mul(dy, scale);
      const share = ops.mul(ops.mul(inverse, inverse), ops.mean(ops.mul(g, centred), axes));
      let sum = ops.mul(ops.sub(ops.sub(g, ops.mean(g, axes)), ops.mul(centred, share)), inverse);
      const n = ops.count(x.shape, axes);
      // the statistics are outputs too; a second pass differentiates them
      if (dys[1]) sum = ops.add(sum, ops.div(dys[1], n));
      if (dys[2]) sum = ops.sub(sum, ops.mul(xHat(), ops.div(ops.mul(dys[2], ops.mul(inverse, inverse)), n)));
      return sum;
    };
    return [need[0] ? dx() : null, need[1] ? ops.mul(dy, xHat()) : null, need[2] ? dy : null];
  },
  samples: [
    { shapes: [[2, 3, 5], [5], [5]], batch: [0] },
    {
      shapes: [
        [2, 3, 4],
        [3, 4],
      ],
      attributes: { axis: attr.int(1), epsilon: attr.float(0.1) },
      batch: [0],
      name: "two axes, no bias",
    },
    {
      shapes: [
        [2, 2, 3, 2],
        [3, 2],
        [3, 2],
      ],
      attributes: { axis: attr.int(-2) },
      batch: [0],
      name: "axis from the end",
    },
    { shapes: [[2, 6], [6], [6]], outputs: 3, batch: [0], name: "all outputs" },
    { shapes: [[2, 6], [6], [6]], frozen: [1, 2], batch: [0], name: "constant scale" },
  ],
};

/** x̂ and 1/deviation over `axes`. */
function statistics(ops: Ops, x: Value, axes: readonly number[], epsilon: number) {
  const centred = ops.sub(x, ops.mean(x, axes));
  const variance = ops.mean(ops.mul(centred, centred), axes);
  const inverse = ops.reciprocal(ops.sqrt(ops.add(variance, epsilon)));
  return { xHat: ops.mul(centred, inverse), inverse };
}

export const InstanceNormalization: Vjp = {
  rule({ ops, node, dy, inputs: [x, scale], need }) {
    const rank = x.shape.length;
    const axes = axesFrom(rank, 2);
    const { xHat, inverse } = statistics(ops, x, axes, floatOf(node, "epsilon", 1e-5));
    const folded = othersThanChannel(x);
    return [
      need[0] ? standardised(ops, ops.mul(dy, perChannel(ops, scale, rank)), xHat, inverse, axes) : null,
      need[1] ? ops.sum(ops.mul(dy, xHat), folded, false) : null,
      need[2] ? ops.sum(dy, folded, false) : null,
    ];
  },
  samples: [
    { shapes: [[2, 2, 3, 4], [2], [2]], batch: [0] },
    { shapes: [[1, 3, 5], [3], [3]], attributes: { epsilon: attr.float(0.1) }, name: "one axis" },
  ],
};

/** Without scale and bias, over any axes (the batch among them, unless told otherwise); 1e-9 is added to the deviation. */
export const MeanVarianceNormalization: Vjp = {
  rule({ ops, node, dy, inputs: [x] }) {
    const axes = (intsOf(node, "axes") ?? [0, 2, 3]).map((a) => axisIn(x.shape.length, a));
    const { xHat, inverse } = statistics(ops, x, axes, 1e-18);
    return [standardised(ops, dy, xHat, inverse, axes)];
  },
  samples: [
    { shapes: [[2, 3, 2, 3]], batch: [0], name: "over the batch" },
    { shapes: [[2, 3, 2, 3]], attributes: { axes: attr.ints([-2, -1]) }, batch: [0], name: "one image" },
  ],
};

/** Scale and bias are per channel (since opset 21). */
export const GroupNormalization: Vjp = {
  rule({ ops, node, dy, inputs: [x, scale], need }) {
    const rank = x.shape.length;
    const groups = intOf(node, "num_groups", 1);
    const [n, channels, ...space] = x.shape;
    const grouped = (v: Value): Value =>
      ops.reshape(v, [n, groups, fixed(node, channels) / groups, ...fixedAll(node, space)]);
    const axes = axesFrom(rank + 1, 2);
    const { xHat, inverse } = statistics(ops, grouped(x), axes, floatOf(node, "epsilon", 1e-5));
    const folded = othersThanChannel(x);
    const g = () => grouped(ops.mul(dy, perChannel(ops, scale, rank)));
    return [
      need[0] ? ops.reshape(standardised(ops, g(), xHat, inverse, axes), x.shape) : null,
      need[1] ? ops.sum(ops.mul(dy, ops.reshape(xHat, x.shape)), folded, false) : null,
      need[2] ? ops.sum(dy, folded, false) : null,
    ];
  },
  samples: [
    { shapes: [[2, 4, 2, 3], [4], [4]], attributes: { num_groups: attr.int(2) }, batch: [0] },
    {
      shapes: [[1, 6, 3], [6], [6]],
      attributes: { num_groups: attr.int(3), epsilon: attr.float(0.1) },
      name: "one axis",
    },
  ],
};

/**
 * y = x · s^−β with s = bias + α/size · Σ x² over `size` neighbouring channels;
 * dx = dy s^−β − 2αβ/size · x · Σ (dy x s^(−β−1)), the sum over the mirrored window.
 */
export const LRN: Vjp = {
  rule({ ops, node, dy, inputs: [x] }) {
    const size = intOf(node, "size", 1);
    const share = floatOf(node, "alpha", 1e-4);
    const beta = floatOf(node, "beta", 0.75);
    const [before, after] = [Math.floor((size - 1) / 2), Math.ceil((size - 1) / 2)];
    /** mean over a window of channels, as a pool over a [N, 1, C, H·W…] image */
    const neighbours = (v: Value, head: number, tail: number): Value => {
      const [n, channels, ...space] = v.shape;
      const image = ops.reshape(v, [n, 1, channels, fixedAll(node, space).reduce((a, b) => a * b, 1)]);
      const pooled = ops.op("AveragePool", [image], {
        kernel_shape: attr.ints([size, 1]),
        pads: attr.ints([head, 0, tail, 0]),
        count_include_pad: attr.int(1),
      });
      return ops.reshape(pooled, v.shape);
    };
    const s = ops.add(ops.mul(neighbours(ops.mul(x, x), before, after), share), floatOf(node, "bias", 1));
    const direct = ops.mul(dy, ops.pow(s, -beta));
    const spread = neighbours(ops.div(ops.mul(direct, x), s), after, before);
    return [ops.sub(direct, ops.mul(ops.mul(x, spread), 2 * share * beta))];
  },
  samples: [1, 3, 5].map((size) => ({
    name: `size ${size}`,
    shapes: [[2, 5, 2, 1]],
    attributes: {
      size: attr.int(size),
      alpha: attr.float(0.9),
      beta: attr.float(0.6),
      bias: attr.float(1.2),
    },
    batch: [0],
  })),
};

/** y = x / ‖x‖ along one axis; the part of dy along y is lost. ONNX has p = 1 and p = 2 (the default). */
export const LpNormalization: Vjp = {
  rule({ ops, node, dy, inputs: [x], output: y }) {
    const axis = [axisOf(node, x.shape.length, -1)];
    const along = ops.sum(ops.mul(dy, y), axis);
    if (intOf(node, "p", 2) === 2) {
      const length = ops.sqrt(ops.sum(ops.mul(x, x), axis));
      return [ops.div(ops.sub(dy, ops.mul(y, along)), length)];
    }
    const sign = ops.sign(x);
    const length = ops.sum(ops.mul(x, sign), axis);
    return [ops.div(ops.sub(dy, ops.mul(sign, along)), length)];
  },
  samples: [
    { shapes: [[2, 5]], range: [0.2, 1] },
    { shapes: [[2, 3, 4]], attributes: { axis: attr.int(1) }, name: "inner axis" },
    { shapes: [[2, 5]], attributes: { p: attr.int(1) }, range: [0.2, 1], name: "p = 1" },
  ],
};
