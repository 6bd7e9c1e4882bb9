/**
 * What a graph leaves open until sizes are known, settled: control flow, operators that ONNX Runtime adds, and
 * quantisation. The nodes are walked in order with everything known of each tensor at several batch sizes, so a
 * condition on shapes is decided and an expansion sees the rank of what it works on. Afterwards only ordinary standard
 * operators are left.
 */
import { contrib } from "./contrib/index.ts";
import { isControlFlow, resolve, type Trip } from "./control-flow.ts";
import { type Expansion, expand, type Known, keyOf } from "./expansion.ts";
import { refuseForeign } from "./foreign.ts";
import { type Graph, labelOf, type Node, prune } from "./graph.ts";
import { type Info, inferNode, infoOf, knownFirst, requireOperators } from "./infer.ts";
import { quantised } from "./quantised.ts";
import { unsupported } from "./read-errors.ts";
import { removeAliases } from "./read-normalise.ts";
import { groundOf } from "./splice.ts";
import { sameTensor } from "./tensor.ts";

/** Nodes that settling may make; the largest classifiers have a few thousand. */
const mostMade = 100_000;

const expansions: ReadonlyMap<string, Expansion> = new Map([
  ...Object.entries(contrib).map(([key, { expand }]) => [key, expand] as const),
  ...Object.entries(quantised),
]);

const isOpen = (n: Node): boolean => isControlFlow(n) || expansions.has(keyOf(n));

/**
 * @param bindings  sizes of the free dims: one record per batch size to look at
 * @throws          KitError E_ONNX_CONTROL_FLOW (a choice that depends on values), E_ONNX_UNSUPPORTED (a form of an
 *                  operator that has no expansion)
 */
export function settle(graph: Graph, bindings: readonly Readonly<Record<string, number>>[]): Graph {
  refuseForeign(graph);
  requireOperators(graph.nodes.filter((n) => !isOpen(n)));
  if (!graph.nodes.some(isOpen)) return graph;
  const ground = groundOf(graph);
  const at = bindings.map((sizes) => knownFirst(graph, sizes));
  const infoAt = (infos: Map<string, Info>, name: string): Info | undefined => {
    const known = infos.get(name);
    if (known !== undefined || name === "") return known;
    const weight = ground.initializers.get(name);
    return weight && infoOf(weight);
  };
  const known = (name: string): Known => merged(at.map((infos) => infoAt(infos, name)));
  const nodes: Node[] = [];
  const maker = (name: string) => nodes.find((n) => n.outputs.includes(name));
  const trips = new WeakMap<Node, Trip>();
  const left = graph.nodes.toReversed();
  let made = 0;
  for (let n = left.pop(); n !== undefined; n = left.pop()) {
    if (isOpen(n)) {
      const expansion = expansions.get(keyOf(n));
      const instead = expansion
        ? expand(n, expansion, known, ground)
        : resolve(n, { known, maker, ground, trips });
      made += instead.length + 1;
      if (made > mostMade)
        throw unsupported(graph.name || "the model", `more than ${mostMade} nodes`, labelOf(n));
      for (const piece of instead.toReversed()) left.push(piece);
      continue;
    }
    nodes.push(n);
    for (const infos of at) {
      const inferred = inferNode(
        n,
        n.inputs.map((name) => infoAt(infos, name)),
      );
      for (const [i, made] of inferred.entries()) if (n.outputs[i]) infos.set(n.outputs[i], made);
    }
  }
  const { initializers } = ground;
  return prune(removeAliases({ ...graph, nodes, initializers }), graph.outputs);
}

/** What holds at every batch size looked at. */
function merged(infos: readonly (Info | undefined)[]): Known {
  const [first, ...others] = infos;
  if (first === undefined) return { type: "float32", dims: [] };
  const dims = first.dims.map((d, i) => (others.every((o) => o?.dims[i] === d) ? d : undefined));
  const { type, value } = first;
  const same = value !== undefined && others.every((o) => o?.value && sameTensor(o.value, value));
  return same ? { type, dims, value } : { type, dims };
}
