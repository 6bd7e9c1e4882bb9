import { describe, expect, it } from "vitest";
import type { Erratum } from "../../kit/src/results/errata.ts";
import { daysOf, revisedOf } from "./changelog.ts";
import type { SiteRun } from "./run.ts";

const run = (id: string, date: string, revision = 1) =>
  ({
    id,
    telemetry: { date: `${date}T12:00:00Z` },
    result: { methods: [{ id: "lime", revision }], metrics: [] },
  }) as unknown as SiteRun;

describe("runs by day", () => {
  const runs = [run("b", "2026-11-01"), run("c", "2026-11-02"), run("a", "2026-11-01")];
  it("come newest first, within a day by id", () => {
    const { days, more } = daysOf(runs);
    expect(days.map(({ date, runs: list }) => [date, list.map(({ id }) => id)])).toEqual([
      ["2026-11-02", ["c"]],
      ["2026-11-01", ["a", "b"]],
    ]);
    expect(more).toBe(0);
  });
  it("stop where a page is full", () => {
    const { days, more } = daysOf(runs, 2);
    expect(days.flatMap(({ runs: list }) => list.map(({ id }) => id))).toEqual(["c", "a"]);
    expect(more).toBe(1);
  });
  it("are none where there are none", () => {
    expect(daysOf([])).toEqual({ days: [], more: 0 });
  });
});

describe("revisions", () => {
  const registry = {
    methods: [
      { id: "lime", title: "LIME", revision: 2 },
      { id: "rise", title: "RISE", revision: 1 },
    ],
    metrics: [{ id: "lime", title: "not a method", revision: 1 }],
  };
  const erratum = (affects: Partial<Erratum["affects"]>): Erratum => ({
    affects: { revisions: { from: 1, to: 1 }, ...affects },
    reason: "",
    date: "2026-12-01",
  });
  it("are those that numbers changed with, with their errata and the runs from before", () => {
    const runs = [run("a", "2026-11-01", 1), run("b", "2026-11-02", 2)];
    const errata = [erratum({ metric: "lime" }), erratum({ method: "lime" }), erratum({ method: "rise" })];
    expect(revisedOf(runs, errata, registry)).toEqual([
      { kind: "method", id: "lime", title: "LIME", revision: 2, errata: [2], older: 1 },
    ]);
  });
});
