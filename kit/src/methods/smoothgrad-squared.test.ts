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
import { smoothgrad } from "./smoothgrad.ts";
import { smoothgradSquared } from "./smoothgrad-squared.ts";

const shape = { channels: 2, height: 3, width: 5 };
const x = noiseImage(shape, "squared");
const rng = streams("squared");
const net = reluNet(shape, "squared");
type Options = Partial<Parameters<typeof attribute>[2]>;
const run = (options: Options = {}, model = net) =>
  attribute(smoothgradSquared, analyticProbe(model, x), { rng, ...options });

describe("smoothgrad-squared", () => {
  it("is the square of the gradient of a linear model, whatever the noise", async () => {
    const w = normalTensor([30], "w").data;
    const squares = w.map((v) => v * v);
    expect(distance((await run({ params: { sigma: 3 } }, linear(shape, [w]))).data, squares)).toBeLessThan(
      1e-5,
    );
  });

  it("is the mean of squared gradients at x + supplied noise, N in place of draws", async () => {
    const noise = normalTensor([4, 2, 3, 5], "noise", 0.4);
    const want = new Float64Array(30);
    for (let k = 0; k < 4; k++) {
      const g = Array.from(
        net.gradient!(
          x.data.map((v, i) => v + noise.data[30 * k + i]),
          0,
        ),
      );
      for (let i = 0; i < 30; i++) want[i] += (g[i] * g[i]) / 4;
    }
    expect(distance((await run({ params: { draws: 9 }, given: { noise } })).data, want)).toBeLessThan(1e-5);
  });

  it("has the noise of smoothgrad, and is no less than its square", async () => {
    const [squared, mean] = await Promise.all([run(), attribute(smoothgrad, analyticProbe(net, x), { rng })]);
    const [own, theirs] = await Promise.all([
      run({ params: { sigma: 0 } }),
      attribute(smoothgrad, analyticProbe(net, x), { rng, params: { sigma: 0 } }),
    ]);
    // Jensen, draw by draw the same points
    for (const [i, v] of squared.data.entries()) expect(v).toBeGreaterThanOrEqual(mean.data[i] ** 2 - 1e-6);
    expect(
      distance(
        own.data,
        theirs.data.map((v) => v * v),
      ),
    ).toBeLessThan(1e-5);
    const twin = await attribute(smoothgrad, analyticProbe(net, x), { rng, params: { squared: true } });
    expect(distance(squared.data, twin.data)).toBeLessThan(1e-6);
  });
});
