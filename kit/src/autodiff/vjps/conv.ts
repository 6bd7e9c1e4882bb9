/**
 * Convolutions. The gradient of the input is a ConvTranspose; at stride 1 it is also a Conv with flipped weights, which
 * engines run up to 13 times faster (depthwise), so constant weights are flipped here.
 */
import { type Attribute, attr, intOf, type Node } from "../../onnx/graph.ts";
import { derived, type Float32Tensor, float32, sizeOf } from "../../onnx/tensor.ts";
import { fixedAll, product } from "../arguments.ts";
import { floatsOf, type Ops } from "../ops.ts";
import type { Sample, Value, Vjp } from "../vjp.ts";
import { type ExactWindow, exactWindow } from "../windows.ts";

const attributesOf = (w: ExactWindow, group: number, more: Readonly<Record<string, Attribute>>) => ({
  kernel_shape: attr.ints(w.kernel),
  strides: attr.ints(w.strides),
  dilations: attr.ints(w.dilations),
  group: attr.int(group),
  ...more,
});

/** [M, C/g, k…] → [C, M/g, k…], spatially reversed. */
function flip({ dims, data }: Float32Tensor, group: number): Float32Array {
  const [outputs, channels, ...kernel] = dims;
  const perGroup = outputs / group;
  const taps = sizeOf(kernel);
  const turned = new Float32Array(data.length);
  for (let m = 0; m < outputs; m++) {
    const g = Math.floor(m / perGroup);
    for (let c = 0; c < channels; c++) {
      const from = (m * channels + c) * taps;
      const to = ((g * channels + c) * perGroup + (m - g * perGroup)) * taps;
      for (let k = 0; k < taps; k++) turned[to + taps - 1 - k] = data[from + k];
    }
  }
  return turned;
}

const known = new WeakMap<Float32Tensor, Map<number, Float32Tensor>>();

/** Weights flipped when an engine asks for them, so that no second copy of a model's weights lies about; one tensor for all graphs. */
function flipped(weight: Float32Tensor, group: number): Float32Tensor {
  const byGroup = known.get(weight) ?? new Map<number, Float32Tensor>();
  known.set(weight, byGroup);
  const [outputs, channels, ...kernel] = weight.dims;
  const made =
    byGroup.get(group) ?? derived([channels * group, outputs / group, ...kernel], () => flip(weight, group));
  byGroup.set(group, made);
  return made;
}

const kernelIs2d = (w: ExactWindow): boolean => w.kernel.length === 2;

/**
 * `small` with stride − 1 zeros behind each element: grown by repetition, then masked. Engines run a depthwise ConvTranspose on one thread,
 * channel by channel; this way around it takes half the time.
 */
function zeroInserted(ops: Ops, small: Value, { strides, small: sizes }: ExactWindow): Value {
  const grown = ops.op("Resize", [small, undefined, ops.constant(float32([4], [1, 1, ...strides]))], {
    mode: attr.string("nearest"),
    coordinate_transformation_mode: attr.string("asymmetric"),
    nearest_mode: attr.string("floor"),
  });
  const [rows, columns] = sizes.map((n, i) => n * strides[i]);
  const first = Float32Array.from({ length: rows * columns }, (_, k) =>
    Math.floor(k / columns) % strides[0] === 0 && (k % columns) % strides[1] === 0 ? 1 : 0,
  );
  return ops.mul(grown, ops.constant(float32([1, 1, rows, columns], first)));
}

