import { describe, expect, it } from "vitest";
import { analyticProbe, linear, noiseImage } from "../../test/analytic-probe.ts";
import { mapOf, scoreOf } from "../../test/scored.ts";
import { float32 } from "../onnx/tensor.ts";
import { rngOf } from "../rng.ts";
import { sparseness } from "./complexity/sparseness.ts";
import { relevanceRankAccuracy } from "./localisation/relevance-rank-accuracy.ts";
import { maskOfBoxes } from "./metric.ts";
import { defect, descending } from "./order.ts";

const shape = { channels: 2, height: 2, width: 3 };
const x = noiseImage(shape, "metric");
const probe = analyticProbe(linear(shape, [x.data]), x);
const flat = mapOf([1, 2, 3], [4, 5, 6]);

describe("score", () => {
  it.each([[[3, 2]], [[1, 2, 3]], [[2, 3, 2]], [[6]], [[1, 2, 2, 3]]])(
    "refuses an attribution of dims %j",
    async (dims) => {
      const attribution = float32(dims, new Float32Array(dims.reduce((a, b) => a * b, 1)));
      await expect(scoreOf(sparseness, probe, attribution)).rejects.toMatchObject({
        code: "E_INPUT",
        message: `the attribution has dims [${dims.join(", ")}], the image [2, 2, 3]`,
        next: "give [C,H,W] or [H,W] at the size of the image",
      });
    },
  );

  it("refuses inputs and parameters the metric does not know", async () => {
    const given = { noise: flat };
    await expect(scoreOf(sparseness, probe, flat, { given })).rejects.toMatchObject({
      message: 'sparseness takes no input "noise"',
      next: "sparseness takes no inputs besides the attribution",
    });
    await expect(scoreOf(relevanceRankAccuracy, probe, flat, { given })).rejects.toMatchObject({
      next: "it takes: mask, boxes",
    });
    await expect(scoreOf(sparseness, probe, flat, { params: { k: 1 } })).rejects.toMatchObject({
      code: "E_PARAM",
    });
  });

  it("never lets a value that is no number out", async () => {
    const broken = { ...sparseness, score: async () => Number.NaN };
    const withParts = { ...sparseness, score: async () => ({ value: Number.POSITIVE_INFINITY, parts: {} }) };
    for (const metric of [broken, withParts]) {
      expect(await scoreOf(metric, probe, flat)).toEqual({ skip: "the model's output is not finite" });
    }
  });

  it("reads [C,H,W] and [H,W] masks and boxes, half-open", async () => {
    const run = (given: Record<string, typeof flat>) =>
      scoreOf(relevanceRankAccuracy, probe, flat, { given });
    expect(await run({ mask: mapOf([0, 0, 0], [0, 1, 1]) })).toBe(1);
    expect(await run({ mask: mapOf([0, 0, 0.5], [0, 0, 0.6]) })).toBe(1); // above a half
    expect(await run({ boxes: mapOf([1, 1, 3, 2]) })).toBe(1);
    expect(await run({ boxes: mapOf([0, 0, 1, 1], [2, 1, 3, 2]) })).toBe(0.5);
    await expect(run({ mask: mapOf([1, 1]) })).rejects.toMatchObject({ next: "expected [2, 3]" });
    await expect(run({ boxes: mapOf([1, 1]) })).rejects.toMatchObject({ next: "expected [N, 4]" });
  });
});

