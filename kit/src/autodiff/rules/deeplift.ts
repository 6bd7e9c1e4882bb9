/**
 * DeepLIFT's Rescale rule: a multiplier Δout/Δin in the place of the derivative, Δ being the difference between the image and the reference,
 * which runs through a twin of the graph.
 */
import type { Node } from "../../onnx/graph.ts";
import type { BackwardOptions } from "../backward.ts";
import type { Ops, Value } from "../ops.ts";
import type { RuleTable, Vjp, VjpContext } from "../vjp.ts";
import { vjps } from "../vjps/index.ts";
import { maxPoolByMask } from "../vjps/pool.ts";

/** Functions of one value that never fall: their multiplier is one, and neither below 0 nor above their steepest slope. */
const monotone = [
  "Celu",
  "Clip",
  "Elu",
  "HardSigmoid",
  "LeakyRelu",
  "PRelu",
  "Relu",
  "Selu",
  "Sigmoid",
  "Softplus",
  "Softsign",
  "Tanh",
] as const;

const maxima = ["MaxPool", "GlobalMaxPool"] as const;

/** A Δin below this is none. */
const epsilon = 1e-10;

/** Besides linear operators: monotone functions of one value, and the maximum of a window. */
export function rescales({ op, domain, inputs }: Node, moved: ReadonlySet<string>): boolean {
  if (domain !== "" || inputs.slice(1).some((i) => moved.has(i))) return false;
  return [...monotone, ...maxima].some((known) => known === op);
}

export interface DeepliftOptions extends Pick<BackwardOptions, "pool"> {
  /** the reference's tensor for one of the image's */
  readonly twin: (name: string) => string;
  /** "gradient" gives all to where the image's maximum is, whatever the reference: complete only where that is the same all over a window */
  readonly pooling: "rescale" | "gradient";
}

export function deepliftRules({ twin, pool, pooling }: DeepliftOptions): RuleTable {
  const reference = (v: Value): Value => ({ ...v, name: twin(v.name), constant: undefined });
  /** m·Δout/Δin, and the derivative where there is no Δin. */
  const rescale = (op: string): Pick<Vjp, "rule"> => ({
    rule(context) {
      const { ops, dy, inputs, output } = context;
      const [x] = inputs;
      const [derivative] = vjps[op].rule({ ...context, need: context.need.map((_, i) => i === 0) });
      const slope = ops.div(ops.sub(output, reference(output)), ops.sub(x, reference(x)));
      return [whereMoved(ops, x, reference(x), ops.mul(dy, slope), derivative!)];
    },
  });
  /**
   * A window's m·Δout goes to where the larger maximum is, the image's or the reference's, and is divided by Δin there: its Δin is no smaller
   * than Δout.
   */
  const maximum = (own: Pick<Vjp, "rule">, others: Pick<Vjp, "rule">): Pick<Vjp, "rule"> => ({
    rule(context) {
      const { ops, dy, inputs, output: y } = context;
      const [x] = inputs;
      const r = reference(y);
      const rise = ops.op("Relu", [ops.sub(y, r)]);
      const fall = ops.op("Relu", [ops.sub(r, y)]);
      const back = (rule: Pick<Vjp, "rule">, changed: Partial<VjpContext>) =>
        rule.rule({ ...context, ...changed })[0]!;
      const there = { inputs: [reference(x)], output: r, outputs: [r] };
      const sum = ops.sub(
        back(own, { dy: ops.mul(dy, rise) }),
        back(others, { ...there, dy: ops.mul(dy, fall) }),
      );
      const slope = ops.div(sum, ops.sub(x, reference(x)));
      return [whereMoved(ops, x, reference(x), slope, back(own, {}))];
    },
  });
  const elementwise = Object.fromEntries(monotone.map((op) => [op, rescale(op)]));
  if (pooling === "gradient") return elementwise;
  return {
    ...elementwise,
    // the Indices of the reference would be a second output of a node that this rule does not have
    MaxPool: maximum(pool === "mask" ? maxPoolByMask : vjps.MaxPool, maxPoolByMask),
    GlobalMaxPool: maximum(vjps.GlobalMaxPool, vjps.GlobalMaxPool),
  };
}

function whereMoved(ops: Ops, x: Value, r: Value, moved: Value, still: Value): Value {
  const distance = ops.op("Abs", [ops.sub(x, r)]);
  return ops.where(ops.greater(epsilon, distance), still, moved);
}
