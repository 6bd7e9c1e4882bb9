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
import { type Float32Tensor, float32 } from "../onnx/tensor.ts";
import { gradientShap } from "./gradient-shap.ts";
import { attribute } from "./method.ts";

const shape = { channels: 2, height: 3, width: 5 };
const x = noiseImage(shape, "gradient-shap");
const rng = streams("gradient-shap");
const net = reluNet(shape, "gradient-shap");
const images = Array.from({ length: 8 }, (_, k) => noiseImage(shape, `other ${k}`));
const others = async () => images;
const stacked = (list: readonly Float32Tensor[]) =>
  float32(
    [list.length, 2, 3, 5],
    list.flatMap((image) => [...image.data]),
  );
type Options = Partial<Parameters<typeof attribute>[2]>;
const run = (options: Options = {}, model = net) =>
  attribute(gradientShap, analyticProbe(model, x), { rng, others, ...options });

describe("gradient-shap", () => {
  it("is (x − mean b) ⊙ w on a linear model, whatever u", async () => {
    const w = normalTensor([30], "w").data;
    const u = float32([8], [0, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9, 1]);
    const given = { baselines: stacked(images), coefficients: u };
    const want = x.data.map((v, i) => w[i] * (v - images.reduce((s, b) => s + b.data[i] / 8, 0)));
    expect(distance((await run({ given }, linear(shape, [w]))).data, want)).toBeLessThan(1e-6);
  });

  it("is the formula on supplied images, coefficients and noise, one of each per draw", async () => {
    const noise = normalTensor([8, 2, 3, 5], "noise", 0.3);
    const u = [0.9, 0, 0.25, 1, 0.5, 0.75, 0.125, 0.3];
    const want = new Float64Array(30);
    for (let k = 0; k < 8; k++) {
      const near = x.data.map((v, i) => v + noise.data[30 * k + i]);
      const b = images[k].data;
      const g = Array.from(
        net.gradient!(
          near.map((v, i) => u[k] * v + (1 - u[k]) * b[i]),
          0,
        ),
      );
      for (let i = 0; i < 30; i++) want[i] += ((near[i] - b[i]) * g[i]) / 8;
    }
    const given = { baselines: stacked(images), coefficients: float32([8], u), noise };
    // sigma and draws play no part
    const { data } = await run({ params: { sigma: 3, draws: 2 }, given });
    expect(distance(data, want)).toBeLessThan(1e-5);
    expect(
      distance((await run({ given: { ...given, noise: normalTensor([8, 2, 3, 5], "n") } })).data, want),
    ).toBeGreaterThan(0.01);
  });

  it("sums to f(x) − mean f(b) in expectation", async () => {
    const f = (image: Float32Tensor) => net.logits(image.data)[0];
    const want = f(x) - images.reduce((s, b) => s + f(b) / 8, 0);
    const { data } = await run({ params: { draws: 10_000 } });
    const spread = Math.max(...images.map((b) => Math.abs(f(x) - f(b) - want)));
    const sum = data.reduce((s, v) => s + v, 0);
    expect(Math.abs(sum - want)).toBeLessThan((6 * spread) / Math.sqrt(10_000));
    expect(Math.abs(want)).toBeGreaterThan((20 * spread) / Math.sqrt(10_000)); // or it would be found by anything
  });

  it("draws u from [0, 1) and images from all that there are, the k-th draw alike whatever their number", async () => {
    const points: Float32Array[] = [];
    const spy = {
      ...net,
      gradient: (point: Float32Array) => {
        points.push(point.slice());
        return new Float32Array(30);
      },
    };
    const flat = [0, 1].map((k) => float32(x.dims, new Float32Array(30).fill(10 * k)));
    await run({ params: { draws: 400 }, others: async () => flat }, spy);
    // which image, and where on its way to x
    const seen = points.map((p) => {
      const near = p[0] <= x.data[0] ? 0 : 1;
      return [near, (p[0] - 10 * near) / (x.data[0] - 10 * near)];
    });
    const upper = seen.filter(([near]) => near === 1).length;
    expect(Math.abs(upper - 200)).toBeLessThan(40);
    const mean = seen.reduce((s, [, u]) => s + u / 400, 0);
    expect(Math.abs(mean - 0.5)).toBeLessThan(4 / Math.sqrt(12 * 400));
    expect(seen.every(([, u]) => u >= 0 && u <= 1)).toBe(true);

    const all = points.splice(0);
    await run({ params: { draws: 7 }, others: async () => flat }, spy);
    expect(points).toEqual(all.slice(0, 7));
  });

  it("takes supplied images in place of the others, without asking for these", async () => {
    const asked = () => Promise.reject(new Error("nobody should ask"));
    const given = { baselines: stacked(images) };
    expect(await run({ given, others: asked })).toEqual(await run());
  });

  it("moves x by noise of sd sigma times its range, if told", async () => {
    // f = Σ x: the gradient is 1, so that Φ = x + mean ε − b
    const one = linear(shape, [new Float32Array(30).fill(1)]);
    const black = [float32(x.dims, new Float32Array(30))];
    const still = await run({ others: async () => black }, one);
    expect(distance(still.data, x.data)).toBeLessThan(1e-6);
    const moved = await run({ others: async () => black, params: { sigma: 0.5, draws: 1 } }, one);
    const sd = 0.5 * (Math.max(...x.data) - Math.min(...x.data));
    const off = moved.data.map((v, i) => (v - x.data[i]) / sd);
    expect(Math.sqrt(dot(off, off) / 30)).toBeGreaterThan(0.6);
    expect(Math.sqrt(dot(off, off) / 30)).toBeLessThan(1.4);
  });

  it("says what to do where there is no other image", async () => {
    await expect(run({ others: undefined })).rejects.toMatchObject({
      code: "E_INPUT",
      message: "gradient-shap compares with other images, and there are none",
      next: expect.stringContaining("--with baselines=FILE.npy"),
    });
  });

  const eight = float32([8], new Float32Array(8).fill(0.5));
  it.each<[string, Record<string, Float32Tensor>, string]>([
    ["one image without its axis", { baselines: x }, "expected [N, 2, 3, 5]"],
    ["images of another size", { baselines: normalTensor([8, 2, 5, 3], "b") }, "expected [N, 2, 3, 5]"],
    ["coefficients per pixel", { coefficients: x }, "expected [N]"],
    ["a coefficient above 1", { coefficients: float32([2], [0.5, 1.5]) }, "between an image (1)"],
    [
      "fewer images than coefficients",
      { baselines: stacked(images.slice(1)), coefficients: eight },
      "one entry of each",
    ],
    [
      "less noise than coefficients",
      { coefficients: eight, noise: normalTensor([7, 2, 3, 5], "n") },
      "one entry of each",
    ],
  ])("refuses %s", async (_, given, next) => {
    await expect(run({ given })).rejects.toMatchObject({
      code: "E_INPUT",
      next: expect.stringContaining(next),
    });
  });
});
