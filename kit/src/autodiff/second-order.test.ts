/**
 * Gradients with respect to weights, and of losses that are made of gradients: what explanation-aware training stands on. Against PyTorch's
 * `create_graph=True` in float64 (scripts/second-order-reference.py) and against differences.
 */
import * as ort from "onnxruntime-web";
import { afterAll, describe, expect, it } from "vitest";
import { createOnnxRuntime } from "../engine/onnxruntime.ts";
import { KitError } from "../errors.ts";
import { describe as described, type FoldedGraph, fold } from "../onnx/fold.ts";
import { attr, canonicalOpset, type Graph, type Node, node, type ValueInfo } from "../onnx/graph.ts";
import { withParameters } from "../onnx/parameters.ts";
import { readOnnx } from "../onnx/read.ts";
import { simplify } from "../onnx/simplify.ts";
import { type Float32Tensor, float32, int64, sizeOf, type Tensor } from "../onnx/tensor.ts";
import { rngOf } from "../rng.ts";
import { backward } from "./backward.ts";
import reference from "./second-order.fixtures.json" with { type: "json" };

const engine = createOnnxRuntime(ort, { package: "onnxruntime-web", provider: "wasm", threads: 1 });
afterAll(() => engine.close());

type Feeds = Readonly<Record<string, Tensor>>;
type Results = Readonly<Record<string, number[]>>;

/** Buffers may be transferred, so each run gets its own. */
async function run(graph: Graph, feeds: Feeds): Promise<Results> {
  const executable = await engine.load(graph);
  const copies = Object.entries(feeds).map(([name, t]) => [name, { ...t, data: t.data.slice() } as Tensor]);
  const results = await executable.run(
    Object.fromEntries(copies),
    graph.outputs.map((o) => o.name),
  );
  await executable.release();
  return Object.fromEntries(Object.entries(results).map(([name, t]) => [name, Array.from(t.data, Number)]));
}

/** The graph with more nodes and inputs on top, the last node's output among its outputs. */
function extended(
  graph: Graph,
  nodes: readonly Node[],
  more: {
    readonly inputs?: readonly ValueInfo[];
    readonly initializers?: Readonly<Record<string, Tensor>>;
  } = {},
): FoldedGraph {
  const output = nodes.at(-1)!.outputs[0];
  return described(
    {
      ...graph,
      inputs: [...graph.inputs, ...(more.inputs ?? [])],
      nodes: [...graph.nodes, ...nodes],
      outputs: [...graph.outputs, { name: output, type: "float32", dims: [] }],
      initializers: new Map([...graph.initializers, ...Object.entries(more.initializers ?? {})]),
    },
    "batch",
  );
}

const total = (from: string, to: string): Node => node("ReduceSum", [from], [to], { keepdims: attr.int(0) });

/** Σ g² */
const penaltyOf = (gradient: string): readonly Node[] => [
  node("Mul", [gradient, gradient], ["loss/square"]),
  total("loss/square", "loss"),
];

/** Σ mask ⊙ ReLU(Σ_c mean(dA)_c A_c) for maps A [N, C, H, W] */
const camLossOf = (maps: string, gradient: string): readonly Node[] => [
  node("ReduceMean", [gradient, "loss/space"], ["loss/weights"]),
  node("Mul", ["loss/weights", maps], ["loss/weighted"]),
  node("ReduceSum", ["loss/weighted", "loss/channel"], ["loss/sum"], { keepdims: attr.int(0) }),
  node("Relu", ["loss/sum"], ["loss/cam"]),
  node("Mul", ["loss/cam", "mask"], ["loss/masked"]),
  total("loss/masked", "loss"),
];
const camConstants = { "loss/space": int64([2], [2, 3]), "loss/channel": int64([1], [1]) };

/** ‖a − b‖ against ‖b‖, or against `scale` where b is nearly nothing. */
function apart(a: readonly number[], b: readonly number[], scale: number): number {
  if (a.length !== b.length) return Number.NaN;
  const norm = (v: readonly number[]) => Math.hypot(...v);
  return norm(a.map((x, i) => x - b[i])) / Math.max(norm(b), scale);
}

