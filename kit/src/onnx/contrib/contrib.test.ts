/** Every expansion against the kernel of ONNX Runtime that it stands for. */
import { describe, expect, it } from "vitest";
import { distance, load, ramp, runOnce } from "../../../test/ort.ts";
import { KitError } from "../../errors.ts";
import { fold } from "../fold.ts";
import { type Attribute, attr, type Graph, node } from "../graph.ts";
import { float32, type Tensor } from "../tensor.ts";
import { contrib } from "./index.ts";

interface Case {
  readonly key: string;
  readonly name?: string;
  /** the first is the graph's input x; "" is absent */
  readonly inputs: readonly (Tensor | "")[];
  readonly attributes?: Readonly<Record<string, Attribute>>;
  readonly outputs?: readonly string[];
  /** axis 0 is no batch */
  readonly fixed?: boolean;
  /** inputs beside the first that are fed, not weights */
  readonly fed?: readonly number[];
  /** of the operator's own kernel; 17 unless told */
  readonly opset?: number;
}

const { int, float, ints, floats, string } = attr;
const i32 = (dims: readonly number[], values: readonly number[]): Tensor => ({
  type: "int32",
  dims,
  data: Int32Array.from(values),
});
const x = ramp([2, 5, 8]);
const gamma = ramp([8], 3);
const beta = ramp([8], 1);

function graphOf({ key, inputs, attributes, outputs = ["y"], fed = [], fixed, opset = 17 }: Case): {
  graph: Graph;
  feeds: Record<string, Tensor>;
} {
  const dot = key.lastIndexOf(".");
  const [domain, op] = [key.slice(0, Math.max(0, dot)), key.slice(dot + 1)];
  const names = inputs.map((t, i) => (t === "" ? "" : i === 0 ? "x" : `in${i}`));
  const given = inputs.flatMap((t, i) =>
    t === "" ? [] : [{ t, name: names[i], fed: i === 0 || fed.includes(i) }],
  );
  const free = (t: Tensor): (number | string)[] => (fixed ? [...t.dims] : ["batch", ...t.dims.slice(1)]);
  const graph: Graph = {
    name: "g",
    opsets: { "": opset, "com.microsoft": 1 },
    inputs: given.filter((g) => g.fed).map(({ t, name }) => ({ name, type: t.type, dims: free(t) })),
    outputs: outputs.filter((o) => o !== "").map((name) => ({ name, type: "float32", dims: ["..."] })),
    nodes: [node(op, names, outputs, attributes, "n", domain)],
    initializers: new Map(given.filter((g) => !g.fed).map(({ t, name }) => [name, t])),
  };
  return { graph, feeds: Object.fromEntries(given.filter((g) => g.fed).map(({ t, name }) => [name, t])) };
}

