import { describe, expect, it } from "vitest";
import {
  analyticModel,
  distance,
  linear,
  noiseImage,
  normalTensor,
  reluNet,
  streams,
} from "../../test/analytic-probe.ts";
import { createProbe } from "../model/probe.ts";
import { float32 } from "../onnx/tensor.ts";
import { attribute } from "./method.ts";
import { occlusion } from "./occlusion.ts";

const rng = streams("occlusion");

/** Every window position in steps of `stride` until one reaches the edge; for each pixel, the windows that hold it. */
function literal(
  f: (image: number[][][]) => number,
  image: number[][][],
  fill: number,
  window: number,
  stride: number,
) {
  const [height, width] = [image[0].length, image[0][0].length];
  const corners = (side: number) => {
    const found = [0];
    while (found[found.length - 1] + window < side) found.push(found[found.length - 1] + stride);
    return found;
  };
  const inside = (i: number, top: number) => i >= top && i < top + window;
  const windows = corners(height).flatMap((top) => corners(width).map((left) => ({ top, left })));
  const falls = windows.map(
    ({ top, left }) =>
      f(image) -
      f(
        image.map((plane) =>
          plane.map((row, i) => row.map((v, j) => (inside(i, top) && inside(j, left) ? fill : v))),
        ),
      ),
  );
  const map = image[0].flatMap((row, i) =>
    row.map((_, j) => {
      const own = falls.filter((_, k) => inside(i, windows[k].top) && inside(j, windows[k].left));
      return own.reduce((a, b) => a + b) / own.length;
    }),
  );
  return { map, count: windows.length };
}

describe("occlusion", () => {
  const sizes: [number, number, number, number][] = [
    // height, width, window, stride
    [9, 7, 3, 2],
    [7, 9, 3, 3],
    [8, 8, 3, 2], // the last window is clipped
    [5, 7, 4, 1],
    [5, 3, 20, 7], // larger than the image
    [4, 9, 5, 5],
    [1, 1, 1, 1],
    [6, 6, 6, 6],
  ];

  it.each(sizes)(
    "is the literal mean fall on %i×%i with window %i, stride %i",
    async (height, width, window, stride) => {
      const shape = { channels: 2, height, width };
      const net = reluNet(
        shape.height * shape.width < 4 ? { channels: 4, height, width } : shape,
        "occlusion",
      );
      const x = noiseImage(net.shape, "occlusion");
      const f = (image: number[][][]) => Number(net.logits(Float32Array.from(image.flat(2)))[1]);
      const image = Array.from({ length: net.shape.channels }, (_, c) =>
        Array.from({ length: height }, (_, i) =>
          Array.from(x.data.subarray((c * height + i) * width, (c * height + i + 1) * width)),
        ),
      );
      const { map, count } = literal(f, image, 0.5, window, stride);
      const probe = createProbe({ model: analyticModel(net), x, target: 1 });
      const { dims, data } = await attribute(occlusion, probe, { rng, params: { window, stride } });
      expect(dims).toEqual([height, width]);
      expect(distance(data, map)).toBeLessThan(1e-5);
      expect(occlusion.cost({ window, stride, fill: "mean" }, { height, width }).forwards).toBe(count + 1);
    },
  );

  it("gives a linear model's contributions with a window of one pixel", async () => {
    const shape = { channels: 2, height: 3, width: 4 };
    const x = noiseImage(shape, "linear");
    const w = normalTensor([24], "w").data;
    const probe = createProbe({ model: analyticModel(linear(shape, [w])), x, target: 0 });
    const { data } = await attribute(occlusion, probe, { rng, params: { window: 1, fill: "black" } });
    const want = Array.from({ length: 12 }, (_, i) => w[i] * x.data[i] + w[12 + i] * x.data[12 + i]);
    expect(distance(data, want)).toBeLessThan(2e-6);
    const baseline = float32([2, 3, 4], new Float32Array(24).fill(0.5));
    const mean = await attribute(occlusion, probe, { rng, params: { window: 1 } });
    expect(
      await attribute(occlusion, probe, { rng, params: { window: 1, fill: "black" }, given: { baseline } }),
    ).toEqual(mean);
  });

  it("takes a window of a seventh of the shorter side and half of it as stride", () => {
    const cost = (height: number, width: number) =>
      occlusion.cost({ window: 0, stride: 0 }, { height, width }).forwards;
    expect(cost(224, 224)).toBe(170); // 32, 16: 13²
    expect(cost(28, 28)).toBe(13 * 13 + 1); // 4, 2
    expect(cost(35, 40)).toBe(11 * 13 + 1); // 5, 3
    expect(cost(7, 9)).toBe(7 * 9 + 1); // 1, 1
  });

  it("refuses a stride that would leave pixels unhidden", async () => {
    const shape = { channels: 4, height: 4, width: 4 };
    const model = analyticModel(reluNet(shape, "gap"));
    const probe = createProbe({ model, x: noiseImage(shape, "gap"), target: 0 });
    await expect(
      attribute(occlusion, probe, { rng, params: { window: 2, stride: 3 } }),
    ).rejects.toMatchObject({
      code: "E_PARAM",
      message: "occlusion: stride 3 is larger than window 2, some pixels would never be hidden",
    });
    expect(model.passes.forwards).toBe(0);
  });
});