interface Stored {
  readonly dims: readonly number[];
  readonly data: readonly number[];
}
const tensor = ({ dims, data }: Stored): Float32Tensor => float32(dims, Float32Array.from(data));

describe("against PyTorch", () => {
  const model = readOnnx(Uint8Array.from(atob(reference.onnx), (c) => c.charCodeAt(0)));
  const [input, seed, mask] = [reference.input, reference.seed, reference.mask].map(tensor);
  const weights = Object.keys(reference.losses.score.gradients).filter((name) => name !== "input");
  const weightOf = (name: string): Tensor => model.initializers.get(name)!;
  const maps = model.nodes.find((n) => n.op === "Relu")!.outputs[0];

  type Loss = keyof typeof reference.losses;
  /** Both passes; the first must know what the second will ask for. */
  function lossGraph(loss: Loss, folded: FoldedGraph, wrt: readonly string[]) {
    const parameters = wrt.filter((name) => folded.graph.initializers.has(name));
    const once = backward(folded, { score: "logits", wrt: ["input", maps], parameters });
    if (loss === "score") {
      const made = backward(folded, { score: "logits", wrt });
      return { graph: made.folded.graph, gradients: made.gradients, seed: made.seed, ones: undefined };
    }
    const whole =
      loss === "penalty"
        ? extended(once.folded.graph, penaltyOf(once.gradients.input))
        : extended(once.folded.graph, camLossOf(maps, once.gradients[maps]), {
            inputs: [{ name: "mask", type: "float32", dims: ["batch", ...reference.mask.dims.slice(1)] }],
            initializers: camConstants,
          });
    const twice = backward(whole, { score: "loss", wrt });
    return { graph: twice.folded.graph, gradients: twice.gradients, seed: once.seed, ones: twice.seed };
  }

  async function compare(loss: Loss, folded: FoldedGraph, wrt: readonly string[]): Promise<void> {
    const made = lossGraph(loss, folded, wrt);
    const fed = new Set(made.graph.inputs.map((i) => i.name));
    const feeds: Record<string, Tensor> = { input, [made.seed]: seed };
    if (fed.has("mask")) feeds.mask = mask;
    if (made.ones) feeds[made.ones] = float32([], [1]);
    for (const name of weights) if (fed.has(name)) feeds[name] = weightOf(name);
    const results = await run(made.graph, feeds);
    const { value, gradients } = reference.losses[loss];
    if (loss !== "score") expect(results.loss[0] / value).toBeCloseTo(1, 4);
    const expected = gradients as Readonly<Record<string, readonly number[]>>;
    const scale = 1e-3 * Math.max(...Object.values(expected).map((g) => Math.hypot(...g)));
    const errors = wrt.map((name) => [name, apart(results[made.gradients[name]], expected[name], scale)]);
    expect(errors.filter(([, e]) => !((e as number) < 1e-4))).toEqual([]);
  }

  const losses = Object.keys(reference.losses) as Loss[];
  it("has weights of every kind", () => {
    expect(weights.length).toBeGreaterThan(12);
    expect(weights.filter((name) => !model.initializers.has(name))).toEqual([]);
  });
  it.each(losses)("%s, weights as inputs", async (loss) => {
    await compare(loss, simplify(withParameters(model, weights), "batch", new Set([maps])), [
      "input",
      ...weights,
    ]);
  });
  it.each(losses)("%s, weights as initializers", async (loss) => {
    const folded = simplify(model, "batch", new Set([maps]));
    // folding transposes the weights of linear layers ahead, and only the copy is left
    const left = weights.filter((name) => folded.graph.initializers.has(name));
    expect(weights.filter((name) => !left.includes(name))).toEqual([
      "query.weight",
      "key.weight",
      "value.weight",
    ]);
    await compare(loss, folded, ["input", ...left]);
  });
  it("makes the same graph for the input whether or not weights are asked for too", async () => {
    const folded = simplify(model, "batch", new Set([maps]));
    const alone = backward(folded, { score: "logits", wrt: ["input"] });
    const both = backward(folded, { score: "logits", wrt: ["input"], parameters: ["depthwise.weight"] });
    const opsOf = (graph: Graph) => graph.nodes.map((n) => n.op);
    expect(opsOf(alone.folded.graph)).not.toEqual(opsOf(both.folded.graph)); // the flipped convolution
    const [a, b] = [alone, both].map((made) => run(made.folded.graph, { input, [made.seed]: seed }));
    const [one, other] = [(await a)[alone.gradients.input], (await b)[both.gradients.input]];
    expect(apart(one, other, 0)).toBeLessThan(1e-5);
  });
});

