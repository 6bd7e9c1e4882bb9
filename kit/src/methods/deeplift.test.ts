import { describe, expect, it } from "vitest";
import { distance, streams } from "../../test/analytic-probe.ts";
import { layered, layeredWeights, pooledNet } from "../../test/rule-models.ts";
import { graphOf, picture, smallCnn, smallModel, smallVit, weight } from "../../test/small-models.ts";
import { createProbe, type Probe } from "../model/probe.ts";
import { attr, node } from "../onnx/graph.ts";
import { type Float32Tensor, float32 } from "../onnx/tensor.ts";
import { deeplift } from "./deeplift.ts";
import { inputXGradient } from "./input-x-gradient.ts";
import { attribute } from "./method.ts";
import { saliency } from "./saliency.ts";

const rng = streams("deeplift");
const raw = { preprocess: false } as const;
const sum = (values: Iterable<number>): number => [...values].reduce((a, b) => a + b, 0);

/** f(x) − f(r) */
async function difference(probe: Probe, r: Float32Tensor): Promise<number> {
  const [there] = await probe.scores(1, (_, out) => out.set(r.data));
  return (await probe.score()) - there;
}

const functions = {
  Relu: [node("Relu", ["a"], ["b"]), (t: number) => Math.max(0, t)],
  LeakyRelu: [
    node("LeakyRelu", ["a"], ["b"], { alpha: attr.float(0.2) }),
    (t: number) => Math.max(0.2 * t, t),
  ],
  Elu: [
    node("Elu", ["a"], ["b"], { alpha: attr.float(0.7) }),
    (t: number) => (t > 0 ? t : 0.7 * Math.expm1(t)),
  ],
  Sigmoid: [node("Sigmoid", ["a"], ["b"]), (t: number) => 1 / (1 + Math.exp(-t))],
  Tanh: [node("Tanh", ["a"], ["b"]), Math.tanh],
  Softplus: [node("Softplus", ["a"], ["b"]), (t: number) => Math.log1p(Math.exp(t))],
} as const;

const weights = layeredWeights();
const rows = ({ dims, data }: Float32Tensor): number[][] =>
  Array.from({ length: dims[0] }, (_, i) => Array.from(data.subarray(i * dims[1], (i + 1) * dims[1])));

/** The paper's chain of multipliers, unit by unit. */
function literal(x: Float32Tensor, r: Float32Tensor, target: number, f: (t: number) => number): number[] {
  const [w1, w2, v] = [weights.w1, weights.w2, weights.v].map(rows);
  const into = (w: number[][], b: Float32Tensor, from: ArrayLike<number>) =>
    w.map((row, u) => row.reduce((s, c, i) => s + c * from[i], b.data[u]));
  const rescaled = (m: number[], on: number[], off: number[]) =>
    m.map((g, u) => (g * (f(on[u]) - f(off[u]))) / (on[u] - off[u]));
  const back = (w: number[][], m: number[]) =>
    w[0].map((_, i) => w.reduce((s, row, u) => s + row[i] * m[u], 0));
  const [x1, r1] = [x, r].map(({ data }) => into(w1, weights.b1, data));
  const [x2, r2] = [x1, r1].map((from) => into(w2, weights.b2, from.map(f)));
  const m1 = back(w2, rescaled(v[target], x2, r2));
  return back(w1, rescaled(m1, x1, r1)).map((m, i) => m * (x.data[i] - r.data[i]));
}

