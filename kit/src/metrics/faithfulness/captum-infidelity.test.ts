/** infidelity-raw and infidelity-scaled. */
import { describe, expect, it } from "vitest";
import {
  analyticProbe,
  linear,
  noiseImage,
  normalTensor,
  reluNet,
  streams,
} from "../../../test/analytic-probe.ts";
import { numberOf, scoreMethod, scoreOf } from "../../../test/scored.ts";
import { saliency } from "../../methods/saliency.ts";
import { type Float32Tensor, float32 } from "../../onnx/tensor.ts";
import { infidelityRaw } from "./infidelity-raw.ts";
import { infidelityScaled } from "./infidelity-scaled.ts";

const shape = { channels: 2, height: 3, width: 5 };
const x = noiseImage(shape, "captum");
const net = reluNet(shape, "captum");
const phi = normalTensor([2, 3, 5], "phi");
const I = normalTensor([7, 2, 3, 5], "I", 0.3);
const scaled = (t: Float32Tensor, s: number) =>
  float32(
    t.dims,
    t.data.map((v) => s * v),
  );

/** Mean over draws of (β Σ I Φ − (f(x) − f(x − I)))². */
function literal(steps: Float32Tensor, of: (i: number) => number, best: boolean): number {
  const f = (image: Float32Array) => Number(net.logits(image)[0]);
  const draws = steps.dims[0];
  const pairs = Array.from({ length: draws }, (_, k) => {
    const own = steps.data.slice(30 * k, 30 * k + 30);
    return {
      a: own.reduce((s, v, i) => s + v * of(i), 0),
      b: f(x.data) - f(x.data.map((v, i) => v - own[i])),
    };
  });
  const sum = (g: (p: { a: number; b: number }) => number) => pairs.reduce((s, p) => s + g(p), 0);
  const beta = best ? sum((p) => p.a * p.b) / sum((p) => p.a ** 2) : 1;
  return sum((p) => (beta * p.a - p.b) ** 2) / draws;
}

describe.each([
  [infidelityRaw.id, infidelityRaw, false],
  [infidelityScaled.id, infidelityScaled, true],
] as const)("%s", (_, metric, best) => {
  it("is its formula on supplied perturbations", async () => {
    const run = (attribution: Float32Tensor) =>
      scoreOf(metric, analyticProbe(net, x), attribution, {
        given: { perturbations: I },
        params: { draws: 2 },
      });
    expect(await run(phi)).toBeCloseTo(
      literal(I, (i) => phi.data[i], best),
      4,
    );
    // a map counts for every channel
    const map = normalTensor([3, 5], "map");
    expect(await run(map)).toBeCloseTo(
      literal(I, (i) => map.data[i % 15], best),
      4,
    );
  });

  it("draws normal perturbations of its own, as many as told", async () => {
    const drawn = Array.from({ length: 4 }, (_, k) => {
      const stream = streams("metric")(`infidelity perturbation ${k}`);
      return Array.from({ length: 30 }, () => 0.2 * stream.normal());
    });
    const steps = float32([4, 2, 3, 5], Float32Array.from(drawn.flat()));
    const found = await scoreOf(metric, analyticProbe(net, x), phi, { params: { draws: 4, sigma: 0.2 } });
    expect(found).toBeCloseTo(
      literal(steps, (i) => phi.data[i], best),
      4,
    );
  });

  it("is 0 for the gradient of a linear model", async () => {
    const model = linear(shape, [normalTensor([30], "w").data], [2]);
    const perturbations = I;
    expect(
      numberOf(await scoreMethod(metric, analyticProbe(model, x), saliency, { given: { perturbations } })),
    ).toBeLessThan(1e-11);
  });

  it("is the mean square fall for a zero attribution", async () => {
    const zero = scaled(phi, 0);
    const given = { perturbations: I };
    expect(await scoreOf(metric, analyticProbe(net, x), zero, { given })).toBeCloseTo(
      literal(I, () => 0, false),
      4,
    );
  });

  it("skips what is no number, from the attribution or the model", async () => {
    const broken = float32(
      phi.dims,
      phi.data.map((v, i) => (i === 4 ? Number.NaN : v)),
    );
    expect(await scoreOf(metric, analyticProbe(net, x), broken)).toEqual({
      skip: "attribution is not finite",
    });
    expect(await scoreOf(metric, analyticProbe({ shape, logits: () => [Number.NaN] }, x), phi)).toEqual({
      skip: "the model's output is not finite",
    });
  });

  it("refuses perturbations of other dims", async () => {
    const given = { perturbations: x };
    await expect(scoreOf(metric, analyticProbe(net, x), phi, { given })).rejects.toMatchObject({
      code: "E_INPUT",
      next: "expected [N, 2, 3, 5]",
    });
  });
});

it("only the scaled one is indifferent to scale and sign", async () => {
  const given = { perturbations: I };
  const run = async (metric: typeof infidelityRaw, s: number) =>
    numberOf(await scoreOf(metric, analyticProbe(net, x), scaled(phi, s), { given }));
  const one = await run(infidelityScaled, 1);
  for (const s of [-1, 1e-3, 50]) expect(await run(infidelityScaled, s)).toBeCloseTo(one, 4);
  expect(await run(infidelityRaw, 50)).toBeGreaterThan(10 * (await run(infidelityRaw, 1)));
});
