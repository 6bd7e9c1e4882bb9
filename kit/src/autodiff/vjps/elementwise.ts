/** Arithmetic and functions of one element. The driver undoes broadcasting. */
import { attr } from "../../onnx/graph.ts";
import { elementTypes, float32 } from "../../onnx/tensor.ts";
import type { Ops } from "../ops.ts";
import type { Sample, Value, Vjp } from "../vjp.ts";

const one: readonly Sample[] = [
  { shapes: [[2, 3]], batch: [0] },
  { shapes: [[]], name: "scalar" },
];
/** Away from poles. */
const positive: readonly Sample[] = [
  { shapes: [[2, 3]], range: [0.3, 3], batch: [0] },
  { shapes: [[5]], range: [0.3, 3] },
];
/** Within the domain of a function that ends at ±1. */
const inside = (most: number): readonly Sample[] => one.map((s) => ({ ...s, range: [-most, most] as const }));
const broadcasting: readonly Sample[] = [
  { shapes: [[2, 3], [3]], range: [0.3, 2], batch: [0] },
  {
    shapes: [
      [2, 1],
      [1, 3],
    ],
    range: [0.3, 2],
    batch: [0],
  },
  { shapes: [[4], [2, 1, 4]], range: [0.3, 2], batch: [1] },
  { shapes: [[3, 2], []], range: [0.3, 2], batch: [0], name: "scalar" },
];

export const Add: Vjp = { rule: ({ dy }) => [dy, dy], samples: broadcasting };
export const Sub: Vjp = {
  rule: ({ ops, dy, need }) => [dy, need[1] ? ops.neg(dy) : null],
  samples: broadcasting,
};
export const Mul: Vjp = {
  rule: ({ ops, dy, inputs: [a, b], need }) => [
    need[0] ? ops.mul(dy, b) : null,
    need[1] ? ops.mul(dy, a) : null,
  ],
  samples: broadcasting,
};
export const Div: Vjp = {
  rule: ({ ops, dy, inputs: [, b], output: y, need }) => {
    const da = ops.div(dy, b);
    return [da, need[1] ? ops.neg(ops.mul(da, y)) : null];
  },
  samples: broadcasting,
};

/** a − trunc(a/b) b, as C's fmod (floats allow nothing else): the quotient is (a − y)/b, and constant between jumps. */
export const Mod: Vjp = {
  rule: ({ ops, dy, inputs: [a, b], output: y, need }) => [
    dy,
    need[1] ? ops.mul(dy, ops.div(ops.sub(y, a), b)) : null,
  ],
  samples: [
    {
      shapes: [[2, 3], []],
      constants: { 1: float32([], [0.7]) },
      attributes: { fmod: attr.int(1) },
      kinks: [-0.7, 0, 0.7],
      batch: [0],
    },
    // quotients are off the integers that they jump at
    {
      shapes: [[2, 2], [2]],
      attributes: { fmod: attr.int(1) },
      at: [
        [2.5, -2.5, 0.5, 4.5],
        [1, 2],
      ],
      gradient: [
        [1, 1, 1, 1],
        [-2, 1 - 2],
      ],
      name: "of both",
    },
  ],
};

/** The number a constant exponent is, if it is one. */
function numberOf(v: Value): number | undefined {
  const c = v.constant;
  if (c === undefined || c.data.length !== 1 || c.type === "string" || c.type.endsWith("float16"))
    return undefined;
  return Number(c.data[0]);
}

/** x^(p−1) without Pow where a product does: exact, and defined at x < 0. */
function power(ops: Ops, x: Value, p: number): Value | number {
  if (p === 0) return 1;
  if (p === 1) return x;
  if (p === 2) return ops.mul(x, x);
  return ops.pow(x, p);
}

export const Pow: Vjp = {
  rule({ ops, dy, inputs: [x, p], output: y, need }) {
    const fixed = numberOf(p);
    // p = 0 is apart: 0 · 0^−1 would be NaN at 0
    if (fixed === 0) return [ops.mul(dy, 0)];
    if (fixed !== undefined) return [ops.mul(ops.mul(dy, fixed), power(ops, x, fixed - 1))];
    const exponent = ops.cast(p, x.type);
    return [
      need[0] ? ops.mul(dy, ops.mul(exponent, ops.pow(x, ops.sub(exponent, 1)))) : null,
      need[1] ? ops.cast(ops.mul(dy, ops.mul(y, ops.log(x))), p.type) : null,
    ];
  },
  samples: [
    ...broadcasting,
    ...[0, 1, 2, 3, -1, 0.5].map(
      (p): Sample => ({
        shapes: [[2, 3], []],
        constants: { 1: float32([], [p]) },
        range: Number.isInteger(p) && p >= 0 ? [-1, 1] : [0.3, 2],
        batch: [0],
        name: `exponent ${p}`,
      }),
    ),
  ],
};

