/** Operators that make tensors from shapes, numbers or nothing. */
import type { Attribute } from "../graph.ts";
import { float32, int64, type Tensor } from "../tensor.ts";
import { type Call, type Info, info, type Rule } from "./call.ts";
import { typeNumbered } from "./elementwise.ts";

const known = (value: Tensor): Info => ({ type: value.type, dims: value.dims, value });

/** The tensor a Constant node holds, in whichever of its attributes. */
function constantOf(c: Call): Tensor {
  const read: Readonly<Record<string, (a: Attribute) => Tensor | undefined>> = {
    value: (a) => (a.type === "tensor" ? a.value : undefined),
    value_int: (a) => (a.type === "int" ? int64([], [a.value]) : undefined),
    value_ints: (a) => (a.type === "ints" ? int64([a.value.length], a.value) : undefined),
    value_float: (a) => (a.type === "float" ? float32([], [a.value]) : undefined),
    value_floats: (a) => (a.type === "floats" ? float32([a.value.length], a.value) : undefined),
  };
  for (const [key, a] of Object.entries(c.node.attributes)) {
    const value = read[key]?.(a);
    if (value) return value;
  }
  throw c.wrong(`a numeric value, not ${Object.keys(c.node.attributes).join(", ") || "none"}`);
}

/** What ConstantOfShape fills with: float32 0 unless told. */
export function fillOf(c: Call): Tensor {
  const a = c.node.attributes.value;
  return a?.type === "tensor" ? a.value : float32([1], [0]);
}

function shapeSpan(c: Call): readonly number[] {
  const dims = c.dims(0);
  // start and end clamp to the rank instead of failing
  return dims.slice(c.int("start", 0), c.int("end", dims.length));
}

/** Start, limit and step of a Range node, known before running. */
function rangeCount(c: Call): number {
  const [start, limit, delta] = [0, 1, 2].map((i) => {
    const value = c.inputs[i]?.value;
    if (value?.type === "float32" || value?.type === "float64") return value.data[0];
    return c.values(i)[0];
  });
  if (delta === 0) throw c.wrong("a step other than 0");
  return Math.max(0, Math.ceil((limit - start) / delta));
}

/** The places of a mask that is known before running: exporters write `x[mask]` that way. */
const nonZero: Rule = (c) => {
  const mask = c.inputs[0]?.value;
  if (mask === undefined || mask.type === "string") throw c.wrong("a mask known before running");
  const dims = c.dims(0);
  const found: number[] = [];
  // -0 of a half float is not all zeros, and is zero
  const zero = (v: number | bigint): boolean =>
    Number(v) === 0 || (mask.type.endsWith("float16") && v === 0x8000);
  for (const [i, v] of Array.from<number | bigint>(mask.data as ArrayLike<number | bigint>).entries())
    if (!zero(v)) found.push(i);
  const rows = dims.map((d, axis) => {
    const step = dims.slice(axis + 1).reduce((n, size) => n * size, 1);
    return found.map((at) => Math.floor(at / step) % d);
  });
  return [known(int64([dims.length, found.length], rows.flat()))];
};

export const generators: Readonly<Record<string, Rule>> = {
  Constant: (c) => [known(constantOf(c))],
  ConstantOfShape: (c) => [info(fillOf(c).type, c.values(0))],
  EyeLike: (c) => [info(c.int("dtype", 0) ? typeNumbered(c, c.int("dtype", 0)) : c.type(0), c.dims(0))],
  NonZero: nonZero,
  Range: (c) => [info(c.type(0), [rangeCount(c)])],
  Shape: (c) => [known(int64([shapeSpan(c).length], shapeSpan(c)))],
  Size: (c) => [known(int64([], [c.dims(0).reduce((n, d) => n * d, 1)]))],
};
