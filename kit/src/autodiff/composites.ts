/**
 * Formulas of several nodes that have a gradient cheaper than the sum of their parts. Only the gradient sees them as one: the forward graph
 * stays as it is, and so does what engines need to know.
 */
import { attr, floatOf, type Graph, type Node, node, producers } from "../onnx/graph.ts";
import { sizeOf, type Tensor } from "../onnx/tensor.ts";
import type { Ops } from "./ops.ts";
import type { RuleTable, Value, Vjp } from "./vjp.ts";
import { Sigmoid } from "./vjps/activation.ts";
import { Mul } from "./vjps/elementwise.ts";

/** Not an operator: it never stands in a graph that is run. */
const domain = "composite";

/** α·v + 1. A BatchNormalization, since ONNX Runtime's blocked layout knows it and plain arithmetic with a number it does not. */
function affine(ops: Ops, v: Value, alpha: number): Value {
  const channels = v.shape[1];
  if (v.shape.length !== 4 || typeof channels !== "number") return ops.add(ops.mul(v, alpha), 1);
  const per = (value: number) => ops.filled([channels], value);
  return ops.op("BatchNormalization", [v, per(alpha), per(1), per(0), per(1)], { epsilon: attr.float(0) });
}

/**
 * y = x·σ(t) with t = αx: SiLU (α = 1, arXiv:1702.03118), QuickGELU (1.702). dy/dx = σ(t)·(1 + t − α·y), four passes over memory in place
 * of eight.
 */
const sigmoidGate: Pick<Vjp, "rule"> = {
  rule({ ops, node, dy, inputs: [, gate, t], output: y }) {
    const slope = ops.mul(gate, ops.add(affine(ops, y, -floatOf(node, "alpha", 1)), t));
    return [ops.mul(dy, slope)];
  },
};

export const compositeRules: RuleTable = { [`${domain}.SigmoidGate`]: sigmoidGate };

/** α where `t` is α·x, and the constant that says so; 1 where it is x itself. */
function factorOf(
  t: string,
  x: string,
  made: ReadonlyMap<string, Node>,
  weights: Graph["initializers"],
): { readonly alpha: number; readonly from: readonly string[] } | undefined {
  if (t === x) return { alpha: 1, from: [] };
  const n = made.get(t);
  if (n?.op !== "Mul" || n.domain !== "" || !n.inputs.includes(x)) return undefined;
  const name = n.inputs[n.inputs[0] === x ? 1 : 0];
  const number: Tensor | undefined = weights.get(name);
  return number?.type === "float32" && sizeOf(number.dims) === 1 && number.dims.length <= 1
    ? { alpha: number.data[0], from: [name] }
    : undefined;
}

/**
 * Node → what stands for it while gradients are taken; its inputs are those of the formula.
 *
 * @param whole  tensors whose own gradient is asked for, now or in a later pass, which a formula must not swallow
 * @param table  the rules in use: where one of the parts has another than its own, the parts stay parts
 */
export function composites(graph: Graph, whole: ReadonlySet<string>, table: RuleTable): Map<Node, Node> {
  const found = new Map<Node, Node>();
  if (table.Mul !== Mul || table.Sigmoid !== Sigmoid) return found;
  const made = producers(graph);
  for (const n of graph.nodes) {
    if (n.op !== "Mul" || n.domain !== "") continue;
    for (const [i, x] of n.inputs.entries()) {
      const gate = n.inputs[1 - i];
      const sigmoid = made.get(gate);
      if (sigmoid?.op !== "Sigmoid" || whole.has(gate)) continue;
      const [t] = sigmoid.inputs;
      const factor = factorOf(t, x, made, graph.initializers);
      if (factor === undefined || (t !== x && whole.has(t)) || factor.from.some((name) => whole.has(name)))
        continue;
      // the constant is an input too, although no rule reads it: the driver marks what a gradient was worked out from
      const inputs = [x, gate, t, ...factor.from];
      const attributes = { alpha: attr.float(factor.alpha) };
      found.set(n, node("SigmoidGate", inputs, n.outputs, attributes, n.name, domain));
      break;
    }
  }
  return found;
}
