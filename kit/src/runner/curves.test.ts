import { describe, expect, it } from "vitest";
import { type Drawn, datasetOf } from "../../test/drawn-dataset.ts";
import { smallCnn, smallModel } from "../../test/small-models.ts";
import { methodOf, metricOf, protocolOf } from "../protocol/protocol.ts";
import { curvesIn, meanCurves } from "./curves.ts";
import { execute } from "./execute.ts";
import { plan } from "./plan.ts";
import type { SampleUnit, Unit } from "./units.ts";

const samples: readonly Drawn[] = ["a", "b", "c", "d", "e"].map((id, k) => ({ id, labels: [k % 4] }));
const selected = samples.map(({ id }) => id);
const model = smallModel(smallCnn());
const plans = plan({
  protocol: protocolOf("quick"),
  methods: ["saliency", "occlusion", "random"].map(methodOf),
  metrics: ["deletion-auc", "insertion-auc", "sparseness", "randomisation"].map(metricOf),
  shape: model.shape,
  available: selected.length,
  annotated: false,
  unmet: {},
});

async function run() {
  const units: Unit[] = [];
  const { rows } = await execute({
    model,
    dataset: datasetOf(samples, { classes: 4 }),
    plan: plans,
    selected,
    resize: { method: "bilinear" },
    log: {
      units: [],
      async add(unit) {
        units.push(JSON.parse(JSON.stringify(unit)) as Unit); // as the journal gives it back
      },
    },
  });
  return { units, rows };
}
const { units, rows } = await run();
const curves = meanCurves(plans, selected, units);
const area = (values: readonly number[]) =>
  values.slice(1).reduce((sum, v, k) => sum + (v + values[k]) / 2, 0) / (values.length - 1);

describe("curves of one score", () => {
  it("are its parts of that name, to five digits", () => {
    const parts = { mean: 0.5, "mean-curve": [1, 0.123456789], "blur-curve": [0.9, 0], other: [1, 2] };
    expect(curvesIn({ value: 0.5, parts })).toEqual({ mean: [1, 0.12346], blur: [0.9, 0] });
  });

  it("are none of scores without, of numbers and of skips", () => {
    expect(curvesIn({ value: 1, parts: { selected: 0.5, "odd-curve": 3 } })).toBeUndefined();
    expect(curvesIn(0.5)).toBeUndefined();
    expect(curvesIn({ skip: "map is zero" })).toBeUndefined();
  });
});

describe("curves of a run", () => {
  it("are those whose areas its scores are", () => {
    expect(curves.map(({ metric, method }) => `${metric} ${method}`)).toEqual(
      ["deletion-auc", "insertion-auc"].flatMap((metric) =>
        ["saliency", "occlusion", "random"].map((method) => `${metric} ${method}`),
      ),
    );
    for (const { method, metric, mean, references, n } of curves) {
      const scores = rows.flatMap((row) => (row.method === method ? (row.scores[metric] ?? []) : []));
      expect(n).toBe(5);
      expect(scores).toHaveLength(5);
      expect(mean).toHaveLength(5); // four steps of the quick protocol
      expect(area(mean)).toBeCloseTo(scores.reduce((a, b) => a + b, 0) / 5, 4);
      expect(Object.keys(references).sort()).toEqual(["blur", "mean"]);
      mean.forEach((v, k) => {
        expect(v).toBeCloseTo((references.mean[k] + references.blur[k]) / 2, 4);
      });
    }
  });

  it("have an interval around each point", () => {
    for (const { mean, interval } of curves) {
      mean.forEach((v, k) => {
        expect(interval!.low[k]).toBeLessThanOrEqual(v + 1e-5);
        expect(interval!.high[k]).toBeGreaterThanOrEqual(v - 1e-5);
      });
      expect(interval!.high.some((high, k) => high - interval!.low[k] > 1e-3)).toBe(true);
    }
  });

  it("do not depend on the order of units, and need the scores for nothing", () => {
    expect(meanCurves(plans, selected, [...units].reverse())).toEqual(curves);
  });

  it("have no interval for a single group of images", () => {
    const one = units.map((unit) =>
      unit.kind === "sample" ? { ...unit, rows: unit.rows.map((row) => ({ ...row, group: "one" })) } : unit,
    );
    const found = meanCurves(plans, selected, one);
    expect(found.map(({ interval }) => interval)).toEqual(curves.map(() => null));
    expect(found.map(({ mean }) => mean)).toEqual(curves.map(({ mean }) => mean));
  });

  it("are of the samples that have some: an older journal has none", () => {
    const without = (unit: Unit): Unit => {
      if (unit.kind !== "sample") return unit;
      const { curves: _, ...rest } = unit;
      return rest;
    };
    expect(meanCurves(plans, selected, units.map(without))).toEqual([]);
    const [first, ...others] = units;
    const some = meanCurves(plans, selected, [first, ...others.map(without)]);
    expect(some.map(({ n }) => n)).toEqual(curves.map(() => 1));
    expect(some[0].references).toEqual((first as SampleUnit).curves![0].points);
  });

  it("stand in no row: what is published does not have them", () => {
    expect(Object.keys(rows[0]).sort()).toEqual([
      ...["correct", "defect", "group", "method", "sample", "scores", "skips", "target", "targetKind"],
    ]);
  });
});
