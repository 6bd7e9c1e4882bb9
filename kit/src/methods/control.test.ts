/** The controls: random, sobel, constant, centre-gaussian. */
import { describe, expect, it } from "vitest";
import { analyticProbe, distance, noiseImage, streams } from "../../test/analytic-probe.ts";
import { float32 } from "../onnx/tensor.ts";
import { centreGaussian } from "./centre-gaussian.ts";
import { constant } from "./constant.ts";
import { methods } from "./index.ts";
import { attribute } from "./method.ts";
import { random } from "./random.ts";
import { sobel } from "./sobel.ts";

const shape = { channels: 3, height: 7, width: 5 };
const x = noiseImage(shape, "controls");
const called: string[] = [];
const never = () => {
  called.push("model");
  return [0, 0];
};
const probe = () => analyticProbe({ shape, logits: never, gradient: never }, x);
const controls = methods.filter((m) => m.control);

describe.each(controls.map((m) => [m.id, m] as const))("control %s", (_, method) => {
  it("never asks the model", async () => {
    const fresh = probe();
    called.length = 0; // the class count is asked once
    await attribute(method, fresh, { rng: streams("a") });
    expect(called).toEqual([]);
    expect(fresh.model.passes).toEqual({ forwards: 0, backwards: 0 });
  });
});

it("there are four, and a run shows them apart", () => {
  expect(controls.map((m) => m.id)).toEqual(["random", "sobel", "constant", "centre-gaussian"]);
});

it("random is uniform, decided by the sample's stream alone", async () => {
  const first = await attribute(random, probe(), { rng: streams("a") });
  const elsewhere = analyticProbe({ shape, logits: never }, noiseImage(shape, "another image"));
  expect(await attribute(random, elsewhere, { rng: streams("a") })).toEqual(first);
  expect((await attribute(random, probe(), { rng: streams("b") })).data).not.toEqual(first.data);
  expect(first.data.every((v) => v >= 0 && v <= 1)).toBe(true);
  expect(new Set(first.data).size).toBe(35);
});

it("constant is 1", async () => {
  expect(await attribute(constant, probe(), { rng: streams("a") })).toEqual(
    float32([7, 5], new Float32Array(35).fill(1)),
  );
});

it("centre-gaussian peaks in the middle, e⁻² at the middle of a side's end, and is symmetric", async () => {
  const { data } = await attribute(centreGaussian, probe(), { rng: streams("a") });
  const at = (i: number, j: number) => data[i * 5 + j];
  expect(at(3, 2)).toBe(1);
  expect(Math.max(...data.filter((_, k) => k !== 17))).toBeLessThan(1);
  for (let i = 0; i < 7; i++) {
    for (let j = 0; j < 5; j++) {
      expect(at(i, j)).toBeCloseTo(at(6 - i, 4 - j), 6);
      // distance from the middle in quarters of each side
      const [u, v] = [(i - 3) / 7 / 0.25, (j - 2) / 5 / 0.25];
      expect(at(i, j)).toBeCloseTo(Math.exp(-(u * u + v * v) / 2), 6);
    }
  }
});

it("sobel is the convolution of the channel mean with both kernels, edges replicated", async () => {
  const kernel = [
    [-1, 0, 1],
    [-2, 0, 2],
    [-1, 0, 1],
  ];
  const padded = (i: number, j: number) => {
    const [row, column] = [Math.min(6, Math.max(0, i)), Math.min(4, Math.max(0, j))];
    return (x.data[row * 5 + column] + x.data[35 + row * 5 + column] + x.data[70 + row * 5 + column]) / 3;
  };
  const want = Array.from({ length: 35 }, (_, at) => {
    let across = 0;
    let down = 0;
    for (let u = 0; u < 3; u++) {
      for (let v = 0; v < 3; v++) {
        const value = padded(Math.floor(at / 5) + u - 1, (at % 5) + v - 1);
        across += kernel[u][v] * value;
        down += kernel[v][u] * value;
      }
    }
    return Math.sqrt(across * across + down * down);
  });
  expect(distance((await attribute(sobel, probe(), { rng: streams("a") })).data, want)).toBeLessThan(1e-6);
});

it("sobel is zero on a flat image and strong along an edge", async () => {
  const image = (f: (j: number) => number) =>
    float32(
      [1, 4, 6],
      Float32Array.from({ length: 24 }, (_, at) => f(at % 6)),
    );
  const run = (picture: ReturnType<typeof image>) =>
    attribute(
      sobel,
      analyticProbe({ shape: { channels: 1, height: 4, width: 6 }, logits: () => [0] }, picture),
      { rng: streams("a") },
    );
  expect((await run(image(() => 0.7))).data.every((v) => v === 0)).toBe(true);
  expect([...(await run(image((j) => (j < 3 ? 0 : 1)))).data.subarray(0, 6)]).toEqual([0, 0, 4, 4, 0, 0]);
});
