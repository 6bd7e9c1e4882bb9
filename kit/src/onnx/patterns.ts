/**
 * Operators that exporters took apart, put together again: GELU, HardSwish and LayerNormalization. One node has one gradient and
 * one kernel, and rules for transformers (LRP, attention roll-out) look for it.
 */
import {
  attr,
  consumers,
  floatOf,
  type Graph,
  intOf,
  intsOf,
  type Node,
  names,
  node,
  producers,
  prune,
} from "./graph.ts";
import type { Shape } from "./shapes.ts";
import { sizeOf, type Tensor } from "./tensor.ts";

/**
 * @param keep    tensors that must survive, since they will be read
 * @param shapes  shapes of the tensors (from `fold`); without them a LayerNorm is seen only if its axis is written -1
 */
export function recognise(
  graph: Graph,
  keep: ReadonlySet<string> = new Set(),
  shapes?: ReadonlyMap<string, Shape>,
): Graph {
  const view: View = {
    made: producers(graph),
    read: consumers(graph),
    kept: new Set([...keep, ...graph.outputs.map((o) => o.name)]),
    initializers: graph.initializers,
    rankOf: (name) => shapes?.get(name)?.length,
    lastOf: (name) => {
      const last = shapes?.get(name)?.at(-1);
      return typeof last === "number" ? last : undefined;
    },
  };
  const whole = new Map<Node, Node>();
  const initializers = new Map(graph.initializers);
  const used = names(graph);
  for (const n of graph.nodes) {
    const forms = n.domain === "" ? formsAround(view, n) : undefined;
    const found = forms ? around(view, n, forms) : (layerNorm(view, n) ?? affineNorm(view, n));
    if (found === undefined || whole.has(found.root)) continue;
    const inputs = found.inputs.map((given) => {
      if (typeof given === "string") return given;
      let name = `${found.root.outputs[0]}/${given.role}`;
      while (used.has(name)) name += "'";
      used.add(name);
      initializers.set(name, given.value);
      return name;
    });
    whole.set(found.root, node(found.op, inputs, found.root.outputs, found.attributes, found.root.name));
  }
  if (whole.size === 0) return graph;
  const nodes = graph.nodes.map((n) => whole.get(n) ?? n);
  const outputs = [
    ...graph.outputs,
    ...[...keep].map((name) => ({ name, type: "float32" as const, dims: [] })),
  ];
  return { ...prune({ ...graph, nodes, initializers }, outputs), outputs: graph.outputs };
}

interface View {
  readonly made: ReadonlyMap<string, Node>;
  readonly read: ReadonlyMap<string, readonly Node[]>;
  readonly kept: ReadonlySet<string>;
  readonly initializers: ReadonlyMap<string, Tensor>;
  rankOf(name: string): number | undefined;
  /** size of the last axis, where it is known and fixed */
  lastOf(name: string): number | undefined;
}

/** The node to put in place of `root`; a new constant among its inputs comes with its role for a name. */
interface Found {
  readonly root: Node;
  readonly op: string;
  readonly inputs: readonly (string | { readonly role: string; readonly value: Tensor })[];
  readonly attributes: Node["attributes"];
}

/** The number a one-element float constant holds. */
function scalarOf(view: View, name: string): number | undefined {
  const t = view.initializers.get(name);
  return t && (t.type === "float32" || t.type === "float64") && t.data.length === 1 ? t.data[0] : undefined;
}

const near = (a: number | undefined, b: number): boolean =>
  a !== undefined && Math.abs(a - b) <= 1e-5 * Math.max(1e-3, Math.abs(b));

/** Are the tensors made inside `nodes`, the root's aside, read by those nodes only? */
function enclosed(view: View, nodes: ReadonlySet<Node>, root: Node): boolean {
  for (const n of nodes) {
    if (n === root) continue;
    for (const o of n.outputs) {
      if (view.kept.has(o) || view.read.get(o)?.some((reader) => !nodes.has(reader))) return false;
    }
  }
  return true;
}

/**
 * A polynomial in x and u: "i,j" → the coefficient of xⁱuʲ. Written as a polynomial, a formula no longer shows in
 * which order its sums and products were taken, so one comparison covers every exporter's way of emitting it.
 */