describe("deeplift", () => {
  it.each(Object.entries(functions))(
    "is the literal chain of multipliers through %s",
    async (_, [made, f]) => {
      const graph = layered((from, to) => ({ ...made, inputs: [from], outputs: [to] }));
      // on both sides of 0, so that units open and close
      const x = weight("deeplift x", 1, 2, 3);
      const baseline = weight("deeplift r", 1, 2, 3);
      for (const target of [0, 1, 2]) {
        const probe = createProbe({ model: smallModel(graph, raw), x, target });
        const { dims, data } = await attribute(deeplift, probe, { given: { baseline }, rng });
        expect(dims).toEqual([1, 2, 3]);
        const expected = literal(x, baseline, target, f);
        expect(distance(data, expected)).toBeLessThan(2e-5);
        expect(Math.abs(sum(data) - (await difference(probe, baseline)))).toBeLessThan(2e-5);
        // the gradient in its place is something else
        const slopes = await attribute(saliency, probe, { rng });
        const product = slopes.data.map((g, i) => g * (x.data[i] - baseline.data[i]));
        expect(distance(product, expected)).toBeGreaterThan(1e-3);
      }
    },
  );

  it.each(["mean", "black", "blur"] as const)(
    "sums to f(x) − f(r) through ReLUs and overlapping maxima, r %s",
    async (reference) => {
      const model = smallModel(pooledNet());
      for (const [target, name] of ["a", "b", "c", "a"].entries()) {
        const probe = createProbe({ model, x: picture(name, 2, 8, 9), target: target % 3 });
        const { data } = await attribute(deeplift, probe, { params: { reference }, rng });
        const wanted = await difference(probe, probe.reference(reference));
        expect(Math.abs(sum(data) - wanted)).toBeLessThan(1e-4 * Math.max(1, Math.abs(wanted)));
      }
    },
  );

  it("hands a maximum's difference to where the larger one is, the image's or the reference's", async () => {
    const graph = graphOf(
      ["N", 1, 2, 2],
      [
        node("MaxPool", ["x"], ["m"], { kernel_shape: attr.ints([1, 2]) }),
        node("Flatten", ["m"], ["flat"]),
        node("Gemm", ["flat", "v"], ["y"]),
      ],
      { v: float32([2, 2], [2, 1, 5, 1]) },
    );
    // first row: 3 against 2, at 3's place; second: 1 against 4, at 4's
    const x = float32([1, 2, 2], [3, 1, 1, 0]);
    const baseline = float32([1, 2, 2], [0, 2, 0, 4]);
    for (const provider of ["wasm", "webgpu"] as const) {
      const probe = createProbe({ model: smallModel(graph, raw, { provider }), x, target: 0 });
      const given = { baseline };
      expect(distance((await attribute(deeplift, probe, { given, rng })).data, [2, 0, 0, -15])).toBe(0);
      // Captum's way behind a ReLU: the image's maximum alone, which adds up to 11 in place of −13
      const params = { pooling: "gradient" };
      const alone = await attribute(deeplift, probe, { given, params, rng });
      expect(distance(alone.data, [6, 0, 5, 0])).toBe(0);
      expect(await difference(probe, baseline)).toBe(-13);
    }
  });

  it("is the same by Indices and by comparing", async () => {
    const x = picture("ways", 2, 8, 9);
    const baseline = picture("ways reference", 2, 8, 9);
    const [byIndices, byMask] = await Promise.all(
      (["wasm", "webgpu"] as const).map(async (provider) => {
        const probe = createProbe({ model: smallModel(pooledNet(), {}, { provider }), x, target: 1 });
        return (await attribute(deeplift, probe, { given: { baseline }, rng })).data;
      }),
    );
    expect(distance(byIndices, byMask)).toBeLessThan(1e-5);
  });

  it("is w ⊙ (x − r) on a linear model", async () => {
    const cnn = smallCnn();
    const linear = {
      ...cnn,
      nodes: cnn.nodes.map((n) => (n.op === "Relu" ? { ...n, op: "Identity" } : n)),
    };
    const probe = createProbe({ model: smallModel(linear), x: picture("linear", 3, 6, 8), target: 2 });
    const [ours, product] = await Promise.all(
      [deeplift, inputXGradient].map((method) => attribute(method, probe, { rng })),
    );
    expect(distance(ours.data, product.data)).toBeLessThan(1e-6);
  });

  it("falls back to the derivative where a unit's input is the reference's", async () => {
    const graph = graphOf(
      ["N", 1, 1, 2],
      [
        node("Flatten", ["x"], ["flat"]),
        node("Gemm", ["flat", "w"], ["a"]),
        node("Relu", ["a"], ["b"]),
        node("Gemm", ["b", "v"], ["y"]),
      ],
      { w: float32([2, 1], [1, 1]), v: float32([1, 2], [3, 1]) },
    );
    const probe = createProbe({
      model: smallModel(graph, raw),
      x: float32([1, 1, 2], [0.75, 0.5]),
      target: 0,
    });
    const baseline = float32([1, 1, 2], [0.5, 0.75]);
    expect(Array.from((await attribute(deeplift, probe, { given: { baseline }, rng })).data)).toEqual([
      0.75, -0.75,
    ]);
  });

  it("gives 0 for an image that is its reference, and runs with a fixed batch", async () => {
    const x = picture("same", 3, 6, 8);
    const model = smallModel(smallCnn({ batch: 2, head: "reshape" }));
    const probe = createProbe({ model, x, target: 0 });
    expect(
      (await attribute(deeplift, probe, { given: { baseline: x }, rng })).data.every((v) => v === 0),
    ).toBe(true);
    const { data } = await attribute(deeplift, probe, { rng });
    expect(Math.abs(sum(data) - (await difference(probe, probe.reference("mean"))))).toBeLessThan(1e-4);
  });

  it("takes two forward passes and one back, on a randomised copy too", async () => {
    const model = smallModel(pooledNet(), raw);
    const probe = createProbe({ model, x: picture("a", 2, 8, 9), target: 1 });
    const first = await attribute(deeplift, probe, { rng });
    expect(model.passes).toEqual({ forwards: 2, backwards: 1 });
    const other = probe.under(model.randomised("a", rng("weights")));
    const second = await attribute(deeplift, other, { rng });
    expect(distance(first.data, second.data)).toBeGreaterThan(0.01);
    const wanted = await difference(other, other.reference("mean"));
    expect(Math.abs(sum(second.data) - wanted)).toBeLessThan(1e-4 * Math.max(1, Math.abs(wanted)));
  });

  it("refuses products of activations, softmax and normalisations by name", async () => {
    const vit = smallModel(smallVit());
    const details = [
      "LayerNormalization: 3 nodes, first norm0",
      "MatMul (of two activations): 4 nodes, first scores0",
      "Softmax: 2 nodes, first attention0",
    ];
    expect(deeplift.refuses?.(vit)).toBe(`no rule for ${details.join("; ")}`);
    const probe = createProbe({ model: vit, x: picture("vit", 3, 4, 6), target: 0 });
    await expect(attribute(deeplift, probe, { rng })).rejects.toMatchObject({ code: "E_NO_RULE", details });
    const gated = graphOf(
      ["N", 1, 2, 3],
      [
        node("Flatten", ["x"], ["flat"]),
        node("Sigmoid", ["flat"], ["gate"]),
        node("Mul", ["flat", "gate"], ["open"], {}, "product"),
        node("Gelu", ["open"], ["bent"], {}, "act"),
        node("Gemm", ["bent", "v"], ["y"]),
      ],
      { v: weight("gated", 6, 3) },
    );
    expect(deeplift.refuses?.(smallModel(gated))).toBe(
      "no rule for Gelu: 1 node, first act; Mul (of two activations): 1 node, first product",
    );
    expect(deeplift.refuses?.(smallModel(pooledNet()))).toBeUndefined();
  });

  it("refuses a baseline of other dims", async () => {
    const probe = createProbe({ model: smallModel(pooledNet()), x: picture("a", 2, 8, 9), target: 1 });
    await expect(
      attribute(deeplift, probe, { given: { baseline: picture("b", 2, 9, 8) }, rng }),
    ).rejects.toMatchObject({ code: "E_INPUT" });
  });
});
