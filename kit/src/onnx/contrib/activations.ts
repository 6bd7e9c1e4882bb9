/** Activations, alone or fused with the sum before them. */
import type { Contrib, Expanding } from "../expansion.ts";
import { attr, floatOf } from "../graph.ts";

const gelu = (c: Expanding, x: string, approximate: "none" | "tanh" = "none"): string =>
  c.op("Gelu", [x], { approximate: attr.string(approximate) });

/** Input 0, plus the bias at input 1 where there is one. */
const biased = (c: Expanding): string => (c.has(1) ? c.op("Add", [c.input(0), c.input(1)]) : c.input(0));

/** Halves of the last axis. */
function halves(c: Expanding, x: string): readonly string[] {
  return c.ops("Split", [x], 2, { axis: attr.int(-1), num_outputs: attr.int(2) });
}

export const silu = (c: Expanding, x: string): string => c.op("Mul", [x, c.op("Sigmoid", [x])]);

/** x · sigmoid(alpha · x) */
function swish(c: Expanding, alpha: number): readonly string[] {
  const x = c.input(0);
  return [c.op("Mul", [x, c.op("Sigmoid", [alpha === 1 ? x : c.op("Mul", [x, c.number(alpha)])])])];
}

export const activations: Readonly<Record<string, Contrib>> = {
  Swish: {
    says: "x · sigmoid(alpha · x) (opset 24)",
    expand: (c) => swish(c, floatOf(c.node, "alpha", 1)),
  },
  "com.microsoft.Gelu": { says: "Gelu", expand: (c) => [gelu(c, c.input(0))] },
  "com.microsoft.BiasGelu": { says: "Add, Gelu", expand: (c) => [gelu(c, biased(c))] },
  "com.microsoft.FastGelu": { says: "Add, Gelu (tanh)", expand: (c) => [gelu(c, biased(c), "tanh")] },
  "com.microsoft.QuickGelu": {
    says: "x · sigmoid(alpha · x)",
    expand: (c) => swish(c, floatOf(c.node, "alpha", 1.702)),
  },
  "com.microsoft.BiasSplitGelu": {
    says: "Add, Split, Mul with Gelu",
    expand(c) {
      const [left, right] = halves(c, biased(c));
      return [c.op("Mul", [left, gelu(c, right)])];
    },
  },
  "com.microsoft.BiasAdd": {
    says: "Add, Add",
    expand: (c) => [c.op("Add", [biased(c), c.input(2)])],
  },
  "com.microsoft.BiasDropout": {
    says: "Add, Add; inference only",
    expand(c) {
      if (c.has(4) && c.known(4).value?.data[0] !== 0) throw c.refuse("training mode");
      const sum = biased(c);
      return [c.has(2) ? c.op("Add", [sum, c.input(2)]) : c.op("Identity", [sum])];
    },
  },
};
