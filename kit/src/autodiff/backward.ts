/**
 * Reverse-mode differentiation of an ONNX graph into an ONNX graph.
 *
 * The result holds the forward nodes, the gradient nodes and one more input, the seed: d(Σ seed ⊙ score)/d wrt. With a
 * one-hot seed per row one graph serves any class; with other seeds class differences or vector-Jacobian products.
 * The gradient is made of ordinary nodes, so the pass can be applied to its own output.
 */
import { KitError } from "../errors.ts";
import type { FoldedGraph } from "../onnx/fold.ts";
import { type Graph, labelOf, type Node, names, prune, type ValueInfo } from "../onnx/graph.ts";
import type { Shape } from "../onnx/shapes.ts";
import type { ElementType } from "../onnx/tensor.ts";
import { createOps, type Draft, type Ops } from "./ops.ts";
import { noGradient, type RuleTable, type Value } from "./vjp.ts";
import { vjps } from "./vjps/index.ts";
import { maxPoolByMask } from "./vjps/pool.ts";

export interface BackwardOptions {
  /** The tensor to differentiate, float32: the logits [N, K]. */
  readonly score: string;
  /** Graph inputs or inner tensors; nothing below an inner one is differentiated unless something else asks for it. */
  readonly wrt: readonly string[];
  /** Rules that replace the usual ones, by operator: guided backpropagation is a Relu of its own. */
  readonly rules?: RuleTable;
  /**
   * How the gradient of MaxPool finds its pixel. "scatter" uses the Indices output (CPU, wasm, CUDA); "mask" compares
   * values, for WebGPU, whose MaxPool has no Indices. Both give ties to the first maximum.
   */
  readonly pool?: "scatter" | "mask";
  /** Name of the extra input; a number is added if it is taken. */
  readonly seed?: string;
}

export interface Backward {
  /** Forward and backward; outputs are the graph's own, the score and the gradients, in this order. */
  readonly folded: FoldedGraph;
  /** wrt name → name of its gradient, a graph output of the same shape. */
  readonly gradients: Readonly<Record<string, string>>;
  /** The extra input, float32 in the shape of the score. */
  readonly seed: string;
}

export interface Gap {
  readonly op: string;
  readonly count: number;
  readonly firstNode: string;
}

/** The key of an operator in a RuleTable. */
const keyOf = (n: Node): string => (n.domain === "" || n.domain === "ai.onnx" ? n.op : `${n.domain}.${n.op}`);

const tableOf = ({ rules, pool }: Pick<BackwardOptions, "rules" | "pool">): RuleTable => ({
  ...vjps,
  ...(pool === "mask" && { MaxPool: maxPoolByMask }),
  ...rules,
});

const differentiable: ReadonlySet<ElementType> = new Set(["float32", "float64", "float16", "bfloat16"]);

interface Path {
  /** tensors that get a gradient */
  readonly reached: ReadonlySet<string>;
  /** nodes it passes, last first */
  readonly nodes: readonly Node[];
}

/** What a gradient passes: reachable from wrt forwards and from the score backwards. */
function route(folded: FoldedGraph, table: RuleTable, score: string, wrt: readonly string[]): Path {
  const { graph, types } = folded;
  const carries = new Set(wrt);
  for (const n of graph.nodes) {
    if (table[keyOf(n)] === noGradient || !n.inputs.some((i) => carries.has(i))) continue;
    for (const o of n.outputs) if (o !== "" && differentiable.has(types.get(o) ?? "float32")) carries.add(o);
  }
  const reached = new Set(carries.has(score) ? [score] : []);
  const nodes: Node[] = [];
  for (const n of graph.nodes.toReversed()) {
    if (table[keyOf(n)] === noGradient || !n.outputs.some((o) => reached.has(o))) continue;
    const passed = n.inputs.filter((i) => carries.has(i));
    if (passed.length === 0) continue;
    nodes.push(n);
    for (const i of passed) reached.add(i);
  }
  return { reached, nodes };
}

function gaps(nodes: readonly Node[], table: RuleTable): readonly Gap[] {
  const found = new Map<string, Gap>();
  // nodes are in reverse order, so the last one seen is the first of the model
  for (const n of nodes) {
    const op = keyOf(n);
    if (Object.hasOwn(table, op)) continue;
    found.set(op, { op, count: (found.get(op)?.count ?? 0) + 1, firstNode: labelOf(n) });
  }
  return [...found.values()].sort((a, b) => (a.op < b.op ? -1 : 1));
}