describe("against differences", () => {
  const { uniform } = rngOf("second order");
  const draw = (...dims: number[]): Float32Tensor =>
    float32(
      dims,
      Float32Array.from({ length: sizeOf(dims) }, () => uniform() - 0.5),
    );
  const nodes = [
    node("Conv", ["x", "w0", "b0"], ["c0"], {
      group: attr.int(2),
      strides: attr.ints([2, 1]),
      dilations: attr.ints([1, 2]),
      pads: attr.ints([2, 0, 1, 3]),
    }),
    node("BatchNormalization", ["c0", "scale", "shift", "mean", "variance"], ["n0"]),
    node("Gelu", ["n0"], ["g0"]),
    node("Conv", ["g0", "w1"], ["c1"], { group: attr.int(4), pads: attr.ints([1, 1, 1, 1]) }),
    node("Softplus", ["c1"], ["p1"]),
    node("ConvTranspose", ["p1", "w2"], ["c2"], {
      group: attr.int(2),
      strides: attr.ints([1, 2]),
      dilations: attr.ints([2, 1]),
      pads: attr.ints([0, 1, 2, 0]),
      output_padding: attr.ints([0, 1]),
    }),
    node("Tanh", ["c2"], ["maps"]),
    node("GlobalAveragePool", ["maps"], ["pooled"]),
    node("Flatten", ["pooled"], ["f"]),
    node("Gemm", ["f", "w3"], ["y"]),
  ];
  const weights: Readonly<Record<string, Float32Tensor>> = {
    w0: draw(4, 1, 3, 2),
    b0: draw(4),
    scale: draw(4),
    shift: draw(4),
    w1: draw(4, 1, 3, 3),
    w2: draw(4, 2, 3, 2),
    w3: draw(4, 3),
  };
  const statistics = {
    mean: float32([4], [0.1, -0.2, 0, 0.3]),
    variance: float32([4], [0.5, 1, 2, 0.7]),
  };
  const names = Object.keys(weights);
  const [x, seed, mask] = [draw(2, 2, 5, 5), draw(2, 3), draw(2, 4, 3, 13)];
  const given = (values: Readonly<Record<string, Float32Tensor>>): Graph => ({
    name: "small",
    opsets: { "": canonicalOpset },
    inputs: [{ name: "x", type: "float32", dims: ["batch", 2, 5, 5] }],
    outputs: [{ name: "y", type: "float32", dims: ["?"] }],
    nodes,
    initializers: new Map<string, Tensor>([...Object.entries(values), ...Object.entries(statistics)]),
  });
  const moved = (directions: Readonly<Record<string, Float32Tensor>>, h: number) =>
    Object.fromEntries(
      names.map((name) => {
        const { dims, data } = weights[name];
        return [
          name,
          float32(
            dims,
            data.map((v, i) => v + h * directions[name].data[i]),
          ),
        ];
      }),
    );

  const losses: Readonly<Record<string, (graph: Graph) => { loss: FoldedGraph; seed: string }>> = {
    "Σ seed ⊙ logits"(graph) {
      const inputs: ValueInfo[] = [{ name: "seed", type: "float32", dims: ["batch", 3] }];
      const parts = [node("Mul", ["y", "seed"], ["loss/scored"]), total("loss/scored", "loss")];
      return { loss: extended(graph, parts, { inputs }), seed: "seed" };
    },
    "penalty on the input gradient"(graph) {
      const once = backward(fold(graph, "batch"), { score: "y", wrt: ["x"], parameters: names });
      return { loss: extended(once.folded.graph, penaltyOf(once.gradients.x)), seed: once.seed };
    },
    "Grad-CAM in a mask"(graph) {
      const once = backward(fold(graph, "batch"), { score: "y", wrt: ["maps"], parameters: names });
      const parts = camLossOf("maps", once.gradients.maps).filter((n) => n.op !== "Relu");
      const smooth = parts.map((n) => ({
        ...n,
        inputs: n.inputs.map((i) => (i === "loss/cam" ? "loss/sum" : i)),
      }));
      const inputs: ValueInfo[] = [{ name: "mask", type: "float32", dims: ["batch", "?", "?"] }];
      const { shapes } = once.folded;
      inputs[0] = { ...inputs[0], dims: ["batch", ...shapes.get("maps")!.slice(2).map(Number)] };
      return {
        loss: extended(once.folded.graph, smooth, { inputs, initializers: camConstants }),
        seed: once.seed,
      };
    },
  };

  it.each(Object.entries(losses))(
    "%s",
    async (_, lossOf) => {
      const here = lossOf(given(weights));
      const made = backward(here.loss, { score: "loss", wrt: names });
      const maskInfo = here.loss.graph.inputs.find((i) => i.name === "mask");
      const cut = maskInfo && [2, ...maskInfo.dims.slice(1).map(Number)];
      const feeds: Feeds = {
        x,
        [here.seed]: seed,
        ...(cut && { mask: float32(cut, mask.data.slice(0, sizeOf(cut))) }),
      };
      const got = await run(made.folded.graph, { ...feeds, [made.seed]: float32([], [1]) });
      for (const name of names) {
        // one weight at a time, along a random direction; the others stay
        const directions = Object.fromEntries(
          names.map((n) => [
            n,
            n === name
              ? draw(...weights[n].dims)
              : float32(
                  weights[n].dims,
                  weights[n].data.map(() => 0),
                ),
          ]),
        );
        const lossAt = async (h: number) =>
          (await run(lossOf(given(moved(directions, h))).loss.graph, feeds)).loss[0];
        const slope = async (h: number) => ((await lossAt(h)) - (await lossAt(-h))) / (2 * h);
        const expected = (4 * (await slope(0.05)) - (await slope(0.1))) / 3;
        const along = got[made.gradients[name]].reduce((sum, g, i) => sum + g * directions[name].data[i], 0);
        const scale = Math.hypot(...got[made.gradients[name]]) * Math.hypot(...directions[name].data);
        expect(Math.abs(along - expected) / scale, name).toBeLessThan(2e-3);
      }
    },
    60_000,
  );
});

