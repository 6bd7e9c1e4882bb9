import { describe, expect, it } from "vitest";
import { KitError } from "../errors.ts";
import { fold } from "./fold.ts";
import { attr, canonicalOpset, type Graph, type Node, node, type ValueInfo } from "./graph.ts";
import { inferGraph } from "./infer.ts";
import { formatShape } from "./shapes.ts";
import { float32, int64, type Tensor } from "./tensor.ts";

const integers = (...values: number[]): Tensor => int64([values.length], values);
const x: ValueInfo = { name: "x", type: "float32", dims: ["batch", 3, 4] };

const graphOf = (
  nodes: readonly Node[],
  outputs: readonly string[],
  initializers: Readonly<Record<string, Tensor>> = {},
  inputs: readonly ValueInfo[] = [x],
): Graph => ({
  name: "",
  opsets: { "": canonicalOpset },
  inputs,
  outputs: outputs.map((name) => ({ name, type: "float32", dims: ["?"] })),
  nodes,
  initializers: new Map(Object.entries(initializers)),
});

const opsOf = (graph: Graph): string[] => graph.nodes.map((n) => n.op);

/** Known values of graph outputs before and after agree at a batch size that folding did not look at. */
function expectSameValues(graph: Graph, outputs: readonly string[]): void {
  const folded = fold(graph, "batch").graph;
  const [before, after] = [graph, folded].map((g) => inferGraph(g, { batch: 7 }));
  for (const name of outputs) {
    expect(before.get(name)?.value).toBeDefined();
    expect(after.get(name)).toEqual(before.get(name));
  }
}

/** Shape → Gather → Unsqueeze: how exporters say N. */
const batchChain = [
  node("Shape", ["x"], ["shape"]),
  node("Gather", ["shape", "0"], ["n"]),
  node("Unsqueeze", ["n", "[0]"], ["[n]"]),
];
const common = { "0": int64([], [0]), "[0]": integers(0), "[12]": integers(12), "[1]": integers(1) };

