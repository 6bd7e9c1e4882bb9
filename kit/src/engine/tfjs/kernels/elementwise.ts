/** Operators that work element by element. */
import { floatOf, stringOf } from "../../../onnx/graph.ts";
import { broadcastDims } from "../../../onnx/inference/call.ts";
import { typeNumbered } from "../../../onnx/inference/elementwise.ts";
import type { ElementType } from "../../../onnx/tensor.ts";
import { inLast, type Kernel, map, type Step, type Tf, type TfTensor, together } from "../kernel.ts";
import { chosen } from "../moves.ts";
import { dtypeOf, roundedToHalf } from "../types.ts";

type Unary = (tf: Tf, x: TfTensor, attribute: (key: string, fallback: number) => number) => TfTensor;

const unary = (f: Unary): Kernel =>
  map((x, s) => f(s.tf, x, (key, fallback) => floatOf(s.c.node, key, fallback)));

/** max(0, x) + below(min(0, x)): each side alone, so that nothing overflows on the other. */
const split = (tf: Tf, x: TfTensor, below: (low: TfTensor) => TfTensor): TfTensor =>
  tf.add(tf.relu(x), below(tf.minimum(x, 0)));

const hardSigmoid = (tf: Tf, x: TfTensor, alpha: number, beta: number): TfTensor => {
  const line = tf.mul(x, alpha);
  return tf.clipByValue(beta === 0 ? line : tf.add(line, beta), 0, 1);
};

/** log(1 + exp(x)) without losing the digits of small exp(x), or overflowing for large. */
const softplus = (tf: Tf, x: TfTensor): TfTensor => tf.add(tf.relu(x), tf.log1p(tf.exp(tf.neg(tf.abs(x)))));

/** x Φ(x), or its approximation by tanh. */
function gelu(tf: Tf, x: TfTensor, approximate: string): TfTensor {
  const half = tf.mul(x, 0.5);
  if (approximate !== "tanh") return tf.add(half, tf.mul(half, tf.erf(tf.mul(x, Math.SQRT1_2))));
  const inner = tf.mul(x, tf.add(tf.mul(tf.square(x), 0.044715), 1));
  return tf.add(half, tf.mul(half, tf.tanh(tf.mul(inner, Math.sqrt(2 / Math.PI)))));
}

