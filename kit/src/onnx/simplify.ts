/** The whole of graph simplification: shapes folded, fused operators recognised, everything described. */
import { describe, type FoldedGraph, fold } from "./fold.ts";
import type { Graph } from "./graph.ts";
import { recognise } from "./patterns.ts";

/**
 * @param batch  the name of the free batch dimension; undefined if all input dims are numbers
 * @param keep   tensors that must not be absorbed into a fused operator, since they will be read
 */
export function simplify(
  graph: Graph,
  batch: string | undefined,
  keep: ReadonlySet<string> = new Set(),
): FoldedGraph {
  const folded = fold(graph, batch);
  const whole = recognise(folded.graph, keep, folded.shapes);
  return whole === folded.graph ? folded : describe(whole, batch);
}