/** Every operator between `wrt` and `score` that has no rule, all at once. */
export function opsWithoutVjp(
  folded: FoldedGraph,
  score: string,
  wrt: readonly string[],
  rules?: RuleTable,
): readonly Gap[] {
  const table = tableOf({ rules });
  return gaps(route(folded, table, score, wrt).nodes, table);
}

/** The gradient in the shape of its tensor: summed over what broadcasting added, expanded over what it lacks. */
function fit(ops: Ops, gradient: Value, shape: Shape): Value {
  const extra = gradient.shape.length - shape.length;
  const leading = Array.from({ length: Math.max(0, extra) }, (_, i) => i);
  const inner = shape.flatMap((d, i) => {
    const given = gradient.shape[i + extra];
    return i + extra >= 0 && d === 1 && given !== 1 ? [i + extra] : [];
  });
  let fitted = ops.sum(gradient, [...leading, ...inner]);
  if (leading.length > 0) fitted = ops.reshape(fitted, fitted.shape.slice(extra));
  return ops.expand(fitted, shape);
}

/** An unused prefix for this pass, so that passes can be stacked: "grad/", "grad2/", … */
function freshNames(graph: Graph): { fresh: (hint: string) => string; unused: (name: string) => string } {
  const used = names(graph);
  let pass = 1;
  const prefix = () => `grad${pass === 1 ? "" : pass}/`;
  while ([...used].some((name) => name.startsWith(prefix()))) pass += 1;
  let serial = 0;
  return {
    fresh: (hint) => `${prefix()}${hint}_${serial++}`,
    unused: (name) => {
      let candidate = name;
      for (let i = 2; used.has(candidate); i++) candidate = `${name}${i}`;
      return candidate;
    },
  };
}

/** A shape as the dims of a graph input or output; free dims take the name the graph's own inputs give them. */
function dimsFor(folded: FoldedGraph, shape: Shape): (number | string)[] {
  const free = new Map<number, string>();
  for (const v of folded.graph.inputs) {
    for (const [i, d] of (folded.shapes.get(v.name) ?? []).entries()) {
      const name = v.dims[i];
      if (typeof d !== "number" && typeof name === "string") free.set(d.batch, name);
    }
  }
  return shape.map((d) => (typeof d === "number" ? d : (free.get(d.batch) ?? "?")));
}

/**
 * Builds d(Σ seed ⊙ score)/d wrt.
 *
 * Initializers count as constants, and some rules keep a worked-out copy of them (flipped weights). Differentiating a
 * gradient once more with respect to a weight needs that weight as a graph input.
 *
 * @throws KitError E_NO_GRADIENT  operators between wrt and score have no rule; all are listed
 * @throws KitError E_GRADIENT_TENSOR  score or wrt is no float tensor of the graph
 *
 * Cost of running the result: about 2 to 4 forward passes.
 */
export function backward(folded: FoldedGraph, options: BackwardOptions): Backward {
  const { score, wrt } = options;
  const { graph } = folded;
  const table = tableOf(options);
  const draft = draftOf(folded);
  const { shapes, types } = draft;
  requireFloats(draft, [score, ...wrt]);
  const path = route(folded, table, score, wrt);
  requireRules(path.nodes, table, options);

  const { fresh, unused } = freshNames(graph);
  const ops = createOps(graph, draft, fresh);
  const seed: Value = { name: unused(options.seed ?? "seed"), type: "float32", shape: shapes.get(score)! };
  shapes.set(seed.name, seed.shape);
  types.set(seed.name, seed.type);

  const gradients = new Map([[score, ops.cast(seed, types.get(score)!)]]);
  const extended = propagate({ ops, draft, path, table, fresh }, gradients);

  const describe = (name: string): ValueInfo => ({
    name,
    type: types.get(name)!,
    dims: dimsFor(folded, shapes.get(name)!),
  });
  const outputs = new Map(graph.outputs.map((o) => [o.name, o]));
  if (!outputs.has(score)) outputs.set(score, describe(score));
  const unclaimed = new Set(draft.nodes.flatMap((n) => n.outputs));
  const named: Record<string, string> = {};
  for (const name of new Set(wrt)) {
    const found = gradients.get(name) ?? ops.full(shapes.get(name)!, 0, types.get(name));
    // a graph output needs a node and a name of its own: two tensors may share one gradient, or have the seed itself
    const own = unclaimed.delete(found.name) ? found : ops.op("Identity", [found]);
    named[name] = own.name;
    outputs.set(own.name, describe(own.name));
  }
  const whole: Graph = {
    ...graph,
    inputs: [...graph.inputs, describe(seed.name)],
    nodes: [...graph.nodes.map((n) => extended.get(n) ?? n), ...draft.nodes],
    initializers: draft.initializers,
  };
  return {
    folded: { graph: prune(whole, [...outputs.values()]), shapes, types },
    gradients: named,
    seed: seed.name,
  };
}

