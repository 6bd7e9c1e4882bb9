import { describe, expect, it } from "vitest";
import type { Erratum } from "../../kit/src/results/errata.ts";
import { guideOf } from "../guide/guide.ts";
import { architectures, domains, makeRun } from "../test/make-runs.ts";
import { withErrata } from "./errata.ts";
import { boardOf } from "./leaderboard.ts";
import { basesOf, fieldOf, placeOf, rankingOf, verdictOf, whyNoPlace } from "./rankings.ts";
import { cellOf, type SiteRun } from "./run.ts";

const run: SiteRun = {
  ...makeRun({ domain: domains[0], architecture: architectures[0], date: "2026-11-20T12:00:00Z" }),
  id: "phantom-cxr/cxr-resnet/2026-11-20-00000000",
  pictures: [],
  tier: "recomputed",
};
const once = { from: 1, to: 1 };
const erratum = (affects: Partial<Erratum["affects"]>, reason = "it was wrong"): Erratum => ({
  affects: { revisions: once, ...affects },
  reason,
  date: "2026-12-01",
});
const shown = (...errata: Erratum[]) => withErrata(run, errata).run;
const says = "erratum 1 of 2026-12-01: it was wrong";
const ranked = (of: string, from = run) => rankingOf(from, of)!.places.map(({ method }) => method);
const all = ranked("infidelity");
const leader = rankingOf(run, "infidelity")!.tieGroups[0];

describe("a run with errata", () => {
  it("is the same object where none touches it", () => {
    for (const affects of [
      { metric: "infidelity", revisions: { from: 2, to: 3 } },
      { metric: "pointing-game" },
      { method: "rise" },
    ]) {
      const { run: same, marks } = withErrata(run, [erratum(affects)]);
      expect(same).toBe(run);
      expect(marks).toEqual([]);
    }
  });

  it("leaves the document as it was", () => {
    const before = JSON.stringify(run);
    shown(erratum({ metric: "infidelity" }), erratum({ method: "random" }));
    expect(JSON.stringify(run)).toBe(before);
  });

  it("keeps an affected value, marked", () => {
    const cell = cellOf(shown(erratum({ method: "lime", metric: "infidelity" })), "lime", "infidelity")!;
    expect(cell).toMatchObject({ erratum: says, recommendable: null, gate: { passed: null, reason: says } });
    expect(cell.mean).toBe(cellOf(run, "lime", "infidelity")!.mean);
  });

  it("takes one place where one method's score by one metric is wrong, there and in what is made of it", () => {
    const changed = shown(erratum({ method: "lime", metric: "infidelity" }));
    for (const of of ["infidelity", "faithfulness", "overall"]) {
      expect(ranked(of, changed)).toEqual(ranked(of).filter((method) => method !== "lime"));
      expect(whyNoPlace(changed, of, "lime")).toBe(says);
      expect(fieldOf(rankingOf(changed, of)!)).toBe(fieldOf(rankingOf(run, of)!));
      expect(rankingOf(changed, of)!.tieGroups.flat()).not.toContain("lime");
    }
    expect(rankingOf(changed, "sparseness")).toBe(rankingOf(run, "sparseness"));
    expect(rankingOf(changed, "robustness")).toBe(rankingOf(run, "robustness"));
  });

  it("keeps the published ranks of the others", () => {
    const changed = rankingOf(shown(erratum({ method: "lime", metric: "infidelity" })), "infidelity");
    for (const method of all.filter((id) => id !== "lime")) {
      expect(placeOf(changed, method)).toEqual(placeOf(rankingOf(run, "infidelity"), method));
    }
  });

  it("lets nobody move up where the lead is gone, nor down where the end is", () => {
    const changed = rankingOf(shown(...leader.map((method) => erratum({ method }))), "infidelity")!;
    expect(changed.tieGroups[0]).toEqual([]);
    expect(changed.tieGroups.slice(1)).toEqual(rankingOf(run, "infidelity")!.tieGroups.slice(1));
    expect(changed.reason).toMatch(/^erratum 1 of 2026-12-01/);
    const last = rankingOf(run, "infidelity")!.tieGroups.at(-1)!;
    const other = rankingOf(shown(...last.map((method) => erratum({ method }))), "infidelity")!;
    expect(other.tieGroups.at(-1)).toEqual([]);
    expect(other.reason).toBeNull();
  });

  it("unranks a metric, its facet and the whole where the metric is wrong", () => {
    const changed = shown(erratum({ metric: "infidelity" }));
    for (const of of ["infidelity", "faithfulness", "overall"]) {
      expect(rankingOf(changed, of)).toMatchObject({ places: [], tieGroups: [], reason: says });
      expect(whyNoPlace(changed, of, "lime")).toBe(says);
    }
    for (const of of ["deletion-auc", "robustness"]) expect(rankingOf(changed, of)).toBe(rankingOf(run, of));
  });

  it("takes a method out of everything where the method is wrong", () => {
    const changed = shown(erratum({ method: "occlusion" }));
    const { statistics } = changed.result;
    for (const ranking of [statistics.overall, ...statistics.facets, ...statistics.metrics]) {
      expect(ranking.places.map(({ method }) => method)).not.toContain("occlusion");
    }
    expect(ranked("infidelity", changed)).toHaveLength(all.length - 1);
  });

  it("voids the gates against a control that is wrong, and what rests on them", () => {
    const changed = shown(erratum({ method: "random" }));
    for (const cell of changed.result.statistics.cells.filter(({ gate }) => gate !== null)) {
      expect(cell.gate).toMatchObject({ passed: null, reason: says });
      expect(cell.recommendable === true).toBe(false);
    }
    for (const basis of basesOf([run])) {
      expect(verdictOf(changed, basis, "lime").sound).not.toBe(true);
    }
    expect(ranked("infidelity", changed)).toEqual(all);
  });

  it("still recommends on a metric without a gate where another gate of faithfulness passes", () => {
    const free = run.result.metrics.find(({ gate, family }) => gate === "none" && family !== "cost")!.id;
    const method = all.find((id) => cellOf(run, id, free)?.recommendable === true)!;
    const passed = run.result.metrics.filter(
      ({ id, family }) => family === "faithfulness" && cellOf(run, method, id)?.gate?.passed === true,
    );
    const of = (metrics: readonly { readonly id: string }[]) =>
      cellOf(shown(...metrics.map(({ id }) => erratum({ method, metric: id }))), method, free)!.recommendable;
    expect(passed.length).toBeGreaterThan(1);
    expect(of(passed.slice(1))).toBe(true);
    expect(of(passed)).toBeNull();
  });

  it("names every erratum by its line, and how many values it takes", () => {
    const { marks } = withErrata(run, [
      erratum({ metric: "pointing-game" }),
      erratum({ method: "lime", metric: "infidelity" }),
      erratum({ metric: "infidelity" }),
    ]);
    expect(marks.map(({ number, cells }) => [number, cells])).toEqual([
      [2, 1],
      [3, run.result.methods.length],
    ]);
  });

  it("does not let a reason fill the page", () => {
    const long = shown(erratum({ metric: "infidelity" }, "x".repeat(1000)));
    expect(rankingOf(long, "infidelity")!.reason!.length).toBeLessThan(200);
  });
});

