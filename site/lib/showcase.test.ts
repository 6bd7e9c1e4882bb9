import { expect, it } from "vitest";
import { architectures, domains, makeRun } from "../test/make-runs.ts";
import type { SiteRun } from "./run.ts";
import { mostData, mostRuns, showcase } from "./showcase.ts";

const made = makeRun({ domain: domains[0], architecture: architectures[0], date: "2026-11-20T12:00:00Z" });
const run = (data: string, architecture: string, date: string, model = architecture): SiteRun => ({
  ...made,
  id: `${data}/${model}/${date}-00000000`,
  pictures: [],
  tier: "recomputed",
  telemetry: { ...made.telemetry, date: `${date}T00:00:00Z` },
  result: {
    ...made.result,
    data: { ...made.result.data, id: data, base: data },
    model: { ...made.result.model, id: model, architecture },
  },
});

it("shows the newest run of an architecture on a data set, and says how many it leaves", () => {
  const old = run("a", "vit", "2026-01-01", "vit-seed-1");
  const recent = run("a", "vit", "2026-02-01", "vit-seed-2");
  const other = run("a", "resnet", "2026-01-01");
  expect(showcase([old, recent, other])).toEqual({ runs: [recent, other], left: 1 });
  expect(showcase([])).toEqual({ runs: [], left: 0 });
});

it("stays one page, with the data sets and architectures that most was measured with", () => {
  const many = Array.from({ length: 20 }, (_, d) =>
    Array.from({ length: 12 }, (_, a) => run(`data-${d}`, `architecture-${a}`, "2026-01-01")),
  ).flat();
  const more = run("data-19", "architecture-11", "2026-01-01", "another-seed");
  const { runs, left } = showcase([...many, more]);
  expect(new Set(runs.map(({ result }) => result.data.id)).size).toBe(mostData);
  expect(runs).toHaveLength(mostData * mostRuns);
  expect(left).toBe(241 - runs.length);
  expect(runs[0].result).toMatchObject({
    data: { id: "data-19" },
    model: { architecture: "architecture-11" },
  });
});
