/** Where the map's strength lies, compared with a mask or boxes: what these metrics have in common, then each by itself. */
import { describe, expect, it } from "vitest";
import { analyticProbe, linear, noiseImage, normalTensor } from "../../../test/analytic-probe.ts";
import { mapOf, numberOf, scoreOf } from "../../../test/scored.ts";
import { attribute } from "../../methods/method.ts";
import { random } from "../../methods/random.ts";
import type { ParamValue } from "../../params.ts";
import { rngOf } from "../../rng.ts";
import type { Metric, Region } from "../metric.ts";
import { allSaliencyPrecision } from "./all-saliency-precision.ts";
import { annotationCoverage } from "./annotation-coverage.ts";
import { hitRate } from "./hit-rate.ts";
import { locAcc } from "./loc-acc.ts";
import { localisationAuroc } from "./localisation-auroc.ts";
import { miouOtsu } from "./miou-otsu.ts";
import { pointingGame } from "./pointing-game.ts";
import { relevanceMassAccuracy } from "./relevance-mass-accuracy.ts";
import { relevanceRankAccuracy } from "./relevance-rank-accuracy.ts";
import { topKIntersection } from "./top-k-intersection.ts";
import { topSaliencyPrecision } from "./top-saliency-precision.ts";

const [height, width] = [4, 6];
const n = height * width;
const shape = { channels: 1, height, width };
const x = noiseImage(shape, "places");
const probe = analyticProbe(linear(shape, [x.data]), x);
const object = (...pixels: number[]) => Uint8Array.from({ length: n }, (_, i) => Number(pixels.includes(i)));
const filled = (f: (i: number) => number) =>
  mapOf(
    ...Array.from({ length: height }, (_, row) =>
      Array.from({ length: width }, (__, column) => f(row * width + column)),
    ),
  );
type Map2 = ReturnType<typeof filled>;
interface Given {
  readonly params?: Record<string, ParamValue>;
  readonly boxes?: readonly Region[];
}
const run = (metric: Metric, map: Map2, mask: Uint8Array | undefined, given: Given = {}) =>
  scoreOf(metric, probe, map, { mask, ...given });
const map = normalTensor([height, width], "places");
const mask = object(0, 1, 2, 6, 7, 8, 15);
const on = Array.from(mask.keys()).filter((i) => mask[i]);
/** the relevance, written down again */
const relevanceOf = ({ data }: Map2) => {
  const positive = Array.from(data, (v) => Math.max(v, 0));
  const [low, high] = [Math.min(...positive), Math.max(...positive)];
  return positive.map((v) => (v - low) / (high - low));
};
const h = relevanceOf(map);
const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);

const ours = [
  relevanceMassAccuracy,
  topKIntersection,
  localisationAuroc,
  locAcc,
  topSaliencyPrecision,
  allSaliencyPrecision,
  annotationCoverage,
  miouOtsu,
  hitRate,
];

describe.each(ours.map((m) => [m.id, m] as const))("%s", (id, metric) => {
  it("skips without an object, and a map that is no number", async () => {
    expect(await run(metric, map, undefined)).toEqual({ skip: "no mask" });
    expect(await run(metric, map, object())).toEqual({ skip: "empty mask" });
    const broken = filled((i) => (i === 5 ? Number.NaN : i));
    expect(await run(metric, broken, mask)).toEqual({ skip: "map is not finite" });
  });

  it("is 1 for a map that is the object, at any scale", async () => {
    // 5 % would be fewer pixels than the object has
    const params = id === "top-k-intersection" ? { k: (100 * on.length) / n } : undefined;
    for (const scale of [1e-6, 1, 1e6]) {
      expect(
        numberOf(
          await run(
            metric,
            filled((i) => scale * mask[i]),
            mask,
            { params },
          ),
        ),
      ).toBe(1);
    }
  });

  it("is no better than chance for a map of everything but the object", async () => {
    expect(
      numberOf(
        await run(
          metric,
          filled((i) => 1 - mask[i]),
          mask,
        ),
      ),
    ).toBe(0);
  });

  it("does not take a negative value for a strong one", async () => {
    const signed = filled((i) => (mask[i] ? -9 : i === 20 ? 1 : 0));
    expect(numberOf(await run(metric, signed, mask))).toBe(0);
  });
});

