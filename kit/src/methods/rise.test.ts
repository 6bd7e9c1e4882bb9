import { describe, expect, it } from "vitest";
import {
  analyticProbe,
  distance,
  noiseImage,
  normalTensor,
  reluNet,
  streams,
} from "../../test/analytic-probe.ts";
import { bilinear } from "../model/image.ts";
import { float32 } from "../onnx/tensor.ts";
import { attribute } from "./method.ts";
import { rise } from "./rise.ts";

const rng = streams("rise");
const shape = { channels: 2, height: 5, width: 4 };
const x = noiseImage(shape, "rise");
const net = reluNet(shape, "rise");
type Options = Partial<Parameters<typeof attribute>[2]>;
const run = (options: Options = {}, model: Parameters<typeof analyticProbe>[0] = net, image = x) =>
  attribute(rise, analyticProbe(model, image, 1), { rng, ...options });
const probability = (image: Float32Array) => {
  const [a, b] = Array.from(net.logits(image), Math.exp);
  return b / (a + b);
};

describe("rise", () => {
  const masks = float32(
    [3, 5, 4],
    normalTensor([60], "masks").data.map((v) => Math.min(Math.abs(v), 1)),
  );
  const mask = (k: number) => masks.data.subarray(20 * k, 20 * k + 20);
  const weights = [0, 1, 2].map((k) => probability(x.data.map((v, i) => 0.5 + mask(k)[i % 20] * (v - 0.5))));
  const weighted = Array.from({ length: 20 }, (_, i) => weights.reduce((s, p, k) => s + p * mask(k)[i], 0));
  const shown = Array.from({ length: 20 }, (_, i) => mask(0)[i] + mask(1)[i] + mask(2)[i]);
  const mean = masks.data.reduce((a, b) => a + b) / 60;

  it.each([
    ["expectation", (v: number) => v / (3 * 0.4)],
    ["mean", (v: number) => v / (3 * mean)],
    ["pixel", (v: number, i: number) => v / shown[i]],
  ])("is Σ p M over what `normalise=%s` says", async (normalise, by) => {
    const { dims, data } = await run({ params: { normalise, probability: 0.4, draws: 9 }, given: { masks } });
    expect(dims).toEqual([5, 4]);
    expect(distance(data, weighted.map(by))).toBeLessThan(1e-6);
  });

  it.each([
    [5, 4, 2],
    [9, 7, 7],
    [4, 10, 3],
    [3, 3, 7],
    [6, 6, 1],
  ])(
    "cuts masks of %i×%i out of %i cells a side, upsampled to one cell more",
    async (height, width, grid) => {
      const seen: Float32Array[] = [];
      const spy = {
        shape: { channels: 1, height, width },
        logits: (image: Float32Array) => {
          seen.push(image.slice());
          return [0, 0];
        },
      };
      const black = float32([1, height, width], new Float32Array(height * width));
      const white = float32([1, height, width], new Float32Array(height * width).fill(1));
      const draws = 6;
      await run({ params: { draws, grid, probability: 0.3 }, given: { baseline: black } }, spy, white);
      for (let k = 0; k < draws; k++) {
        const stream = streams("rise")(`mask ${k}`);
        const cells = Float32Array.from({ length: grid * grid }, () => (stream.uniform() < 0.3 ? 1 : 0));
        const [down, across] = [Math.ceil(height / grid), Math.ceil(width / grid)];
        const whole = bilinear(cells, grid, grid, (grid + 1) * down, (grid + 1) * across);
        const [top, left] = [stream.integer(down), stream.integer(across)];
        const want = Array.from({ length: height * width }, (_, at) => {
          const [i, j] = [Math.floor(at / width), at % width];
          return whole[(i + top) * (grid + 1) * across + j + left];
        });
        expect(distance(seen.slice(-draws)[k], want)).toBeLessThan(1e-6);
      }
    },
  );

  it("is the probability everywhere when the model ignores its image; exactly so by `pixel`", async () => {
    const deaf = { shape, logits: () => [0, Math.log(3)] }; // p = 0.75
    const { data } = await run({ params: { normalise: "pixel" } }, deaf);
    expect(distance(data, new Float32Array(20).fill(0.75))).toBeLessThan(1e-6);
    const noisy = await run({}, deaf);
    const sd = 0.75 / Math.sqrt(1000); // of a mask of zeros and ones, over E[M] = ½; soft ones vary less
    expect(distance(noisy.data, data)).toBeLessThan(4 * sd);
    expect(distance(noisy.data, data)).toBeGreaterThan(1e-4);
  });

  it("is highest where the only pixel that matters is", async () => {
    const at = 13;
    const image = float32(x.dims, new Float32Array(40).fill(1));
    const model = { shape, logits: (v: Float32Array) => [0, 8 * (v[at] - 0.75)] };
    const { data } = await run({ params: { grid: 4 } }, model, image);
    expect(data.indexOf(Math.max(...data))).toBe(at);
  });

  it("gives 0 where no mask shows, and refuses masks of other dims", async () => {
    const none = float32([1, 5, 4], new Float32Array(20));
    expect((await run({ params: { normalise: "pixel" }, given: { masks: none } })).data).toEqual(
      new Float32Array(20),
    );
    expect((await run({ params: { normalise: "mean" }, given: { masks: none } })).data).toEqual(
      new Float32Array(20),
    );
    await expect(run({ given: { masks: float32([1, 4, 5], new Float32Array(20)) } })).rejects.toMatchObject({
      code: "E_INPUT",
      next: "expected [N, 5, 4]",
    });
  });
});
