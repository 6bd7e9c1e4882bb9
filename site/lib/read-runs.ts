/** Reads every run document under a results folder. All that is wrong is said at once, and stops the build. */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { glob, readFile } from "node:fs/promises";
import { join, sep } from "node:path";
import { type FileFacts, type Run, type SiteRun, tierOf } from "./run.ts";

/** Problems of a parsed document, each with its place: "/result/model/id must match pattern …". */
export type Check = (document: unknown) => readonly string[];

/** A folder that does not exist is a site without runs. */
export async function readRuns(results: string, check: Check): Promise<SiteRun[]> {
  const folder = join(results, "runs");
  if (!existsSync(folder)) return [];
  const files: string[] = [];
  for await (const file of glob("**/run.json", { cwd: folder })) files.push(file.split(sep).join("/"));
  const runs: SiteRun[] = [];
  const problems: string[] = [];
  for (const file of files.sort()) {
    const path = `results/runs/${file}`;
    const id = file.replace(/\/run\.json$/, "");
    try {
      const document: unknown = JSON.parse(await readFile(join(folder, file), "utf8"));
      const found = [...check(document)];
      if (found.length === 0) found.push(...misplaced(document as Run, id));
      problems.push(...found.map((problem) => `${path}: ${problem}`));
      if (found.length > 0) continue;
      const run = document as Run;
      const tier = tierOf(run.result, await factsOf(join(folder, id, "scores.parquet")));
      runs.push({ ...run, id, pictures: await pngs(join(folder, id)), tier });
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
  return runs;
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