export const Neg: Vjp = { rule: ({ ops, dy }) => [ops.neg(dy)], samples: one };
/** 0 at 0, as torch. */
export const Abs: Vjp = {
  rule: ({ ops, dy, inputs: [x] }) => [ops.mul(dy, ops.sign(x))],
  samples: [...one, { shapes: [[3]], at: [[-2, 0, 3]], gradient: [[-1, 0, 1]], name: "at 0" }],
};
export const Exp: Vjp = { rule: ({ ops, dy, output: y }) => [ops.mul(dy, y)], samples: one };
export const Log: Vjp = { rule: ({ ops, dy, inputs: [x] }) => [ops.div(dy, x)], samples: positive };
export const Sqrt: Vjp = {
  rule: ({ ops, dy, output: y }) => [ops.div(ops.mul(dy, 0.5), y)],
  samples: positive,
};
export const Reciprocal: Vjp = {
  rule: ({ ops, dy, output: y }) => [ops.neg(ops.mul(dy, ops.mul(y, y)))],
  samples: positive,
};
export const Sin: Vjp = {
  rule: ({ ops, dy, inputs: [x] }) => [ops.mul(dy, ops.op("Cos", [x]))],
  samples: one,
};
export const Cos: Vjp = {
  rule: ({ ops, dy, inputs: [x] }) => [ops.neg(ops.mul(dy, ops.op("Sin", [x])))],
  samples: one,
};
export const Tan: Vjp = {
  rule: ({ ops, dy, output: y }) => [ops.mul(dy, ops.add(ops.mul(y, y), 1))],
  samples: one,
};
/** 1 / √(1 − x²) */
export const Asin: Vjp = {
  rule: ({ ops, dy, inputs: [x] }) => [ops.div(dy, ops.sqrt(ops.sub(1, ops.mul(x, x))))],
  samples: inside(0.8),
};
export const Acos: Vjp = {
  rule: ({ ops, dy, inputs: [x] }) => [ops.neg(ops.div(dy, ops.sqrt(ops.sub(1, ops.mul(x, x)))))],
  samples: inside(0.8),
};
export const Atan: Vjp = {
  rule: ({ ops, dy, inputs: [x] }) => [ops.div(dy, ops.add(ops.mul(x, x), 1))],
  samples: one,
};
export const Sinh: Vjp = {
  rule: ({ ops, dy, inputs: [x] }) => [ops.mul(dy, ops.op("Cosh", [x]))],
  samples: one,
};
export const Cosh: Vjp = {
  rule: ({ ops, dy, inputs: [x] }) => [ops.mul(dy, ops.op("Sinh", [x]))],
  samples: one,
};
export const Asinh: Vjp = {
  rule: ({ ops, dy, inputs: [x] }) => [ops.div(dy, ops.sqrt(ops.add(ops.mul(x, x), 1)))],
  samples: one,
};
export const Acosh: Vjp = {
  rule: ({ ops, dy, inputs: [x] }) => [ops.div(dy, ops.sqrt(ops.sub(ops.mul(x, x), 1)))],
  samples: one.map((s) => ({ ...s, range: [1.5, 3] as const })),
};
export const Atanh: Vjp = {
  rule: ({ ops, dy, inputs: [x] }) => [ops.div(dy, ops.sub(1, ops.mul(x, x)))],
  samples: inside(0.8),
};
export const Erf: Vjp = {
  rule: ({ ops, dy, inputs: [x] }) => [
    ops.mul(dy, ops.mul(ops.exp(ops.neg(ops.mul(x, x))), 2 / Math.sqrt(Math.PI))),
  ],
  samples: one,
};

export const Identity: Vjp = { rule: ({ dy }) => [dy], samples: one };
export const Cast: Vjp = {
  rule: ({ ops, dy, inputs: [x] }) => [ops.cast(dy, x.type)],
  samples: [
    { shapes: [[2, 3]], attributes: { to: attr.int(elementTypes.float32) }, batch: [0] },
    { shapes: [[2, 3]], attributes: { to: attr.int(elementTypes.float64) }, name: "to float64" },
  ],
};
export const CastLike: Vjp = {
  rule: ({ ops, dy, inputs: [x] }) => [ops.cast(dy, x.type)],
  samples: [
    { shapes: [[2, 3], []], constants: { 1: float32([], [0]) }, batch: [0] },
    {
      shapes: [[2, 3], []],
      constants: { 1: { type: "float64", dims: [], data: Float64Array.of(0) } },
      name: "like float64",
    },
  ],
};

