/**
 * Reverse-mode differentiation of an ONNX graph into an ONNX graph.
 *
 * The result holds the forward nodes, the gradient nodes and one more input, the seed: d(Σ seed ⊙ score)/d wrt. With a
 * one-hot seed per row one graph serves any class; with other seeds class differences or vector-Jacobian products.
 * The gradient is made of ordinary nodes, so the pass can be applied to its own output.
 */
import { KitError } from "../errors.ts";
import type { FoldedGraph } from "../onnx/fold.ts";
import { frozenWith, type Graph, labelOf, type Node, names, prune, type ValueInfo } from "../onnx/graph.ts";
import type { Shape } from "../onnx/shapes.ts";
import type { ElementType } from "../onnx/tensor.ts";
import { compositeRules, composites } from "./composites.ts";
import type { GraphOptions } from "./graph-options.ts";
import { createOps, type Draft, type Ops } from "./ops.ts";
import { noGradient, type RuleTable, type Value } from "./vjp.ts";
import { vjps } from "./vjps/index.ts";
import { maxPoolByMask } from "./vjps/pool.ts";

/** What `graphOptionsFor` says of the provider, and: */
export interface BackwardOptions extends Partial<GraphOptions> {
  /** The tensor to differentiate, float32: the logits [N, K]. */
  readonly score: string;
  /**
   * Graph inputs, initializers or inner tensors; nothing below an inner one is differentiated unless something else asks
   * for it.
   */
  readonly wrt: readonly string[];
  /**
   * Initializers that a later pass, over this one's result, will differentiate with respect to. No rule works their
   * values into constants of its own then, which costs speed: a convolution keeps no flipped copy.
   */
  readonly parameters?: readonly string[];
  /** Rules that replace the usual ones, by operator: guided backpropagation is a Relu of its own. */
  readonly rules?: RuleTable;
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
  /** the use of the operator that its rule does not cover; undefined where there is no rule at all */
  readonly reason?: string;
  readonly count: number;
  readonly firstNode: string;
}

/** "ReduceProd (over the batch): 2 nodes, first p1" */
export const formatGap = ({ op, reason, count, firstNode }: Gap): string =>
  `${op}${reason ? ` (${reason})` : ""}: ${count} ${count === 1 ? "node" : "nodes"}, first ${firstNode}`;

/** The key of an operator in a RuleTable. */
const keyOf = (n: Node): string => (n.domain === "" || n.domain === "ai.onnx" ? n.op : `${n.domain}.${n.op}`);

const tableOf = ({ rules, pool }: Pick<BackwardOptions, "rules" | "pool">): RuleTable => ({
  ...vjps,
  ...compositeRules,
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
function route(
  folded: FoldedGraph,
  table: RuleTable,
  { score, wrt, parameters = [] }: Pick<BackwardOptions, "score" | "wrt" | "parameters">,
): Path {
  const { graph, types } = folded;
  const whole = composites(graph, new Set([...wrt, ...parameters]), table);
  const forward = graph.nodes.map((n) => whole.get(n) ?? n);
  const carries = new Set(wrt);
  for (const n of forward) {
    if (table[keyOf(n)] === noGradient || !n.inputs.some((i) => carries.has(i))) continue;
    for (const o of n.outputs) if (o !== "" && differentiable.has(types.get(o) ?? "float32")) carries.add(o);
  }
  const reached = new Set(carries.has(score) ? [score] : []);
  const nodes: Node[] = [];
  for (const n of forward.toReversed()) {
    if (table[keyOf(n)] === noGradient || !n.outputs.some((o) => reached.has(o))) continue;
    const passed = n.inputs.filter((i) => carries.has(i));
    if (passed.length === 0) continue;
    nodes.push(n);
    for (const i of passed) reached.add(i);
  }
  return { reached, nodes };
}

/** What of the path has no gradient: operators without a rule, and uses that a rule does not cover. */
function gaps({ nodes, reached }: Path, table: RuleTable, known: Lookup): readonly Gap[] {
  const found = new Map<string, Gap>();
  const refusals = (n: Node): readonly (string | undefined)[] => {
    const op = keyOf(n);
    if (!Object.hasOwn(table, op)) return [undefined];
    const { limits = [] } = table[op];
    if (limits.length === 0) return [];
    const need = n.inputs.map((i) => reached.has(i));
    const use = { node: n, inputs: known(n.inputs), outputs: known(n.outputs), need };
    return limits.filter((limit) => limit.holds(use)).map((limit) => limit.what);
  };
  // nodes are in reverse order, so the last one seen is the first of the model
  for (const n of nodes) {
    const op = keyOf(n);
    for (const reason of refusals(n)) {
      const key = `${op} ${reason ?? ""}`;
      found.set(key, { op, reason, count: (found.get(key)?.count ?? 0) + 1, firstNode: labelOf(n) });
    }
  }
  return [...found].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, gap]) => gap);
}

