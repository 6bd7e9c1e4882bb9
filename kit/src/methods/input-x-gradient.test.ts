import { describe, expect, it } from "vitest";
import { analyticProbe, distance, linear, noiseImage, reluNet, streams } from "../../test/analytic-probe.ts";
import { blurred } from "../model/image.ts";
import { float32 } from "../onnx/tensor.ts";
import { inputXGradient } from "./input-x-gradient.ts";
import { attribute } from "./method.ts";

const shape = { channels: 2, height: 3, width: 5 };
const x = noiseImage(shape, "ixg");
const rng = streams("ixg");

describe("input-x-gradient", () => {
  const net = { ...reluNet(shape, "ixg"), meanColour: [0.25, 0.75] };
  const g = Float32Array.from(net.gradient!(x.data, 0));
  const blur = blurred(x, 0.045 * 5).data;
  const references: [string, (i: number) => number][] = [
    ["mean", (i) => (i < 15 ? 0.25 : 0.75)],
    ["black", () => 0],
    ["blur", (i) => blur[i]],
  ];

  it.each(references)("is (x − r) times the gradient, r = %s", async (reference, r) => {
    const { data } = await attribute(inputXGradient, analyticProbe(net, x), { rng, params: { reference } });
    expect(
      distance(
        data,
        x.data.map((v, i) => (v - r(i)) * g[i]),
      ),
    ).toBeLessThan(1e-6);
  });

  it("takes a baseline in place of the reference", async () => {
    const baseline = noiseImage(shape, "baseline");
    const run = (given: Record<string, typeof baseline>, params = {}) =>
      attribute(inputXGradient, analyticProbe(net, x), { rng, given, params });
    const black = float32([1, 2, 3, 5], new Float32Array(30));
    expect(await run({ baseline: black })).toEqual(await run({}, { reference: "black" }));
    expect((await run({ baseline: x })).data.every((v) => v === 0)).toBe(true);
    await expect(run({ baseline: float32([3, 5], new Float32Array(15)) })).rejects.toMatchObject({
      code: "E_INPUT",
      message: 'input "baseline" has dims [3, 5]',
      next: "expected [2, 3, 5]",
    });
  });

  it("gives a linear model's exact contributions", async () => {
    const w = noiseImage(shape, "w").data;
    const model = linear(shape, [w], [0.3]);
    const { data } = await attribute(inputXGradient, analyticProbe(model, x), { rng });
    const [fall] = [
      Number(model.logits(x.data)[0]) - Number(model.logits(new Float32Array(30).fill(0.5))[0]),
    ];
    expect(data.reduce((a, b) => a + b)).toBeCloseTo(fall, 5);
  });
});
