/** Made runs, from documents to what the page says. */
import { beforeAll, describe, expect, it } from "vitest";
import type { AcrossRuns } from "../../kit/src/results/across-runs.ts";
import { acrossOf } from "../lib/across-runs.ts";
import type { SiteRun } from "../lib/run.ts";
import { architectures, domains, makeRun } from "../test/make-runs.ts";
import { architecturesOf, gapsOf } from "./architectures.ts";
import { carryOf } from "./carry.ts";
import { gapsIn } from "./gaps.ts";
import { between, panelsOf, ranksOver, standing, value } from "./scatter.ts";
import { basesIn, some, type View, viewsOf, viewWords } from "./views.ts";

const made = (
  domain: (typeof domains)[number],
  architecture: (typeof architectures)[number],
  track?: string,
) => {
  const run = makeRun({ domain, architecture, date: "2026-11-20T12:00:00Z", small: true });
  if (track !== undefined) Object.assign(run.result.data, { track });
  const id = `${run.result.data.id}/${run.result.model.id}/2026-11-20-0a1b2c3d`;
  return { ...run, id, pictures: [], tier: "recomputed" } as SiteRun;
};
const used = architectures.filter(({ style }) => style === "resnet" || style === "clip");
const drawn = domains.flatMap((domain) => used.map((architecture) => made(domain, architecture)));
/** The first two data sets natural, the others medical. */
const real = domains.flatMap((domain, k) =>
  used.map((architecture) => made(domain, architecture, k < 2 ? "natural" : "medical")),
);

let [drawnView, realView]: View[] = [];
let across: AcrossRuns;
beforeAll(async () => {
  across = await acrossOf(drawn);
  [drawnView] = viewsOf(across, drawn);
  [realView] = viewsOf(await acrossOf(real), real);
});

describe("views", () => {
  it("keep drawn pictures apart from others, which come first", async () => {
    const renamed = real.map((run) => ({
      ...run,
      id: `real-${run.id}`,
      result: { ...run.result, data: { ...run.result.data, id: `real-${run.result.data.id}` } },
    }));
    const all = [...drawn, ...renamed];
    const views = viewsOf(await acrossOf(all), all);
    expect(views.map(({ key, runs }) => [key, runs.length])).toEqual([
      ["real", 8],
      ["drawn", 8],
    ]);
  });
  it("take a released protocol before a draft, and nothing from nothing", () => {
    const [set] = across.sets;
    const other = { ...set, protocol: { ...set.protocol, id: "9-draft" }, draft: true };
    const [view] = viewsOf({ ...across, sets: [other, set] }, drawn);
    expect(view.set).toBe(set);
    expect(viewsOf({ ...across, sets: [] }, [])).toEqual([]);
  });
  it("say what they are of", () => {
    expect(viewWords(drawnView)).toBe(
      "8 runs of 12 images on 4 data sets with 8 models, protocol 1, tier recomputed",
    );
    expect(some(1, "run")).toBe("1 run");
  });
  it("offer the rankings that they have", () => {
    expect(basesIn(drawnView).map(({ id }) => id)).toContain("faithfulness");
    expect(basesIn({ ...drawnView, set: { ...drawnView.set, standings: [] } })).toEqual([]);
  });
});

describe("scatter", () => {
  it("has a panel for each data set, with the standings of its documents", () => {
    const panels = panelsOf(drawnView, ["infidelity", "max-sensitivity"], standing);
    expect(panels).toHaveLength(4);
    const [panel] = panels;
    expect(panel.runs).toBe(2);
    const row = panel.rows.find(({ method }) => method === "saliency")!;
    const scores = drawn
      .filter(({ result }) => result.data.base === panel.data)
      .map(
        ({ result }) =>
          result.statistics.metrics
            .find(({ of }) => of === "infidelity")!
            .places.find(({ method }) => method === "saliency")!,
      );
    expect(row.x.value).toBeCloseTo((scores[0].score + scores[1].score) / 2, 12);
    expect(row.x.range).toEqual([
      Math.min(...scores.map((s) => s.score)),
      Math.max(...scores.map((s) => s.score)),
    ]);
    const [low, high] = [Math.min(...scores.map((s) => s.rank)), Math.max(...scores.map((s) => s.rank))];
    expect(ranksOver(drawnView, panel.data, "infidelity", "saliency")).toBe(
      low === high ? `${low}` : `${low}–${high}`,
    );
    expect(panel.rows.map(({ method }) => method)).not.toContain("random");
  });
  it("has no panel where one of the two was not measured", () => {
    expect(panelsOf(drawnView, ["annotation-coverage", "infidelity"], value)).toEqual([]);
    expect(between(drawnView, "annotation-coverage", "infidelity")).toBeUndefined();
  });
  it("leaves out a value that an erratum marks", () => {
    const copy = structuredClone(drawn);
    for (const { result } of copy)
      for (const cell of result.statistics.cells)
        if (cell.method === "saliency" && cell.metric === "deletion-auc")
          Object.assign(cell, { erratum: "wrong" });
    const panels = panelsOf({ ...drawnView, runs: copy }, ["deletion-auc", "insertion-auc"], value);
    expect(panels[0].rows.map(({ method }) => method)).not.toContain("saliency");
    expect(panels[0].rows.map(({ method }) => method)).toContain("occlusion");
  });
});

