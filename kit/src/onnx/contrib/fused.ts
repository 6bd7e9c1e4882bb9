/** Convolutions and products fused with what follows or precedes them. */
import { type Contrib, type Expanding, type Expansion, swapped } from "../expansion.ts";
import { attr, floatOf, intOf, type Node, stringOf } from "../graph.ts";

/** An activation by its name, with its parameters in their order. */
function activate(c: Expanding, x: string, name: string, parameters: readonly number[]): string {
  switch (name) {
    case "":
      return x;
    case "Relu":
    case "Sigmoid":
    case "Tanh":
      return c.op(name, [x]);
    case "LeakyRelu":
      return c.op(name, [x], { alpha: attr.float(parameters[0] ?? 0.01) });
    case "HardSigmoid":
      return c.op(name, [x], {
        alpha: attr.float(parameters[0] ?? 0.2),
        beta: attr.float(parameters[1] ?? 0.5),
      });
    case "Clip":
      return c.op(name, [x, ...parameters.slice(0, 2).map((p) => c.number(p))]);
    default:
      throw c.refuse(`its activation ${name}`);
  }
}

const without = (n: Node, ...keys: string[]): Node["attributes"] =>
  Object.fromEntries(Object.entries(n.attributes).filter(([key]) => !keys.includes(key)));

const fusedConv: Expansion = (c) => {
  const given = c.node.attributes.activation_params;
  const parameters = given?.type === "floats" ? given.value : [];
  const inputs = [c.input(0), c.input(1), ...(c.has(2) ? [c.input(2)] : [])];
  const conv = c.op("Conv", inputs, without(c.node, "activation", "activation_params"));
  const sum = c.has(3) ? c.op("Add", [conv, c.input(3)]) : conv;
  return [activate(c, sum, stringOf(c.node, "activation", ""), parameters)];
};

const fusedGemm: Expansion = (c) => {
  const names = ["activation_alpha", "activation_beta", "activation_gamma", "leaky_relu_alpha"];
  const parameters = names.flatMap((key) => {
    const a = c.node.attributes[key];
    return a?.type === "float" ? [a.value] : [];
  });
  const inputs = [c.input(0), c.input(1), ...(c.has(2) ? [c.input(2)] : [])];
  const gemm = c.op("Gemm", inputs, without(c.node, "activation", ...names));
  return [activate(c, gemm, stringOf(c.node, "activation", ""), parameters)];
};

/** Input i with its last two axes swapped where asked, and with the first axis moved behind the others (transBatch). */
function turned(c: Expanding, i: number, letter: "A" | "B"): string {
  const rank = c.rank(i);
  const matrix = intOf(c.node, `trans${letter}`, 0) !== 0;
  const batch = intOf(c.node, `transBatch${letter}`, 0) !== 0;
  if (rank < 2 || (!matrix && !batch)) return c.input(i);
  const axes = [...Array(rank).keys()];
  // [M, batch…, K] is meant: the batch comes first again
  const moved = batch ? [...axes.slice(1, -1), 0, rank - 1] : axes;
  const perm = matrix ? swapped(rank).map((a) => moved[a]) : moved;
  return c.op("Transpose", [c.input(i)], { perm: attr.ints(perm) });
}

const fusedMatMul: Expansion = (c) => {
  const product = c.op("MatMul", [turned(c, 0, "A"), turned(c, 1, "B")]);
  const alpha = floatOf(c.node, "alpha", 1);
  return [alpha === 1 ? product : c.op("Mul", [product, c.number(alpha)])];
};

const gemmFastGelu: Expansion = (c) => {
  const product = c.op("MatMul", [c.input(0), c.input(1)]);
  const sum = c.has(2) ? c.op("Add", [product, c.input(2)]) : product;
  return [c.op("Gelu", [sum], { approximate: attr.string("tanh") })];
};

export const fused: Readonly<Record<string, Contrib>> = {
  "com.microsoft.FusedConv": { says: "Conv, Add, an activation", expand: fusedConv },
  "com.microsoft.FusedGemm": { says: "Gemm, an activation", expand: fusedGemm },
  "com.microsoft.FusedMatMul": { says: "Transpose, MatMul, Mul", expand: fusedMatMul },
  "com.microsoft.TransposeMatMul": { says: "FusedMatMul under its old name", expand: fusedMatMul },
  "com.microsoft.GemmFastGelu": { says: "MatMul, Add, Gelu (tanh)", expand: gemmFastGelu },
  "com.microsoft.Trilu": { says: "Trilu", expand: (c) => [c.op("Trilu", c.node.inputs, c.node.attributes)] },
};
