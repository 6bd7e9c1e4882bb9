/**
 * Values of nodes whose inputs are known: the integer arithmetic exporters do on shapes, and cheap preparation of
 * weights (casts, transposes, scaling). Everything else is the engine's work.
 */
import type { Node } from "../graph.ts";
import { callOf, type Info } from "../inference/call.ts";
import { sizeOf, type Tensor } from "../tensor.ts";
import { arithmetic } from "./arithmetic.ts";
import { movement, relabels } from "./movement.ts";

const table = new Map(Object.entries({ ...movement, ...arithmetic }));

/** No value larger than this is made here. */
const mostElements = 2 ** 22;
/** Values up to this size are made even where they are larger than what they are made from. */
const smallElements = 2 ** 18;

const elements = (i: Info | undefined): number => (i ? sizeOf(i.dims) : 0);

export function evaluate(
  node: Node,
  inputs: readonly (Info | undefined)[],
  outputs: readonly Info[],
): readonly Tensor[] | undefined {
  const evaluator = node.domain === "" ? table.get(node.op) : undefined;
  if (evaluator === undefined || inputs.some((i) => i && !i.value)) return undefined;
  const made = outputs.reduce((n, o) => n + elements(o), 0);
  const given = inputs.reduce((most, i) => Math.max(most, elements(i)), 0);
  const justified = made <= smallElements || (made <= given && made <= mostElements);
  if (!relabels.has(node.op) && !justified) return undefined;
  return evaluator(callOf(node, inputs), outputs);
}
