import { describe, expect, it } from "vitest";
import { toHalf } from "./evaluate/data.ts";
import { attr, type Graph, node } from "./graph.ts";
import { halfTypeOf, inFloat32, withoutIdleCasts } from "./half.ts";
import { simplify } from "./simplify.ts";
import { elementTypes, float32, int64, type Tensor } from "./tensor.ts";

const half = (dims: readonly number[], values: readonly number[]): Tensor => ({
  type: "float16",
  dims,
  data: Uint16Array.from(values, toHalf),
});
const to = (type: keyof typeof elementTypes) => ({ to: attr.int(elementTypes[type]) });

const graph: Graph = {
  name: "h",
  opsets: { "": 21 },
  inputs: [{ name: "x", type: "float32", dims: ["batch", 2] }],
  outputs: [{ name: "y", type: "float16", dims: ["batch", 2] }],
  nodes: [
    node("Cast", ["x"], ["h"], to("float16")),
    node("Mul", ["h", "w"], ["m"]),
    node("Shape", ["m"], ["shape"]),
    node("ConstantOfShape", ["shape"], ["ones"], { value: attr.tensor(half([1], [1])) }),
    node("Add", ["m", "ones"], ["a"]),
    node("ReduceMean", ["a", "axes"], ["n"]),
    node("Sub", ["a", "n"], ["y"]),
  ],
  initializers: new Map<string, Tensor>([
    ["w", half([2], [1.5, -0.25])],
    ["axes", int64([1], [1])],
  ]),
};

describe("inFloat32", () => {
  it("widens weights, inputs, outputs and what attributes name", () => {
    const wide = inFloat32(graph);
    expect(halfTypeOf(graph)).toBe("float16");
    expect(halfTypeOf(wide)).toBeUndefined();
    expect(wide.initializers.get("w")).toEqual(float32([2], [1.5, -0.25]));
    expect(wide.initializers.get("axes")).toBe(graph.initializers.get("axes"));
    expect(wide.nodes[0].attributes).toEqual(to("float32"));
    expect(wide.nodes[3].attributes).toEqual({ value: attr.tensor(float32([1], [1])) });
    expect(wide.outputs[0].type).toBe("float32");
  });

  it("widens a weight once, however often it is used", () => {
    const w = half([1], [1]);
    const wide = inFloat32({ ...graph, initializers: new Map([...graph.initializers, ["w", w], ["v", w]]) });
    expect(wide.initializers.get("w")).toBe(wide.initializers.get("v"));
  });

  it("leaves a graph without half floats as it is", () => {
    const wide = inFloat32(graph);
    expect(inFloat32(wide)).toBe(wide);
  });

  it("sees bfloat16, wherever it stands", () => {
    const cast = node("Cast", ["x"], ["y"], to("bfloat16"));
    const bare = { ...graph, outputs: [{ ...graph.outputs[0], type: "float32" as const }] };
    const g: Graph = { ...bare, nodes: [cast], initializers: new Map() };
    expect(halfTypeOf(g)).toBe("bfloat16");
    const held: Graph = {
      ...g,
      nodes: [node("If", ["c"], ["y"], { then_branch: { type: "graph", value: g } })],
    };
    expect(halfTypeOf(held)).toBe("bfloat16");
    expect(halfTypeOf(inFloat32(held))).toBeUndefined();
    const other: Graph = { ...g, nodes: [node("Cast", ["x"], ["y"], to("int64"))] };
    expect(halfTypeOf(other)).toBeUndefined();
  });
});

describe("withoutIdleCasts", () => {
  it("drops casts that change nothing, and keeps those that do or that are read", () => {
    const nodes = [
      node("Cast", ["x"], ["same"], to("float32")),
      node("Cast", ["same"], ["kept"], to("float32")),
      node("Cast", ["kept"], ["whole"], to("int64")),
      node("Cast", ["whole"], ["y"], to("float32")),
    ];
    const casts: Graph = { ...graph, nodes, outputs: [{ name: "y", type: "float32", dims: ["..."] }] };
    const types = new Map(["x", "same", "kept", "y"].map((name) => [name, "float32" as const] as const));
    const bare = withoutIdleCasts(casts, new Map([...types, ["whole", "int64" as const]]), new Set(["kept"]));
    expect(bare.nodes.map((n) => n.outputs[0])).toEqual(["kept", "whole", "y"]);
  });

  it("lets patterns be seen through them", () => {
    // LayerNorm as automatic mixed precision writes it: the statistics in float32
    const nodes = [
      node("Cast", ["x"], ["h"], to("float16")),
      node("Cast", ["h"], ["f"], to("float32")),
      node("ReduceMean", ["f", "axes"], ["mean"]),
      node("Sub", ["f", "mean"], ["d"]),
      node("Pow", ["d", "two"], ["square"]),
      node("ReduceMean", ["square", "axes"], ["variance"]),
      node("Add", ["variance", "epsilon"], ["sum"]),
      node("Sqrt", ["sum"], ["sigma"]),
      node("Div", ["d", "sigma"], ["n"]),
      node("Cast", ["n"], ["back"], to("float16")),
      node("Mul", ["back", "w"], ["y"]),
    ];
    const initializers = new Map<string, Tensor>([
      ["axes", int64([1], [-1])],
      ["two", float32([], [2])],
      ["epsilon", float32([], [1e-5])],
      ["w", half([2], [1.5, -0.25])],
    ]);
    const { graph: simple, types } = simplify(inFloat32({ ...graph, nodes, initializers }), "batch");
    expect(simple.nodes.map((n) => n.op)).toEqual(["LayerNormalization"]);
    expect(types.get("y")).toBe("float32");
  });
});