type Polynomial = ReadonlyMap<string, number>;

const highest = 3;

function times(a: Polynomial, b: Polynomial): Polynomial | undefined {
  const product = new Map<string, number>();
  for (const [p, v] of a) {
    for (const [q, w] of b) {
      const [i, j] = p.split(",").map((d, k) => Number(d) + Number(q.split(",")[k]));
      if (i > highest || j > 1) return undefined;
      product.set(`${i},${j}`, (product.get(`${i},${j}`) ?? 0) + v * w);
    }
  }
  return product;
}

function plus(a: Polynomial, b: Polynomial, sign: 1 | -1): Polynomial {
  const sum = new Map(a);
  for (const [p, v] of b) sum.set(p, (sum.get(p) ?? 0) + sign * v);
  return sum;
}

/** The tensor `name` as a polynomial in tensors x and u; the nodes on the way are added to `seen`. */
function polynomial(
  view: View,
  name: string,
  x: string,
  u: string | undefined,
  seen: Set<Node>,
  depth = 6,
): Polynomial | undefined {
  if (name === x) return new Map([["1,0", 1]]);
  if (name === u) return new Map([["0,1", 1]]);
  const constant = scalarOf(view, name);
  if (constant !== undefined) return new Map([["0,0", constant]]);
  const n = view.made.get(name);
  if (n === undefined || depth === 0 || n.domain !== "") return undefined;
  seen.add(n);
  if (n.op === "Neg") {
    const given = polynomial(view, n.inputs[0], x, u, seen, depth - 1);
    return given && plus(new Map(), given, -1);
  }
  if (n.inputs.length !== 2) return undefined;
  const a = polynomial(view, n.inputs[0], x, u, seen, depth - 1);
  const b = a && polynomial(view, n.inputs[1], x, u, seen, depth - 1);
  if (a === undefined || b === undefined) return undefined;
  const number = b.size === 1 ? b.get("0,0") : undefined;
  switch (n.op) {
    case "Add":
      return plus(a, b, 1);
    case "Sub":
      return plus(a, b, -1);
    case "Mul":
      return times(a, b);
    case "Div":
      return number ? times(a, new Map([["0,0", 1 / number]])) : undefined;
    case "Pow": {
      const square = number === 2 || number === 3 ? times(a, a) : undefined;
      return number === 3 && square ? times(square, a) : square;
    }
    default:
      return undefined;
  }
}

const matches = (p: Polynomial | undefined, wanted: Polynomial): boolean =>
  p !== undefined &&
  [...new Set([...p.keys(), ...wanted.keys()])].every((k) => near(p.get(k) ?? 0, wanted.get(k) ?? 0));

/** A function of x taken apart around one node in its middle: u = middle(inner(x)) and y = outer(x, u). */
interface Form {
  readonly inner: Polynomial;
  readonly outer: Polynomial;
  readonly op: string;
  readonly attributes?: Node["attributes"];
}

const terms = (...list: readonly (readonly [term: string, coefficient: number])[]): Polynomial =>
  new Map(list);

/**
 * GELU (arXiv:1606.08415): x·(1 + erf(x/√2))/2, or with tanh(√(2/π)·(x + 0.044715x³)) for erf. Both functions are odd, so
 * the signs inside and outside may be turned: TensorFlow writes x·(1 − erf(−x/√2))/2.
 */
const geluForms = (approximate: "none" | "tanh"): readonly Form[] =>
  [1, -1].map((sign) => {
    const root = Math.sqrt(2 / Math.PI) * sign;
    return {
      inner:
        approximate === "none"
          ? terms(["1,0", Math.SQRT1_2 * sign])
          : terms(["1,0", root], ["3,0", root * 0.044715]),
      outer: terms(["1,0", 0.5], ["1,1", 0.5 * sign]),
      op: "Gelu",
      attributes: { approximate: attr.string(approximate) },
    };
  });
const [erfForms, tanhForms] = [geluForms("none"), geluForms("tanh")];

