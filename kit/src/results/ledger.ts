/**
 * What people have seen of a run that its own files cannot show: a line of results/ledger.jsonl says that somebody else made the run again,
 * or that it was made in the open. Lines are only ever added. What a line is worth is decided where runs are read. Pure.
 */
import type { Frozen } from "../json.ts";
import type * as schemas from "../schemas.generated.ts";
import { ledgerEntrySchema } from "../schemas.generated.ts";
import { readDocument } from "./read-document.ts";
import { Findings, type Problem } from "./verdict.ts";

export type LedgerEntry = Frozen<schemas.LedgerEntry>;

const form = { schema: ledgerEntrySchema, file: "schemas/ledger/v1.schema.json" };
const advice = "correct the line; what is published already only ever gets lines added";

/**
 * One entry per line, each in canonical form, each ended by a newline.
 *
 * @param runs  identities of the runs in the repository: an entry speaks of these only
 */
export function readLedger(
  text: string,
  name: string,
  runs: ReadonlySet<string>,
): { readonly entries: readonly LedgerEntry[]; readonly problems: readonly Problem[] } {
  const findings = new Findings();
  const lines = text === "" ? [] : text.replace(/\n$/, "").split("\n");
  const first = new Map<string, number>();
  const entries = lines.flatMap((line, k) => {
    const report = findings.report(`${name}, line ${k + 1}`, advice);
    const last = k === lines.length - 1 && !text.endsWith("\n");
    const entry = readDocument<LedgerEntry>(last ? line : `${line}\n`, form, report);
    if (entry === undefined) return [];
    for (const key of ["run", "reproduction"] as const) {
      const identity = entry[key];
      if (identity !== undefined && !runs.has(identity))
        report([key], "E_LEDGER", `there is no run ${identity}`);
    }
    if (entry.kind === "attested" && entry.reproduction !== undefined)
      report(["reproduction"], "E_LEDGER", "an attestation is of one run");
    if (!isDay(entry.date)) report(["date"], "E_LEDGER", `${entry.date} is no day`);
    const before = first.get(line);
    if (before === undefined) first.set(line, k + 1);
    else report([], "E_LEDGER", `the same as line ${before}`);
    return [entry];
  });
  return { entries, problems: findings.list() };
}

/** Days are compared as text, so that one that never was would lie between two that were. */
function isDay(text: string): boolean {
  const [year, month, day] = text.split("-").map(Number);
  const leap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  const days = [31, leap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1] ?? 0;
  return day >= 1 && day <= days;
}