/** Every operator between `wrt` and `score` that has no rule, or none for its use there, all at once. */
export function opsWithoutVjp(
  folded: FoldedGraph,
  score: string,
  wrt: readonly string[],
  rules?: RuleTable,
): readonly Gap[] {
  const table = tableOf({ rules });
  return gaps(route(folded, table, { score, wrt }), table, lookupIn(draftOf(folded), new Set(wrt)));
}

/** Gradients by tensor, added up when they are asked for: by then all that flows into a tensor is known. */
interface Sums {
  add(name: string, gradient: Value): void;
  /** in the shape of the tensor; undefined where nothing came */
  of(name: string): Value | undefined;
}

function createSums(ops: Ops, draft: Draft): Sums {
  const parts = new Map<string, readonly Value[]>();
  return {
    add(name, gradient) {
      parts.set(name, [...(parts.get(name) ?? []), withinShape(ops, gradient, draft.shapes.get(name)!)]);
    },
    of(name) {
      const [first, ...others] = sideBySide(ops, draft, parts.get(name) ?? []);
      if (first === undefined) return undefined;
      // Add broadcasts, so what is smaller than the tensor is expanded only if nothing else came
      const sum = ops.expand(others.reduce(ops.add, first), draft.shapes.get(name)!);
      parts.set(name, [sum]);
      return sum;
    },
  };
}

/** A value and the zeros around it on one axis, where that is how it was made. */
interface Padded {
  readonly inner: Value;
  readonly axis: number;
  readonly head: number;
  readonly tail: number;
}

function paddedOf({ nodes, initializers, shapes }: Draft, v: Value): Padded | undefined {
  const n = nodes.find(({ op, outputs }) => op === "Pad" && outputs[0] === v.name);
  const pads = n?.inputs.length === 2 ? initializers.get(n.inputs[1]) : undefined;
  if (n === undefined || pads === undefined) return undefined;
  const amounts = Array.from(pads.data as ArrayLike<bigint>, Number);
  const rank = v.shape.length;
  const axes = v.shape.flatMap((_, a) => (amounts[a] !== 0 || amounts[a + rank] !== 0 ? [a] : []));
  if (axes.length !== 1) return undefined;
  const [axis] = axes;
  const inner = { name: n.inputs[0], type: v.type, shape: shapes.get(n.inputs[0])! };
  return { inner, axis, head: amounts[axis], tail: amounts[axis + rank] };
}

/** Parts that are slices of the tensor with zeros around, and together the whole of it, put end to end in place of added up. */
function sideBySide(ops: Ops, draft: Draft, parts: readonly Value[]): readonly Value[] {
  if (parts.length < 2) return parts;
  const looked = parts.map((v) => ({ v, padded: paddedOf(draft, v) }));
  const slices = looked.flatMap(({ padded }) => padded ?? []).toSorted((a, b) => a.head - b.head);
  if (slices.length < 2) return parts;
  const { axis } = slices[0];
  let end = 0;
  for (const s of slices) {
    const size = s.inner.shape[axis];
    if (s.axis !== axis || s.head !== end || typeof size !== "number") return parts;
    end += size;
  }
  if (slices.at(-1)?.tail !== 0) return parts;
  const inner = slices.map((s) => s.inner);
  return [ops.concat(inner, axis), ...looked.flatMap(({ v, padded }) => (padded ? [] : [v]))];
}

