/** Models that are not in float32: half precision and quantised (QDQ), from the graph to logits, gradients and words. */
import { describe, expect, it } from "vitest";
import { backward } from "../src/autodiff/backward.ts";
import { prepare } from "../src/model/prepare.ts";
import { toHalf } from "../src/onnx/evaluate/data.ts";
import { attr, type Graph, type Node, node } from "../src/onnx/graph.ts";
import { readOnnx } from "../src/onnx/read.ts";
import { elementTypes, float32, type Tensor, toFloat32 } from "../src/onnx/tensor.ts";
import { writeOnnx } from "../src/onnx/write.ts";
import { distance, ramp, runOnce } from "./ort.ts";
import { graphOf, smallCnn, smallVit, weight } from "./small-models.ts";

const images = ramp([2, 3, 6, 8], 1);

/** Logits and the gradient of a fixed mix of them. */
async function explained(
  graph: Graph,
): Promise<{ logits: Tensor; gradient: Tensor; assumptions: readonly string[] }> {
  const { folded, input, score, classes, assumptions } = prepare(readOnnx(writeOnnx(graph)));
  const { folded: both, gradients, seed } = backward(folded, { score, wrt: [input.name] });
  const feeds = { [input.name]: { ...images, dims: [2, input.channels, input.height, input.width] } };
  const made = await runOnce(both.graph, { ...feeds, [seed]: ramp([2, classes], 2) } as Record<
    string,
    Tensor
  >);
  return { logits: made[score], gradient: made[gradients[input.name]], assumptions };
}

const bits: Record<"float16" | "bfloat16", (v: number) => number> = {
  float16: toHalf,
  bfloat16: (v) => new Uint32Array(Float32Array.of(v).buffer)[0] >>> 16,
};

/** The model as `convert_float_to_float16` and its like make it; its rounded weights in float32 beside it. */
function halved(graph: Graph, type: "float16" | "bfloat16", io: boolean): { half: Graph; rounded: Graph } {
  const narrow = (t: Tensor): Tensor =>
    t.type === "float32" ? { type, dims: t.dims, data: Uint16Array.from(t.data, bits[type]) } : t;
  const small = new Map([...graph.initializers].map(([name, t]) => [name, narrow(t)]));
  const wide = new Map(
    [...small].map(([name, t]) => [name, t.type === type ? float32(t.dims, toFloat32(t)) : t]),
  );
  const [x] = graph.inputs;
  const [y] = graph.outputs;
  const rename = (n: Node): Node => ({
    ...n,
    inputs: n.inputs.map((i) => (i === x.name ? "x half" : i)),
    outputs: n.outputs.map((o) => (o === y.name ? "y half" : o)),
  });
  const nodes = io
    ? [
        node("Cast", [x.name], ["x half"], { to: attr.int(elementTypes[type]) }),
        ...graph.nodes.map(rename),
        node("Cast", ["y half"], [y.name], { to: attr.int(elementTypes.float32) }),
      ]
    : graph.nodes;
  const half: Graph = {
    ...graph,
    inputs: io ? graph.inputs : graph.inputs.map((v) => ({ ...v, type })),
    outputs: io ? graph.outputs : graph.outputs.map((v) => ({ ...v, type })),
    nodes,
    initializers: small,
  };
  return { half, rounded: { ...graph, initializers: wide } };
}

const nets: readonly (readonly [string, Graph])[] = [
  ["a convolutional net", smallCnn({ tail: "Softmax" })],
  ["a transformer", smallVit({ height: 6, width: 8 })],
];

describe("half precision", () => {
  for (const [what, net] of nets) {
    for (const type of ["float16", "bfloat16"] as const) {
      for (const io of [true, false]) {
        it(`${what} in ${type}, ${io ? "float32" : type} outside`, async () => {
          const { half, rounded } = halved(net, type, io);
          const ours = await explained(half);
          const exact = await explained(rounded);
          expect([ours.logits.type, ours.gradient.type]).toEqual(["float32", "float32"]);
          // the weights as they are in the file, nothing else rounded
          expect(distance(ours.logits, exact.logits)).toBeLessThan(1e-6);
          expect(distance(ours.gradient, exact.gradient)).toBeLessThan(1e-6);
          const original = await explained(net);
          const near = type === "float16" ? 0.01 : 0.1;
          expect(distance(ours.logits, original.logits)).toBeLessThan(near);
          expect(distance(ours.gradient, original.gradient)).toBeLessThan(near);
          expect(ours.assumptions).toContain(
            `the model is in half precision (${type}): it is computed in float32, with the same weights`,
          );
        });
      }
    }
  }
});

