/** What kind a pull request is, by the names, modes and number of what it changes. Nothing is read to know it. */

import { sidecarLimits } from "../../kit/src/results/sidecar.ts";
import { jsonLimits } from "../../kit/src/results/strict-json.ts";
import type { Change } from "./changes.ts";

/** What is wrong and what to do. Every text may quote the pull request. */
export interface Refusal {
  /** a path of the pull request, or "" for the whole of it */
  readonly file: string;
  /** a place in the file, or "" */
  readonly path: string;
  readonly message: string;
  readonly next: string;
}

export interface SubmittedFile {
  readonly path: string;
  readonly id: string;
}

export interface SubmittedRun {
  /** "<data>/<model>/<date>-<hash8>" */
  readonly place: string;
  readonly document: SubmittedFile;
  readonly sidecar: SubmittedFile;
}

export interface SubmittedComparison {
  /** "<data>/<name>.json" */
  readonly place: string;
  readonly document: SubmittedFile;
}

export type Kind =
  /** touches no results: people who own the code decide */
  | { readonly kind: "code" }
  | {
      readonly kind: "submission";
      readonly runs: readonly SubmittedRun[];
      readonly comparisons: readonly SubmittedComparison[];
    }
  | { readonly kind: "refused"; readonly problems: readonly Refusal[] };

export const home = "results/runs/";
export const comparisonsHome = "results/comparisons/";

/** A run.json is some 60 kB, a sidecar at most 1 MiB for the standard metrics. */
export const limits = {
  runs: 20,
  comparisons: 20,
  comparisonBytes: jsonLimits.bytes,
  bytes: { "run.json": jsonLimits.bytes, "scores.parquet": sidecarLimits.bytes },
  total: 64 * 2 ** 20,
};
type FileName = keyof typeof limits.bytes;
const fileNames = Object.keys(limits.bytes) as FileName[];

/** Where pull requests are decided. What that stands on (the kit, the guide, the lock file) is code, which its owners review. */
const gate =
  /^(\.github(\/|$)|((docs\/)?CODEOWNERS$)|scripts\/(check-submission|admit)\.ts$|scripts\/submission(\/|$))/i;

const folderPattern =
  /^results\/runs\/(?<data>[a-z0-9]+(?:-[a-z0-9]+)*)\/(?<model>[a-z0-9]+(?:-[a-z0-9]+)*)\/(?<date>\d{4}-\d{2}-\d{2})-[0-9a-f]{8}$/;
const comparisonPattern =
  /^results\/comparisons\/(?<data>[a-z0-9]+(?:-[a-z0-9]+)*)\/(?<name>[a-z0-9]+(?:-[a-z0-9]+)*)\.json$/;
/** As Windows has them, whatever their extension. */
const reserved = /^(con|prn|aux|nul|com\d|lpt\d)$/;
/** ids are at most this long in the document */
const longest = 255;

const whole = (message: string, next: string): Refusal => ({ file: "", path: "", message, next });
const onlyRuns = `a pull request that brings results has nothing but new folders ${home}<data>/<model>/<date>-<hash8>/ with run.json and scores.parquet, and new files ${comparisonsHome}<data>/<name>.json`;
const useSubmit = "let `xai-kit submit` put the files where they belong";

/**
 * @param changes   of the pull request against where it left main
 * @param existing  every path under results/runs/ and results/comparisons/ on main as it is now
 */
export function kindOf(
  changes: readonly Change[],
  { existing, fromFork }: { existing: readonly string[]; fromFork: boolean },
): Kind {
  const results = changes.filter(({ path }) => touchesResults(path));
  const sets = results.filter(({ path }) => isIn(comparisonsHome, path));
  const runs = results.filter((change) => !sets.includes(change));
  const others = changes.filter(({ path }) => !touchesResults(path));
  const gates = fromFork ? others.filter(({ path }) => gate.test(path)) : [];
  const problems: Refusal[] = gates.map(({ path }) => ({
    file: path,
    path: "",
    message: "this file decides about pull requests, and this one comes from a fork",
    next: "open an issue: maintainers change it from a branch of this repository",
  }));
  if (results.length === 0) return problems.length > 0 ? { kind: "refused", problems } : { kind: "code" };

  if (others.length > 0) {
    const names = others.slice(0, 5).map(({ path }) => JSON.stringify(path));
    const more = others.length > 5 ? ` and ${others.length - 5} more` : "";
    problems.push(
      whole(
        `it changes results and other files as well: ${names.join(", ")}${more}`,
        `make two pull requests of it: ${onlyRuns}`,
      ),
    );
  }
  if (runs.length > limits.runs * fileNames.length) {
    problems.push(
      whole(
        `${runs.length} changes in ${home}, where ${limits.runs} runs of ${fileNames.length} files are the most`,
        "make several pull requests of it",
      ),
    );
    return { kind: "refused", problems };
  }
  if (sets.length > limits.comparisons) {
    problems.push(
      whole(
        `${sets.length} changes in ${comparisonsHome}, where ${limits.comparisons} comparisons are the most`,
        "make several pull requests of it",
      ),
    );
    return { kind: "refused", problems };
  }
  problems.push(...results.flatMap((change) => faultOf(change) ?? []), ...collisions(results, existing));
  const folders = new Set(runs.map(({ path }) => path.slice(0, path.lastIndexOf("/"))));
  for (const folder of folders) {
    if (!folderPattern.test(folder)) continue; // said already
    for (const name of fileNames) {
      if (runs.some(({ path }) => path === `${folder}/${name}`)) continue;
      const next = `add the ${name} that the evaluation wrote`;
      problems.push({ file: `${folder}/${name}`, path: "", message: "is missing", next });
    }
  }
  if (problems.length > 0) return { kind: "refused", problems };
  const fileOf = (folder: string, name: FileName): SubmittedFile => {
    const { path, after } = runs.find((change) => change.path === `${folder}/${name}`)!;
    return { path, id: after!.id };
  };
  return {
    kind: "submission",
    runs: [...folders].sort().map((folder) => ({
      place: folder.slice(home.length),
      document: fileOf(folder, "run.json"),
      sidecar: fileOf(folder, "scores.parquet"),
    })),
    comparisons: sets.map(({ path, after }) => ({
      place: path.slice(comparisonsHome.length),
      document: { path, id: after!.id },
    })),
  };
}