describe("what cannot be differentiated any more", () => {
  const value = (name: string, dims: readonly (number | string)[]): ValueInfo => ({
    name,
    type: "float32",
    dims,
  });
  const graphOf = (nodes: readonly Node[], initializers: Readonly<Record<string, Tensor>>): Graph => ({
    name: "test",
    opsets: { "": canonicalOpset },
    inputs: [value("x", ["batch", 1, 4, 4])],
    outputs: [value("y", ["?"])],
    nodes,
    initializers: new Map(Object.entries(initializers)),
  });
  const conv = fold(
    graphOf([node("Conv", ["x", "w"], ["c"]), node("Mul", ["c", "c"], ["y"])], {
      w: float32([1, 1, 2, 2], [1, 2, 3, 4]),
    }),
    "batch",
  );

  it("is a weight of which the first pass kept a flipped copy", () => {
    const once = backward(conv, { score: "y", wrt: ["x"] });
    const failure = caught(() => backward(once.folded, { score: once.gradients.x, wrt: ["w"] }));
    expect(failure.code).toBe("E_GRADIENT_FROZEN");
    expect(failure.message).toBe(
      "w cannot be differentiated any more: other constants were worked out from the values",
    );
    expect(failure.next).toContain("`parameters`");
    // also after the graph was extended, or when only announced
    const loss = extended(once.folded.graph, penaltyOf(once.gradients.x));
    expect(caught(() => backward(loss, { score: "loss", wrt: ["w"] })).code).toBe("E_GRADIENT_FROZEN");
    expect(caught(() => backward(loss, { score: "loss", wrt: ["x"], parameters: ["w"] })).code).toBe(
      "E_GRADIENT_FROZEN",
    );
    expect(caught(() => withParameters(once.folded.graph, ["w"])).code).toBe("E_GRADIENT_FROZEN");
    expect(() => backward(loss, { score: "loss", wrt: ["x"] })).not.toThrow();
  });

  it("is not one that the first pass was told of", () => {
    const once = backward(conv, { score: "y", wrt: ["x"], parameters: ["w"] });
    expect(() => backward(once.folded, { score: once.gradients.x, wrt: ["w"] })).not.toThrow();
    const asked = backward(conv, { score: "y", wrt: ["x", "w"] });
    expect(() => backward(asked.folded, { score: asked.gradients.x, wrt: ["w"] })).not.toThrow();
  });

  it("is a weight that folding used and kept", () => {
    const tied = graphOf(
      [
        node("Transpose", ["w"], ["wt"], { perm: attr.ints([1, 0]) }),
        node("MatMul", ["x", "w"], ["a"]),
        node("MatMul", ["a", "wt"], ["y"]),
      ],
      { w: float32([4, 4], new Array(16).fill(1)) },
    );
    const failure = caught(() => backward(fold(tied, "batch"), { score: "y", wrt: ["w"] }));
    expect(failure.code).toBe("E_GRADIENT_FROZEN");
    const free = fold(withParameters(tied, ["w"]), "batch");
    expect(() => backward(free, { score: "y", wrt: ["w"] })).not.toThrow();
  });

  it("is no exponent: named in wrt, a constant one has its gradient", async () => {
    const power = fold(graphOf([node("Pow", ["x", "p"], ["y"])], { p: float32([], [2]) }), "batch");
    const made = backward(power, { score: "y", wrt: ["p"] });
    const x = float32([1, 1, 4, 4], new Array(16).fill(Math.E));
    const results = await run(made.folded.graph, {
      x,
      [made.seed]: float32([1, 1, 4, 4], new Array(16).fill(1)),
    });
    expect(results[made.gradients.p][0]).toBeCloseTo(16 * Math.E ** 2, 2);
  });
});

