/** Nodes written in other operators, once the shapes of their inputs are known: what an expansion sees and may do. */
import { KitError } from "../errors.ts";
import { encode } from "./evaluate/data.ts";
import { attr, labelOf, type Node, node } from "./graph.ts";
import { plain } from "./read-errors.ts";
import type { Ground } from "./splice.ts";
import { type ElementType, elementTypes, int64, type Tensor } from "./tensor.ts";

/** A tensor as far as it is known; sizes and values that change with the batch size are not. */
export interface Known {
  readonly type: ElementType;
  readonly dims: readonly (number | undefined)[];
  readonly value?: Tensor;
}

export interface Expanding {
  readonly node: Node;
  readonly label: string;
  /** Is this optional input given? */
  has(i: number): boolean;
  /** The name of input i; an error where it is absent. */
  input(i: number): string;
  known(i: number): Known;
  rank(i: number): number;
  /** Adds a node; the name of its output, or of its first. */
  op(op: string, inputs: readonly string[], attributes?: Node["attributes"]): string;
  /** Adds a node with several outputs. */
  ops(
    op: string,
    inputs: readonly string[],
    outputs: number,
    attributes?: Node["attributes"],
  ): readonly string[];
  /** A constant of the type of input 0. */
  constant(dims: readonly number[], values: readonly number[]): string;
  number(value: number): string;
  ints(values: readonly number[]): string;
  tensor(value: Tensor, hint?: string): string;
  cast(name: string, to: ElementType): string;
  refuse(what: string, next?: string): KitError;
}

/** The outputs, in the order of the node's; what is left out must not be read. */
export type Expansion = (c: Expanding) => readonly string[];

/** The nodes that stand for `n`, its outputs under their own names. */
export function expand(
  n: Node,
  expansion: Expansion,
  known: (name: string) => Known,
  ground: Ground,
): readonly Node[] {
  const label = labelOf(n);
  const made: Node[] = [];
  const refuse = (what: string, next = "export the model with standard ONNX operators") =>
    new KitError("E_ONNX_UNSUPPORTED", {
      problem: plain(`${keyOf(n)} node ${label}: ${what} is not supported`),
      next,
    });
  const input = (i: number): string => {
    if (n.inputs[i]) return n.inputs[i];
    throw refuse(`a missing input ${i}`);
  };
  const ops: Expanding["ops"] = (op, inputs, outputs, attributes = {}) => {
    const names = Array.from({ length: outputs }, () => ground.fresh(`${label}/${op}`));
    made.push(node(op, inputs, names, attributes));
    return names;
  };
  const constant: Expanding["constant"] = (dims, values) => {
    const { type } = known(input(0));
    if (type === "string") throw refuse("text");
    const wide = type === "float64" ? Float64Array.from(values) : Float32Array.from(values);
    return ground.weight(encode(type, dims, wide), `${label}/constant`);
  };
  const outputs = expansion({
    node: n,
    label,
    has: (i) => Boolean(n.inputs[i]),
    input,
    known: (i) => known(input(i)),
    rank: (i) => known(input(i)).dims.length,
    op: (op, inputs, attributes) => ops(op, inputs, 1, attributes)[0],
    ops,
    constant,
    number: (value) => constant([], [value]),
    ints: (values) => ground.weight(int64([values.length], values), `${label}/ints`),
    tensor: (value, hint = "constant") => ground.weight(value, `${label}/${hint}`),
    cast: (name, to) => ops("Cast", [name], 1, { to: attr.int(elementTypes[to]) })[0],
    refuse,
  });
  const extra = n.outputs.findIndex((o, i) => o !== "" && outputs[i] === undefined);
  if (extra >= 0) throw refuse(`its output ${extra}`);
  return named(n.outputs, outputs, made);
}

/** `made`, with the tensors `found` called as `wanted`; by a copy where they are not made here, or asked for twice. */
function named(wanted: readonly string[], found: readonly string[], made: readonly Node[]): Node[] {
  const own = new Set(made.flatMap((n) => n.outputs));
  const renamed = new Map<string, string>();
  const copies: Node[] = [];
  for (const [i, name] of wanted.entries()) {
    if (name === "") continue;
    if (own.has(found[i]) && !renamed.has(found[i])) renamed.set(found[i], name);
    else copies.push(node("Identity", [renamed.get(found[i]) ?? found[i]], [name]));
  }
  const now = (name: string) => renamed.get(name) ?? name;
  return [...made.map((n) => ({ ...n, inputs: n.inputs.map(now), outputs: n.outputs.map(now) })), ...copies];
}

/** "com.microsoft.Attention"; no domain for a standard operator. */
export const keyOf = (n: Pick<Node, "op" | "domain">): string =>
  n.domain === "" ? n.op : `${n.domain}.${n.op}`;

/** The axes of a rank, the last two swapped. */
export const swapped = (rank: number): readonly number[] => {
  const axes = [...Array(rank).keys()];
  return [...axes.slice(0, -2), rank - 1, rank - 2];
};

export interface Contrib {
  /** What it stands for, for the table of operators. */
  readonly says: string;
  readonly expand: Expansion;
}
