/**
 * The head of a contrastive model: an embedding divided by its length, multiplied with constant class embeddings, scaled.
 */
import { type Graph, type Node, producers } from "../onnx/graph.ts";

export interface ContrastiveHead {
  /** the unit-length image embedding */
  readonly embedding: string;
  /** class embeddings and scale: constants that are not weights of the image encoder */
  readonly constants: readonly string[];
}

/** Walks back from the score over scales and flattening; undefined when no such head is there. */
export function contrastiveHead(graph: Graph, score: string): ContrastiveHead | undefined {
  const made = producers(graph);
  const constants: string[] = [];
  let at = made.get(score);
  while (at && (at.op === "Mul" || at.op === "Div" || at.op === "Flatten" || at.op === "Add")) {
    const constant = at.inputs.filter((i) => graph.initializers.has(i));
    const rest = at.inputs.filter((i) => !graph.initializers.has(i));
    if (rest.length !== 1) return undefined;
    constants.push(...constant);
    at = made.get(rest[0]);
  }
  if (at?.op !== "MatMul" && at?.op !== "Gemm") return undefined;
  constants.push(...at.inputs.filter((i) => graph.initializers.has(i)));
  // the scale may be applied to the embedding before the product
  let before = made.get(at.inputs[0]);
  if (before?.op === "Mul") {
    const scale = before.inputs.find((i) => graph.initializers.has(i));
    const rest = before.inputs.find((i) => !graph.initializers.has(i));
    if (scale !== undefined && rest !== undefined) {
      constants.push(scale);
      before = made.get(rest);
    }
  }
  const norm = before?.op === "Div" ? made.get(before.inputs[1]) : undefined;
  if (before?.op === "LpNormalization") return { embedding: before.outputs[0], constants };
  return before && norm && isLength(made, norm, before.inputs[0])
    ? { embedding: before.outputs[0], constants }
    : undefined;
}

/** ‖v‖ in its exported forms: ReduceL2, or Sqrt of a sum of squares, with clamping and broadcasting in between. */
function isLength(made: Map<string, Node>, n: Node | undefined, of: string): boolean {
  switch (n?.op) {
    case "Clip":
    case "Max":
    case "Expand":
    case "Add":
    case "Unsqueeze":
      return isLength(made, made.get(n.inputs[0]), of);
    case "ReduceL2":
      return n.inputs[0] === of;
    case "Sqrt":
      return isSquareSum(made, made.get(n.inputs[0]), of);
    default:
      return false;
  }
}

function isSquareSum(made: Map<string, Node>, n: Node | undefined, of: string): boolean {
  if (n?.op === "ReduceSumSquare") return n.inputs[0] === of;
  if (n?.op === "Add" || n?.op === "Clip") return isSquareSum(made, made.get(n.inputs[0]), of);
  const square = n?.op === "ReduceSum" ? made.get(n.inputs[0]) : undefined;
  return (square?.op === "Mul" || square?.op === "Pow") && square.inputs[0] === of;
}
