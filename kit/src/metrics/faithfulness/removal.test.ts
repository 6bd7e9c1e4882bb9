/** selectivity and irof. */
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
import { type Float32Tensor, float32 } from "../../onnx/tensor.ts";
import type { Score } from "../metric.ts";
import { irof } from "./irof.ts";
import { selectivity } from "./selectivity.ts";
import { slic } from "./slic.ts";

const shape = { channels: 2, height: 5, width: 7 };
const n = 35;
const x = noiseImage(shape, "removal");
const net = reluNet(shape, "removal");
const map = normalTensor([5, 7], "map");

const partsOf = (result: Score) => {
  if (typeof result === "number" || "skip" in result) throw new Error("no parts");
  return result.parts;
};

const probability = (image: Float32Array) => {
  const [p, q] = Array.from(net.logits(image), Math.exp);
  return p / (p + q);
};

/** p after the parts of `order` are removed one by one; the first is p(x). */
const removals = (labels: ArrayLike<number>, order: readonly number[], fill: ArrayLike<number>) =>
  Array.from({ length: order.length + 1 }, (_, k) => {
    const gone = new Set(order.slice(0, k));
    return probability(x.data.map((v, i) => (gone.has(labels[i % n]) ? fill[i] : v)));
  });

const byFalling = (values: readonly number[]) =>
  values.map((_, k) => k).sort((a, b) => values[b] - values[a]);

const grey = new Float32Array(70).fill(0.5);

describe("selectivity", () => {
  // 3×3 patches of 5×7 pixels: two rows of three, clipped below and on the right
  const labels = Array.from(
    { length: n },
    (_, p) => 3 * Math.floor(Math.floor(p / 7) / 3) + Math.floor((p % 7) / 3),
  );
  const sums = Array.from({ length: 6 }, (_, k) =>
    map.data.reduce((sum, v, p) => (labels[p] === k ? sum + v : sum), 0),
  );
  const run = (params = {}, given = {}, of = map) =>
    scoreOf(selectivity, analyticProbe(net, x), of, { params: { patch: 3, ...params }, given });

  it.each([1, 2, 3, 6, 12])("is the trapezoid of the literal curve at %i steps", async (steps) => {
    const fills = { mean: grey, black: new Float32Array(70), blur: blurred(x, 0.045 * 7).data };
    for (const reference of ["mean", "black", "blur"] as const) {
      const each = removals(labels, byFalling(sums), fills[reference]);
      const want = Array.from({ length: steps + 1 }, (_, k) => each[Math.round((k * 6) / steps)]);
      const result = await run({ steps, reference });
      const found = partsOf(result)[`${reference}-curve`] as number[];
      expect(found).toHaveLength(steps + 1);
      for (const [k, p] of want.entries()) expect(found[k]).toBeCloseTo(p, 5);
      let area = 0;
      for (let k = 0; k < steps; k++) area += (want[k] + want[k + 1]) / 2 / steps;
      expect(numberOf(result)).toBeCloseTo(area, 5);
    }
  });

  it("removes patches of 8×8 pixels at 64 steps unless told", async () => {
    const large = { channels: 1, height: 20, width: 17 };
    const image = noiseImage(large, "large");
    const model = { ...linear(large, [normalTensor([340], "weights", 0.02).data]), link: "sigmoid" as const };
    const result = await scoreOf(selectivity, analyticProbe(model, image), normalTensor([20, 17], "large"));
    const found = partsOf(result)["mean-curve"] as number[];
    expect(found).toHaveLength(65);
    // three rows of three patches: nine falls or rises
    expect(new Set(found).size).toBe(10);
  });

  it("is smallest, of all orders, for the true order of an additive model", async () => {
    const small = { channels: 1, height: 2, width: 10 };
    const image = noiseImage(small, "additive");
    const w = normalTensor([20], "weights").data;
    const model = { ...linear(small, [w]), link: "sigmoid" as const };
    const probe = analyticProbe(model, image);
    const params = { patch: 2, steps: 5, reference: "black" };
    const auc = async (of: Float32Tensor) => numberOf(await scoreOf(selectivity, probe, of, { params }));
    const values: number[] = [];
    for (const order of permutations([0, 1, 2, 3, 4])) {
      values.push(
        await auc(
          float32(
            [2, 10],
            Float32Array.from({ length: 20 }, (_, p) => order[Math.floor((p % 10) / 2)]),
          ),
        ),
      );
    }
    const own = await auc(
      float32(
        [2, 10],
        w.map((v, i) => v * image.data[i]),
      ),
    );
    expect(values).toHaveLength(120);
    expect(own).toBe(Math.min(...values));
    expect(Math.max(...values)).toBeGreaterThan(own + 0.01);
  });

  it("takes a baseline in place of the reference", async () => {
    const probe = analyticProbe(net, x);
    for (const fill of [0.1, 0.9]) {
      const baseline = float32([2, 5, 7], new Float32Array(70).fill(fill));
      const result = await scoreOf(selectivity, probe, map, {
        params: { patch: 3, steps: 6 },
        given: { baseline },
      });
      const found = partsOf(result)["given-curve"] as number[];
      for (const [k, p] of removals(labels, byFalling(sums), baseline.data).entries())
        expect(found[k]).toBeCloseTo(p, 5);
    }
  });
});

