/** The check of a pull request that brings runs, on the objects of a repository. */
import { appendFileSync, writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { checkSubmission, type Verdict } from "./submission/check.ts";
import { commentOf, plain } from "./submission/comment.ts";
import { fetchCommit, isObjectId } from "./submission/git-objects.ts";
import { limits } from "./submission/paths.ts";

const help = `usage: node scripts/check-submission.ts --head SHA [options]

Checks that a commit adds valid runs to results/runs/, or comparisons of runs to results/comparisons/, and touches nothing else. Files are read as git objects; nothing is checked out.

  --head SHA      the commit, 40 hex digits ($HEAD_SHA)
  --base REV      what it would be merged into (origin/main)
  --repo DIR      the repository (.)
  --fetch REMOTE  fetches the commit first: objects only, and no file beyond the limits
  --from-fork     it may not touch what decides about pull requests; so too where $FROM_FORK is set and not "false"
  --now TIME      ISO 8601, the present if left out
  --json FILE     the verdict, for programs
  --comment FILE  the verdict as Markdown; also goes to $GITHUB_STEP_SUMMARY where that is set

ends with 0 if it is admitted or brings no run, 1 if it is refused, 2 for wrong options, 3 if the check itself failed

  node scripts/check-submission.ts --base main --head "$(git rev-parse HEAD)"
  node scripts/check-submission.ts --fetch origin --head 0123456789abcdef0123456789abcdef01234567 --from-fork`;

/** For people. Every line begins with a word of ours, and none can be taken for a command to the runner of a workflow, nor for what a compiler says. */
export function textOf({
  kind,
  admitted,
  broken,
  base,
  head,
  checks,
  problems,
  runs,
  comparisons,
}: Verdict): string {
  const lines = [
    `commit ${head} against ${base}`,
    ...checks.map(({ name, passed }) => `  ${passed === null ? "-" : passed ? "✓" : "✕"} ${name}`),
    ...problems.flatMap(({ file, path, message, next }) => [
      `problem: ${[file, path, message].filter(Boolean).join(": ")}`,
      `  next: ${next}`,
    ]),
    ...runs.flatMap(({ place, tier, notes }) => [
      `run ${place}: ${tier}`,
      ...notes.map((note) => `  note: ${note}`),
    ]),
    ...comparisons.flatMap(({ place, notes }) => [
      `comparison ${place}`,
      ...notes.map((note) => `  note: ${note}`),
    ]),
    broken
      ? "the check itself failed"
      : admitted
        ? `admitted, runs: ${runs.length}${comparisons.length > 0 ? `, comparisons: ${comparisons.length}` : ""}`
        : kind === "code"
          ? "no run in it: code owners decide"
          : `refused, problems: ${problems.length}`,
  ];
  return lines
    .map((line) =>
      plain(line)
        .replaceAll("##[", "## [")
        .replaceAll(/\bTS(?=\d)/g, "TS "),
    )
    .join("\n");
}

export const exitCodeOf = ({ kind, broken }: Verdict): number => (broken ? 3 : kind === "refused" ? 1 : 0);

function main(): number {
  let values: ReturnType<typeof options>;
  try {
    values = options();
  } catch (error) {
    console.error(`error: ${error instanceof Error ? error.message : error}\n  next: see --help`);
    return 2;
  }
  if (values.help) {
    console.log(help);
    return 0;
  }
  const { head = process.env.HEAD_SHA, base, repo, now, fetch } = values;
  const time = now === undefined ? new Date() : new Date(now);
  if (head === undefined || !isObjectId(head) || Number.isNaN(time.getTime())) {
    const what = Number.isNaN(time.getTime())
      ? "--now is no time"
      : "--head must be a commit's 40 hex digits";
    console.error(`error: ${what}\n  next: see --help`);
    return 2;
  }
  try {
    if (fetch !== undefined) fetchCommit(repo, fetch, head, Math.max(...Object.values(limits.bytes)));
    const fromFork = values["from-fork"] ?? (process.env.FROM_FORK ?? "false") !== "false";
    const verdict = checkSubmission({ folder: repo, base, head, fromFork, now: time });
    const comment = commentOf(verdict);
    if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(verdict)}\n`);
    if (values.comment !== undefined) writeFileSync(values.comment, comment);
    if (process.env.GITHUB_STEP_SUMMARY) appendFileSync(process.env.GITHUB_STEP_SUMMARY, comment);
    console.log(textOf(verdict));
    return exitCodeOf(verdict);
  } catch (error) {
    console.error(
      `error: ${plain(error instanceof Error ? error.message : String(error))}\n  next: was the commit fetched?`,
    );
    return 3;
  }
}

const options = () =>
  parseArgs({
    options: {
      head: { type: "string" },
      base: { type: "string", default: "origin/main" },
      repo: { type: "string", default: "." },
      "from-fork": { type: "boolean" },
      fetch: { type: "string" },
      now: { type: "string" },
      json: { type: "string" },
      comment: { type: "string" },
      help: { type: "boolean" },
    },
  }).values;

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) process.exitCode = main();
