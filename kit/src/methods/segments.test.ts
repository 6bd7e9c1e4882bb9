import { describe, expect, it } from "vitest";
import { analyticModel, distance, linear, noiseImage, reluNet, streams } from "../../test/analytic-probe.ts";
import { createProbe } from "../model/probe.ts";
import { float32 } from "../onnx/tensor.ts";
import { featureAblation } from "./feature-ablation.ts";
import { kernelShap } from "./kernel-shap.ts";
import { lime } from "./lime.ts";
import { attribute, type Method } from "./method.ts";
import { occlusion } from "./occlusion.ts";
import { gridOf } from "./segments.ts";
import { shapleyValueSampling } from "./shapley-value-sampling.ts";

const rng = streams("segments");
const sum = (values: ArrayLike<number>) => Array.from(values).reduce((a, b) => a + b, 0);

describe("gridOf", () => {
  it.each([
    [7, 9, 7],
    [28, 28, 7],
    [64, 48, 7],
    [9, 5, 2],
    [4, 6, 1],
  ])("puts pixel (i, j) of %i×%i into cell (⌊ni/H⌋, ⌊nj/W⌋), n = %i", (height, width, n) => {
    const side = Math.min(n, height);
    const { of, count, dims } = gridOf({ height, width }, n);
    expect(dims).toEqual([side, Math.min(n, width)]);
    for (let i = 0; i < height; i++) {
      for (let j = 0; j < width; j++) {
        const [row, column] = [Math.floor((n * i) / height), Math.floor((n * j) / width)];
        expect(of[i * width + j]).toBe(row * dims[1] + column);
      }
    }
    expect(new Set(of).size).toBe(count);
  });

  it("has no empty cell where a side has fewer pixels than cells", () => {
    expect([...gridOf({ height: 2, width: 4 }, 3).of]).toEqual([0, 0, 1, 2, 3, 3, 4, 5]);
  });
});

describe.each([featureAblation, shapleyValueSampling, kernelShap, lime].map((m) => [m.id, m] as const))(
  "segments, %s",
  (_, method: Method) => {
    const shape = { channels: 2, height: 3, width: 4 };
    const x = noiseImage(shape, "segments");
    const net = reluNet(shape, "segments");
    const run = (options: Partial<Parameters<typeof attribute>[2]> = {}) =>
      attribute(method, createProbe({ model: analyticModel(net), x, target: 0 }), { rng, ...options });
    const labels = float32([3, 4], Float32Array.of(9, 9, -3, -3, 9, 4, 4, -3, 9, 4, 4, -3));

    it("gives each pixel and channel of a cell the same part of its share", async () => {
      const params = { grid: 2 };
      const raw = await run({ params, raw: true });
      const { dims, data } = await run({ params });
      expect(raw.dims).toEqual([2, 2]);
      expect(dims).toEqual([2, 3, 4]);
      const { of } = gridOf(shape, 2);
      const pixels = [4, 4, 2, 2]; // rows 0 and 1, then row 2
      expect(
        distance(
          data,
          Float32Array.from(data, (_, i) => raw.data[of[i % 12]] / (2 * pixels[of[i % 12]])),
        ),
      ).toBe(0);
      expect(sum(data)).toBeCloseTo(sum(raw.data), 5);
    });

    it("takes a label image, in ascending order of labels, with or without an axis of 1", async () => {
      const raw = await run({ given: { segments: labels }, raw: true });
      expect(raw.dims).toEqual([3]);
      const names = [-3, 4, 9];
      const whole = await run({ given: { segments: { ...labels, dims: [1, 3, 4] } } });
      expect(
        distance(
          whole.data,
          Float32Array.from(whole.data, (_, i) => raw.data[names.indexOf(labels.data[i % 12])] / 8),
        ),
      ).toBeLessThan(1e-6);
    });

    it("agrees with itself when the labels are those of its grid", async () => {
      const segments = float32([3, 4], Float32Array.from(gridOf(shape, 2).of));
      expect(await run({ given: { segments } })).toEqual(await run({ params: { grid: 2 } }));
    });

    it("gives all to a single segment, as far as it can", async () => {
      const { data } = await run({ params: { grid: 1 }, raw: true });
      expect(data).toHaveLength(1);
      expect(Number.isFinite(data[0])).toBe(true);
    });

    it("reads `baseline` in place of the reference", async () => {
      expect((await run({ given: { baseline: x } })).data.every((v) => Math.abs(v) < 1e-6)).toBe(true);
      const black = float32(x.dims, new Float32Array(24));
      expect(await run({ given: { baseline: black } })).toEqual(
        await run({ params: { reference: "black" } }),
      );
    });

    it.each([
      ["of other dims", float32([4, 3], labels.data), 'input "segments" has dims [4, 3]', "expected [3, 4]"],
      [
        "that are not numbers",
        float32(
          [3, 4],
          labels.data.map((v) => (v === 4 ? Number.NaN : v)),
        ),
        'input "segments" holds labels that are no finite numbers',
        "give each pixel the number of its segment",
      ],
    ])("refuses labels %s", async (_, segments, message, next) => {
      await expect(run({ given: { segments } })).rejects.toMatchObject({ code: "E_INPUT", message, next });
    });
  },
);

describe.each([kernelShap, lime].map((m) => [m.id, m] as const))("coalitions, %s", (_, method) => {
  const shape = { channels: 1, height: 2, width: 4 };
  const x = noiseImage(shape, "coalitions");
  const run = (coalitions: ReturnType<typeof float32>) =>
    attribute(method, createProbe({ model: analyticModel(linear(shape, [x.data])), x, target: 0 }), {
      rng,
      params: { grid: 2 },
      given: { coalitions },
    });

  it("refuses those of other segments, and what is neither 0 nor 1", async () => {
    await expect(run(float32([2, 3], new Float32Array(6)))).rejects.toMatchObject({
      code: "E_INPUT",
      message: 'input "coalitions" has dims [2, 3]',
      next: "expected [N, 4]",
    });
    await expect(run(float32([1, 4], Float32Array.of(0, 1, 0.5, 0)))).rejects.toMatchObject({
      code: "E_INPUT",
      message: 'input "coalitions" holds 0.5',
      next: "1 where a segment shows the image, 0 where it shows the reference",
    });
  });
});

it("raw is refused by methods that have no map of their own", async () => {
  const shape = { channels: 1, height: 2, width: 2 };
  const x = noiseImage(shape, "raw");
  const probe = createProbe({ model: analyticModel(linear(shape, [[1, 2, 3, 4]])), x, target: 0 });
  await expect(attribute(occlusion, probe, { rng, raw: true })).rejects.toMatchObject({
    code: "E_PARAM",
    message: "occlusion has no map at a resolution of its own",
  });
});
