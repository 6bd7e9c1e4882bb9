/**
 * Model randomisation (arXiv:1810.03292): every weight tensor keeps its values and loses their places.
 */
import { descendants, type Graph, producers } from "../onnx/graph.ts";
import type { ElementType, Tensor } from "../onnx/tensor.ts";
import type { Rng } from "../rng.ts";
import type { Prepared } from "./prepare.ts";

const weighted = new Set([
  "Conv",
  "ConvTranspose",
  "Gemm",
  "MatMul",
  "BatchNormalization",
  "LayerNormalization",
  "InstanceNormalization",
  "GroupNormalization",
]);

const floats: ReadonlySet<ElementType> = new Set(["float32", "float64", "float16", "bfloat16"]);

/**
 * Weights are float tensors of at least two elements read by a Conv, Gemm, MatMul or normalisation; preprocessing, text embeddings, scales
 * and shapes stay. The draws follow the order of the nodes, so the result is a function of the graph and the stream alone.
 */
export function permutedWeights(
  graph: Graph,
  { headTensors, input }: Pick<Prepared, "headTensors" | "input">,
  rng: Rng,
): Graph {
  const moved = descendants(graph, [input.name]);
  const made = producers(graph);
  const initializers = new Map(graph.initializers);
  const done = new Set<string>(headTensors);
  /** A weight too large to be transposed or converted ahead of time is read through the node that does it. */
  const permute = (name: string): void => {
    if (done.has(name) || moved.has(name)) return;
    done.add(name);
    const tensor = graph.initializers.get(name);
    if (tensor === undefined) for (const source of made.get(name)?.inputs ?? []) permute(source);
    else if (floats.has(tensor.type) && tensor.data.length >= 2)
      initializers.set(name, permuted(tensor, rng));
  };
  for (const n of graph.nodes) {
    if (weighted.has(n.op) && n.inputs.some((i) => moved.has(i))) for (const name of n.inputs) permute(name);
  }
  return { ...graph, initializers };
}

function permuted(tensor: Tensor, rng: Rng): Tensor {
  const given = tensor.data;
  const order = rng.permutation(given.length);
  const data = given.slice() as Float32Array;
  for (let i = 0; i < data.length; i++) data[i] = given[order[i]] as number;
  return { ...tensor, data } as Tensor;
}
