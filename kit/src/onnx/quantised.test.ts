import { describe, expect, it } from "vitest";
import { distance, load, runOnce } from "../../test/ort.ts";
import { fold } from "./fold.ts";
import { type Attribute, attr, type Graph, type Node, node } from "./graph.ts";
import { quantisationSteps } from "./quantised.ts";
import { float32, type Tensor } from "./tensor.ts";

const typed = {
  int8: (dims: readonly number[], v: readonly number[]): Tensor => ({
    type: "int8",
    dims,
    data: Int8Array.from(v),
  }),
  uint8: (dims: readonly number[], v: readonly number[]): Tensor => ({
    type: "uint8",
    dims,
    data: Uint8Array.from(v),
  }),
  int16: (dims: readonly number[], v: readonly number[]): Tensor => ({
    type: "int16",
    dims,
    data: Int16Array.from(v),
  }),
  uint16: (dims: readonly number[], v: readonly number[]): Tensor => ({
    type: "uint16",
    dims,
    data: Uint16Array.from(v),
  }),
  int32: (dims: readonly number[], v: readonly number[]): Tensor => ({
    type: "int32",
    dims,
    data: Int32Array.from(v),
  }),
};
const scalar = (v: number) => float32([], [v]);

function graphOf(nodes: readonly Node[], initializers: Readonly<Record<string, Tensor>>, x: Tensor): Graph {
  return {
    name: "q",
    opsets: { "": 21 },
    inputs: [{ name: "x", type: x.type, dims: ["batch", ...x.dims.slice(1)] }],
    outputs: [{ name: "y", type: "float32", dims: ["..."] }],
    nodes,
    initializers: new Map(Object.entries(initializers)),
  };
}

/** Quantise and back, as the file says it. */
const through = (
  x: Tensor,
  scale: Tensor,
  zero: Tensor | undefined,
  attributes: Record<string, Attribute> = {},
): Graph =>
  graphOf(
    [
      node("QuantizeLinear", zero ? ["x", "s", "z"] : ["x", "s"], ["q"], attributes),
      node("DequantizeLinear", zero ? ["q", "s", "z"] : ["q", "s"], ["y"], attributes),
    ],
    { s: scale, ...(zero ? { z: zero } : {}) },
    x,
  );

/** Halves, saturated values, both signs. */
const x = float32(
  [2, 3, 4],
  [
    -1e9, -64, -12.5, -2.25, -1.75, -1.25, -0.75, -0.25, 0, 0.25, 0.5, 0.75, 1.25, 1.75, 2.25, 3.3, 5, 12.5,
    31, 63.25, 63.75, 64, 100, 1e9,
  ],
);

async function expectSame(graph: Graph, input = x): Promise<void> {
  const { graph: ours } = fold(graph, "batch");
  expect(ours.nodes.map((n) => n.op).join()).not.toMatch(/Linear/);
  const theirs = await runOnce(graph, { x: input });
  // an optimiser that took (v + c) − c for v would undo the rounding
  for (const level of ["disabled", "all"] as const) {
    const { run, release } = await load(ours, level);
    expect((await run({ x: input })).y).toEqual(theirs.y);
    await release();
  }
}

describe("QuantizeLinear, DequantizeLinear", () => {
  it.each([
    ["int8", 0],
    ["int8", -7],
    ["uint8", 128],
    ["uint8", 3],
    ["int16", 0],
    ["uint16", 32768],
  ] as const)("to %s around %s are the floats ONNX Runtime makes, to the bit", (type, zero) =>
    expectSame(through(x, scalar(0.5), typed[type]([], [zero]))),
  );

  it("are uint8 without a zero point, unless another type is named", async () => {
    await expectSame(through(x, scalar(0.5), undefined));
    const signed = graphOf(
      [
        node("QuantizeLinear", ["x", "s"], ["q"], { output_dtype: attr.int(3) }),
        node("DequantizeLinear", ["q", "s"], ["y"]),
      ],
      { s: scalar(0.5) },
      x,
    );
    await expectSame(signed);
  });

  it.each([1, -1, 2])("may have a scale and a zero point for each place of axis %s", (axis) => {
    const n = axis === 1 ? 3 : 4;
    const scale = float32([n], [0.5, 0.25, 2, 1].slice(0, n));
    return expectSame(
      through(x, scale, typed.int8([n], [0, 5, -9, 1].slice(0, n)), { axis: attr.int(axis) }),
    );
  });

  it("may have other operators in between", () =>
    expectSame(
      graphOf(
        [
          node("QuantizeLinear", ["x", "s", "z"], ["q"]),
          node("Transpose", ["q"], ["t"], { perm: attr.ints([0, 2, 1]) }),
          node("DequantizeLinear", ["t", "s", "z"], ["y"]),
        ],
        { s: scalar(0.5), z: typed.uint8([], [100]) },
        x,
      ),
    ));

  it("turn stored weights into floats, which no node has to compute", async () => {
    const w = typed.int8(
      [4, 5],
      Array.from({ length: 20 }, (_, i) => i * 13 - 128),
    );
    const graph = graphOf(
      [
        node("DequantizeLinear", ["w", "ws", "wz"], ["weight"], { axis: attr.int(1) }),
        node("DequantizeLinear", ["b", "bs"], ["bias"]),
        node("MatMul", ["x", "weight"], ["m"]),
        node("Add", ["m", "bias"], ["y"]),
      ],
      {
        w,
        ws: float32([5], [0.1, 0.2, 0.3, 0.4, 0.5]),
        wz: typed.int8([5], [0, 1, 2, 3, 4]),
        b: typed.int32([5], [1000, -1000, 3, 4, 5]),
        bs: scalar(0.01),
      },
      float32([2, 4], [1, 2, 3, 4, 5, 6, 7, 8]),
    );
    const { graph: ours } = fold(graph, "batch");
    expect(ours.nodes.map((n) => n.op)).toEqual(["MatMul", "Add"]);
    const feeds = { x: float32([2, 4], [1, 2, 3, 4, 5, 6, 7, 8]) };
    expect(distance((await runOnce(ours, feeds)).y, (await runOnce(graph, feeds)).y)).toBeLessThan(1e-6);
  });

  it("are counted", () => {
    expect(quantisationSteps(through(x, scalar(1), undefined))).toBe(1);
  });

  it.each([
    [{ block_size: attr.int(2) }, float32([2, 3, 2], new Float32Array(12).fill(1)), "quantisation in blocks"],
    [{}, float32([2, 2], [1, 1, 1, 1]), "quantisation in blocks"],
    [{ axis: attr.int(5) }, float32([2], [1, 1]), "axis 5 of rank 3"],
    [{ output_dtype: attr.int(17) }, scalar(1), "quantisation to element type 17"],
  ] as const)("refuse %j", (attributes, scale, says) => {
    expect(() => fold(through(x, scale, undefined, attributes), "batch")).toThrow(`${says} is not supported`);
  });

  it("refuse a scale that is computed while running", () => {
    const graph = graphOf(
      [
        node("ReduceMax", ["x"], ["s"], { keepdims: attr.int(0) }),
        node("QuantizeLinear", ["x", "s"], ["q"]),
        node("DequantizeLinear", ["q", "s"], ["y"]),
      ],
      {},
      x,
    );
    expect(() => fold(graph, "batch")).toThrow("a scale or a zero point that is computed while running");
  });
});
