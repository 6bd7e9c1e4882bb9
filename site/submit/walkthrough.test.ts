import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { begin, end, type Recorded, walkthroughMarkdown, withWalkthrough } from "./markdown.ts";
import file from "./recorded.json" with { type: "json" };
import { steps } from "./steps.ts";

const recorded: Recorded = file;
const root = fileURLToPath(new URL("../../", import.meta.url));
const again = "run scripts/walkthrough/record.ts again";

describe("the walkthrough", () => {
  it("has an output for every step as it stands, and for no other", () => {
    expect(Object.keys(recorded.steps), again).toEqual(steps.map(({ id }) => id));
    for (const { id, command } of steps) {
      const [before, after = ""] = command.split("{branch}");
      const ran = recorded.steps[id].command;
      expect(ran.startsWith(before) && ran.endsWith(after), `${id}: ${again}`).toBe(true);
      expect(ran).not.toContain("{branch}");
    }
  });

  it("stands in CONTRIBUTING.md as on the page", () => {
    const document = readFileSync(`${root}CONTRIBUTING.md`, "utf8");
    const text = walkthroughMarkdown(steps, recorded, (name) =>
      readFileSync(`${root}kit/examples/pytorch/${name}`, "utf8"),
    );
    expect(withWalkthrough(document, text), again).toBe(document);
  });

  it("shows pictures that are there", () => {
    for (const { picture } of steps) {
      if (picture) expect(existsSync(`${root}site/submit/${picture.file}`), again).toBe(true);
    }
  });

  it("tells nothing of the machine it was recorded on", () => {
    const text = JSON.stringify(recorded);
    expect(text).not.toMatch(/\/(tmp|home|root|work|var|Users)\//);
    expect(text).not.toContain("xai-kit-walkthrough");
  });

  it("goes all the way: a valid run, a branch, an admitted pull request", () => {
    expect(recorded.steps.validate.output).toMatch(/valid +recomputed/);
    expect(recorded.steps.submit.output).toContain("This becomes public, and nothing else:");
    expect(recorded.steps.push.output).toContain("[new branch]");
    expect(recorded.comment).toMatch(/admitted/i);
  });
});

describe("its Markdown", () => {
  const step = { id: "a", title: "A", text: "Why.", command: "true" };
  const made = (output: string) =>
    walkthroughMarkdown([step], { steps: { a: { command: "true", output } }, comment: "yes" }, () => "");

  it("folds what is long, and no output leaves its fence", () => {
    expect(made("one line\n")).toContain("```text\none line\n```");
    expect(made("x\n".repeat(30))).toContain("<details><summary>what it prints: 30 lines</summary>");
    expect(made("```\n# not a heading\n")).toContain("````text\n```\n# not a heading\n````");
  });

  it("replaces what stands between the marks, and nothing else", () => {
    expect(withWalkthrough(`# T\n\n${begin}\nold\n${end}\n\nrest\n`, made(""))).toMatch(
      new RegExp(`^# T\n\n${begin}[^]*${end}\n\nrest\n$`),
    );
    expect(() => withWalkthrough("# T\n", "x")).toThrow("no place for the walkthrough");
  });
});
