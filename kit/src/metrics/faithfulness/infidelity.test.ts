import { describe, expect, it } from "vitest";
import {
  analyticProbe,
  dot,
  linear,
  noiseImage,
  normalTensor,
  reluNet,
  streams,
} from "../../../test/analytic-probe.ts";
import { mapOf, numberOf, scoreMethod, scoreOf } from "../../../test/scored.ts";
import { constant } from "../../methods/constant.ts";
import { inputXGradient } from "../../methods/input-x-gradient.ts";
import { toMap } from "../../methods/method.ts";
import { type Float32Tensor, float32 } from "../../onnx/tensor.ts";
import { infidelity } from "./infidelity.ts";

const shape = { channels: 2, height: 9, width: 5 };
const pixels = 45;
const x = noiseImage(shape, "infidelity");
const net = reluNet(shape, "infidelity");
// partly right: a score strictly between 0 and 1
const slope = net.gradient!(x.data, 0);
const map = float32(
  [9, 5],
  normalTensor([9, 5], "map").data.map((v, i) => {
    const share = (at: number) => (x.data[at] - 0.5) * slope[at];
    return share(i) + share(45 + i) + 0.3 * v;
  }),
);

/** The pixels the k-th mask hides, from the same stream, by the formula of the cell. */
function hiddenPixels(draws: number, grid: number, hidden: number): number[][] {
  const rng = streams("metric")("infidelity masks");
  return Array.from({ length: draws }, () => {
    const cells = [...rng.permutation(grid * grid)].slice(0, hidden);
    const found: number[] = [];
    for (let i = 0; i < 9; i++) {
      for (let j = 0; j < 5; j++) {
        if (cells.includes(Math.floor((grid * i) / 9) * grid + Math.floor((grid * j) / 5)))
          found.push(5 * i + j);
      }
    }
    return found;
  });
}

/** min over β ≥ 0 of Σ(βa − b)²/Σb², by the definition. */
function literal(falls: readonly number[], sums: readonly number[]): number {
  const beta = Math.max(0, dot(sums, falls) / dot(sums, sums));
  return (
    sums.reduce((total, a, k) => total + (beta * a - falls[k]) ** 2, 0) /
    falls.reduce((total, b) => total + b ** 2, 0)
  );
}

function expected(phi: Float32Tensor, masks: readonly number[][], fill: number): number {
  const f = (image: Float32Array) => Number(net.logits(image)[0]);
  const falls = masks.map(
    (own) => f(x.data) - f(x.data.map((v, i) => (own.includes(i % pixels) ? fill : v))),
  );
  return literal(
    falls,
    masks.map((own) => own.reduce((sum, i) => sum + phi.data[i], 0)),
  );
}

