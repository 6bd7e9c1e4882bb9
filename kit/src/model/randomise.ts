/**
 * Model randomisation (arXiv:1810.03292): every weight tensor keeps its values and loses their places.
 */
import { descendants, type Graph } from "../onnx/graph.ts";
import type { Tensor } from "../onnx/tensor.ts";
import type { Rng } from "../runner/rng.ts";
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
  const initializers = new Map(graph.initializers);
  const done = new Set<string>(headTensors);
  for (const n of graph.nodes) {
    if (!weighted.has(n.op) || !n.inputs.some((i) => moved.has(i))) continue;
    for (const name of n.inputs) {
      const tensor = graph.initializers.get(name);
      if (tensor === undefined || done.has(name)) continue;
      done.add(name);
      if (tensor.type === "float32" && tensor.data.length >= 2) initializers.set(name, permuted(tensor, rng));
    }
  }
  return { ...graph, initializers };
}

function permuted(tensor: Tensor<"float32">, rng: Rng): Tensor<"float32"> {
  const order = rng.permutation(tensor.data.length);
  return { ...tensor, data: Float32Array.from(order, (from) => tensor.data[from]) };
}