/** Gradient of the side slid over: `small` spread through `weight` [M, C/g, k…]. */
export function spread(ops: Ops, small: Value, weight: Value, w: ExactWindow, group: number): Value {
  const heads = w.heads.map((p, i) => w.reach[i] - 1 - p);
  const tails = w.tails.map((p, i) => w.reach[i] - 1 - p);
  const constant = floatsOf(weight);
  if (constant && w.strides.every((s) => s === 1) && [...heads, ...tails].every((p) => p >= 0)) {
    const turned = ops.constant(flipped(constant, group));
    return ops.op("Conv", [small, turned], attributesOf(w, group, { pads: attr.ints([...heads, ...tails]) }));
  }
  if (constant && group === constant.dims[0] && constant.dims[1] === 1 && kernelIs2d(w)) {
    const wide = zeroInserted(ops, small, w);
    const tail = w.large.map((n, i) => n + w.reach[i] - 1 - w.small[i] * w.strides[i] - heads[i]);
    if (heads.every((p) => p >= 0) && tail.every((p) => p >= 0)) {
      const turned = ops.constant(flipped(constant, group));
      const { kernel, dilations } = w;
      return ops.op("Conv", [wide, turned], {
        kernel_shape: attr.ints(kernel),
        dilations: attr.ints(dilations),
        group: attr.int(group),
        pads: attr.ints([...heads, ...tail]),
      });
    }
  }
  // a negative tail is what the stride left over: rows that no window saw
  return ops.op(
    "ConvTranspose",
    [small, weight],
    attributesOf(w, group, {
      pads: attr.ints([...w.heads, ...w.tails.map((p) => Math.max(0, p))]),
      output_padding: attr.ints(w.tails.map((p) => Math.max(0, -p))),
    }),
  );
}

/** `large` with the overhang that no window saw cut off, so that padding is never negative. */
const cropped = (ops: Ops, large: Value, w: ExactWindow): Value => {
  const keep = w.kernel.map(() => 0);
  const pads = [0, 0, ...keep, 0, 0, ...w.tails.map((p) => Math.min(0, p))];
  return pads.some((p) => p < 0) ? ops.pad(large, pads) : large;
};

const paddings = (w: ExactWindow): Attribute =>
  attr.ints([...w.heads, ...w.tails.map((p) => Math.max(0, p))]);

/**
 * Gradient of the weights [M, C/g, k…], as one convolution: channels become the batch, the batch becomes the channels,
 * places of the window become the kernel, and stride and dilation change roles.
 */
function weightGradient(
  ops: Ops,
  node: Node,
  large: Value,
  small: Value,
  w: ExactWindow,
  group: number,
): Value {
  const [n, channels] = large.shape;
  const perGroup = fixedAll(node, [channels])[0] / group;
  const space = w.kernel.map((_, i) => i);
  const image = cropped(ops, large, w);
  const rows = image.shape.slice(2);
  const grouped = ops.reshape(image, [n, group, perGroup, ...rows]);
  const turned = ops.transpose(grouped, [2, 1, 0, ...space.map((i) => i + 3)]);
  const stacked = ops.reshape(turned, [perGroup, product([group, n]), ...rows]);
  const kernel = ops.transpose(small, [1, 0, ...space.map((i) => i + 2)]);
  const made = ops.op("Conv", [stacked, kernel], {
    strides: attr.ints(w.dilations),
    dilations: attr.ints(w.strides),
    pads: paddings(w),
    group: attr.int(group),
  });
  return ops.transpose(made, [1, 0, ...space.map((i) => i + 2)]);
}

const kernelOf = (node: Node, weight: Value): number[] => fixedAll(node, weight.shape.slice(2));
const perChannel = (v: Value): number[] => [...v.shape.keys()].filter((a) => a !== 1);

const ints = (values: Readonly<Record<string, readonly number[]>>, more: Sample["attributes"] = {}) => ({
  ...Object.fromEntries(Object.entries(values).map(([k, v]) => [k, attr.ints(v)])),
  ...more,
});
const sample = (name: string, shapes: Sample["shapes"], attributes: Sample["attributes"] = {}): Sample => ({
  name,
  shapes,
  attributes,
  batch: [0],
});

/** Every sample twice: all inputs differentiated, and constant weights, which take the flipped path. */
const bothWays = (samples: readonly Sample[]): readonly Sample[] =>
  samples.flatMap((s) => [s, { ...s, name: `${s.name}, constant weights`, frozen: [1, 2] }]);

