import { describe, expect, it } from "vitest";
import { distance, streams } from "../../test/analytic-probe.ts";
import { captumImage, captumNet, layered, layeredWeights, pooledNet } from "../../test/rule-models.ts";
import { graphOf, picture, smallModel, smallVit, weight } from "../../test/small-models.ts";
import { createProbe } from "../model/probe.ts";
import { node } from "../onnx/graph.ts";
import type { Float32Tensor } from "../onnx/tensor.ts";
import { deconvolution } from "./deconvolution.ts";
import { guidedBackprop } from "./guided-backprop.ts";
import { attribute, type Method } from "./method.ts";
import { saliency } from "./saliency.ts";

const rng = streams("guided");
const rows = ({ dims, data }: Float32Tensor): number[][] =>
  Array.from({ length: dims[0] }, (_, i) => Array.from(data.subarray(i * dims[1], (i + 1) * dims[1])));

const netOfReLUs = layered((from, to) => node("Relu", [from], [to]));
const weights = layeredWeights();

/** Both papers' backward passes, unit by unit. */
function literal(x: Float32Tensor, target: number, passes: (g: number, a: number) => number): number[] {
  const [w1, w2, v] = [weights.w1, weights.w2, weights.v].map(rows);
  const layer = (w: number[][], b: Float32Tensor, from: number[]) =>
    w.map((row, u) =>
      Math.max(
        0,
        row.reduce((s, c, i) => s + c * from[i], b.data[u]),
      ),
    );
  const back = (w: number[][], g: number[]) =>
    w[0].map((_, i) => w.reduce((s, row, u) => s + row[i] * g[u], 0));
  const a1 = layer(w1, weights.b1, Array.from(x.data));
  const a2 = layer(w2, weights.b2, a1);
  const g2 = v[target].map((g, u) => passes(g, a2[u]));
  const g1 = back(w2, g2).map((g, u) => passes(g, a1[u]));
  return back(w1, g1);
}

describe.each([
  ["guided-backprop", guidedBackprop, (g: number, a: number) => (g > 0 && a > 0 ? g : 0)],
  ["deconvolution", deconvolution, (g: number) => (g > 0 ? g : 0)],
] as const)("%s", (id, method: Method, passes) => {
  it.each([0, 1, 2])("is the paper's rule, unit by unit (class %i)", async (target) => {
    const x = picture("guided", 1, 2, 3);
    const probe = createProbe({ model: smallModel(netOfReLUs, { preprocess: false }), x, target });
    const { dims, data } = await attribute(method, probe, { rng });
    expect(dims).toEqual([1, 2, 3]);
    const expected = literal(x, target, passes);
    expect(Math.max(...expected.map(Math.abs))).toBeGreaterThan(0.1);
    expect(distance(data, expected)).toBeLessThan(1e-5);
    // and no gradient
    expect(distance((await attribute(saliency, probe, { rng })).data, expected)).toBeGreaterThan(0.1);
  });

  it("gives the numbers of Captum's test", async () => {
    const probe = createProbe({
      model: smallModel(captumNet(), { preprocess: false }),
      x: captumImage,
      target: 0,
    });
    expect(await probe.score()).toBe(54);
    const expected = {
      "guided-backprop": [0, 1, 1, 1, 1, 3, 3, 2, 1, 3, 3, 2, 1, 2, 2, 1],
      deconvolution: [2, 3, 3, 1, 3, 5, 5, 2, 3, 5, 5, 2, 1, 2, 2, 1],
    }[id];
    expect(Array.from((await attribute(method, probe, { rng })).data)).toEqual(expected);
  });

  it("passes a maximum to where it came from, by Indices or by comparing", async () => {
    const x = picture("guided pooled", 2, 8, 9);
    const [byIndices, byMask] = await Promise.all(
      (["wasm", "webgpu"] as const).map(async (provider) => {
        const model = smallModel(pooledNet(), { preprocess: false }, { provider });
        return (await attribute(method, createProbe({ model, x, target: 1 }), { rng })).data;
      }),
    );
    expect(byIndices.some((v) => v !== 0)).toBe(true);
    expect(distance(byIndices, byMask)).toBeLessThan(1e-5);
  });

  it("is one pass of the model, and of its randomised copy", async () => {
    const model = smallModel(netOfReLUs, { preprocess: false });
    const probe = createProbe({ model, x: picture("guided", 1, 2, 3), target: 1 });
    const first = await attribute(method, probe, { rng });
    expect(await attribute(method, probe, { rng })).toEqual(first);
    expect(model.passes).toEqual({ forwards: 1, backwards: 1 });
    const other = probe.under(model.randomised("a", rng("weights")));
    expect(distance((await attribute(method, other, { rng })).data, first.data)).toBeGreaterThan(0.01);
  });

  it("refuses other activations by name, count and first node", async () => {
    expect(method.refuses?.(smallModel(netOfReLUs))).toBeUndefined();
    const leaky = smallModel(layered((from, to) => node("LeakyRelu", [from], [to], {}, `act ${to}`)));
    expect(method.refuses?.(leaky)).toBe("no rule for LeakyRelu: 2 nodes, first act out1");
    const vit = smallModel(smallVit());
    expect(method.refuses?.(vit)).toBe(
      "no rule for LayerNormalization: 3 nodes, first norm0; MatMul (of two activations): 4 nodes, first scores0; Softmax: 2 nodes, first attention0",
    );
    const x = picture("vit", 3, 4, 6);
    await expect(attribute(method, createProbe({ model: vit, x, target: 0 }), { rng })).rejects.toMatchObject(
      {
        code: "E_NO_RULE",
        details: [
          "LayerNormalization: 3 nodes, first norm0",
          "MatMul (of two activations): 4 nodes, first scores0",
          "Softmax: 2 nodes, first attention0",
        ],
      },
    );
  });

  it("looks only at what lies between image and score", () => {
    const graph = graphOf(
      ["N", 1, 2, 3],
      [
        node("Sigmoid", ["w"], ["open"]),
        node("Flatten", ["x"], ["flat"]),
        node("MatMul", ["flat", "open"], ["y"]),
        node("Tanh", ["flat"], ["aside"]),
      ],
      { w: weight("between", 6, 3) },
    );
    expect(method.refuses?.(smallModel(graph))).toBeUndefined();
  });
});

describe("deconvolution", () => {
  it("is the same for every image without a max-pooling", async () => {
    const model = smallModel(netOfReLUs, { preprocess: false });
    const [one, two] = await Promise.all(
      ["one", "two"].map((name) =>
        attribute(deconvolution, createProbe({ model, x: picture(name, 1, 2, 3), target: 0 }), { rng }),
      ),
    );
    expect(one.data).toEqual(two.data);
  });
});
