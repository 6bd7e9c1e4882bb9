import { describe, expect, it } from "vitest";
import { fold } from "./fold.ts";
import { type Graph, type Node, node } from "./graph.ts";

const graphOf = (nodes: readonly Node[]): Graph => ({
  name: "f",
  opsets: { "": 21 },
  inputs: [{ name: "x", type: "float32", dims: ["batch", 4] }],
  outputs: [{ name: "y", type: "float32", dims: ["..."] }],
  nodes,
  initializers: new Map([["w", { type: "int8", dims: [4, 2], data: new Int8Array(8) }]]),
});
const caught = (nodes: readonly Node[]): unknown => {
  try {
    fold(graphOf(nodes), "batch");
  } catch (error) {
    return error;
  }
  return expect.unreachable("it was accepted");
};

describe("a model", () => {
  it("on integers is refused, all its operators named", () => {
    const error = caught([
      node("DynamicQuantizeLinear", ["x"], ["q", "s", "z"], {}, "dyn"),
      node("MatMulInteger", ["q", "w", "z"], ["i"], {}, "first"),
      node("MatMulInteger", ["q", "w", "z"], ["k"], {}, "second"),
      node("QLinearAdd", ["i", "k"], ["y"], {}, "sum", "com.microsoft"),
    ]);
    expect(error).toMatchObject({
      code: "E_ONNX_UNSUPPORTED",
      details: [
        "DynamicQuantizeLinear: 1 node, first dyn",
        "MatMulInteger: 2 nodes, first first",
        "com.microsoft.QLinearAdd: 1 node, first sum",
      ],
      next: expect.stringContaining("QDQ"),
    });
  });

  it("laid out for a machine is refused", () => {
    const error = caught([node("Conv", ["x", "w"], ["y"], {}, "stem", "com.microsoft.nchwc")]);
    expect(error).toMatchObject({
      code: "E_ONNX_UNSUPPORTED",
      details: ["com.microsoft.nchwc.Conv: 1 node, first stem"],
      next: expect.stringContaining("ORT_ENABLE_EXTENDED"),
    });
  });

  it("with gradients in it is refused", () => {
    const error = caught([node("SoftmaxGrad", ["x", "x"], ["y"], {}, "g", "com.microsoft")]);
    expect(error).toMatchObject({ code: "E_ONNX_UNSUPPORTED", next: expect.stringContaining("inference") });
  });
});
