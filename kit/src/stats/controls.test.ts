import { beforeAll, describe, expect, it } from "vitest";
import { analyticProbe, noiseImage, reluNet } from "../../test/analytic-probe.ts";
import { scoreOf } from "../../test/scored.ts";
import { attribute, methods } from "../index.ts";
import { expected, metrics } from "../metrics/index.ts";
import type { Probe } from "../model/probe.ts";
import { rngOf } from "../rng.ts";
import { checkControls } from "./controls.ts";
import { controlIds } from "./expectation.ts";
import { type ScoredRow, tableOf } from "./table.ts";

const controls = methods.filter((m) => m.control);
const shape = { channels: 1, height: 28, width: 28 };
const net = reluNet(shape, "controls");
// gentle, so that probabilities do not jump between 0 and 1 with every pixel
const model = { ...net, logits: (x: Float32Array) => Array.from(net.logits(x), (v) => v / 20) };
const ids = metrics.map((m) => m.id);
const table = (rows: readonly ScoredRow[]) => tableOf(rows, controlIds, ids);

it("every metric has an expectation of every control", () => {
  expect(controls.map((m) => m.id)).toEqual(controlIds);
  expect(Object.keys(expected).sort()).toEqual([...ids].sort());
  for (const of of Object.values(expected)) expect(Object.keys(of).sort()).toEqual([...controlIds].sort());
});

describe("checkControls", () => {
  const rows: ScoredRow[] = [];
  beforeAll(async () => {
    for (let s = 0; s < 24; s++) {
      const x = noiseImage(shape, `image ${s}`);
      const probe = analyticProbe(model, x);
      const draw = rngOf("object", s);
      const [top, left] = [draw.integer(15), draw.integer(15)];
      const mask = Uint8Array.from({ length: 784 }, (_, i) =>
        Number(Math.abs(Math.floor(i / 28) - top) < 9 && Math.abs((i % 28) - left) < 9),
      );
      for (const control of controls) {
        const explain = (at: Probe) =>
          attribute(control, at, { rng: (purpose) => rngOf(s, control.id, purpose) });
        const attribution = await explain(probe);
        for (const masked of [false, true]) {
          const row: ScoredRow = {
            sample: `s${s}`,
            group: `s${s}`,
            method: control.id,
            target: 0,
            targetKind: masked ? "annotated" : "predicted",
            correct: true,
            scores: {},
            skips: {},
          };
          for (const metric of metrics.filter((m) => m.needs.includes("mask") === masked)) {
            const result = await scoreOf(metric, probe, attribution, {
              mask: masked ? mask : undefined,
              rng: (purpose) => rngOf(s, "metric", purpose),
              explain,
              cost: control.cost({}, shape),
            });
            if (typeof result === "number") row.scores[metric.id] = result;
            else if ("skip" in result) row.skips[metric.id] = result.skip;
            else row.scores[metric.id] = result.value;
          }
          rows.push(row);
        }
      }
    }
  });

  it("finds every control where it is expected on every metric", () => {
    expect(checkControls(table(rows), expected)).toEqual([]);
    const { scores } = table(rows);
    expect(scores.size).toBe(ids.length);
    for (const [id, { values }] of scores) {
      const silent = controlIds.filter((_, c) => values[c].every(Number.isNaN));
      expect([id, silent]).toEqual([id, controlIds.filter((control) => "skipped" in expected[id][control])]);
    }
  });

  const forged = (control: string, metric: string, change: (v: number | undefined, s: number) => number) =>
    checkControls(
      table(
        rows.map((row) => {
          const asked = metric in row.scores || metric in row.skips;
          if (row.method !== control || !asked) return row;
          const value = change(row.scores[metric], Number(row.sample.slice(1)));
          return { ...row, scores: { ...row.scores, [metric]: value } };
        }),
      ),
      expected,
    );
  // a metric and control for each kind of expectation, and for each pair that must agree
  it.each<[string, string, (v: number | undefined, s: number) => number]>([
    ["random", "max-sensitivity", (_, s) => (s === 7 ? 0.01 : 0)],
    ["centre-gaussian", "randomisation", () => 0.99],
    ["constant", "randomisation", () => 1],
    ["sobel", "max-sensitivity", () => 0],
    ["random", "sparseness", (v) => v! + 0.05],
    ["constant", "sparseness", () => 0.1],
    ["constant", "deletion-auc", (v) => v! + 0.2],
    ["random", "insertion-auc", (v) => v! - 0.2],
    ["random", "infidelity", (v) => v! - 0.2],
    ["constant", "pointing-game", () => 1],
    ["random", "relevance-rank-accuracy", (v) => 1 - v! / 2],
    ["constant", "road-combined", (v) => v! + 0.3],
    ["constant", "sensitivity-n", () => 0],
    ["sobel", "cost", () => 1],
  ])("catches %s on %s", (control, metric, change) => {
    const found = forged(control, metric, change);
    expect(found.map((v) => `${v.control} ${v.metric}`)).toContain(`${control} ${metric}`);
  });

  it("says what it expected and found", () => {
    expect(forged("random", "max-sensitivity", () => 0.5)).toEqual([
      { control: "random", metric: "max-sensitivity", expected: "0 ± 0 on every image", found: "0.5" },
    ]);
  });

  it("misses a score where others have one, and passes over controls that were not run", () => {
    const silent = rows.map((row) => {
      const { sparseness, ...scores } = row.scores;
      return row.method === "sobel" && sparseness !== undefined
        ? { ...row, scores, skips: { ...row.skips, sparseness: "map is zero" } }
        : row;
    });
    expect(checkControls(table(silent), expected)).toEqual([
      { control: "sobel", metric: "sparseness", expected: "a score", found: "none" },
    ]);
    expect(checkControls(tableOf(rows, ["random"], ids), expected)).toEqual([]);
    expect(checkControls(table([]), expected)).toEqual([]);
  });

  it("takes hits that all came out alike for the draws that they are", () => {
    const rowsOf = (random: number): ScoredRow[] =>
      Array.from({ length: 8 }, (_, s) => ({
        sample: `s${s}`,
        group: `s${s}`,
        method: "random",
        target: 0,
        targetKind: "annotated",
        correct: true,
        scores: { "pointing-game": 0, "relevance-rank-accuracy": random },
        skips: {},
      }));
    // 4 % of the image: eight misses are what one expects; 80 %: they are not
    const violations = (random: number) => checkControls(tableOf(rowsOf(random), ["random"], ids), expected);
    expect(violations(0.04)).toEqual([]);
    expect(violations(0.8).map((v) => v.metric)).toContain("pointing-game");
  });
});
