import { describe, expect, it } from "vitest";
import { distance, streams } from "../../test/analytic-probe.ts";
import { captumImage, captumNet } from "../../test/rule-models.ts";
import { picture, smallCnn, smallModel, smallVit } from "../../test/small-models.ts";
import { createProbe } from "../model/probe.ts";
import { gradCam } from "./grad-cam.ts";
import { guidedBackprop } from "./guided-backprop.ts";
import { guidedGradCam } from "./guided-grad-cam.ts";
import { attribute } from "./method.ts";

const rng = streams("guided-grad-cam");
const x = picture("guided", 3, 6, 8);
const cnn = () => createProbe({ model: smallModel(smallCnn()), x, target: 2 });

describe("guided-grad-cam", () => {
  it("gives the numbers of Captum's test, by nearest", async () => {
    const model = smallModel(captumNet(), { preprocess: false, card: { camLayer: "relu1" } });
    const probe = createProbe({ model, x: captumImage, target: 0 });
    const { dims, data } = await attribute(guidedGradCam, probe, {
      params: { interpolation: "nearest" },
      rng,
    });
    expect(dims).toEqual([1, 4, 4]);
    expect(Array.from(data)).toEqual([0, 0, 4, 4, 0, 0, 12, 8, 28, 84, 97.5, 65, 28, 56, 65, 32.5]);
  });

  it("takes the upper left cell where cells and pixels do not divide", async () => {
    // 2×2 cells on 3×5 pixels of torch's nearest: rows 0 0 1, columns 0 0 0 1 1
    const graph = smallCnn({ height: 3, width: 5 });
    const strided = {
      ...graph,
      nodes: graph.nodes.map((n) =>
        n.op === "Conv"
          ? { ...n, attributes: { ...n.attributes, strides: { type: "ints" as const, value: [2, 3] } } }
          : n,
      ),
    };
    const small = picture("odd", 3, 3, 5);
    const probe = createProbe({ model: smallModel(strided), x: small, target: 1 });
    const { dims, data: cells } = await attribute(gradCam, probe, { rng, raw: true });
    expect(dims).toEqual([2, 2]);
    const guided = await attribute(guidedBackprop, probe, { rng });
    const at = [0, 0, 0, 1, 1, 0, 0, 0, 1, 1, 2, 2, 2, 3, 3];
    const { data } = await attribute(guidedGradCam, probe, { params: { interpolation: "nearest" }, rng });
    expect(data.some((v) => v !== 0)).toBe(true);
    expect(
      distance(
        data,
        guided.data.map((g, i) => g * Math.max(0, cells[at[i % 15]])),
      ),
    ).toBeLessThan(1e-7);
  });

  it("is the product of the two methods, for each channel", async () => {
    const [both, guided, cam] = await Promise.all(
      [guidedGradCam, guidedBackprop, gradCam].map((method) => attribute(method, cnn(), { rng })),
    );
    expect(both.dims).toEqual([3, 6, 8]);
    expect(both.data.some((v) => v < 0) && both.data.some((v) => v > 0)).toBe(true);
    expect(
      distance(
        both.data,
        guided.data.map((g, i) => g * cam.data[i % 48]),
      ),
    ).toBeLessThan(1e-7);
  });

  it("shares its passes with both", async () => {
    const probe = cnn();
    await attribute(guidedGradCam, probe, { rng });
    expect(probe.model.passes).toEqual({ forwards: 2, backwards: 2 });
    await attribute(gradCam, probe, { rng });
    await attribute(guidedBackprop, probe, { rng });
    expect(probe.model.passes).toEqual({ forwards: 2, backwards: 2 });
  });

  it("has no raw map, and refuses what guided backpropagation refuses", async () => {
    await expect(attribute(guidedGradCam, cnn(), { rng, raw: true })).rejects.toMatchObject({
      code: "E_PARAM",
    });
    expect(guidedGradCam.refuses?.(smallModel(smallVit()))).toContain("Softmax: 2 nodes");
  });
});