const cases: readonly Case[] = [
  { key: "com.microsoft.Gelu", inputs: [x] },
  { key: "com.microsoft.BiasGelu", inputs: [x, beta] },
  { key: "com.microsoft.FastGelu", inputs: [x] },
  { key: "com.microsoft.FastGelu", name: "with bias", inputs: [x, beta] },
  { key: "com.microsoft.QuickGelu", inputs: [x] },
  { key: "com.microsoft.QuickGelu", name: "as SiLU", inputs: [x], attributes: { alpha: float(1) } },
  {
    key: "SimplifiedLayerNormalization",
    inputs: [x, gamma],
    attributes: { axis: int(-1), epsilon: float(1e-3) },
  },
  {
    key: "SimplifiedLayerNormalization",
    name: "over two axes",
    inputs: [x, ramp([5, 8], 3)],
    attributes: { axis: int(1), epsilon: float(1e-3) },
  },
  { key: "com.microsoft.SkipLayerNormalization", inputs: [x, ramp([2, 5, 8], 3), gamma], fed: [1] },
  {
    key: "com.microsoft.SkipLayerNormalization",
    name: "with everything",
    inputs: [x, ramp([2, 5, 8], 3), gamma, beta, ramp([8], 0.5)],
    outputs: ["y", "", "", "sum"],
    attributes: { epsilon: float(1e-3) },
    fed: [1],
  },
  {
    key: "com.microsoft.SkipSimplifiedLayerNormalization",
    inputs: [x, ramp([2, 5, 8], 3), gamma, beta],
    outputs: ["y", "", "", "sum"],
    attributes: { epsilon: float(1e-3) },
    fed: [1],
  },
  {
    key: "com.microsoft.FusedConv",
    inputs: [ramp([2, 3, 6, 6]), ramp([4, 3, 3, 3]), ramp([4])],
    attributes: { activation: string("Relu"), strides: ints([2, 2]), pads: ints([1, 1, 1, 1]) },
  },
  {
    key: "com.microsoft.FusedConv",
    name: "with a sum and a parameter",
    inputs: [ramp([2, 3, 4, 4]), ramp([4, 3, 1, 1]), ramp([4]), ramp([2, 4, 4, 4])],
    attributes: { activation: string("Relu") },
    fed: [3],
  },
  {
    key: "com.microsoft.FusedConv",
    name: "with parameters",
    inputs: [ramp([2, 3, 4, 4]), ramp([4, 3, 1, 1])],
    attributes: { activation: string("Clip"), activation_params: floats([-0.25, 0.5]) },
  },
  {
    key: "com.microsoft.FusedConv",
    name: "with a slope",
    inputs: [ramp([2, 3, 4, 4]), ramp([4, 3, 1, 1])],
    attributes: { activation: string("LeakyRelu"), activation_params: floats([0.2]) },
  },
  {
    key: "com.microsoft.FusedConv",
    name: "with a hard sigmoid",
    inputs: [ramp([2, 3, 4, 4]), ramp([4, 3, 1, 1])],
    attributes: { activation: string("HardSigmoid"), activation_params: floats([0.3, 0.4]) },
  },
  {
    key: "com.microsoft.FusedGemm",
    inputs: [ramp([2, 6]), ramp([4, 6]), ramp([4])],
    attributes: { activation: string("LeakyRelu"), activation_alpha: float(0.2), transB: int(1) },
  },
  {
    key: "com.microsoft.FusedMatMul",
    inputs: [ramp([2, 3, 4, 5]), ramp([2, 3, 6, 5])],
    attributes: { transB: int(1), alpha: float(0.25) },
    fed: [1],
  },
  {
    key: "com.microsoft.FusedMatMul",
    name: "turned on the left",
    inputs: [ramp([2, 5, 4]), ramp([5, 3])],
    attributes: { transA: int(1) },
  },
  {
    key: "com.microsoft.FusedMatMul",
    name: "with the batch inside",
    inputs: [ramp([2, 3, 4, 5]), ramp([3, 4, 5, 6])],
    attributes: { transBatchA: int(1) },
    fixed: true,
  },
  {
    key: "com.microsoft.FusedMatMul",
    name: "with both batches inside, and turned",
    inputs: [ramp([2, 3, 4, 5]), ramp([2, 3, 4, 6])],
    attributes: { transBatchA: int(1), transBatchB: int(1), transA: int(1) },
    fixed: true,
  },
  {
    key: "com.microsoft.Attention",
    inputs: [x, ramp([8, 24]), ramp([24])],
    attributes: { num_heads: int(2) },
  },
  {
    key: "com.microsoft.Attention",
    name: "one-way, values of another size, a scale",
    inputs: [x, ramp([8, 20]), ramp([20])],
    attributes: {
      num_heads: int(2),
      unidirectional: int(1),
      qkv_hidden_sizes: ints([8, 8, 4]),
      scale: float(0.3),
    },
  },
  {
    key: "com.microsoft.Attention",
    name: "with a mask and a bias for positions",
    inputs: [
      x,
      ramp([8, 24]),
      ramp([24]),
      i32([2, 5], [1, 1, 1, 0, 0, 1, 1, 1, 1, 0]),
      "",
      ramp([1, 2, 5, 5], 3),
    ],
    attributes: { num_heads: int(2) },
    fed: [3],
  },
  {
    key: "com.microsoft.MultiHeadAttention",
    inputs: [x, ramp([2, 7, 8]), ramp([2, 7, 4])],
    attributes: { num_heads: int(2) },
    fed: [1, 2],
  },
  {
    key: "com.microsoft.MultiHeadAttention",
    name: "with biases",
    inputs: [x, ramp([2, 7, 8]), ramp([2, 7, 4]), ramp([20], 3), "", ramp([1, 2, 5, 7], 3)],
    attributes: { num_heads: int(2) },
    fed: [1, 2],
  },
  {
    key: "Attention",
    opset: 23,
    inputs: [x, ramp([2, 7, 8]), ramp([2, 7, 4])],
    attributes: { q_num_heads: int(2), kv_num_heads: int(2) },
    fed: [1, 2],
  },
  {
    key: "Attention",
    name: "heads apart, a scale and a sum",
    opset: 23,
    inputs: [ramp([2, 3, 5, 4]), ramp([2, 3, 7, 4]), ramp([2, 3, 7, 2]), ramp([5, 7], 3)],
    attributes: { scale: float(0.3) },
    fed: [1, 2],
  },
  {
    key: "Attention",
    name: "heads apart, a mask of truth values",
    opset: 23,
    inputs: [
      ramp([2, 3, 5, 4]),
      ramp([2, 3, 5, 4]),
      ramp([2, 3, 5, 4]),
      { type: "bool", dims: [5, 5], data: Uint8Array.from({ length: 25 }, (_, i) => (i % 3 === 0 ? 0 : 1)) },
    ],
    fed: [1, 2],
  },
  {
    key: "Attention",
    name: "one-way",
    opset: 23,
    inputs: [ramp([2, 3, 5, 4]), ramp([2, 3, 5, 4]), ramp([2, 3, 5, 4])],
    attributes: { is_causal: int(1) },
    fed: [1, 2],
  },
];

