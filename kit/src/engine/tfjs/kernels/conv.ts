/**
 * Convolutions, channels last. Padding is done beforehand and every convolution slides without any: the native backends know no other
 * padding for all of their kernels, and so the same steps run on each of them.
 */
import type * as Tfjs from "@tensorflow/tfjs-core";
import {
  type Kernel,
  lastOrder,
  perChannel,
  plainOrder,
  type Step,
  type Tf,
  type TfTensor,
} from "../kernel.ts";
import { thinned, turned } from "../moves.ts";
import { geometryOf, padded } from "../window.ts";

/** Filters of one group as TensorFlow orders them: [k…, inputs, outputs]. */
interface Filters {
  readonly groups: number;
  /** one input channel per group */
  readonly depthwise: boolean;
  /** of group g; depthwise: [k…, C, outputs per channel] for all groups */
  of(g: number): TfTensor;
}

interface Slide {
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
}

/** The elements of the spatial axes (the first ones) set apart by zeros: what dilation means. */
function dilated(tf: Tf, w: TfTensor, dilations: readonly number[]): TfTensor {
  return dilations.reduce((made, d, axis) => spread(tf, made, axis, d), w);
}

/** gap − 1 zeros between the elements along `axis`. */
function spread(tf: Tf, x: TfTensor, axis: number, gap: number): TfTensor {
  if (gap === 1 || x.shape[axis] === 1) return x;
  const before = x.shape.slice(0, axis).reduce((n, d) => n * d, 1);
  const size = x.shape[axis];
  const after = x.shape.slice(axis + 1).reduce((n, d) => n * d, 1);
  const apart = tf.pad(tf.reshape(x, [before, size, 1, after]), [
    [0, 0],
    [0, 0],
    [0, gap - 1],
    [0, 0],
  ]);
  const whole = tf.reshape(apart, [before, size * gap, after]);
  const cut = tf.slice(whole, [0, 0, 0], [before, (size - 1) * gap + 1, after]);
  return tf.reshape(cut, [...x.shape.slice(0, axis), (size - 1) * gap + 1, ...x.shape.slice(axis + 1)]);
}

/** Channels one after the other. In ONNX order they lie in blocks, which are joined far faster than channel by channel. */
function joined(tf: Tf, parts: readonly TfTensor[]): TfTensor {
  if (parts.length === 1) return parts[0];
  const rank = parts[0].shape.length;
  const blocks = parts.map((part) => turned(tf, part, plainOrder(rank)));
  return turned(tf, tf.concat(blocks, 1), lastOrder(rank));
}

/** One convolution over [N, spatial…, C], without padding. One spatial axis is taken as two. */
function slide(tf: Tf, x: TfTensor, filters: Filters, { strides, dilations }: Slide): TfTensor {
  const axes = strides.length;
  if (axes === 1) {
    const wide: Filters = { ...filters, of: (g) => tf.expandDims(filters.of(g), 0) };
    const y = slide(tf, tf.expandDims(x, 1), wide, {
      strides: [1, ...strides],
      dilations: [1, ...dilations],
    });
    return tf.squeeze(y, [1]);
  }
  const parts =
    filters.groups > 1 && !filters.depthwise ? tf.split(x, filters.groups, x.shape.length - 1) : [x];
  const results = parts.map((part, g) =>
    one(tf, part, filters.of(g), filters.depthwise, { strides, dilations }),
  );
  return joined(tf, results);
}

function one(tf: Tf, x: TfTensor, w: TfTensor, depthwise: boolean, { strides, dilations }: Slide): TfTensor {
  const plain = dilations.every((d) => d === 1);
  const single = strides.every((s) => s === 1);
  if (strides.length === 3) {
    const filter = dilated(tf, w, dilations) as Tfjs.Tensor5D;
    return tf.conv3d(x as Tfjs.Tensor5D, filter, [...strides] as [number, number, number], "valid");
  }
  const image = x as Tfjs.Tensor4D;
  if (depthwise) {
    const filter = dilated(tf, w, dilations) as Tfjs.Tensor4D;
    // the native kernel steps equally along both axes only
    const equal = strides[0] === strides[1];
    const y = tf.depthwiseConv2d(image, filter, equal ? strides[0] : 1, "valid");
    return equal ? y : thinned(tf, y, [1, ...strides, 1]);
  }
  // either may differ from 1, not both
  const filter = (plain || single ? w : dilated(tf, w, dilations)) as Tfjs.Tensor4D;
  const steps = [...strides] as [number, number];
  if (plain || !single) return tf.conv2d(image, filter, steps, "valid");
  return tf.conv2d(image, filter, steps, "valid", "NHWC", [...dilations] as [number, number]);
}

/** [M, C/g, k…] → filters. */
function forwardFilters(s: Step, groups: number): Filters {
  const [outputs, channels, ...kernel] = s.c.dims(1);
  const axes = kernel.map((_, i) => i + 2);
  const per = outputs / groups;
  const depthwise = channels === 1 && groups > 1 && axes.length < 3;
  return {
    groups,
    depthwise,
    of: (g) =>
      s.prepared(1, depthwise ? "depthwise" : `filters ${g}`, (w) => {
        if (depthwise) {
          const split = s.tf.reshape(w, [groups, per, ...kernel]);
          return turned(s.tf, split, [...axes, 0, 1]);
        }
        const own =
          groups === 1 ? w : s.tf.slice(w, [g * per, 0, ...axes.map(() => 0)], [per, channels, ...kernel]);
        return turned(s.tf, own, [...axes, 1, 0]);
      }),
  };
}

