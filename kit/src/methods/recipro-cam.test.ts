import { describe, expect, it } from "vitest";
import { analyticProbe, distance, noiseImage, reluNet, streams } from "../../test/analytic-probe.ts";
import { graphOf, picture, smallCnn, smallModel, smallVit, weight } from "../../test/small-models.ts";
import { createProbe } from "../model/probe.ts";
import { fromLayer } from "../model/programs.ts";
import { attr, node } from "../onnx/graph.ts";
import { activated } from "./cam.ts";
import { attribute } from "./method.ts";
import { reciproCam } from "./recipro-cam.ts";

const rng = streams("recipro");
const image = picture("recipro", 3, 6, 8);
const [v, a] = [weight("v", 5, 4).data, weight("a", 4).data];
const target = 2;
const cnn = () => createProbe({ model: smallModel(smallCnn()), x: image, target });

/** Logits of the small CNN whose layer holds `share(cell)` of its activation: the mean over cells, then a linear layer. */
function logitsWith(activation: Float32Array, share: (cell: number) => number): number[] {
  const mean = [0, 1, 2, 3, 4].map((k) => {
    let sum = 0;
    for (let i = 0; i < 48; i++) sum += share(i) * activation[48 * k + i];
    return sum / 48;
  });
  return [0, 1, 2, 3].map((t) => mean.reduce((s, m, k) => s + m * v[4 * k + t], a[t]));
}

const softmax = (logits: readonly number[]) => {
  const powers = logits.map((z) => Math.exp(z));
  return powers.map((e) => e / powers.reduce((s, p) => s + p));
};

describe("recipro-cam", () => {
  it("is the probability with one cell alone", async () => {
    const { activation } = await activated(cnn());
    const wanted = Array.from(
      { length: 48 },
      (_, cell) => softmax(logitsWith(activation, (i) => (i === cell ? 1 : 0)))[target],
    );
    const probe = cnn();
    const { dims, data } = await attribute(reciproCam, probe, { rng, raw: true });
    expect(dims).toEqual([6, 8]);
    expect(distance(data, wanted)).toBeLessThan(1e-6);
    expect(Math.max(...wanted) - Math.min(...wanted)).toBeGreaterThan(1e-3);
    expect(probe.model.passes).toEqual({ forwards: 49, backwards: 0 });
    const [low, high] = [Math.min(...wanted), Math.max(...wanted)];
    const shown = await attribute(reciproCam, cnn(), { rng });
    expect(shown.dims).toEqual([6, 8]);
    // the layer is as large as the image
    expect(
      distance(
        shown.data,
        wanted.map((p) => (p - low) / (high - low)),
      ),
    ).toBeLessThan(1e-4);
  });

  it("or the logit, or a Gaussian neighbourhood that is cut at the border", async () => {
    const { activation } = await activated(cnn());
    const kernel = [
      [1, 2, 1],
      [2, 4, 2],
      [1, 2, 1],
    ];
    const wanted = Array.from({ length: 48 }, (_, cell) => {
      const [row, column] = [Math.floor(cell / 8), cell % 8];
      const share = (i: number) => (kernel[Math.floor(i / 8) - row + 1]?.[(i % 8) - column + 1] ?? 0) / 16;
      return logitsWith(activation, share)[target];
    });
    const params = { mask: "gaussian", score: "logit" };
    const { data } = await attribute(reciproCam, cnn(), { rng, raw: true, params });
    expect(distance(data, wanted)).toBeLessThan(1e-5);
  });

  it.each([1, 3])("keeps all %i class and register tokens of a transformer as they are", async (extra) => {
    const model = smallModel(smallVit({ extra }));
    const x = picture("recipro tokens", 3, 4, 6);
    const probe = createProbe({ model, x, target: 0 });
    const { whole, beside } = await activated(probe);
    const wanted: number[] = [];
    await model.run(
      fromLayer,
      6,
      (cell, feeds) => {
        feeds["beside 0"].set(beside[0]);
        const kept = 4 * extra;
        feeds.activation.set(whole.subarray(0, kept));
        const one = kept + 4 * cell;
        feeds.activation.set(whole.subarray(one, one + 4), one);
      },
      (cell, [logits]) => {
        wanted[cell] = softmax(Array.from(logits))[0];
      },
    );
    const { dims, data } = await attribute(reciproCam, probe, { rng, raw: true });
    expect(dims).toEqual([2, 3]);
    expect(distance(data, wanted)).toBeLessThan(1e-6);
    expect(reciproCam.refuses?.(model)).toBeUndefined();
  });

  it("refuses a layer that is passed by, naming where, unless class tokens are read", () => {
    const graph = graphOf(
      ["N", 3, 4, 5],
      [
        node("Conv", ["x", "w"], ["c"], { pads: attr.ints([1, 1, 1, 1]) }),
        node("Conv", ["c", "u"], ["inner"]),
        node("Add", ["inner", "c"], ["sum"]),
        node("GlobalAveragePool", ["sum"], ["p"]),
        node("Flatten", ["p"], ["f"]),
        node("MatMul", ["f", "v"], ["y"]),
      ],
      { w: weight("w", 4, 3, 3, 3), u: weight("u", 4, 4, 1, 1), v: weight("v", 4, 3) },
    );
    const why = (card = {}) => reciproCam.refuses?.(smallModel(graph, { card }));
    expect(why({ camLayer: "inner" })).toBe(
      'the image passes layer "inner" by (Add sum), so that one cell cannot be looked at alone',
    );
    expect(why()).toBeUndefined();
    expect(reciproCam.refuses?.(smallModel(smallCnn()))).toBeUndefined();
    expect(reciproCam.refuses?.(smallModel(smallVit({ extra: 0 })))).toBeUndefined();
  });

  it("is all 0 where every cell gives the same", async () => {
    const shape = { channels: 1, height: 4, width: 4 };
    const net = reluNet(shape, "recipro");
    const blind = { ...net, cam: { ...net.cam!, head: () => [1, 2] } };
    const { data } = await attribute(reciproCam, analyticProbe(blind, noiseImage(shape, "recipro")), { rng });
    expect([...data].every((p) => p === 0)).toBe(true);
  });
});
