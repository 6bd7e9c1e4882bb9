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
import { float32 } from "../onnx/tensor.ts";
import { attribute } from "./method.ts";
import { smoothgrad } from "./smoothgrad.ts";

const shape = { channels: 2, height: 3, width: 5 };
const x = noiseImage(shape, "smoothgrad");
const rng = streams("smoothgrad");
const net = reluNet(shape, "smoothgrad");
type Options = Partial<Parameters<typeof attribute>[2]>;
const run = (options: Options = {}, model = net, image = x) =>
  attribute(smoothgrad, analyticProbe(model, image), { rng, ...options });

describe("smoothgrad", () => {
  it("is the gradient of a linear model; its size and square with `absolute` and `squared`", async () => {
    const w = normalTensor([30], "w").data;
    const model = linear(shape, [w]);
    expect(distance((await run({}, model)).data, w)).toBeLessThan(1e-6);
    expect(distance((await run({ params: { absolute: true } }, model)).data, w.map(Math.abs))).toBeLessThan(
      1e-6,
    );
    const squares = w.map((v) => v * v);
    expect(distance((await run({ params: { squared: true } }, model)).data, squares)).toBeLessThan(1e-6);
    const both = { squared: true, absolute: true };
    expect(distance((await run({ params: both }, model)).data, squares)).toBeLessThan(1e-6);
  });

  const rules: [Record<string, boolean>, (g: number) => number][] = [
    [{}, (g) => g],
    [{ absolute: true }, Math.abs],
    [{ squared: true }, (g) => g * g],
  ];
  it.each(rules)("is the mean of gradients at x + supplied noise, %j", async (params, of) => {
    const noise = normalTensor([4, 2, 3, 5], "noise", 0.4);
    const want = new Float64Array(30);
    for (let k = 0; k < 4; k++) {
      const point = x.data.map((v, i) => v + noise.data[30 * k + i]);
      Array.from(net.gradient!(point, 0)).forEach((g, i) => {
        want[i] += of(g) / 4;
      });
    }
    // N replaces draws, and sigma plays no part
    const { data } = await run({ params: { ...params, draws: 9, sigma: 7 }, given: { noise } });
    expect(distance(data, want)).toBeLessThan(1e-5);
  });

  it("draws noise with sd sigma times the range of the image", async () => {
    const seen: number[] = [];
    const spy = {
      shape,
      logits: () => [0],
      gradient: (point: Float32Array) => {
        seen.push(...point.map((v, i) => v - narrow.data[i]));
        return point;
      },
    };
    const narrow = float32(
      x.dims,
      x.data.map((_, i) => (i === 3 ? 0.7 : 0.3)),
    );
    await run({ params: { draws: 200, sigma: 0.5 } }, spy, narrow);
    const sd = Math.sqrt(seen.reduce((s, v) => s + v * v, 0) / seen.length);
    expect(seen).toHaveLength(6000);
    expect(sd).toBeGreaterThan(0.2 * (1 - 3 / Math.sqrt(2 * 6000)));
    expect(sd).toBeLessThan(0.2 * (1 + 3 / Math.sqrt(2 * 6000)));
  });

  it("draws the k-th copy alike whatever their number", async () => {
    const [one, two] = await Promise.all([1, 2].map((draws) => run({ params: { draws } })));
    const [, second] = await Promise.all(
      [0, 1].map(async (k) => {
        const stream = streams("smoothgrad")(`noise ${k}`);
        const range = Math.max(...x.data) - Math.min(...x.data);
        const noise = Float32Array.from({ length: 30 }, () => 0.15 * range * stream.normal());
        return run({ given: { noise: float32([1, 2, 3, 5], noise) } });
      }),
    );
    expect(
      distance(
        two.data,
        one.data.map((v, i) => (v + second.data[i]) / 2),
      ),
    ).toBeLessThan(1e-5);
  });

  it("is the gradient without noise, and on a constant image", async () => {
    const flat = float32(x.dims, new Float32Array(30).fill(0.4));
    const g = Float32Array.from(net.gradient!(flat.data, 0));
    expect(distance((await run({}, net, flat)).data, g)).toBeLessThan(1e-6);
    const still = await run({ params: { sigma: 0 } });
    expect(distance(still.data, Float32Array.from(net.gradient!(x.data, 0)))).toBeLessThan(1e-6);
  });

  it.each([[[2, 3, 5]], [[0, 2, 3, 5]], [[2, 1, 3, 5]]])("refuses noise of dims %j", async (dims) => {
    const noise = float32(dims, new Float32Array(dims.reduce((a, b) => a * b, 1)));
    await expect(run({ given: { noise } })).rejects.toMatchObject({
      code: "E_INPUT",
      next: "expected [N, 2, 3, 5]",
    });
  });
});
