/** Activation functions. Piecewise ones take the slope that torch takes at their kinks. */
import { attr, floatOf, intOf, stringOf } from "../../onnx/graph.ts";
import type { Ops } from "../ops.ts";
import type { Sample, Value, Vjp } from "../vjp.ts";

const smooth: readonly Sample[] = [
  { shapes: [[2, 3]], range: [-2, 2], batch: [0] },
  { shapes: [[7]], range: [-4, 4] },
];
const kinked: readonly Sample[] = [
  { shapes: [[3, 4]], batch: [0] },
  { shapes: [[2, 1, 5]], range: [-3, 3] },
];
const withAlpha = (alpha: number): readonly Sample[] =>
  kinked.map((s) => ({ ...s, attributes: { alpha: attr.float(alpha) } }));

/** 0 at 0. From the output, so that engines can still fuse the forward Relu into the convolution before it. */
export const Relu: Vjp = {
  rule: ({ ops, dy, output: y }) => [ops.mul(dy, ops.step(y))],
  samples: [...kinked, { shapes: [[3]], at: [[-1, 0, 2]], gradient: [[0, 0, 1]], name: "at 0" }],
};

/** alpha at 0. */
export const LeakyRelu: Vjp = {
  rule({ ops, node, dy, inputs: [x] }) {
    const alpha = floatOf(node, "alpha", 0.01);
    return [ops.mul(dy, ops.add(ops.mul(ops.step(x), 1 - alpha), alpha))];
  },
  samples: [
    ...kinked,
    { shapes: [[3]], attributes: { alpha: attr.float(0.25) }, at: [[-1, 0, 2]], gradient: [[0.25, 0.25, 1]] },
  ],
};

export const PRelu: Vjp = {
  rule({ ops, dy, inputs: [x, slope], need }) {
    const on = ops.greater(x, 0);
    return [
      need[0] ? ops.where(on, dy, ops.mul(dy, slope)) : null,
      need[1] ? ops.where(on, 0, ops.mul(dy, x)) : null,
    ];
  },
  samples: [
    {
      shapes: [
        [2, 3, 4],
        [3, 1],
      ],
      batch: [0],
    },
    { shapes: [[5], [1]] },
  ],
};

export const ThresholdedRelu: Vjp = {
  rule: ({ ops, node, dy, inputs: [x] }) => [ops.mul(dy, ops.step(ops.sub(x, floatOf(node, "alpha", 1))))],
  samples: withAlpha(0.3).map((s) => ({ ...s, kinks: [0.3] })),
};

/** 0 within ±lambd, one slope outside; `bias` moves the two branches, not their slope. */
export const Shrink: Vjp = {
  rule: ({ ops, node, dy, inputs: [x] }) => [
    ops.mul(dy, ops.step(ops.sub(ops.op("Abs", [x]), floatOf(node, "lambd", 0.5)))),
  ],
  samples: [
    { shapes: [[3, 4]], kinks: [-0.5, 0.5], batch: [0] },
    {
      shapes: [[7]],
      attributes: { lambd: attr.float(0.3), bias: attr.float(0.2) },
      kinks: [-0.3, 0.3],
      name: "bias",
    },
  ],
};

/** The slope below 0 is y + gain · alpha; `gain` scales both sides. */
const exponential = (ops: Ops, dy: Value, x: Value, y: Value, gain: number, alpha: number): Value =>
  ops.mul(dy, ops.where(ops.greater(x, 0), gain, ops.add(y, gain * alpha)));
export const Elu: Vjp = {
  rule: ({ ops, node, dy, inputs: [x], output: y }) => [
    exponential(ops, dy, x, y, 1, floatOf(node, "alpha", 1)),
  ],
  samples: [...kinked, ...withAlpha(0.5)],
};
export const Selu: Vjp = {
  rule: ({ ops, node, dy, inputs: [x], output: y }) => [
    exponential(
      ops,
      dy,
      x,
      y,
      floatOf(node, "gamma", 1.0507009873554805),
      floatOf(node, "alpha", 1.6732632423543772),
    ),
  ],
  samples: kinked,
};
/** max(0, x) + min(0, alpha (exp(x/alpha) − 1)) */
export const Celu: Vjp = {
  rule: ({ ops, node, dy, inputs: [x], output: y }) => [
    ops.mul(dy, ops.where(ops.greater(x, 0), 1, ops.add(ops.mul(y, 1 / floatOf(node, "alpha", 1)), 1))),
  ],
  samples: [...kinked, ...withAlpha(0.5)],
};

export const Sigmoid: Vjp = {
  rule: ({ ops, dy, output: y }) => [ops.mul(dy, ops.mul(y, ops.sub(1, y)))],
  samples: smooth,
};
export const Tanh: Vjp = {
  rule: ({ ops, dy, output: y }) => [ops.mul(dy, ops.sub(1, ops.mul(y, y)))],
  samples: smooth,
};
export const Softplus: Vjp = {
  rule: ({ ops, dy, inputs: [x] }) => [ops.mul(dy, ops.op("Sigmoid", [x]))],
  samples: smooth,
};
export const Softsign: Vjp = {
  rule({ ops, dy, inputs: [x] }) {
    const below = ops.add(ops.op("Abs", [x]), 1);
    return [ops.div(dy, ops.mul(below, below))];
  },
  samples: smooth,
};

