/**
 * Which operators are linear in what depends on the image, and which nodes lie between image and score: what every table of rules has to know
 * before it says that it covers a model.
 */
import type { FoldedGraph } from "../../onnx/fold.ts";
import { ancestors, intOf, labelOf, type Node, stringOf } from "../../onnx/graph.ts";
import type { Gap } from "../backward.ts";

export interface Between {
  /** what depends on the input's values and is read by the score, in the order of the graph */
  readonly nodes: readonly Node[];
  /** tensors that depend on the input's values, the input itself included */
  readonly moved: ReadonlySet<string>;
}

/** Read sizes, not values: what they make does not move with the input. */
const ofSizes = new Set(["Shape", "Size"]);

/** The nodes between `input` and `score`. */
export function between({ graph }: Pick<FoldedGraph, "graph">, input: string, score: string): Between {
  const moved = new Set([input]);
  for (const n of graph.nodes) {
    if (ofSizes.has(n.op) || !n.inputs.some((i) => moved.has(i))) continue;
    for (const o of n.outputs) if (o !== "") moved.add(o);
  }
  const read = ancestors(graph, [score]);
  const on = (o: string) => moved.has(o) && read.has(o);
  return { nodes: graph.nodes.filter((n) => n.outputs.some(on)), moved };
}

/** Elements go elsewhere, are left out, repeated or surrounded by constants: the first input, whatever the others say, or all of them. */
const moves = new Set([
  "Cast",
  "CastLike",
  "CenterCropPad",
  "Compress",
  "Concat",
  "DepthToSpace",
  "Dropout",
  "Expand",
  "Flatten",
  "Gather",
  "GatherElements",
  "GatherND",
  "Identity",
  "Pad",
  "Reshape",
  "ReverseSequence",
  "Slice",
  "SpaceToDepth",
  "Split",
  "Squeeze",
  "Tile",
  "Transpose",
  "Trilu",
  "Unsqueeze",
]);

/** Sums with fixed coefficients. */
const sums = new Set([
  "AveragePool",
  "Col2Im",
  "CumSum",
  "GlobalAveragePool",
  "GridSample",
  "Neg",
  "ReduceMean",
  "ReduceSum",
  "Resize",
]);

/** Linear in all inputs at once. */
const jointly = new Set(["Add", "Concat", "Mean", "Sub", "Sum"]);

/** The first two inputs are multiplied; a third is added to the product. */
const products = new Set(["Conv", "ConvTranspose", "Gemm", "MatMul", "Mul"]);

const standard = ({ domain }: Node): boolean => domain === "" || domain === "ai.onnx";

/** Does the node only move elements? Each element of its output is one of an input, or a constant. */
export const isMove = (n: Node): boolean => standard(n) && moves.has(n.op);

/** Is the node affine in its inputs that depend on the image, all of them together? */
export function isLinear(n: Node, moved: ReadonlySet<string>): boolean {
  if (!standard(n)) return false;
  const moving = n.inputs.flatMap((name, i) => (moved.has(name) ? [i] : []));
  const only = (...allowed: number[]) => moving.every((i) => allowed.includes(i));
  if (jointly.has(n.op)) return true;
  if (products.has(n.op)) return !(moving.includes(0) && moving.includes(1));
  if (n.op === "Einsum") return moving.length === 1;
  if (n.op === "Where") return only(1, 2);
  if (n.op === "Div" || moves.has(n.op) || sums.has(n.op)) return only(0);
  if (n.op === "BatchNormalization") return only(0) && intOf(n, "training_mode", 0) === 0;
  if (n.op === "ScatterElements" || n.op === "ScatterND") {
    return only(0, 2) && ["none", "add"].includes(stringOf(n, "reduction", "none"));
  }
  return false;
}

/** The operators between `input` and `score` that are neither linear nor `covered` by rules: counted by name, in the order of their names. */
export function uncovered(
  folded: Pick<FoldedGraph, "graph">,
  input: string,
  score: string,
  covered: (n: Node, moved: ReadonlySet<string>) => boolean,
): readonly Gap[] {
  const { nodes, moved } = between(folded, input, score);
  const found = new Map<string, Gap>();
  for (const n of nodes) {
    if (isLinear(n, moved) || covered(n, moved)) continue;
    const op = standard(n) ? n.op : `${n.domain}.${n.op}`;
    const known = found.get(op) ?? { op, reason: reasonOf(n, moved), count: 0, firstNode: labelOf(n) };
    found.set(op, { ...known, count: known.count + 1 });
  }
  return [...found.values()].sort((a, b) => (a.op < b.op ? -1 : 1));
}

/** What is linear in another use says which use this is. */
const reasonOf = (n: Node, moved: ReadonlySet<string>): string | undefined =>
  standard(n) && (products.has(n.op) || n.op === "Einsum") && n.inputs.filter((i) => moved.has(i)).length > 1
    ? "of two activations"
    : n.op === "Div" && moved.has(n.inputs[1])
      ? "by an activation"
      : undefined;