describe("contrib operators, written in standard ones", () => {
  it.each(cases.map((c) => [`${c.key}${c.name ? `, ${c.name}` : ""}`, c] as const))("%s", async (_, c) => {
    const { graph, feeds } = graphOf(c);
    const theirs = await runOnce(graph, feeds);
    const { graph: ours } = fold({ ...graph, opsets: { ...graph.opsets, "": 21 } }, "batch");
    expect(ours.nodes.filter((n) => n.domain !== "").map((n) => n.op)).toEqual([]);
    const { run, release } = await load(ours);
    const made = await run(feeds);
    await release();
    for (const name of Object.keys(theirs)) {
      expect(made[name].dims).toEqual(theirs[name].dims);
      expect(distance(made[name], theirs[name])).toBeLessThan(3e-6);
    }
  });

  /** ONNX Runtime has these on other devices only, or not yet: a literal restatement judges. */
  const literal = async (c: Case): Promise<Tensor> => {
    const { graph, feeds } = graphOf(c);
    return (await runOnce(fold({ ...graph, opsets: { "": 21 } }, "batch").graph, feeds)).y;
  };
  const values = (t: Tensor) => Array.from(t.data as Float32Array);

  it("RMSNormalization", async () => {
    const rows = float32([2, 2], [3, 4, 1, -1]);
    const y = await literal({
      key: "RMSNormalization",
      inputs: [rows, float32([2], [1, 2])],
      attributes: { epsilon: float(0) },
    });
    const wanted = [3 / Math.sqrt(12.5), 8 / Math.sqrt(12.5), 1, -2];
    for (const [i, v] of values(y).entries()) expect(v).toBeCloseTo(wanted[i], 6);
  });

  it("Swish", async () => {
    const y = await literal({
      key: "Swish",
      inputs: [float32([1, 2], [1, -2])],
      attributes: { alpha: float(3) },
    });
    for (const [i, v] of [1 / (1 + Math.exp(-3)), -2 / (1 + Math.exp(6))].entries())
      expect(values(y)[i]).toBeCloseTo(v, 6);
  });

  it("BiasAdd", async () => {
    const y = await literal({
      key: "com.microsoft.BiasAdd",
      inputs: [float32([1, 2], [1, 2]), float32([2], [10, 20]), float32([1, 2], [100, 200])],
    });
    expect(values(y)).toEqual([111, 222]);
  });

  it("BiasDropout", async () => {
    const y = await literal({
      key: "com.microsoft.BiasDropout",
      inputs: [float32([1, 2], [1, 2]), float32([2], [10, 20]), float32([1, 2], [100, 200])],
    });
    expect(values(y)).toEqual([111, 222]);
  });

  it("BiasSplitGelu", async () => {
    const y = await literal({
      key: "com.microsoft.BiasSplitGelu",
      inputs: [float32([1, 1, 4], [1, 2, 0, 20]), float32([4], [1, 1, 0, 1])],
    });
    expect(values(y)).toEqual([0, 63]);
  });

  it("GroupNorm, channels last", async () => {
    const plain = ramp([2, 4, 3, 3]);
    const [scale, bias] = [ramp([4], 3), ramp([4], 1)];
    const last = await literal({
      key: "com.microsoft.GroupNorm",
      inputs: [await turned(plain, [0, 2, 3, 1]), scale, bias],
      attributes: { groups: int(2), activation: int(1), epsilon: float(1e-3) },
    });
    const y = values(await turned(last, [0, 3, 1, 2]));
    const data = values(plain);
    for (let i = 0; i < data.length; i++) {
      const group = data.slice(Math.floor(i / 18) * 18, Math.floor(i / 18) * 18 + 18);
      const mean = group.reduce((s, v) => s + v, 0) / 18;
      const spread = Math.sqrt(group.reduce((s, v) => s + (v - mean) ** 2, 0) / 18 + 1e-3);
      const channel = Math.floor(i / 9) % 4;
      const z = ((data[i] - mean) / spread) * values(scale)[channel] + values(bias)[channel];
      expect(y[i]).toBeCloseTo(z / (1 + Math.exp(-z)), 5);
    }
  });
  const turned = async (t: Tensor, perm: readonly number[]): Promise<Tensor> => {
    const graph: Graph = {
      name: "t",
      opsets: { "": 21 },
      inputs: [{ name: "x", type: "float32", dims: [...t.dims] }],
      outputs: [{ name: "y", type: "float32", dims: ["..."] }],
      nodes: [node("Transpose", ["x"], ["y"], { perm: ints(perm) })],
      initializers: new Map(),
    };
    return (await runOnce(graph, { x: t })).y;
  };

  it("says what has no expansion", () => {
    const past = graphOf({
      key: "com.microsoft.Attention",
      inputs: [x, ramp([8, 24]), ramp([24])],
      attributes: { num_heads: int(2) },
      outputs: ["y", "present"],
    });
    expect(() => fold(past.graph, "batch")).toThrow(
      "com.microsoft.Attention node n: output of past keys and values is not supported",
    );
    const packed = graphOf({ key: "com.microsoft.MultiHeadAttention", inputs: [ramp([2, 5, 2, 3, 4])] });
    expect(() => fold(packed.graph, "batch")).toThrow(KitError);
    expect(() => fold(packed.graph, "batch")).toThrow("packed query, key and value is not supported");
  });

  it("describes each in a few words", () => {
    for (const [key, { says }] of Object.entries(contrib)) {
      expect(key).toMatch(/^(com\.microsoft\.)?[A-Z]\w+$/);
      expect(says.length).toBeGreaterThan(3);
    }
  });
});
