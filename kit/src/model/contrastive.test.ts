import { describe, expect, it } from "vitest";
import { graphOf, weight } from "../../test/small-models.ts";
import { attr, type Node, node } from "../onnx/graph.ts";
import { float32, int64, type Tensor } from "../onnx/tensor.ts";
import { contrastiveHead } from "./contrastive.ts";
import { prepare } from "./prepare.ts";

type Weights = Record<string, Tensor>;

/** Image → embedding "e" [N, 6], then the head under test: nodes from "e" to "y" [N, 3]. */
const withHead = (nodes: readonly Node[], weights: Weights = {}) =>
  graphOf(
    ["N", 3, 4, 4],
    [
      node("Conv", ["x", "w"], ["c"]),
      node("GlobalAveragePool", ["c"], ["p"]),
      node("Flatten", ["p"], ["e"]),
      ...nodes,
    ],
    {
      w: weight("w", 6, 3, 3, 3),
      text: weight("text", 6, 3),
      rows: weight("rows", 3, 6),
      scale: float32([], [100]),
      eps: float32([], [1e-12]),
      two: float32([], [2]),
      half: float32([], [0.5]),
      axis: int64([1], [-1]),
      size: int64([2], [1, 6]),
      ...weights,
    },
  );

const keepdims = { keepdims: attr.int(1) };
const product = node("MatMul", ["n", "text"], ["m"]);
const scaled = [product, node("Mul", ["m", "scale"], ["y"])];
const l2 = node("ReduceL2", ["e", "axis"], ["l"], keepdims);
const over = (length: string) => node("Div", ["e", length], ["n"]);

const lengths: Record<string, readonly Node[]> = {
  "x / x.norm()": [l2, over("l")],
  "F.normalize: Clip and Expand": [
    l2,
    node("Clip", ["l", "eps"], ["clipped"]),
    node("Expand", ["clipped", "size"], ["wide"]),
    over("wide"),
  ],
  "Max with an epsilon, the constant first": [l2, node("Max", ["eps", "l"], ["clipped"]), over("clipped")],
  "an added epsilon": [l2, node("Add", ["eps", "l"], ["clipped"]), over("clipped")],
  "Sqrt of ReduceSum of Mul": [
    node("Mul", ["e", "e"], ["s"]),
    node("ReduceSum", ["s", "axis"], ["ss"], keepdims),
    node("Sqrt", ["ss"], ["l"]),
    over("l"),
  ],
  "Sqrt of ReduceSum of Pow": [
    node("Pow", ["e", "two"], ["s"]),
    node("ReduceSum", ["s", "axis"], ["ss"], keepdims),
    node("Add", ["ss", "eps"], ["safe"]),
    node("Sqrt", ["safe"], ["l"]),
    over("l"),
  ],
  "Pow ½ of ReduceSumSquare": [
    node("ReduceSumSquare", ["e", "axis"], ["ss"], keepdims),
    node("Pow", ["ss", "half"], ["l"]),
    over("l"),
  ],
  LpNormalization: [node("LpNormalization", ["e"], ["n"], { axis: attr.int(-1), p: attr.int(2) })],
  "times one over the length": [
    l2,
    node("Reciprocal", ["l"], ["inverse"]),
    node("Mul", ["inverse", "e"], ["n"]),
  ],
};

const heads: Record<string, readonly Node[]> = {
  "scale behind": scaled,
  "scale in front of the product": [
    node("Mul", ["scale", "n"], ["big"]),
    node("MatMul", ["big", "text"], ["y"]),
  ],
  "Gemm with its own factor": [
    node("Gemm", ["n", "rows"], ["y"], { transB: attr.int(1), alpha: attr.float(100) }),
  ],
  "scale and bias (SigLIP)": [product, node("Mul", ["m", "scale"], ["k"]), node("Add", ["k", "two"], ["y"])],
  "a temperature": [product, node("Div", ["m", "scale"], ["y"])],
  "texts times images, turned around": [
    node("Transpose", ["n"], ["nt"], { perm: attr.ints([1, 0]) }),
    node("MatMul", ["rows", "nt"], ["per_text"]),
    node("Mul", ["per_text", "scale"], ["s_t"]),
    node("Transpose", ["s_t"], ["y"], { perm: attr.ints([1, 0]) }),
  ],
};

describe("contrastive heads", () => {
  for (const [name, nodes] of Object.entries(lengths)) {
    it(`length: ${name}`, () => {
      const found = contrastiveHead(withHead([...nodes, ...scaled]), "y");
      expect(found?.embedding).toBe("n");
      expect(found?.constants).toEqual(expect.arrayContaining(["text", "scale"]));
      expect(found?.constants).not.toContain("w");
    });
  }

  for (const [name, nodes] of Object.entries(heads)) {
    it(`product: ${name}`, () => {
      const graph = withHead([l2, over("l"), ...nodes]);
      const found = contrastiveHead(graph, "y");
      expect(found?.embedding).toBe("n");
      const { family, headTensors } = prepare(graph);
      expect(family).toBe("contrastive");
      const read = new Set(nodes.flatMap((n) => n.inputs).filter((i) => graph.initializers.has(i)));
      expect([...headTensors].sort()).toEqual([...read].sort());
    });
  }

  const others: Record<string, readonly Node[]> = {
    "a plain classifier": [node("MatMul", ["e", "text"], ["m"]), node("Mul", ["m", "scale"], ["y"])],
    "divided by the length of something else": [
      node("Relu", ["e"], ["other"]),
      node("ReduceL2", ["other", "axis"], ["l"], keepdims),
      over("l"),
      ...scaled,
    ],
    "divided by a sum": [node("ReduceSum", ["e", "axis"], ["l"], keepdims), over("l"), ...scaled],
    "a sum of products that are no squares": [
      node("Mul", ["e", "two"], ["s"]),
      node("ReduceSum", ["s", "axis"], ["ss"], keepdims),
      node("Sqrt", ["ss"], ["l"]),
      over("l"),
      ...scaled,
    ],
    "a sum of cubes": [
      node("Pow", ["e", "three"], ["s"]),
      node("ReduceSum", ["s", "axis"], ["ss"], keepdims),
      node("Sqrt", ["ss"], ["l"]),
      over("l"),
      ...scaled,
    ],
    "a layer behind the unit vector": [
      l2,
      over("l"),
      node("MatMul", ["n", "text"], ["m"]),
      node("Relu", ["m"], ["r"]),
      node("MatMul", ["r", "square"], ["y"]),
    ],
  };
  for (const [name, nodes] of Object.entries(others)) {
    it(`not: ${name}`, () => {
      const graph = withHead(nodes, { three: float32([], [3]), square: weight("square", 3, 3) });
      expect(contrastiveHead(graph, "y")).toBeUndefined();
    });
  }
});
