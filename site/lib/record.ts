/** What is said of results beside them: errata and ledger. A line that cannot be read stops the build, as a run document does. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type Erratum, readErrata } from "../../kit/src/results/errata.ts";
import { type LedgerEntry, readLedger } from "../../kit/src/results/ledger.ts";
import type { Problem } from "../../kit/src/results/verdict.ts";

export function errataIn(results: string): readonly Erratum[] {
  const { errata, problems } = readErrata(textOf(results, "errata.jsonl"), "results/errata.jsonl");
  stopAt(problems, "results/errata.jsonl");
  return errata;
}

/** @param runs  identities of the runs in the same folder */
export function ledgerIn(results: string, runs: ReadonlySet<string>): readonly LedgerEntry[] {
  const { entries, problems } = readLedger(textOf(results, "ledger.jsonl"), "results/ledger.jsonl", runs);
  stopAt(problems, "results/ledger.jsonl");
  return entries;
}

/** A file that is not there says nothing. */
function textOf(results: string, name: string): string {
  const file = join(results, name);
  return existsSync(file) ? readFileSync(file, "utf8") : "";
}

function stopAt(problems: readonly Problem[], name: string): void {
  if (problems.length === 0) return;
  const lines = problems.map(({ file, path, message }) => `  ${file}: ${path}: ${message}`);
  throw new Error(
    `${problems.length} problems in ${name}\n${lines.join("\n")}\n  next: npm run results:recheck`,
  );
}
