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
import { gameOf } from "../../test/shapley.ts";
import { float32 } from "../onnx/tensor.ts";
import { lime } from "./lime.ts";
import { attribute } from "./method.ts";

const rng = streams("lime");
const shape = { channels: 1, height: 2, width: 3 };
const x = noiseImage(shape, "lime");
const net = reluNet(shape, "lime");
type Options = Partial<Parameters<typeof attribute>[2]>;
const run = (options: Options = {}, model: Parameters<typeof analyticProbe>[0] = net, image = x) =>
  attribute(lime, analyticProbe(model, image), { rng, raw: true, ...options });

const coalitions = float32(
  [40, 6],
  normalTensor([240], "lime coalitions").data.map((v) => (v > 0 ? 1 : 0)),
);
coalitions.data.fill(0, 0, 6); // nothing shown
coalitions.data.fill(1, 6, 12); // all
const rows = Array.from({ length: 40 }, (_, k) => coalitions.data.subarray(6 * k, 6 * k + 6));
const shown = (z: Float32Array) => x.data.map((v, s) => (z[s] ? v : 0.5));
const cosine = (a: Float32Array, b: Float32Array) => {
  const product = dot(a, b);
  return product === 0 ? 0 : product / Math.sqrt(dot(a, a) * dot(b, b));
};

describe.each([
  ["coalition", 0.25],
  ["pixel", 0.1],
])("lime, distance between %ss", (kind, width) => {
  const weight = rows.map((z) => {
    const d = 1 - (kind === "pixel" ? cosine(shown(z), x.data) : cosine(z, new Float32Array(6).fill(1)));
    return Math.exp(-(d * d) / (2 * width * width));
  });
  const total = weight.reduce((a, b) => a + b);
  const squares = (intercept: number, phi: ArrayLike<number>) =>
    rows.reduce(
      (sum, z, k) => sum + weight[k] * (Number(net.logits(shown(z))[0]) - intercept - dot(z, phi)) ** 2,
      0,
    );
  const power = (phi: ArrayLike<number>, p: number) =>
    Array.from(phi).reduce((s, v) => s + Math.abs(v) ** p, 0);
  const losses: [string, number, (intercept: number, phi: ArrayLike<number>) => number][] = [
    ["linear", 7, squares],
    ["ridge", 1, (b, phi) => squares(b, phi) + power(phi, 2)],
    ["ridge", 0.01, (b, phi) => squares(b, phi) + 0.01 * power(phi, 2)],
    ["lasso", 0.05, (b, phi) => squares(b, phi) / (2 * total) + 0.05 * power(phi, 1)],
  ];

  it.each(losses)(
    "is the least of the literal %s loss with penalty %f",
    async (regression, penalty, loss) => {
      const params = { distance: kind, width, regression, penalty };
      const { data } = await run({ params, given: { coalitions } });
      const intercept =
        rows.reduce((s, z, k) => s + weight[k] * (Number(net.logits(shown(z))[0]) - dot(z, data)), 0) / total;
      const best = loss(intercept, data);
      for (const step of [0.01, -0.01]) {
        expect(loss(intercept + step, data)).toBeGreaterThan(best);
        for (let s = 0; s < 6; s++) {
          const moved = Float64Array.from(data);
          moved[s] += step;
          expect(loss(intercept, moved)).toBeGreaterThan(best);
        }
      }
      if (regression === "lasso") expect(data).toContain(0);
    },
  );
});

describe("lime", () => {
  const w = normalTensor([6], "w").data;
  const contributions = w.map((v, s) => v * (x.data[s] - 0.5));

  it("is Σ w (x − r) over each segment of a linear model without a penalty, and shrinks with one", async () => {
    const model = linear(shape, [w], [3]);
    expect(
      distance((await run({ params: { regression: "linear" } }, model)).data, contributions),
    ).toBeLessThan(1e-6);
    const size = async (penalty: number) => {
      const { data } = await run({ params: { penalty } }, model);
      return Math.sqrt(dot(data, data));
    };
    const free = Math.sqrt(dot(contributions, contributions));
    expect(await size(1)).toBeLessThan(free);
    expect(await size(1)).toBeGreaterThan(0.8 * free);
    expect(await size(1e6)).toBeLessThan(1e-3 * free);
  });

  it("does not penalise the intercept: a constant changes nothing", async () => {
    const [low, high] = await Promise.all([0, 100].map((b) => run({}, linear(shape, [w], [b]))));
    expect(distance(low.data, high.data)).toBeLessThan(1e-4);
  });

  it("shows each segment with probability ½, draw by draw", async () => {
    const seen = async (draws: number) => {
      const found: number[][] = [];
      const spy = gameOf((p) => {
        found.push(p.map((v) => (v === 0 ? 0 : 1)));
        return 0;
      });
      await run({ params: { draws } }, spy);
      return found.slice(-draws);
    };
    const all = await seen(2000);
    for (let s = 0; s < 6; s++) {
      expect(Math.abs(all.filter((z) => z[s] === 1).length / 2000 - 0.5)).toBeLessThan(
        3 * Math.sqrt(0.25 / 2000),
      );
    }
    const both = all.filter((z) => z[0] === 1 && z[5] === 1).length / 2000;
    expect(Math.abs(both - 0.25)).toBeLessThan(3 * Math.sqrt(0.1875 / 2000));
    expect(all.slice(0, 4)).toEqual(await seen(4));
  });

  it("refuses a width at which no coalition counts", async () => {
    await expect(
      run({
        params: { width: 0.001 },
        given: { coalitions: float32([1, 6], Float32Array.of(1, 0, 0, 0, 0, 0)) },
      }),
    ).rejects.toMatchObject({
      code: "E_PARAM",
      message: "lime: every coalition is so far from the image that its weight is 0",
      next: "use a larger width",
    });
  });
});
