/** Reads every run document under a results folder. All that is wrong is said at once, and stops the build. */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { glob, readFile } from "node:fs/promises";
import { join, sep } from "node:path";
import { canonicalJson } from "../../kit/src/json.ts";
import { withErrata } from "./errata.ts";
import { errataIn, ledgerIn } from "./record.ts";
import type { FileFacts, Run, SiteRun } from "./run.ts";
import { type Held, tierOf } from "./tier.ts";

/** Problems of a parsed document, each with its place: "/result/model/id must match pattern …". */
export type Check = (document: unknown) => readonly string[];

/**
 * A folder that does not exist is a site without runs. Runs come as they are shown: with the tier that the ledger and their files give
 * them, and without the ranks that an erratum takes.
 */
export async function readRuns(results: string, check: Check): Promise<SiteRun[]> {
  const folder = join(results, "runs");
  const files: string[] = [];
  for await (const file of glob("**/run.json", { cwd: folder })) files.push(file.split(sep).join("/"));
  const found: (Held & Pick<SiteRun, "id" | "pictures">)[] = [];
  const problems: string[] = [];
  for (const file of files.sort()) {
    const path = `results/runs/${file}`;
    const id = file.replace(/\/run\.json$/, "");
    try {
      const text = await readFile(join(folder, file), "utf8");
      const document: unknown = JSON.parse(text);
      const faults = [...check(document)];
      if (faults.length === 0) faults.push(...misplaced(document as Run, id));
      problems.push(...faults.map((problem) => `${path}: ${problem}`));
      if (faults.length > 0) continue;
      const run = document as Run;
      const scores = await factsOf(join(folder, id, "scores.parquet"));
      const identity = identityIn(text, run, id);
      found.push({ id, run, identity, scores, pictures: await pngs(join(folder, id)) });
    } catch (error) {
      problems.push(`${path}: ${error instanceof Error ? error.message : error}`);
    }
  }
  if (problems.length > 0) {
    throw new Error(
      `${problems.length} problems in run documents\n${problems.map((p) => `  ${p}`).join("\n")}\n` +
        "  next: xai-kit validate results/runs",
    );
  }
  const held = new Map(found.map((run) => [run.identity, run]));
  const errata = errataIn(results);
  const ledger = ledgerIn(results, new Set(held.keys()));
  return found.map(({ id, pictures, ...run }): SiteRun => {
    const { tier, evidence } = tierOf(run, ledger, (identity) => held.get(identity));
    const { run: shown, marks } = withErrata(run.run, errata);
    return { ...shown, id, pictures, tier, trust: { identity: run.identity, evidence, errata: marks } };
  });
}

/**
 * The sha256 of a result. A document in canonical form holds the text that is hashed, which is quicker to cut out than to write again;
 * that it is this text shows in the name of the folder.
 */
function identityIn(text: string, { result }: Run, id: string): string {
  const hash = (part: string) => createHash("sha256").update(part).digest("hex");
  const cut = hash(text.slice('{"result":'.length, text.lastIndexOf(',"telemetry":')));
  return id.endsWith(`-${cut.slice(0, 8)}`) ? cut : hash(canonicalJson(result));
}

/** Addresses are made of the folder's names, so those must be what the document says. */
function misplaced({ result, telemetry }: Run, id: string): string[] {
  const expected = `${result.data.id}/${result.model.id}/${telemetry.date.slice(0, 10)}-`;
  return id.startsWith(expected) && /^[0-9a-f]{8}$/.test(id.slice(expected.length))
    ? []
    : [`lies in ${id}, expected ${expected}<8 hex digits>`];
}

async function factsOf(file: string): Promise<FileFacts | undefined> {
  if (!existsSync(file)) return undefined;
  const bytes = await readFile(file);
  return { bytes: bytes.length, sha256: createHash("sha256").update(bytes).digest("hex") };
}

async function pngs(folder: string): Promise<string[]> {
  const names: string[] = [];
  for await (const name of glob("pictures/*.png", { cwd: folder })) names.push(name.split(sep).at(-1)!);
  return names.sort();
}
