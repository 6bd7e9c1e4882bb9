import { describe, expect, it } from "vitest";
import { analyticProbe, distance, linear, noiseImage, reluNet, streams } from "../../test/analytic-probe.ts";
import { logitsOf, picture, smallCnn, smallModel, smallVit, weight } from "../../test/small-models.ts";
import { createProbe } from "../model/probe.ts";
import { float32 } from "../onnx/tensor.ts";
import { ablationCam, ablationWeights } from "./ablation-cam.ts";
import { activated } from "./cam.ts";
import { attribute } from "./method.ts";

const rng = streams("ablation");
const image = picture("ablation", 3, 6, 8);
const [v, a] = [weight("v", 5, 4).data, weight("a", 4).data];
const all = { channels: 0, divisor: "score" } as const;

/** Behind the layer of the small CNN: f = Σ_k v_k · mean(A_k) + a, so that without channel k its term is missing. */
async function terms(target: number) {
  const probe = createProbe({ model: smallModel(smallCnn()), x: image, target });
  const { activation } = await activated(probe);
  const each = [0, 1, 2, 3, 4].map(
    (k) => v[4 * k + target] * activation.subarray(48 * k, 48 * (k + 1)).reduce((s, e) => s + e / 48, 0),
  );
  return { probe, activation, each, f: each.reduce((s, e) => s + e, a[target]) };
}

describe("ablation-cam", () => {
  it("weighs a channel by the share of the score that goes with it", async () => {
    for (const target of [0, 1, 2, 3]) {
      const { probe, activation, each, f } = await terms(target);
      const weights = each.map((e) => e / f);
      expect(distance(await ablationWeights(probe, all), weights)).toBeLessThan(1e-4);
      const { dims, data } = await attribute(ablationCam, probe, { rng, raw: true });
      expect(dims).toEqual([6, 8]);
      const wanted = Array.from({ length: 48 }, (_, i) =>
        weights.reduce((s, w, k) => s + w * activation[48 * k + i], 0),
      );
      expect(distance(data, wanted)).toBeLessThan(1e-3);
    }
  });

  it("is turned around where the score is negative, unless divided by |f|", async () => {
    const found = await Promise.all([0, 1, 2, 3].map(terms));
    const negative = found.find(({ f }) => f < 0)!;
    const byScore = await ablationWeights(negative.probe, all);
    const byAbsolute = await ablationWeights(negative.probe, { ...all, divisor: "absolute-score" });
    expect([...byAbsolute]).toEqual([...byScore].map((w) => -w));
    const positive = found.find(({ f }) => f > 0)!;
    const same = await ablationWeights(positive.probe, { ...all, divisor: "absolute-score" });
    expect(same).toEqual(await ablationWeights(positive.probe, all));
  });

  it("empties class tokens too, and leaves the rest of a transformer alone", async () => {
    const model = smallModel(smallVit());
    const x = picture("ablation tokens", 3, 4, 6);
    const probe = createProbe({ model, x, target: 1 });
    const [logits] = await logitsOf(model, [x]);
    const found = await ablationWeights(probe, all);
    // a normalised token without channel k is one whose scale and shift are 0 there: of the last block's alone
    const graph = smallVit();
    for (const k of [0, 1, 2, 3]) {
      const without = (name: string) =>
        float32(
          [4],
          weight(name, 4).data.map((e, i) => (i === k ? 0 : e)),
        );
      const cut = smallModel({
        ...graph,
        nodes: graph.nodes.map((n) =>
          n.outputs[0] === "norm1" ? { ...n, inputs: [n.inputs[0], "own scale", "own shift"] } : n,
        ),
        initializers: new Map([
          ...graph.initializers,
          ["own scale", without("scale")],
          ["own shift", without("shift")],
        ]),
      });
      const [after] = await logitsOf(cut, [x]);
      expect(found[k]).toBeCloseTo((logits[1] - after[1]) / logits[1], 4);
    }
    expect(Math.max(...found.map(Math.abs))).toBeGreaterThan(1e-2);
  });

  it("tries some channels only, if told: those of the largest range", async () => {
    const { probe, activation } = await terms(0);
    const every = await ablationWeights(probe, all);
    const some = await ablationWeights(probe, { ...all, channels: 2 });
    const range = [0, 1, 2, 3, 4].map((k) => {
      const channel = activation.subarray(48 * k, 48 * (k + 1));
      return Math.max(...channel) - Math.min(...channel);
    });
    const kept = [...range.keys()].sort((p, q) => range[q] - range[p]).slice(0, 2);
    expect([...some]).toEqual([...every].map((w, k) => (kept.includes(k) ? w : 0)));
  });

  it("says what it costs on layers of any width", () => {
    const cost = (channels: number) =>
      ablationCam.cost(
        { channels, divisor: "score" },
        { height: 6, width: 8, cam: { channels: 48, rows: 6, columns: 8 } },
      );
    expect([0, 7, 100].map((channels) => cost(channels).forwards)).toEqual([49, 8, 49]);
  });

  it("gives the fall itself where the score is exactly 0", async () => {
    const shape = { channels: 1, height: 4, width: 4 };
    const x = noiseImage(shape, "ablation");
    const { cam } = reluNet(shape, "ablation");
    const zero = { ...linear(shape, [new Float32Array(16)]), cam: { ...cam!, head: () => [-0.5] } };
    expect([...(await ablationWeights(analyticProbe(zero, x), all))]).toEqual([0.5, 0.5]);
  });

  it("is rectified at the image's size", async () => {
    const { probe } = await terms(0);
    const { dims, data } = await attribute(ablationCam, probe, { rng });
    expect(dims).toEqual([6, 8]);
    expect(Math.min(...data)).toBeGreaterThanOrEqual(0);
  });
});
