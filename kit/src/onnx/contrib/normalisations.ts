/** Normalisations: by the root mean square, with a sum before them, or over channels that come last. */
import type { Contrib, Expanding, Expansion } from "../expansion.ts";
import { attr, floatOf, intOf } from "../graph.ts";
import { silu } from "./activations.ts";

/** x / √(mean(x²) + ε) · scale over the axes from `axis` on; y and the inverse of the root. */
function rms(c: Expanding, x: string, scale: string, axis: number, rank: number, epsilon: number) {
  const first = axis < 0 ? axis + rank : axis;
  if (first < 0 || first >= rank) throw c.refuse(`axis ${axis} of rank ${rank}`);
  const axes = Array.from({ length: rank - first }, (_, i) => first + i);
  const mean = c.op("ReduceMean", [c.op("Mul", [x, x]), c.ints(axes)], { keepdims: attr.int(1) });
  const inverse = c.op("Reciprocal", [c.op("Sqrt", [c.op("Add", [mean, c.number(epsilon)])])]);
  return [c.op("Mul", [c.op("Mul", [x, inverse]), scale]), inverse] as const;
}

const rmsNormalization: Expansion = (c) =>
  rms(c, c.input(0), c.input(1), intOf(c.node, "axis", -1), c.rank(0), floatOf(c.node, "epsilon", 1e-5));

/** input + skip (+ bias) */
function summed(c: Expanding, bias: number): string {
  // a skip of one image, or of one row, goes to all of them
  const sum = c.op("Add", [c.input(0), c.input(1)]);
  return c.has(bias) ? c.op("Add", [sum, c.input(bias)]) : sum;
}

const layerNormalization: Expansion = (c) =>
  c.ops("LayerNormalization", c.node.inputs, Math.max(1, c.node.outputs.length), c.node.attributes);

export const normalisations: Readonly<Record<string, Contrib>> = {
  RMSNormalization: { says: "x / √(mean(x²) + ε) · scale (opset 23)", expand: rmsNormalization },
  SimplifiedLayerNormalization: { says: "RMSNormalization", expand: rmsNormalization },
  "com.microsoft.SimplifiedLayerNormalization": { says: "RMSNormalization", expand: rmsNormalization },
  "com.microsoft.LayerNormalization": { says: "LayerNormalization", expand: layerNormalization },
  "com.microsoft.SkipLayerNormalization": {
    says: "Add, LayerNormalization",
    expand(c) {
      const sum = summed(c, 4);
      const inputs = [sum, c.input(2), ...(c.has(3) ? [c.input(3)] : [])];
      const statistics = c.node.outputs[1] || c.node.outputs[2];
      const [y, mean = "", inverse = ""] = c.ops("LayerNormalization", inputs, statistics ? 3 : 1, {
        axis: attr.int(-1),
        epsilon: attr.float(floatOf(c.node, "epsilon", 1e-12)),
      });
      return [y, mean, inverse, sum];
    },
  },
  "com.microsoft.SkipSimplifiedLayerNormalization": {
    says: "Add, RMSNormalization",
    expand(c) {
      const sum = summed(c, 3);
      const [y, inverse] = rms(c, sum, c.input(2), -1, c.rank(0), floatOf(c.node, "epsilon", 1e-12));
      // ONNX Runtime names a mean as well, and leaves it out
      return [y, "", inverse, sum];
    },
  },
  "com.microsoft.GroupNorm": {
    says: "Transpose, GroupNormalization, x · sigmoid(x), Transpose",
    expand(c) {
      const rank = c.rank(0);
      const last = intOf(c.node, "channels_last", 1) === 1;
      const axes = [...Array(rank).keys()];
      const inner = axes.slice(2);
      const x = last
        ? c.op("Transpose", [c.input(0)], { perm: attr.ints([0, rank - 1, ...inner.map((a) => a - 1)]) })
        : c.input(0);
      const y = c.op("GroupNormalization", [x, c.input(1), c.input(2)], {
        num_groups: attr.int(intOf(c.node, "groups", 1)),
        epsilon: attr.float(floatOf(c.node, "epsilon", 1e-5)),
      });
      const active = intOf(c.node, "activation", 0) === 1 ? silu(c, y) : y;
      return [last ? c.op("Transpose", [active], { perm: attr.ints([0, ...inner, 1]) }) : active];
    },
  },
};
