/** `xai-kit validate`: are run documents and comparisons well formed, and do the scores give the same numbers? */
import type { Command } from "commander";
import type { ComparisonVerdict } from "../comparison/validate.ts";
import type { Verdict } from "../results/validate.ts";
import type { Problem } from "../results/verdict.ts";
import { documentsIn, validateComparisonFile, validateFile } from "./documents.ts";
import { ResultRefused } from "./errors.ts";
import type { Io, Run } from "./io.ts";
import { printable, table } from "./table.ts";
import { paragraph } from "./width.ts";

export function registerValidate(program: Command, run: Run): void {
  program
    .command("validate")
    .description("check runs and comparisons: form, registries, and every statistic again from the scores")
    .argument("<runs...>", "run.json, a run's folder, a comparison, or a folder of them")
    .addHelpText(
      "after",
      `
scores.parquet is read from beside each run.json; without it nothing can be
recomputed. In results/runs/<data>/<model>/<date>-<hash8>/ the names of folders
are checked too. A comparison is computed again from the runs it names: named
here too, in results/runs/, or beside a comparison.json. Exit code 1 if anything
is refused.

Examples:
  $ xai-kit validate xai-runs/resnet50-photos
  $ xai-kit validate results --json
  $ xai-kit validate seeds.json xai-runs`,
    )
    .action(run<[string[]]>(validate));
}

async function validate(io: Io, paths: string[]): Promise<void> {
  const [files, sets]: [Set<string>, Set<string>] = [new Set(), new Set()];
  for (const path of paths) {
    const { runs, comparisons } = await documentsIn(path);
    for (const file of runs) files.add(file);
    for (const file of comparisons) sets.add(file);
  }
  const progress = io.progress("validate", files.size + sets.size);
  const verdicts: { file: string; verdict: Verdict }[] = [];
  const compared: { file: string; verdict: ComparisonVerdict }[] = [];
  try {
    for (const file of files) {
      io.signal.throwIfAborted();
      verdicts.push({ file, verdict: await validateFile(file) });
      progress.tick(verdicts.length);
    }
    for (const file of sets) {
      io.signal.throwIfAborted();
      compared.push({ file, verdict: await validateComparisonFile(file, [...files]) });
      progress.tick(verdicts.length + compared.length);
    }
  } finally {
    progress.done();
  }
  const all = [...verdicts, ...compared];
  const refused = all.filter(({ verdict }) => !verdict.ok).length;
  await io.result(
    {
      ok: refused === 0,
      runs: verdicts.map(({ file, verdict: { run: _, ...verdict } }) => ({ file, ...verdict })),
      comparisons: compared.map(({ file, verdict: { comparison: _, ...verdict } }) => ({ file, ...verdict })),
    },
    `${table(
      [
        { title: "document" },
        { title: "verdict" },
        { title: "tier" },
        { title: "identity" },
        { title: "problems" },
      ],
      [
        ...verdicts.map(({ file, verdict: { ok, tier, identity, problems } }) => [
          file,
          ok ? "valid" : "REFUSED",
          ok ? tier : null,
          identity?.slice(0, 8),
          problems.length,
        ]),
        ...compared.map(({ file, verdict: { ok, problems } }) => [
          file,
          ok ? "valid" : "REFUSED",
          ok ? "recomputed" : null,
          null,
          problems.length,
        ]),
      ],
      { width: io.columns },
    )}${all
      .flatMap(({ verdict }) => [
        ...verdict.problems.map((p) => said(p, "", io.columns)),
        ...("warnings" in verdict ? verdict.warnings : []).map((w) => said(w, "warning: ", io.columns)),
      ])
      .join("")}`,
  );
  if (refused > 0) throw new ResultRefused(`${refused} of ${all.length} documents are refused`);
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
