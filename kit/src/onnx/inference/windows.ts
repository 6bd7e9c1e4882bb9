/** Convolution and pooling: operators that slide a window over [N, C, spatial…]. */
import { stringOf } from "../graph.ts";
import { type Call, formatList, info, type Rule, sameType } from "./call.ts";

/** Strides, dilations and pads of a sliding window, defaults filled in; `pads` as ONNX has them: heads, then tails. */
export interface Window {
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  readonly pads: readonly number[];
  /** padding follows from the sizes: pads above are not meant */
  readonly autoPad: "NOTSET" | "VALID" | "SAME_UPPER" | "SAME_LOWER";
}

const autoPads = ["NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER"] as const;

function listOf(c: Call, key: string, length: number, fallback: number, least: number): readonly number[] {
  const list = c.ints(key) ?? [];
  // an empty list means the default, as an absent one does
  if (list.length === 0) return new Array(length).fill(fallback);
  if (list.length !== length || list.some((v) => v < least)) {
    throw c.wrong(`${key} to be ${length} integers of at least ${least}, not ${formatList(list)}`);
  }
  return list;
}

export function windowOf(c: Call, kernel: readonly number[]): Window {
  const rank = kernel.length;
  const name = stringOf(c.node, "auto_pad", "NOTSET");
  const autoPad = autoPads.find((p) => p === name);
  if (autoPad === undefined) throw c.wrong(`auto_pad to be one of ${autoPads.join(", ")}, not ${name}`);
  return {
    kernel,
    strides: listOf(c, "strides", rank, 1, 1),
    dilations: listOf(c, "dilations", rank, 1, 1),
    pads: autoPad === "NOTSET" ? listOf(c, "pads", 2 * rank, 0, 0) : new Array(2 * rank).fill(0),
    autoPad,
  };
}

/** How many places the window has along axis i of extent `size`. */
function placesAlong(c: Call, w: Window, i: number, size: number, ceil: boolean): number {
  const stride = w.strides[i];
  if (w.autoPad.startsWith("SAME")) return Math.ceil(size / stride);
  const head = w.pads[i];
  const reach = (w.kernel[i] - 1) * w.dilations[i] + 1;
  const steps = (size + head + w.pads[i + w.kernel.length] - reach) / stride;
  if (steps < 0) throw c.wrong(`the window (${reach}) to fit the padded axis ${i + 2} (${size})`);
  if (!ceil) return Math.floor(steps) + 1;
  const count = Math.ceil(steps) + 1;
  // the last window must begin inside the image or its head padding, not in the tail padding
  return (count - 1) * stride >= size + head ? count - 1 : count;
}

const slid = (c: Call, w: Window, ceil: boolean): readonly number[] =>
  c
    .dims(0)
    .slice(2)
    .map((size, i) => placesAlong(c, w, i, size, ceil));

/** [N, C, spatial…] of input 0; at least one spatial axis. */
function imageOf(c: Call): { n: number; channels: number; space: readonly number[] } {
  const [n, channels, ...space] = c.dims(0);
  if (space.length === 0) throw c.wrong("input 0 to be [N, C, spatial…]");
  return { n, channels, space };
}

function weightOf(c: Call): { weight: readonly number[]; kernel: readonly number[]; groups: number } {
  const { space } = imageOf(c);
  const weight = c.dims(1);
  if (weight.length !== space.length + 2) throw c.wrong("weights of the rank of the input");
  const kernel = weight.slice(2);
  const said = c.ints("kernel_shape") ?? [];
  if (said.length > 0 && said.join() !== kernel.join()) {
    throw c.wrong(`weights for kernel_shape ${formatList(said)}`);
  }
  return { weight, kernel, groups: c.int("group", 1) };
}

const conv: Rule = (c) => {
  const { n, channels } = imageOf(c);
  const { weight, kernel, groups } = weightOf(c);
  if (groups < 1 || weight[1] * groups !== channels || weight[0] % groups !== 0) {
    throw c.wrong(`${weight[1]} × ${groups} groups = ${weight[1] * groups} input channels, not ${channels}`);
  }
  if (c.has(2) && c.dims(2).join() !== `${weight[0]}`) throw c.wrong(`a bias of [${weight[0]}]`);
  return [info(sameType(c), [n, weight[0], ...slid(c, windowOf(c, kernel), false)])];
};

