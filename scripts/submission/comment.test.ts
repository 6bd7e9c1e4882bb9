import { markdownToMdast } from "satteri";
import { describe, expect, it } from "vitest";
import type { Verdict } from "./check.ts";
import { commentOf, inert, marker, plain } from "./comment.ts";
import type { Refusal } from "./paths.ts";

const hostile: readonly string[] = [
  "<script>alert(1)</script>",
  "<img src=x onerror=alert(1)>",
  "<!-- xai-kit:submission -->",
  "--> <b>x</b>",
  "[a](https://example.org)",
  "![a](https://example.org/a.png)",
  "https://example.org/a www.example.org a@example.org",
  "@xai-kit/maintainers #1 GH-1",
  "# heading\n\n- list\n\n> quote\n\n***",
  "a\r\nb\u2028c\u2029d\u0085e",
  "`",
  "``",
  "` <b>x</b> `",
  "```\n<b>x</b>\n```",
  "a`b``c```d",
  "`a",
  "a`",
  "\\`<b>x</b>\\`",
  "a | b | c",
  "||",
  "\\",
  "\\\\`",
  "\u202eevil\u200b\u2066x\u0000\u001b[2J",
  " ",
  "",
  "\n",
  "\t\ta",
  "    code",
  "~~~",
  "[ref]: https://example.org",
  "[^1]",
  "$x$",
  "::error::x",
  "&lt;b&gt; &amp; &#x3c;",
  "\ud800",
  "x".repeat(5000),
  "`".repeat(5000),
];

/** Chosen from the tree of a Markdown document. */
interface Node {
  readonly type: string;
  readonly value?: string;
  readonly children?: readonly Node[];
}
const parse = (text: string) => markdownToMdast(text) as unknown as Node;
function* nodes(node: Node): Generator<Node> {
  yield node;
  for (const child of node.children ?? []) yield* nodes(child);
}
const types = (node: Node) => [...nodes(node)].map(({ type }) => type);