/** [C, M/g, k…] → filters of the convolution that a ConvTranspose at stride 1 is: turned in space. */
function backwardFilters(s: Step, groups: number): Filters {
  const [inputs, per, ...kernel] = s.c.dims(1);
  const axes = kernel.map((_, i) => i + 2);
  const channels = inputs / groups;
  const depthwise = channels === 1 && groups > 1 && axes.length < 3;
  const flipped = (w: TfTensor) => s.tf.reverse(w, axes);
  return {
    groups,
    depthwise,
    of: (g) =>
      s.prepared(1, depthwise ? "turned depthwise" : `turned filters ${g}`, (w) => {
        if (depthwise) return turned(s.tf, flipped(w), [...axes, 0, 1]);
        const own =
          groups === 1
            ? w
            : s.tf.slice(w, [g * channels, 0, ...axes.map(() => 0)], [channels, per, ...kernel]);
        return turned(s.tf, flipped(own), [...axes, 0, 1]);
      }),
  };
}

const biased = (s: Step, y: TfTensor): TfTensor =>
  s.c.has(2) ? s.tf.add(y, perChannel(s, s.x(2), y.shape.length, true)) : y;

const conv: Kernel = (s) => {
  const kernel = s.c.dims(1).slice(2);
  const g = geometryOf(s.c, kernel, s.c.dims(0).slice(2), s.outputs[0].dims.slice(2));
  const image = padded(s, s.last(0), g.heads, g.tails);
  return { last: biased(s, slide(s.tf, image, forwardFilters(s, s.c.int("group", 1)), g)) };
};

/**
 * Every element of x spreads over a window of y. Of the elements of y those at u = s·q + r, for one r below the stride s, are a
 * convolution of x with every s-th row of the filters. So one convolution makes all s·s of these images as channels, and they are woven
 * together: no zero is multiplied, as there would be if x were set apart by zeros.
 *
 * @param w  [C, M, kh, kw]
 * @returns  channels last, without padding cut off; longer than that by what the stride leaves over
 */
function woven(s: Step, x: TfTensor, w: TfTensor, what: string, strides: readonly number[]): TfTensor {
  const { tf } = s;
  const [channels, made, ...kernel] = w.shape;
  const steps = kernel.map((k, i) => Math.ceil(k / strides[i]));
  const filters = s.prepared(1, `woven ${what}`, () => {
    const more = kernel.map((k, i): [number, number] => [0, steps[i] * strides[i] - k]);
    const apart = tf.reshape(tf.pad(w, [[0, 0], [0, 0], ...more]), [
      channels,
      made,
      ...kernel.flatMap((_, i) => [steps[i], strides[i]]),
    ]);
    const order = turned(tf, tf.reverse(tf.reshape(apart, apart.shape), [2, 4]), [2, 4, 0, 3, 5, 1]);
    return tf.reshape(order, [...steps, channels, strides[0] * strides[1] * made]);
  });
  const reach = steps.map((k) => k - 1);
  const y = tf.conv2d(padded(s, x, reach, reach) as Tfjs.Tensor4D, filters as Tfjs.Tensor4D, 1, "valid");
  const [n, rows, columns] = y.shape;
  const images = tf.reshape(y, [n * rows, columns, strides[0], strides[1] * made]);
  return tf.reshape(tf.transpose(images, [0, 2, 1, 3]), [n, rows * strides[0], columns * strides[1], made]);
}

const convTranspose: Kernel = (s) => {
  const { tf } = s;
  const [, per, ...kernel] = s.c.dims(1);
  const long = s.outputs[0].dims.slice(2);
  const short = s.c.dims(0).slice(2);
  const groups = s.c.int("group", 1);
  const g = geometryOf(s.c, kernel, long, short, s.c.ints("output_padding"));
  const { strides, dilations } = g;
  const x = s.last(0);
  const filters = backwardFilters(s, groups);
  const weavable = kernel.length === 2 && dilations.every((d) => d === 1) && strides.some((v) => v > 1);
  if (weavable && !filters.depthwise) {
    const inputs = s.c.dims(1)[0] / groups;
    const weights = s.x(1);
    const parts = groups === 1 ? [x] : tf.split(x, groups, x.shape.length - 1);
    const results = parts.map((part, i) => {
      const own = groups === 1 ? weights : tf.slice(weights, [i * inputs, 0, 0, 0], [inputs, per, ...kernel]);
      return woven(s, part, own, `${i}`, strides);
    });
    const whole = joined(tf, results);
    const heads = g.heads.map((p) => -p);
    const tails = long.map((size, i) => size - (whole.shape[i + 1] + heads[i]));
    return { last: biased(s, padded(s, whole, heads, tails)) };
  }
  const apart = strides.reduce((made, gap, i) => spread(tf, made, i + 1, gap), x);
  const reach = kernel.map((k, i) => (k - 1) * dilations[i]);
  const heads = g.heads.map((p, i) => reach[i] - p);
  const tails = g.tails.map((p, i) => reach[i] - p);
  const y = slide(tf, padded(s, apart, heads, tails), filters, { strides: strides.map(() => 1), dilations });
  return { last: biased(s, y) };
};

export const convolutions: Readonly<Record<string, Kernel>> = { Conv: conv, ConvTranspose: convTranspose };
