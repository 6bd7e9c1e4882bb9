/** What a rule of inference sees: one node, what is known of its inputs, and a way to say what does not fit. */
import { KitError } from "../../errors.ts";
import { intOf, intsOf, labelOf, type Node } from "../graph.ts";
import type { ElementType, Tensor } from "../tensor.ts";

/** What is known of a tensor before running the model; `value` where folding knows it. */
export interface Info {
  readonly type: ElementType;
  readonly dims: readonly number[];
  readonly value?: Tensor;
}

/** Outputs of a node, in order. A rule is an expression; checks of sizes and values are the driver's, in `infer.ts`. */
export type Rule = (c: Call) => readonly Info[];

export interface Call {
  readonly node: Node;
  readonly inputs: readonly (Info | undefined)[];
  /** Is this optional input given? */
  has(i: number): boolean;
  dims(i: number): readonly number[];
  type(i: number): ElementType;
  /** The integers of input i, which must be known before running. */
  values(i: number): readonly number[];
  /** Attribute `axis` (or input-made axis `given`) as 0 … rank−1; `extra` = 1 lets it be rank itself. */
  axis(rank: number, fallback: number, extra?: number): number;
  /** Negative axes counted from the end; out of range or repeated is an error. */
  axes(given: readonly number[], rank: number): readonly number[];
  int(key: string, fallback: number): number;
  ints(key: string): readonly number[] | undefined;
  /** The error to throw: "Conv node stem: expected …". */
  wrong(expected: string): KitError;
}

export const info = (type: ElementType, dims: readonly number[]): Info => ({ type, dims });

/** More axes than any model has; a guard against hostile files. */
export const mostAxes = 64;

/** "[2, 3]"; a long list is cut. */
export const formatList = (list: readonly number[]): string =>
  `[${list.slice(0, 12).join(", ")}${list.length > 12 ? `, … ${list.length} in all` : ""}]`;

/** "float32[2, 3]" */
const formatInfo = (i: Info | undefined): string => (i ? `${i.type}${formatList(i.dims)}` : "absent");

export function wrongShape(node: Node, inputs: readonly (Info | undefined)[], expected: string): KitError {
  return new KitError("E_ONNX_SHAPE", {
    problem: `${node.op} node ${labelOf(node)}: expected ${expected}`,
    details: node.inputs.map((name, i) => `input ${i} ${name || "(absent)"}: ${formatInfo(inputs[i])}`),
    next: "the model contradicts itself or uses a shape known only while running; check how it was exported",
  });
}

/** Integers of an integer or bool tensor as numbers; undefined for other types. */
export function integersOf(value: Tensor | undefined): readonly number[] | undefined {
  if (value === undefined) return undefined;
  if (value.type === "string" || value.type.startsWith("float") || value.type === "bfloat16")
    return undefined;
  return Array.from(value.data as ArrayLike<number | bigint>, Number);
}

export function callOf(node: Node, inputs: readonly (Info | undefined)[]): Call {
  const wrong = (expected: string) => wrongShape(node, inputs, expected);
  const at = (i: number): Info => {
    const given = inputs[i];
    if (given === undefined) throw wrong(`input ${i} to be given`);
    return given;
  };
  const normal = (axis: number, rank: number, extra = 0): number => {
    if (!Number.isInteger(axis) || axis < -rank || axis >= rank + extra) {
      throw wrong(`an axis within rank ${rank}, not ${axis}`);
    }
    return axis < 0 ? axis + rank : axis;
  };
  return {
    node,
    inputs,
    wrong,
    has: (i) => inputs[i] !== undefined,
    dims: (i) => at(i).dims,
    type: (i) => at(i).type,
    values(i) {
      const known = integersOf(at(i).value);
      if (known === undefined) throw wrong(`input ${i} to be integers known before running`);
      return known;
    },
    axis: (rank, fallback, extra) => normal(intOf(node, "axis", fallback), rank, extra),
    axes(given, rank) {
      if (rank > mostAxes) throw wrong(`at most ${mostAxes} axes, not ${rank}`);
      const axes = given.map((a) => normal(a, rank));
      if (new Set(axes).size !== axes.length) throw wrong(`different axes, not ${formatList(given)}`);
      return axes;
    },
    int: (key, fallback) => intOf(node, key, fallback),
    ints: (key) => intsOf(node, key),
  };
}

/** numpy broadcasting of all `shapes`; undefined if they do not fit. */
export function broadcastDims(...shapes: readonly (readonly number[])[]): readonly number[] | undefined {
  const rank = shapes.reduce((most, s) => Math.max(most, s.length), 0);
  const result: number[] = new Array(rank).fill(1);
  for (const shape of shapes) {
    const shift = rank - shape.length;
    for (const [i, d] of shape.entries()) {
      if (d === 1 || d === result[i + shift]) continue;
      if (result[i + shift] !== 1) return undefined;
      result[i + shift] = d;
    }
  }
  return result;
}

export function broadcast(c: Call, ...shapes: readonly (readonly number[])[]): readonly number[] {
  const dims = broadcastDims(...shapes);
  if (dims === undefined) throw c.wrong("shapes that broadcast together");
  return dims;
}

/** Inputs `which` (default all) must share one element type; that type. */
export function sameType(c: Call, which = c.inputs.keys() as Iterable<number>): ElementType {
  const types = [...which].filter((i) => c.has(i)).map((i) => c.type(i));
  if (types.some((t) => t !== types[0])) throw c.wrong("inputs of one element type");
  return types[0];
}
