/**
 * The head of a contrastive model: an embedding divided by its length, multiplied with constant class embeddings, scaled. Found where the
 * model's file has one, appended where it ends in the embedding.
 */
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex, utf8ToBytes } from "@noble/hashes/utils.js";
import { KitError } from "../errors.ts";
import type { FoldedGraph } from "../onnx/fold.ts";
import { type Graph, type Node, node, producers } from "../onnx/graph.ts";
import { type Float32Tensor, float32, int64, type Tensor, toFloat32 } from "../onnx/tensor.ts";

/** What makes a classifier of an image encoder. */
export interface ClassEmbeddings {
  /** [classes, D], of any length */
  readonly embeddings: Float32Tensor;
  /** what similarities are multiplied with; 100, where CLIP's training ends, unless told */
  readonly scale?: number;
  /** of the file they came from, hex: other embeddings are another model */
  readonly sha256: string;
}

export const defaultScale = 100;

/** The identity of a model with class embeddings: the hash of what it is made of. */
export const withClassEmbeddings = (
  weights: string,
  text: Pick<ClassEmbeddings, "sha256" | "scale"> | undefined,
): string =>
  text === undefined
    ? weights
    : bytesToHex(sha256(utf8ToBytes(`${weights} ${text.sha256} ${text.scale ?? defaultScale}`)));

/**
 * Image embeddings [N,D] → scale · cos(image, class) [N,classes], in the place of the scores.
 *
 * @throws KitError E_INPUT for embeddings of other dims than [classes, D], that are zero or not finite, and for a scale that is not positive
 */
export function similarities(
  { graph, shapes, types }: FoldedGraph,
  embedding: string,
  { embeddings, scale = defaultScale }: ClassEmbeddings,
): { folded: FoldedGraph; score: string; classes: number } {
  if (!(scale > 0 && Number.isFinite(scale))) {
    throw new KitError("E_INPUT", {
      problem: `the logit scale ${scale} is not a positive number`,
      next: "give the factor itself (CLIP's is 100), not its logarithm",
    });
  }
  const [rows, size] = shapes.get(embedding)!;
  const text = transposed(unit(embeddings, Number(size)));
  const classes = text.dims[1];
  const at = (name: string) => `${embedding}_${name}`;
  const score = at("similarities");
  const nodes = [
    node("Mul", [embedding, embedding], [at("squares")]),
    node("ReduceSum", [at("squares"), at("axis")], [at("sum")]),
    // so that the embedding 0 has the similarity 0 to everything; too little to change any other
    node("Add", [at("sum"), at("epsilon")], [at("positive")]),
    node("Sqrt", [at("positive")], [at("length")]),
    node("Div", [embedding, at("length")], [at("direction")]),
    node("MatMul", [at("direction"), at("classes")], [at("cosines")]),
    node("Mul", [at("cosines"), at("scale")], [score]),
  ];
  const wide = ["squares", "direction"].map((name) => [at(name), [rows, size]] as const);
  const narrow = ["sum", "positive", "length"].map((name) => [at(name), [rows, 1]] as const);
  const made = [
    ...wide,
    ...narrow,
    [at("cosines"), [rows, classes]] as const,
    [score, [rows, classes]] as const,
  ];
  const constants: (readonly [string, Tensor])[] = [
    [at("axis"), int64([1], [1])],
    [at("epsilon"), float32([], [1e-24])],
    [at("classes"), text],
    [at("scale"), float32([], [scale])],
  ];
  return {
    score,
    classes,
    folded: {
      graph: {
        ...graph,
        nodes: [...graph.nodes, ...nodes],
        initializers: new Map([...graph.initializers, ...constants]),
        outputs: [
          { name: score, type: "float32", dims: [typeof rows === "number" ? rows : "batch", classes] },
        ],
      },
      shapes: new Map([...shapes, ...constants.map(([name, { dims }]) => [name, dims] as const), ...made]),
      types: new Map([
        ...types,
        ...constants.map(([name, { type }]) => [name, type] as const),
        ...made.map(([name]) => [name, "float32"] as const),
      ]),
    },
  };
}

/** Each class embedding divided by its length. */
function unit({ dims, data }: Float32Tensor, size: number): Float32Tensor {
  const [classes, own] = dims;
  const problem = `class embeddings of dims [${dims.join(", ")}] for image embeddings of ${size} values`;
  if (dims.length !== 2 || own !== size) {
    const turned = dims.length === 2 && classes === size;
    throw new KitError("E_INPUT", {
      problem,
      next: turned
        ? "transpose them: one row per class"
        : `give [classes, ${size}], or name the output that holds the image's embedding (output.name in the model card)`,
    });
  }
  if (classes < 2)
    throw new KitError("E_INPUT", { problem, next: "give at least two classes, to tell apart" });
  const scaled = new Float32Array(data.length);
  for (let c = 0; c < classes; c++) {
    const row = data.subarray(c * size, (c + 1) * size);
    const length = Math.sqrt(row.reduce((sum, v) => sum + v * v, 0));
    if (!(length > 0 && Number.isFinite(length))) {
      throw new KitError("E_INPUT", {
        problem: `the embedding of class ${c} ${length === 0 ? "is zero" : "is not finite"}, so it has no direction`,
        next: "compute it again: row c is the text encoder's output for class c",
      });
    }
    for (let i = 0; i < size; i++) scaled[c * size + i] = row[i] / length;
  }
  return float32(dims, scaled);
}

function transposed({ dims: [rows, columns], data }: Float32Tensor): Float32Tensor {
  const out = new Float32Array(data.length);
  for (let i = 0; i < rows; i++) for (let j = 0; j < columns; j++) out[j * rows + i] = data[i * columns + j];
  return float32([columns, rows], out);
}

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
