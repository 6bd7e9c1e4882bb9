import { describe, expect, it } from "vitest";
import { analyticProbe, distance, linear, noiseImage, reluNet, streams } from "../../test/analytic-probe.ts";
import { createProbe } from "../model/probe.ts";
import { gradCam } from "./grad-cam.ts";
import { attribute } from "./method.ts";

const shape = { channels: 1, height: 5, width: 3 };
const net = reluNet(shape, "cam");
const x = noiseImage(shape, "cam");
const rng = streams("cam");

/** The paper's formula, cell by cell. */
function literal(): number[] {
  const a = Array.from(net.cam!.activation(x.data));
  const g = Array.from(net.cam!.gradient(x.data, 0));
  const weight = (k: number) => [0, 1, 2, 3].reduce((s, i) => s + g[4 * k + i], 0) / 4;
  return [0, 1, 2, 3].map((i) => weight(0) * a[i] + weight(1) * a[4 + i]);
}

/** One value of the half-pixel bilinear interpolation of 2×2 cells, by its four corners' weights. */
function interpolated(cells: readonly number[], i: number, j: number): number {
  const share = (at: number, side: number) => Math.min(Math.max((2 * (at + 0.5)) / side - 0.5, 0), 1);
  const [v, u] = [share(i, 5), share(j, 3)];
  return cells[0] * (1 - v) * (1 - u) + cells[1] * (1 - v) * u + cells[2] * v * (1 - u) + cells[3] * v * u;
}

describe("grad-cam", () => {
  it("is the literal weighted sum at its own resolution with `raw`", async () => {
    const { dims, data } = await attribute(gradCam, analyticProbe(net, x), { rng, raw: true });
    expect(dims).toEqual([2, 2]);
    expect(distance(data, literal())).toBeLessThan(1e-6);
  });

  it.each([1, -1])("is rectified, then brought to the image's size (sign %i)", async (sign) => {
    const turned = {
      ...net,
      cam: {
        ...net.cam!,
        gradient: (p: Float32Array, t: number) => Array.from(net.cam!.gradient(p, t), (g) => sign * g),
      },
    };
    const { dims, data } = await attribute(gradCam, analyticProbe(turned, x), { rng });
    const cells = literal().map((v) => Math.max(0, sign * v));
    const want = Array.from({ length: 15 }, (_, at) => interpolated(cells, Math.floor(at / 3), at % 3));
    expect(dims).toEqual([5, 3]);
    expect(distance(data, want)).toBeLessThan(1e-6);
    expect(Math.min(...data)).toBe(0);
    expect(Math.max(...data)).toBeGreaterThan(0);
  });

  it("shares one pass with the gradient when a run wants both", async () => {
    const { model } = analyticProbe(net, x);
    const probe = createProbe({ model, x, target: 0, wants: { input: true, layer: true } });
    await attribute(gradCam, probe, { rng });
    await probe.gradient();
    expect(model.passes).toEqual({ forwards: 1, backwards: 1 });
  });

  it("names a need a model without a grid cannot meet", () => {
    expect(gradCam.needs).toContain("cam");
    expect(analyticProbe(linear(shape, [x.data]), x).model.cam).toBeUndefined();
  });
});
