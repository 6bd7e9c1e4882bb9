/** Graphs put into graphs: the body of a function, of a branch or of a loop in place of the node that calls it. */
import { type Graph, type Node, names, node } from "./graph.ts";
import type { Tensor } from "./tensor.ts";

/** The graph that bodies are put into. */
export interface Ground {
  readonly initializers: ReadonlyMap<string, Tensor>;
  /** A new name that begins with `hint`. */
  fresh(hint: string): string;
  /** A node name nobody has; ONNX Runtime wants them different. */
  nodeName(hint: string): string;
  /** The name of the initializer that holds this very tensor; made if there is none. */
  weight(tensor: Tensor, hint: string): string;
}

export function groundOf(graph: Graph): Ground {
  const fresh = freshIn(names(graph));
  const initializers = new Map(graph.initializers);
  const byTensor = new Map<Tensor, string>();
  for (const [name, tensor] of initializers) if (!byTensor.has(tensor)) byTensor.set(tensor, name);
  return {
    initializers,
    fresh,
    nodeName: freshIn(new Set(graph.nodes.map((n) => n.name))),
    weight(tensor, hint) {
      const known = byTensor.get(tensor);
      if (known !== undefined) return known;
      const name = fresh(hint);
      byTensor.set(tensor, name);
      initializers.set(name, tensor);
      return name;
    },
  };
}

/** Names in a file may be of any length, and names in functions in functions add up: longer ones are cut. */
const longestName = 200;

function freshIn(used: Set<string>): (hint: string) => string {
  // how many names began with a hint: a loop asks for the same one again and again
  const asked = new Map<string, number>();
  return (wish) => {
    const hint = wish.slice(0, longestName);
    let name = hint;
    let count = asked.get(hint) ?? 0;
    while (used.has(name)) name = `${hint}_${++count}`;
    asked.set(hint, count);
    used.add(name);
    return name;
  };
}

/**
 * The nodes of `body`, its inputs replaced by `given` ("" or missing: an absent optional one) and its outputs by
 * `wanted` ("" or missing: not read). Every other name becomes new, and begins with `label`.
 */
export function splice(
  body: Graph,
  { given, wanted, label }: { given: readonly string[]; wanted: readonly string[]; label: string },
  ground: Ground,
): Node[] {
  const renamed = new Map<string, string>([["", ""]]);
  for (const [i, { name }] of body.inputs.entries()) if (name !== "") renamed.set(name, given[i] ?? "");
  for (const [name, tensor] of body.initializers)
    renamed.set(name, ground.weight(tensor, `${label}/${name}`));
  const copies: Node[] = [];
  for (const [i, { name }] of body.outputs.entries()) {
    if (!wanted[i]) continue;
    // an output that already has a name outside gets the second one by a copy
    if (renamed.has(name)) copies.push(node("Identity", [renamed.get(name)!], [wanted[i]]));
    else renamed.set(name, wanted[i]);
  }
  const outside = (name: string): string => {
    const known = renamed.get(name);
    if (known !== undefined) return known;
    const made = ground.fresh(`${label}/${name}`);
    renamed.set(name, made);
    return made;
  };
  const nodes = body.nodes.map((n) => ({
    ...n,
    name: n.name && ground.nodeName(`${label}/${n.name}`),
    inputs: n.inputs.map(outside),
    outputs: n.outputs.map(outside),
  }));
  return [...nodes, ...copies];
}