describe("by chance", () => {
  const runs = 200;
  const box = { x0: 3, y0: 2, x1: 5, y1: 3 };
  const share = on.length / n;
  const half = n / 2;
  // pixels drawn without replacement: none of the box's two among the upper half
  const missed = ((half / n) * (half - 1)) / (n - 1);
  const cases: [Metric, number, Given?][] = [
    [pointingGame, share],
    [hitRate, share],
    [relevanceRankAccuracy, share],
    [relevanceMassAccuracy, share],
    [topKIntersection, share],
    [topKIntersection, share, { params: { k: 40 } }],
    [topSaliencyPrecision, share],
    [topSaliencyPrecision, share, { params: { quantile: 0.9 } }],
    [allSaliencyPrecision, share],
    [localisationAuroc, 0.5],
    [locAcc, 0.5],
    [annotationCoverage, 1 - missed, { boxes: [box] }],
  ];
  const titled = cases.map(([metric, chance, given = {}]) => {
    const setting = JSON.stringify(given.params ?? {});
    return [metric.id, setting, metric, chance, given] as const;
  });
  it.each(titled)(
    "%s %s scores the mean that is known of random maps",
    async (_, __, metric, chance, given) => {
      const values: number[] = [];
      for (let k = 0; k < runs; k++) {
        const noise = await attribute(random, probe, { rng: (purpose) => rngOf("chance", k, purpose) });
        values.push(
          numberOf(
            await scoreOf(metric, probe, noise, {
              mask,
              rng: (purpose) => rngOf("metric", k, purpose),
              ...given,
            }),
          ),
        );
      }
      const mean = sum(values) / runs;
      const error = Math.sqrt(sum(values.map((v) => (v - mean) ** 2)) / (runs - 1) / runs);
      expect(error).toBeGreaterThan(0);
      expect(Math.abs(mean - chance)).toBeLessThan(3 * error);
    },
  );

  it("a constant map scores chance by order or mass, nothing by relevance", async () => {
    const flat = filled(() => 2);
    expect(await run(localisationAuroc, flat, mask)).toBe(0.5);
    expect(await run(relevanceMassAccuracy, flat, mask)).toBeCloseTo(share, 12);
    expect(await run(locAcc, flat, mask)).toBe(0);
    expect(numberOf(await run(annotationCoverage, flat, mask))).toBe(0);
    for (const metric of [topSaliencyPrecision, allSaliencyPrecision, miouOtsu]) {
      expect(await run(metric, flat, mask)).toEqual({ skip: "map is constant" });
    }
    const values: number[] = [];
    for (let k = 0; k < 400; k++) {
      values.push(
        numberOf(await scoreOf(topKIntersection, probe, flat, { mask, rng: (p) => rngOf("ties", k, p) })),
      );
    }
    expect(Math.abs(sum(values) / 400 - share)).toBeLessThan(3 * Math.sqrt((share * (1 - share)) / 400));
  });

  it("a map that is nowhere positive has no relevance", async () => {
    const negative = filled((i) => -1 - i);
    for (const metric of [relevanceMassAccuracy, topSaliencyPrecision, allSaliencyPrecision, miouOtsu]) {
      expect(await run(metric, negative, mask)).toEqual({ skip: "no positive value" });
    }
    expect(await run(locAcc, negative, mask)).toBe(0);
    expect(numberOf(await run(annotationCoverage, negative, mask))).toBe(0);
  });
});

describe("relevance-mass-accuracy", () => {
  it("is the positive mass inside over all of it, or the mass of sizes, or with signs", async () => {
    for (const [of, f] of [
      ["positive", (v: number) => Math.max(v, 0)],
      ["absolute", Math.abs],
      ["signed", (v: number) => v],
    ] as const) {
      const values = Array.from(map.data, (v) => f(v));
      const expected = sum(on.map((i) => values[i])) / sum(values);
      expect(await run(relevanceMassAccuracy, map, mask, { params: { of } })).toBeCloseTo(expected, 10);
    }
  });

  it("leaves [0, 1] with signs, and has no value where they cancel", async () => {
    const signed = filled((i) => (mask[i] ? 3 : -1));
    expect(await run(relevanceMassAccuracy, signed, mask, { params: { of: "signed" } })).toBe(21 / 4);
    const cancelling = filled((i) => (i === 0 ? 1 : i === 23 ? -1 : 0));
    expect(await run(relevanceMassAccuracy, cancelling, mask, { params: { of: "signed" } })).toEqual({
      skip: "map sums to 0",
    });
  });

  it("does not subtract the smallest value, as all-saliency-precision does", async () => {
    const haze = filled((i) => (mask[i] ? 3 : 1));
    expect(await run(relevanceMassAccuracy, haze, mask)).toBeCloseTo(21 / (21 + 17), 12);
    expect(await run(allSaliencyPrecision, haze, mask)).toBe(1);
  });
});

