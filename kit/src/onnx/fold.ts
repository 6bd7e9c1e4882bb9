/**
 * Folding: what can be known before running becomes a constant, and what depends on the batch size says so plainly.
 *
 * Exporters keep the batch free by computing on shapes (Shape → Gather → Concat → Reshape). Inference at several batch
 * sizes shows what those chains make: the same value every time, or integers linear in the batch size N. The former
 * become initializers, the latter `N·a + b` from one shared N; the chains die.
 */
import { KitError } from "../errors.ts";
import { attr, frozenWith, type Graph, type Node, names, node, prune } from "./graph.ts";
import { type Info, inferGraph, inferNode } from "./infer.ts";
import { settle } from "./settle.ts";
import { type Dim, mergeShapes, type Shape, shapeAt } from "./shapes.ts";
import { type ElementType, int64, sameTensor, sizeOf, type Tensor } from "./tensor.ts";

export interface FoldedGraph {
  readonly graph: Graph;
  /** of every tensor of `graph` */
  readonly shapes: ReadonlyMap<string, Shape>;
  readonly types: ReadonlyMap<string, ElementType>;
}

/** Two sizes tell static, linear and multiple apart; the third checks the guess. */
const batchSizes = [2, 3, 5] as const;
type Thrice<T> = readonly [T, T, T];

/**
 * @param batch  the name of the free batch dimension; undefined if all input dims are numbers
 * @throws       KitError E_ONNX_SHAPE where the graph contradicts itself or a dim is neither static nor a multiple of N;
 *               E_ONNX_CONTROL_FLOW where an If or a Loop depends on values
 */
export function fold(graph: Graph, batch: string | undefined): FoldedGraph {
  const sizes = batch === undefined ? [{}] : batchSizes.map((n) => ({ [batch]: n }));
  const constant = foldConstants(settle(graph, sizes));
  return describe(foldBatch(constant, batch, inferAll(constant, batch)), batch);
}

/** Shapes and types of every tensor of a graph as it is; its outputs get their dims. */
export function describe(graph: Graph, batch: string | undefined): FoldedGraph {
  const [at2, at3, at5] = inferAll(graph, batch);
  const shapes = new Map<string, Shape>();
  const types = new Map<string, ElementType>();
  for (const [name, { type, dims }] of at2) {
    shapes.set(name, shapeOf(name, [dims, at3.get(name)!.dims, at5.get(name)!.dims]));
    types.set(name, type);
  }
  const outputs = graph.outputs.map((v) => ({
    name: v.name,
    type: types.get(v.name)!,
    dims: shapes.get(v.name)!.map((d) => (typeof d === "number" ? d : d.batch === 1 ? batch! : "?")),
  }));
  return { graph: { ...graph, outputs }, shapes, types };
}

function inferAll(graph: Graph, batch: string | undefined): Thrice<Map<string, Info>> {
  if (batch === undefined) {
    const only = inferGraph(graph, {});
    return [only, only, only];
  }
  const [a, b, c] = batchSizes;
  return [
    inferGraph(graph, { [batch]: a }),
    inferGraph(graph, { [batch]: b }),
    inferGraph(graph, { [batch]: c }),
  ];
}

function shapeOf(name: string, [at2, at3, at5]: Thrice<readonly number[]>): Shape {
  const shape = mergeShapes(at2, at3);
  if (shape === undefined || shapeAt(shape, batchSizes[2]).join() !== at5.join()) {
    throw new KitError("E_ONNX_SHAPE", {
      problem: `tensor ${name} has a dimension that is neither fixed nor a multiple of the batch size`,
      details: [at2, at3, at5].map((dims, i) => `batch ${batchSizes[i]}: [${dims.join(", ")}]`),
      next: "export the model with a fixed batch size, or with a free batch dimension that samples do not share",
    });
  }
  return shape;
}