describe("irof", () => {
  const labels = Float32Array.from(
    { length: n },
    (_, p) => [7, 7, 2, 2, 30][Math.floor(p / 7)] + (p % 7 > 4 ? 1 : 0),
  );
  const segments = float32([5, 7], labels);
  const distinct = [...new Set(labels)].sort((a, b) => a - b);
  const means = distinct.map((label) => {
    const own = Array.from(map.data).filter((_, p) => labels[p] === label);
    return own.reduce((a, b) => a + b) / own.length;
  });
  const order = byFalling(means).map((k) => distinct[k]);
  const overCurve = ([whole, ...rest]: readonly number[]) =>
    rest.reduce((sum, p) => sum + (1 - p / whole), 0) / rest.length;

  it("is the mean over removals of the share of p that is gone", async () => {
    const probe = analyticProbe(net, x);
    for (const [reference, fill] of [
      ["mean", grey],
      ["black", new Float32Array(70)],
    ] as const) {
      const want = removals(labels, order, fill);
      const result = await scoreOf(irof, probe, map, { given: { segments }, params: { reference } });
      expect(numberOf(result)).toBeCloseTo(overCurve(want), 5);
      const found = partsOf(result).probabilities as number[];
      expect(found).toHaveLength(7);
      for (const [k, p] of want.entries()) expect(found[k]).toBeCloseTo(p, 5);
    }
  });

  it("cuts the image by SLIC, once for all methods of a sample", async () => {
    const params = { segments: 6, compactness: 0.3, iterations: 5 };
    const of = slic(x, params);
    const given = { segments: float32([5, 7], Float32Array.from(of)) };
    const probe = analyticProbe(net, x);
    const found = numberOf(await scoreOf(irof, probe, map, { params }));
    expect(found).toBe(numberOf(await scoreOf(irof, analyticProbe(net, x), map, { given })));
    const first = probe.model.passes.forwards;
    expect(first).toBe(7);
    await scoreOf(irof, probe, normalTensor([5, 7], "another"), { params });
    expect(probe.model.passes.forwards - first).toBe(5);
    expect(of).not.toEqual(slic(x, { ...params, compactness: 100 }));
    expect(found).not.toBe(
      numberOf(await scoreOf(irof, probe, map, { params: { ...params, compactness: 100 } })),
    );
  });

  it("is largest, of all orders, for the true order of an additive model", async () => {
    const small = { channels: 1, height: 2, width: 10 };
    const image = noiseImage(small, "additive");
    const w = normalTensor([20], "weights").data;
    const probe = analyticProbe({ ...linear(small, [w]), link: "sigmoid" }, image);
    const cut = (p: number) => Math.floor((p % 10) / 2);
    const given = {
      segments: float32(
        [2, 10],
        Float32Array.from({ length: 20 }, (_, p) => cut(p)),
      ),
    };
    const run = async (of: Float32Tensor) =>
      numberOf(await scoreOf(irof, probe, of, { params: { reference: "black" }, given }));
    const values: number[] = [];
    for (const ranks of permutations([0, 1, 2, 3, 4])) {
      values.push(
        await run(
          float32(
            [2, 10],
            Float32Array.from({ length: 20 }, (_, p) => ranks[cut(p)]),
          ),
        ),
      );
    }
    const own = await run(
      float32(
        [2, 10],
        w.map((v, i) => v * image.data[i]),
      ),
    );
    expect(values).toHaveLength(120);
    expect(own).toBe(Math.max(...values));
    expect(Math.min(...values)).toBeLessThan(own - 0.01);
  });

  it("is 1 where nothing is left after the first removal, below 0 where removing raises p, 0 where nothing changes", async () => {
    const line = { channels: 1, height: 1, width: 4 };
    const image = float32([1, 1, 4], Float32Array.of(1, 1, 1, 1));
    const given = { segments: mapOf([0, 1, 2, 3]), baseline: float32([1, 1, 4], new Float32Array(4)) };
    const run = async (logit: (v: Float32Array) => number) =>
      numberOf(
        await scoreOf(
          irof,
          analyticProbe({ shape: line, link: "sigmoid", logits: (v) => [logit(v)] }, image),
          mapOf([4, 3, 2, 1]),
          { given },
        ),
      );
    expect(await run((v) => (v[0] === 1 ? 0 : -100))).toBeCloseTo(1, 12);
    expect(await run(() => 0.3)).toBe(0);
    expect(await run((v) => (v[0] === 1 ? 0 : 100))).toBeCloseTo(-1, 12);
  });

  it("skips an image whose probability is 0", async () => {
    const mute = analyticProbe({ shape, link: "sigmoid", logits: () => [-800] }, x);
    expect(await scoreOf(irof, mute, map, { params: { segments: 5 } })).toEqual({
      skip: "the probability is 0",
    });
  });

  it("refuses more segments than pixels, and segments of other dims", async () => {
    const run = (params: object, given = {}) =>
      scoreOf(irof, analyticProbe(net, x), map, { params: { ...params }, given });
    await expect(run({ segments: 36 })).rejects.toMatchObject({
      code: "E_PARAM",
      message: "irof: segments 36 is more than the 35 pixels",
    });
    await expect(run({}, { segments: mapOf([1, 2]) })).rejects.toMatchObject({
      code: "E_INPUT",
      next: "expected [5, 7]",
    });
  });
});