describe("maskOfBoxes", () => {
  const [height, width] = [4, 5];
  /** A pixel belongs to a box if its centre lies in [x0, x1) × [y0, y1). */
  const literal = (boxes: readonly number[][]) =>
    Array.from({ length: height * width }, (_, at) => {
      const [x, y] = [(at % width) + 0.5, Math.floor(at / width) + 0.5];
      return boxes.some(([x0, y0, x1, y1]) => x >= x0 && x < x1 && y >= y0 && y < y1) ? 1 : 0;
    });
  const cases: [string, number[][]][] = [
    ["whole pixels", [[1, 1, 3, 4]]],
    ["fractions", [[0.5, 0.4, 2.5, 2.6]]],
    ["a fraction of one pixel", [[1.6, 1.6, 1.9, 1.9]]],
    [
      "across the edge",
      [
        [-3, -2, 1, 1],
        [4, 3, 9, 9],
      ],
    ],
    [
      "outside",
      [
        [6, 0, 9, 4],
        [-5, 0, -1, 4],
        [0, 5, 5, 9],
        [0, -4, 5, -1],
      ],
    ],
    [
      "corners the wrong way round",
      [
        [3, 3, 1, 1],
        [-1, 2, -3, 3],
      ],
    ],
    [
      "overlapping",
      [
        [0, 0, 3, 3],
        [2, 2, 5, 4],
      ],
    ],
    ["none", []],
  ];

  it.each(cases)("%s", (_, boxes) => {
    const found = maskOfBoxes(
      boxes.map(([x0, y0, x1, y1]) => ({ x0, y0, x1, y1 })),
      height,
      width,
    );
    expect([...found]).toEqual(literal(boxes));
  });

  it("agrees with the literal rule on boxes drawn at random", () => {
    const rng = rngOf("boxes");
    for (let n = 0; n < 200; n++) {
      const box = Array.from({ length: 4 }, () => Math.round((rng.uniform() * 12 - 3) * 4) / 4);
      const [x0, y0, x1, y1] = box;
      expect([...maskOfBoxes([{ x0, y0, x1, y1 }], height, width)], `${box}`).toEqual(literal([box]));
    }
  });
});

describe("descending", () => {
  const rng = (purpose: string) => rngOf("order", purpose);

  it("orders by value; equal ones by index, or by one seeded permutation for all maps", () => {
    const map = mapOf([1, 3, 1, 3, -2, 0, -0]);
    expect([...descending(map, "index", rng)]).toEqual([1, 3, 0, 2, 5, 6, 4]);
    const tied = [...descending(mapOf(Array(50).fill(0)), "seeded", rng)];
    expect(tied).not.toEqual(tied.toSorted((a, b) => a - b));
    expect([...descending(mapOf(Array(50).fill(9)), "seeded", rng)]).toEqual(tied);
    // within each of two levels the same pixels come in the same order
    const level = (i: number) => i % 3 === 0;
    const order = [
      ...descending(mapOf(Array.from({ length: 50 }, (_, i) => (level(i) ? 1 : 0))), "seeded", rng),
    ];
    expect(order).toEqual([...tied.filter(level), ...tied.filter((i) => !level(i))]);
  });

  it("is what comparing pixel by pixel gives, tiny and negative values and ties among them", () => {
    const values = rngOf("values");
    const kinds = [
      () => values.normal(),
      () => Math.round(values.normal()) * (values.uniform() < 0.5 ? -0 : 1),
      () => values.normal() * 1e-40,
      () => values.normal() * 1e38,
    ];
    for (const [k, kind] of kinds.entries()) {
      const map = mapOf(Array.from({ length: 500 }, kind));
      for (const ties of ["seeded", "index"] as const) {
        const pixels = Array.from({ length: 500 }, (_, i) => i);
        const rank = ties === "seeded" ? rng("ties").permutation(500) : pixels;
        const compared = pixels.toSorted((a, b) => map.data[b] - map.data[a] || rank[a] - rank[b]);
        expect([...descending(map, ties, rng)], `kind ${k}, ties ${ties}`).toEqual(compared);
      }
    }
  });

  it("names what is wrong with a map", () => {
    expect(defect(mapOf([0, 1]))).toBeUndefined();
    expect(defect(mapOf([0, -0]))).toBe("map is zero");
    expect(defect(mapOf([0, Number.NaN]))).toBe("map is not finite");
    expect(defect(mapOf([0, Number.NEGATIVE_INFINITY]))).toBe("map is not finite");
  });
});
