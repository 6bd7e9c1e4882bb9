import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { architectures, domains, makeRun, makeScores } from "../test/make-runs.ts";
import type { SiteRun } from "./run.ts";

const dates = { old: "2026-11-19T12:00:00Z", current: "2026-11-20T12:00:00Z" };
const used = architectures.filter(({ style }) => style === "resnet" || style === "clip");
const pairs = domains.flatMap((domain) => used.map((architecture) => ({ domain, architecture })));
const place = (run: Pick<SiteRun, "result" | "telemetry">) =>
  `${run.result.data.id}/${run.result.model.id}/${run.telemetry.date.slice(0, 10)}-0a1b2c3d`;

let results: string;
beforeAll(async () => {
  results = await mkdtemp(join(tmpdir(), "xai-across-"));
  for (const pair of pairs) {
    const { run, sidecar } = makeScores({ ...pair, date: dates.current });
    const folder = join(results, "runs", place(run));
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, "run.json"), JSON.stringify(run));
    await writeFile(join(folder, "scores.parquet"), sidecar);
  }
  const quick = makeRun({ ...pairs[0], date: dates.old, protocol: "quick" });
  const file = join(results, "runs", place(quick), "run.json");
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, JSON.stringify(quick));
});
afterAll(() => rm(results, { recursive: true }));

describe("acrossAllRuns", () => {
  it("reads what the site reads, once, and compares the drawn pictures' runs", async () => {
    vi.resetModules();
    vi.stubEnv("XAI_RESULTS", results);
    const { acrossAllRuns } = await import("./across-runs.ts");
    const found = await acrossAllRuns();
    expect(await acrossAllRuns()).toBe(found);
    expect(found.sets).toHaveLength(1);
    const [set] = found.sets;
    expect(set).toMatchObject({ draft: false, synthetic: true, tracks: ["synthetic"] });
    expect(set.blocks).toHaveLength(8);
    const faithfulness = set.standings.find(({ of }) => of === "faithfulness")!;
    // the one run without Grad-CAM leaves it out of all
    expect(faithfulness.methodsLeftOut).toContainEqual({
      method: "grad-cam",
      reason: "no place in 1 of 8, first phantom-shapes/shapes-clip",
    });
    expect(faithfulness.friedman!.fP).toBeLessThan(0.05);
    expect(faithfulness.cautions).toContain(
      "runs share data sets (4 for 8), so that they are not independent",
    );
    const table = set.betweenArchitectures.find(({ of }) => of === "faithfulness")!.table;
    expect(table).toHaveLength(1);
    expect(table[0]).toMatchObject({ a: "clip-vit-mini", b: "resnet-mini", pairs: 4, dataSets: 4 });
    expect(table[0].interval).not.toBeNull();
    expect(set.weights.map(({ over, reason }) => [over, reason])).toEqual([
      ["facets", null],
      ["metrics", null],
    ]);
    vi.unstubAllEnvs();
  });
});

describe("acrossOf", () => {
  const of = (date: string, tier: SiteRun["tier"]): SiteRun => {
    const run = makeRun({ ...pairs[0], date });
    return { ...run, id: `${place(run)}`, pictures: [], tier };
  };

  it("takes the newest run that can count", async () => {
    const { acrossOf } = await import("./across-runs.ts");
    const blocks = async (...runs: SiteRun[]) => (await acrossOf(runs)).sets.map((set) => set.blocks);
    const block = ["phantom-cxr/cxr-resnet"];
    expect(await blocks(of(dates.old, "recomputed"), of(dates.current, "recomputed"))).toEqual([block]);
    expect(await blocks(of(dates.old, "recomputed"), of(dates.current, "submitted"))).toEqual([block]);
    expect(await blocks(of(dates.current, "submitted"))).toEqual([]);
  });

  it("leaves out metrics beyond those that pages compare by: the rest is scored on few images", async () => {
    const { acrossOf } = await import("./across-runs.ts");
    const run = of(dates.current, "recomputed");
    const [known] = run.result.metrics;
    const more = {
      ...run,
      result: { ...run.result, metrics: [...run.result.metrics, { ...known, id: "srg" }] },
    };
    const bases = (await acrossOf([more])).sets[0].standings.map((standing) => standing.of);
    expect(bases).toContain(known.id);
    expect(bases).not.toContain("srg");
  });
});
