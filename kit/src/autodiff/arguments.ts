/** What rules read of a node: axes, sizes and integers that must be known while the gradient is built. */
import { KitError } from "../errors.ts";
import { intOf, labelOf, type Node } from "../onnx/graph.ts";
import { integersOf } from "../onnx/inference/call.ts";
import { type Dim, equalDims, type Shape } from "../onnx/shapes.ts";
import type { Limit, Value } from "./vjp.ts";

/** The error of a node that has a rule which does not cover this use of it. */
export const unsupported = (node: Node, problem: string): KitError =>
  new KitError("E_NO_GRADIENT", {
    problem: `${node.op} node ${labelOf(node)} has no gradient: ${problem}`,
    next: "use a method that needs no gradient, or export the model without this operator",
  });

/** The integers of an input, known before running; `fallback` where it is absent. */
export function integers(
  node: Node,
  input: Value | undefined,
  fallback: readonly number[],
): readonly number[] {
  if (input === undefined) return fallback;
  const values = integersOf(input.constant);
  if (values === undefined) throw unsupported(node, `${input.name} is known only while running`);
  return values;
}

/** An axis counted from the front. */
export const axisIn = (rank: number, axis: number): number => (axis < 0 ? axis + rank : axis);

/** Attribute `axis`, counted from the front. */
export const axisOf = (node: Node, rank: number, fallback: number): number =>
  axisIn(rank, intOf(node, "axis", fallback));

/** All axes from `from` on. */
export const axesFrom = (rank: number, from: number): number[] =>
  Array.from({ length: Math.max(0, rank - from) }, (_, i) => i + from);

/** A dim that does not follow the batch. */
export function fixed(node: Node, d: Dim): number {
  if (typeof d === "number") return d;
  throw unsupported(node, "it works along the batch axis, where images must not meet");
}
export const fixedAll = (node: Node, shape: Shape): number[] => shape.map((d) => fixed(node, d));

/** The limit of rules that need the size of an axis they change. */
export const changesBatch: Limit = {
  what: "a batch axis that changes its size",
  holds: ({ inputs: [x], outputs: [y] }) =>
    x.shape.some((d, axis) => typeof d !== "number" && !equalDims(d, y.shape[axis])),
};

/** Product of dims, of which one may follow the batch. */
export function product(dims: Shape): Dim {
  const factor = dims.reduce<number>((n, d) => n * (typeof d === "number" ? d : d.batch), 1);
  const free = dims.filter((d) => typeof d !== "number").length;
  if (free > 1) {
    throw new KitError("E_GRADIENT_SHAPE", {
      problem: "a gradient needs a tensor with batch × batch elements in one axis",
      next: "export the model so that images of a batch do not meet",
    });
  }
  return free === 1 ? { batch: factor } : factor;
}
