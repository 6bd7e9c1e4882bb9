/** Sliding windows with their padding as it comes out, for kernels that pad by themselves and slide without padding. */
import type { Call } from "../../onnx/inference/call.ts";
import { windowOf } from "../../onnx/inference/windows.ts";
import { lastAxis, type Step, type TfTensor } from "./kernel.ts";
import { thinned } from "./moves.ts";

/**
 * Along each spatial axis: long = (short − 1) · stride + reach − head − tail. A negative tail is what the stride leaves over; one larger
 * than the attribute is what ceil_mode adds.
 */
export interface Geometry {
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  readonly heads: readonly number[];
  readonly tails: readonly number[];
  /** padding at the end as the attributes say: average pools count no further */
  readonly saidTails: readonly number[];
}

/**
 * @param long   spatial sizes of the side that is slid over: input of a convolution or pool, output of a ConvTranspose
 * @param short  spatial sizes of the side with one element per place
 * @param extra  output_padding of a ConvTranspose, whose padding follows from it where auto_pad or output_shape is given
 */
export function geometryOf(
  c: Call,
  kernel: readonly number[],
  long: readonly number[],
  short: readonly number[],
  extra: readonly number[] = [],
): Geometry {
  const w = windowOf(c, kernel);
  const derived = w.autoPad.startsWith("SAME") || (c.ints("output_shape") ?? []).length > 0;
  const span = kernel.map((k, i) => (short[i] - 1) * w.strides[i] + (k - 1) * w.dilations[i] + 1);
  const heads = kernel.map((_, i) => {
    if (!derived) return w.pads[i];
    const total = Math.max(0, span[i] + (extra[i] ?? 0) - long[i]);
    // the odd element of padding goes to the tail for SAME_UPPER alone
    return w.autoPad === "SAME_UPPER" ? Math.floor(total / 2) : Math.ceil(total / 2);
  });
  const tails = kernel.map((_, i) => span[i] - long[i] - heads[i]);
  const saidTails = derived ? tails : kernel.map((_, i) => w.pads[i + kernel.length]);
  return { ...w, heads, tails, saidTails };
}

/** Pads, or with negative numbers crops, the spatial axes of a channels-last tensor. */
export function padded(
  { tf }: Pick<Step, "tf">,
  x: TfTensor,
  heads: readonly number[],
  tails: readonly number[],
  fill = 0,
): TfTensor {
  let made = x;
  if ([...heads, ...tails].some((p) => p < 0)) {
    const begin = [0, ...heads.map((p) => Math.max(0, -p)), 0];
    const size = x.shape.map((d, a) => {
      const i = a - 1;
      const spatial = i >= 0 && i < heads.length;
      return spatial ? d + Math.min(0, heads[i]) + Math.min(0, tails[i]) : d;
    });
    made = tf.slice(made, begin, size);
  }
  if ([...heads, ...tails].every((p) => p <= 0)) return made;
  const grown = heads.map((p, i): [number, number] => [Math.max(0, p), Math.max(0, tails[i])]);
  return tf.pad(made, [[0, 0], ...grown, [0, 0]], fill);
}

/** Every offset within the kernel, in row order. */
export const offsets = (kernel: readonly number[]): number[][] =>
  kernel.reduce<number[][]>(
    (list, size) => list.flatMap((head) => Array.from({ length: size }, (_, k) => [...head, k])),
    [[]],
  );

/** What each offset of the window sees, one tensor [N, short…, C] per offset, of an already padded channels-last tensor. */
export function taps(
  { tf }: Pick<Step, "tf">,
  image: TfTensor,
  g: Geometry,
  short: readonly number[],
): TfTensor[] {
  const rank = image.shape.length;
  return offsets(g.kernel).map((offset) => {
    const begin = new Array<number>(rank).fill(0);
    const end = [...image.shape];
    const strides = new Array<number>(rank).fill(1);
    for (const [i, k] of offset.entries()) {
      const a = lastAxis(i + 2, rank);
      begin[a] = k * g.dilations[i];
      end[a] = begin[a] + (short[i] - 1) * g.strides[i] + 1;
      strides[a] = g.strides[i];
    }
    const seen = tf.slice(
      image,
      begin,
      end.map((e, a) => e - begin[a]),
    );
    return thinned(tf, seen, strides);
  });
}
