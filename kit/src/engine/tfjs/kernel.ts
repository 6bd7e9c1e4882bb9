/**
 * What a kernel is: one ONNX operator made of TensorFlow.js operations.
 *
 * ONNX images are [N, C, spatial…], TensorFlow's CPU kernels know [N, spatial…, C] only. So a tensor may be held in either order, and
 * what does not care (elementwise operators, pools, normalisations) takes it as it is held: between two convolutions nothing is turned.
 */
import type * as Tfjs from "@tensorflow/tfjs-core";
import type { Call, Info } from "../../onnx/inference/call.ts";
import { sizeOf } from "../../onnx/tensor.ts";

/** The part of the API that all TensorFlow.js packages share. */
export type Tf = typeof Tfjs;
export type TfTensor = Tfjs.Tensor;

/** An output: axes as ONNX orders them, or with the channels (axis 1) moved to the end. */
export type Made = TfTensor | { readonly last: TfTensor };

/** One node with its inputs at hand. Shapes, attributes and integers known before running come from `c`. */
export interface Step {
  readonly tf: Tf;
  readonly c: Call;
  readonly outputs: readonly Info[];
  /** Input i, axes as ONNX orders them. */
  x(i: number): TfTensor;
  /** Input i, channels last. `rank` pads its dims with ones in front first, as broadcasting does. */
  last(i: number, rank?: number): TfTensor;
  /** Which orders input i is held in already. */
  held(i: number): { readonly plain: boolean; readonly last: boolean };
  /** `make(x(i))`, kept with the model where input i is a weight: what is worked out of weights is worked out once. */
  prepared(i: number, what: string, make: (weight: TfTensor) => TfTensor): TfTensor;
}

export type Kernel = (s: Step) => Made | readonly Made[];

/** Where the axes of ONNX stand once the channels are last: [0, 2, 3, 1] for images. */
export const lastOrder = (rank: number): number[] => [
  0,
  ...Array.from({ length: rank - 2 }, (_, i) => i + 2),
  1,
];
/** The way back: [0, 3, 1, 2] for images. */
export const plainOrder = (rank: number): number[] => [
  0,
  rank - 1,
  ...Array.from({ length: rank - 2 }, (_, i) => i + 1),
];
/** Axis a of ONNX, channels last. */
export const lastAxis = (a: number, rank: number): number => (a === 0 ? 0 : a === 1 ? rank - 1 : a - 1);

/** An operator of one input that keeps its shape. */
export const map =
  (f: (x: TfTensor, s: Step) => TfTensor): Kernel =>
  (s) =>
    inLast(s, 0) ? { last: f(s.last(0), s) } : f(s.x(0), s);

/** Is input i held channels last, and not the other way too? */
export const inLast = (s: Step, i: number): boolean => s.held(i).last && !s.held(i).plain;

/** An operator over inputs that broadcast together, in the order of axes that turns fewer of them. */
export function together(s: Step, which: readonly number[], f: (...xs: TfTensor[]) => TfTensor): Made {
  const { dims } = s.outputs[0];
  const size = sizeOf(dims);
  const whole = which.filter((i) => sizeOf(s.c.dims(i)) === size && s.c.dims(i).length === dims.length);
  const cost = (order: "plain" | "last") => whole.filter((i) => !s.held(i)[order]).length;
  if (dims.length < 3 || cost("plain") <= cost("last")) return f(...which.map((i) => s.x(i)));
  return { last: f(...which.map((i) => s.last(i, dims.length))) };
}

/** A tensor of float numbers without input i's layout: [C, 1, …] in ONNX order, [C] channels last. */
export const perChannel = (s: Step, v: TfTensor, rank: number, last: boolean): TfTensor =>
  last ? v : s.tf.reshape(v, [v.size, ...new Array(Math.max(0, rank - 2)).fill(1)]);
