import { describe, expect, it } from "vitest";
import { analyticProbe, distance, noiseImage, reluNet, streams } from "../../test/analytic-probe.ts";
import { float32 } from "../onnx/tensor.ts";
import { attribute } from "./method.ts";
import { scoreCam, scoreWeights } from "./score-cam.ts";

const shape = { channels: 3, height: 5, width: 4 };
const net = reluNet(shape, "score");
const x = noiseImage(shape, "score");
const rng = streams("score");
const a = Array.from(net.cam!.activation(x.data), Math.fround);
const defaults = { channels: 0, weights: "increase", "align-corners": false, reference: "mean" } as const;

/** Where pixel `i` of `to` lies among 2 cells. */
const place = (i: number, to: number, aligned: boolean) =>
  aligned ? i / (to - 1) : Math.min(Math.max((2 * (i + 0.5)) / to - 0.5, 0), 1);

/** Of one channel: enlarged, scaled, and the image that shows only that. */
function masked(k: number, grey: number, aligned = false): Float32Array {
  const [p, q, r, s] = a.slice(4 * k, 4 * k + 4);
  const enlarged = Array.from({ length: 20 }, (_, at) => {
    const v = place(Math.floor(at / 4), 5, aligned);
    const u = place(at % 4, 4, aligned);
    return p * (1 - v) * (1 - u) + q * (1 - v) * u + r * v * (1 - u) + s * v * u;
  });
  const [low, high] = [Math.min(...enlarged), Math.max(...enlarged)];
  return x.data.map((pixel, at) => grey + ((enlarged[at % 20] - low) / (high - low)) * (pixel - grey));
}

const probability = (image: Float32Array, target = 0) => {
  const [one, two] = Array.from(net.logits(image));
  const p = 1 / (1 + Math.exp(two - one));
  return target === 0 ? p : 1 - p;
};

describe("score-cam", () => {
  it("weighs a channel by how far what it marks raises the probability", async () => {
    const nothing = probability(new Float32Array(60).fill(0.5));
    const weights = [0, 1].map((k) => probability(masked(k, 0.5)) - nothing);
    expect(distance(await scoreWeights(analyticProbe(net, x), defaults), weights)).toBeLessThan(1e-5);
    const { dims, data } = await attribute(scoreCam, analyticProbe(net, x), { rng, raw: true });
    expect(dims).toEqual([2, 2]);
    const wanted = [0, 1, 2, 3].map((i) => weights[0] * a[i] + weights[1] * a[4 + i]);
    expect(distance(data, wanted)).toBeLessThan(1e-5);
    expect(Math.max(...wanted.map(Math.abs))).toBeGreaterThan(1e-2);
  });

  it("by the softmax of logits with aligned corners on black, as pytorch-grad-cam", async () => {
    const logits = [0, 1].map((k) => Array.from(net.logits(masked(k, 0, true)))[1]);
    const [one, two] = logits.map((z) => Math.exp(z - Math.max(...logits)));
    const found = await scoreWeights(analyticProbe(net, x, 1), {
      channels: 0,
      weights: "softmax-logits",
      "align-corners": true,
      reference: "black",
    });
    expect(distance(found, [one / (one + two), two / (one + two)])).toBeLessThan(1e-5);
  });

  it("tries the channels of largest range; the others weigh nothing", async () => {
    const probe = analyticProbe(net, x);
    const all = await scoreWeights(analyticProbe(net, x), defaults);
    // the second has twice the values of the first
    expect([...(await scoreWeights(probe, { ...defaults, channels: 1 }))]).toEqual([0, all[1]]);
    expect(probe.model.passes).toEqual({ forwards: 3, backwards: 0 });
  });

  it("a constant channel marks nothing and has weight 0", async () => {
    const dull = { ...net, cam: { ...net.cam!, activation: () => [3, 3, 3, 3, ...a.slice(4)] } };
    const all = await scoreWeights(analyticProbe(net, x), defaults);
    expect([...(await scoreWeights(analyticProbe(dull, x), defaults))]).toEqual([0, all[1]]);
  });

  it("says what it costs on layers of any width", () => {
    const cost = (channels: number, weights: "increase" | "softmax-logits", there: number) =>
      scoreCam.cost(
        { channels, weights, "align-corners": false, reference: "mean" },
        { height: 5, width: 4, cam: { channels: there, rows: 2, columns: 2 } },
      );
    expect(cost(256, "increase", 2048)).toEqual({ forwards: 258, backwards: 0 });
    expect(cost(256, "increase", 48)).toEqual({ forwards: 50, backwards: 0 });
    expect(cost(0, "softmax-logits", 2048)).toEqual({ forwards: 2049, backwards: 0 });
  });

  it("is rectified at the image's size", async () => {
    const { dims, data } = await attribute(scoreCam, analyticProbe(net, x), { rng });
    expect(dims).toEqual([5, 4]);
    expect(Math.min(...data)).toBeGreaterThanOrEqual(0);
  });

  it("the image of the reference gives nothing to see", async () => {
    const grey = float32([3, 5, 4], new Float32Array(60).fill(0.5));
    const { data } = await attribute(scoreCam, analyticProbe(net, grey), { rng, raw: true });
    expect([...data].every((v) => v === 0)).toBe(true);
  });
});
