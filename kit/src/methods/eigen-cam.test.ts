import { describe, expect, it } from "vitest";
import {
  type Analytic,
  analyticProbe,
  distance,
  noiseImage,
  reluNet,
  streams,
} from "../../test/analytic-probe.ts";
import { rngOf } from "../rng.ts";
import { eigenCam, firstProjection, leading } from "./eigen-cam.ts";
import { attribute } from "./method.ts";

const shape = { channels: 1, height: 5, width: 3 };
const x = noiseImage(shape, "eigen");
const rng = streams("eigen");

/** By numpy.linalg.svd of the centred [cells, channels]; the sign is such that it correlates with the mean over channels. */
const wide = [0.76, 0.12, 0.44, 0.33, 1.49, -0.21, 0.31, -0.85, -2.55, 0.65, 0.86, -0.74].concat([
  2.27, -1.45, 0.05, -0.19, 1.53, 1.47, 0.15, 0.38,
]);
const cases = [
  {
    name: "fewer channels than cells",
    channels: 3,
    values: [1.76, 0.4, 0.98, 2.24, 1.87, -0.98, 0.95, -0.15, -0.1, 0.41, 0.14, 1.45],
    wanted: [1.6069899853375618, -1.5212681185997508, 0.48759973056377814, -0.5733215973015897],
  },
  {
    name: "more channels than cells",
    channels: 5,
    values: wide,
    wanted: [3.317007502424139, -1.8671720436731853, -0.9721148394378212, -0.4777206193131321],
  },
];

const net = (values: readonly number[], channels: number): Analytic => ({
  shape,
  logits: () => [1, 0],
  cam: {
    channels,
    rows: 2,
    columns: 2,
    activation: () => values,
    gradient: (_, target) => values.map((_, i) => (target + 1) * ((i % 3) - 1)),
  },
});

describe("eigen-cam", () => {
  it.each(cases)(
    "is the first component as another computes it, $name",
    async ({ channels, values, wanted }) => {
      const probe = analyticProbe(net(values, channels), x);
      const { dims, data } = await attribute(eigenCam, probe, { rng, raw: true });
      expect(dims).toEqual([2, 2]);
      expect(distance(data, wanted)).toBeLessThan(1e-5);
      expect(probe.model.passes).toEqual({ forwards: 1, backwards: 0 });
    },
  );

  it("has the sign of the mean activation, whatever the sign of the channels", async () => {
    for (const turn of [1, -1]) {
      const values = cases[0].values.map((v) => turn * v);
      const { data } = await attribute(eigenCam, analyticProbe(net(values, 3), x), { rng, raw: true });
      expect(
        distance(
          data,
          cases[0].wanted.map((v) => turn * v),
        ),
      ).toBeLessThan(1e-5);
    }
  });

  it("does not change when channels are shifted, and knows no class", async () => {
    const shifted = cases[0].values.map((v, i) => v + Math.floor(i / 4));
    const of = (values: readonly number[], target: number) =>
      attribute(eigenCam, analyticProbe(net(values, 3), x, target), { rng, raw: true });
    expect(distance((await of(shifted, 0)).data, cases[0].wanted)).toBeLessThan(1e-5);
    expect(await of(cases[0].values, 1)).toEqual(await of(cases[0].values, 0));
  });

  it("of gradient times activation it knows the class", async () => {
    const { channels, values } = cases[0];
    const params = { of: "gradient-times-activation" };
    const probe = analyticProbe(net(values, channels), x);
    const { data } = await attribute(eigenCam, probe, { rng, raw: true, params });
    const products = Float32Array.from(values, (v, i) => v * ((i % 3) - 1));
    expect(data).toEqual(firstProjection({ channels, rows: 2, columns: 2 }, products).data);
    expect(distance(data, cases[0].wanted)).toBeGreaterThan(0.1);
    expect(probe.model.passes).toEqual({ forwards: 1, backwards: 1 });
  });

  it("is all 0 where the cells do not differ", async () => {
    const { data } = await attribute(eigenCam, analyticProbe(net([1, 1, 1, 1, 2, 2, 2, 2], 2), x), {
      rng,
      raw: true,
    });
    expect([...data]).toEqual([0, 0, 0, 0]);
  });

  it("is rectified at the image's size", async () => {
    const { dims, data } = await attribute(eigenCam, analyticProbe(reluNet(shape, "eigen"), x), { rng });
    expect(dims).toEqual([5, 3]);
    expect(Math.min(...data)).toBe(0);
    expect(Math.max(...data)).toBeGreaterThan(0);
  });
});

describe("leading", () => {
  it.each([2, 5, 40, 130])(
    "finds the largest eigenvalue of a matrix made from known ones, side %i",
    (side) => {
      // a Householder reflection of a diagonal: eigenvectors are its columns
      const stream = rngOf("leading", side);
      const u = Float64Array.from({ length: side }, () => stream.normal());
      const square = u.reduce((s, v) => s + v * v, 0);
      const q = (i: number, j: number) => (i === j ? 1 : 0) - (2 * u[i] * u[j]) / square;
      const values = Array.from({ length: side }, (_, i) => (i === 1 ? 3 : 2.9 / (i + 1)));
      const matrix = Float64Array.from({ length: side * side }, (_, at) => {
        const [i, j] = [Math.floor(at / side), at % side];
        return values.reduce((s, value, k) => s + q(i, k) * value * q(j, k), 0);
      });
      const { vector, value } = leading(matrix, side);
      expect(value).toBeCloseTo(3, 9);
      const sign = Math.sign(vector[0] * q(0, 1));
      expect(
        distance(
          vector,
          Array.from({ length: side }, (_, i) => sign * q(i, 1)),
        ),
      ).toBeLessThan(1e-7);
    },
  );

  it("is not misled by a largest diagonal, nor by equal eigenvalues", () => {
    const { value } = leading(Float64Array.from([5, 0, 0, 0, 4, 4, 0, 4, 4]), 3);
    expect(value).toBeCloseTo(8, 9);
    const both = leading(Float64Array.from([2, 0, 0, 2]), 2);
    expect(both.value).toBeCloseTo(2, 12);
    expect(Math.hypot(...both.vector)).toBeCloseTo(1, 12);
    expect(leading(new Float64Array(4), 2)).toEqual({ value: 0, vector: new Float64Array(2) });
  });
});
