import { describe, expect, it } from "vitest";
import { graphOf, smallVit, weight } from "../../../test/small-models.ts";
import { attr, node } from "../../onnx/graph.ts";
import { between, isLinear, isMove, uncovered } from "./linear.ts";

const moved = new Set(["a", "b"]);
const made = (op: string, inputs: readonly string[], attributes = {}, domain = "") =>
  node(op, inputs, ["y"], attributes, "", domain);

describe("isLinear", () => {
  it.each([
    made("Conv", ["a", "w", "bias"]),
    made("Gemm", ["a", "w", "b"]),
    made("MatMul", ["w", "a"]),
    made("Mul", ["w", "a"]),
    made("Div", ["a", "w"]),
    made("Add", ["a", "b"]),
    made("Concat", ["a", "b", "w"]),
    made("Where", ["w", "a", "b"]),
    made("Einsum", ["a", "w"]),
    made("BatchNormalization", ["a", "w", "w", "w", "w"]),
    made("ReduceMean", ["a", "w"]),
    made("ScatterElements", ["a", "w", "b"]),
    made("Resize", ["a", "", "w"]),
  ])("knows $op of constants", (n) => {
    expect(isLinear(n, moved)).toBe(true);
  });

  it.each([
    made("MatMul", ["a", "b"]),
    made("Mul", ["a", "a"]),
    made("Conv", ["a", "b"]),
    made("Div", ["w", "a"]),
    made("Where", ["a", "w", "b"]),
    made("Gather", ["w", "a"]),
    made("Einsum", ["a", "b"]),
    made("BatchNormalization", ["a", "w", "w", "w", "w"], { training_mode: attr.int(1) }),
    made("ScatterElements", ["a", "w", "b"], { reduction: attr.string("max") }),
    made("Relu", ["a"]),
    made("Clip", ["a"]),
    made("Conv", ["a", "w"], {}, "com.microsoft"),
  ])("tells $op in another use or of another kind", (n) => {
    expect(isLinear(n, moved)).toBe(false);
  });
});

it("knows what moves elements and adds nothing", () => {
  expect(["Reshape", "Concat", "Gather"].every((op) => isMove(made(op, ["a"])))).toBe(true);
  expect(["Add", "ReduceSum", "Relu"].some((op) => isMove(made(op, ["a"])))).toBe(false);
});

describe("between", () => {
  const graph = graphOf(
    ["N", 1, 2, 3],
    [
      node("Shape", ["x"], ["size"]),
      node("Sigmoid", ["w"], ["constant"]),
      node("Reshape", ["constant", "size"], ["sized"]),
      node("Add", ["x", "sized"], ["sum"]),
      node("Tanh", ["sum"], ["aside"]),
      node("Greater", ["sum", "constant"], ["mask"]),
      node("Where", ["mask", "sum", "constant"], ["y"]),
    ],
    { w: weight("between", 6) },
  );

  it("holds what moves with the input and is read by the score; a size does not move", () => {
    const { nodes, moved } = between({ graph }, "x", "y");
    expect(nodes.map((n) => n.op)).toEqual(["Add", "Greater", "Where"]);
    expect([...moved]).toEqual(["x", "sum", "aside", "mask", "y"]);
  });

  it("counts by name what is neither linear nor covered", () => {
    expect(uncovered({ graph }, "x", "y", () => false)).toEqual([
      { op: "Greater", reason: undefined, count: 1, firstNode: "mask" },
      { op: "Where", reason: undefined, count: 1, firstNode: "y" },
    ]);
    const vit = uncovered({ graph: smallVit() }, "x", "y", (n) => n.op === "Softmax");
    expect(vit).toEqual([
      { op: "LayerNormalization", reason: undefined, count: 3, firstNode: "norm0" },
      { op: "MatMul", reason: "of two activations", count: 4, firstNode: "scores0" },
    ]);
  });
});
