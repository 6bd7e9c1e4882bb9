/** What WebGPU is given instead of what it computes wrongly: the same numbers, judged by WebAssembly, which computes both. */
import { describe, expect, it } from "vitest";
import { distance, ramp, runOnce } from "../../test/ort.ts";
import { attr, canonicalOpset, type Graph, type Node, node } from "../onnx/graph.ts";
import { int64, type Tensor } from "../onnx/tensor.ts";
import { graphFor, graphOptionsFor } from "./graph-options.ts";

const graphOf = (
  nodes: readonly Node[],
  inputs: Record<string, Tensor>,
  constants: Record<string, Tensor>,
): Graph => ({
  name: "variant",
  opsets: { "": canonicalOpset },
  inputs: Object.entries(inputs).map(([name, { type, dims }]) => ({ name, type, dims })),
  outputs: [{ name: "y", type: "float32", dims: ["..."] }],
  nodes,
  initializers: new Map(Object.entries(constants)),
});

const ints = (...values: number[]) => int64([values.length], values);
const shapesOf = (tensors: Record<string, Tensor>) =>
  new Map(Object.entries(tensors).map(([name, { dims }]) => [name, dims]));

async function compare(nodes: readonly Node[], inputs: Record<string, Tensor>, constants = {}) {
  const graph = graphOf(nodes, inputs, constants);
  const variant = graphFor("webgpu", graph, shapesOf(inputs));
  const [want, got] = [await runOnce(graph, inputs), await runOnce(variant, inputs)];
  return { graph, variant, got: got.y, want: want.y };
}

/** Slices that step backwards from elsewhere than the end of an axis: what WebGPU does not do. */
const fromTheMiddle = (graph: Graph, size: number) =>
  graph.nodes.filter((n) => {
    if (n.op !== "Slice") return false;
    const [starts, , , steps] = n.inputs.slice(1).map((name) => graph.initializers.get(name)!.data);
    return [...steps].some((step, i) => {
      const start = Number(starts[i]);
      return Number(step) < 0 && start !== -1 && start < size - 1;
    });
  });

it("leaves graphs alone that WebGPU computes rightly, and those of every other provider", () => {
  const from = { x: ramp([2, 7]) };
  const slice = node("Slice", ["x", "s", "e", "a", "t"], ["y"]);
  const odd = graphOf([slice], from, { s: ints(4), e: ints(0), a: ints(1), t: ints(-1) });
  for (const provider of ["cpu", "wasm", "cuda", "directml", "coreml"] as const) {
    expect(graphFor(provider, odd, shapesOf(from))).toBe(odd);
    expect(graphOptionsFor(provider).pool).toBe("scatter");
  }
  const plain = graphOf([node("Relu", ["x"], ["y"])], from, {});
  expect(graphFor("webgpu", plain, shapesOf(from))).toBe(plain);
  expect(graphOptionsFor("webgpu").pool).toBe("mask");
});

describe("Slice backwards", () => {
  const x = ramp([3, 7]);
  const starts = [-1, 6, 5, 3, -4, 0, 100];
  const ends = [-100, -(2 ** 62), -8, -7, 0, 2, -5];
  it.each(starts.flatMap((start) => ends.map((end) => [start, end])))("from %d to %d", async (start, end) => {
    for (const step of [-1, -2, -3]) {
      const constants = { s: ints(start), e: ints(end), a: ints(1), t: ints(step) };
      const { variant, got, want } = await compare(
        [node("Slice", ["x", "s", "e", "a", "t"], ["y"])],
        { x },
        constants,
      );
      expect(got).toEqual(want);
      if (want.dims[1] > 0) expect(fromTheMiddle(variant, 7)).toEqual([]);
    }
  });

  it("over several axes, some of them forwards, without the list of axes", async () => {
    const constants = { s: ints(1, 0, 3), e: ints(-9, 2 ** 62, -9), t: ints(-1, 2, -2) };
    const { variant, got, want } = await compare(
      [node("Slice", ["x", "s", "e", "", "t"], ["y"])],
      { x: ramp([3, 4, 5]) },
      constants,
    );
    expect(variant.nodes).toHaveLength(2);
    expect(got).toEqual(want);
    expect(got.dims).toEqual([2, 2, 2]);
  });
});

