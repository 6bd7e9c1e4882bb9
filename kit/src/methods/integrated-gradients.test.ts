import { describe, expect, it } from "vitest";
import {
  analyticProbe,
  distance,
  linear,
  noiseImage,
  normalTensor,
  quadratic,
  reluNet,
  streams,
} from "../../test/analytic-probe.ts";
import { integratedGradients } from "./integrated-gradients.ts";
import { attribute } from "./method.ts";
import { quadratureRules } from "./quadrature.ts";

const shape = { channels: 2, height: 3, width: 5 };
const x = noiseImage(shape, "ig");
const rng = streams("ig");
const grey = new Float32Array(30).fill(0.5);
const sum = (values: Float32Array) => values.reduce((a, b) => a + b, 0);

describe.each(quadratureRules)("integrated-gradients, %s", (rule) => {
  const run = (probe: ReturnType<typeof analyticProbe>, steps: number) =>
    attribute(integratedGradients, probe, { rng, params: { rule, steps } });

  it("is w ⊙ (x − r) for a linear model, whatever the steps", async () => {
    const w = normalTensor([30], "w").data;
    const want = x.data.map((v, i) => w[i] * (v - 0.5));
    for (const steps of [1, 2, 7]) {
      expect(distance((await run(analyticProbe(linear(shape, [w]), x), steps)).data, want)).toBeLessThan(
        1e-6,
      );
    }
  });

  it("on a quadratic, is each pixel's share of f(x) − f(r), exactly or with the error of its ends", async () => {
    const a = normalTensor([30], "a").data;
    const b = normalTensor([30], "b").data;
    const probe = analyticProbe(quadratic(shape, a, b), x);
    const steps = 5;
    const { data } = await run(probe, steps);
    // the gradient is linear on the path: an end rule is off by half a step, (g(x) − g(r))/2n
    const off = { left: -1, right: 1 }[rule as string] ?? 0;
    const want = x.data.map((v, i) => {
      const share = a[i] * (v * v - 0.25) + b[i] * (v - 0.5);
      return share + (off * a[i] * (v - 0.5) ** 2) / steps;
    });
    expect(distance(data, want)).toBeLessThan(2e-6);
    if (off === 0) {
      const [empty] = await probe.scores(1, (_, out) => out.set(grey));
      expect(sum(data)).toBeCloseTo((await probe.score()) - empty, 4);
    }
  });

  it("comes close to completeness on ReLUs", async () => {
    const probe = analyticProbe(reluNet(shape, "ig"), x);
    const [empty] = await probe.scores(1, (_, out) => out.set(grey));
    const fall = (await probe.score()) - empty;
    expect(sum((await run(probe, 2000)).data) / fall).toBeCloseTo(1, 2);
  });
});

it("integrated-gradients gives nothing where the image is its own baseline", async () => {
  const probe = analyticProbe(reluNet(shape, "ig"), x);
  const { data } = await attribute(integratedGradients, probe, { rng, given: { baseline: x } });
  expect(data.every((v) => v === 0)).toBe(true);
});
