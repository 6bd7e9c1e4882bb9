import { describe, expect, it } from "vitest";
import { KitError } from "../errors.ts";
import { fold } from "./fold.ts";
import { attr, canonicalOpset, type Graph, node } from "./graph.ts";
import { withParameters } from "./parameters.ts";
import { float32 } from "./tensor.ts";

/** y = x·w·wᵀ + b, where folding works wᵀ out. */
const graph: Graph = {
  name: "tied",
  opsets: { "": canonicalOpset },
  inputs: [{ name: "x", type: "float32", dims: ["batch", 2] }],
  outputs: [{ name: "y", type: "float32", dims: ["?"] }],
  nodes: [
    node("Transpose", ["layer.weight"], ["wt"], { perm: attr.ints([1, 0]) }),
    node("MatMul", ["x", "layer.weight"], ["a"]),
    node("Gemm", ["a", "wt", "layer.bias"], ["y"]),
  ],
  initializers: new Map([
    ["layer.weight", float32([2, 2], [1, 2, 3, 4])],
    ["layer.bias", float32([2], [0, 1])],
  ]),
};

function caught(f: () => unknown): KitError {
  try {
    f();
  } catch (error) {
    if (error instanceof KitError) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}

describe("withParameters", () => {
  it("turns weights into inputs, after the others", () => {
    const free = withParameters(graph, ["layer.weight", "layer.weight"]);
    expect(free.inputs).toEqual([...graph.inputs, { name: "layer.weight", type: "float32", dims: [2, 2] }]);
    expect([...free.initializers.keys()]).toEqual(["layer.bias"]);
    expect(graph.initializers.size).toBe(2);
    expect(fold(free, "batch").graph.nodes.map((n) => n.op)).toEqual(["Transpose", "MatMul", "Gemm"]);
  });

  it("does not list an input twice that had a default value", () => {
    const weight = { name: "layer.weight", type: "float32", dims: [2, 2] } as const;
    const free = withParameters({ ...graph, inputs: [weight, ...graph.inputs] }, ["layer.weight"]);
    expect(free.inputs.map((i) => i.name)).toEqual(["x", "layer.weight"]);
  });

  it("knows only the model's weights, and says what was perhaps meant", () => {
    const failure = caught(() => withParameters(graph, ["layer.weights", "x"]));
    expect(failure.code).toBe("E_GRADIENT_TENSOR");
    expect(failure.message).toBe("no weight of the model is called layer.weights, x");
    expect(failure.details).toEqual(["layer.weights: perhaps layer.weight"]);
  });

  it("comes before folding: what folding worked out no longer follows the weight", () => {
    const folded = fold(graph, "batch").graph;
    expect([...folded.frozen!]).toEqual(["layer.weight"]);
    expect(caught(() => withParameters(folded, ["layer.weight"])).code).toBe("E_GRADIENT_FROZEN");
    expect(withParameters(folded, ["layer.bias"]).inputs).toHaveLength(2);
  });
});
