import { readFileSync } from "node:fs";
import { glob } from "node:fs/promises";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { mean } from "../../kit/src/stats/summary.ts";
import { columnsOf, scoredRows } from "./image-scores.ts";
import type { Run } from "./run.ts";

const results = fileURLToPath(new URL("../../results/runs/", import.meta.url));
const files: string[] = [];
for await (const file of glob("*/*/*/run.json", { cwd: results })) files.push(file);

describe("scores of single images", () => {
  it.each(files.sort().slice(0, 2))("are those that the document's means are of: %s", async (file) => {
    const { result } = JSON.parse(readFileSync(results + file, "utf8")) as Run;
    const column = columnsOf((await scoredRows(dirname(results + file)))!);
    for (const { method, metric, n, mean: stated } of result.statistics.cells) {
      const values = column(method, metric);
      expect(values.length, `${method} ${metric}`).toBe(n);
      if (stated === null) continue;
      expect(Math.abs(mean(values)! - stated)).toBeLessThanOrEqual(1e-6 * Math.max(1, Math.abs(stated)));
    }
  });

  it("are not there where none were published", async () => {
    expect(await scoredRows("/nowhere")).toBeUndefined();
    expect(columnsOf([])("saliency", "infidelity")).toEqual([]);
  });
});