describe("architectures", () => {
  it("agree as the kit says across one track, and per track where there are two", () => {
    const [only] = architecturesOf(drawnView, "faithfulness");
    const { table } = drawnView.set.betweenArchitectures.find(({ of }) => of === "faithfulness")!;
    expect(only.rows.map(({ title: _, ...row }) => row)).toEqual(table);
    const tracks = architecturesOf(realView, "faithfulness");
    expect(tracks.map(({ track, rows }) => [track, rows[0].dataSets])).toEqual([
      ["natural", 2],
      ["medical", 2],
    ]);
    expect(tracks[0].answer).toMatch(/^Not enough evidence: 2 data sets, 3 are needed for an interval/);
  });
  it("have a gap for each family, with an interval from three data sets on", () => {
    const gaps = gapsOf(drawnView, "faithfulness");
    expect(gaps.map(({ family, runs }) => [family, runs])).toEqual([
      ["cnn", 4],
      ["transformer", 0],
      ["contrastive", 4],
    ]);
    const { gap, interval } = gaps[2];
    expect(interval![0]).toBeLessThanOrEqual(gap!);
    expect(interval![1]).toBeGreaterThanOrEqual(gap!);
    expect(gaps[1]).toMatchObject({ gap: null, reason: "no runs" });
    const two = { ...drawnView, runs: drawn.slice(0, 4) };
    expect(gapsOf(two, "faithfulness")[2]).toMatchObject({
      interval: null,
      reason: "no interval: 2 data sets, 3 are needed",
    });
  });
});

describe("carrying over", () => {
  it("goes from data set to data set where there is one track, and says what is missing", () => {
    const carry = carryOf(drawnView, "faithfulness");
    expect(carry.over).toBe("data sets");
    expect(carry.columns.map(({ runs }) => runs)).toEqual([2, 2, 2, 2]);
    expect(carry.answer).toMatch(
      /^Ranks on natural and on medical images cannot be compared yet: there are only drawn/,
    );
    for (const column of carry.columns.keys()) {
      const ranks = carry.rows.map((row) => row.ranks[column]);
      expect(ranks.reduce((a, b) => a + b)).toBeCloseTo((ranks.length * (ranks.length + 1)) / 2, 9);
    }
  });
  it("goes from natural to medical images where there are both", () => {
    const carry = carryOf(realView, "faithfulness");
    expect(carry.over).toBe("tracks");
    expect(carry.columns.map(({ id }) => id)).toEqual(["natural", "medical"]);
    expect(carry.agreements.map(({ title }) => title)).toContain("Natural images and Medical images");
    expect(carry.answer).toMatch(/from natural to medical images/);
    expect(carry.answer).toMatch(/^Not enough evidence/);
  });
});

describe("what is missing", () => {
  it("counts data sets and models as the guide does", () => {
    const { groups, metrics, answer } = gapsIn(real);
    const cell = (track: string, family: string, metric: string) =>
      groups.find((g) => g.track === track)!.rows.find((r) => r.family === family)!.cells[
        metrics.findIndex(({ id }) => id === metric)
      ];
    expect(cell("natural", "cnn", "infidelity")).toMatchObject({
      runs: 2,
      dataSets: 2,
      models: 2,
      level: "enough",
    });
    expect(cell("natural", "transformer", "infidelity")).toMatchObject({ level: "none", name: "no run" });
    expect(cell("ct", "cnn", "relevance-rank-accuracy").level).toBe("never");
    expect(answer).toBe(
      "8 of 12 combinations of model family and kind of image have no run that counts, Transformers on natural images first.",
    );
  });
  it("says that nothing was measured where only drawn pictures were", () => {
    expect(gapsIn(drawn).answer).toMatch(/^Nothing has been measured yet on photographs or patients/);
    expect(gapsIn([]).answer).toMatch(/^Nothing has been measured yet/);
  });
  it("calls one run too few", () => {
    const [group] = gapsIn(real.slice(0, 1)).groups;
    expect(group.rows[0].cells[0].level).toBe("some");
  });
});