export const Where: Vjp = {
  rule: ({ ops, dy, inputs: [test], need }) => [
    null,
    need[1] ? ops.where(test, dy, 0) : null,
    need[2] ? ops.where(test, 0, dy) : null,
  ],
  samples: [
    {
      shapes: [[], [2, 3], [3]],
      constants: { 0: { type: "bool", dims: [2, 3], data: Uint8Array.of(1, 0, 1, 0, 0, 1) } },
    },
    {
      shapes: [[], [4, 2], []],
      constants: { 0: { type: "bool", dims: [2], data: Uint8Array.of(0, 1) } },
      batch: [1],
    },
    {
      shapes: [[], [2], [2, 1, 1]],
      constants: { 0: { type: "bool", dims: [3, 1], data: Uint8Array.of(0, 1, 1) } },
      batch: [2],
      name: "three ways to broadcast",
    },
  ],
};

/** Equal extremes share the gradient evenly, as torch.maximum and amax do. */
const extremeOf: Vjp["rule"] = ({ ops, dy, inputs, output: y, need }) => {
  if (inputs.length === 1) return [dy];
  const hits = inputs.map((x) => ops.cast(ops.equal(x, y), dy.type));
  const share = ops.div(
    dy,
    hits.reduce((a, b) => ops.add(a, b)),
  );
  return hits.map((hit, i) => (need[i] ? ops.mul(share, hit) : null));
};
const extremes: readonly Sample[] = [
  { shapes: [[2, 3], [3]], batch: [0] },
  {
    shapes: [
      [2, 1],
      [1, 3],
      [2, 3],
    ],
    batch: [0, 2],
  },
  { shapes: [[4]], name: "one input" },
  {
    shapes: [[2], [2]],
    at: [
      [1, 5],
      [1, 5],
    ],
    gradient: [
      [0.5, 0.5],
      [0.5, 0.5],
    ],
    name: "ties",
  },
  {
    shapes: [[2, 2], [2], []],
    at: [[3, 1, 0, 3], [3, 1], [3]],
    gradient: [[1 / 3, 0, 0, 1 / 2], [1 / 3 + 1 / 2, 0], [1 / 3 + 1 / 2 + 1 + 1 / 2]],
    name: "ties of three",
  },
];
export const Max: Vjp = { rule: extremeOf, samples: extremes };
export const Min: Vjp = {
  rule: extremeOf,
  // the other end of the ties
  samples: extremes.map((s) => (s.at ? { ...s, at: s.at.map((values) => values.map((v) => -v)) } : s)),
};

export const Sum: Vjp = {
  rule: ({ dy, inputs }) => inputs.map(() => dy),
  samples: [{ shapes: [[2, 3], [3], [2, 1]], batch: [0, 2] }, { shapes: [[4]] }],
};
export const Mean: Vjp = {
  rule: ({ ops, dy, inputs }) => {
    const share = ops.mul(dy, 1 / inputs.length);
    return inputs.map(() => share);
  },
  samples: [{ shapes: [[2, 3], [3], [2, 1]], batch: [0, 2] }, { shapes: [[4]] }],
};

/**
 * The bounds are inside, as for torch.clamp. (torch's ReLU6 has them outside; it differs only exactly at 0 and 6.) What
 * was clipped goes to the bound it was clipped to; the upper one wins where they cross.
 */
export const Clip: Vjp = {
  rule({ ops, dy, inputs: [x, , high], output: y, need }) {
    const kept = ops.mul(dy, ops.cast(ops.equal(x, y), dy.type));
    if (!need[1] && !need[2]) return [kept];
    const clipped = ops.sub(dy, kept);
    const above = high ? ops.mul(clipped, ops.cast(ops.equal(high, y), dy.type)) : undefined;
    return [kept, above ? ops.sub(clipped, above) : clipped, above ?? null];
  },
  samples: [
    {
      shapes: [[3, 4], [], []],
      at: [[-3, -1, 0, 1, 3, 0.5, -2, 2, 5, 0, -9, 0.1], [-1], [1]],
      gradient: [[0, 1, 1, 1, 0, 1, 0, 0, 0, 1, 0, 1], [3], [3]],
      name: "gradients of the bounds",
    },
    { shapes: [[2], [], []], at: [[-3, 3], [2], [1]], gradient: [[0, 0], [0], [2]], name: "crossed bounds" },
    { shapes: [[5], []], at: [[-2, -1, 1, 2, 3], [0]], gradient: [[0, 0, 1, 1, 1], [2]], name: "one bound" },
    {
      shapes: [[4, 5], [], []],
      constants: { 1: float32([], [-0.5]), 2: float32([], [0.4]) },
      kinks: [-0.5, 0.4],
      batch: [0],
    },
    { shapes: [[7], []], constants: { 1: float32([], [0]) }, name: "no maximum" },
    {
      shapes: [[3], [], []],
      constants: { 1: float32([], [-1]), 2: float32([], [1]) },
      at: [[-1, 0.5, 1]],
      gradient: [[1, 1, 1]],
      name: "on the bounds",
    },
  ],
};