export const Conv: Vjp = {
  rule({ ops, node, dy, inputs: [x, weight], need }) {
    const w = exactWindow(node, x, dy, kernelOf(node, weight));
    const group = intOf(node, "group", 1);
    return [
      need[0] ? spread(ops, dy, weight, w, group) : null,
      need[1] ? weightGradient(ops, node, x, dy, w, group) : null,
      need[2] ? ops.sum(dy, perChannel(dy), false) : null,
    ];
  },
  samples: bothWays([
    sample("3×3", [[2, 2, 4, 5], [3, 2, 3, 3], [3]], ints({ pads: [1, 1, 1, 1] })),
    sample("1×1", [
      [2, 3, 2, 3],
      [2, 3, 1, 1],
    ]),
    sample(
      "groups",
      [
        [3, 4, 3, 4],
        [6, 2, 2, 3],
      ],
      { group: attr.int(2) },
    ),
    sample(
      "depthwise",
      [
        [2, 3, 5, 4],
        [3, 1, 3, 3],
      ],
      ints({ pads: [1, 1, 1, 1] }, { group: attr.int(3) }),
    ),
    sample(
      "dilation",
      [
        [2, 2, 6, 5],
        [2, 2, 2, 2],
      ],
      ints({ dilations: [3, 2], pads: [1, 0, 1, 1] }),
    ),
    sample(
      "asymmetric padding",
      [
        [2, 1, 4, 3],
        [2, 1, 3, 2],
      ],
      ints({ pads: [2, 0, 0, 1] }),
    ),
    sample(
      "stride 2 with a remainder",
      [
        [2, 2, 6, 5],
        [3, 2, 3, 3],
      ],
      ints({ strides: [2, 2], pads: [1, 1, 1, 1] }),
    ),
    sample(
      "stride beyond the kernel",
      [
        [2, 2, 5, 7],
        [2, 2, 1, 1],
      ],
      ints({ strides: [2, 3] }),
    ),
    sample(
      "stride, dilation, groups",
      [
        [2, 2, 7, 6],
        [4, 1, 2, 2],
      ],
      ints({ strides: [2, 1], dilations: [2, 3] }, { group: attr.int(2) }),
    ),
    sample(
      "groups with stride, dilation, remainder and asymmetric padding",
      [[2, 4, 6, 5], [6, 2, 2, 3], [6]],
      ints({ strides: [2, 3], dilations: [3, 1], pads: [2, 1, 0, 2] }, { group: attr.int(2) }),
    ),
    sample(
      "depthwise with stride, dilation and two outputs a channel",
      [
        [2, 2, 7, 5],
        [4, 1, 3, 2],
      ],
      ints({ strides: [3, 2], dilations: [1, 2], pads: [1, 0, 2, 1] }, { group: attr.int(2) }),
    ),
    sample(
      "padding beyond the reach",
      [
        [2, 1, 3, 3],
        [1, 1, 2, 2],
      ],
      ints({ pads: [2, 2, 2, 2] }),
    ),
    sample(
      "SAME_UPPER",
      [
        [2, 1, 5, 4],
        [1, 1, 2, 3],
      ],
      ints({ strides: [2, 1] }, { auto_pad: attr.string("SAME_UPPER") }),
    ),
    sample(
      "SAME_LOWER",
      [
        [2, 1, 4, 5],
        [1, 1, 2, 4],
      ],
      { auto_pad: attr.string("SAME_LOWER") },
    ),
    sample(
      "VALID",
      [
        [2, 1, 4, 5],
        [1, 1, 2, 4],
      ],
      { auto_pad: attr.string("VALID") },
    ),
    sample("one axis", [[2, 2, 7], [2, 2, 3], [2]], ints({ strides: [2] })),
    sample(
      "three axes",
      [
        [2, 1, 3, 4, 3],
        [2, 1, 2, 2, 2],
      ],
      ints({ pads: [0, 1, 0, 1, 0, 0] }),
    ),
    sample(
      "one axis, SAME_LOWER, groups",
      [[2, 4, 7], [4, 2, 4], [4]],
      ints({ strides: [3] }, { auto_pad: attr.string("SAME_LOWER"), group: attr.int(2) }),
    ),
    sample(
      "three axes, SAME_UPPER, depthwise",
      [
        [1, 2, 4, 3, 5],
        [2, 1, 2, 3, 2],
      ],
      ints({ strides: [2, 1, 2] }, { auto_pad: attr.string("SAME_UPPER"), group: attr.int(2) }),
    ),
  ]),
};