it("top-k-intersection is the share of the k % strongest inside, at least one pixel", async () => {
  const strongest = Array.from(map.data.keys()).sort((a, b) => map.data[b] - map.data[a]);
  for (const [k, count] of [
    [0, 1],
    [5, 1], // 1.2 pixels
    [7, 2],
    [25, 6],
    [100, 24],
  ]) {
    const hits = strongest.slice(0, count).filter((i) => mask[i]).length;
    expect(await run(topKIntersection, map, mask, { params: { k } })).toBeCloseTo(hits / count, 12);
  }
  expect(await run(topKIntersection, map, object(strongest[0]))).toBe(1);
  await expect(run(topKIntersection, map, mask, { params: { k: 101 } })).rejects.toThrow(
    /k=101 is not allowed/,
  );
});

it("localisation-auroc is the share of pairs in the right order", async () => {
  const tied = filled((i) => Math.round(2 * map.data[i]));
  let won = 0;
  let pairs = 0;
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < n; j++) {
      if (!mask[i] || mask[j]) continue;
      pairs++;
      won += tied.data[i] > tied.data[j] ? 1 : tied.data[i] === tied.data[j] ? 0.5 : 0;
    }
  }
  const value = numberOf(await run(localisationAuroc, tied, mask));
  expect(value).toBeCloseTo(won / pairs, 12);
  const turned = filled((i) => -tied.data[i]);
  expect(await run(localisationAuroc, turned, mask)).toBeCloseTo(1 - value, 12);
  expect(await run(localisationAuroc, tied, new Uint8Array(n).fill(1))).toEqual({ skip: "the mask is full" });
});

describe("loc-acc", () => {
  it("is the share of the object from half of the relevance on, from its mean, or by its relevance", async () => {
    const of = async (by: string) => numberOf(await run(locAcc, map, mask, { params: { by } }));
    const share = (least: number) => on.filter((i) => h[i] >= least).length / on.length;
    expect(await of("half-max")).toBe(share(0.5));
    expect(await of("mean")).toBe(share(sum(h) / n));
    expect(await of("soft")).toBeCloseTo(sum(on.map((i) => h[i])) / on.length, 6);
    const edge = filled((i) => (i === 0 ? 1 : i === 1 ? 0.5 : 0));
    expect(await run(locAcc, edge, object(1))).toBe(1);
    expect(new Set([await of("half-max"), await of("mean"), await of("soft")]).size).toBe(3);
  });

  it("is a recall: whatever else is covered costs nothing", async () => {
    const everything = filled((i) => (i === 23 ? 0 : 1));
    expect(await run(locAcc, everything, mask)).toBe(1);
    expect(
      await run(
        locAcc,
        filled((i) => (mask[i] ? 1 : 0.9)),
        mask,
      ),
    ).toBe(1);
  });

  it("scales with the signs where it is told to", async () => {
    const signed = filled((i) => (i === 0 ? 1 : i === 1 ? 0.2 : i === 23 ? -1 : 0));
    const few = object(0, 1);
    expect(await run(locAcc, signed, few)).toBe(0.5);
    expect(await run(locAcc, signed, few, { params: { of: "min-max" } })).toBe(1);
  });
});