const int8 = (dims: readonly number[], values: ArrayLike<number>): Tensor => ({
  type: "int8",
  dims,
  data: Int8Array.from(values, (v) => Math.max(-127, Math.min(127, Math.round(v)))),
});
const uint8 = (value: number): Tensor => ({ type: "uint8", dims: [], data: Uint8Array.of(value) });

/** smallCnn as a static quantiser writes it: weights per channel, activations per tensor. */
function quantisedCnn(): Graph {
  const w = weight("w", 5, 3, 3, 3);
  const scales = Array.from({ length: 5 }, (_, c) => {
    const row = w.data.subarray(c * 27, c * 27 + 27);
    return row.reduce((most, v) => Math.max(most, Math.abs(v)), 0) / 127;
  });
  const nodes = [
    node("QuantizeLinear", ["x", "xs", "xz"], ["xq"]),
    node("DequantizeLinear", ["xq", "xs", "xz"], ["xd"]),
    node("DequantizeLinear", ["wq", "ws"], ["wd"], { axis: attr.int(0) }),
    node("Conv", ["xd", "wd", "b"], ["c"], { pads: attr.ints([1, 1, 1, 1]) }),
    node("Relu", ["c"], ["r"]),
    node("QuantizeLinear", ["r", "rs", "rz"], ["rq"]),
    node("DequantizeLinear", ["rq", "rs", "rz"], ["features"]),
    node("GlobalAveragePool", ["features"], ["p"]),
    node("Flatten", ["p"], ["f"]),
    node("Gemm", ["f", "v", "a"], ["y"]),
  ];
  return graphOf(["N", 3, 6, 8], nodes, {
    wq: int8(
      w.dims,
      w.data.map((v, i) => v / scales[Math.floor(i / 27)]),
    ),
    ws: float32([5], scales),
    b: weight("b", 5),
    v: weight("v", 5, 4),
    a: weight("a", 4),
    xs: float32([], [1 / 128]),
    xz: uint8(128),
    rs: float32([], [0.03]),
    rz: uint8(0),
  });
}

describe("quantised models", () => {
  it("give the logits of the file, and gradients close to those of the float model", async () => {
    const graph = quantisedCnn();
    const ours = await explained(graph);
    const theirs = await runOnce(graph, { x: { ...images, dims: [2, 3, 6, 8] } as Tensor });
    expect(distance(ours.logits, theirs.y)).toBeLessThan(1e-6);
    const { cam, family } = prepare(graph);
    expect([family, cam?.channels, cam?.rows, cam?.columns]).toEqual(["cnn", 5, 6, 8]);
    const float = await explained(smallCnn());
    expect(distance(ours.logits, float.logits)).toBeLessThan(0.05);
    expect(distance(ours.gradient, float.gradient)).toBeLessThan(0.25);
    expect(ours.assumptions).toContain(
      "gradients pass straight through 2 quantisation steps, and are 0 where a value saturates (arXiv:1308.3432)",
    );
  });

  it("pass the gradient on as it is, and none where a value saturates", async () => {
    const graph: Graph = graphOf(
      ["N", 1, 1, 6],
      [
        node("QuantizeLinear", ["x", "s", "z"], ["q"]),
        node("DequantizeLinear", ["q", "s", "z"], ["d"]),
        node("Flatten", ["d"], ["f"]),
        node("MatMul", ["f", "v"], ["y"]),
      ],
      { s: float32([], [0.01]), z: uint8(100), v: float32([6, 2], [1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0]) },
    );
    const { folded, input, score } = prepare(graph);
    const { folded: both, gradients, seed } = backward(folded, { score, wrt: [input.name] });
    const made = await runOnce(both.graph, {
      // −1 and 1.55 are the ends of what 8 bits hold here
      [input.name]: float32([1, 1, 1, 6], [-1.2, -0.99, 0.004, 0.9951, 1.54, 1.7]),
      [seed]: float32([1, 2], [1, 0]),
    });
    expect(
      Array.from(made[gradients[input.name]].data as Float32Array, (v) => Math.round(v * 1e5) / 1e5),
    ).toEqual([0, 2, 3, 4, 5, 0]);
  });
});