describe("fold", () => {
  it("turns a free-batch Reshape chain into a constant target", () => {
    const nodes = [
      ...batchChain,
      node("Concat", ["[n]", "[12]"], ["target"], { axis: attr.int(0) }),
      node("Reshape", ["x", "target"], ["y"], { allowzero: attr.int(1) }),
    ];
    const { graph, shapes, types } = fold(graphOf(nodes, ["y"], common), "batch");
    expect(opsOf(graph)).toEqual(["Reshape"]);
    expect(graph.initializers.get(graph.nodes[0].inputs[1])).toEqual(integers(-1, 12));
    expect([...graph.initializers.keys()]).toEqual([graph.nodes[0].inputs[1]]);
    expect(formatShape(shapes.get("y")!)).toBe("[N, 12]");
    expect(types.get("y")).toBe("float32");
    expect(graph.outputs).toEqual([{ name: "y", type: "float32", dims: ["batch", 12] }]);
  });

  it("keeps a dim of the input with 0 where two depend on the batch", () => {
    const nodes = [
      ...batchChain,
      node("Mul", ["[n]", "[12]"], ["12n"]),
      node("Transpose", ["x"], ["turned"], { perm: attr.ints([1, 0, 2]) }),
      node("MatMul", ["turned", "w"], ["wide"]),
      node("Expand", ["wide", "[1]"], ["z"]),
      node("Concat", ["[1]", "12n", "[n]", "[1]"], ["target4"], { axis: attr.int(0) }),
      node("Expand", ["w1", "target4"], ["big"]),
      node("Concat", ["[1]", "12n", "[1]", "[n]"], ["target"], { axis: attr.int(0) }),
      node("Reshape", ["big", "target"], ["y"]),
    ];
    const weights = { ...common, w: float32([4, 1], [1, 2, 3, 4]), w1: float32([1], [2]) };
    const { graph, shapes } = fold(graphOf(nodes, ["y", "z"], weights), "batch");
    expect(formatShape(shapes.get("y")!)).toBe("[1, 12N, 1, N]");
    const reshape = graph.nodes.find((n) => n.op === "Reshape")!;
    expect(graph.initializers.get(reshape.inputs[1])).toEqual(integers(1, 0, 1, -1));
    expect(graph.outputs[0].dims).toEqual([1, "?", 1, "batch"]);
  });

  it("shares one N between all that depends on the batch, and equal integers between their readers", () => {
    const expand = (i: number) => [
      node("Concat", ["[n]", "[1]", "[12]"], [`target${i}`], { axis: attr.int(0) }),
      node("Expand", ["token", `target${i}`], [`y${i}`]),
    ];
    const nodes = [...batchChain, ...expand(0), ...expand(1), node("Expand", ["one", "[n]"], ["y2"])];
    const weights = { ...common, token: float32([1, 1, 12], new Float32Array(12)), one: float32([1], [1]) };
    const { graph, shapes } = fold(graphOf(nodes, ["y0", "y1", "y2"], weights), "batch");
    expect(opsOf(graph).sort()).toEqual(["Add", "Expand", "Expand", "Expand", "Identity", "Mul", "Shape"]);
    const [a, b] = graph.nodes.filter((n) => n.op === "Expand");
    expect(a.inputs[1]).toBe(b.inputs[1]);
    expect(formatShape(shapes.get("y1")!)).toBe("[N, 1, 12]");
  });

  it("keeps what depends on the batch exact, whatever its type and rank", () => {
    const nodes = [
      ...batchChain,
      node("Mul", ["n", "3"], ["3n"]),
      node("Sub", ["3n", "5"], ["scalar"]),
      node("Cast", ["scalar"], ["narrow"], { to: attr.int(6) }),
      node("Concat", ["[n]", "[12]", "[n]"], ["vector"], { axis: attr.int(0) }),
      node("Add", ["vector", "column"], ["matrix"]),
      node("Mul", ["n", "n"], ["square"]),
      node("Identity", ["[n]"], ["copy"]),
    ];
    const outputs = ["scalar", "narrow", "vector", "matrix", "square", "copy", "n", "[n]", "shape"];
    const numbers = { "3": int64([], [3]), "5": int64([], [5]), column: int64([2, 1], [10, -20]) };
    const graph = graphOf(nodes, outputs, { ...common, ...numbers });
    expectSameValues(graph, outputs);
    expect(opsOf(fold(graph, "batch").graph).filter((op) => op === "Shape")).toHaveLength(1);
  });

  it("leaves a node whole whose outputs are known in part only", () => {
    const nodes = [
      ...batchChain,
      node("Mul", ["[n]", "[n]"], ["[n²]"]),
      node("Concat", ["[n]", "[n²]"], ["both"], { axis: attr.int(0) }),
      node("Split", ["both", "pieces"], ["first", "second"], { axis: attr.int(0) }),
    ];
    const graph = graphOf(nodes, ["first", "second"], { ...common, pieces: integers(1, 1) });
    expectSameValues(graph, ["first", "second"]);
  });

  it("folds weights, without copying those that only change dims", () => {
    const w = float32([2, 6], new Float32Array(12).fill(3));
    const nodes = [
      node("Reshape", ["w", "to"], ["w4"]),
      node("Transpose", ["w4"], ["wt"]),
      node("Sqrt", ["wt"], ["root"]),
      node("MatMul", ["x", "w4"], ["y0"]),
      node("Add", ["x", "root"], ["y1"]),
    ];
    const given = { w, to: integers(4, 3), unused: float32([1], [0]) };
    const { graph } = fold(graphOf(nodes, ["y0", "y1"], given), "batch");
    expect(opsOf(graph)).toEqual(["MatMul", "Add"]);
    expect([...graph.initializers.keys()].sort()).toEqual(["root", "w4"]);
    expect(graph.initializers.get("w4")?.data).toBe(w.data);
    expect(graph.initializers.get("root")?.dims).toEqual([3, 4]);
  });

  it("folds a model with a fixed batch to static shapes", () => {
    const nodes = [
      ...batchChain,
      node("Concat", ["[n]", "[12]"], ["target"], { axis: attr.int(0) }),
      node("Reshape", ["x", "target"], ["y"]),
    ];
    const { graph, shapes } = fold(graphOf(nodes, ["y"], common, [{ ...x, dims: [5, 3, 4] }]), undefined);
    expect(opsOf(graph)).toEqual(["Reshape"]);
    expect(graph.initializers.get("target")).toEqual(integers(5, 12));
    expect(shapes.get("y")).toEqual([5, 12]);
  });

  it("keeps an output that turns out constant", () => {
    const { graph } = fold(graphOf([node("Shape", ["x"], ["y"], { start: attr.int(1) })], ["y"]), "batch");
    expect(graph.nodes).toEqual([]);
    expect(graph.initializers.get("y")).toEqual(integers(3, 4));
    expect(graph.outputs).toEqual([{ name: "y", type: "int64", dims: [2] }]);
  });

  it("names a tensor whose size is neither fixed nor a multiple of the batch", () => {
    const nodes = [
      node("Concat", ["x", "row"], ["more"], { axis: attr.int(0) }),
      node("Relu", ["more"], ["y"]),
    ];
    const graph = graphOf(nodes, ["y"], { row: float32([1, 3, 4], new Float32Array(12)) });
    expect(() => fold(graph, "batch")).toThrow(KitError);
    expect(() => fold(graph, "batch")).toThrow(/tensor more has a dimension that is neither/);
  });
});
