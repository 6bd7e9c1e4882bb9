import { describe, expect, it } from "vitest";
import {
  analyticProbe,
  distance,
  linear,
  noiseImage,
  normalTensor,
  reluNet,
  streams,
} from "../../test/analytic-probe.ts";
import { attribute } from "./method.ts";
import { vargrad } from "./vargrad.ts";

const shape = { channels: 2, height: 3, width: 5 };
const x = noiseImage(shape, "vargrad");
const rng = streams("vargrad");
const net = reluNet(shape, "vargrad");
type Options = Partial<Parameters<typeof attribute>[2]>;
const run = (options: Options = {}, model = net) =>
  attribute(vargrad, analyticProbe(model, x), { rng, ...options });

describe("vargrad", () => {
  it("is 0 on a linear model, without noise and with a single draw", async () => {
    const nothing = new Float32Array(30);
    expect((await run({}, linear(shape, [normalTensor([30], "w").data]))).data).toEqual(nothing);
    expect((await run({ params: { sigma: 0 } })).data).toEqual(nothing);
    expect((await run({ params: { draws: 1 } })).data).toEqual(nothing);
  });

  it("is the mean squared distance of gradients at x + supplied noise from their mean", async () => {
    const noise = normalTensor([5, 2, 3, 5], "noise", 0.4);
    const gradients = Array.from({ length: 5 }, (_, k) =>
      Array.from(
        net.gradient!(
          x.data.map((v, i) => v + noise.data[30 * k + i]),
          0,
        ),
      ),
    );
    const want = Array.from({ length: 30 }, (_, i) => {
      const mean = gradients.reduce((s, g) => s + g[i] / 5, 0);
      return gradients.reduce((s, g) => s + (g[i] - mean) ** 2 / 5, 0);
    });
    expect(Math.max(...want)).toBeGreaterThan(0.01);
    expect(distance((await run({ params: { draws: 9 }, given: { noise } })).data, want)).toBeLessThan(1e-5);
  });

  it("keeps a small variance of large gradients", async () => {
    // f = 10⁴ x + x²/2 per pixel: the gradient is 10⁴ + x, its variance that of the noise
    const steep = { ...net, gradient: (point: Float32Array) => point.map((v) => 1e4 + v) };
    const noise = normalTensor([8, 2, 3, 5], "small", 0.5);
    const { data } = await run({ given: { noise } }, steep);
    for (let i = 0; i < 30; i++) {
      const own = Array.from({ length: 8 }, (_, k) => noise.data[30 * k + i]);
      const mean = own.reduce((s, v) => s + v / 8, 0);
      expect(data[i]).toBeCloseTo(
        own.reduce((s, v) => s + (v - mean) ** 2 / 8, 0),
        2,
      );
    }
  });
});
