import { describe, expect, it } from "vitest";
import {
  type Analytic,
  analyticProbe,
  distance,
  noiseImage,
  reluNet,
  streams,
} from "../../test/analytic-probe.ts";
import { attribute } from "./method.ts";
import { xgradCam } from "./xgrad-cam.ts";

const shape = { channels: 1, height: 5, width: 3 };
const net = reluNet(shape, "xgrad");
const x = noiseImage(shape, "xgrad");
const rng = streams("xgrad");
const raw = async (formula: Analytic) =>
  (await attribute(xgradCam, analyticProbe(formula, x), { rng, raw: true })).data;

describe("xgrad-cam", () => {
  it("weighs a channel by its gradient, averaged by where it is active", async () => {
    const a = Array.from(net.cam!.activation(x.data));
    const g = Array.from(net.cam!.gradient(x.data, 0));
    const weights = [0, 4].map((from) => {
      const all = [0, 1, 2, 3].reduce((s, i) => s + a[from + i], 0);
      return [0, 1, 2, 3].reduce((s, i) => s + (a[from + i] / all) * g[from + i], 0);
    });
    const wanted = [0, 1, 2, 3].map((i) => weights[0] * a[i] + weights[1] * a[4 + i]);
    expect(distance(await raw(net), wanted)).toBeLessThan(1e-6);
  });

  it("has the sensitivity and conservation it was made for: the raw map adds up to Σ g ⊙ A", async () => {
    const a = Array.from(net.cam!.activation(x.data));
    const g = Array.from(net.cam!.gradient(x.data, 0));
    const sum = (await raw(net)).reduce((s, v) => s + v, 0);
    expect(sum).toBeCloseTo(
      a.reduce((s, v, i) => s + v * g[i], 0),
      5,
    );
  });

  it("gives a channel that adds up to 0 no weight", async () => {
    const dead = { ...net, cam: { ...net.cam!, activation: () => [0, 0, 0, 0, 1, 0, 0, 1] } };
    expect([...(await raw(dead))]).toEqual([-0.75, 0, 0, -0.75]);
  });

  it("is rectified at the image's size", async () => {
    const { dims, data } = await attribute(xgradCam, analyticProbe(net, x), { rng });
    expect(dims).toEqual([5, 3]);
    expect(Math.min(...data)).toBeGreaterThanOrEqual(0);
  });
});