/** The forward graph as the ground that the builder adds to. */
function draftOf({ graph, shapes, types }: FoldedGraph): Draft {
  const constants = [...graph.initializers];
  return {
    nodes: [],
    initializers: new Map(constants),
    shapes: new Map([...shapes, ...constants.map(([name, t]) => [name, t.dims] as const)]),
    types: new Map([...types, ...constants.map(([name, t]) => [name, t.type] as const)]),
  };
}

function requireFloats({ shapes, types }: Draft, tensors: readonly string[]): void {
  for (const name of tensors) {
    const type = types.get(name);
    if (type !== undefined && differentiable.has(type) && shapes.has(name)) continue;
    throw new KitError("E_GRADIENT_TENSOR", {
      problem: `${name} is ${type === undefined ? "no tensor of the graph" : `of type ${type}`}, so it has no gradient`,
      next: "name a float input, output or inner tensor of the model",
    });
  }
}

function requireRules(nodes: readonly Node[], table: RuleTable, { score, wrt }: BackwardOptions): void {
  const missing = gaps(nodes, table);
  if (missing.length === 0) return;
  throw new KitError("E_NO_GRADIENT", {
    problem: `operators between ${wrt.join(", ")} and ${score} have no gradient`,
    details: missing.map(
      ({ op, count, firstNode }) => `${op}: ${count} ${count === 1 ? "node" : "nodes"}, first ${firstNode}`,
    ),
    next: "use a method that needs no gradient, or export the model without these operators",
  });
}

interface Journey {
  readonly ops: Ops;
  readonly draft: Draft;
  readonly path: Path;
  readonly table: RuleTable;
  readonly fresh: (hint: string) => string;
}

/** Walks the nodes backwards and adds up `gradients` by tensor; returns the nodes that got outputs they did not have. */
function propagate(
  { ops, draft, path, table, fresh }: Journey,
  gradients: Map<string, Value>,
): Map<Node, Node> {
  const extended = new Map<Node, Node>();
  const tensor = (name: string): Value => ({
    name,
    type: draft.types.get(name)!,
    shape: draft.shapes.get(name)!,
    constant: draft.initializers.get(name),
  });
  /** "" is an absent optional tensor; rules do not look at those they do not know to be there. */
  const tensors = (list: readonly string[]) =>
    list.map((name) => (name === "" ? undefined : tensor(name))) as readonly Value[];

  function extra(n: Node, index: number): Value {
    const before = extended.get(n) ?? n;
    if (before.outputs[index]) return tensor(before.outputs[index]);
    const outputs = [...before.outputs];
    while (outputs.length <= index) outputs.push("");
    outputs[index] = fresh(n.op);
    const after = { ...n, outputs };
    const { shape, type } = ops.shapesOf(after, tensors(n.inputs))[index];
    draft.shapes.set(outputs[index], shape);
    draft.types.set(outputs[index], type);
    extended.set(n, after);
    return tensor(outputs[index]);
  }

  for (const n of path.nodes) {
    const dys = n.outputs.map((o) => gradients.get(o));
    if (dys.every((dy) => dy === undefined)) continue;
    const outputs = tensors(n.outputs);
    const need = n.inputs.map((i) => path.reached.has(i));
    const results = table[keyOf(n)].rule({
      ops,
      node: n,
      dy: dys[0] ?? ops.full(outputs[0].shape, 0, outputs[0].type),
      dys,
      inputs: tensors(n.inputs),
      output: outputs[0],
      outputs,
      need,
      extra: (index) => extra(n, index),
    });
    for (const [i, name] of n.inputs.entries()) {
      const result = results[i];
      if (!need[i] || !result) continue;
      const given = fit(ops, result, draft.shapes.get(name)!);
      const before = gradients.get(name);
      gradients.set(name, before ? ops.add(before, given) : given);
    }
  }
  return extended;
}
