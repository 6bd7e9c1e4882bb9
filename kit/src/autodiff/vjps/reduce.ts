/** Reductions. dy gets its folded axes back as 1; the driver expands it to the input. */
import { attr, intOf } from "../../onnx/graph.ts";
import { int64 } from "../../onnx/tensor.ts";
import { axesFrom, axisIn, integers } from "../arguments.ts";
import type { Ops } from "../ops.ts";
import type { Sample, Value, Vjp, VjpContext } from "../vjp.ts";

interface Reduction {
  readonly ops: Ops;
  readonly x: Value;
  readonly axes: readonly number[];
  /** dy and y with the folded axes as 1 */
  readonly dy: Value;
  readonly y: Value;
}

/** A rule from its formula. */
const reduction =
  (formula: (r: Reduction) => Value): Vjp["rule"] =>
  ({ ops, node, dy, inputs: [x, given], output: y }: VjpContext) => {
    const rank = x.shape.length;
    const said = integers(node, given, []).map((a) => axisIn(rank, a));
    const none = intOf(node, "noop_with_empty_axes", 0) === 1;
    const axes = said.length > 0 || none ? said : axesFrom(rank, 0);
    const kept = x.shape.map((d, i) => (axes.includes(i) ? 1 : d));
    return [formula({ ops, x, axes, dy: ops.reshape(dy, kept), y: ops.reshape(y, kept) })];
  };

const axes = (...values: readonly number[]) => ({ 1: int64([values.length], values) });
const samples: readonly Sample[] = [
  { shapes: [[2, 3, 4], []], constants: axes(1), batch: [0] },
  { shapes: [[2, 3, 4], []], constants: axes(-1, 1), attributes: { keepdims: attr.int(0) }, batch: [0] },
  { shapes: [[2, 3]], name: "all axes" },
  { shapes: [[2, 3], []], constants: axes(0), attributes: { keepdims: attr.int(0) }, name: "first axis" },
];
const positive = samples.map((s) => ({ ...s, range: [0.3, 2] as const }));

/** Where x has the extreme value; ties share, as torch.amax does. */
const shared = reduction(({ ops, x, axes, dy, y }) => {
  const hits = ops.cast(ops.equal(x, y), dy.type);
  return ops.mul(hits, ops.div(dy, ops.sum(hits, axes)));
});
const tie: Sample = { shapes: [[4]], at: [[3, 3, 3, 3]], gradient: [[0.25, 0.25, 0.25, 0.25]], name: "ties" };

export const ReduceSum: Vjp = {
  rule: reduction(({ dy }) => dy),
  samples: [
    ...samples,
    { shapes: [[2, 3]], attributes: { noop_with_empty_axes: attr.int(1) }, name: "no axes", batch: [0] },
  ],
};
export const ReduceMean: Vjp = {
  rule: reduction(({ ops, x, axes, dy }) => ops.div(dy, ops.count(x.shape, axes))),
  samples: [...samples, { shapes: [[3, 2], []], constants: axes(0), batch: [0], name: "over the batch" }],
};
export const ReduceMax: Vjp = { rule: shared, samples: [...samples, tie] };
export const ReduceMin: Vjp = { rule: shared, samples: [...samples, tie] };
export const ReduceSumSquare: Vjp = {
  rule: reduction(({ ops, x, dy }) => ops.mul(ops.mul(dy, 2), x)),
  samples,
};
/** 0 at 0, as torch.norm. */
export const ReduceL1: Vjp = { rule: reduction(({ ops, x, dy }) => ops.mul(dy, ops.sign(x))), samples };
export const ReduceL2: Vjp = {
  rule: reduction(({ ops, x, dy, y }) => ops.mul(x, ops.div(dy, ops.max(y, 1e-30)))),
  samples: [...samples, { shapes: [[2]], at: [[0, 0]], gradient: [[0, 0]], name: "at 0" }],
};
/**
 * The product of all others, without dividing, which would be wrong at 0: products of what stands before, times products
 * of what stands behind. Each is a running product, doubled in log₂ n steps.
 */
export const ReduceProd: Vjp = {
  rule: reduction(({ ops, x, axes, dy }) => {
    const n = axes.reduce((size, a) => size * (x.shape[a] as number), 1);
    if (n === 1) return dy;
    const rest = axesFrom(x.shape.length, 0).filter((a) => !axes.includes(a));
    const perm = [...rest, ...axes];
    const turned = ops.transpose(x, perm);
    const rows = ops.reshape(turned, [...rest.map((a) => x.shape[a]), n]);
    const others = ops.mul(runningProduct(ops, rows, n, 1), runningProduct(ops, rows, n, -1));
    const back = ops.transpose(
      ops.reshape(others, turned.shape),
      axesFrom(perm.length, 0).map((a) => perm.indexOf(a)),
    );
    return ops.mul(dy, back);
  }),
  limits: [
    {
      what: "a product over the batch",
      holds: ({ inputs: [x], outputs: [y] }) => freeAxes(x) !== freeAxes(y),
    },
  ],
  samples: [
    ...samples,
    { shapes: [[2, 3]], attributes: { noop_with_empty_axes: attr.int(1) }, name: "no axes", batch: [0] },
    { shapes: [[2, 5], []], constants: axes(1), batch: [0], name: "five" },
    { shapes: [[2, 1], []], constants: axes(1), batch: [0], name: "of one" },
    {
      shapes: [[3, 3], []],
      constants: axes(1),
      at: [[2, 3, 5, 0, 3, 5, 0, 0, 5]],
      gradient: [[15, 10, 6, 15, 0, 0, 0, 0, 0]],
      name: "zeros",
    },
  ],
};
const freeAxes = (v: Value): number => v.shape.filter((d) => typeof d !== "number").length;

/** Along the last axis, of size n: the product of all elements before each (behind it, where `side` is −1). */
function runningProduct(ops: Ops, x: Value, n: number, side: 1 | -1): Value {
  const still = new Array(x.shape.length - 1).fill(0);
  const moved = (v: Value, by: number): Value => ops.pad(v, [...still, by, ...still, -by], 1);
  let product = moved(x, side);
  for (let reach = 1; reach < n - 1; reach *= 2) product = ops.mul(product, moved(product, side * reach));
  return product;
}

export const ReduceLogSum: Vjp = {
  rule: reduction(({ ops, dy, y }) => ops.div(dy, ops.exp(y))),
  samples: positive,
};
export const ReduceLogSumExp: Vjp = {
  rule: reduction(({ ops, x, dy, y }) => ops.mul(dy, ops.exp(ops.sub(x, y)))),
  samples,
};
