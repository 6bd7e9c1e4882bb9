/**
 * How graphs differ from provider to provider: here, and nowhere else. All other bytes of a graph are the same for all.
 *
 * What WebGPU lacks (onnxruntime 1.30, found by running every case of the engine suite and every sample of every gradient rule on it):
 *
 * - MaxPool with Indices fails at its first run, too late to choose another way: the gradient is by "mask".
 * - Slice backwards begins at the end of an axis whatever `starts` says, and ConvTranspose sums wrongly where a group has several inputs and
 *   one output. Both give wrong numbers without a word; `graphFor` says the same by other means.
 * - Split into more parts than a shader may have buffers (16 on an NVIDIA H100, 8 wherever there is WebGPU) fails at its first run;
 *   `graphFor` splits in several steps.
 * - Sum is computed in the processor; `graphFor` makes Adds of it. So are Celu, Selu, Softsign, LogSoftmax, Mean, LRN and SpaceToDepth of
 *   models, which is slower and right. Sign, Mod and MaxUnpool would be too: `ops.ts` never makes them, for any provider.
 * - Sin and Cos are good to 2e-4 only, which WGSL allows. Convolutions over three axes, Resize with antialias, Einsum with an ellipsis, and
 *   float16 on cards without it fail at their first run. Pad by "wrap" that also cuts, and a Resize whose scale changes no size, are wrong:
 *   too rare in classifiers to be rewritten.
 */
import type { Provider } from "../engine/engine.ts";
import { type Graph, intOf, type Node, names, node } from "../onnx/graph.ts";
import type { Shape } from "../onnx/shapes.ts";
import { int64, type Tensor } from "../onnx/tensor.ts";

export interface GraphOptions {
  /**
   * How the gradient of MaxPool finds its pixel. "scatter" uses the Indices output (CPU, wasm, CUDA); "mask" compares
   * values, for devices whose MaxPool has no Indices. Both give ties to the first maximum.
   */
  readonly pool: "scatter" | "mask";
}

/** What `backward` should make for a provider. */
export const graphOptionsFor = (provider: Provider): GraphOptions => ({
  pool: provider === "webgpu" ? "mask" : "scatter",
});

/** A graph as a provider computes it rightly: the same inputs, outputs and numbers; the graph itself where nothing stands against it. */
export function graphFor(provider: Provider, graph: Graph, shapes: ReadonlyMap<string, Shape>): Graph {
  return provider === "webgpu" ? rewritten(graph, shapes) : graph;
}

/** The nodes that stand for one; undefined where it may stay. */
type Rewrite = (n: Node, made: Maker) => readonly Node[] | undefined;

interface Maker {
  /** an unused name */
  fresh(hint: string): string;
  /** the name of an initializer */
  constant(tensor: Tensor): string;
  /** the value of an initializer; undefined for what is known only while running */
  valueOf(name: string | undefined): Tensor | undefined;
  shapeOf(name: string): Shape | undefined;
}

const rewrites: Readonly<Record<string, Rewrite>> = {
  Slice: slice,
  ConvTranspose: convTranspose,
  Split: split,
  Sum: sum,
};

function rewritten(graph: Graph, shapes: ReadonlyMap<string, Shape>): Graph {
  const added = new Map<string, Tensor>();
  const used = names(graph);
  let serial = 0;
  function fresh(hint: string): string {
    const name = `webgpu/${hint}_${serial++}`;
    return used.has(name) ? fresh(hint) : name;
  }
  const maker: Maker = {
    fresh,
    constant(tensor) {
      const name = fresh("constant");
      added.set(name, tensor);
      return name;
    },
    valueOf: (name) => (name === undefined ? undefined : graph.initializers.get(name)),
    shapeOf: (name) => shapes.get(name) ?? graph.initializers.get(name)?.dims,
  };
  let changed = false;
  const nodes = graph.nodes.flatMap((n) => {
    const others = n.domain === "" && Object.hasOwn(rewrites, n.op) ? rewrites[n.op](n, maker) : undefined;
    changed ||= others !== undefined;
    return others ?? [n];
  });
  return changed ? { ...graph, nodes, initializers: new Map([...graph.initializers, ...added]) } : graph;
}

/** Backwards from the middle: up to there first, then backwards from the end of that. Only where sizes are known before running. */
function slice(n: Node, made: Maker): readonly Node[] | undefined {
  const [data, ...given] = n.inputs;
  const shape = made.shapeOf(data);
  const [starts, ends, said, steps] = given.map((name) => numbersOf(made.valueOf(name)));
  const axes = given[2] ? said : starts?.map((_, i) => i);
  if (!shape || !starts || !ends || !axes || !steps) return undefined;
  const from = [...starts];
  const to = [...ends];
  const cut: { axis: number; end: number }[] = [];
  for (const [i, step] of steps.entries()) {
    const size = shape[axes[i] < 0 ? axes[i] + shape.length : axes[i]];
    if (step > 0 || typeof size !== "number") continue;
    const wrapped = (at: number) => (at < 0 ? at + size : at);
    const start = Math.min(wrapped(starts[i]), size - 1);
    const end = Math.max(wrapped(ends[i]), -1);
    if (start === size - 1 || start <= end) continue; // from the end, or nothing
    cut.push({ axis: axes[i], end: start + 1 });
    from[i] = -1;
    to[i] = end >= 0 ? end : -(start + 2);
  }
  if (cut.length === 0) return undefined;
  // the largest int64, which stands for "to the end", is no exact number
  const vector = (values: readonly number[]) =>
    made.constant(
      int64(
        [values.length],
        values.map((v) => Math.min(Math.max(v, -farAway), farAway)),
      ),
    );
  const head = made.fresh("Slice");
  const first = [cut.map(() => 0), cut.map((c) => c.end), cut.map((c) => c.axis), cut.map(() => 1)];
  return [
    node("Slice", [data, ...first.map(vector)], [head], {}, head),
    { ...n, inputs: [head, ...[from, to, axes, steps].map(vector)] },
  ];
}

