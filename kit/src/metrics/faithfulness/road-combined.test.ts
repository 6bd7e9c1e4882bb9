import { describe, expect, it } from "vitest";
import {
  analyticProbe,
  linear,
  noiseImage,
  normalTensor,
  reluNet,
  streams,
} from "../../../test/analytic-probe.ts";
import { mapOf, numberOf, scoreOf } from "../../../test/scored.ts";
import { type Float32Tensor, float32 } from "../../onnx/tensor.ts";
import { rngOf } from "../../rng.ts";
import { impute } from "./imputation.ts";
import { roadCombined } from "./road-combined.ts";

const shape = { channels: 2, height: 6, width: 7 };
const n = 42;
const x = noiseImage(shape, "road");
const net = reluNet(shape, "road");
const map = normalTensor([6, 7], "map");
const run = (params = {}, of = map, probe = analyticProbe(net, x)) =>
  scoreOf(roadCombined, probe, of, { params });

/** p of the image without these pixels, filled in and made noisy. */
function without(pixels: readonly number[], noise: number): number {
  const removed = new Uint8Array(n);
  for (const p of pixels) removed[p] = 1;
  const image = new Float32Array(84);
  impute(x, removed, image);
  const stream = streams("metric")("road noise");
  const normal = Array.from({ length: 84 }, () => stream.normal());
  const [p, q] = Array.from(
    net.logits(image.map((v, i) => (removed[i % n] === 1 ? v + noise * normal[i] : v))),
    Math.exp,
  );
  return p / (p + q);
}

it.each([
  [9, 0.01],
  [4, 0.01],
  [1, 0],
  [9, 0.3],
])("is half the mean gap at %i steps with noise %f", async (steps, noise) => {
  const order = Array.from({ length: n }, (_, p) => p).sort((a, b) => map.data[b] - map.data[a]);
  const counts = Array.from({ length: steps }, (_, k) => Math.round(((k + 1) * n) / (steps + 1)));
  const least = counts.map((k) => without(order.slice(n - k), noise));
  const most = counts.map((k) => without(order.slice(0, k), noise));
  const result = await run({ steps, noise });
  expect(numberOf(result)).toBeCloseTo(
    counts.reduce((sum, _, k) => sum + (least[k] - most[k]) / 2, 0) / steps,
    5,
  );
  if (typeof result === "number" || "skip" in result) throw new Error("no parts");
  const parts = result.parts as Record<string, number[]>;
  for (const [k, p] of least.entries()) expect(parts["least-first"][k]).toBeCloseTo(p, 5);
  for (const [k, p] of most.entries()) expect(parts["most-first"][k]).toBeCloseTo(p, 5);
});

it("removes 10, 20 … 90 % unless told", async () => {
  // a model that counts the pixels that are as they were
  const line = { channels: 1, height: 1, width: 100 };
  const image = noiseImage(line, "counted");
  const seen: number[] = [];
  const counting = {
    shape: line,
    link: "sigmoid" as const,
    logits: (v: Float32Array) => {
      seen.push(v.reduce((sum, w, i) => sum + Number(w !== image.data[i]), 0));
      return [0];
    },
  };
  await scoreOf(roadCombined, analyticProbe(counting, image), normalTensor([1, 100], "counted"));
  const shares = [10, 20, 30, 40, 50, 60, 70, 80, 90];
  // the first call asks how many classes there are
  expect(seen.slice(1)).toEqual([...shares, ...shares]);
});

describe("its ends", () => {
  it("changes sign with the map", async () => {
    const opposite = float32(
      map.dims,
      map.data.map((v) => -v),
    );
    expect(numberOf(await run({}, opposite))).toBeCloseTo(-numberOf(await run()), 12);
    expect(Math.abs(numberOf(await run()))).toBeGreaterThan(1e-3);
  });

  it("is 0 where the model sees nothing, and near its bound where it sees all in a few pixels", async () => {
    const blind = analyticProbe({ shape, logits: () => [1, 0] }, x);
    expect(numberOf(await run({}, map, blind))).toBe(0);
    // one bright pixel on black: filled in from its surroundings it is gone
    const spot = float32(
      [2, 6, 7],
      Float32Array.from({ length: 84 }, (_, i) => (i % n === 24 ? 1 : 0)),
    );
    const model = { ...linear(shape, [spot.data.map((v) => 40 * v)], [-40]), link: "sigmoid" as const };
    const own = float32([6, 7], spot.data.slice(0, n));
    const found = numberOf(await run({}, own, analyticProbe(model, spot)));
    expect(found).toBeGreaterThan(0.49);
    expect(found).toBeLessThanOrEqual(0.5);
  });

  it("averages 0 over random maps and over flat ones, whose order is drawn", async () => {
    const probe = analyticProbe(net, x);
    for (const draw of [
      (k: number) => ({ of: normalTensor([6, 7], `random ${k}`), rng: streams("metric") }),
      (k: number) => ({
        of: mapOf(...Array.from({ length: 6 }, () => Array(7).fill(1))),
        rng: (purpose: string) => rngOf("flat", k, purpose),
      }),
    ]) {
      const values: number[] = [];
      for (let k = 0; k < 200; k++) {
        const { of, rng } = draw(k);
        values.push(numberOf(await scoreOf(roadCombined, probe, of, { rng })));
      }
      const mean = values.reduce((a, b) => a + b) / 200;
      const sd = Math.sqrt(values.reduce((a, b) => a + (b - mean) ** 2, 0) / 199);
      expect(Math.abs(mean)).toBeLessThan((3 * sd) / Math.sqrt(200));
      expect(sd).toBeGreaterThan(1e-3);
    }
  });
});

it("reads the order of a map, with ties by one permutation per sample or by index", async () => {
  const ranks = float32(
    map.dims,
    map.data.map((v) => Math.exp(3 * v) - 40),
  );
  expect(await run({}, ranks)).toEqual(await run());
  const flat: Float32Tensor = mapOf(...Array.from({ length: 6 }, () => Array(7).fill(2)));
  const falling = float32(
    [6, 7],
    Float32Array.from({ length: n }, (_, p) => -p),
  );
  expect(await run({ ties: "index" }, flat)).toEqual(await run({}, falling));
  expect(await run({}, flat)).not.toEqual(await run({ ties: "index" }, flat));
});

it("skips what is no number", async () => {
  const broken = float32(
    map.dims,
    map.data.map((v, i) => (i === 3 ? Number.NaN : v)),
  );
  expect(await run({}, broken)).toEqual({ skip: "map is not finite" });
  const mute = analyticProbe({ shape, logits: () => [Number.NaN, 0] }, x);
  expect(await run({}, map, mute)).toEqual({ skip: "the model's output is not finite" });
});

it("refuses steps that leave nothing", async () => {
  await expect(run({ steps: 84 })).rejects.toMatchObject({
    code: "E_PARAM",
    message: "road-combined: 84 steps leave none of 42 pixels at the last",
  });
});
