/**
 * Values of element-wise operators and reductions. Sums, products, quotients and roots are computed in double and
 * rounded once, which for float32 gives exactly what an engine gives; int64 is computed in bigint and wraps.
 */
import type { Call } from "../inference/call.ts";
import { typeNumbered } from "../inference/elementwise.ts";
import { reducedAxes } from "../inference/reductions.ts";
import { type ElementType, sizeOf, type Tensor } from "../tensor.ts";
import {
  type BigInts,
  broadcastPositions,
  decode,
  type Evaluator,
  encode,
  isBig,
  isFloat,
  type Numbers,
  positions,
  rawTensor,
  storage,
  stridesOf,
} from "./data.ts";

/** An operator on numbers (and floats decoded), and on bigints; undefined means "leave it to the engine". */
interface Two {
  number(a: number, b: number, integer: boolean): number;
  big?(a: bigint, b: bigint): bigint | undefined;
}

const bit = (yes: boolean): number => (yes ? 1 : 0);

const two: Readonly<Record<string, Two>> = {
  Add: { number: (a, b) => a + b, big: (a, b) => a + b },
  Sub: { number: (a, b) => a - b, big: (a, b) => a - b },
  Mul: {
    // int32 products beyond 2^53 would lose the low bits
    number: (a, b, integer) => (integer ? Math.imul(a, b) : a * b),
    big: (a, b) => a * b,
  },
  Div: {
    number: (a, b, integer) => (integer ? Math.trunc(a / b) : a / b),
    big: (a, b) => (b === 0n ? undefined : a / b),
  },
  // the sign follows the divisor, as in Python
  Mod: {
    number: (a, b) => ((a % b) + b) % b,
    big: (a, b) => (b === 0n ? undefined : ((a % b) + b) % b),
  },
  Pow: { number: (a, b) => a ** b, big: (a, b) => (b < 0n || b > 64n ? undefined : a ** b) },
  Max: {
    number: (a, b) => Math.max(a, b),
    big: (a, b) => (a > b ? a : b),
  },
  Min: {
    number: (a, b) => Math.min(a, b),
    big: (a, b) => (a < b ? a : b),
  },
  And: { number: (a, b) => a & b },
  Or: { number: (a, b) => a | b },
  Xor: { number: (a, b) => a ^ b },
  BitwiseAnd: { number: (a, b) => a & b, big: (a, b) => a & b },
  BitwiseOr: { number: (a, b) => a | b, big: (a, b) => a | b },
  BitwiseXor: { number: (a, b) => a ^ b, big: (a, b) => a ^ b },
};

const comparisons: Readonly<Record<string, (a: number | bigint, b: number | bigint) => boolean>> = {
  Equal: (a, b) => a === b,
  Greater: (a, b) => a > b,
  GreaterOrEqual: (a, b) => a >= b,
  Less: (a, b) => a < b,
  LessOrEqual: (a, b) => a <= b,
};

const unary: Readonly<Record<string, { number(a: number): number; big?(a: bigint): bigint }>> = {
  Abs: { number: Math.abs, big: (a) => (a < 0n ? -a : a) },
  Acos: { number: Math.acos },
  Acosh: { number: Math.acosh },
  Asin: { number: Math.asin },
  Asinh: { number: Math.asinh },
  Atan: { number: Math.atan },
  Atanh: { number: Math.atanh },
  Ceil: { number: Math.ceil },
  Cos: { number: Math.cos },
  Cosh: { number: Math.cosh },
  Exp: { number: Math.exp },
  Floor: { number: Math.floor },
  Log: { number: Math.log },
  Neg: { number: (a) => -a, big: (a) => -a },
  Not: { number: (a) => 1 - a },
  Reciprocal: { number: (a) => 1 / a },
  Relu: { number: (a) => Math.max(a, 0), big: (a) => (a > 0n ? a : 0n) },
  Sigmoid: { number: (a) => 1 / (1 + Math.exp(-a)) },
  Sign: { number: Math.sign, big: (a) => (a > 0n ? 1n : a < 0n ? -1n : 0n) },
  Sin: { number: Math.sin },
  Sinh: { number: Math.sinh },
  Sqrt: { number: Math.sqrt },
  Tan: { number: Math.tan },
  Tanh: { number: Math.tanh },
};

