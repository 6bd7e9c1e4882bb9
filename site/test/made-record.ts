/** Errata and a ledger beside made runs: something of each kind, and nothing that moves a rank. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { canonicalJson } from "../../kit/src/json.ts";
import { identityOf } from "../../kit/src/results/document.ts";
import type { Run } from "../lib/run.ts";

const erratum = {
  affects: { method: "gradient-shap", metric: "cost", revisions: { from: 1, to: 1 } },
  reason: "Made up for tests: one pass too many was counted.",
  date: "2026-11-25",
  evidence: "https://example.org/errata/1?a=1&b=2",
};

/** One run is attested; of another somebody says what cannot be, which stays and does not count. */
export async function writeRecord(folder: string, ids: readonly string[]): Promise<void> {
  const lineFor = async (start: string, more: (run: string) => object): Promise<string> => {
    const id = ids.find((candidate) => candidate.startsWith(start))!;
    const { result } = JSON.parse(await readFile(join(folder, "runs", id, "run.json"), "utf8")) as Run;
    const run = identityOf(result);
    const said = { run, by: "some-one", date: "2026-11-24", evidence: "https://example.org/ledger/1" };
    return `${canonicalJson({ ...said, ...more(run) })}\n`;
  };
  const lines = [
    await lineFor("phantom-histology/histology-vit/", () => ({ kind: "attested" })),
    await lineFor("phantom-retina/retina-vit/", (run) => ({ kind: "reproduced", reproduction: run })),
  ];
  await writeFile(join(folder, "errata.jsonl"), `${canonicalJson(erratum)}\n`);
  await writeFile(join(folder, "ledger.jsonl"), lines.join(""));
}
