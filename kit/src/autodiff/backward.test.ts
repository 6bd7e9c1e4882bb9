import * as ort from "onnxruntime-web";
import { afterAll, describe, expect, it } from "vitest";
import { createOnnxRuntime } from "../engine/onnxruntime.ts";
import { KitError } from "../errors.ts";
import { describe as described, type FoldedGraph } from "../onnx/fold.ts";
import { attr, canonicalOpset, type Graph, type Node, node } from "../onnx/graph.ts";
import { float32, int64, type Tensor } from "../onnx/tensor.ts";
import { rngOf } from "../rng.ts";
import { type BackwardOptions, backward, opsWithoutVjp } from "./backward.ts";
import type { Vjp } from "./vjp.ts";

const engine = createOnnxRuntime(ort, { package: "onnxruntime-web", provider: "wasm", threads: 1 });
afterAll(() => engine.close());

async function run(graph: Graph, feeds: Record<string, Tensor>): Promise<Record<string, number[]>> {
  const executable = await engine.load(graph);
  const results = await executable.run(
    feeds,
    graph.outputs.map((o) => o.name),
  );
  await executable.release();
  return Object.fromEntries(Object.entries(results).map(([name, t]) => [name, Array.from(t.data, Number)]));
}

type Dims = readonly (number | string)[];
function graphOf(
  inputs: Record<string, Dims>,
  nodes: readonly Node[],
  output: string,
  initializers: Record<string, Tensor> = {},
): FoldedGraph {
  const value = (name: string, dims: Dims) => ({ name, type: "float32" as const, dims });
  const graph: Graph = {
    name: "test",
    opsets: { "": canonicalOpset },
    inputs: Object.entries(inputs).map(([name, dims]) => value(name, dims)),
    outputs: [value(output, ["?"])],
    nodes,
    initializers: new Map(Object.entries(initializers)),
  };
  return described(graph, "batch");
}

/** Gradients by wrt name at `feeds`, seeded with ones. */
async function gradients(folded: FoldedGraph, options: BackwardOptions, feeds: Record<string, Tensor>) {
  const made = backward(folded, options);
  const shape = folded.shapes.get(options.score)!;
  const batch = Object.values(feeds)[0].dims[0];
  const dims = shape.map((d) => (typeof d === "number" ? d : d.batch * batch));
  const ones = float32(dims, new Array(dims.reduce((a, b) => a * b, 1)).fill(1));
  const results = await run(made.folded.graph, { ...feeds, [made.seed]: ones });
  return Object.fromEntries(options.wrt.map((name) => [name, results[made.gradients[name]]]));
}

const row = (...values: number[]) => float32([1, values.length], values);