export const ConvTranspose: Vjp = {
  rule({ ops, node, dy, inputs: [x, weight], need }) {
    const w = exactWindow(node, dy, x, kernelOf(node, weight));
    const group = intOf(node, "group", 1);
    const dx = () =>
      ops.op("Conv", [cropped(ops, dy, w), weight], attributesOf(w, group, { pads: paddings(w) }));
    return [
      need[0] ? dx() : null,
      need[1] ? weightGradient(ops, node, dy, x, w, group) : null,
      need[2] ? ops.sum(dy, perChannel(dy), false) : null,
    ];
  },
  samples: [
    sample("3×3", [[2, 2, 3, 4], [2, 3, 3, 3], [3]]),
    sample(
      "stride and padding",
      [
        [2, 2, 3, 2],
        [2, 1, 3, 3],
      ],
      ints({ strides: [2, 2], pads: [1, 0, 0, 1] }),
    ),
    sample(
      "output padding",
      [
        [2, 2, 2, 3],
        [2, 2, 2, 2],
      ],
      ints({ strides: [3, 2], output_padding: [2, 1] }),
    ),
    sample(
      "groups and dilation",
      [
        [2, 4, 3, 2],
        [4, 2, 2, 2],
      ],
      ints({ dilations: [2, 3] }, { group: attr.int(2) }),
    ),
    sample(
      "groups with stride, dilation, asymmetric padding and output padding",
      [[2, 4, 3, 2], [4, 3, 2, 3], [6]],
      ints(
        { strides: [3, 2], dilations: [2, 1], pads: [1, 0, 2, 1], output_padding: [2, 1] },
        { group: attr.int(2) },
      ),
    ),
    sample(
      "output shape",
      [
        [2, 1, 3, 3],
        [1, 2, 3, 3],
      ],
      ints({ strides: [2, 2], output_shape: [6, 6] }),
    ),
    sample(
      "SAME_UPPER",
      [
        [2, 1, 3, 3],
        [1, 1, 3, 4],
      ],
      ints({ strides: [2, 2] }, { auto_pad: attr.string("SAME_UPPER") }),
    ),
    sample(
      "SAME_LOWER",
      [
        [2, 1, 3, 3],
        [1, 1, 3, 4],
      ],
      ints({ strides: [2, 2] }, { auto_pad: attr.string("SAME_LOWER") }),
    ),
    sample(
      "one axis",
      [
        [2, 2, 4],
        [2, 1, 3],
      ],
      ints({ strides: [2], pads: [1, 1] }),
    ),
    sample(
      "VALID",
      [
        [2, 1, 2, 3],
        [1, 2, 2, 2],
      ],
      ints({ strides: [2, 1] }, { auto_pad: attr.string("VALID") }),
    ),
    sample(
      "one axis, groups, dilation, output shape",
      [[2, 4, 3], [4, 1, 2], [2]],
      ints({ strides: [2], dilations: [2], output_shape: [6] }, { group: attr.int(2) }),
    ),
    sample(
      "three axes, output padding",
      [[1, 2, 2, 2, 3], [2, 1, 2, 3, 2], [1]],
      ints({ strides: [2, 2, 3], pads: [0, 1, 0, 0, 1, 1], output_padding: [1, 0, 2] }),
    ),
  ],
};