/** Nodes that depend on initializers alone become initializers, where `evaluate` finds that worth it. */
function foldConstants(graph: Graph): Graph {
  const initializers = new Map(graph.initializers);
  const folded: string[] = [];
  const nodes = graph.nodes.filter((n) => {
    if (!n.inputs.every((i) => i === "" || initializers.has(i))) return true;
    const inputs = n.inputs.map((i): Info | undefined => {
      const value = initializers.get(i);
      return value && { type: value.type, dims: value.dims, value };
    });
    const made = inferNode(n, inputs);
    if (!made.every((m, i) => m.value || n.outputs[i] === "")) return true;
    for (const [i, { value }] of made.entries())
      if (value && n.outputs[i]) initializers.set(n.outputs[i], value);
    folded.push(...n.inputs);
    return false;
  });
  return frozenWith(prune({ ...graph, nodes, initializers }, graph.outputs), folded);
}

/** Integers a·N + b, element by element. */
interface Affine {
  readonly type: "int64" | "int32";
  readonly dims: readonly number[];
  readonly a: readonly number[];
  readonly b: readonly number[];
}

function affineOf([at2, at3, at5]: Thrice<Tensor>): Affine | undefined {
  if (at2.type !== "int64" && at2.type !== "int32") return undefined;
  if (at3.dims.join() !== at2.dims.join() || at5.dims.join() !== at2.dims.join()) return undefined;
  const [v2, v3, v5] = [at2, at3, at5].map((t) => Array.from(t.data as ArrayLike<number | bigint>, Number));
  const a = v2.map((v, i) => v3[i] - v);
  const b = v2.map((v, i) => v - 2 * a[i]);
  const holds = v5.every((v, i) => Number.isSafeInteger(a[i]) && v === 5 * a[i] + b[i]);
  return holds ? { type: at2.type, dims: at2.dims, a, b } : undefined;
}

function foldBatch(graph: Graph, batch: string | undefined, infos: Thrice<Map<string, Info>>): Graph {
  const constants = new Map<string, Tensor>();
  const affines = new Map<string, Affine>();
  const classify = (name: string): boolean => {
    const values = infos.map((at) => at.get(name)?.value);
    const [at2, at3, at5] = values;
    if (!at2 || !at3 || !at5) return false;
    if (sameTensor(at2, at3) && sameTensor(at2, at5)) constants.set(name, at2);
    else {
      const affine = affineOf([at2, at3, at5]);
      if (affine) affines.set(name, affine);
      return affine !== undefined;
    }
    return true;
  };
  const folded: string[] = [];
  const staying = graph.nodes.filter((n) => {
    const made = n.outputs.filter((o) => o !== "");
    // a node whose outputs are known only in part stays whole
    if (made.every(classify)) {
      folded.push(...n.inputs);
      return false;
    }
    for (const o of made) {
      constants.delete(o);
      affines.delete(o);
    }
    return true;
  });
  const initializers = new Map([...graph.initializers, ...constants]);
  const fresh = freshNames(graph);
  const shared = sharer(fresh, initializers);
  const reshaped = staying.map((n) => {
    if (n.op !== "Reshape" || !affines.has(n.inputs[1])) return n;
    const [from, to] = [n.inputs[0], n.outputs[0]].map((name) => {
      const [at2, at3, at5] = infos.map((at) => at.get(name)!.dims);
      return shapeOf(name, [at2, at3, at5]);
    });
    const target = reshapeTarget(from, to);
    return target ? { ...n, inputs: [n.inputs[0], shared(target)], attributes: {} } : n;
  });
  const outputs = new Set(graph.outputs.map((o) => o.name));
  const needed = new Set([...reshaped.flatMap((n) => n.inputs), ...outputs]);
  const live = new Map([...affines].filter(([name]) => needed.has(name)));
  const first = firstOfEqual(live, outputs);
  const renamed = reshaped.map((n) =>
    n.inputs.some((i) => first.has(i)) ? { ...n, inputs: n.inputs.map((i) => first.get(i) ?? i) } : n,
  );
  const distinct = new Map([...live].filter(([name]) => !first.has(name)));
  const nodes = [...affineNodes(graph, batch, distinct, shared, fresh), ...renamed];
  return frozenWith(prune({ ...graph, nodes, initializers }, graph.outputs), folded);
}