describe("backward", () => {
  it("adds up the gradients of every use", async () => {
    const folded = graphOf(
      { x: ["batch", 2] },
      [node("Mul", ["x", "x"], ["xx"]), node("Add", ["xx", "x"], ["y"])],
      "y",
    );
    expect(await gradients(folded, { score: "y", wrt: ["x"] }, { x: row(3, -1) })).toEqual({ x: [7, -1] });
  });

  it("undoes broadcasting, at any batch size", async () => {
    const folded = graphOf({ x: ["batch", 2], b: [2] }, [node("Add", ["x", "b"], ["y"])], "y");
    const feeds = { x: float32([5, 2], new Array(10).fill(0)), b: float32([2], [0, 0]) };
    expect(await gradients(folded, { score: "y", wrt: ["x", "b"] }, feeds)).toEqual({
      x: new Array(10).fill(1),
      b: [5, 5],
    });
  });

  it("gives zeros to what the score does not depend on", async () => {
    const folded = graphOf({ x: ["batch", 2], z: ["batch", 3] }, [node("Neg", ["x"], ["y"])], "y");
    const feeds = { x: float32([4, 2], new Array(8).fill(1)), z: float32([4, 3], new Array(12).fill(1)) };
    expect(await gradients(folded, { score: "y", wrt: ["z"] }, feeds)).toEqual({ z: new Array(12).fill(0) });
  });

  it("stops at an inner tensor, and passes it when something below is asked for too", async () => {
    const nodes = [node("Exp", ["x"], ["a"]), node("Neg", ["a"], ["b"]), node("Mul", ["a", "b"], ["y"])];
    const folded = graphOf({ x: ["batch", 1] }, nodes, "y");
    const inner = backward(folded, { score: "y", wrt: ["b"] });
    expect(inner.folded.graph.nodes.length - nodes.length).toBe(1);
    const e = Math.exp(0.5);
    const both = await gradients(folded, { score: "y", wrt: ["a", "x"] }, { x: row(0.5) });
    expect(both.a[0]).toBeCloseTo(-2 * e, 5);
    expect(both.x[0]).toBeCloseTo(-2 * e * e, 5);
  });

  it("names every gradient of its own, even the score's and shared ones", async () => {
    const folded = graphOf({ x: ["batch", 2], z: ["batch", 2] }, [node("Add", ["x", "z"], ["y"])], "y");
    const made = backward(folded, { score: "y", wrt: ["x", "z", "y"] });
    expect(new Set(Object.values(made.gradients)).size).toBe(3);
    expect(made.folded.graph.outputs.map((o) => o.name)).toEqual(["y", ...Object.values(made.gradients)]);
    const feeds = { x: row(1, 1), z: row(1, 1) };
    expect(await gradients(folded, { score: "y", wrt: ["x", "z", "y"] }, feeds)).toEqual({
      x: [1, 1],
      z: [1, 1],
      y: [1, 1],
    });
  });

  it("describes its inputs and outputs with the free dimension of the model", () => {
    const folded = graphOf({ x: ["batch", 2] }, [node("Neg", ["x"], ["y"])], "y");
    const { folded: made, seed, gradients: names } = backward(folded, { score: "y", wrt: ["x"] });
    expect(made.graph.inputs.at(-1)).toEqual({ name: seed, type: "float32", dims: ["batch", 2] });
    expect(made.graph.outputs.at(-1)).toEqual({ name: names.x, type: "float32", dims: ["batch", 2] });
  });

  it("differentiates with respect to weights", async () => {
    const folded = graphOf({ x: ["batch", 2] }, [node("Gemm", ["x", "w"], ["y"])], "y", {
      w: float32([2, 1], [5, 7]),
    });
    const feeds = { x: float32([2, 2], [1, 2, 3, 4]) };
    expect(await gradients(folded, { score: "y", wrt: ["x", "w"] }, feeds)).toEqual({
      x: [5, 7, 5, 7],
      w: [4, 6],
    });
  });

  it("can be applied to its own output", async () => {
    const nodes = [node("Mul", ["x", "x"], ["xx"]), node("Mul", ["xx", "x"], ["y"])];
    const once = backward(graphOf({ x: ["batch", 1] }, nodes, "y"), { score: "y", wrt: ["x"] });
    const twice = backward(once.folded, { score: once.gradients.x, wrt: ["x", once.seed] });
    const feeds = { x: row(2), [once.seed]: row(1), [twice.seed]: row(1) };
    const results = await run(twice.folded.graph, feeds);
    expect(results[once.gradients.x]).toEqual([12]);
    expect(results[twice.gradients.x]).toEqual([12]); // 6x
    expect(results[twice.gradients[once.seed]]).toEqual([12]); // 3x²
  });

  it("sends nothing through shapes, comparisons and masks", async () => {
    const nodes = [
      node("Shape", ["x"], ["shape"]),
      node("Greater", ["x", "zero"], ["test"]),
      node("Cast", ["test"], ["mask"], { to: attr.int(1) }),
      node("Mul", ["x", "mask"], ["masked"]),
      node("Reshape", ["masked", "shape"], ["y"]),
    ];
    const folded = graphOf({ x: ["batch", 3] }, nodes, "y", { zero: float32([], [0]) });
    const found = await gradients(folded, { score: "y", wrt: ["x"] }, { x: row(-1, 0, 2) });
    expect(found).toEqual({ x: [0, 0, 1] });
  });

  it("takes other rules by operator", async () => {
    const folded = graphOf({ x: ["batch", 2] }, [node("Relu", ["x"], ["a"]), node("Neg", ["a"], ["y"])], "y");
    const guided = { Relu: { rule: guidedRelu } };
    const feeds = { x: row(1, -1) };
    expect(await gradients(folded, { score: "y", wrt: ["x"], rules: guided }, feeds)).toEqual({ x: [0, 0] });
    expect(await gradients(folded, { score: "y", wrt: ["x"] }, feeds)).toEqual({ x: [-1, -0] });
  });

  it("finds the pixel of a MaxPool with and without Indices", async () => {
    const pool = node("MaxPool", ["x"], ["y"], {
      kernel_shape: attr.ints([2, 2]),
      strides: attr.ints([1, 1]),
    });
    const folded = graphOf({ x: ["batch", 2, 3, 3] }, [pool], "y");
    const { uniform } = rngOf("max pool");
    // few values, so that most windows have ties
    const x = float32(
      [3, 2, 3, 3],
      Float32Array.from({ length: 54 }, () => Math.floor(3 * uniform())),
    );
    const scatter = await gradients(folded, { score: "y", wrt: ["x"], pool: "scatter" }, { x });
    const mask = await gradients(folded, { score: "y", wrt: ["x"], pool: "mask" }, { x });
    expect(mask).toEqual(scatter);
    expect(scatter.x.reduce((a, b) => a + b)).toBe(3 * 2 * 4);
    const graph = backward(folded, { score: "y", wrt: ["x"], pool: "mask" }).folded.graph;
    expect(graph.nodes.filter((n) => n.op === "MaxPool").map((n) => n.outputs.length)).toEqual([1]);
  });

  it("matches differences through a network, first and second order", async () => {
    const { uniform } = rngOf("network");
    const weights = (...dims: number[]) =>
      float32(
        dims,
        Float32Array.from({ length: dims.reduce((a, b) => a * b) }, () => uniform() - 0.5),
      );
    const nodes = [
      node("Conv", ["x", "w0"], ["c0"], { pads: attr.ints([1, 1, 1, 1]) }),
      node("Gelu", ["c0"], ["g0"]),
      node("Conv", ["g0", "w1"], ["c1"], { strides: attr.ints([2, 2]), group: attr.int(2) }),
      node("Transpose", ["c1"], ["t"], { perm: attr.ints([0, 2, 3, 1]) }),
      node("LayerNormalization", ["t", "scale"], ["n"], { epsilon: attr.float(0.1) }),
      node("Flatten", ["n"], ["f"]),
      node("Gemm", ["f", "w2"], ["logits"]),
      node("Softmax", ["logits"], ["p"]),
    ];
    const folded = graphOf({ x: ["batch", 2, 5, 5] }, nodes, "p", {
      w0: weights(4, 2, 3, 3),
      w1: weights(4, 2, 2, 2),
      scale: weights(4),
      w2: weights(16, 3),
    });
    const once = backward(folded, { score: "p", wrt: ["x"] });
    const twice = backward(once.folded, { score: once.gradients.x, wrt: ["x"] });
    const draw = (n: number, dims: number[]) =>
      float32(
        dims,
        Float32Array.from({ length: n }, () => 2 * uniform() - 1),
      );
    const [x, s, v] = [draw(100, [2, 2, 5, 5]), draw(6, [2, 3]), draw(100, [2, 2, 5, 5])];
    const direction = draw(100, [2, 2, 5, 5]).data;
    const moved = (t: number) => ({
      x: float32(
        x.dims,
        x.data.map((a, i) => a + t * direction[i]),
      ),
      [once.seed]: float32(s.dims, s.data.slice()),
    });
    const dot = (a: ArrayLike<number>, b: ArrayLike<number>) =>
      Array.from(a).reduce((sum, a, i) => sum + a * b[i], 0);
    const g = once.gradients.x;
    /** Central differences of the score and of its gradient along `direction`. */
    async function slopes(h: number): Promise<number[]> {
      const [up, down] = [await run(once.folded.graph, moved(h)), await run(once.folded.graph, moved(-h))];
      return [
        (dot(up.p, s.data) - dot(down.p, s.data)) / (2 * h),
        (dot(up[g], v.data) - dot(down[g], v.data)) / (2 * h),
      ];
    }
    const [near, far] = [await slopes(0.005), await slopes(0.01)];
    const [first, second] = near.map((slope, i) => (4 * slope - far[i]) / 3); // Richardson
    const here = await run(twice.folded.graph, { ...moved(0), [twice.seed]: v });
    expect(dot(here[g], direction) / first).toBeCloseTo(1, 2);
    expect(dot(here[twice.gradients.x], direction) / second).toBeCloseTo(1, 2);
  });
});