describe("inert", () => {
  it.each(hostile)("makes one code span of %j and nothing else", (text) => {
    for (const [before, after] of [
      ["", ""],
      ["- in ", ": x"],
      ["**In** ", ""],
    ]) {
      const tree = parse(`${before}${inert(text)}${after}\n`);
      const found = [...nodes(tree)];
      const code = found.filter(({ type }) => type === "inlineCode");
      expect(code).toHaveLength(1);
      const allowed = ["root", "paragraph", "list", "listItem", "strong", "text", "inlineCode"];
      expect(found.filter(({ type }) => !allowed.includes(type))).toEqual([]);
      expect(
        found
          .filter(({ type }) => type === "text")
          .map(({ value }) => value)
          .join(""),
      ).not.toMatch(/[<>@#]|http/);
    }
  });

  it("shows what it holds, without what is not seen", () => {
    expect(inert("a")).toBe("`a`");
    expect(inert("a`b")).toBe("`` a`b ``");
    expect(inert("")).toBe("`(empty)`");
    expect(inert("a\nb\u202ec")).toBe("`a\ufffdb\ufffdc`");
    expect(plain("\u200b\ufeff\u0007")).toBe("\ufffd\ufffd\ufffd");
    expect(inert("x".repeat(301))).toBe(`\`${"x".repeat(300)}…\``);
  });
});

const verdict = (rest: Partial<Verdict>): Verdict => ({
  kind: "refused",
  admitted: false,
  broken: false,
  base: "b".repeat(40),
  head: "a".repeat(40),
  checks: [
    { name: "first", passed: true },
    { name: "second", passed: false },
    { name: "third", passed: null },
  ],
  problems: [],
  runs: [],
  comparisons: [],
  movement: null,
  ...rest,
});
const problem = (text: string): Refusal => ({ file: text, path: text, message: text, next: text });

describe("comment", () => {
  it("of a refusal says what to change, by file", () => {
    const problems = [
      { file: "a/run.json", path: "$.x", message: "is wrong", next: "mend it" },
      { file: "", path: "", message: "too much", next: "less" },
      { file: "a/run.json", path: "$.y", message: "is wrong too", next: "mend it" },
    ];
    expect(commentOf(verdict({ problems }))).toBe(`${marker}
## Not admitted: 3 problems

Each has what to do about it. Push to this branch, and it is checked again.

- ✓ first
- ✕ (no) second
- – (not looked at) third

### What to change

**In** \`a/run.json\`

- \`$.x\`: \`is wrong\`  
  next: \`mend it\`
- \`$.y\`: \`is wrong too\`  
  next: \`mend it\`

**The pull request**

- \`too much\`  
  next: \`less\`

<sub>Read from the objects of ${"a".repeat(40)} with the code of main at ${"b".repeat(40)}; nothing of the pull request was run or checked out. A push is checked anew, and this comment edited.</sub>
`);
  });

  it("keeps every text of a stranger in code, wherever it stands", () => {
    for (const text of hostile) {
      const all = verdict({
        problems: [problem(text)],
        runs: [{ place: text, identity: text, tier: "recomputed", notes: [text] }],
        comparisons: [{ place: text, notes: [text] }],
        movement: {
          runs: [
            { run: text, how: "unranked", reason: text },
            { run: text, how: "behind", other: text },
            { run: text, how: "new", leaders: [{ basis: text, methods: [text, text] }] },
            {
              run: text,
              how: "replaces",
              other: text,
              bases: [
                {
                  basis: text,
                  methods: [
                    { method: text, before: null, after: { rank: 1, interval: [1, 2], tied: [text] } },
                  ],
                },
              ],
            },
          ],
          guide: [{ track: text, family: text, concern: text, method: text, before: text, after: text }],
        },
      });
      const found = [...nodes(parse(commentOf(all)))];
      // the marker and the small print are ours
      const html = found.filter(({ type }) => type === "html").map(({ value }) => value);
      expect(html.join("").replace(/Read from.*edited\./, "")).toBe(`${marker}<sub></sub>`);
      const not = [
        "link",
        "image",
        "linkReference",
        "imageReference",
        "definition",
        "footnoteReference",
        "table",
      ];
      expect(found.filter(({ type }) => not.includes(type))).toEqual([]);
      expect(types(parse(commentOf(all))).filter((type) => type === "heading")).toHaveLength(4);
      const words = found
        .filter(({ type }) => type === "text")
        .map(({ value }) => value)
        .join(" ");
      expect(words).not.toMatch(/@|script|onerror|http|evil|\u202e/);
      expect(commentOf(all).match(/<!--/g)!.length).toBeLessThanOrEqual(1 + 40);
      expect(commentOf(all).startsWith(marker)).toBe(true);
    }
  });

  it("is never longer than GitHub takes, and cuts between lines", () => {
    const long = "<b>`".repeat(200);
    const text = commentOf(
      verdict({
        kind: "submission",
        problems: Array.from({ length: 500 }, () => problem(long)),
        runs: Array.from({ length: 20 }, () => ({
          place: long,
          identity: long,
          tier: "recomputed" as const,
          notes: Array.from({ length: 100 }, () => long),
        })),
      }),
    );
    expect(text.length).toBeLessThanOrEqual(60_000);
    expect(text).toContain("a comment has no room for");
    expect(text.trimEnd().endsWith("</sub>")).toBe(true);
    const html = [...nodes(parse(text))].filter(({ type }) => type === "html").map(({ value }) => value);
    expect(html.join("")).not.toContain("<b>");
  });

  it("counts what it leaves out", () => {
    const text = commentOf(verdict({ problems: Array.from({ length: 43 }, (_, i) => problem(`p${i}`)) }));
    expect(text).toContain("## Not admitted: 43 problems");
    expect(text).toContain("and 3 more");
  });
});

it("makes no fence that GitHub's Markdown does not know", () => {
  for (const ticks of [1, 20, 21, 80, 300]) {
    const shown = inert(`${"`".repeat(ticks)} @team [a](https://evil.example/)`);
    expect(Math.max(...shown.match(/`+/g)!.map((run) => run.length))).toBeLessThanOrEqual(21);
    expect(shown).toMatch(/^`/);
  }
  expect(inert("a`b")).toBe("`` a`b ``");
});
