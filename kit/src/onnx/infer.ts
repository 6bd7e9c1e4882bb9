/**
 * Shapes, types and known values of every tensor, for one concrete batch size.
 *
 * Inference is concrete on purpose: it runs once at batch 2 and once at batch 3, and `shapes.ts` compares the two. A
 * dimension equal in both is static, one in ratio 2 : 3 is a multiple of the batch. No symbolic algebra is needed.
 */
import type { Graph, Node } from "./graph.ts";
import type { ElementType, Tensor } from "./tensor.ts";

/** What is known of a tensor before running the model; `value` where folding knows it. */
export interface Info {
  readonly type: ElementType;
  readonly dims: readonly number[];
  readonly value?: Tensor;
}

/** Infers the outputs of one node; undefined stands for an absent optional input. Throws KitError E_ONNX_SHAPE. */
export declare function inferNode(node: Node, inputs: readonly (Info | undefined)[]): readonly Info[];

/** Infers every tensor of the graph, free input dimensions bound by name ("batch" → 2). */
export declare function inferGraph(
  graph: Graph,
  bindings: Readonly<Record<string, number>>,
): Map<string, Info>;