describe("pages", () => {
  it("the leaderboard shows the value, marked, and no rank", () => {
    const board = boardOf([shown(erratum({ method: "lime" }))]);
    const cell = (column: string) =>
      board.rows.find(({ method }) => method === "lime")!.cells[
        board.columns.findIndex(({ id }) => id === column)
      ];
    expect(cell("overall")).toMatchObject({ text: "–", note: says });
    expect(cell("infidelity").text).toMatch(/^0\.\d+†$/);
    expect(cell("infidelity").note).toBe(says);
  });

  it("the guide does not count it", () => {
    const runs = ["a", "b", "c"].map((model): SiteRun => {
      const copy = structuredClone(run);
      copy.result.model = { ...copy.result.model, id: model, sha256: model.repeat(64) };
      copy.result.data = { ...copy.result.data, id: `set-${model}`, base: `set-${model}` };
      return { ...copy, id: `set-${model}/${model}/2026-11-20-00000000` };
    });
    const answer = (errata: readonly Erratum[]) =>
      guideOf(runs.map((one) => withErrata(one, errata).run)).find(
        ({ track, family, concern }) =>
          track === "synthetic" && family === "cnn" && concern === "faithfulness",
      )!;
    const used = answer([])
      .advice.filter(({ verdict }) => verdict === "use")
      .map(({ method }) => method);
    expect(used.length).toBeGreaterThan(0);
    const without = (errata: readonly Erratum[]) =>
      new Map(answer(errata).advice.map(({ method, verdict }) => [method, verdict]));
    expect(without([erratum({ method: used[0] })]).get(used[0])).toBe("unknown");
    expect(new Set(without([erratum({ metric: "insertion-auc" })]).values())).toEqual(new Set(["unknown"]));
    // nobody takes the place of leaders that are gone
    const rest = without(used.map((method) => erratum({ method })));
    expect([...rest.values()]).not.toContain("use");
  });
});