const convTranspose: Rule = (c) => {
  const { n, channels, space } = imageOf(c);
  const { weight, kernel, groups } = weightOf(c);
  if (groups < 1 || weight[0] !== channels || channels % groups !== 0) {
    throw c.wrong(`weights for ${channels} input channels in ${groups} groups`);
  }
  const made = weight[1] * groups;
  if (c.has(2) && c.dims(2).join() !== `${made}`) throw c.wrong(`a bias of [${made}]`);
  const w = windowOf(c, kernel);
  const more = listOf(c, "output_padding", space.length, 0, 0);
  const asked = c.ints("output_shape") ?? [];
  if (asked.length > 0 && asked.length !== space.length) {
    throw c.wrong(`output_shape to have ${space.length} spatial sizes`);
  }
  const grown = space.map((size, i) => {
    if (asked.length > 0) return asked[i];
    if (w.autoPad.startsWith("SAME")) return size * w.strides[i];
    const reach = (kernel[i] - 1) * w.dilations[i] + 1;
    return w.strides[i] * (size - 1) + more[i] + reach - w.pads[i] - w.pads[i + space.length];
  });
  return [info(sameType(c), [n, made, ...grown])];
};

function kernelOf(c: Call, axes: number): readonly number[] {
  const kernel = c.ints("kernel_shape") ?? [];
  if (kernel.length === axes && kernel.every((k) => k >= 1)) return kernel;
  throw c.wrong(`kernel_shape to be ${axes} positive integers, not ${formatList(kernel)}`);
}

const pool: Rule = (c) => {
  const { n, channels, space } = imageOf(c);
  const kernel = kernelOf(c, space.length);
  const dims = [n, channels, ...slid(c, windowOf(c, kernel), c.int("ceil_mode", 0) === 1)];
  const values = info(c.type(0), dims);
  return c.node.op === "MaxPool" ? [values, info("int64", dims)] : [values];
};

const globalPool: Rule = (c) => {
  const { n, channels, space } = imageOf(c);
  return [info(c.type(0), [n, channels, ...space.map(() => 1)])];
};

/** The side that was pooled, of which each window left one element. */
const maxUnpool: Rule = (c) => {
  const { n, channels, space } = imageOf(c);
  if (c.dims(1).join() !== c.dims(0).join()) throw c.wrong("indices of the shape of input 0");
  if (c.has(2)) return [info(c.type(0), c.values(2))];
  const w = windowOf(c, kernelOf(c, space.length));
  const grown = space.map(
    (size, i) => (size - 1) * w.strides[i] + w.kernel[i] - w.pads[i] - w.pads[i + space.length],
  );
  return [info(c.type(0), [n, channels, ...grown])];
};

/** Blocks [N, C·Π block, L], added up where they overlap in [N, C, image…]. */
const col2Im: Rule = (c) => {
  const [n, rows, places] = c.dims(0);
  const [image, block] = [c.values(1), c.values(2)];
  if (c.dims(0).length !== 3 || image.length === 0 || block.length !== image.length) {
    throw c.wrong("blocks [N, C·Π block, L], and an image and a block of as many axes");
  }
  const w = windowOf(c, block);
  const made = image.map((size, i) => placesAlong(c, w, i, size, false));
  const size = block.reduce((product, b) => product * b, 1);
  if (!(rows % size === 0) || made.reduce((product, p) => product * p, 1) !== places) {
    throw c.wrong(`channels divisible by ${size}, and ${made.join(" × ")} places`);
  }
  return [info(c.type(0), [n, rows / size, ...image])];
};

export const windows: Readonly<Record<string, Rule>> = {
  AveragePool: pool,
  Col2Im: col2Im,
  Conv: conv,
  ConvTranspose: convTranspose,
  GlobalAveragePool: globalPool,
  GlobalLpPool: globalPool,
  GlobalMaxPool: globalPool,
  LpPool: pool,
  MaxPool: pool,
  MaxUnpool: maxUnpool,
};