describe("ConvTranspose with several inputs and one output in a group", () => {
  const strided = { group: attr.int(3), strides: attr.ints([2, 1]), pads: attr.ints([1, 0, 0, 1]) };
  const x = ramp([2, 6, 4, 3]);
  const [w, b] = [ramp([6, 1, 3, 2], 1), ramp([3], 3)];

  it.each([
    ["constant weights", ["x", "w"], { x }, { w }],
    ["with a bias", ["x", "w", "b"], { x }, { w, b }],
    ["weights known at run time only", ["x", "w"], { x, w }, {}],
  ])("%s", async (_, names, inputs, constants) => {
    const { variant, got, want } = await compare(
      [node("ConvTranspose", names, ["y"], strided)],
      inputs as Record<string, Tensor>,
      constants,
    );
    expect(variant.nodes.map((n) => n.op)).toContain("Pad");
    expect(got.dims).toEqual(want.dims);
    expect(distance(got, want)).toBeLessThan(1e-6);
  });

  it.each([
    ["one group", [6, 1, 3, 2], 1],
    ["depthwise", [6, 1, 3, 2], 6],
    ["two outputs a group", [6, 2, 3, 2], 3],
  ])("leaves alone %s", (_, dims, group) => {
    const weights = { w: ramp(dims) };
    const graph = graphOf(
      [node("ConvTranspose", ["x", "w"], ["y"], { group: attr.int(group) })],
      { x },
      weights,
    );
    expect(graphFor("webgpu", graph, new Map())).toBe(graph);
  });
});

it("adds two at a time what Sum adds at once, with broadcasting", async () => {
  const inputs = { a: ramp([2, 3]), b: ramp([3], 1), c: ramp([2, 1], 4) };
  const { variant, got, want } = await compare([node("Sum", ["a", "b", "c"], ["y"])], inputs);
  expect(variant.nodes.map((n) => n.op)).toEqual(["Add", "Add"]);
  expect(got).toEqual(want);
});

describe("Split into many parts", () => {
  const parts = (count: number) => Array.from({ length: count }, (_, i) => `p${i}`);
  /** y: the parts in reverse order, so that every one of them counts where it lies */
  const reversed = (count: number) => node("Concat", parts(count).toReversed(), ["y"], { axis: attr.int(1) });
  const widest = (graph: Graph) =>
    Math.max(...graph.nodes.filter((n) => n.op === "Split").map((n) => n.outputs.length));

  it.each([7, 8, 15, 25, 60])("%d of them", async (count) => {
    const sizes = parts(count).map((_, i) => (i % 4) + (i % 3 === 0 ? 1 : 0));
    const x = ramp([2, sizes.reduce((total, size) => total + size, 0), 3]);
    const { variant, got, want } = await compare(
      [node("Split", ["x", "s"], parts(count), { axis: attr.int(1) }, "split"), reversed(count)],
      { x },
      { s: ints(...sizes) },
    );
    expect(got).toEqual(want);
    expect(widest(variant)).toBeLessThanOrEqual(7);
    const called = variant.nodes.map((n) => n.name).filter((name) => name !== "");
    expect(new Set(called).size, "native engines refuse two nodes of one name").toBe(called.length);
  });

  it.each([26, 27])("equal ones, the last perhaps smaller: %d in 9", async (whole) => {
    const attributes = { axis: attr.int(-2), num_outputs: attr.int(9) };
    const { variant, got, want } = await compare([node("Split", ["x"], parts(9), attributes), reversed(9)], {
      x: ramp([2, whole, 3]),
    });
    expect(got).toEqual(want);
    expect(widest(variant)).toBeLessThanOrEqual(7);
  });
});
