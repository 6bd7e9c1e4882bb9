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
import { gameOf, orders, shapley } from "../../test/shapley.ts";
import { float32 } from "../onnx/tensor.ts";
import { attribute } from "./method.ts";
import { shapleyValueSampling } from "./shapley-value-sampling.ts";

const rng = streams("shapley");
const shape = { channels: 1, height: 2, width: 3 };
const x = noiseImage(shape, "shapley");
type Options = Partial<Parameters<typeof attribute>[2]>;
const run = (net: Parameters<typeof analyticProbe>[0], options: Options = {}, image = x) =>
  attribute(shapleyValueSampling, analyticProbe(net, image), { rng, raw: true, ...options });
const every = (() => {
  const rows = orders([0, 1, 2, 3, 4, 5]);
  return float32([rows.length, 6], Float32Array.from(rows.flat()));
})();
const sum = (values: ArrayLike<number>) => Array.from(values).reduce((a, b) => a + b, 0);

describe.each(["a", "b", "c"])("shapley-value-sampling, model %s", (seed) => {
  const net = reluNet({ ...shape }, seed);
  const value = (coalition: readonly number[]) =>
    Number(net.logits(x.data.map((v, s) => (coalition[s] ? v : 0.5)))[0]);

  it("is the Shapley value when given every order", async () => {
    const { data } = await run(net, { given: { permutations: every } });
    expect(distance(data, shapley(6, value))).toBeLessThan(1e-5);
  });

  it("is the mean rise over the orders given, whatever `draws`", async () => {
    const rows = [
      [3, 1, 5, 0, 2, 4],
      [0, 5, 4, 3, 1, 2],
    ];
    const want = new Array<number>(6).fill(0);
    for (const row of rows) {
      const shown = new Array<number>(6).fill(0);
      for (const s of row) {
        const before = value(shown);
        shown[s] = 1;
        want[s] += (value(shown) - before) / rows.length;
      }
    }
    const permutations = float32([2, 6], Float32Array.from(rows.flat()));
    const { data } = await run(net, { given: { permutations }, params: { draws: 7 } });
    expect(distance(data, want)).toBeLessThan(1e-5);
  });

  it.each([1, 2, 10])("sums to f(x) − f(r) with %i orders", async (draws) => {
    const { data } = await run(net, { params: { draws } });
    expect(sum(data)).toBeCloseTo(value([1, 1, 1, 1, 1, 1]) - value([0, 0, 0, 0, 0, 0]), 5);
  });

  it("comes closer with more orders", async () => {
    const exact = shapley(6, value);
    const error = async (draws: number) => distance((await run(net, { params: { draws } })).data, exact);
    expect(await error(3000)).toBeLessThan(0.1 * Math.max(...exact.map(Math.abs)));
  });
});

describe("shapley-value-sampling", () => {
  it("gives nothing to a segment that never matters (dummy), in whatever orders", async () => {
    const net = gameOf((p) => Math.exp(p[0] + 2 * p[1] - p[2] + 3 * p[3] - p[5]));
    for (const draws of [1, 4]) {
      const { data } = await run(net, { params: { draws } });
      expect(data[4]).toBe(0);
      expect(data.filter((v) => v !== 0)).toHaveLength(5);
    }
  });

  it("gives alike to segments that matter alike (symmetry)", async () => {
    const image = float32([1, 2, 3], Float32Array.of(0.9, 0.2, 0.9, 0.3, 0.6, 0.1));
    const net = gameOf((p) => Math.tanh(3 * (p[0] + p[2]) * p[1]) + p[0] * p[2] + p[4] * p[5]);
    const { data } = await run(net, { given: { permutations: every } }, image);
    expect(data[0]).toBeCloseTo(data[2], 6);
    expect(Math.abs(data[0])).toBeGreaterThan(0.01);
  });

  it("is Σ w (x − r) over each segment of a linear model, from one order on", async () => {
    const w = normalTensor([6], "w").data;
    const { data } = await run(linear(shape, [w]), { params: { draws: 1 } });
    expect(
      distance(
        data,
        w.map((v, s) => v * (x.data[s] - 0.5)),
      ),
    ).toBeLessThan(1e-6);
  });

  it("draws the k-th order alike whatever their number", async () => {
    const net = reluNet(shape, "draws");
    const [one, two, three] = await Promise.all([1, 2, 3].map((draws) => run(net, { params: { draws } })));
    const second = two.data.map((v, s) => 2 * v - one.data[s]);
    const permutations = float32([1, 6], Float32Array.from(rng("order 1").permutation(6)));
    expect(distance((await run(net, { given: { permutations } })).data, second)).toBeLessThan(1e-5);
    expect(three).not.toEqual(two);
  });

  it("refuses rows that are no orders", async () => {
    const permutations = float32([2, 6], Float32Array.of(0, 1, 2, 3, 4, 5, 0, 1, 2, 3, 4, 4));
    await expect(run(reluNet(shape, "a"), { given: { permutations } })).rejects.toMatchObject({
      code: "E_INPUT",
      message: 'input "permutations": row 1 is no order of the segments',
      next: "each row holds 0 to 5, each once",
    });
  });

  it("asks for what lies between the reference and the image", () => {
    const cost = (draws: number, grid: number) =>
      shapleyValueSampling.cost({ draws, grid }, { height: 224, width: 224 }).forwards;
    expect(cost(10, 7)).toBe(482);
    expect(cost(5, 1)).toBe(2);
  });
});
