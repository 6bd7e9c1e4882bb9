/**
 * The head of a contrastive model: an embedding divided by its length, multiplied with constant class embeddings, scaled.
 */
import { type Graph, type Node, producers } from "../onnx/graph.ts";
import { type Tensor, toFloat32 } from "../onnx/tensor.ts";

export interface ContrastiveHead {
  /** the unit-length image embedding */
  readonly embedding: string;
  /** class embeddings and scale: constants that are not weights of the image encoder */
  readonly constants: readonly string[];
}

type Made = ReadonlyMap<string, Node>;

/** Scales, biases and changes of shape that may stand behind the product, or between the embedding and the product. */
const handedOn = new Set([
  "Add",
  "Cast",
  "Div",
  "Flatten",
  "Mul",
  "Reshape",
  "Squeeze",
  "Transpose",
  "Unsqueeze",
]);

/** Walks back from the score over scales and flattening; undefined when no such head is there. */
export function contrastiveHead(graph: Graph, score: string): ContrastiveHead | undefined {
  const made = producers(graph);
  const constants: string[] = [];
  /** The one input that is no constant; the constants are the head's. */
  const onward = (n: Node): string | undefined => {
    const [rest, ...others] = n.inputs.filter((i) => i !== "" && !graph.initializers.has(i));
    if (others.length > 0) return undefined;
    constants.push(...n.inputs.filter((i) => graph.initializers.has(i)));
    return rest;
  };
  let at: string | undefined = score;
  let product = false;
  for (;;) {
    const n: Node | undefined = at === undefined ? undefined : made.get(at);
    if (n === undefined) return undefined;
    if (product && isNormalisation(graph, made, n)) return { embedding: n.outputs[0], constants };
    if (!product && (n.op === "MatMul" || n.op === "Gemm")) product = true;
    else if (!handedOn.has(n.op)) return undefined;
    at = onward(n);
  }
}

/** v / ‖v‖ in its exported forms. */
function isNormalisation(graph: Graph, made: Made, n: Node): boolean {
  if (n.op === "LpNormalization") return true;
  if (n.op === "Div") return isLength(graph, made, made.get(n.inputs[1]), n.inputs[0]);
  if (n.op !== "Mul") return false;
  return n.inputs.some((i, k) => {
    const inverse = made.get(i);
    return (
      inverse?.op === "Reciprocal" && isLength(graph, made, made.get(inverse.inputs[0]), n.inputs[1 - k])
    );
  });
}

/** ‖v‖ in its exported forms: ReduceL2, or Sqrt of a sum of squares, with clamping and broadcasting in between. */
function isLength(graph: Graph, made: Made, n: Node | undefined, of: string): boolean {
  switch (n?.op) {
    case "Add":
    case "Cast":
    case "Clip":
    case "Expand":
    case "Max":
    case "Unsqueeze":
      return isLength(graph, made, made.get(computed(graph, n)), of);
    case "ReduceL2":
      return n.inputs[0] === of;
    case "Sqrt":
      return isSquareSum(graph, made, made.get(n.inputs[0]), of);
    case "Pow":
      return isNumber(graph.initializers.get(n.inputs[1]), 0.5)
        ? isSquareSum(graph, made, made.get(n.inputs[0]), of)
        : false;
    default:
      return false;
  }
}

function isSquareSum(graph: Graph, made: Made, n: Node | undefined, of: string): boolean {
  if (n?.op === "ReduceSumSquare") return n.inputs[0] === of;
  if (n?.op === "Add" || n?.op === "Clip" || n?.op === "Max")
    return isSquareSum(graph, made, made.get(computed(graph, n)), of);
  const square = n?.op === "ReduceSum" ? made.get(n.inputs[0]) : undefined;
  if (square?.inputs[0] !== of) return false;
  return square.op === "Mul"
    ? square.inputs[1] === of
    : square.op === "Pow" && isNumber(graph.initializers.get(square.inputs[1]), 2);
}

/** The first input that is no constant. */
const computed = (graph: Graph, n: Node): string =>
  n.inputs.find((i) => i !== "" && !graph.initializers.has(i)) ?? "";

const isNumber = (t: Tensor | undefined, value: number): boolean =>
  t !== undefined && t.type !== "string" && t.data.length === 1 && Number(toFloat32(t)[0]) === value;