/** Makes int64 initializers, one per content. */
function sharer(fresh: (hint: string) => string, initializers: Map<string, Tensor>) {
  const made = new Map<string, string>();
  return (values: readonly number[], dims: readonly number[] = [values.length]): string => {
    const key = `${dims.join()}:${values.join()}`;
    const name = made.get(key) ?? fresh(`[${values.join(", ")}]`);
    made.set(key, name);
    initializers.set(name, int64(dims, values));
    return name;
  };
}

/** Tensor → the earlier one that is always equal; graph outputs keep their own name. */
function firstOfEqual(
  affines: ReadonlyMap<string, Affine>,
  outputs: ReadonlySet<string>,
): Map<string, string> {
  const seen = new Map<string, string>();
  const first = new Map<string, string>();
  for (const [name, affine] of affines) {
    const key = JSON.stringify(affine);
    const before = seen.get(key);
    if (before === undefined) seen.set(key, name);
    else if (!outputs.has(name)) first.set(name, before);
  }
  return first;
}

/** A constant Reshape target that says `to` for every N: at most one -1, 0 where the input's dim is kept. */
function reshapeTarget(from: Shape, to: Shape): readonly number[] | undefined {
  if (to.includes(0)) return undefined;
  const target = to.map((d: Dim) => (typeof d === "number" ? d : -1));
  for (let i = 0; i < target.length && target.filter((d) => d === -1).length > 1; i++) {
    const [d, kept] = [to[i], from[i]];
    if (typeof d === "object" && typeof kept === "object" && d.batch === kept.batch) target[i] = 0;
  }
  return target.filter((d) => d === -1).length > 1 ? undefined : target;
}

/** Nodes that compute the affine tensors from one shared `N = Shape(input)[axis]`. */
function affineNodes(
  graph: Graph,
  batch: string | undefined,
  affines: ReadonlyMap<string, Affine>,
  shared: (values: readonly number[], dims?: readonly number[]) => string,
  fresh: (hint: string) => string,
): Node[] {
  if (affines.size === 0) return [];
  const source = graph.inputs.find((v) => v.dims.some((d) => d === batch))!;
  const axis = source.dims.indexOf(batch!);
  const n = fresh("batch size");
  const made = [node("Shape", [source.name], [n], { start: attr.int(axis), end: attr.int(axis + 1) })];
  for (const [name, { type, dims, a, b }] of affines) {
    // N has dims [1], so a scalar is computed as [1] and reshaped at the end
    const wide = dims.length === 0 ? [1] : dims;
    const steps: ((input: string, output: string) => Node)[] = [];
    if (a.some((v) => v !== 1) || sizeOf(wide) !== 1 || wide.length !== 1) {
      steps.push((i, o) => node("Mul", [i, shared(a, wide)], [o]));
    }
    if (b.some((v) => v !== 0)) steps.push((i, o) => node("Add", [i, shared(b, wide)], [o]));
    if (dims.length === 0) steps.push((i, o) => node("Squeeze", [i, shared([0])], [o]));
    if (type === "int32") steps.push((i, o) => node("Cast", [i], [o], { to: attr.int(6) }));
    if (steps.length === 0) steps.push((i, o) => node("Identity", [i], [o]));
    let at = n;
    for (const [k, step] of steps.entries()) {
      const next = k === steps.length - 1 ? name : fresh(name);
      made.push(step(at, next));
      at = next;
    }
  }
  return made;
}

/** Names that are free in the graph; a hint gets a number where it is taken. */
function freshNames(graph: Graph): (hint: string) => string {
  const used = names(graph);
  return (hint) => {
    let name = hint;
    for (let i = 2; used.has(name); i++) name = `${hint} ${i}`;
    used.add(name);
    return name;
  };
}