const wrap = (type: ElementType, x: bigint): bigint =>
  type === "uint64" ? BigInt.asUintN(64, x) : BigInt.asIntN(64, x);

interface Operand {
  readonly data: Numbers | BigInts;
  readonly dims: readonly number[];
}

const operandsOf = (c: Call): readonly Operand[] | undefined => {
  const all = c.inputs.flatMap((i) => {
    const data = i?.value && decode(i.value);
    return data ? [{ data, dims: i.dims }] : [];
  });
  return all.length === c.inputs.length ? all : undefined;
};

/** Data of a result type being computed: half floats are held decoded until `encode`. */
function working(type: ElementType, n: number): Numbers | BigInts | undefined {
  if (type === "string") return undefined;
  return storage(type === "float16" || type === "bfloat16" ? "float32" : type, n);
}

/** f over two broadcast operands into `type`; undefined if f gives up anywhere or an integer result has no value. */
function combine(
  op: Two,
  a: Operand,
  b: Operand,
  type: ElementType,
  dims: readonly number[],
): Operand | undefined {
  const data = working(type, sizeOf(dims));
  if (data === undefined) return undefined;
  const pa = broadcastPositions(a.dims, dims);
  const pb = broadcastPositions(b.dims, dims);
  if (isBig(a.data) || isBig(b.data) || isBig(data)) {
    if (!isBig(a.data) || !isBig(b.data) || !isBig(data) || !op.big) return undefined;
    for (let i = 0; i < data.length; i++) {
      const value = op.big(a.data[pa[i]], b.data[pb[i]]);
      if (value === undefined) return undefined;
      data[i] = wrap(type, value);
    }
    return { data, dims };
  }
  const integer = !isFloat(type);
  for (let i = 0; i < data.length; i++) {
    const value = op.number(a.data[pa[i]], b.data[pb[i]], integer);
    if (integer && !Number.isFinite(value)) return undefined;
    data[i] = value;
  }
  return { data, dims };
}

const finish = (type: ElementType, made: Operand | undefined): readonly Tensor[] | undefined =>
  made && type !== "string" ? [encode(type, made.dims, made.data)] : undefined;

const binary =
  (op: Two): Evaluator =>
  (c, [out]) => {
    const operands = operandsOf(c);
    // fmod = 1 takes the sign of the dividend and is rare: left to the engine
    if (operands?.length !== 2 || c.int("fmod", 0) === 1) return undefined;
    return finish(out.type, combine(op, operands[0], operands[1], out.type, out.dims));
  };

/** Max, Min, Sum over any number of inputs, pairwise from the left, as engines do. */
const fold =
  (op: Two): Evaluator =>
  (c, [out]) => {
    const operands = operandsOf(c);
    if (operands === undefined || operands.length < 2) return undefined;
    let made: Operand | undefined = operands[0];
    for (const next of operands.slice(1)) {
      made = made && combine(op, made, next, out.type, out.dims);
    }
    return finish(out.type, made);
  };

const compare =
  (test: (a: number | bigint, b: number | bigint) => boolean): Evaluator =>
  (c, [out]) => {
    const operands = operandsOf(c);
    if (operands?.length !== 2) return undefined;
    const [pa, pb] = operands.map((o) => broadcastPositions(o.dims, out.dims));
    const [a, b] = operands.map((o) => o.data);
    return [
      { type: "bool", dims: out.dims, data: Uint8Array.from(pa, (at, i) => bit(test(a[at], b[pb[i]]))) },
    ];
  };

const map =
  (op: { number(a: number): number; big?(a: bigint): bigint }): Evaluator =>
  (c, [out]) => {
    const operand = operandsOf(c)?.[0];
    const data = operand && working(out.type, operand.data.length);
    if (operand === undefined || data === undefined) return undefined;
    if (isBig(operand.data)) {
      if (!isBig(data) || !op.big) return undefined;
      for (let i = 0; i < data.length; i++) data[i] = wrap(out.type, op.big(operand.data[i]));
    } else {
      for (let i = 0; i < data.length; i++) data[i] = op.number(operand.data[i]);
    }
    return finish(out.type, { data, dims: out.dims });
  };

