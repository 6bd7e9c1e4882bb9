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
import { allCoalitions, gameOf, shapley } from "../../test/shapley.ts";
import { float32 } from "../onnx/tensor.ts";
import { kernelShap } from "./kernel-shap.ts";
import { attribute } from "./method.ts";

const rng = streams("kernel shap");
const shape = { channels: 1, height: 2, width: 3 };
const x = noiseImage(shape, "kernel shap");
type Options = Partial<Parameters<typeof attribute>[2]>;
const run = (net: Parameters<typeof analyticProbe>[0], options: Options = {}, image = x) =>
  attribute(kernelShap, analyticProbe(net, image), { rng, raw: true, ...options });
const exactly: Options = {
  params: { weights: "kernel" },
  given: { coalitions: float32([64, 6], allCoalitions(6)) },
};
const sum = (values: ArrayLike<number>) => Array.from(values).reduce((a, b) => a + b, 0);

describe.each(["a", "b", "c"])("kernel-shap, model %s", (seed) => {
  const net = reluNet(shape, seed);
  const value = (coalition: ArrayLike<number>) =>
    Number(net.logits(x.data.map((v, s) => (coalition[s] ? v : 0.5)))[0]);
  const fall = value([1, 1, 1, 1, 1, 1]) - value([0, 0, 0, 0, 0, 0]);

  it("is the Shapley value over all coalitions with the kernel's weights (theorem 2)", async () => {
    expect(distance((await run(net, exactly)).data, shapley(6, value))).toBeLessThan(1e-5);
  });

  it("leaves no better fit among shares of the same sum", async () => {
    const coalitions = float32(
      [40, 6],
      normalTensor([240], "coalitions").data.map((v) => (v > 0 ? 1 : 0)),
    );
    const rows = Array.from({ length: 40 }, (_, k) => coalitions.data.subarray(6 * k, 6 * k + 6));
    const misfit = (phi: ArrayLike<number>) =>
      rows.reduce(
        (total, z) =>
          total + (value(z) - value([0, 0, 0, 0, 0, 0]) - z.reduce((s, v, i) => s + v * phi[i], 0)) ** 2,
        0,
      );
    const { data } = await run(net, { given: { coalitions } });
    expect(sum(data)).toBeCloseTo(fall, 5);
    for (let s = 0; s < 6; s++) {
      for (let t = 0; t < s; t++) {
        for (const step of [0.01, -0.01]) {
          const moved = Float64Array.from(data);
          moved[s] += step;
          moved[t] -= step;
          expect(misfit(moved)).toBeGreaterThan(misfit(data));
        }
      }
    }
  });

  it.each([1, 2, 3, 8, 512])("sums to f(x) − f(r) with %i draws", async (draws) => {
    expect(sum((await run(net, { params: { draws } })).data)).toBeCloseTo(fall, 5);
  });

  it("estimates the Shapley value: its draws follow the kernel", async () => {
    const exact = shapley(6, value);
    const { data } = await run(net, { params: { draws: 6000 } });
    expect(distance(data, exact)).toBeLessThan(0.05 * Math.max(...exact.map(Math.abs)));
  });
});

describe("kernel-shap", () => {
  it("over all coalitions gives nothing to a dummy, and alike to those that matter alike", async () => {
    const image = float32([1, 2, 3], Float32Array.of(0.9, 0.2, 0.9, 0.3, 0.6, 0.1));
    const net = gameOf((p) => Math.tanh(3 * (p[0] + p[2]) * p[1]) + p[0] * p[2] + p[4]);
    const { data } = await run(net, exactly, image);
    expect(data[0]).toBeCloseTo(data[2], 6);
    expect(Math.abs(data[0])).toBeGreaterThan(0.01);
    for (const dummy of [3, 5]) expect(Math.abs(data[dummy])).toBeLessThan(1e-6);
  });

  it("is Σ w (x − r) over each cell of a linear model", async () => {
    const big = { channels: 2, height: 9, width: 8 };
    const image = noiseImage(big, "linear");
    const w = normalTensor([144], "w").data;
    const { data } = await run(linear(big, [w]), {}, image);
    const want = new Float64Array(49);
    for (let c = 0; c < 2; c++) {
      for (let i = 0; i < 9; i++) {
        for (let j = 0; j < 8; j++) {
          const at = (c * 9 + i) * 8 + j;
          want[Math.floor((7 * i) / 9) * 7 + Math.floor((7 * j) / 8)] += w[at] * (image.data[at] - 0.5);
        }
      }
    }
    expect(distance(data, want)).toBeLessThan(1e-5);
  });

  it("shares alike what too few coalitions leave open", async () => {
    const w = Float32Array.of(1, 2, 3, 4, 5, 6);
    const white = float32([1, 2, 3], new Float32Array(6).fill(1.5)); // x − r = 1
    const coalitions = float32([1, 6], Float32Array.of(1, 1, 1, 0, 0, 0));
    const { data } = await run(linear(shape, [w]), { given: { coalitions } }, white);
    expect(distance(data, [2, 2, 2, 5, 5, 5])).toBeLessThan(1e-5);
  });

  /** The coalitions that are scored, seen from the model. */
  async function seen(draws: number) {
    const found: number[][] = [];
    const spy = gameOf((p) => {
      found.push(p.map((v) => (v === 0 ? 0 : 1)));
      return 0;
    });
    await run(spy, { params: { draws } });
    // the analytic model is first asked for its classes; then come the image and the reference
    return found.slice(-draws);
  }

  it("draws sizes with p ∝ 1/(k(M − k)) and members evenly, each coalition with its complement", async () => {
    const draws = 4000;
    const all = await seen(draws);
    const ways = [1, 2, 3, 4, 5].map((k) => 1 / (k * (6 - k)));
    const firsts = all.filter((_, k) => k % 2 === 0);
    for (let k = 1; k < 6; k++) {
      const p = ways[k - 1] / sum(ways);
      const share = firsts.filter((z) => sum(z) === k).length / firsts.length;
      expect(Math.abs(share - p)).toBeLessThan(3 * Math.sqrt((p * (1 - p)) / firsts.length));
    }
    for (let s = 0; s < 6; s++) {
      const share = sum(firsts.map((z) => z[s])) / firsts.length;
      expect(Math.abs(share - 0.5)).toBeLessThan(3 * Math.sqrt(0.25 / firsts.length));
    }
    for (const [k, z] of firsts.entries()) expect(all[2 * k + 1]).toEqual(z.map((v) => 1 - v));
  });

  it("draws the k-th coalition alike whatever their number", async () => {
    expect((await seen(7)).slice(0, 5)).toEqual(await seen(5));
  });
});
