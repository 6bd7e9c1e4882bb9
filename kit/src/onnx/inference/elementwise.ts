/** Operators that work element by element, with numpy broadcasting where they have several inputs. */
import { KitError } from "../../errors.ts";
import { labelOf } from "../graph.ts";
import { type ElementType, elementTypes } from "../tensor.ts";
import { broadcast, type Call, info, type Rule, sameType } from "./call.ts";

/** The output looks like the first input. */
const like: Rule = (c) => [info(c.type(0), c.dims(0))];
const test: Rule = (c) => [info("bool", c.dims(0))];
const several: Rule = (c) => [info(sameType(c), broadcast(c, ...c.inputs.map((_, i) => c.dims(i))))];
const binary: Rule = (c) => [info(sameType(c, [0, 1]), broadcast(c, c.dims(0), c.dims(1)))];
const compare: Rule = (c) => [info(sameType(c, [0, 1]) && "bool", broadcast(c, c.dims(0), c.dims(1)))];

const unary = Object.fromEntries(
  `Abs Acos Acosh Asin Asinh Atan Atanh BitwiseNot Ceil Celu Cos Cosh Elu Erf Exp Floor Gelu HardSigmoid HardSwish
  Identity LeakyRelu Log Mish Neg Not QuickGelu Reciprocal Relu Round Selu Shrink Sigmoid Sign Sin Sinh Softplus Softsign
  Sqrt Tan Tanh ThresholdedRelu`
    .split(/\s+/)
    .map((op): [string, Rule] => [op, like]),
);

/** The second input broadcasts to the first, never the other way. */
function intoFirst(c: Call): readonly number[] {
  const dims = broadcast(c, c.dims(0), c.dims(1));
  if (dims.some((d, i) => d !== c.dims(0)[i]) || dims.length !== c.dims(0).length) {
    throw c.wrong("input 1 to broadcast to input 0");
  }
  return dims;
}

/** An element type by ONNX's number. */
export function typeNumbered(c: Call, n: number): ElementType {
  for (const [type, number] of Object.entries(elementTypes)) if (number === n) return type as ElementType;
  throw new KitError("E_ONNX_OP", {
    problem: `${c.node.op} node ${labelOf(c.node)} makes element type ${n}, which is not supported`,
    next: `supported are ${Object.keys(elementTypes).join(", ")}`,
  });
}

function quantizedType(c: Call): ElementType {
  if (c.has(2)) return c.type(2);
  const asked = c.int("output_dtype", 0);
  return asked === 0 ? "uint8" : typeNumbered(c, asked);
}

export const elementwise: Readonly<Record<string, Rule>> = {
  ...unary,
  Add: binary,
  And: binary,
  BiasGelu: binary,
  BitShift: binary,
  BitwiseAnd: binary,
  BitwiseOr: binary,
  BitwiseXor: binary,
  Cast: (c) => [info(typeNumbered(c, c.int("to", 0)), c.dims(0))],
  CastLike: (c) => [info(c.type(1), c.dims(0))],
  Clip: (c) => [info(sameType(c), c.dims(0))],
  DequantizeLinear: (c) => [info(c.type(1), c.dims(0))],
  Div: binary,
  Dropout: (c) => [info(c.type(0), c.dims(0)), info("bool", c.dims(0))],
  Equal: compare,
  Greater: compare,
  GreaterOrEqual: compare,
  IsInf: test,
  IsNaN: test,
  Less: compare,
  LessOrEqual: compare,
  Max: several,
  Mean: several,
  Min: several,
  Mod: binary,
  Mul: binary,
  Or: binary,
  PRelu: (c) => [info(sameType(c), intoFirst(c))],
  Pow: (c) => [info(c.type(0), broadcast(c, c.dims(0), c.dims(1)))],
  QuantizeLinear: (c) => [info(quantizedType(c), c.dims(0))],
  Sub: binary,
  Sum: several,
  Where: (c) => [info(sameType(c, [1, 2]), broadcast(c, c.dims(0), c.dims(1), c.dims(2)))],
  Xor: binary,
};
