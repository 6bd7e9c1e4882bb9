/**
 * Shapes, types and known values of every tensor, for one concrete batch size.
 *
 * Inference is concrete on purpose: it runs once at batch 2 and once at batch 3, and `shapes.ts` compares the two. A
 * dimension equal in both is static, one in ratio 2 : 3 is a multiple of the batch. No symbolic algebra is needed.
 */
import { KitError } from "../errors.ts";
import { evaluate } from "./evaluate/index.ts";
import { type Graph, labelOf, type Node, type ValueInfo } from "./graph.ts";
import { callOf, formatList, type Info, mostAxes, wrongShape } from "./inference/call.ts";
import { refused, rules } from "./inference/index.ts";
import { sizeOf, type Tensor } from "./tensor.ts";

export type { Info };

/** More than any machine holds; a guard against hostile files. */
const mostElements = 2 ** 40;

/** Throws KitError E_ONNX_OP that names every operator of `nodes` that nobody here knows, and why where there is a reason. */
export function requireOperators(nodes: readonly Node[]): void {
  const unknown = nodes.filter((n) => !rules(n.domain).has(n.op));
  if (unknown.length === 0) return;
  const found = new Map<string, Node[]>();
  for (const n of unknown) {
    const op = `${n.domain ? `${n.domain}.` : ""}${n.op}`;
    found.set(op, [...(found.get(op) ?? []), n]);
  }
  throw new KitError("E_ONNX_OP", {
    problem: found.size === 1 ? "an operator is not supported" : `${found.size} operators are not supported`,
    details: [...found].map(([op, uses]) => {
      const count = `${uses.length} ${uses.length === 1 ? "node" : "nodes"}, first ${labelOf(uses[0])}`;
      return `${op}: ${count}${Object.hasOwn(refused, op) ? ` (${refused[op]})` : ""}`;
    }),
    next: "export the model with standard ONNX operators of image classifiers",
  });
}

/** Infers the outputs of one node; undefined stands for an absent optional input. Throws KitError E_ONNX_SHAPE. */
export function inferNode(node: Node, inputs: readonly (Info | undefined)[]): readonly Info[] {
  requireOperators([node]);
  const rule = rules(node.domain).get(node.op)!;
  if (inputs.some((i) => i && i.dims.length > mostAxes))
    throw wrongShape(node, inputs, `at most ${mostAxes} axes`);
  const outputs = rule(callOf(node, inputs)).slice(0, node.outputs.length);
  for (const { dims } of outputs) {
    if (dims.length > mostAxes || !dims.every((d) => Number.isSafeInteger(d) && d >= 0)) {
      throw wrongShape(node, inputs, `an output with sizes of at least 0, not ${formatList(dims)}`);
    }
    if (sizeOf(dims) > mostElements) {
      throw wrongShape(node, inputs, `an output that fits in memory, not ${formatList(dims)}`);
    }
  }
  if (outputs.length < node.outputs.length) throw wrongShape(node, inputs, `${outputs.length} outputs`);
  const values = outputs.every((o) => o.value) ? undefined : evaluate(node, inputs, outputs);
  return values ? outputs.map((o, i) => ({ ...o, value: values[i] })) : outputs;
}

/** Dims of a graph input with its free dims bound; a name without a size is an error. */
function bound(v: ValueInfo, bindings: Readonly<Record<string, number>>): readonly number[] {
  return v.dims.map((d) => {
    const size = typeof d === "number" ? d : Object.hasOwn(bindings, d) ? bindings[d] : undefined;
    if (size !== undefined && Number.isSafeInteger(size) && size >= 0) return size;
    throw new KitError("E_ONNX_SHAPE", {
      problem: `input ${v.name} has a free dimension ${d} in [${v.dims.join(", ")}] and no size for it`,
      next: "export the model with fixed sizes and at most a free batch dimension",
    });
  });
}

/** What is known before any node: inputs, free dims bound by name, and initializers. */
export function knownFirst(graph: Graph, bindings: Readonly<Record<string, number>>): Map<string, Info> {
  const infos = new Map<string, Info>();
  for (const v of graph.inputs) infos.set(v.name, { type: v.type, dims: bound(v, bindings) });
  for (const [name, value] of graph.initializers) infos.set(name, infoOf(value));
  return infos;
}

export const infoOf = (value: Tensor): Info => ({ type: value.type, dims: value.dims, value });

/**
 * Infers every tensor of the graph, free input dimensions bound by name ("batch" → 2).
 * A "?" has no name to bind: give that input its dims with `withInputDims` first.
 */
export function inferGraph(graph: Graph, bindings: Readonly<Record<string, number>>): Map<string, Info> {
  requireOperators(graph.nodes);
  const infos = knownFirst(graph, bindings);
  for (const node of graph.nodes) {
    const inputs = node.inputs.map((name) => {
      const known = infos.get(name);
      if (known === undefined && name !== "") throw missing(name, `${node.op} node ${labelOf(node)}`);
      return known;
    });
    for (const [i, made] of inferNode(node, inputs).entries()) {
      if (node.outputs[i] !== "") infos.set(node.outputs[i], made);
    }
  }
  for (const { name } of graph.outputs) if (!infos.has(name)) throw missing(name, "the list of outputs");
  return infos;
}

const missing = (name: string, reader: string): KitError =>
  new KitError("E_ONNX_SHAPE", {
    problem: `${reader} reads ${name}, which nothing before it makes`,
    next: "the file is not a valid ONNX graph; export the model again",
  });

/** The graph with the dims of some inputs replaced: binds what a file leaves open (`{ x: ["batch", 3, 224, 224] }`). */
export function withInputDims(
  graph: Graph,
  dims: Readonly<Record<string, readonly (number | string)[]>>,
): Graph {
  return {
    ...graph,
    inputs: graph.inputs.map((v) => (Object.hasOwn(dims, v.name) ? { ...v, dims: dims[v.name] } : v)),
  };
}
