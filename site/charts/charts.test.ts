import { describe, expect, it } from "vitest";
import type { RunRanking, SiteRun } from "../lib/run.ts";
import { stepOf, steps } from "../lib/scale.ts";
import { architectures, domains, makeRun } from "../test/make-runs.ts";
import { radarConfig, radarDrawing, radarOf, rankHeatmap, rankStrip } from "./index.ts";
import { methodHeatmap } from "./rank-heatmap.ts";
import { dashOf, shapeOf, slotOf, slots } from "./series.ts";
import { shareBar } from "./share-bar.ts";

const made = makeRun({
  domain: domains.find((d) => d.id === "shapes")!,
  architecture: architectures.find((a) => a.id === "clip-vit-mini")!,
  date: "2026-11-20T12:00:00Z",
});
const run: SiteRun = {
  ...made,
  id: "phantom-shapes/shapes-clip/2026-11-20-00000000",
  pictures: [],
  tier: "recomputed",
};

/** The same run with one ranking replaced. */
const withRanking = (ranking: RunRanking): SiteRun => {
  const copy = structuredClone(run);
  const { metrics } = copy.result.statistics;
  metrics[metrics.findIndex((m) => m.of === ranking.of)] = ranking;
  return copy;
};
const tied: RunRanking = {
  of: "infidelity",
  reason: null,
  units: 8,
  dropped: 0,
  places: [
    { method: "occlusion", standard: true, score: 0.9, rank: 1, interval: [1, 2] },
    { method: "saliency", standard: true, score: 0.8, rank: 1, interval: [1, 2] },
    { method: "smoothgrad", standard: true, score: 0.1, rank: 3, interval: [3, 3] },
  ],
  tieGroups: [["occlusion", "saliency"], ["smoothgrad"]],
};

describe("the radar", () => {
  const radar = radarOf(withRanking(tied));
  const series = (method: string) => radar.series.find((s) => s.method === method)!;

  it("has the core metrics the run has as axes, and the standard methods that ran", () => {
    expect(radar.axes.map((axis) => axis.id)).toEqual([
      "infidelity",
      "max-sensitivity",
      "deletion-auc",
      "insertion-auc",
      "sparseness",
      "randomisation",
      "relevance-rank-accuracy",
    ]);
    expect(radar.series.map((s) => s.method)).not.toContain("random");
    expect(radar.series.map((s) => s.method)).not.toContain("grad-cam"); // not applicable there
  });
  it("puts the best rank on the edge, equal ranks at equal heights, the last at 0", () => {
    expect(series("occlusion").points[0]).toEqual({ rank: 1, interval: [1, 2], height: 1 });
    expect(series("saliency").points[0]?.height).toBe(1);
    expect(series("smoothgrad").points[0]?.height).toBe(0);
  });
  it("leaves a gap where there is no rank", () => {
    expect(series("input-x-gradient").points[0]).toBeNull();
    const config = radarConfig(radar, { ink: "", grid: "", surface: "", font: "", series: [] });
    const at = radar.series.indexOf(series("input-x-gradient"));
    expect(config.data.datasets[at].data[0]).toBeNull();
    expect(config.data.datasets[at].spanGaps).toBe(false);
    const line = radarDrawing(radar).lines[at].path;
    expect(line.match(/M/g)).toHaveLength(1);
    expect(line).not.toContain("Z");
  });
  it("draws closed lines that stay inside the outer ring", () => {
    const drawing = radarDrawing(radarOf(run));
    const outer = drawing.rings.at(-1)!;
    const [cx, cy] = drawing.centre;
    for (const { path } of drawing.lines) {
      expect(path).toMatch(/Z$/);
      for (const [, x, y] of path.matchAll(/([\d.]+) ([\d.]+)/g)) {
        expect(Math.hypot(Number(x) - cx, Number(y) - cy)).toBeLessThan(outer + 0.2);
      }
    }
  });
  it("fades all but the method that is shown", () => {
    const colours = { ink: "", grid: "", surface: "", font: "", series: new Array(slots).fill("#112233") };
    const { datasets } = radarConfig(radar, colours, "saliency").data;
    expect(datasets.filter((d) => d.borderColor === "#112233").map((d) => d.label)).toEqual(["Saliency"]);
  });
});

describe("the heatmap", () => {
  const map = rankHeatmap([withRanking(tied)], "infidelity");
  const cell = (method: string) => map.groups[0].rows[0].cells.find((c) => c.method === method)!;

  it("names rank, interval and ties in words", () => {
    expect(cell("occlusion").name).toBe("Rank 1 of 3, 95 % interval 1–2, not separated from Saliency");
    expect(cell("smoothgrad")).toMatchObject({ rank: 3, step: steps - 1, tied: [] });
  });
  it("shows a missing cell as missing, with its reason", () => {
    expect(cell("grad-cam")).toMatchObject({
      rank: null,
      step: null,
      reason: "the layer's patch gradients all vanish",
    });
    const reason = "7 of the 11 standard methods have every facet, 8 are needed";
    const unranked = structuredClone(run);
    Object.assign(unranked.result.statistics.overall, { reason, places: [], tieGroups: [] });
    expect(rankHeatmap([unranked], "overall").groups[0].rows[0].cells[0]).toMatchObject({
      rank: null,
      reason,
    });
  });
});

it("lays a strip's interval around its rank", () => {
  const strip = rankStrip({ rank: 2, interval: [1, 4] }, 6);
  expect(strip.ticks).toHaveLength(6);
  expect(strip.dot).toBe(strip.ticks[1]);
  expect(strip.bar.x).toBeLessThan(strip.ticks[0]);
  expect(strip.bar.x + strip.bar.width).toBeGreaterThan(strip.ticks[3]);
  expect(rankStrip({ rank: 1, interval: [1, 1] }, 1).dot).toBe(60);
});

it("spreads ranks over the whole scale", () => {
  expect([1, 2, 3, 4, 5, 6].map((rank) => stepOf(rank, 6))).toEqual([0, 1, 2, 2, 3, 4]);
  expect(stepOf(1, 1)).toBe(0);
});

it("tells the standard methods apart without colour", () => {
  const looks = new Set(
    Array.from({ length: slots }, (_, slot) => `${shapeOf(slot)} ${dashOf(slot).join()}`),
  );
  expect(looks.size).toBe(slots);
  expect(slotOf("saliency")).toBe(0);
  expect(slotOf("unheard-of")).toBe(slots - 1);
});

it("lays one method's ranks out by what is ranked", () => {
  const bases = [
    { id: "infidelity", title: "Infidelity", kind: "metric", metrics: ["infidelity"] },
    { id: "nothing", title: "Nothing", kind: "facet", metrics: [] },
  ] as const;
  const map = methodHeatmap([withRanking(tied)], bases, "saliency");
  expect(map.columns.map(({ kind }) => kind)).toEqual(["metrics", undefined]);
  const [row] = map.groups[0].rows;
  expect(row.cells.map(({ name }) => name)).toEqual([
    "Rank 1 of 3, 95 % interval 1–2, not separated from Occlusion",
    "No rank: not measured in this run",
  ]);
});

it("fills a bar from the left with leads, from the right with last places", () => {
  expect(shareBar({ runs: 8, leads: 4, trails: 2 })).toMatchObject({ width: 96, leads: 48, trails: 24 });
  expect(shareBar({ runs: 0, leads: 0, trails: 0 })).toMatchObject({ leads: 0, trails: 0 });
});
