/**
 * What a vector-Jacobian product is made of. A rule is an expression over `ops`; everything repeated — broadcasting,
 * accumulation, pruning — is done once by the driver in `backward.ts`.
 */
import type { Node } from "../onnx/graph.ts";
import type { Shape } from "../onnx/shapes.ts";
import type { ElementType, Tensor } from "../onnx/tensor.ts";
import type { Ops } from "./ops.ts";

/** A tensor of the graph under construction, with what is known of it before running. */
export interface Value {
  readonly name: string;
  readonly type: ElementType;
  readonly shape: Shape;
  /** its value, when it is an initializer */
  readonly constant?: Tensor;
}

export interface VjpContext {
  readonly ops: Ops;
  readonly node: Node;
  /** gradient of the score with respect to the first output */
  readonly dy: Value;
  /** one per output; undefined where the score does not depend on it */
  readonly dys: readonly (Value | undefined)[];
  /** one per input; undefined for an absent optional input */
  readonly inputs: readonly Value[];
  readonly output: Value;
  readonly outputs: readonly Value[];
  /** which inputs need a gradient */
  readonly need: readonly boolean[];
}

/** A shape set on which gradcheck proves the rule numerically. */
export interface Sample {
  readonly shapes: readonly (readonly number[])[];
  readonly attributes?: Node["attributes"];
  /** values of inputs that are not differentiated (indices, axes, …), by position */
  readonly constants?: Readonly<Record<number, Tensor>>;
  /** uniform draw of the inputs; [-1, 1] unless told */
  readonly range?: readonly [number, number];
  /** why this sample exists: "ties", "asymmetric padding" */
  readonly name?: string;
}

export interface Vjp {
  /**
   * Gradients of the inputs, in input order; null or a missing entry is "no gradient here". The driver sums each over the axes that
   * broadcasting added, so a rule may return the shape of the output.
   */
  readonly rule: (context: VjpContext) => readonly (Value | null)[];
  readonly samples: readonly Sample[];
}

/** Piecewise constant or integer-valued: the gradient is zero almost everywhere. */
export const noGradient: Vjp = { rule: () => [], samples: [] };
