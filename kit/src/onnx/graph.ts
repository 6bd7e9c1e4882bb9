/**
 * An ONNX model as plain data: nodes in topological order, tensors by name. No engine, no maths.
 *
 * A Graph is treated as immutable: surgery returns a new Graph that shares what did not change.
 * Inside the house every graph is at opset `canonicalOpset`; `upgrade` brings older ones there on reading, so that
 * each rule of inference and differentiation knows one version of an operator.
 */
import type { ElementType, Tensor } from "./tensor.ts";

/** The opset every graph has after reading. */
export const canonicalOpset = 21;

export type Attribute =
  | { readonly type: "int"; readonly value: number }
  | { readonly type: "float"; readonly value: number }
  | { readonly type: "string"; readonly value: string }
  | { readonly type: "tensor"; readonly value: Tensor }
  | { readonly type: "ints"; readonly value: readonly number[] }
  | { readonly type: "floats"; readonly value: readonly number[] }
  | { readonly type: "strings"; readonly value: readonly string[] }
  /**
   * The body of an If or a Loop, closed: what it reads from outside is among its inputs, and the node that holds it
   * reads the same tensors at the end of its own inputs. A Loop says in `carried` how many inputs are values it carries.
   */
  | { readonly type: "graph"; readonly value: Graph };

export interface Node {
  readonly op: string;
  /** "" is the standard ONNX domain. */
  readonly domain: string;
  readonly name: string;
  /** Tensor names; "" marks an optional input that is absent. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Readonly<Record<string, Attribute>>;
}

/** Dims of a value whose number of dimensions is not known either. */
export const unknownRank: readonly string[] = ["..."];

/** A free dimension keeps its name ("batch"), an unknown one is "?"; `unknownRank` where the file gives no shape. */
export interface ValueInfo {
  readonly name: string;
  readonly type: ElementType;
  readonly dims: readonly (number | string)[];
}

export interface Graph {
  readonly name: string;
  /** Version per operator domain; "" is the standard domain. */
  readonly opsets: Readonly<Record<string, number>>;
  readonly inputs: readonly ValueInfo[];
  readonly outputs: readonly ValueInfo[];
  readonly nodes: readonly Node[];
  readonly initializers: ReadonlyMap<string, Tensor>;
  /**
   * Initializers whose values were worked into other constants, by folding or by a gradient rule (flipped weights): a
   * derivative with respect to them would miss those, so `backward` refuses it. A written file does not keep this.
   */
  readonly frozen?: ReadonlySet<string>;
  /**
   * What is known of inner tensors. Engines run without it, but ONNX Runtime keeps its blocked memory layout through
   * elementwise operators only where it sees that shapes agree, and it does not work out what we know.
   */
  readonly values?: readonly ValueInfo[];
}

export const node = (
  op: string,
  inputs: readonly string[],
  outputs: readonly string[],
  attributes: Readonly<Record<string, Attribute>> = {},
  name = "",
  domain = "",
): Node => ({ op, domain, name, inputs, outputs, attributes });

/** Attribute makers: `attr.ints([1, 1])`. */
export const attr = {
  int: (value: number): Attribute => ({ type: "int", value }),
  float: (value: number): Attribute => ({ type: "float", value }),
  string: (value: string): Attribute => ({ type: "string", value }),
  tensor: (value: Tensor): Attribute => ({ type: "tensor", value }),
  ints: (value: readonly number[]): Attribute => ({ type: "ints", value }),
  floats: (value: readonly number[]): Attribute => ({ type: "floats", value }),
} as const;

/** Attribute readers: the value, or the default when the attribute is absent. */
export function intOf(n: Node, key: string, fallback: number): number {
  const a = n.attributes[key];
  return a?.type === "int" ? a.value : fallback;
}
export function floatOf(n: Node, key: string, fallback: number): number {
  const a = n.attributes[key];
  return a?.type === "float" ? a.value : fallback;
}
export function stringOf(n: Node, key: string, fallback: string): string {
  const a = n.attributes[key];
  return a?.type === "string" ? a.value : fallback;
}
export function intsOf(n: Node, key: string): readonly number[] | undefined {
  const a = n.attributes[key];
  return a?.type === "ints" ? a.value : undefined;
}

/** What to call a node in a message: its name, else its first output. */
export const labelOf = (n: Node): string => n.name || n.outputs.find((o) => o !== "") || n.op;

/** Tensor name → the node that makes it. */
export function producers(graph: Graph): Map<string, Node> {
  const made = new Map<string, Node>();
  for (const n of graph.nodes) for (const o of n.outputs) if (o !== "") made.set(o, n);
  return made;
}

/** Tensor name → the nodes that read it. */
export function consumers(graph: Graph): Map<string, Node[]> {
  const read = new Map<string, Node[]>();
  for (const n of graph.nodes) {
    for (const i of new Set(n.inputs)) {
      if (i === "") continue;
      const list = read.get(i);
      if (list) list.push(n);
      else read.set(i, [n]);
    }
  }
  return read;
}

/** The names that `targets` depend on, themselves included. */
export function ancestors(graph: Graph, targets: Iterable<string>): Set<string> {
  const seen = new Set(targets);
  for (const n of graph.nodes.toReversed()) {
    if (n.outputs.some((o) => seen.has(o))) for (const i of n.inputs) if (i !== "") seen.add(i);
  }
  return seen;
}

/** The names that depend on `sources`, themselves included. */
export function descendants(graph: Graph, sources: Iterable<string>): Set<string> {
  const seen = new Set(sources);
  for (const n of graph.nodes) {
    if (n.inputs.some((i) => seen.has(i))) for (const o of n.outputs) if (o !== "") seen.add(o);
  }
  return seen;
}

/** The graph cut down to what `outputs` need; graph inputs stay, so that feeds keep their meaning. */
export function prune(graph: Graph, outputs: readonly ValueInfo[]): Graph {
  const needed = ancestors(
    graph,
    outputs.map((o) => o.name),
  );
  return {
    ...graph,
    outputs,
    nodes: graph.nodes.filter((n) => n.outputs.some((o) => needed.has(o))),
    initializers: new Map([...graph.initializers].filter(([name]) => needed.has(name))),
    ...(graph.values && { values: graph.values.filter((v) => needed.has(v.name)) }),
  };
}

const floats: ReadonlySet<ElementType> = new Set(["float32", "float64", "float16", "bfloat16"]);

/** The graph with more of its float initializers marked as worked into other tensors. */
export function frozenWith(graph: Graph, more: Iterable<string>): Graph {
  const kept = [...(graph.frozen ?? []), ...more].filter((name) => {
    const value = graph.initializers.get(name);
    return value !== undefined && floats.has(value.type);
  });
  return kept.length === 0 ? graph : { ...graph, frozen: new Set(kept) };
}

/** Every tensor name in use, for making fresh ones. */
export function names(graph: Graph): Set<string> {
  const used = new Set<string>(graph.initializers.keys());
  for (const v of [...graph.inputs, ...graph.outputs]) used.add(v.name);
  for (const n of graph.nodes) for (const t of [...n.inputs, ...n.outputs]) used.add(t);
  return used;
}
