/** deletion-auc, insertion-auc and srg. */
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
import { blurred } from "../../model/image.ts";
import type { Float32Tensor } from "../../onnx/tensor.ts";
import { float32 } from "../../onnx/tensor.ts";
import { deletionAuc } from "./deletion-auc.ts";
import { insertionAuc } from "./insertion-auc.ts";
import { srg } from "./srg.ts";

const shape = { channels: 2, height: 3, width: 5 };
const n = 15;
const x = noiseImage(shape, "curve");
const net = reluNet(shape, "curve");
const map = normalTensor([3, 5], "map");
const fills = {
  mean: new Float32Array(30).fill(0.5),
  black: new Float32Array(30),
  blur: blurred(x, 0.045 * 5).data,
};

/** The curve by its definition: which pixels are shown at step k, and the probability of what is seen. */
function literal(deletes: boolean, of: Float32Tensor, fill: Float32Array, steps: number) {
  const order = Array.from({ length: n }, (_, i) => i).sort((a, b) => of.data[b] - of.data[a]);
  const points = Array.from({ length: steps + 1 }, (_, k) => {
    const changed = new Set(order.slice(0, Math.round((k * n) / steps)));
    const image = x.data.map((v, i) => (changed.has(i % n) === deletes ? fill[i] : v));
    const [p, q] = Array.from(net.logits(image), Math.exp);
    return p / (p + q);
  });
  let area = 0;
  for (let k = 0; k < steps; k++) area += (points[k] + points[k + 1]) / 2 / steps;
  return { points, area };
}

const parts = (result: Awaited<ReturnType<typeof scoreOf>>) => {
  if (typeof result === "number" || "skip" in result) throw new Error("no parts");
  return result.parts;
};

describe.each([
  ["deletion-auc", deletionAuc, true],
  ["insertion-auc", insertionAuc, false],
] as const)("%s", (_, metric, deletes) => {
  const run = (params = {}, given = {}, of = map) =>
    scoreOf(metric, analyticProbe(net, x), of, { params, given });

  it.each([1, 2, 4, 7, 15, 16, 40])("is the trapezoid of the literal curve with %i steps", async (steps) => {
    for (const reference of ["mean", "black", "blur"] as const) {
      const want = literal(deletes, map, fills[reference], steps);
      const result = await run({ steps, reference });
      expect(numberOf(result)).toBeCloseTo(want.area, 5);
      const curve = parts(result)[`${reference}-curve`] as number[];
      expect(curve).toHaveLength(steps + 1);
      for (const [k, p] of want.points.entries()) expect(curve[k]).toBeCloseTo(p, 5);
    }
  });

  it("is the mean of both references, and keeps both with their curves", async () => {
    const result = await run();
    const [mean, blur] = [fills.mean, fills.blur].map((fill) => literal(deletes, map, fill, 16).area);
    expect(numberOf(result)).toBeCloseTo((mean + blur) / 2, 5);
    expect(parts(result).mean).toBeCloseTo(mean, 5);
    expect(parts(result).blur).toBeCloseTo(blur, 5);
    expect(Object.keys(parts(result))).toEqual(["mean", "mean-curve", "blur", "blur-curve"]);
  });

  it("has both ends: the image itself and the reference alone", async () => {
    const probe = analyticProbe(net, x);
    const curve = parts(await run())["mean-curve"] as number[];
    const whole = await probe.probability();
    const [empty] = await probe.probabilities(1, (_, out) => out.set(fills.mean));
    expect([curve[0], curve[16]]).toEqual(deletes ? [whole, empty] : [empty, whole]);
  });

  it("takes a baseline in place of the references, and keeps it out of the next call", async () => {
    const probe = analyticProbe(net, x);
    for (const fill of [0.1, 0.9]) {
      const baseline = float32([2, 3, 5], new Float32Array(30).fill(fill));
      const result = await scoreOf(metric, probe, map, { given: { baseline } });
      expect(numberOf(result)).toBeCloseTo(literal(deletes, map, baseline.data, 16).area, 5);
    }
  });

  it("decides ties by index, or by the sample's permutation", async () => {
    const tied = mapOf(...Array.from({ length: 3 }, () => Array(5).fill(2)));
    const ordered = float32(
      [3, 5],
      Float32Array.from({ length: n }, (_, i) => -i),
    );
    const params = { reference: "mean", steps: 5 };
    const byIndex = numberOf(await run({ ...params, ties: "index" }, {}, tied));
    expect(byIndex).toBe(numberOf(await run(params, {}, ordered)));
    const rank = streams("metric")("ties").permutation(n);
    const seeded = float32(
      [3, 5],
      Float32Array.from(rank, (r) => -r),
    );
    expect(numberOf(await run(params, {}, tied))).toBe(numberOf(await run(params, {}, seeded)));
    expect(numberOf(await run(params, {}, tied))).not.toBe(byIndex);
  });

  it("reads the order of a map, not its values", async () => {
    const ranks = float32(
      [3, 5],
      map.data.map((v) => Math.exp(3 * v) - 40),
    );
    expect(await run({}, {}, ranks)).toEqual(await run());
  });

  it("asks for the ends once for all methods of a sample", async () => {
    const probe = analyticProbe(net, x);
    await scoreOf(metric, probe, map);
    const first = probe.model.passes.forwards;
    expect(first).toBe(2 * 16 + 1);
    await scoreOf(metric, probe, normalTensor([3, 5], "another"));
    expect(probe.model.passes.forwards - first).toBe(2 * 15);
  });

  it("skips a map that is no number, and a model whose output is none", async () => {
    const broken = float32(
      map.dims,
      map.data.map((v, i) => (i === 3 ? Number.NaN : v)),
    );
    expect(await run({}, {}, broken)).toEqual({ skip: "map is not finite" });
    const mute = analyticProbe({ shape, logits: () => [Number.NaN, 0] }, x);
    expect(await scoreOf(metric, mute, map)).toEqual({ skip: "the model's output is not finite" });
  });

  it("is best, of all orders, for the true order of an additive model", async () => {
    const small = { channels: 1, height: 1, width: 5 };
    const image = float32([1, 1, 5], Float32Array.of(0.9, 0.1, 0.7, 0.3, 0.8));
    const w = Float32Array.of(1, -2, 3, 0.5, -0.4);
    const model = { ...linear(small, [w]), link: "sigmoid" as const };
    const probe = analyticProbe(model, image);
    const params = { reference: "black", steps: 5 };
    const auc = async (values: readonly number[]) =>
      numberOf(await scoreOf(metric, probe, mapOf(values), { params }));
    const values: number[] = [];
    for (const order of permutations([0, 1, 2, 3, 4])) values.push(await auc(order));
    const own = await auc(Array.from(w, (v, i) => v * image.data[i]));
    expect(values).toHaveLength(120);
    expect(own).toBe(deletes ? Math.min(...values) : Math.max(...values));
    expect(Math.max(...values)).toBeGreaterThan(Math.min(...values));
  });
});

