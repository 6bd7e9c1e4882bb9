import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { architectures, domains, makeRun, makeScores } from "../test/make-runs.ts";
import { runCheck } from "./check-run.ts";
import { readRuns } from "./read-runs.ts";

const pair = {
  domain: domains.find((d) => d.id === "cxr")!,
  architecture: architectures.find((a) => a.id === "resnet-mini")!,
};
const run = makeRun({ ...pair, date: "2026-11-20T12:00:00Z" });
const place = "phantom-cxr/cxr-resnet/2026-11-20-0a1b2c3d";

let results: string;
beforeEach(async () => {
  results = await mkdtemp(join(tmpdir(), "xai-site-"));
});
afterEach(() => rm(results, { recursive: true }));

async function put(id: string, document: unknown): Promise<void> {
  const file = join(results, "runs", id, "run.json");
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, typeof document === "string" ? document : JSON.stringify(document));
}
const message = () => readRuns(results, runCheck()).then(String, (error: Error) => error.message);

describe("readRuns", () => {
  it("finds no runs where there is no folder", async () => {
    expect(await readRuns(results, runCheck())).toEqual([]);
  });
  it("gives each run its folder as id, and its pictures in order", async () => {
    await put(place, run);
    await mkdir(join(results, "runs", place, "pictures"));
    for (const name of ["b.png", "a.png", "c.txt"]) {
      await writeFile(join(results, "runs", place, "pictures", name), "");
    }
    const [found] = await readRuns(results, runCheck());
    expect(found.id).toBe(place);
    expect(found.pictures).toEqual(["a.png", "b.png"]);
    expect(found.result.model.id).toBe("cxr-resnet");
  });
  it("calls recomputed only what lies beside the scores that it names", async () => {
    const tier = async () => (await readRuns(results, runCheck()))[0].tier;
    const scores = join(results, "runs", place, "scores.parquet");
    const { sidecar } = makeScores({ ...pair, date: "2026-11-20T12:00:00Z" });
    await put(place, run);
    expect(await tier()).toBe("submitted");
    await writeFile(scores, sidecar);
    expect(await tier()).toBe("recomputed");
    await writeFile(scores, sidecar.with(100, sidecar[100] ^ 1));
    expect(await tier()).toBe("submitted");
    await writeFile(scores, sidecar.subarray(1));
    expect(await tier()).toBe("submitted");
  });
  it("says everything that is wrong, each with file and place", async () => {
    await put(place, { ...run, extra: 1 });
    await put("a/b/2026-01-01-00000000", "{");
    await put("phantom-cxr/cxr-vit/2026-11-20-0a1b2c3d", run);
    const text = await message();
    expect(text).toMatch(/^3 problems in run documents\n/);
    expect(text).toContain(`results/runs/${place}/run.json: / must NOT have additional properties`);
    expect(text).toContain("results/runs/a/b/2026-01-01-00000000/run.json: ");
    expect(text).toContain(
      "lies in phantom-cxr/cxr-vit/2026-11-20-0a1b2c3d, expected phantom-cxr/cxr-resnet/2026-11-20-",
    );
  });
});
