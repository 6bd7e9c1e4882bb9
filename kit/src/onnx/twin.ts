/** The same graph a second time in one: all that depends on an input, again for another input beside it. */
import type { FoldedGraph } from "./fold.ts";
import { descendants, names } from "./graph.ts";

export interface Twinned {
  /** Both; weights and what is made of them alone are there once. The outputs are the first one's. */
  readonly folded: FoldedGraph;
  /** The second one's tensor of this name; the tensor itself where it does not depend on the input. */
  readonly twin: (name: string) => string;
}

/** @param prefix  what names of the second begin with; lengthened if something begins so already */
export function twinned({ graph, shapes, types }: FoldedGraph, input: string, prefix: string): Twinned {
  const used = [...names(graph)];
  let own = prefix;
  while (used.some((name) => name.startsWith(own))) own += "'";
  const moved = descendants(graph, [input]);
  const twin = (name: string): string => (moved.has(name) ? own + name : name);
  const both = <T>(known: ReadonlyMap<string, T>): ReadonlyMap<string, T> =>
    new Map([...known, ...[...known].map(([name, value]) => [twin(name), value] as const)]);
  const described = graph.inputs.find((i) => i.name === input)!;
  return {
    folded: {
      graph: {
        ...graph,
        inputs: [...graph.inputs, { ...described, name: twin(input) }],
        nodes: [
          ...graph.nodes,
          ...graph.nodes
            .filter((n) => n.outputs.some((o) => moved.has(o)))
            .map((n) => ({
              ...n,
              name: n.name && own + n.name,
              inputs: n.inputs.map(twin),
              outputs: n.outputs.map(twin),
            })),
        ],
      },
      shapes: both(shapes),
      types: both(types),
    },
    twin,
  };
}
