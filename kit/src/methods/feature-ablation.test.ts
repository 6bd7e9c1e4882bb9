import { describe, expect, it } from "vitest";
import {
  analyticProbe,
  distance,
  dot,
  linear,
  noiseImage,
  normalTensor,
  reluNet,
  streams,
} from "../../test/analytic-probe.ts";
import { featureAblation } from "./feature-ablation.ts";
import { attribute } from "./method.ts";

const rng = streams("ablation");
const shape = { channels: 2, height: 5, width: 3 };
const x = noiseImage(shape, "ablation");

describe("feature-ablation", () => {
  it("is f(x) − f(x with one cell grey), for each cell", async () => {
    const net = reluNet(shape, "ablation");
    const f = (image: Float32Array) => Number(net.logits(image)[1]);
    const want = [0, 1, 2].flatMap((row) =>
      [0, 1, 2].map((column) => {
        const hidden = x.data.map((v, at) => {
          const [i, j] = [Math.floor((at % 15) / 3), at % 3];
          return Math.floor((3 * i) / 5) === row && j === column ? 0.5 : v;
        });
        return f(x.data) - f(hidden);
      }),
    );
    const { data } = await attribute(featureAblation, analyticProbe(net, x, 1), {
      rng,
      params: { grid: 3 },
      raw: true,
    });
    expect(distance(data, want)).toBeLessThan(1e-5);
  });

  it("is Σ w (x − r) over each cell of a linear model: with cells of a pixel, its channels' mean", async () => {
    const w = normalTensor([30], "w").data;
    const { data } = await attribute(featureAblation, analyticProbe(linear(shape, [w]), x), {
      rng,
      params: { grid: 32, reference: "black" },
    });
    const want = Float32Array.from(
      x.data,
      (_, i) => (w[i % 15] * x.data[i % 15] + w[15 + (i % 15)] * x.data[15 + (i % 15)]) / 2,
    );
    expect(distance(data, want)).toBeLessThan(2e-6);
    expect(data.reduce((a, b) => a + b)).toBeCloseTo(dot(w, x.data), 4);
  });

  it("asks once for each cell and once for the image", () => {
    const cost = (grid: number, height: number, width: number) =>
      featureAblation.cost({ grid }, { height, width }).forwards;
    expect(cost(7, 224, 224)).toBe(50);
    expect(cost(7, 5, 9)).toBe(36);
    expect(cost(1, 5, 9)).toBe(2);
  });
});
