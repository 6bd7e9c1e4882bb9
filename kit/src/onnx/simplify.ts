/** The whole of graph simplification: shapes folded, fused operators recognised, everything described. */
import { describe, type FoldedGraph, fold } from "./fold.ts";
import type { Graph } from "./graph.ts";
import { withoutIdleCasts } from "./half.ts";
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
  const bare = withoutIdleCasts(folded.graph, folded.types, keep);
  const whole = recognise(bare, keep, folded.shapes);
  return whole === folded.graph ? folded : describe(whole, batch);
}