it("of one order with one reference, deletion and insertion of opposite maps are the same images", async () => {
  const params = { reference: "mean", steps: 15 };
  const opposite = float32(
    map.dims,
    map.data.map((v) => -v),
  );
  const deletion = numberOf(await scoreOf(deletionAuc, analyticProbe(net, x), map, { params }));
  const insertion = numberOf(await scoreOf(insertionAuc, analyticProbe(net, x), opposite, { params }));
  expect(deletion).toBeCloseTo(insertion, 12);
});

describe("srg", () => {
  const run = (params = {}, given = {}, of = map) =>
    scoreOf(srg, analyticProbe(net, x), of, { params: { ties: "index", ...params }, given });

  /** Deletion of the ordering and of the same ordering reversed. */
  function reversed(of: Float32Tensor, fill: Float32Array, steps: number): number {
    const order = Array.from({ length: n }, (_, i) => i).sort((a, b) => of.data[b] - of.data[a] || a - b);
    const area = (ordered: readonly number[]) => {
      const points = Array.from({ length: steps + 1 }, (_, k) => {
        const gone = new Set(ordered.slice(0, (k * n) / steps));
        const [p, q] = Array.from(
          net.logits(x.data.map((v, i) => (gone.has(i % n) ? fill[i] : v))),
          Math.exp,
        );
        return p / (p + q);
      });
      return points.slice(1).reduce((sum, p, k) => sum + (p + points[k]) / 2 / steps, 0);
    };
    return area(order.toReversed()) - area(order);
  }

  it.each([1, 3, 5, 15])(
    "is deletion of the reversed ordering less that of the ordering, in %i steps",
    async (steps) => {
      for (const reference of ["mean", "black", "blur"] as const) {
        const found = numberOf(await run({ steps, reference }));
        expect(found).toBeCloseTo(reversed(map, fills[reference], steps), 5);
      }
      const baseline = float32([2, 3, 5], new Float32Array(30).fill(0.8));
      expect(numberOf(await run({ steps }, { baseline }))).toBeCloseTo(
        reversed(map, baseline.data, steps),
        5,
      );
      // ties: one ordering, not two
      const tied = float32(
        map.dims,
        map.data.map((v) => Math.sign(v)),
      );
      expect(numberOf(await run({ steps }, {}, tied))).toBeCloseTo(reversed(tied, fills.mean, steps), 5);
    },
  );

  it("changes its sign with the map's, and is 0 where there is one step", async () => {
    const opposite = float32(
      map.dims,
      map.data.map((v) => -v),
    );
    const found = numberOf(await run());
    expect(Math.abs(found)).toBeGreaterThan(0.01);
    expect(numberOf(await run({ steps: 15 }, {}, opposite))).toBeCloseTo(
      -numberOf(await run({ steps: 15 })),
      12,
    );
    expect(await run({ steps: 1 })).toMatchObject({ value: 0 });
  });

  it("is 0 on average over orders drawn by chance", async () => {
    const probe = analyticProbe(net, x);
    const values: number[] = [];
    for (let k = 0; k < 200; k++) {
      values.push(numberOf(await scoreOf(srg, probe, normalTensor([3, 5], `chance ${k}`))));
    }
    const average = values.reduce((a, b) => a + b) / 200;
    const error = Math.sqrt(values.reduce((a, v) => a + (v - average) ** 2, 0) / 199 / 200);
    expect(Math.abs(average)).toBeLessThan(3 * error);
    expect(error).toBeLessThan(0.02);
  });

  it("takes its own passes alone, and none beside both curves of the same map", async () => {
    const alone = analyticProbe(net, x);
    await scoreOf(srg, alone, map);
    expect(alone.model.passes.forwards).toBe(srg.cost({ steps: 16 }, { forwards: 0, backwards: 0 }).forwards);
    const probe = analyticProbe(net, x);
    const deletion = await scoreOf(deletionAuc, probe, map);
    const insertion = await scoreOf(insertionAuc, probe, map);
    const before = probe.model.passes.forwards;
    const found = numberOf(await scoreOf(srg, probe, map));
    expect(probe.model.passes.forwards).toBe(before);
    expect(found).toBe(Number(parts(insertion).mean) - Number(parts(deletion).mean));
    await scoreOf(srg, probe, map, { params: { steps: 8 } });
    expect(probe.model.passes.forwards).toBe(before + 14); // other steps are other images
  });

  it("skips a map that is no number", async () => {
    const broken = float32(
      map.dims,
      map.data.map((v, i) => (i === 3 ? Number.NaN : v)),
    );
    expect(await run({}, {}, broken)).toEqual({ skip: "map is not finite" });
  });
});