/** 1 strictly between the bounds 0 and 1 of a HardSigmoid output, else 0. */
const inside = (ops: Ops, h: Value): Value => ops.step(ops.mul(h, ops.sub(1, h)));
/** 0 on both kinks, as torch. The mask comes first: alpha is 1e30 where this is the derivative of `ops.step`. */
export const HardSigmoid: Vjp = {
  rule: ({ ops, node, dy, output: y }) => [ops.mul(ops.mul(dy, inside(ops, y)), floatOf(node, "alpha", 0.2))],
  samples: [
    { shapes: [[4, 5]], range: [-4, 4], kinks: [-2.5, 2.5], batch: [0] },
    {
      shapes: [[9]],
      range: [-3, 3],
      attributes: { alpha: attr.float(0.5), beta: attr.float(0.25) },
      kinks: [-0.5, 1.5],
    },
  ],
};
/** x · h(x) with h = HardSigmoid(1/6, 1/2). */
export const HardSwish: Vjp = {
  rule({ ops, dy, inputs: [x] }) {
    const h = ops.op("HardSigmoid", [x], { alpha: attr.float(1 / 6), beta: attr.float(0.5) });
    return [ops.mul(dy, ops.add(h, ops.mul(ops.mul(x, 1 / 6), inside(ops, h))))];
  },
  samples: [
    { shapes: [[4, 5]], range: [-5, 5], kinks: [-3, 3], batch: [0] },
    { shapes: [[7]], range: [-4, 4], kinks: [-3, 3] },
  ],
};
/** x · tanh(softplus(x)) */
export const Mish: Vjp = {
  rule({ ops, dy, inputs: [x] }) {
    const t = ops.op("Tanh", [ops.op("Softplus", [x])]);
    const slope = ops.mul(ops.sub(1, ops.mul(t, t)), ops.op("Sigmoid", [x]));
    return [ops.mul(dy, ops.add(t, ops.mul(x, slope)))];
  },
  samples: smooth,
};

/** x Φ(x), or its tanh approximation: 0.5 x (1 + tanh(√(2/π) (x + 0.044715 x³))). */
export const Gelu: Vjp = {
  rule({ ops, node, dy, inputs: [x] }) {
    const square = ops.mul(x, x);
    if (stringOf(node, "approximate", "none") === "tanh") {
      const root = Math.sqrt(2 / Math.PI);
      const inner = ops.mul(x, ops.add(ops.mul(square, root * 0.044715), root));
      const t = ops.op("Tanh", [inner]);
      const slope = ops.mul(
        ops.sub(1, ops.mul(t, t)),
        ops.mul(x, ops.add(ops.mul(square, 1.5 * root * 0.044715), 0.5 * root)),
      );
      return [ops.mul(dy, ops.add(ops.add(ops.mul(t, 0.5), 0.5), slope))];
    }
    // every step is a pass over memory, so constants are merged: u = x/√2 serves both parts, and HardSigmoid is (1 + erf)/2 at once
    const u = ops.mul(x, Math.SQRT1_2);
    const cdf = ops.op("HardSigmoid", [ops.op("Erf", [u])], {
      alpha: attr.float(0.5),
      beta: attr.float(0.5),
    });
    const bump = ops.div(u, ops.exp(ops.mul(u, u))); // u exp(−u²)
    return [ops.mul(dy, ops.add(cdf, ops.mul(bump, 1 / Math.sqrt(Math.PI))))];
  },
  samples: [
    ...smooth,
    { shapes: [[2, 6]], range: [-3, 3], attributes: { approximate: attr.string("tanh") }, batch: [0] },
  ],
};

/** y = softmax(x); dx = y (dy − Σ dy y) along the axis. */
export const Softmax: Vjp = {
  rule({ ops, node, dy, output: y }) {
    const weighted = ops.mul(dy, y);
    return [ops.sub(weighted, ops.mul(y, ops.sum(weighted, [axisOf(node, y)])))];
  },
  samples: [
    { shapes: [[2, 5]], batch: [0] },
    { shapes: [[2, 3, 4]], attributes: { axis: attr.int(1) }, batch: [0] },
    { shapes: [[3, 2, 2]], attributes: { axis: attr.int(-3) }, name: "negative axis" },
  ],
};
export const LogSoftmax: Vjp = {
  rule: ({ ops, node, dy, output: y }) => [ops.sub(dy, ops.mul(ops.exp(y), ops.sum(dy, [axisOf(node, y)])))],
  samples: Softmax.samples,
};

function axisOf(node: Parameters<typeof intOf>[0], y: Value): number {
  const axis = intOf(node, "axis", -1);
  return axis < 0 ? axis + y.shape.length : axis;
}
