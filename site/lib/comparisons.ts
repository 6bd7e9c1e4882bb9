/** Comparisons in results/, read once per build. That they follow from their runs `xai-kit validate` has said before. */
import { existsSync } from "node:fs";
import { glob, readFile } from "node:fs/promises";
import { join, sep } from "node:path";
import { type Comparison, comparisonPlaceOf } from "../../kit/src/comparison/document.ts";
import { readDocument } from "../../kit/src/results/read-document.ts";
import { Findings } from "../../kit/src/results/verdict.ts";
import { comparisonSchema } from "../../kit/src/schemas.generated.ts";
import { resultsFolder } from "./runs.ts";

const form = { schema: comparisonSchema, file: "schemas/comparison/v1.schema.json" };

/** @throws where one has not the right form or place; a folder that is not there holds none */
export async function comparisonsIn(results: string): Promise<Comparison[]> {
  const folder = join(results, "comparisons");
  if (!existsSync(folder)) return [];
  const findings = new Findings();
  const comparisons: Comparison[] = [];
  const files: string[] = [];
  for await (const file of glob("**/*.json", { cwd: folder })) files.push(file.split(sep).join("/"));
  for (const file of files.sort()) {
    const report = findings.report(
      `results/comparisons/${file}`,
      "make the comparison again: xai-kit compare",
    );
    const comparison = readDocument<Comparison>(await readFile(join(folder, file)), form, report);
    if (comparison === undefined) continue;
    const place = comparisonPlaceOf(comparison);
    if (place !== file) report(["name"], "E_PLACE", `the place of this comparison is ${place}`);
    comparisons.push(comparison);
  }
  const problems = findings.list();
  if (problems.length === 0) return comparisons;
  const lines = problems.map(({ file, path, message }) => `  ${file}: ${path}: ${message}`);
  throw new Error(
    `${problems.length} problems in comparisons\n${lines.join("\n")}\n  next: npm run results:recheck`,
  );
}

let read: Promise<Comparison[]> | undefined;

export function allComparisons(): Promise<Comparison[]> {
  read ??= comparisonsIn(resultsFolder);
  return read;
}