describe("a formula that has one rule for several nodes", () => {
  /** y = x·σ(βx) with a β that is learned */
  const swish: Graph = {
    name: "swish",
    opsets: { "": canonicalOpset },
    inputs: [{ name: "x", type: "float32", dims: ["batch", 1] }],
    outputs: [{ name: "y", type: "float32", dims: ["?"] }],
    nodes: [
      node("Mul", ["x", "beta"], ["t"]),
      node("Sigmoid", ["t"], ["gate"]),
      node("Mul", ["x", "gate"], ["y"]),
    ],
    initializers: new Map([["beta", float32([], [1.5])]]),
  };
  const sigmoid = (v: number) => 1 / (1 + Math.exp(-v));
  const [at, beta] = [0.7, 1.5];
  const gate = sigmoid(beta * at);
  const x = float32([1, 1], [at]);
  const one = float32([1, 1], [1]);

  it("gives its constant a gradient, first and second order", async () => {
    const folded = fold(swish, "batch");
    const first = backward(folded, { score: "y", wrt: ["beta"] });
    const results = await run(first.folded.graph, { x, [first.seed]: one });
    expect(results[first.gradients.beta][0]).toBeCloseTo(at ** 2 * gate * (1 - gate), 5);
    const once = backward(folded, { score: "y", wrt: ["x"], parameters: ["beta"] });
    const twice = backward(once.folded, { score: once.gradients.x, wrt: ["beta"] });
    const found = await run(twice.folded.graph, { x, [once.seed]: one, [twice.seed]: one });
    // d/dβ of σ + βx σ(1 − σ)
    const slope = at * gate * (1 - gate) * (2 + beta * at * (1 - 2 * gate));
    expect(found[twice.gradients.beta][0]).toBeCloseTo(slope, 5);
  });

  it("does not hide it from a later pass", () => {
    const once = backward(fold(swish, "batch"), { score: "y", wrt: ["x"] });
    expect(caught(() => backward(once.folded, { score: once.gradients.x, wrt: ["beta"] })).code).toBe(
      "E_GRADIENT_FROZEN",
    );
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
