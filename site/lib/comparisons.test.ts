import { copyFile, mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, it } from "vitest";
import { comparisonsIn } from "./comparisons.ts";

const example = (name: string) =>
  fileURLToPath(new URL(`../../schemas/comparison/${name}.json`, import.meta.url));
let results: string;
beforeAll(async () => {
  results = await mkdtemp(join(tmpdir(), "xai-comparisons-"));
});
afterAll(() => rm(results, { recursive: true }));

const put = async (name: string, place: string) => {
  await mkdir(join(results, "comparisons", "drawn-32"), { recursive: true });
  await copyFile(example(name), join(results, "comparisons", place));
};

it("reads what is there, and stops at what has not the right form or place", async () => {
  expect(await comparisonsIn(results)).toEqual([]);
  await put("valid/five-runs", "drawn-32/five-runs.json");
  expect((await comparisonsIn(results)).map(({ name }) => name)).toEqual(["five-runs"]);
  await put("valid/five-runs", "drawn-32/other.json");
  await expect(comparisonsIn(results)).rejects.toThrow(
    "drawn-32/other.json: $.name: the place of this comparison is drawn-32/five-runs.json",
  );
  await rm(join(results, "comparisons", "drawn-32", "other.json"));
  await put("invalid/alpha-above-one", "drawn-32/six.json");
  await expect(comparisonsIn(results)).rejects.toThrow("drawn-32/six.json: $.uces.alpha: must be <= 1");
});
