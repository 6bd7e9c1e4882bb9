import { describe, expect, it } from "vitest";
import { analyticProbe, distance, noiseImage, reluNet, streams } from "../../test/analytic-probe.ts";
import { picture, smallCnn, smallModel, weight } from "../../test/small-models.ts";
import { createProbe } from "../model/probe.ts";
import { hiresCam } from "./hires-cam.ts";
import { attribute } from "./method.ts";

const shape = { channels: 1, height: 5, width: 3 };
const net = reluNet(shape, "hires");
const x = noiseImage(shape, "hires");
const rng = streams("hires");
const a = Array.from(net.cam!.activation(x.data));
const g = Array.from(net.cam!.gradient(x.data, 0));

describe("hires-cam", () => {
  it("is gradient times activation, added over channels", async () => {
    const { dims, data } = await attribute(hiresCam, analyticProbe(net, x), { rng, raw: true });
    expect(dims).toEqual([2, 2]);
    expect(
      distance(
        data,
        [0, 1, 2, 3].map((i) => g[i] * a[i] + g[4 + i] * a[4 + i]),
      ),
    ).toBeLessThan(1e-6);
  });

  it("adds positive products only, if told", async () => {
    const params = { "positive-products": true };
    const { data } = await attribute(hiresCam, analyticProbe(net, x), { rng, raw: true, params });
    const wanted = [0, 1, 2, 3].map((i) => Math.max(g[i] * a[i], 0) + Math.max(g[4 + i] * a[4 + i], 0));
    expect(distance(data, wanted)).toBeLessThan(1e-6);
    expect(Math.min(...g)).toBeLessThan(0);
  });

  it("adds up to the score without its bias where a linear layer follows", async () => {
    const model = smallModel(smallCnn());
    const image = picture("hires", 3, 6, 8);
    const probe = createProbe({ model, x: image, target: 2 });
    const { data } = await attribute(hiresCam, probe, { rng, raw: true });
    const sum = data.reduce((s, v) => s + v, 0);
    expect(sum).toBeCloseTo((await probe.score()) - weight("a", 4).data[2], 4);
  });

  it("is rectified at the image's size", async () => {
    const { dims, data } = await attribute(hiresCam, analyticProbe(net, x), { rng });
    expect(dims).toEqual([5, 3]);
    expect(Math.min(...data)).toBe(0);
    expect(Math.max(...data)).toBeGreaterThan(0);
  });
});