/** Summed over the axes that broadcasting added or stretched; axes it lacks stay away. */
function withinShape(ops: Ops, gradient: Value, shape: Shape): Value {
  const extra = gradient.shape.length - shape.length;
  const leading = Array.from({ length: Math.max(0, extra) }, (_, i) => i);
  const inner = shape.flatMap((d, i) => {
    const given = gradient.shape[i + extra];
    return i + extra >= 0 && d === 1 && given !== 1 ? [i + extra] : [];
  });
  const summed = ops.sum(gradient, [...leading, ...inner]);
  return leading.length > 0 ? ops.reshape(summed, summed.shape.slice(extra)) : summed;
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

/** The names of free dims: those that the graph's own inputs give them. */
function freeDims({ graph, shapes }: FoldedGraph): ReadonlyMap<number, string> {
  const free = new Map<number, string>();
  for (const v of graph.inputs) {
    for (const [i, d] of (shapes.get(v.name) ?? []).entries()) {
      const name = v.dims[i];
      if (typeof d !== "number" && typeof name === "string" && !free.has(d.batch)) free.set(d.batch, name);
    }
  }
  return free;
}

/** Everything that cannot be computed before `source` is there; nodes are in order. */
function following(nodes: readonly Node[], source: string): ReadonlySet<string> {
  const after = new Set([source]);
  for (const { inputs, outputs } of nodes) {
    if (inputs.some((name) => after.has(name))) for (const name of outputs) after.add(name);
  }
  return after;
}

/**
 * Builds d(Σ seed ⊙ score)/d wrt.
 *
 * Initializers count as constants, and some rules keep a worked-out copy of them (flipped weights), unless `wrt` or
 * `parameters` names them. Of the others, those on the way are marked as frozen in the result, so that a later pass
 * with respect to one of them is an error and never a derivative without what hides in the copy.
 *
 * @throws KitError E_NO_GRADIENT  operators between wrt and score have no rule; all are listed
 * @throws KitError E_GRADIENT_TENSOR  score, wrt or a parameter is no float tensor of the graph
 * @throws KitError E_GRADIENT_FROZEN  wrt or a parameter is an initializer that was worked into other constants
 *
 * Cost of running the result: about 2 to 4 forward passes.
 */
export function backward(folded: FoldedGraph, options: BackwardOptions): Backward {
  const { score, wrt, parameters = [] } = options;
  const { graph } = folded;
  const table = tableOf(options);
  const draft = draftOf(folded);
  const { shapes, types } = draft;
  const varying = new Set([...wrt, ...parameters]);
  requireFloats(draft, [score, ...varying]);
  requireThawed(graph, varying);
  const path = route(folded, table, options);
  const tensors = lookupIn(draft, varying);
  requireRules(gaps(path, table, tensors), options);

  const { fresh, unused } = freshNames(graph);
  const ops = createOps(graph, draft, fresh);
  const seed: Value = { name: unused(options.seed ?? "seed"), type: "float32", shape: shapes.get(score)! };
  shapes.set(seed.name, seed.shape);
  types.set(seed.name, seed.type);

  const gradients = createSums(ops, draft);
  gradients.add(score, ops.cast(seed, types.get(score)!));
  const extended = propagate({ ops, draft, path, table, tensors, fresh }, gradients);

  const unclaimed = new Set(draft.nodes.flatMap((n) => n.outputs));
  const named: Record<string, string> = {};
  for (const name of new Set(wrt)) {
    const found = gradients.of(name) ?? ops.full(shapes.get(name)!, 0, types.get(name));
    // a graph output needs a node and a name of its own: two tensors may share one gradient, or have the seed itself
    const own = unclaimed.delete(found.name) ? found : ops.op("Identity", [found]);
    named[name] = own.name;
  }

  // What memory a run takes hangs on two things here (kit/bench/README.md, "Memory"). ONNX Runtime holds the memory of a tensor for later
  // ones of the same size, so gradients call their batch by another name. And of what a node needs it computes last what stands first in
  // the graph: masks and zeros stand before the gradients that they meet, and are made when those are there.
  const flowing = following(draft.nodes, seed.name);
  const flows = (n: Node): boolean => n.outputs.some((name) => flowing.has(name));
  const free = freeDims(folded);
  const describe = (name: string, batchName = (known: string) => known): ValueInfo => ({
    name,
    type: types.get(name)!,
    dims: shapes.get(name)!.map((d) => {
      if (typeof d === "number") return d;
      const known = free.get(d.batch);
      return known === undefined ? "?" : batchName(known);
    }),
  });
  const outputs = new Map(graph.outputs.map((o) => [o.name, o]));
  if (!outputs.has(score)) outputs.set(score, describe(score));
  for (const name of Object.values(named)) outputs.set(name, describe(name));
  const whole: Graph = {
    ...graph,
    inputs: [...graph.inputs, describe(seed.name)],
    nodes: [
      ...graph.nodes.map((n) => extended.get(n) ?? n),
      ...draft.nodes.filter((n) => !flows(n)),
      ...draft.nodes.filter(flows),
    ],
    initializers: draft.initializers,
    values: [...graph.nodes, ...draft.nodes]
      .flatMap((n) => extended.get(n)?.outputs ?? n.outputs)
      .filter((name) => name !== "")
      .map((name) => describe(name, flowing.has(name) ? (batch) => `${batch} of gradients` : undefined)),
  };
  const seen = path.nodes.flatMap((n) => n.inputs).filter((name) => !varying.has(name));
  return {
    folded: { graph: frozenWith(prune(whole, [...outputs.values()]), seen), shapes, types },
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

/** What is known of tensors by name. "" is an absent optional one; rules do not look at those they do not know to be there. */
type Lookup = (names: readonly string[]) => readonly Value[];

/** @param varying  initializers that count as no constants */
const lookupIn =
  ({ types, shapes, initializers }: Draft, varying: ReadonlySet<string>): Lookup =>
  (list) =>
    list.map((name) =>
      name === ""
        ? undefined
        : {
            name,
            type: types.get(name)!,
            shape: shapes.get(name)!,
            constant: varying.has(name) ? undefined : initializers.get(name),
          },
    ) as readonly Value[];

function requireThawed({ frozen, initializers }: Graph, varying: ReadonlySet<string>): void {
  const worked = [...varying].filter((name) => frozen?.has(name) && initializers.has(name));
  if (worked.length === 0) return;
  throw new KitError("E_GRADIENT_FROZEN", {
    problem: `${worked.join(", ")} cannot be differentiated any more: other constants were worked out from the values`,
    next: "name weights as `parameters` in the first pass, or make them inputs (`withParameters`) before the graph is folded",
  });
}

function requireFloats({ shapes, types }: Draft, tensors: readonly string[]): void {
  for (const name of tensors) {
    const type = types.get(name);
    if (type !== undefined && differentiable.has(type) && shapes.has(name)) continue;
    throw new KitError("E_GRADIENT_TENSOR", {
      problem: `${name} is ${type === undefined ? "no tensor of the graph" : `of type ${type}`}, so it has no gradient`,
      next: "name a float input, weight, output or inner tensor of the folded graph; a weight that folding took must be made an input before",
    });
  }
}

function requireRules(missing: readonly Gap[], { score, wrt }: BackwardOptions): void {
  if (missing.length === 0) return;
  throw new KitError("E_NO_GRADIENT", {
    problem: `operators between ${wrt.join(", ")} and ${score} have no gradient`,
    details: missing.map(formatGap),
    next: "use a method that needs no gradient, or export the model without these operators",
  });
}

interface Journey {
  readonly ops: Ops;
  readonly draft: Draft;
  readonly path: Path;
  readonly table: RuleTable;
  readonly tensors: Lookup;
  readonly fresh: (hint: string) => string;
}

/** Walks the nodes backwards and adds up `gradients` by tensor; returns the nodes that got outputs they did not have. */
function propagate({ ops, draft, path, table, tensors, fresh }: Journey, gradients: Sums): Map<Node, Node> {
  const extended = new Map<Node, Node>();
  const tensor = (name: string): Value => tensors([name])[0];

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
    const dys = n.outputs.map((o) => gradients.of(o));
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
      if (need[i] && result) gradients.add(name, result);
    }
  }
  return extended;
}
