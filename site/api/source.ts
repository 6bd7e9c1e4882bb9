/** What the API is made of, read once per build. */
import { existsSync } from "node:fs";
import { glob, readFile } from "node:fs/promises";
import { join, sep } from "node:path";
import type { Comparison } from "../../kit/src/schemas.generated.ts";
import { protocolChanges } from "../lib/protocol-changes.ts";
import { allErrata, allLedger, allRuns, resultsFolder } from "../lib/runs.ts";
import type { Source } from "./resources.ts";

/** @returns those under results/comparisons/, which the check of results has validated, by name */
export async function comparisonsIn(results: string): Promise<Source["comparisons"]> {
  const folder = join(results, "comparisons");
  if (!existsSync(folder)) return [];
  const files: string[] = [];
  for await (const file of glob("**/*.json", { cwd: folder })) files.push(file.split(sep).join("/"));
  return Promise.all(
    files.sort().map(async (file) => {
      const text = await readFile(join(folder, file), "utf8");
      return { id: file.replace(/\.json$/, ""), document: JSON.parse(text) as Comparison };
    }),
  );
}

let made: Promise<Source> | undefined;

export function apiSource(): Promise<Source> {
  made ??= Promise.all([allRuns(), allLedger(), comparisonsIn(resultsFolder)]).then(
    ([runs, ledger, comparisons]) => ({
      runs,
      ledger,
      comparisons,
      errata: allErrata(),
      changes: protocolChanges(),
    }),
  );
  return made;
}
