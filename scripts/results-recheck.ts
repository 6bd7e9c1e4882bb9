/**
 * Everything published against the kit as it is today: every run and comparison is validated and computed again, errata, ledger and what others
 * published are read, and git tells whether anything was edited or taken back since results/errata.jsonl came, with which protocol 1 was frozen.
 *
 *   npm run results:recheck [-- RESULTS_FOLDER]
 */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { documentsIn, validateComparisonFile, validateFile } from "../kit/src/cli/documents.ts";
import { identityOf } from "../kit/src/results/document.ts";
import { type Erratum, errataOf, readErrata, unexplained } from "../kit/src/results/errata.ts";
import { type LedgerEntry, readLedger } from "../kit/src/results/ledger.ts";
import { literatureIn } from "./literature-files.ts";

export interface Recheck {
  /** "results/runs/…: $.result…: what is wrong" */
  readonly problems: readonly string[];
  readonly runs: number;
  readonly comparisons: number;
  /** publications of others */
  readonly literature: number;
  readonly errata: readonly Erratum[];
  readonly ledger: readonly LedgerEntry[];
  /** of each run that an erratum touches: how many of its cells */
  readonly affected: Readonly<Record<string, number>>;
  /** why git was not asked; undefined where it was */
  readonly withoutHistory: string | undefined;
}

/** @param onDone  called after every document */
export async function recheck(results: string, onDone: (file: string) => void = () => {}): Promise<Recheck> {
  const [errataFile, ledgerFile] = ["errata.jsonl", "ledger.jsonl"].map((name) => join(results, name));
  const textOf = (file: string) => (existsSync(file) ? readFileSync(file, "utf8") : "");
  const { errata, problems: inErrata } = readErrata(textOf(errataFile), errataFile);
  const found = inErrata.map(lineOf);
  const affected: Record<string, number> = {};
  const identities = new Set<string>();
  const { runs, comparisons } = await documentsIn(results);
  for (const file of runs) {
    const { problems, run } = await validateFile(file);
    found.push(...problems.map(lineOf));
    if (run !== undefined) {
      const { result } = run;
      identities.add(identityOf(result));
      for (const what of unexplained(errata, result)) {
        found.push(`${file}: ${what}: ${errataFile} does not say what has changed since`);
      }
      const cells = result.statistics.cells.filter(
        ({ method, metric }) => errataOf(errata, result, method, metric).length > 0,
      );
      if (cells.length > 0) affected[file] = cells.length;
    }
    onDone(file);
  }
  const { entries: ledger, problems: inLedger } = readLedger(textOf(ledgerFile), ledgerFile, identities);
  found.push(...inLedger.map(lineOf));
  for (const file of comparisons) {
    found.push(...(await validateComparisonFile(file, runs)).problems.map(lineOf));
    onDone(file);
  }
  const literature = literatureIn(join(results, "literature"));
  found.push(...literature.problems.map(lineOf));
  const { edited, withoutHistory } = editedSince(results);
  return {
    problems: [...found, ...edited],
    runs: runs.length,
    comparisons: comparisons.length,
    literature: literature.files,
    errata,
    ledger,
    affected,
    withoutHistory,
  };
}

const lineOf = ({ file, path, message }: { file: string; path: string; message: string }) =>
  `${file}: ${path}: ${message}`;

/** Folders of files that are never edited, and files whose lines are not. */
const onlyAddedTo = ["runs", "comparisons", "literature"];
const onlyLengthened = ["errata.jsonl", "ledger.jsonl"];

/** What the commits since then did to results besides adding to them. */
function editedSince(results: string): {
  readonly edited: readonly string[];
  readonly withoutHistory: string | undefined;
} {
  const git = (...args: string[]) => spawnSync("git", args, { cwd: results, encoding: "utf8" });
  const none = (withoutHistory: string) => ({ edited: [], withoutHistory });
  const inside = git("rev-parse", "--is-shallow-repository");
  if (inside.status !== 0) return none("this is no clone of a repository");
  if (inside.stdout.trim() === "true")
    return none("this clone is shallow; git fetch --unshallow brings the rest");
  const came = git("log", "--diff-filter=A", "--format=%H", "--", "errata.jsonl").stdout.trim().split("\n");
  const first = came.at(-1);
  if (!first) return none("results/errata.jsonl is in no commit yet");
  const log = (...args: string[]) =>
    git("log", "--no-renames", "--relative", "-m", "--first-parent", "--format=commit %h", ...args)
      .stdout.split(/^commit /m)
      .slice(1)
      .flatMap((text) => {
        const [commit, ...lines] = text.trim().split("\n");
        return lines.filter(Boolean).map((line) => ({ commit, line }));
      });
  const since = `${first}..HEAD`;
  const touched = log("--diff-filter=DMT", "--name-only", since, "--", ...onlyAddedTo);
  const counts = log("--numstat", since, "--", ...onlyLengthened);
  return {
    withoutHistory: undefined,
    edited: [
      ...touched.map(
        ({ commit, line }) => `${line}: edited or deleted in ${commit}; results are only added to`,
      ),
      ...counts.flatMap(({ commit, line }) => {
        const [, deleted, file] = line.split("\t");
        return deleted === "0" ? [] : [`${file}: lines edited or deleted in ${commit}; it is only added to`];
      }),
    ],
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const root = fileURLToPath(new URL("..", import.meta.url));
  const [folder = "results"] = process.argv.slice(2);
  if (folder === "--help") {
    console.log(`usage: npm run results:recheck [-- RESULTS_FOLDER]

Validates every run and comparison with the kit as it is now, computes them
again from their scores, reads results/errata.jsonl, results/ledger.jsonl and
results/literature/, and asks git whether anything published was edited or deleted. Exit code 1 if anything is wrong.`);
    process.exit(0);
  }
  process.chdir(root);
  const { problems, runs, comparisons, literature, errata, ledger, affected, withoutHistory } = await recheck(
    folder,
    (file) => console.error(relative(folder, file)),
  );
  for (const problem of problems) console.log(problem);
  for (const [file, cells] of Object.entries(affected))
    console.log(`${file}: ${cells} scores corrected by errata`);
  if (withoutHistory !== undefined)
    console.log(`whether anything was edited was not looked at: ${withoutHistory}`);
  console.log(
    `${runs} runs, ${comparisons} comparisons, ${literature} publications, ${errata.length} errata, ${ledger.length} lines of the ledger: ${problems.length} problems`,
  );
  process.exitCode = problems.length === 0 ? 0 : 1;
}