/** HardSwish (arXiv:1905.02244): x · clip(x + 3, 0, 6)/6, where the sixth may be taken first. */
const clipForms: Readonly<Record<number, readonly Form[]>> = {
  6: [{ inner: terms(["1,0", 1], ["0,0", 3]), outer: terms(["1,1", 1 / 6]), op: "HardSwish" }],
  1: [{ inner: terms(["1,0", 1 / 6], ["0,0", 0.5]), outer: terms(["1,1", 1]), op: "HardSwish" }],
};
const hardSigmoidForms: readonly Form[] = [
  { inner: terms(["1,0", 1]), outer: terms(["1,1", 1]), op: "HardSwish" },
];

/** What may stand around a node. */
function formsAround(view: View, n: Node): readonly Form[] | undefined {
  switch (n.op) {
    case "Erf":
      return erfForms;
    case "Tanh":
      return tanhForms;
    case "Clip":
      return scalarOf(view, n.inputs[1] ?? "") === 0
        ? clipForms[scalarOf(view, n.inputs[2] ?? "") ?? 0]
        : undefined;
    case "HardSigmoid":
      return near(floatOf(n, "alpha", 0.2), 1 / 6) && near(floatOf(n, "beta", 0.5), 0.5)
        ? hardSigmoidForms
        : undefined;
    default:
      return undefined;
  }
}

/** Tensors up to `depth` sums and products behind `name`, nearest first. */
function behind(view: View, name: string, depth: number): string[] {
  const found: string[] = [];
  let front = [name];
  for (let i = 0; i < depth; i++) {
    front = front.flatMap((t) => {
      const n = view.made.get(t);
      return n && ["Add", "Sub", "Mul", "Neg", "Div", "Pow"].includes(n.op) ? [...n.inputs] : [];
    });
    front = [...new Set(front)].filter((t) => !view.initializers.has(t) && !found.includes(t));
    found.push(...front);
  }
  return found;
}

/** The function that `middle` is in the middle of, if it is one of `forms`. */
function around(view: View, middle: Node, forms: readonly Form[]): Found | undefined {
  const u = middle.outputs[0];
  // torch writes ReLU6 as a Relu before the Clip, which has the same lower end
  const before = view.made.get(middle.inputs[0]);
  const twice = middle.op === "Clip" && before?.op === "Relu" && before.domain === "" ? [before] : [];
  const [start] = (twice[0] ?? middle).inputs;
  for (const x of [start, ...behind(view, start, 5)]) {
    const inner = new Set<Node>([middle, ...twice]);
    const given = polynomial(view, start, x, undefined, inner);
    const fitting = forms.filter((form) => matches(given, form.inner));
    if (fitting.length === 0) continue;
    // forward from u, one reader at a time, until the formula is whole
    for (let [t, step] = [u, 0]; step < 4; step++) {
      const readers = view.read.get(t) ?? [];
      if (readers.length !== 1) break;
      const [root] = readers;
      t = root.outputs[0];
      const seen = new Set(inner);
      const whole = polynomial(view, t, x, u, seen);
      const form = fitting.find(({ outer }) => matches(whole, outer));
      if (form === undefined) continue;
      if (!enclosed(view, seen, root)) break;
      return { root, op: form.op, inputs: [x], attributes: form.attributes ?? {} };
    }
  }
  return undefined;
}

/** Mean over the last axis, which stays as 1; the tensor it is taken of. */
function lastMean(view: View, n: Node | undefined): string | undefined {
  if (n?.op !== "ReduceMean" || intOf(n, "keepdims", 1) !== 1) return undefined;
  const axes = n.inputs[1] ? view.initializers.get(n.inputs[1]) : undefined;
  const given = axes?.type === "int64" ? Array.from(axes.data, Number) : (intsOf(n, "axes") ?? []);
  const rank = view.rankOf(n.inputs[0]);
  const last = given.length === 1 && (given[0] === -1 || (rank !== undefined && given[0] === rank - 1));
  return last ? n.inputs[0] : undefined;
}

/** d = x − mean(x); gives x. */
function centred(view: View, d: string, seen: Set<Node>): string | undefined {
  const sub = view.made.get(d);
  const mean = sub?.op === "Sub" ? view.made.get(sub.inputs[1]) : undefined;
  if (sub === undefined || mean === undefined || lastMean(view, mean) !== sub.inputs[0]) return undefined;
  seen.add(sub).add(mean);
  return sub.inputs[0];
}