const units: Readonly<Record<string, Unary>> = {
  Abs: (tf, x) => tf.abs(x),
  Acos: (tf, x) => tf.acos(x),
  Acosh: (tf, x) => tf.acosh(x),
  Asin: (tf, x) => tf.asin(x),
  Asinh: (tf, x) => tf.asinh(x),
  Atan: (tf, x) => tf.atan(x),
  Atanh: (tf, x) => tf.atanh(x),
  Ceil: (tf, x) => tf.ceil(x),
  Celu: (tf, x, a) => {
    const alpha = a("alpha", 1);
    return split(tf, x, (low) => tf.mul(tf.expm1(tf.div(low, alpha)), alpha));
  },
  Cos: (tf, x) => tf.cos(x),
  Cosh: (tf, x) => tf.cosh(x),
  Elu: (tf, x, a) => split(tf, x, (low) => tf.mul(tf.expm1(low), a("alpha", 1))),
  Erf: (tf, x) => tf.erf(x),
  Exp: (tf, x) => tf.exp(x),
  Floor: (tf, x) => tf.floor(x),
  HardSigmoid: (tf, x, a) => hardSigmoid(tf, x, a("alpha", 0.2), a("beta", 0.5)),
  HardSwish: (tf, x) => tf.mul(x, hardSigmoid(tf, x, 1 / 6, 0.5)),
  Identity: (_, x) => x,
  LeakyRelu: (tf, x, a) => split(tf, x, (low) => tf.mul(low, a("alpha", 0.01))),
  Log: (tf, x) => tf.log(x),
  Mish: (tf, x) => tf.mul(x, tf.tanh(softplus(tf, x))),
  Neg: (tf, x) => tf.neg(x),
  Not: (tf, x) => tf.logicalNot(x),
  QuickGelu: (tf, x, a) => tf.mul(x, tf.sigmoid(tf.mul(x, a("alpha", 1.702)))),
  Reciprocal: (tf, x) => tf.reciprocal(x),
  Relu: (tf, x) => tf.relu(x),
  Round: (tf, x) => tf.round(x),
  Selu: (tf, x, a) => {
    const below = (low: TfTensor) => tf.mul(tf.expm1(low), a("alpha", 1.6732632423543772));
    return tf.mul(split(tf, x, below), a("gamma", 1.0507009873554805));
  },
  Shrink: (tf, x, a) => {
    const [edge, bias] = [a("lambd", 0.5), a("bias", 0)];
    const zero = tf.zerosLike(x);
    const high = tf.where(tf.greater(x, edge), tf.sub(x, bias), zero);
    return tf.where(tf.less(x, -edge), tf.add(x, bias), high);
  },
  Sigmoid: (tf, x) => tf.sigmoid(x),
  Sign: (tf, x) => tf.sign(x),
  Sin: (tf, x) => tf.sin(x),
  Sinh: (tf, x) => tf.sinh(x),
  Softplus: softplus,
  Softsign: (tf, x) => tf.div(x, tf.add(tf.abs(x), 1)),
  Sqrt: (tf, x) => tf.sqrt(x),
  Tan: (tf, x) => tf.tan(x),
  Tanh: (tf, x) => tf.tanh(x),
  ThresholdedRelu: (tf, x, a) => tf.where(tf.greater(x, a("alpha", 1)), x, tf.zerosLike(x)),
};

type Binary = (tf: Tf, a: TfTensor, b: TfTensor, s: Step) => TfTensor;

const binary =
  (f: Binary): Kernel =>
  (s) =>
    together(s, [0, 1], (a, b) => f(s.tf, a, b, s));

/** Kernels compare numbers, not bools. */
const numeric = (tf: Tf, x: TfTensor): TfTensor => (x.dtype === "bool" ? tf.cast(x, "int32") : x);
const compare = (f: (tf: Tf, a: TfTensor, b: TfTensor) => TfTensor): Kernel =>
  binary((tf, a, b) => f(tf, numeric(tf, a), numeric(tf, b)));

const fold =
  (f: (tf: Tf, a: TfTensor, b: TfTensor) => TfTensor, finish = (_: Step, x: TfTensor) => x): Kernel =>
  (s) =>
    together(
      s,
      s.c.inputs.map((_, i) => i),
      (...xs) =>
        finish(
          s,
          xs.reduce((a, b) => f(s.tf, a, b)),
        ),
    );

/** Integers are divided towards zero, as ONNX wants; TensorFlow rounds down. */
function divided(tf: Tf, a: TfTensor, b: TfTensor): TfTensor {
  if (a.dtype !== "int32") return tf.div(a, b);
  const down = tf.floorDiv(a, b);
  const rest = tf.notEqual(tf.sub(a, tf.mul(down, b)), tf.scalar(0, "int32"));
  const zero = tf.scalar(0, "int32");
  const mixed = tf.logicalXor(tf.less(a, zero), tf.less(b, zero));
  return tf.add(down, tf.cast(tf.logicalAnd(rest, mixed), "int32"));
}

/** The sign follows the divisor, with fmod = 1 the dividend. */
const remainder: Binary = (tf, a, b, s) => {
  const truncated = s.c.int("fmod", 0) === 1;
  if (a.dtype === "int32") {
    return tf.sub(a, tf.mul(truncated ? divided(tf, a, b) : tf.floorDiv(a, b), b));
  }
  const q = tf.div(a, b);
  return tf.sub(a, tf.mul(truncated ? tf.mul(tf.sign(q), tf.floor(tf.abs(q))) : tf.floor(q), b));
};

