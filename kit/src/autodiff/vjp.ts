/**
 * What a vector-Jacobian product is made of. A rule is an expression over `ops`; everything repeated — broadcasting,
 * accumulation, pruning — is done once by the driver in `backward.ts`.
 */
import type { Node } from "../onnx/graph.ts";
import type { Tensor } from "../onnx/tensor.ts";
import type { Ops, Value } from "./ops.ts";

export type { Value } from "./ops.ts";

export interface VjpContext {
  readonly ops: Ops;
  readonly node: Node;
  /** gradient of the score with respect to the first output; zeros where only a later output has one */
  readonly dy: Value;
  /** one per output; undefined where the score does not depend on it */
  readonly dys: readonly (Value | undefined)[];
  /** one per input; undefined for an absent optional input */
  readonly inputs: readonly Value[];
  readonly output: Value;
  readonly outputs: readonly Value[];
  /** which inputs need a gradient */
  readonly need: readonly boolean[];
  /** An optional output of the node, which makes it from now on if it did not before (the Indices of a MaxPool). */
  readonly extra: (output: number) => Value;
}

/** A shape set on which gradcheck proves the rule numerically. */
export interface Sample {
  readonly shapes: readonly (readonly number[])[];
  readonly attributes?: Node["attributes"];
  /** values of inputs that are not differentiated (indices, axes, …), by position; `shapes` has [] there */
  readonly constants?: Readonly<Record<number, Tensor>>;
  /** inputs that are initializers of the graph, so that no gradient is asked for them */
  readonly frozen?: readonly number[];
  /** positions of optional inputs left out; `shapes` has [] there */
  readonly absent?: readonly number[];
  /** how many outputs the node has; 1 unless told */
  readonly outputs?: number;
  /** which of them have a gradient; all unless told */
  readonly score?: readonly number[];
  /** uniform draw of the inputs; [-1, 1] unless told */
  readonly range?: readonly [number, number];
  /** points where the slope jumps: no input is drawn close to them; 0 unless told. No two inputs are drawn close together either */
  readonly kinks?: readonly number[];
  /** inputs whose axis 0 is the batch: the rule is proved again with that axis free */
  readonly batch?: readonly number[];
  /** exact inputs where differences are no proof (ties), and the gradient of the sum of the output there, by position */
  readonly at?: readonly (readonly number[])[];
  readonly gradient?: readonly (readonly number[] | null)[];
  /** why this sample exists: "ties", "asymmetric padding" */
  readonly name?: string;
}

/** A use of an operator that its rule does not cover. */
export interface Limit {
  /** what is not covered, as errors and the operator table say it: "mode cubic" */
  readonly what: string;
  /** Is this node such a use? Asked before anything is built, so that all gaps of a model are found at once. */
  readonly holds: (use: Use) => boolean;
}
export type Use = Pick<VjpContext, "node" | "inputs" | "outputs" | "need">;

export interface Vjp {
  /**
   * Gradients of the inputs, in input order; null or a missing entry is "no gradient here". The driver sums each over
   * the axes that broadcasting added and expands it over those it lacks, so a rule may return the shape of the output
   * (Mul) or any that broadcasts to the input's (ReduceSum).
   */
  readonly rule: (context: VjpContext) => readonly (Value | null)[];
  readonly samples: readonly Sample[];
  /** none unless told: the rule covers whatever the operator allows */
  readonly limits?: readonly Limit[];
}

/** Operator → rule; an operator outside the standard domain is "domain.Op". */
export type RuleTable = Readonly<Record<string, Pick<Vjp, "rule" | "limits">>>;

/** Piecewise constant or integer-valued: the gradient is zero almost everywhere. */
export const noGradient: Vjp = { rule: () => [], samples: [] };