/** mean(d²) with d = x − mean(x); gives x. */
function variance(view: View, name: string, seen: Set<Node>): string | undefined {
  const mean = view.made.get(name);
  const square = view.made.get(lastMean(view, mean) ?? "");
  if (mean === undefined || square === undefined) return undefined;
  const squares =
    square.op === "Pow"
      ? scalarOf(view, square.inputs[1]) === 2
      : square.op === "Mul" && square.inputs[0] === square.inputs[1];
  if (!squares) return undefined;
  seen.add(mean).add(square);
  return centred(view, square.inputs[0], seen);
}

/** √(variance + ε) */
function deviation(view: View, name: string, seen: Set<Node>): { x: string; epsilon: number } | undefined {
  const root = view.made.get(name);
  const sum = root?.op === "Sqrt" ? view.made.get(root.inputs[0]) : undefined;
  if (root === undefined || sum?.op !== "Add") return undefined;
  seen.add(root).add(sum);
  for (const [i, t] of sum.inputs.entries()) {
    const epsilon = scalarOf(view, sum.inputs[1 - i]);
    const x = epsilon === undefined ? undefined : variance(view, t, seen);
    if (x !== undefined && epsilon !== undefined) return { x, epsilon };
  }
  return undefined;
}

/** d/σ, or d·(1/σ) in either order; gives both names. */
function quotient(view: View, n: Node, seen: Set<Node>): readonly { d: string; sigma: string }[] {
  if (n.op === "Div") return [{ d: n.inputs[0], sigma: n.inputs[1] }];
  if (n.op !== "Mul") return [];
  return n.inputs.flatMap((t, i) => {
    const inverse = view.made.get(t);
    const over =
      inverse?.op === "Reciprocal"
        ? inverse.inputs[0]
        : inverse?.op === "Div" && scalarOf(view, inverse.inputs[0]) === 1
          ? inverse.inputs[1]
          : undefined;
    if (inverse === undefined || over === undefined) return [];
    seen.add(inverse);
    return [{ d: n.inputs[1 - i], sigma: over }];
  });
}

/** The only reader of n, if it is `op` with a constant along the last axis; that constant as a vector. */
function affineStep(
  view: View,
  n: Node,
  op: string,
  length: number | undefined,
): { step: Node; vector: string | Tensor } | undefined {
  const [step, ...others] = view.read.get(n.outputs[0]) ?? [];
  if (step?.op !== op || others.length > 0 || view.kept.has(n.outputs[0])) return undefined;
  const name = step.inputs.find((t) => t !== n.outputs[0]);
  const value = name === undefined ? undefined : view.initializers.get(name);
  if (name === undefined || value === undefined) return undefined;
  const size = value.dims.at(-1);
  // a vector of one element would stretch over the axis, which LayerNormalization does not do
  if (size === undefined || sizeOf(value.dims) !== size || size !== (length ?? size)) return undefined;
  if (size === 1 && length !== 1) return undefined;
  return { step, vector: value.dims.length === 1 ? name : { ...value, dims: [size] } };
}

/** Layer normalisation over the last axis: (x − mean)/√(variance + ε) · scale + bias, scale and bias optional. */
function layerNorm(view: View, n: Node): Found | undefined {
  if (n.domain !== "") return undefined;
  const sides = new Set<Node>();
  for (const { d, sigma } of quotient(view, n, sides)) {
    const seen = new Set([n, ...sides]);
    const x = centred(view, d, seen);
    const spread = x === undefined ? undefined : deviation(view, sigma, seen);
    if (x === undefined || spread?.x !== x || !enclosed(view, seen, n)) continue;
    const scaled = affineStep(view, n, "Mul", view.lastOf(x));
    const length = view.lastOf(x);
    const scale = scaled?.vector ?? (length === undefined ? undefined : ones(length));
    if (scale === undefined) return undefined;
    const width = typeof scale === "string" ? view.initializers.get(scale)!.dims[0] : scale.dims[0];
    const shifted = affineStep(view, scaled?.step ?? n, "Add", width);
    const root = shifted?.step ?? scaled?.step ?? n;
    const inputs = [scale, ...(shifted ? [shifted.vector] : [])].map((v, i) =>
      typeof v === "string" ? v : { role: i === 0 ? "scale" : "bias", value: v },
    );
    return {
      root,
      op: "LayerNormalization",
      inputs: [x, ...inputs],
      attributes: { axis: attr.int(-1), epsilon: attr.float(spread.epsilon) },
    };
  }
  return undefined;
}