describe.each([
  ["selectivity", selectivity, { patch: 1, steps: 35 }],
  ["irof", irof, { segments: 35 }],
] as const)("%s", (_, metric, params) => {
  const run = (of: Float32Tensor, more = {}) =>
    scoreOf(metric, analyticProbe(net, x), of, { params: { ...params, ...more } });

  it("decides ties by one permutation per sample, or by index", async () => {
    const flat = mapOf(...Array.from({ length: 5 }, () => Array(7).fill(0.3)));
    const falling = float32(
      [5, 7],
      Float32Array.from({ length: n }, (_, p) => -p),
    );
    expect(await run(flat, { ties: "index" })).toEqual(await run(falling));
    const rank = streams("metric")("ties").permutation(n);
    expect(await run(flat)).toEqual(
      await run(
        float32(
          [5, 7],
          Float32Array.from(rank, (r) => -r),
        ),
      ),
    );
    expect(await run(flat)).not.toEqual(await run(flat, { ties: "index" }));
  });

  it("skips what is no number", async () => {
    const broken = float32(
      [5, 7],
      map.data.map((v, i) => (i === 3 ? Number.NaN : v)),
    );
    expect(await run(broken)).toEqual({ skip: "map is not finite" });
    const mute = analyticProbe({ shape, logits: () => [Number.NaN, 0] }, x);
    expect(await scoreOf(metric, mute, map, { params: { ...params } })).toEqual({
      skip: "the model's output is not finite",
    });
  });
});

function permutations(items: readonly number[]): number[][] {
  if (items.length === 0) return [[]];
  return items.flatMap((first) =>
    permutations(items.filter((other) => other !== first)).map((rest) => [first, ...rest]),
  );
}
