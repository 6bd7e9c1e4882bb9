/** Weights that keep no more in memory than themselves. */
import type { Graph } from "./graph.ts";
import type { Tensor } from "./tensor.ts";

/**
 * Reading gives views into the file where alignment allows and copies where it does not. One view keeps the whole file, so a few of them
 * cost as much as all. Where views cover less than nine tenths of their buffer they are copied too, and the file can go.
 */
export function ownWeights(graph: Graph): Graph {
  const viewed = new Map<ArrayBufferLike, number>();
  for (const { data } of graph.initializers.values()) {
    if (ArrayBuffer.isView(data)) viewed.set(data.buffer, (viewed.get(data.buffer) ?? 0) + data.byteLength);
  }
  const sparse = (data: ArrayBufferView) => viewed.get(data.buffer)! < 0.9 * data.buffer.byteLength;
  const initializers = new Map(
    [...graph.initializers].map(([name, tensor]): [string, Tensor] =>
      ArrayBuffer.isView(tensor.data) && sparse(tensor.data)
        ? [name, { ...tensor, data: tensor.data.slice() } as Tensor]
        : [name, tensor],
    ),
  );
  return { ...graph, initializers };
}
