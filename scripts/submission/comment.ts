/** A verdict as Markdown for a pull request. What came from the pull request is shown as code that it cannot leave. */
import type { AddedComparison, AddedRun, Verdict } from "./check.ts";
import type { GuideMove, RunMovement, Standing } from "./movement.ts";
import type { Refusal } from "./paths.ts";

/** By this the comment is found again. */
export const marker = "<!-- xai-kit:submission -->";

const most = { comment: 60_000, text: 300, problems: 40, lines: 20 };

/** Control and format characters (bidi marks, zero-width, line ends), halves of pairs: what changes a text without being seen. */
export const plain = (text: string): string => text.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, "\ufffd");

/** GitHub's Markdown knows no fence of more than 80; far below it nobody's text has one. */
const mostTicks = 20;

/** A text of a stranger in Markdown: one code span, whatever it holds. In it no mention, link, image, tag or comment is one. */
export function inert(text: string): string {
  const characters = [...plain(text)];
  const cut = characters.slice(0, most.text).join("") + (characters.length > most.text ? "…" : "");
  if (cut.trim() === "") return "`(empty)`";
  const ticks = (of: string) => Math.max(0, ...(of.match(/`+/g) ?? []).map((run) => run.length));
  const shown = ticks(cut) > mostTicks ? cut.replaceAll("`", "ˋ") : cut;
  const longest = ticks(shown);
  const fence = "`".repeat(longest + 1);
  const space = longest > 0 ? " " : "";
  return `${fence}${space}${shown}${space}${fence}`;
}

export function commentOf(verdict: Verdict): string {
  const { movement } = verdict;
  const parts = [
    `${marker}\n${headline(verdict)}`,
    verdict.checks.map(({ name, passed }) => `- ${mark(passed)} ${name}`).join("\n"),
    problemsText(verdict.problems),
    [...verdict.runs.map(runText), ...verdict.comparisons.map(comparisonText)].join("\n"),
    movement === null ? "" : section("What would move", movement.runs.map(movementText)),
    movement === null || movement.guide.length === 0
      ? ""
      : section("What the guide would say", capped(movement.guide.map(guideText))),
    `<sub>Read from the objects of ${verdict.head} with the code of main at ${verdict.base}; nothing of the pull request was run or checked out. A push is checked anew, and this comment edited.</sub>`,
  ].filter((part) => part !== "");
  return fitted(parts);
}

const section = (title: string, lines: readonly string[]): string => `### ${title}\n\n${lines.join("\n")}`;

/** Whole parts only, so that no code span is cut open. */
function fitted(parts: readonly string[]): string {
  const kept: string[] = [];
  const last = parts.at(-1)!;
  let room = most.comment - last.length - 200;
  for (const part of parts.slice(0, -1)) {
    for (const line of `${part}\n`.split("\n")) {
      room -= line.length + 1;
      if (room < 0)
        return [...kept, "", "… and more, which a comment has no room for.", "", last, ""].join("\n");
      kept.push(line);
    }
  }
  return [...kept, last, ""].join("\n");
}

const capped = (lines: readonly string[], limit = most.lines): string[] =>
  lines.length <= limit ? [...lines] : [...lines.slice(0, limit), `- and ${lines.length - limit} more`];

const mark = (passed: boolean | null): string =>
  passed === null ? "– (not looked at)" : passed ? "✓" : "✕ (no)";

function headline({ kind, broken, problems, runs, comparisons }: Verdict): string {
  if (broken) return "## The check itself failed\n\nNothing is decided. A maintainer has to look at it.";
  if (kind === "code")
    return "## No run here\n\nNothing in this pull request adds results, so code owners decide.";
  if (kind === "refused") {
    return `## Not admitted: ${count(problems.length, "problem")}\n\nEach has what to do about it. Push to this branch, and it is checked again.`;
  }
  const sets = comparisons.length > 0 ? [count(comparisons.length, "comparison")] : [];
  const brought = [...(runs.length > 0 || sets.length === 0 ? [count(runs.length, "run")] : []), ...sets];
  return `## Admitted: ${brought.join(", ")}\n\nEvery statistic of the scores was computed again and is the same to the last bit. Classification quality is taken at its word.`;
}

const count = (n: number, what: string): string => `${n} ${what}${n === 1 ? "" : "s"}`;

/** By file, in the order they were found. */
function problemsText(problems: readonly Refusal[]): string {
  const files = new Map<string, string[]>();
  for (const { file, path, message, next } of problems.slice(0, most.problems)) {
    const lines = files.get(file) ?? [];
    files.set(file, lines);
    lines.push(`- ${path === "" ? "" : `${inert(path)}: `}${inert(message)}  \n  next: ${inert(next)}`);
  }
  const texts = [...files].map(([file, lines]) =>
    [file === "" ? "**The pull request**" : `**In** ${inert(file)}`, "", ...lines].join("\n"),
  );
  if (problems.length > most.problems) texts.push(`and ${problems.length - most.problems} more`);
  return texts.length === 0 ? "" : `### What to change\n\n${texts.join("\n\n")}`;
}

const runText = ({ place, identity, tier, notes }: AddedRun): string =>
  [
    `- ${inert(place)}, identity ${inert(identity)}, ${tier}`,
    ...capped(notes.map((note) => `  - note: ${inert(note)}`)),
  ].join("\n");

const comparisonText = ({ place, notes }: AddedComparison): string =>
  [`- comparison ${inert(place)}`, ...capped(notes.map((note) => `  - note: ${inert(note)}`))].join("\n");

function movementText(run: RunMovement): string {
  const name = inert(run.run);
  if (run.how === "unranked") return `- ${name} moves no rank: ${inert(run.reason)}`;
  if (run.how === "behind") return `- ${name} moves nothing: ${inert(run.other)} is newer and stays in front`;
  if (run.how === "new") {
    const lines = run.leaders.map(
      ({ basis, methods }) =>
        `  - ${inert(basis)}: ${methods.map(inert).join(", ")} ${methods.length > 1 ? "lead, not separated from each other" : "leads"}`,
    );
    return [`- ${name} is the first of its model, data set and protocol`, ...capped(lines)].join("\n");
  }
  if (run.bases.length === 0)
    return `- ${name} takes the place of ${inert(run.other)}; no rank or tie changes`;
  const lines = run.bases.flatMap(({ basis, methods }) =>
    methods.map(
      ({ method, before, after }) =>
        `  - ${inert(basis)}: ${inert(method)} ${standing(before)} → ${standing(after)}`,
    ),
  );
  return [`- ${name} takes the place of ${inert(run.other)}`, ...capped(lines, 4 * most.lines)].join("\n");
}

function standing(place: Standing | null): string {
  if (place === null) return "without a rank";
  const { rank, interval, tied } = place;
  const ties = tied.length === 0 ? "alone" : `with ${tied.map(inert).join(", ")}`;
  return `${rank} (${interval[0]} to ${interval[1]}, ${ties})`;
}

const guideText = ({ track, family, concern, method, before, after }: GuideMove): string =>
  `- ${[track, family, concern, method].map(inert).join(", ")}: ${inert(before)} → ${inert(after)}`;
