/** The walkthrough as Markdown, for CONTRIBUTING.md. */
import type { Step } from "./steps.ts";

/** What the commands printed when they were last run. */
export interface Recorded {
  readonly steps: Readonly<Record<string, { readonly command: string; readonly output: string }>>;
  /** what the check of the pull request answers, in Markdown */
  readonly comment: string;
}

export const begin = "<!-- walkthrough: written by scripts/walkthrough/record.ts -->";
export const end = "<!-- /walkthrough -->";

/** Outputs longer than this are folded. */
const longest = 14;

export function walkthroughMarkdown(
  steps: readonly Step[],
  recorded: Recorded,
  fileOf: (name: string) => string,
): string {
  const parts = steps.map(({ id, title, text, file }, k) => {
    const { command, output } = recorded.steps[id];
    return [
      `### ${k + 1}. ${title}`,
      text,
      ...(file === undefined
        ? []
        : [folded(`kit/examples/pytorch/${file}`, fence(fileOf(file).trim(), "python"))]),
      fence(command, "sh"),
      ...shown(output),
    ].join("\n\n");
  });
  return [
    begin,
    ...parts,
    `### ${steps.length + 1}. Read the answer`,
    "Within minutes a comment says what was checked, what to change, and what would move. This is the one for the run above:",
    folded("the comment", fence(recorded.comment.trim(), "markdown")),
    end,
  ].join("\n\n");
}

function shown(output: string): string[] {
  const text = output.trimEnd();
  if (text === "") return [];
  const lines = text.split("\n").length;
  return [
    lines > longest ? folded(`what it prints: ${lines} lines`, fence(text, "text")) : fence(text, "text"),
  ];
}

const folded = (title: string, body: string) =>
  `<details><summary>${title}</summary>\n\n${body}\n\n</details>`;

/** A fence longer than any in the text. */
function fence(text: string, language: string): string {
  const inside = Math.max(2, ...[...text.matchAll(/^`{3,}/gm)].map(([ticks]) => ticks.length));
  const ticks = "`".repeat(inside + 1);
  return `${ticks}${language}\n${text}\n${ticks}`;
}

/** The document with the part between the two marks replaced. Throws where it has no such part. */
export function withWalkthrough(document: string, walkthrough: string): string {
  const [from, to] = [document.indexOf(begin), document.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`no place for the walkthrough: ${begin} … ${end}`);
  return document.slice(0, from) + walkthrough + document.slice(to + end.length);
}
