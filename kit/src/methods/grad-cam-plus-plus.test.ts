import { describe, expect, it } from "vitest";
import { type Analytic, analyticProbe, distance, noiseImage, streams } from "../../test/analytic-probe.ts";
import { gradCamPlusPlus } from "./grad-cam-plus-plus.ts";
import { attribute } from "./method.ts";

const shape = { channels: 1, height: 4, width: 4 };
const x = noiseImage(shape, "plus plus");
const rng = streams("plus plus");
const activation = [0.5, 0, 1.5, 2, 0.25, 3, 0, 0.75];
const gradient = [0.4, -0.3, 0, 1.2, -0.1, 0.2, 0.6, 0];
const bias = -1.25;

/** A score that is linear behind the layer, so that all derivatives of exp(f) are known. */
const net = (a = activation, g = gradient): Analytic => ({
  shape,
  link: "sigmoid",
  logits: () => [bias + a.reduce((s, v, i) => s + v * g[i], 0)],
  cam: { channels: 2, rows: 2, columns: 2, activation: () => a, gradient: () => g },
});

const map = async (formula: Analytic, score: string, raw = true) =>
  (await attribute(gradCamPlusPlus, analyticProbe(formula, x), { rng, raw, params: { score } })).data;

/** Equations 8, 10 and 19 with Y = exp(f), derivative by derivative, then without the factor that the map has in common. */
function published(a: readonly number[], g: readonly number[]): number[] {
  const y = Math.exp(bias + a.reduce((s, v, i) => s + v * g[i], 0));
  const [first, second, third] = [1, 2, 3].map((n) => g.map((v) => y * v ** n));
  const weights = [0, 1].map((k) => {
    const cells = [0, 1, 2, 3].map((i) => 4 * k + i);
    const sum = cells.reduce((s, i) => s + a[i], 0);
    return cells.reduce((s, i) => {
      const below = 2 * second[i] + sum * third[i];
      const alpha = below === 0 ? 0 : second[i] / below;
      return s + alpha * Math.max(0, first[i]);
    }, 0);
  });
  return [0, 1, 2, 3].map((i) => (weights[0] * a[i] + weights[1] * a[4 + i]) / y);
}

describe("grad-cam-plus-plus", () => {
  it("is the published formula for exp(f), up to the factor exp(f)", async () => {
    expect(distance(await map(net(), "exp"), published(activation, gradient))).toBeLessThan(1e-6);
  });

  it("is the library's with `score=logit`, where 1e-6 stands in the denominator", async () => {
    const small = gradient.map((g) => g * 1e-3);
    const weights = [0, 1].map((k) => {
      const sum = [0, 1, 2, 3].reduce((s, i) => s + activation[4 * k + i], 0);
      return [0, 1, 2, 3].reduce((s, i) => {
        const g = small[4 * k + i];
        return s + (Math.max(g, 0) * g ** 2) / (2 * g ** 2 + sum * g ** 3 + 1e-6);
      }, 0);
    });
    const wanted = [0, 1, 2, 3].map((i) => weights[0] * activation[i] + weights[1] * activation[4 + i]);
    const scale = Math.max(...wanted);
    expect(distance(await map(net(activation, small), "logit"), wanted) / scale).toBeLessThan(1e-5);
    // it is felt where gradients are as small as that
    expect(distance(await map(net(activation, small), "exp"), wanted) / scale).toBeGreaterThan(0.1);
  });

  it("does not overflow, nor vanish where gradients are tiny", async () => {
    const steep = gradient.map((g) => g * 1e4);
    expect((await map(net(activation, steep), "exp")).every(Number.isFinite)).toBe(true);
    const flat = gradient.map((g) => g * 1e-30);
    // α is 1/2 there
    const weights = [0, 1].map((k) => [0, 1, 2, 3].reduce((s, i) => s + Math.max(flat[4 * k + i], 0) / 2, 0));
    const wanted = [0, 1, 2, 3].map((i) => weights[0] * activation[i] + weights[1] * activation[4 + i]);
    expect(distance(await map(net(activation, flat), "exp"), wanted)).toBeLessThan(1e-35);
  });

  it("gives 0 where α has a pole", async () => {
    const found = await map(net([-2, 0, 0, 0, 1, 0, 0, 0], [1, 0, 0, 0, 0, 0, 0, 0]), "exp");
    expect([...found]).toEqual([0, 0, 0, 0].map(() => expect.closeTo(0, 12)));
  });

  it("is rectified at the image's size without `raw`", async () => {
    const negative = activation.map((a) => -0.1 * a);
    const signed = await map(net(negative), "exp");
    expect(Math.min(...signed)).toBeLessThan(0);
    const shown = await map(net(negative), "exp", false);
    expect(shown).toHaveLength(16);
    expect(Math.min(...shown)).toBe(0);
  });
});