/** 1/√(variance + ε), alone or times a constant along the last axis. */
function slope(view: View, name: string, seen: Set<Node>) {
  const n = view.made.get(name);
  if (n === undefined) return undefined;
  seen.add(n);
  if (n.op === "Reciprocal") return { spread: deviation(view, n.inputs[0], seen), scale: undefined };
  if (n.op !== "Mul") return undefined;
  for (const [i, t] of n.inputs.entries()) {
    const inverse = view.made.get(t);
    const scale = view.initializers.get(n.inputs[1 - i]);
    if (inverse?.op !== "Reciprocal" || scale === undefined) continue;
    seen.add(inverse);
    return { spread: deviation(view, inverse.inputs[0], seen), scale };
  }
  return undefined;
}

/** bias − mean·k, or bias + (−mean)·k; gives what k may be, the mean and the bias. */
function shifted(view: View, n: Node | undefined, seen: Set<Node>) {
  if (n?.op !== "Sub" && n?.op !== "Add") return [];
  return n.inputs.flatMap((t, i) => {
    const bias = view.initializers.get(n.inputs[1 - i]);
    const product = view.made.get(t);
    if (bias === undefined || product?.op !== "Mul" || (n.op === "Sub" && i === 0)) return [];
    seen.add(n).add(product);
    return product.inputs.flatMap((m, j) => {
      const turned = view.made.get(m);
      if (n.op === "Add" && turned?.op !== "Neg") return [];
      const mean = n.op === "Add" ? turned?.inputs[0] : m;
      return mean === undefined
        ? []
        : [{ k: product.inputs[1 - j], mean, bias, sides: n.op === "Add" ? [turned!] : [] }];
    });
  });
}

/**
 * Layer normalisation as Keras writes it: x·k + (bias − mean·k) with k = scale/√(variance + ε), the form of a batch
 * normalisation whose statistics are those of the row.
 */
function affineNorm(view: View, n: Node): Found | undefined {
  if (n.op !== "Add" || n.domain !== "") return undefined;
  for (const [i, t] of n.inputs.entries()) {
    const product = view.made.get(t);
    if (product?.op !== "Mul") continue;
    const sides = new Set([n, product]);
    for (const found of shifted(view, view.made.get(n.inputs[1 - i]), sides)) {
      const at = product.inputs.indexOf(found.k);
      const x = product.inputs[1 - at];
      const mean = view.made.get(found.mean);
      if (at < 0 || mean === undefined || lastMean(view, mean) !== x) continue;
      const seen = new Set([...sides, ...found.sides, mean]);
      const factor = slope(view, found.k, seen);
      const length = view.lastOf(x);
      if (factor?.spread?.x !== x || length === undefined || !enclosed(view, seen, n)) continue;
      const scale = factor.scale ? row(factor.scale, length) : ones(length);
      const bias = row(found.bias, length);
      if (scale === undefined || bias === undefined) continue;
      return {
        root: n,
        op: "LayerNormalization",
        inputs: [x, { role: "scale", value: scale }, { role: "bias", value: bias }],
        attributes: { axis: attr.int(-1), epsilon: attr.float(factor.spread.epsilon) },
      };
    }
  }
  return undefined;
}

/** A constant that differs along the last axis only, as a vector of that axis. */
function row(value: Tensor, length: number): Tensor | undefined {
  if (value.type !== "float32" || value.data.length !== sizeOf(value.dims)) return undefined;
  if (value.data.length === 1)
    return { ...value, dims: [length], data: new Float32Array(length).fill(value.data[0]) };
  return value.data.length === length && value.dims.at(-1) === length
    ? { ...value, dims: [length] }
    : undefined;
}

const ones = (n: number): Tensor => ({ type: "float32", dims: [n], data: new Float32Array(n).fill(1) });
