import * as ort from "onnxruntime-web";
import { afterAll, describe, expect, it } from "vitest";
import { createOnnxRuntime } from "../engine/onnxruntime.ts";
import { describe as described } from "../onnx/fold.ts";
import { attr, canonicalOpset, type Graph, type Node, node } from "../onnx/graph.ts";
import { float32 } from "../onnx/tensor.ts";
import { backward } from "./backward.ts";
import { composites } from "./composites.ts";
import { Relu } from "./vjps/activation.ts";
import { vjps } from "./vjps/index.ts";

const engine = createOnnxRuntime(ort, { package: "onnxruntime-web", provider: "wasm", threads: 1 });
afterAll(() => engine.close());

const dims = [2, 3, 1, 2];
const values = [-9, -2.5, -1, -0.3, 0, 0.2, 0.7, 1.3, 2, 4, 8, 30];

/** x·σ(αx) over images, the way exporters spell it. */
function gated(alpha: number): Graph {
  const inner = alpha === 1 ? [] : [node("Mul", ["x", "alpha"], ["t"])];
  const nodes: Node[] = [
    ...inner,
    node("Sigmoid", [alpha === 1 ? "x" : "t"], ["s"]),
    node("Mul", ["s", "x"], ["y"]),
  ];
  const info = (name: string) => ({ name, type: "float32" as const, dims: ["batch", ...dims.slice(1)] });
  return {
    name: "gated",
    opsets: { "": canonicalOpset },
    inputs: [info("x")],
    outputs: [info("y")],
    nodes,
    initializers: new Map(alpha === 1 ? [] : [["alpha", float32([], [alpha])]]),
  };
}

/** σ(αx) + αx σ(αx) (1 − σ(αx)), literally. */
const slope = (x: number, alpha: number): number => {
  const s = 1 / (1 + Math.exp(-alpha * x));
  return s + alpha * x * s * (1 - s);
};

describe("a sigmoid gate", () => {
  it.each([1, 1.702])("with factor %f has its slope in one formula", async (alpha) => {
    const folded = described(gated(alpha), "batch");
    const made = backward(folded, { score: "y", wrt: ["x"] });
    const added = made.folded.graph.nodes.slice(folded.graph.nodes.length).map((n) => n.op);
    expect(added).toEqual(["BatchNormalization", "Add", "Mul", "Mul"]);
    const executable = await engine.load(made.folded.graph);
    const feeds = { x: float32(dims, values), [made.seed]: float32(dims, new Array(12).fill(1)) };
    const got = (await executable.run(feeds, [made.gradients.x]))[made.gradients.x].data as Float32Array;
    for (const [i, x] of values.entries()) expect(got[i]).toBeCloseTo(slope(x, alpha), 5);
    await executable.release();
  });

  it("can be differentiated twice", async () => {
    const once = backward(described(gated(1), "batch"), { score: "y", wrt: ["x"] });
    const twice = backward(once.folded, { score: once.gradients.x, wrt: ["x"] });
    const executable = await engine.load(twice.folded.graph);
    const ones = () => float32(dims, new Array(12).fill(1));
    const feeds = { x: float32(dims, values), [once.seed]: ones(), [twice.seed]: ones() };
    const name = twice.gradients.x;
    const got = (await executable.run(feeds, [name]))[name].data as Float32Array;
    const h = 1e-4;
    for (const [i, x] of values.entries()) {
      expect(got[i]).toBeCloseTo((slope(x + h, 1) - slope(x - h, 1)) / (2 * h), 5);
    }
    await executable.release();
  });

  it("stays in parts where the gradient of a part is asked for, or has another rule", () => {
    const graph = gated(1);
    expect(composites(graph, new Set(), vjps).size).toBe(1);
    expect(composites(graph, new Set(["s"]), vjps).size).toBe(0);
    expect(composites(graph, new Set(), { ...vjps, Sigmoid: Relu }).size).toBe(0);
  });

  it("is none where the factor is no number, or the sigmoid is of something else", () => {
    const graph = gated(1.702);
    const vector = { ...graph, initializers: new Map([["alpha", float32([3, 1, 1], [1, 2, 3])]]) };
    expect(composites(vector, new Set(), vjps).size).toBe(0);
    const other = [node("Neg", ["x"], ["t"]), ...graph.nodes.slice(1)];
    expect(composites({ ...graph, nodes: other }, new Set(), vjps).size).toBe(0);
    expect(composites(graph, new Set(), vjps).values().next().value?.attributes.alpha).toEqual(
      attr.float(Math.fround(1.702)),
    );
  });
});
