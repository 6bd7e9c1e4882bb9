/** `xai-kit validate`: are run documents well formed, and do their sidecars give the same numbers? */
import { open, readdir, stat } from "node:fs/promises";
import { dirname, join, resolve, sep } from "node:path";
import type { Command } from "commander";
import { KitError } from "../errors.ts";
import { systemCode } from "../files.ts";
import { sidecarLimits } from "../results/sidecar.ts";
import { jsonLimits } from "../results/strict-json.ts";
import { type Verdict, validateRun } from "../results/validate.ts";
import type { Problem } from "../results/verdict.ts";
import { ResultRefused } from "./errors.ts";
import type { Io, Run } from "./io.ts";
import { printable, table } from "./table.ts";
import { paragraph } from "./width.ts";

export function registerValidate(program: Command, run: Run): void {
  program
    .command("validate")
    .description("check run documents: form, registries, and every statistic again from the sidecar")
    .argument("<runs...>", "run.json, a run's folder, or a folder of them")
    .addHelpText(
      "after",
      `
scores.parquet is read from beside each run.json; without it nothing can be
recomputed. In results/runs/<data>/<model>/<date>-<hash8>/ the names of folders
are checked too. Exit code 1 if a run is refused.

Examples:
  $ xai-kit validate xai-runs/resnet50-photos
  $ xai-kit validate results/runs --json`,
    )
    .action(run<[string[]]>(validate));
}

async function validate(io: Io, paths: string[]): Promise<void> {
  const files: string[] = [];
  for (const path of paths) files.push(...(await documentsIn(path)));
  const progress = io.progress("validate", files.length);
  const verdicts: { file: string; verdict: Verdict }[] = [];
  try {
    for (const file of new Set(files)) {
      io.signal.throwIfAborted();
      verdicts.push({ file, verdict: await validateFile(file) });
      progress.tick(verdicts.length);
    }
  } finally {
    progress.done();
  }
  const refused = verdicts.filter(({ verdict }) => !verdict.ok).length;
  await io.result(
    {
      ok: refused === 0,
      runs: verdicts.map(({ file, verdict: { run: _, ...verdict } }) => ({ file, ...verdict })),
    },
    `${table(
      [
        { title: "run" },
        { title: "verdict" },
        { title: "tier" },
        { title: "identity" },
        { title: "problems" },
      ],
      verdicts.map(({ file, verdict: { ok, tier, identity, problems } }) => [
        file,
        ok ? "valid" : "REFUSED",
        ok ? tier : null,
        identity?.slice(0, 8),
        problems.length,
      ]),
      { width: io.columns },
    )}${verdicts
      .flatMap(({ verdict: { problems, warnings } }) => [
        ...problems.map((p) => said(p, "", io.columns)),
        ...warnings.map((w) => said(w, "warning: ", io.columns)),
      ])
      .join("")}`,
  );
  if (refused > 0) throw new ResultRefused(`${refused} of ${verdicts.length} runs are refused`);
}

function said(
  { file, path, code, message, next }: Problem,
  prefix: string,
  columns: number | undefined,
): string {
  const width = columns ?? Number.POSITIVE_INFINITY;
  const lines = [`${prefix}${file}: ${path}: ${message}  [${code}]`, `next: ${next}`];
  return `\n${lines.map((line, i) => paragraph(printable(line), width, 2 * i, 2 + 2 * i)).join("")}`;
}

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
    place: /(?:^|\/)results\/runs\/([^/]+\/[^/]+\/[^/]+)$/.exec(folder.split(sep).join("/"))?.[1],
  });
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

const noRun = (path: string) =>
  new KitError("E_RUN", {
    problem: `there is no run in ${path}`,
    next: "name a run.json, or the folder of one",
  });

/** results/runs/<data>/<model>/<run> from results/ is the deepest that is looked for. */
const depth = 4;

async function documentsIn(path: string): Promise<string[]> {
  const found = await stat(path).catch(() => undefined);
  if (found === undefined) throw noRun(path);
  if (!found.isDirectory()) return [path];
  const inside = async (folder: string, level: number): Promise<string[]> => {
    const entries = await readdir(folder, { withFileTypes: true });
    if (entries.some((e) => e.isFile() && e.name === "run.json")) return [join(folder, "run.json")];
    if (level === depth) return [];
    const below: string[] = [];
    for (const name of entries
      .filter((e) => e.isDirectory())
      .map((e) => e.name)
      .sort()) {
      below.push(...(await inside(join(folder, name), level + 1)));
    }
    return below;
  };
  const documents = await inside(path, 0);
  if (documents.length === 0) throw noRun(path);
  return documents;
}