describe("of all orders, on an additive model, the true ranking", () => {
  const orders = permutations([0, 1, 2, 3, 4, 5]);

  it.each([
    ["sigmoid", 6],
    ["sigmoid", 4],
    ["softmax", 6],
    ["softmax", 2],
  ] as const)(
    "has the least deletion, the most insertion and the most gain: %s, %i steps",
    async (link, steps) => {
      for (const seed of ["a", "b", "c"]) {
        const small = { channels: 1, height: 2, width: 3 };
        const image = noiseImage(small, `additive ${seed}`);
        const [w, v] = [normalTensor([6], `w ${seed}`).data, normalTensor([6], `v ${seed}`).data];
        const model = { ...linear(small, link === "sigmoid" ? [w] : [w, v]), link };
        const probe = analyticProbe(model, image);
        // what each pixel adds to the logit, or to its lead over the other class
        const share = (i: number) => (image.data[i] - 0.5) * (link === "sigmoid" ? w[i] : w[i] - v[i]);
        const params = { reference: "mean", steps };
        for (const [metric, best] of [
          [deletionAuc, "min"],
          [insertionAuc, "max"],
          [srg, "max"],
        ] as const) {
          const of = async (value: (i: number) => number) =>
            numberOf(
              await scoreOf(
                metric,
                probe,
                float32(
                  [2, 3],
                  Float32Array.from({ length: 6 }, (_, i) => value(i)),
                ),
                {
                  params,
                },
              ),
            );
          const values: number[] = [];
          for (const order of orders) values.push(await of((i) => -order.indexOf(i)));
          expect(values).toHaveLength(720);
          expect(await of(share)).toBe(Math[best](...values));
          expect(await of((i) => -share(i))).toBe(Math[best === "min" ? "max" : "min"](...values));
          expect(Math.max(...values) - Math.min(...values)).toBeGreaterThan(1e-3);
        }
      }
    },
  );
});

function permutations(items: readonly number[]): number[][] {
  if (items.length === 0) return [[]];
  return items.flatMap((first) =>
    permutations(items.filter((other) => other !== first)).map((rest) => [first, ...rest]),
  );
}
