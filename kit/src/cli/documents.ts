/** Run documents and comparisons as files: where a path leads, and whether they can be believed. */
import { open, readdir, readFile, stat } from "node:fs/promises";
import { basename, dirname, join, resolve, sep } from "node:path";
import type { ComparedRun } from "../comparison/document.ts";
import { type ComparisonVerdict, validateComparison } from "../comparison/validate.ts";
import { KitError } from "../errors.ts";
import { systemCode } from "../files.ts";
import { identityOf, type Run } from "../results/document.ts";
import { decodeSidecar, sidecarLimits } from "../results/sidecar.ts";
import { jsonLimits } from "../results/strict-json.ts";
import { type Verdict, validateRun } from "../results/validate.ts";

/** One run with the sidecar beside it. */
export async function validateFile(file: string): Promise<Verdict> {
  const folder = dirname(resolve(file));
  const sidecarName = join(dirname(file), "scores.parquet");
  const text = await readSome(file, jsonLimits.bytes);
  if (text === undefined) throw noRun(file);
  return validateRun({
    name: file,
    text,
    sidecar: await readSome(sidecarName, sidecarLimits.bytes),
    sidecarName,
    place: /(?:^|\/)results\/runs\/([^/]+\/[^/]+\/[^/]+)$/.exec(slashed(folder))?.[1],
  });
}

/** A valid run with the rows of its sidecar; undefined where there is none. */
export async function readRun(
  file: string,
  { run, identity, tier }: Verdict,
): Promise<ComparedRun | undefined> {
  if (run === undefined || identity === null || tier !== "recomputed") return undefined;
  const scores = join(dirname(file), "scores.parquet");
  const { rows } = decodeSidecar((await readSome(scores, sidecarLimits.bytes))!, scores);
  return { sha256: identity, result: run.result, rows };
}

/**
 * A comparison with the runs it names: looked for among `files`, in results/runs/ where it is in results/comparisons/, and in the folders
 * beside a comparison.json, as `evaluate --models` leaves it.
 */
export async function validateComparisonFile(
  file: string,
  files: readonly string[],
): Promise<ComparisonVerdict> {
  const text = await readSome(file, jsonLimits.bytes);
  if (text === undefined) throw noRun(file);
  const [, root, data, name] =
    /^(.*(?:^|\/)results)\/comparisons\/([^/]+)\/([^/]+)$/.exec(slashed(resolve(file))) ?? [];
  const place = root === undefined ? undefined : `${data}/${name}`;
  const beside =
    root !== undefined
      ? await inside(join(root, "runs", data)).catch(() => none)
      : basename(file) === "comparison.json"
        ? await inside(dirname(file), depth - 1)
        : none;
  const asked = new Set(new TextDecoder().decode(text).match(/\b[0-9a-f]{64}\b/g));
  const known = new Map<string, ComparedRun>();
  for (const run of new Set([...files, ...beside.runs])) {
    const identity = await claimedIdentity(run);
    if (identity === undefined || !asked.has(identity) || known.has(identity)) continue;
    const read = await readRun(run, await validateFile(run));
    if (read !== undefined) known.set(identity, read);
  }
  return validateComparison({ name: file, text, place, runOf: (sha256) => known.get(sha256) });
}

/** Before anything is validated, which takes longer. */
async function claimedIdentity(file: string): Promise<string | undefined> {
  const text = await readSome(file, jsonLimits.bytes);
  try {
    return identityOf((JSON.parse(new TextDecoder().decode(text)) as Run).result);
  } catch {
    return undefined; // no run
  }
}

/** No more of a file than one byte beyond what would be accepted; undefined if there is none. */
async function readSome(path: string, limit: number): Promise<Uint8Array | undefined> {
  try {
    const file = await open(path);
    try {
      const { size } = await file.stat();
      const buffer = new Uint8Array(Math.min(size, limit + 1));
      let length = 0;
      for (let read = 1; read > 0 && length < buffer.length; length += read) {
        read = (await file.read(buffer, length, buffer.length - length)).bytesRead;
      }
      return buffer.subarray(0, length);
    } finally {
      await file.close();
    }
  } catch (cause) {
    if (systemCode(cause) === "ENOENT") return undefined;
    throw new KitError("E_RUN", {
      problem: `cannot read ${path}`,
      next: "check the path and its permissions",
      cause,
    });
  }
}

const slashed = (path: string): string => path.split(sep).join("/");

const noRun = (path: string) =>
  new KitError("E_RUN", {
    problem: `there is no run in ${path}`,
    next: "name a run.json, or the folder of one",
  });

export interface Documents {
  readonly runs: readonly string[];
  readonly comparisons: readonly string[];
}

const none: Documents = { runs: [], comparisons: [] };

/** What a path stands for: a file, or every document of a folder. Throws KitError E_RUN where there is none. */
export async function documentsIn(path: string): Promise<Documents> {
  const found = await stat(path).catch(() => undefined);
  if (found === undefined) throw noRun(path);
  if (!found.isDirectory()) {
    return (await isComparison(path)) ? { runs: [], comparisons: [path] } : { runs: [path], comparisons: [] };
  }
  const documents = await inside(path);
  if (documents.runs.length + documents.comparisons.length === 0) throw noRun(path);
  return documents;
}

/** results/runs/<data>/<model>/<run> from results/ is the deepest that is looked for. */
const depth = 4;

async function inside(folder: string, level = 0): Promise<Documents> {
  const entries = await readdir(folder, { withFileTypes: true });
  if (entries.some((e) => e.isFile() && e.name === "run.json"))
    return { runs: [join(folder, "run.json")], comparisons: [] };
  const files = entries.filter((e) => e.isFile()).map((e) => e.name);
  const home = [folder, dirname(folder)].some((path) => basename(resolve(path)) === "comparisons");
  const comparisons = files
    .filter((name) => (home ? name.endsWith(".json") : name === "comparison.json"))
    .sort()
    .map((name) => join(folder, name));
  if (level === depth) return { runs: [], comparisons };
  const below: Documents[] = [];
  for (const name of entries
    .filter((e) => e.isDirectory())
    .map((e) => e.name)
    .sort()) {
    below.push(await inside(join(folder, name), level + 1));
  }
  return {
    runs: below.flatMap((found) => found.runs),
    comparisons: [...comparisons, ...below.flatMap((found) => found.comparisons)],
  };
}

/** By what it says it is; what says nothing is taken for a run. */
async function isComparison(file: string): Promise<boolean> {
  if (basename(file) === "run.json") return false;
  const { size } = await stat(file);
  if (size > jsonLimits.bytes) return false;
  return (await readFile(file, "utf8")).includes('"schema":"xai-kit/comparison/');
}
