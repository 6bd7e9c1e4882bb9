import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { madeRun } from "../kit/test/made-run.ts";
import { publishRun } from "./publish-run.ts";

const dir = mkdtempSync(join(tmpdir(), "xai-kit-publish-"));
afterAll(() => rmSync(dir, { recursive: true }));

it("leaves pictures, curves and the journal of a run on private images where they are", async () => {
  const folder = join(dir, "run");
  const { text, sidecar } = madeRun({
    ids: "private",
    change: (options) => ({ ...options, dataset: { ...options.dataset, track: "own" } }),
  });
  mkdirSync(join(folder, "pictures"), { recursive: true });
  writeFileSync(join(folder, "run.json"), text);
  writeFileSync(join(folder, "scores.parquet"), sidecar);
  for (const file of ["pictures/001-patient.png", "curves.json", "journal.jsonl"])
    writeFileSync(join(folder, file), "x");
  const results = join(dir, "results");
  await publishRun(folder, results);
  const published = readdirSync(results, { recursive: true, encoding: "utf8" });
  const files = published.filter((name) => statSync(join(results, name)).isFile());
  expect(files.map((name) => name.replace(/.*[\\/]/, "")).sort()).toEqual(["run.json", "scores.parquet"]);
});