describe("top-saliency-precision", () => {
  const selectedOf = (result: Awaited<ReturnType<typeof run>>) =>
    typeof result === "object" && "parts" in result ? result.parts.selected : undefined;

  it("is the share on the object of what is at least the median and positive", async () => {
    const dense = filled((i) => map.data[i] + 5);
    const relevant = relevanceOf(dense);
    const sorted = [...relevant].sort((a, b) => a - b);
    const median = (sorted[n / 2 - 1] + sorted[n / 2]) / 2;
    const upper = Array.from(relevant.keys()).filter((i) => relevant[i] >= median && relevant[i] > 0);
    const result = await run(topSaliencyPrecision, dense, mask);
    expect(numberOf(result)).toBeCloseTo(upper.filter((i) => mask[i]).length / upper.length, 12);
    expect(selectedOf(result)).toBe(0.5);
  });

  it("of a map that is half empty or more takes what is there, where the literal median takes every pixel", async () => {
    // a Grad-CAM: five pixels of 24, three on the object, the median 0
    const spots = new Map([
      [0, 1],
      [1, 0.9],
      [7, 0.8],
      [16, 0.7],
      [17, 0.1],
    ]);
    const sparse = filled((i) => spots.get(i) ?? 0);
    const result = await run(topSaliencyPrecision, sparse, mask);
    expect(numberOf(result)).toBe(3 / 5);
    expect(selectedOf(result)).toBe(5 / n);
    const literal = await run(topSaliencyPrecision, sparse, mask, { params: { zeros: "keep" } });
    expect(numberOf(literal)).toBe(on.length / n);
    expect(selectedOf(literal)).toBe(1);
  });

  it("of a map with exactly half of its pixels empty takes the other half", async () => {
    const halves = filled((i) => (i < 12 ? 0 : i));
    for (const zeros of ["drop", "keep"]) {
      const result = await run(topSaliencyPrecision, halves, mask, { params: { zeros } });
      expect(selectedOf(result)).toBe(0.5);
      expect(numberOf(result)).toBe(1 / 12);
    }
  });

  it("takes other quantiles, and all that is positive", async () => {
    const result = await run(topSaliencyPrecision, map, mask, { params: { quantile: 0.9, of: "min-max" } });
    const strongest = Array.from(map.data.keys()).sort((a, b) => map.data[b] - map.data[a]);
    // position 20.7 of 0 … 23: three lie above
    expect(numberOf(result)).toBeCloseTo(strongest.slice(0, 3).filter((i) => mask[i]).length / 3, 12);
    const positive = Array.from(map.data.keys()).filter((i) => map.data[i] > 0);
    const all = await run(topSaliencyPrecision, map, mask, { params: { quantile: 0, of: "positive" } });
    expect(numberOf(all)).toBeCloseTo(positive.filter((i) => mask[i]).length / positive.length, 12);
  });
});

it("all-saliency-precision is the relevance inside over all of it", async () => {
  expect(await run(allSaliencyPrecision, map, mask)).toBeCloseTo(sum(on.map((i) => h[i])) / sum(h), 6);
});

describe("annotation-coverage", () => {
  const boxes = [
    { x0: 0, y0: 0, x1: 3, y1: 2 },
    { x0: 4, y0: 0, x1: 6, y1: 4 },
    { x0: 2, y0: 2, x1: 4, y1: 4 },
  ];
  const pixelsOf = ({ x0, y0, x1, y1 }: Region) =>
    Array.from({ length: n }, (_, i) => i).filter(
      (i) => i % width >= x0 && i % width < x1 && Math.floor(i / width) >= y0 && Math.floor(i / width) < y1,
    );
  const union = object(...boxes.flatMap(pixelsOf));
  const partsOf = (result: Awaited<ReturnType<typeof run>>) =>
    typeof result === "object" && "parts" in result ? result.parts : {};

  it("is the share of boxes of which enough is salient", async () => {
    const spots = filled((i) => ({ 0: 1, 1: 0.4, 10: 0.6, 20: 0.2 })[i] ?? 0);
    const asked = (params: Record<string, ParamValue>) =>
      run(annotationCoverage, spots, union, { boxes, params });
    const literal = (salient: readonly number[]) =>
      boxes.map((box) => pixelsOf(box).filter((i) => salient.includes(i)).length / pixelsOf(box).length);
    const byMedian = await asked({});
    expect(partsOf(byMedian)).toEqual({ fractions: literal([0, 1, 10, 20]), selected: 4 / n });
    expect(numberOf(byMedian)).toBe(1);
    expect(partsOf(await asked({ by: "half-max" }))).toEqual({
      fractions: literal([0, 10]),
      selected: 2 / n,
    });
    expect(numberOf(await asked({ by: "half-max" }))).toBeCloseTo(2 / 3, 12);
    // 2 of 6, 1 of 8, 1 of 4 pixels
    expect(numberOf(await asked({ least: 0.25 }))).toBeCloseTo(2 / 3, 12);
    expect(numberOf(await asked({ least: 0.3 }))).toBeCloseTo(1 / 3, 12);
  });

  it("of a half-empty map covers the boxes it touches, where the literal median covers all", async () => {
    const sparse = filled((i) => (i === 0 ? 1 : 0));
    const asked = (zeros: string) => run(annotationCoverage, sparse, union, { boxes, params: { zeros } });
    expect(numberOf(await asked("drop"))).toBeCloseTo(1 / 3, 12);
    expect(numberOf(await asked("keep"))).toBe(1);
    expect(partsOf(await asked("keep"))).toEqual({ fractions: [1, 1, 1], selected: 1 });
  });

  it("of a mask takes its components as the boxes", async () => {
    const sparse = filled((i) => (i === 1 ? 1 : 0));
    // {0, 1, 2, 6, 7, 8, 15}: 8 and 15 touch by a corner
    expect(partsOf(await run(annotationCoverage, sparse, mask)).fractions).toEqual([1 / 7]);
    const apart = object(0, 1, 5, 22);
    expect(partsOf(await run(annotationCoverage, sparse, apart)).fractions).toEqual([1 / 2, 0, 0]);
    expect(numberOf(await run(annotationCoverage, sparse, apart))).toBeCloseTo(1 / 3, 12);
  });

  it("leaves out boxes that were cropped away", async () => {
    const outside = { x0: -4, y0: 0, x1: 0, y1: 2 };
    const result = await run(
      annotationCoverage,
      filled((i) => i),
      union,
      { boxes: [...boxes, outside] },
    );
    expect(partsOf(result).fractions).toHaveLength(3);
    expect(await run(annotationCoverage, map, union, { boxes: [outside] })).toEqual({
      skip: "no box has a pixel in the image",
    });
  });
});

