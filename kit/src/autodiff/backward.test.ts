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

  it("puts the gradients of slices that make up a tensor end to end, and adds those that overlap", async () => {
    const cut = (name: string, from: number, to: number): [Node, Record<string, Tensor>] => [
      node("Slice", ["x", `${name}0`, `${name}1`, "axis"], [name]),
      { [`${name}0`]: int64([1], [from]), [`${name}1`]: int64([1], [to]) },
    ];
    const parts = [cut("a", 2, 4), cut("b", 0, 2), cut("c", 1, 3)];
    const double = node("Mul", ["a", "two"], ["a2"]);
    const constants = { axis: int64([1], [1]), two: float32([], [2]) };
    const build = (used: typeof parts, sum: Node) =>
      graphOf({ x: ["batch", 4] }, [...used.map(([n]) => n), double, sum], "y", {
        ...constants,
        ...Object.assign({}, ...used.map(([, weights]) => weights)),
      });
    const x = float32([2, 4], [1, 2, 3, 4, 5, 6, 7, 8]);
    const whole = build(parts.slice(0, 2), node("Concat", ["a2", "b"], ["y"], { axis: attr.int(1) }));
    const options = { score: "y", wrt: ["x"] };
    expect(backward(whole, options).folded.graph.nodes.map((n) => n.op)).not.toContain("Pad");
    expect(await gradients(whole, options, { x })).toEqual({ x: [1, 1, 2, 2, 1, 1, 2, 2] });
    const overlapping = build(parts, node("Concat", ["a2", "b", "c"], ["y"], { axis: attr.int(1) }));
    expect(await gradients(overlapping, options, { x })).toEqual({ x: [1, 2, 3, 2, 1, 2, 3, 2] });
  });

  it("expands a gradient only if nothing larger is added to it", async () => {
    const nodes = [
      node("ReduceSum", ["x"], ["sum"], { keepdims: attr.int(1) }),
      node("Add", ["x", "sum"], ["y"]),
    ];
    const folded = graphOf({ x: [2, 2] }, nodes, "y");
    const made = backward(folded, { score: "y", wrt: ["x"] });
    expect(made.folded.graph.nodes.map((n) => n.op)).not.toContain("Expand");
    const x = float32([2, 2], [1, 2, 3, 4]);
    expect(await gradients(folded, { score: "y", wrt: ["x"] }, { x })).toEqual({ x: [5, 5, 5, 5] });
  });

  it("tells engines the shapes of what it adds, gradients under a batch name of their own", () => {
    const folded = graphOf({ x: ["batch", 2] }, [node("Relu", ["x"], ["r"]), node("Neg", ["r"], ["y"])], "y");
    const { graph, shapes } = backward(folded, { score: "y", wrt: ["x"] }).folded;
    const dims = new Map(graph.values?.map((v) => [v.name, v.dims]));
    const named = graph.nodes.map((n) => [n.op, dims.get(n.outputs[0])]);
    expect(named).toEqual([
      ["Relu", ["batch", 2]],
      ["Neg", ["batch", 2]],
      ["HardSigmoid", ["batch", 2]], // the mask: before all gradients, of which it needs none
      ["Neg", ["batch of gradients", 2]],
      ["Mul", ["batch of gradients", 2]],
    ]);
    // whoever binds the inputs meets one name
    expect(graph.inputs.map((v) => v.dims)).toEqual([
      ["batch", 2],
      ["batch", 2],
    ]);
    for (const n of graph.nodes) for (const o of n.outputs) expect(shapes.get(o)).toEqual([{ batch: 1 }, 2]);
  });

  it("holds no flipped weights, and one tensor for all passes", () => {
    const w = float32([3, 2, 2, 1], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
    const conv = [node("Conv", ["x", "w"], ["y"])];
    const folded = graphOf({ x: ["batch", 2, 3, 1] }, conv, "y", { w });
    const flippedOf = () => {
      const { graph } = backward(folded, { score: "y", wrt: ["x"] }).folded;
      return graph.initializers.get(graph.nodes.at(-1)!.inputs[1])!;
    };
    const made = flippedOf();
    expect(flippedOf()).toBe(made);
    expect(Object.getOwnPropertyDescriptor(made, "data")?.get).toBeDefined();
    expect(made.dims).toEqual([2, 3, 2, 1]);
    expect([...(made.data as Float32Array)]).toEqual([2, 1, 6, 5, 10, 9, 4, 3, 8, 7, 12, 11]);
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

describe("what samples of one node cannot show", () => {
  const uniforms = (...dims: number[]): Tensor<"float32"> => {
    const { uniform } = rngOf("whole graphs", dims.join());
    return float32(dims, Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, uniform));
  };

  it("picks by indices that are known only while running, image by image", async () => {
    const picked = [
      node("TopK", ["x", "two"], ["largest", "places"]),
      node("Unsqueeze", ["places", "last"], ["tuples"]),
      node("GatherND", ["x", "tuples"], ["y"], { batch_dims: attr.int(1) }),
    ];
    const folded = graphOf({ x: ["batch", 5] }, picked, "y", {
      two: int64([1], [2]),
      last: int64([1], [-1]),
    });
    const feeds = { x: float32([3, 5], [1, 5, 2, 4, 3, 9, 8, 7, 6, 5, -1, -2, -3, 0, -9]) };
    expect(await gradients(folded, { score: "y", wrt: ["x"] }, feeds)).toEqual({
      x: [0, 1, 0, 1, 0, 1, 1, 0, 0, 0, 1, 0, 0, 1, 0],
    });
  });

  it("passes a spatial transformer, whose grid comes from the image", async () => {
    const nodes = [
      node("Flatten", ["x"], ["flat"]),
      node("Gemm", ["flat", "w", "identity"], ["numbers"]),
      node("Reshape", ["numbers", "affine"], ["theta"]),
      node("Shape", ["x"], ["size"]),
      node("AffineGrid", ["theta", "size"], ["grid"]),
      node("GridSample", ["x", "grid"], ["y"], { padding_mode: attr.string("border") }),
    ];
    const folded = graphOf({ x: ["batch", 1, 4, 4] }, nodes, "y", {
      w: float32(
        [16, 6],
        uniforms(16, 6).data.map((v) => 0.02 * (v - 0.5)),
      ),
      identity: float32([6], [0.8, 0.1, 0.05, -0.1, 0.7, -0.03]),
      affine: int64([3], [0, 2, 3]),
    });
    const x = uniforms(2, 1, 4, 4);
    const { x: gradient } = await gradients(folded, { score: "y", wrt: ["x"] }, { x });
    const score = async (i: number, h: number) => {
      const moved = float32(x.dims, x.data.with(i, x.data[i] + h));
      return (await run(folded.graph, { x: moved })).y.reduce((a, b) => a + b, 0);
    };
    for (const i of [0, 5, 18, 31]) {
      const slope = ((await score(i, 0.01)) - (await score(i, -0.01))) / 0.02;
      expect(gradient[i]).toBeCloseTo(slope, 2);
    }
  });
});

/** Guided backpropagation: negative gradients are dropped. */
const guidedRelu: Vjp["rule"] = ({ ops, dy, output }) => [ops.mul(ops.op("Relu", [dy]), ops.step(output))];

describe("what has no gradient", () => {
  const nodes = [
    node("Dropout", ["x"], ["a"], {}, "first dropout"),
    node("Dropout", ["a"], ["b"]),
    node("ReduceProd", ["b", "axes"], ["y"]),
  ];
  const folded = graphOf({ x: ["batch", 2] }, nodes, "y", { axes: int64([1], [0]) });

  it("is reported all at once", () => {
    expect(opsWithoutVjp(folded, "y", ["x"])).toEqual([
      { op: "Dropout", count: 2, firstNode: "first dropout" },
      { op: "ReduceProd", reason: "a product over the batch", count: 1, firstNode: "y" },
    ]);
    expect(opsWithoutVjp(folded, "y", ["b"]).map((g) => g.op)).toEqual(["ReduceProd"]);
    expect(opsWithoutVjp(folded, "a", ["b"])).toEqual([]);
  });

  it("is an error that lists everything", () => {
    const failure = caught(() => backward(folded, { score: "y", wrt: ["x"] }));
    expect(failure.code).toBe("E_NO_GRADIENT");
    expect(failure.message).toBe("operators between x and y have no gradient");
    expect(failure.details).toEqual([
      "Dropout: 2 nodes, first first dropout",
      "ReduceProd (a product over the batch): 1 node, first y",
    ]);
  });

  it("depends on how an operator is used, and on who needs a gradient", () => {
    const places = { axis: attr.int(1), reduction: attr.string("mul") };
    const scatter = [node("ScatterElements", ["x", "i", "u"], ["y"], places)];
    const gapsFor = (wrt: string, indices: readonly number[]) =>
      opsWithoutVjp(graphOf({ x: [1, 3], u: [1, 2] }, scatter, "y", { i: int64([1, 2], indices) }), "y", [
        wrt,
      ]).map((g) => g.op);
    expect(gapsFor("u", [2, -1])).toEqual(["ScatterElements"]);
    expect(gapsFor("u", [2, 1])).toEqual([]);
    expect(gapsFor("x", [2, -1])).toEqual([]);
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