const clip: Evaluator = (c, [out]) => {
  const [x, low, high] = [0, 1, 2].map((i) => c.inputs[i]?.value && decode(c.inputs[i].value));
  const data = x && working(out.type, x.length);
  if (x === undefined || data === undefined) return undefined;
  for (let i = 0; i < data.length; i++) {
    let v = x[i];
    if (low && v < low[0]) v = low[0];
    if (high && v > high[0]) v = high[0];
    data[i] = v;
  }
  return finish(out.type, { data, dims: out.dims });
};

const cast: Evaluator = (c, [out]) => {
  const value = c.inputs[0]!.value!;
  if (value.type === out.type) return [value];
  const from = decode(value);
  const type = c.node.op === "CastLike" ? out.type : typeNumbered(c, c.int("to", 0));
  const data = from && working(type, from.length);
  if (from === undefined || data === undefined) return undefined;
  const toInteger = !isFloat(type);
  for (let i = 0; i < data.length; i++) {
    const v = from[i];
    if (type === "bool") data[i] = bit(Number(v) !== 0);
    else if (isBig(data)) {
      if (typeof v === "number" && !(Math.abs(v) < 2 ** 63)) return undefined;
      data[i] = typeof v === "number" ? BigInt(Math.trunc(v)) : v;
    } else if (typeof v === "bigint") {
      data[i] = Number(toInteger ? BigInt.asIntN(32, v) : v);
    } else {
      // engines differ on what lies outside the integer type
      if (toInteger && !(Math.abs(v) < 2 ** 31)) return undefined;
      data[i] = toInteger ? Math.trunc(v) : v;
    }
  }
  return finish(type, { data, dims: out.dims });
};

/** Reductions as a running fold; Mean divides at the end. */
const reduce =
  (op: Two, start: number, mean = false): Evaluator =>
  (c, [out]) => {
    const value = c.inputs[0]!.value!;
    const from = decode(value);
    if (from === undefined || value.type === "string") return undefined;
    const axes = reducedAxes(c);
    const dims = c.dims(0);
    const kept = dims.map((d, i) => (axes.includes(i) ? 1 : d));
    const n = sizeOf(kept);
    const size = sizeOf(dims) / n;
    // nothing to reduce has no maximum or mean
    if (n === 0 || size === 0) return undefined;
    const to = positions(
      dims,
      stridesOf(kept).map((s, i) => (axes.includes(i) ? 0 : s)),
    );
    if (isBig(from)) {
      if (!op.big || mean) return undefined;
      const sums: (bigint | undefined)[] = new Array(n).fill(undefined);
      for (const [i, at] of to.entries()) {
        const before = sums[at];
        sums[at] = before === undefined ? from[i] : op.big(before, from[i]);
      }
      const data = storage(value.type, n);
      if (!isBig(data)) return undefined;
      for (const [i, s] of sums.entries()) data[i] = wrap(value.type, s ?? 0n);
      return [rawTensor(value.type, out.dims, data)];
    }
    const sums = new Float64Array(n).fill(start);
    for (let i = 0; i < to.length; i++) sums[to[i]] = op.number(sums[to[i]], from[i], false);
    const data = working(value.type, n);
    if (data === undefined || isBig(data) || (mean && !isFloat(value.type))) return undefined;
    for (let i = 0; i < n; i++) data[i] = mean ? sums[i] / size : sums[i];
    return finish(value.type, { data, dims: out.dims });
  };

export const arithmetic: Readonly<Record<string, Evaluator>> = {
  ...Object.fromEntries(Object.entries(two).map(([name, op]) => [name, binary(op)])),
  ...Object.fromEntries(Object.entries(comparisons).map(([name, test]) => [name, compare(test)])),
  ...Object.fromEntries(Object.entries(unary).map(([name, op]) => [name, map(op)])),
  Cast: cast,
  CastLike: cast,
  Clip: clip,
  Max: fold(two.Max),
  Min: fold(two.Min),
  Sum: fold(two.Add),
  ReduceMax: reduce(two.Max, Number.NEGATIVE_INFINITY),
  ReduceMean: reduce(two.Add, 0, true),
  ReduceMin: reduce(two.Min, Number.POSITIVE_INFINITY),
  ReduceProd: reduce(two.Mul, 1),
  ReduceSum: reduce(two.Add, 0),
};