describe("infidelity", () => {
  it.each([
    [64, 7, 10, "mean"],
    [9, 4, 3, "black"],
    [5, 2, 1, "mean"],
    [6, 12, 30, "mean"], // cells without a pixel
  ])("is its formula: %i masks of %i×%i cells", async (draws, grid, hidden, reference) => {
    const params = { draws, grid, hidden, reference };
    const want = expected(map, hiddenPixels(draws, grid, hidden), reference === "black" ? 0 : 0.5);
    const found = numberOf(await scoreOf(infidelity, analyticProbe(net, x), map, { params }));
    expect(found).toBeCloseTo(want, 5);
    const flipped = float32(
      map.dims,
      map.data.map((v) => -v),
    );
    const other = numberOf(await scoreOf(infidelity, analyticProbe(net, x), flipped, { params }));
    expect(other).toBeCloseTo(
      expected(flipped, hiddenPixels(draws, grid, hidden), reference === "black" ? 0 : 0.5),
      5,
    );
    expect(found).toBeLessThan(0.99);
    expect(other).toBe(1); // the wrong sign
  });

  it("takes masks and a baseline in place of its own", async () => {
    const own = hiddenPixels(12, 3, 4);
    const masks = float32(
      [12, 9, 5],
      Float32Array.from(own.flatMap((p) => Array.from({ length: 45 }, (_, i) => (p.includes(i) ? 1 : 0)))),
    );
    const baseline = float32([2, 9, 5], new Float32Array(90).fill(0.25));
    const probe = analyticProbe(net, x);
    await scoreOf(infidelity, probe, map); // what is kept for all methods must not answer
    expect(await scoreOf(infidelity, probe, map, { given: { masks, baseline } })).toBeCloseTo(
      expected(map, own, 0.25),
      5,
    );
    expect(await scoreOf(infidelity, probe, map, { given: { masks } })).toBeCloseTo(
      expected(map, own, 0.5),
      5,
    );
    const masked = expected(map, hiddenPixels(64, 7, 10), 0.25);
    expect(await scoreOf(infidelity, probe, map, { given: { baseline } })).toBeCloseTo(masked, 5);
    await expect(scoreOf(infidelity, probe, map, { given: { masks: map } })).rejects.toMatchObject({
      next: "expected [N, 9, 5]",
    });
  });

  it("is 0 for the exact contributions of a linear model, at any positive scale, and 1 for their opposite", async () => {
    const model = linear(shape, [normalTensor([90], "w").data], [0.4]);
    const phi = toMap(
      float32(
        x.dims,
        x.data.map((v, i) => (v - 0.5) * Number(model.gradient(x.data, 0)[i])),
      ),
      "sum",
    );
    const scaled = (s: number) =>
      float32(
        phi.dims,
        phi.data.map((v) => s * v),
      );
    for (const s of [1, 1e-6, 1e6])
      expect(numberOf(await scoreOf(infidelity, analyticProbe(model, x), scaled(s)))).toBeLessThan(1e-9);
    expect(await scoreOf(infidelity, analyticProbe(model, x), scaled(-1))).toBe(1);
    expect(numberOf(await scoreMethod(infidelity, analyticProbe(model, x), inputXGradient))).toBeLessThan(
      1e-9,
    );
  });

  it("does not depend on the scale of the map", async () => {
    const run = async (s: number) =>
      numberOf(
        await scoreOf(
          infidelity,
          analyticProbe(net, x),
          float32(
            map.dims,
            map.data.map((v) => s * v),
          ),
        ),
      );
    const one = await run(1);
    for (const s of [1e-12, 0.37, 1e9]) expect(await run(s)).toBeCloseTo(one, 5);
  });

  it.each(Array.from({ length: 12 }, (_, k) => k))(
    "lies in [0, 1], is 1 for the negated gradient, and free of scale: net %i",
    async (k) => {
      const own = reluNet(shape, `net ${k}`);
      const probe = analyticProbe(own, x);
      const scaled = (phi: Float32Tensor, s: number) =>
        float32(
          phi.dims,
          phi.data.map((v) => s * v),
        );
      const run = async (phi: Float32Tensor, s: number) =>
        numberOf(await scoreOf(infidelity, probe, scaled(phi, s)));
      const phi = normalTensor([9, 5], `phi ${k}`);
      const values = [await run(phi, 1), await run(phi, -1)];
      expect(Math.max(...values)).toBe(1);
      expect(Math.min(...values)).toBeGreaterThan(0);
      expect(Math.min(...values)).toBeLessThan(1);
      expect(await run(phi, 1e6)).toBeCloseTo(values[0], 6);
      // so near the reference that the net is all but straight on the way there
      const near = float32(
        x.dims,
        x.data.map((v) => 0.5 + 0.1 * (v - 0.5)),
      );
      const slope = own.gradient!(near.data, 0);
      const shares = near.data.map((v, i) => (v - 0.5) * Number(slope[i]));
      const gradient = (s: number) =>
        scoreOf(infidelity, analyticProbe(own, near), scaled(toMap(float32(x.dims, shares), "sum"), s));
      expect(numberOf(await gradient(1))).toBeLessThan(1);
      expect(await gradient(-1)).toBe(1);
    },
  );

  it("is 1 for a zero map: it explains nothing", async () => {
    expect(
      await scoreOf(
        infidelity,
        analyticProbe(net, x),
        mapOf(...Array.from({ length: 9 }, () => Array(5).fill(0))),
      ),
    ).toBe(1);
  });

  it("gives a constant map what hiding so many pixels explains, not 0", async () => {
    const masks = hiddenPixels(64, 7, 10);
    const flat = float32([9, 5], new Float32Array(45).fill(1));
    expect(await scoreMethod(infidelity, analyticProbe(net, x), constant)).toBeCloseTo(
      expected(flat, masks, 0.5),
      5,
    );
  });

  it("hides exactly the asked cells where the grid divides the image", async () => {
    const square = { channels: 1, height: 14, width: 7 };
    const image = float32([1, 14, 7], new Float32Array(98).fill(1));
    const seen: number[] = [];
    const counting = {
      shape: square,
      logits: (p: Float32Array) => {
        const dark = p.reduce((n, v) => n + (v === 0 ? 1 : 0), 0);
        seen.push(dark);
        return [dark];
      },
    };
    const probe = analyticProbe(counting, image);
    seen.length = 0;
    await scoreOf(infidelity, probe, float32([14, 7], new Float32Array(98).fill(1)), {
      params: { reference: "black" },
    });
    expect(seen).toEqual([0, ...Array(64).fill(10 * 2)]);
  });

  it("asks the model once for all methods of a sample", async () => {
    const probe = analyticProbe(net, x);
    await scoreOf(infidelity, probe, map);
    await scoreOf(infidelity, probe, normalTensor([9, 5], "another"));
    expect(probe.model.passes.forwards).toBe(65);
    const others = await scoreOf(infidelity, probe, map, { params: { draws: 7 } }); // x itself is not asked again
    expect(probe.model.passes.forwards).toBe(65 + 7);
    expect(others).toBe(await scoreOf(infidelity, analyticProbe(net, x), map, { params: { draws: 7 } }));
  });

  it("skips where the score does not react, and what is no number", async () => {
    const deaf = { shape, logits: () => [3, 1] };
    expect(await scoreOf(infidelity, analyticProbe(deaf, x), map)).toEqual({
      skip: "the score does not react to hiding cells",
    });
    const mute = { shape, logits: () => [Number.NaN] };
    expect(await scoreOf(infidelity, analyticProbe(mute, x), map)).toEqual({
      skip: "the model's output is not finite",
    });
    const broken = float32(
      map.dims,
      map.data.map((v, i) => (i === 7 ? Number.NaN : v)),
    );
    expect(await scoreOf(infidelity, analyticProbe(net, x), broken)).toEqual({ skip: "map is not finite" });
  });

  it("refuses to hide more cells than there are", async () => {
    await expect(
      scoreOf(infidelity, analyticProbe(net, x), map, { params: { grid: 3 } }),
    ).rejects.toMatchObject({
      code: "E_PARAM",
      message: "infidelity: hidden 10 is more than the 9 cells of grid 3",
    });
  });
});
