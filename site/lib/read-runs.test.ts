import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { canonicalJson } from "../../kit/src/json.ts";
import { identityOf } from "../../kit/src/results/document.ts";
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

  it("knows a run by the hash of its result, in whatever form the document is", async () => {
    const identity = identityOf(run.result);
    for (const [id, text] of [
      [place, JSON.stringify(run, null, 2)],
      [place.replace("0a1b2c3d", identity.slice(0, 8)), `${canonicalJson(run)}\n`],
      // telemetry that looks like the end of the result
      [
        place.replace("0a1b2c3d", identity.slice(0, 8)),
        `${canonicalJson({ ...run, telemetry: { ...run.telemetry, msPerAttribution: { a: 1, telemetry: 2 } } })}\n`,
      ],
    ]) {
      await put(id, text);
      expect((await readRuns(results, runCheck()))[0].trust?.identity).toBe(identity);
      await rm(join(results, "runs", id), { recursive: true });
    }
  });

  describe("with what is said beside them", () => {
    const identity = identityOf(run.result);
    const attested = {
      run: identity,
      kind: "attested",
      by: "some-one",
      date: "2026-12-01",
      evidence: "https://example.org/attestations/1",
    };
    const erratum = {
      affects: { method: "lime", metric: "infidelity", revisions: { from: 1, to: 1 } },
      reason: "it was wrong",
      date: "2026-12-01",
    };
    const say = (file: string, ...lines: object[]) =>
      writeFile(join(results, file), lines.map((line) => `${canonicalJson(line)}\n`).join(""));
    beforeEach(async () => {
      await put(place, run);
      const { sidecar } = makeScores({ ...pair, date: "2026-11-20T12:00:00Z" });
      await writeFile(join(results, "runs", place, "scores.parquet"), sidecar);
    });

    it("gives the tier that the ledger says, with its lines", async () => {
      await say("ledger.jsonl", attested, { ...attested, date: "2026-01-01" });
      const [{ tier, trust }] = await readRuns(results, runCheck());
      expect(tier).toBe("attested");
      expect(trust?.evidence.map(({ against }) => against)).toEqual([undefined, "dated before the run"]);
    });
    it("takes the ranks that an erratum takes, after the tier was told by the document as it is", async () => {
      await say("errata.jsonl", erratum);
      await say("ledger.jsonl", attested);
      const [{ tier, trust, result }] = await readRuns(results, runCheck());
      expect(tier).toBe("attested");
      expect(trust).toMatchObject({ identity, errata: [{ number: 1, cells: 1 }] });
      const places = ({ statistics }: typeof result) =>
        statistics.metrics.find(({ of }) => of === "infidelity")!.places.length;
      expect(places(result)).toBe(places(run.result) - 1);
    });
    it.each([
      ["ledger.jsonl", { ...attested, run: "0".repeat(64) }, `$.run: there is no run ${"0".repeat(64)}`],
      [
        "ledger.jsonl",
        { ...attested, kind: "recomputed" },
        '$.kind: must be one of "reproduced", "attested"',
      ],
      [
        "errata.jsonl",
        { ...erratum, affects: { method: "limes", revisions: { from: 1, to: 1 } } },
        "$.affects.method: there is no method limes",
      ],
    ])("stops at a line of %s that cannot be", async (file, line, says) => {
      await say(file, line);
      expect(await message()).toBe(
        `1 problems in results/${file}\n  results/${file}, line 1: ${says}\n  next: npm run results:recheck`,
      );
    });
    it("stops at a ledger without runs", async () => {
      await rm(join(results, "runs"), { recursive: true });
      await say("ledger.jsonl", attested);
      expect(await message()).toContain("there is no run");
    });
  });
});
