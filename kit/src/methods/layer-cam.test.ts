import { describe, expect, it } from "vitest";
import { analyticProbe, distance, noiseImage, reluNet, streams } from "../../test/analytic-probe.ts";
import { hiresCam } from "./hires-cam.ts";
import { layerCam } from "./layer-cam.ts";
import { attribute } from "./method.ts";

const shape = { channels: 1, height: 5, width: 3 };
const net = reluNet(shape, "layer");
const x = noiseImage(shape, "layer");
const rng = streams("layer");
const a = Array.from(net.cam!.activation(x.data));
const g = Array.from(net.cam!.gradient(x.data, 0));

describe("layer-cam", () => {
  it("is the positive gradient times the activation, added over channels", async () => {
    const { data } = await attribute(layerCam, analyticProbe(net, x), { rng, raw: true });
    const wanted = [0, 1, 2, 3].map((i) => Math.max(g[i], 0) * a[i] + Math.max(g[4 + i], 0) * a[4 + i]);
    expect(distance(data, wanted)).toBeLessThan(1e-6);
    expect(Math.min(...g)).toBeLessThan(0);
  });

  it("is hires-cam's positive products where no activation is negative", async () => {
    const layer = await attribute(layerCam, analyticProbe(net, x), { rng });
    const params = { "positive-products": true };
    expect(await attribute(hiresCam, analyticProbe(net, x), { rng, params })).toEqual(layer);
    expect(layer.dims).toEqual([5, 3]);
  });

  it("keeps the sign of activations with `raw`, and shows none below 0", async () => {
    const turned = { ...net, cam: { ...net.cam!, activation: () => a.map((v) => -v - 0.1) } };
    expect(
      Math.min(...(await attribute(layerCam, analyticProbe(turned, x), { rng, raw: true })).data),
    ).toBeLessThan(0);
    const shown = await attribute(layerCam, analyticProbe(turned, x), { rng });
    expect([...shown.data].every((v) => v === 0)).toBe(true);
  });
});
