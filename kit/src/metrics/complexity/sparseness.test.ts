import { expect, it } from "vitest";
import { analyticProbe, linear, noiseImage, normalTensor } from "../../../test/analytic-probe.ts";
import { mapOf, numberOf, scoreOf } from "../../../test/scored.ts";
import { sparseness } from "./sparseness.ts";

const shape = { channels: 1, height: 3, width: 5 };
const x = noiseImage(shape, "sparseness");
const probe = analyticProbe(linear(shape, [x.data]), x);
const row = (...values: number[]) => mapOf(values.slice(0, 5), values.slice(5, 10), values.slice(10, 15));
const run = (map: ReturnType<typeof row>) => scoreOf(sparseness, probe, map);

it("is the mean absolute difference over twice the mean, of sizes", async () => {
  const map = normalTensor([3, 5], "sparseness");
  const v = Array.from(map.data, Math.abs);
  const mean = v.reduce((a, b) => a + b) / 15;
  const differences = v.flatMap((a) => v.map((b) => Math.abs(a - b))).reduce((a, b) => a + b) / 225;
  expect(await run(map)).toBeCloseTo(differences / (2 * mean), 12);
});

it("runs from a constant map to a single pixel, whatever scale and sign", async () => {
  expect(await run(row(...Array(15).fill(3)))).toBe(0);
  expect(await run(row(...Array.from({ length: 15 }, (_, i) => (i % 2 ? 2 : -2))))).toBe(0);
  for (const v of [1, -1e-6, 1e6]) {
    expect(numberOf(await run(row(...Array.from({ length: 15 }, (_, i) => (i === 7 ? v : 0)))))).toBeCloseTo(
      1 - 1 / 15,
      12,
    );
  }
});

it("skips a zero map and one that is no number", async () => {
  expect(await run(row(...Array(15).fill(0)))).toEqual({ skip: "map is zero" });
  expect(await run(row(...Array(14).fill(0), Number.NaN))).toEqual({ skip: "map is not finite" });
});

it("of uniform noise is a third", async () => {
  const wide = { channels: 1, height: 60, width: 60 };
  const noise = noiseImage(wide, "wide");
  const map = { ...noise, dims: [60, 60] };
  const gini = numberOf(await scoreOf(sparseness, analyticProbe(linear(wide, [noise.data]), noise), map));
  // the control's expected value: E|a − b| / 2E a = (1/3)/(2 · 1/2); sd below 0.3/√n
  expect(Math.abs(gini - 1 / 3)).toBeLessThan((3 * 0.3) / 60);
});
