/**
 * Models in half precision (float16, bfloat16), computed in float32.
 *
 * Every weight is a float32 number, so the conversion is exact; what is lost is the rounding of activations, which is
 * error and not model. It is the simplest way that works on every engine (wasm and tfjs have few half kernels), gradients
 * do not underflow, and all rules know one float type. The price is memory: weights take twice their size in the file.
 */
import { type Attribute, attr, type Graph, type Node } from "./graph.ts";
import { removeAliases } from "./read-normalise.ts";
import { type ElementType, elementTypes, float32, type Tensor, toFloat32 } from "./tensor.ts";

const isHalf = (type: ElementType): boolean => type === "float16" || type === "bfloat16";
const wideType = (type: ElementType): ElementType => (isHalf(type) ? "float32" : type);

/** Attributes that name an element type by its number. */
const typeAttributes = new Set(["to", "dtype", "output_dtype", "stash_type", "softmax_precision"]);
const halves: ReadonlySet<number> = new Set([elementTypes.float16, elementTypes.bfloat16]);

/** The half type a graph computes in anywhere; undefined if it has none. */
export function halfTypeOf(graph: Graph): "float16" | "bfloat16" | undefined {
  const types = [...graph.inputs.map((v) => v.type), ...[...graph.initializers.values()].map((t) => t.type)];
  const named = types.find(isHalf);
  if (named === "float16" || named === "bfloat16") return named;
  for (const n of graph.nodes) {
    for (const [key, a] of Object.entries(n.attributes)) {
      if (a.type === "int" && typeAttributes.has(key) && halves.has(a.value)) {
        return a.value === elementTypes.float16 ? "float16" : "bfloat16";
      }
      const inner =
        a.type === "tensor" && isHalf(a.value.type)
          ? a.value.type
          : a.type === "graph"
            ? halfTypeOf(a.value)
            : undefined;
      if (inner === "float16" || inner === "bfloat16") return inner;
    }
  }
  return undefined;
}

/** The same graph with float32 wherever it had half floats, inputs and outputs included. */
export function inFloat32(graph: Graph): Graph {
  if (halfTypeOf(graph) === undefined) return graph;
  const widened = new Map<Tensor, Tensor>();
  return widenGraph(graph, (t) => {
    if (!isHalf(t.type)) return t;
    const known = widened.get(t) ?? float32(t.dims, toFloat32(t));
    widened.set(t, known);
    return known;
  });
}

type Widen = (t: Tensor) => Tensor;

function widenGraph(graph: Graph, widen: Widen): Graph {
  const typed = <V extends { readonly type: ElementType }>(v: V): V => ({ ...v, type: wideType(v.type) });
  return {
    ...graph,
    inputs: graph.inputs.map(typed),
    outputs: graph.outputs.map(typed),
    nodes: graph.nodes.map((n) => widenNode(n, widen)),
    initializers: new Map([...graph.initializers].map(([name, t]) => [name, widen(t)])),
  };
}

function widenNode(n: Node, widen: Widen): Node {
  const entries = Object.entries(n.attributes);
  if (entries.length === 0) return n;
  const attributes = entries.map(([key, a]): [string, Attribute] => {
    if (a.type === "tensor") return [key, attr.tensor(widen(a.value))];
    if (a.type === "graph") return [key, { type: "graph", value: widenGraph(a.value, widen) }];
    const half = a.type === "int" && typeAttributes.has(key) && halves.has(a.value);
    return [key, half ? attr.int(elementTypes.float32) : a];
  });
  return { ...n, attributes: Object.fromEntries(attributes) };
}

/** Without Cast nodes that change nothing, such as those that led into half precision and out of it. */
export function withoutIdleCasts(
  graph: Graph,
  types: ReadonlyMap<string, ElementType>,
  keep: ReadonlySet<string>,
): Graph {
  const idle = (n: Node): boolean => {
    const to = n.attributes.to;
    if (n.op !== "Cast" || n.domain !== "" || to?.type !== "int" || keep.has(n.outputs[0])) return false;
    const from = types.get(n.inputs[0]);
    return from !== undefined && elementTypes[from] === to.value;
  };
  if (!graph.nodes.some(idle)) return graph;
  const nodes = graph.nodes.map((n) => (idle(n) ? { ...n, op: "Identity", attributes: {} } : n));
  return removeAliases({ ...graph, nodes });
}