const farAway = Number.MAX_SAFE_INTEGER;

const numbersOf = (t: Tensor | undefined): readonly number[] | undefined =>
  t && t.type !== "string" ? Array.from(t.data as ArrayLike<number | bigint>, Number) : undefined;

/** A second output of zeros per group, which is then left out. */
function convTranspose(n: Node, made: Maker): readonly Node[] | undefined {
  const [x, w, bias] = n.inputs;
  const group = intOf(n, "group", 1);
  const weights = made.shapeOf(w);
  if (group === 1 || !weights || weights[1] !== 1 || weights[0] === group) return undefined;
  const rank = weights.length;
  const [grown, both, plain] = [made.fresh("Pad"), made.fresh("ConvTranspose"), made.fresh("Slice")];
  const pads = Array.from({ length: 2 * rank }, (_, i) => (i === rank + 1 ? 1 : 0));
  const [start, end, axis, step] = [0, 2 * group, 1, 2].map((v) => made.constant(int64([1], [v])));
  const out = bias ? plain : n.outputs[0];
  return [
    node("Pad", [w, made.constant(int64([2 * rank], pads))], [grown], {}, grown),
    { ...n, inputs: [x, grown], outputs: [both] },
    node("Slice", [both, start, end, axis, step], [out], {}, plain),
    ...(bias ? biased(plain, bias, n.outputs[0], [1, group, ...weights.slice(2).map(() => 1)], made) : []),
  ];
}

function biased(
  x: string,
  bias: string,
  output: string,
  dims: readonly number[],
  made: Maker,
): readonly Node[] {
  const shaped = made.fresh("Reshape");
  return [
    node("Reshape", [bias, made.constant(int64([dims.length], dims))], [shaped], {}, shaped),
    node("Add", [x, shaped], [output], {}, made.fresh("Add")),
  ];
}

/** What every device with WebGPU lets a shader read and write, less the tensor that is split. */
const mostParts = 7;

/** First into a few groups, then each of these. Only where the sizes are known before running. */
function split(n: Node, made: Maker): readonly Node[] | undefined {
  if (n.outputs.length <= mostParts || n.outputs.includes("")) return undefined;
  const sizes = numbersOf(made.valueOf(n.inputs[1])) ?? equalParts(n, made.shapeOf(n.inputs[0]));
  return sizes && inSteps(n, sizes, made);
}

function equalParts(n: Node, shape: Shape | undefined): readonly number[] | undefined {
  const axis = intOf(n, "axis", 0);
  const whole = shape?.at(axis);
  const parts = n.outputs.length;
  if (typeof whole !== "number") return undefined;
  const size = Math.ceil(whole / parts);
  return n.outputs.map((_, i) => Math.min(size, Math.max(0, whole - i * size)));
}

function inSteps(n: Node, sizes: readonly number[], made: Maker): readonly Node[] {
  const { outputs } = n;
  const { num_outputs: _, ...attributes } = n.attributes;
  const splitting = (input: string, into: readonly string[], of: readonly number[]): Node => ({
    ...n,
    name: made.fresh("Split"),
    inputs: [input, made.constant(int64([of.length], of))],
    outputs: into,
    attributes,
  });
  const each = Math.ceil(outputs.length / Math.min(mostParts, Math.ceil(outputs.length / mostParts)));
  const groups = Array.from({ length: Math.ceil(outputs.length / each) }, (_, g) => {
    const [from, to] = [g * each, (g + 1) * each];
    const own = { outputs: outputs.slice(from, to), sizes: sizes.slice(from, to) };
    return { ...own, name: own.outputs.length === 1 ? own.outputs[0] : made.fresh("Split") };
  });
  const first = splitting(
    n.inputs[0],
    groups.map((g) => g.name),
    groups.map((g) => g.sizes.reduce((total, size) => total + size, 0)),
  );
  return [
    first,
    ...groups.flatMap((g) => {
      if (g.outputs.length === 1) return [];
      const rest = splitting(g.name, g.outputs, g.sizes);
      return g.outputs.length > mostParts ? inSteps(rest, g.sizes, made) : [rest];
    }),
  ];
}

function sum(n: Node, made: Maker): readonly Node[] | undefined {
  return n.inputs.length === 1 ? undefined : added(n.inputs, n.outputs[0], made);
}

/** a + b + c … , two at a time */
function added(inputs: readonly string[], output: string, made: Maker): readonly Node[] {
  const [first, ...rest] = inputs;
  let before = first;
  return rest.map((term, i) => {
    const result = i === rest.length - 1 ? output : made.fresh("Add");
    const step = node("Add", [before, term], [result], {}, made.fresh("Add"));
    before = result;
    return step;
  });
}