describe("miou-otsu", () => {
  /** least variance within the two sides, over every level, in the plainest words */
  const literal = (values: readonly number[], pixels: Uint8Array) => {
    const levels = values.map((v) => Math.floor(255 * v));
    const within = (t: number) => {
      const squares = (side: number[]) => {
        const mean = sum(side) / side.length;
        return side.length ? sum(side.map((v) => (v - mean) ** 2)) : Number.POSITIVE_INFINITY;
      };
      return squares(levels.filter((v) => v <= t)) + squares(levels.filter((v) => v > t));
    };
    let best = 0;
    for (let t = 1; t < 255; t++) if (within(t) < within(best) - 1e-9) best = t;
    const bright = levels.map((v) => v > best);
    const both = bright.filter((b, i) => b && pixels[i]).length;
    return both / bright.filter((b, i) => b || pixels[i]).length;
  };

  it("is the overlap with what lies above the threshold that separates best", async () => {
    const found = new Set<number>();
    for (let k = 0; k < 40; k++) {
      const any = normalTensor([height, width], `otsu ${k}`);
      const relevant = Array.from(Float32Array.from(relevanceOf(any)));
      const value = numberOf(await run(miouOtsu, any, mask));
      expect(value).toBeCloseTo(literal(relevant, mask), 12);
      found.add(value);
    }
    expect(found.size).toBeGreaterThan(10);
  });

  it("agrees with OpenCV", async () => {
    // cv2.threshold of uint8(255 · h) with THRESH_OTSU, OpenCV 4.14: t = 127, 15 pixels above, 4 of them on the object
    const residues = filled((i) => (7 * i * i + 3 * i) % 97);
    expect(await run(miouOtsu, residues, mask)).toBeCloseTo(4 / 18, 12);
  });

  it("finds the gap between two levels wherever it is", async () => {
    for (const [low, high] of [
      [0, 0.1],
      [0.4, 0.45],
      [0.9, 0.95],
    ]) {
      // one pixel at each end keeps the scale
      const two = filled((i) => (i === 5 ? 0 : i === 0 ? 1 : mask[i] ? high : low));
      const expected = literal(relevanceOf(two), mask);
      expect(await run(miouOtsu, two, mask)).toBeCloseTo(expected, 12);
    }
  });

  it("takes a half as the threshold where it is told to", async () => {
    const bright = h.map((v) => v >= 0.5);
    const both = bright.filter((b, i) => b && mask[i]).length;
    const either = bright.filter((b, i) => b || mask[i]).length;
    expect(await run(miouOtsu, map, mask, { params: { threshold: "half-max" } })).toBeCloseTo(
      both / either,
      12,
    );
  });
});

it("hit-rate is the pointing game", async () => {
  const tied = filled((i) => Math.round(map.data[i]));
  const found = new Set<number>();
  for (let k = 0; k < 40; k++) {
    const own = rngOf("masks", k);
    const drawn = Uint8Array.from({ length: n }, () => own.integer(2));
    const options = { mask: drawn, rng: (purpose: string) => rngOf("tie", k, purpose) };
    const value = numberOf(await scoreOf(hitRate, probe, tied, options));
    expect(value).toBe(await scoreOf(pointingGame, probe, tied, options));
    found.add(value);
  }
  expect([...found].sort()).toEqual([0, 1]);
  expect(
    await run(
      hitRate,
      filled(() => 1),
      object(0),
      { params: { ties: "index" } },
    ),
  ).toBe(1);
});
