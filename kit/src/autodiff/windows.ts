/** The exact geometry of a sliding window, whatever the padding was said to be. */
import type { Node } from "../onnx/graph.ts";
import { callOf } from "../onnx/inference/call.ts";
import { windowOf } from "../onnx/inference/windows.ts";
import { fixedAll } from "./arguments.ts";
import type { Value } from "./vjp.ts";

/**
 * Along each spatial axis: large = (small − 1) · stride + reach − head − tail, reach = (kernel − 1) · dilation + 1.
 * `tail` is what this equation says: negative where the stride leaves elements over, larger than the attribute where
 * ceil_mode adds a window.
 */
export interface ExactWindow {
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  readonly heads: readonly number[];
  readonly tails: readonly number[];
  readonly reach: readonly number[];
  /** sizes of the side that is slid over */
  readonly large: readonly number[];
  /** sizes of the side with one element per place of the window */
  readonly small: readonly number[];
  /** tails as the attributes say: ceil_mode does not count beyond them */
  readonly saidTails: readonly number[];
}

/**
 * @param large  the tensor that is slid over: input of a convolution or pool, output of a ConvTranspose
 * @param small  the tensor with one element per place
 */
export function exactWindow(node: Node, large: Value, small: Value, kernel: readonly number[]): ExactWindow {
  const said = windowOf(callOf(node, []), kernel);
  const [long, short] = [large, small].map((v) => fixedAll(node, v.shape.slice(2)));
  const reach = kernel.map((k, i) => (k - 1) * said.dilations[i] + 1);
  const span = short.map((n, i) => (n - 1) * said.strides[i] + reach[i]);
  // a ConvTranspose with output_shape derives its padding from it
  const derived = said.autoPad.startsWith("SAME") || "output_shape" in node.attributes;
  const heads = kernel.map((_, i) => {
    if (!derived) return said.pads[i];
    const extra = node.op === "ConvTranspose" ? (outputPadding(node)[i] ?? 0) : 0;
    const total = Math.max(0, span[i] + extra - long[i]);
    // an odd element goes to the head for SAME_LOWER, and for output_shape unless SAME_UPPER
    return said.autoPad === "SAME_UPPER" ? Math.floor(total / 2) : Math.ceil(total / 2);
  });
  const tails = kernel.map((_, i) => span[i] - long[i] - heads[i]);
  return {
    ...said,
    heads,
    tails,
    reach,
    large: long,
    small: short,
    saidTails: derived ? tails : kernel.map((_, i) => said.pads[i + kernel.length]),
  };
}

const outputPadding = (node: Node): readonly number[] => {
  const a = node.attributes.output_padding;
  return a?.type === "ints" ? a.value : [];
};