function cast(s: Step, x: TfTensor, type: ElementType): TfTensor {
  const { tf } = s;
  if (type === "bool") return tf.notEqual(numeric(tf, x), 0);
  if (type === "float16" && s.c.type(0) !== "float16") return roundedToHalf(tf, tf.cast(x, "float32"));
  return tf.cast(x, dtypeOf(type, s.c.node));
}

const clip: Kernel = map((x, s) => {
  const low = s.c.has(1) ? s.tf.maximum(x, s.x(1)) : x;
  return s.c.has(2) ? s.tf.minimum(low, s.x(2)) : low;
});

const isInf: Kernel = map((x, { tf, c }) => {
  const infinite = tf.isInf(x);
  const positive = c.int("detect_positive", 1) === 1;
  const negative = c.int("detect_negative", 1) === 1;
  if (positive && negative) return infinite;
  if (!positive && !negative) return tf.zerosLike(infinite);
  return tf.logicalAnd(infinite, positive ? tf.greater(x, 0) : tf.less(x, 0));
});

const dropout: Kernel = (s) => [
  inLast(s, 0) ? { last: s.last(0) } : s.x(0),
  ...(s.outputs.length > 1 ? [s.tf.ones([...s.outputs[1].dims], "bool")] : []),
];

export const elementwise: Readonly<Record<string, Kernel>> = {
  ...Object.fromEntries(Object.entries(units).map(([op, f]) => [op, unary(f)])),
  Add: binary((tf, a, b) => tf.add(a, b)),
  And: binary((tf, a, b) => tf.logicalAnd(a, b)),
  BiasGelu: binary((tf, a, b) => gelu(tf, tf.add(a, b), "none")),
  Cast: map((x, s) => cast(s, x, typeNumbered(s.c, s.c.int("to", 0)))),
  CastLike: map((x, s) => cast(s, x, s.c.type(1))),
  Clip: clip,
  Div: binary((tf, a, b) => divided(tf, a, b)),
  Dropout: dropout,
  Equal: compare((tf, a, b) => tf.equal(a, b)),
  Gelu: map((x, s) => gelu(s.tf, x, stringOf(s.c.node, "approximate", "none"))),
  Greater: compare((tf, a, b) => tf.greater(a, b)),
  GreaterOrEqual: compare((tf, a, b) => tf.greaterEqual(a, b)),
  IsInf: isInf,
  IsNaN: map((x, s) => s.tf.isNaN(x)),
  Less: compare((tf, a, b) => tf.less(a, b)),
  LessOrEqual: compare((tf, a, b) => tf.lessEqual(a, b)),
  Max: fold((tf, a, b) => tf.maximum(a, b)),
  Mean: fold(
    (tf, a, b) => tf.add(a, b),
    (s, sum) => s.tf.div(sum, s.c.inputs.length),
  ),
  Min: fold((tf, a, b) => tf.minimum(a, b)),
  Mod: binary(remainder),
  Mul: binary((tf, a, b) => tf.mul(a, b)),
  Or: binary((tf, a, b) => tf.logicalOr(a, b)),
  PRelu: binary((tf, x, slope) => split(tf, x, (low) => tf.mul(low, slope))),
  Pow: binary((tf, a, b) => tf.pow(a, tf.cast(b, a.dtype))),
  Sub: binary((tf, a, b) => tf.sub(a, b)),
  Sum: fold((tf, a, b) => tf.add(a, b)),
  Where: (s) =>
    together(s, [0, 1, 2], (test, yes, no) => {
      const dims = [test, yes, no].reduce<readonly number[]>(
        (all, x) => broadcastDims(all, x.shape) ?? all,
        [],
      );
      const made = chosen(s.tf, test, numeric(s.tf, yes), numeric(s.tf, no), dims);
      return s.tf.cast(made, yes.dtype);
    }),
  Xor: binary((tf, a, b) => tf.logicalXor(a, b)),
};
