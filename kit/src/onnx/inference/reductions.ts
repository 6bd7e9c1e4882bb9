/** Operators that fold axes away, or keep them as 1. */
import { type Call, info, type Rule } from "./call.ts";

const without = (dims: readonly number[], axes: readonly number[], keep: boolean): readonly number[] =>
  keep ? dims.map((d, i) => (axes.includes(i) ? 1 : d)) : dims.filter((_, i) => !axes.includes(i));

/** The axes a Reduce node folds: no axes means all of them, unless noop_with_empty_axes says none. */
export function reducedAxes(c: Call): readonly number[] {
  const rank = c.dims(0).length;
  const given = c.has(1) ? c.values(1) : [];
  if (given.length > 0) return c.axes(given, rank);
  return c.int("noop_with_empty_axes", 0) ? [] : [...c.dims(0).keys()];
}

const reduce: Rule = (c) => [info(c.type(0), without(c.dims(0), reducedAxes(c), c.int("keepdims", 1) === 1))];
const arg: Rule = (c) => [
  info("int64", without(c.dims(0), [c.axis(c.dims(0).length, 0)], c.int("keepdims", 1) === 1)),
];

export const reductions: Readonly<Record<string, Rule>> = {
  ArgMax: arg,
  ArgMin: arg,
  ReduceL1: reduce,
  ReduceL2: reduce,
  ReduceLogSum: reduce,
  ReduceLogSumExp: reduce,
  ReduceMax: reduce,
  ReduceMean: reduce,
  ReduceMin: reduce,
  ReduceProd: reduce,
  ReduceSum: reduce,
  ReduceSumSquare: reduce,
};