/** Guided backpropagation: negative gradients are dropped. */
const guidedRelu: Vjp["rule"] = ({ ops, dy, output }) => [ops.mul(ops.op("Relu", [dy]), ops.step(output))];

describe("what has no gradient", () => {
  const nodes = [
    node("ReduceProd", ["x", "axes"], ["a"], {}, "first product"),
    node("ReduceProd", ["a", "axes"], ["b"]),
    node("Asinh", ["b"], ["y"]),
  ];
  const folded = graphOf({ x: ["batch", 2] }, nodes, "y", { axes: int64([1], [1]) });

  it("is reported all at once", () => {
    expect(opsWithoutVjp(folded, "y", ["x"])).toEqual([
      { op: "Asinh", count: 1, firstNode: "y" },
      { op: "ReduceProd", count: 2, firstNode: "first product" },
    ]);
    expect(opsWithoutVjp(folded, "y", ["b"]).map((g) => g.op)).toEqual(["Asinh"]);
    expect(opsWithoutVjp(folded, "a", ["b"])).toEqual([]);
  });

  it("is an error that lists everything", () => {
    const failure = caught(() => backward(folded, { score: "y", wrt: ["x"] }));
    expect(failure.code).toBe("E_NO_GRADIENT");
    expect(failure.message).toBe("operators between x and y have no gradient");
    expect(failure.details).toEqual(["Asinh: 1 node, first y", "ReduceProd: 2 nodes, first first product"]);
  });

  it("is no tensor, or no float", () => {
    const missing = caught(() => backward(folded, { score: "y", wrt: ["nowhere"] }));
    expect([missing.code, missing.message]).toEqual([
      "E_GRADIENT_TENSOR",
      "nowhere is no tensor of the graph, so it has no gradient",
    ]);
    expect(caught(() => backward(folded, { score: "axes", wrt: ["x"] })).message).toContain("of type int64");
  });
});

function caught(f: () => unknown): KitError {
  try {
    f();
  } catch (error) {
    if (error instanceof KitError) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}
