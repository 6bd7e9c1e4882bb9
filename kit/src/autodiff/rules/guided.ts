/**
 * Two ways of passing a ReLU backwards that are no derivatives: both let only positive gradients through. All other operators keep theirs, so
 * what they do is told from the gradient by ReLUs alone.
 */
import type { Node } from "../../onnx/graph.ts";
import type { RuleTable } from "../vjp.ts";

/** g · [g > 0] · [a > 0] at a ReLU of activation a and incoming gradient g (arXiv:1412.6806). */
export const guidedRules: RuleTable = {
  Relu: { rule: ({ ops, dy, output: a }) => [ops.mul(ops.op("Relu", [dy]), ops.step(a))] },
};

/** g · [g > 0]: what the ReLU did on the way forward is left out (arXiv:1311.2901 § 2.1). */
export const deconvolutionRules: RuleTable = {
  Relu: { rule: ({ ops, dy }) => [ops.op("Relu", [dy])] },
};

/** Besides linear operators: the ReLU, and the maximum of a window, which both methods pass to where it came from. */
export const passesRelu = ({ op, domain }: Node): boolean =>
  domain === "" && (op === "Relu" || op === "MaxPool" || op === "GlobalMaxPool");