/** As a file system without capitals or composed letters would take it; a link in place of a folder as well. */
const touchesResults = (path: string): boolean =>
  fold(path) === "results" || [home, comparisonsHome].some((folder) => isIn(folder, path));

const isIn = (folder: string, path: string): boolean => `${fold(path)}/`.startsWith(folder);

const fold = (path: string): string => path.normalize("NFKC").toLowerCase();

/** Why this change cannot be part of a submission. */
function faultOf({ path, before, after, malformed }: Change): Refusal | undefined {
  const fault = (message: string, next: string): Refusal => ({ file: path, path: "", message, next });
  if (malformed !== undefined) return fault(malformed, "make the commit with git");
  if (after === undefined)
    return fault("is deleted: results are only added to", "leave results of others as they are");
  if (before !== undefined)
    return fault(
      "is changed: results are only added to",
      "add a new run; the newest of a model and data set counts",
    );
  if (after.mode === "120000") return fault("is a symbolic link", "add the file itself");
  if (after.mode === "160000") return fault("is a submodule", "add the files themselves");
  if (after.mode !== "100644")
    return fault(
      `has the mode ${after.mode}, where an ordinary file has 100644`,
      `git update-index --chmod=-x`,
    );
  const strange = strangeName(path);
  if (strange !== undefined) return fault(strange, useSubmit);
  const comparison = comparisonPattern.exec(path)?.groups;
  if (comparison !== undefined) {
    const device = [comparison.data, comparison.name].find((id) => reserved.test(id));
    return device === undefined
      ? undefined
      : fault(`Windows cannot have a file ${device}`, "give it another id");
  }
  const slash = path.lastIndexOf("/");
  const match = folderPattern.exec(path.slice(0, slash))?.groups;
  if (match === undefined || !fileNames.includes(path.slice(slash + 1) as FileName))
    return fault("has no place in results", `${onlyRuns}; ${useSubmit}`);
  if (!isDay(match.date)) return fault(`${match.date} is no day of the calendar`, useSubmit);
  const device = [match.data, match.model].find((id) => reserved.test(id));
  if (device !== undefined) return fault(`Windows cannot have a folder ${device}`, "give it another id");
  return undefined;
}

function strangeName(path: string): string | undefined {
  if (path.length > longest) return `its name is longer than ${longest} characters`;
  if (path.split("/").some((part) => part === "." || part === ".." || fold(part) === ".git"))
    return "leaves its folder";
  if (/[\p{C}\p{Zl}\p{Zp}\ufffd]/u.test(path))
    return "has a control character in its name, or one that is not UTF-8";
  if (path !== path.normalize("NFC")) return "has a name that is not in Unicode's composed form (NFC)";
  return undefined;
}

const isDay = (date: string): boolean => {
  const time = Date.parse(`${date}T00:00:00Z`);
  return !Number.isNaN(time) && new Date(time).toISOString().startsWith(date);
};

/** Two names that are one where capitals do not count, and names that main has by now. */
function collisions(changes: readonly Change[], existing: readonly string[]): Refusal[] {
  const folders = (path: string) => path.split("/").map((_, i, parts) => parts.slice(0, i + 1).join("/"));
  const known = new Map(existing.flatMap(folders).map((path) => [fold(path), path]));
  const onMain = new Set(existing);
  const problems: Refusal[] = [];
  for (const { path, before, after } of changes) {
    if (before !== undefined || after === undefined) continue;
    const fault = (message: string, next = useSubmit) =>
      problems.push({ file: path, path: "", message, next });
    if (onMain.has(path))
      fault("is on main by now", "merge main into the branch, or take a new one for the next run");
    for (const prefix of folders(path)) {
      const other = known.get(fold(prefix)) ?? prefix;
      known.set(fold(prefix), other);
      if (other === prefix) continue;
      fault(`differs from ${JSON.stringify(other)} in capitals only`);
      break;
    }
  }
  return problems;
}
