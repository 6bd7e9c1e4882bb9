/** Weights as graph inputs, which is what training feeds and differentiates. */
import { KitError } from "../errors.ts";
import { similar } from "../suggest.ts";
import type { Graph } from "./graph.ts";

/**
 * The graph with initializers turned into inputs of the same name, type and fixed dims, after its other inputs. Their
 * values are in `graph.initializers` of the old graph; nothing else changes.
 *
 * Do this to a graph as read, before `fold` or `simplify`: folding works transposed or reshaped weights out ahead.
 *
 * @throws KitError E_GRADIENT_TENSOR  a name is no initializer
 * @throws KitError E_GRADIENT_FROZEN  the value of one was worked into other constants already
 */
export function withParameters(graph: Graph, names: readonly string[]): Graph {
  const initializers = new Map(graph.initializers);
  const unknown = names.filter((name) => !initializers.has(name));
  if (unknown.length > 0) {
    throw new KitError("E_GRADIENT_TENSOR", {
      problem: `no weight of the model is called ${unknown.join(", ")}`,
      details: unknown.flatMap((name) => {
        const near = similar(name, [...initializers.keys()]).slice(0, 3);
        return near.length === 0 ? [] : [`${name}: perhaps ${near.join(" or ")}`];
      }),
      next: "name initializers of the graph as it was read, before folding",
    });
  }
  const frozen = names.filter((name) => graph.frozen?.has(name));
  if (frozen.length > 0) {
    throw new KitError("E_GRADIENT_FROZEN", {
      problem: `${frozen.join(", ")} cannot become inputs: other constants were worked out from the values`,
      next: "do it to the graph as it was read, before folding and before differentiating",
    });
  }
  const inputs = [...new Set(names)].map((name) => {
    const { type, dims } = initializers.get(name)!;
    return { name, type, dims };
  });
  for (const { name } of inputs) initializers.delete(name);
  // an input that had its initializer as a default value is listed already
  const others = graph.inputs.filter((v) => !inputs.some((i) => i.name === v.name));
  return { ...graph, inputs: [...others, ...inputs], initializers };
}
