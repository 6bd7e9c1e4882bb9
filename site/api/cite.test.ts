import { describe, expect, it } from "vitest";
import { badge, badgeMarkdown } from "./badge.ts";
import { bibtex, csl, texOf } from "./cite.ts";
import { constructedSource, hostile } from "./constructed-source.ts";

const { runs } = constructedSource();
const run = runs.find(({ tier }) => tier === "reproduced")!;
const odd = runs.find(({ result }) => result.data.title === hostile)!;
const address = "https://example.org/runs/x/";

/** Entries as BibTeX reads them: braces count even behind a backslash. */
function fieldsOf(text: string): Record<string, string> {
  const [, body] = /^@misc\{[a-z0-9-]+,\n([\s\S]*)\n\}\n$/.exec(text)!;
  const fields: Record<string, string> = {};
  for (const line of body.split("\n")) {
    const [, name, value] = /^ {2}([a-z]+) = \{(.*)\},$/.exec(line)!;
    let depth = 0;
    for (const c of value) {
      if (c === "{") depth++;
      if (c === "}") depth--;
      expect(depth).toBeGreaterThanOrEqual(0);
    }
    expect(depth).toBe(0);
    fields[name] = value;
  }
  return fields;
}

describe("BibTeX", () => {
  it("names model, data, protocol and what the result is", () => {
    expect(fieldsOf(bibtex(run, address))).toEqual({
      author: "{xai-kit contributors}",
      title: "{Explanation methods of ResNet-mini (cxr-resnet) on Chest radiographs, drawn}",
      year: "2026",
      month: "11",
      version: "0.1.0",
      note: `Run ${run.id}, protocol 1, 48 images, SHA-256 of the result ${"a".repeat(64)}`,
      url: address,
    });
  });
  it("has no address where the host is not known", () => {
    expect(bibtex(run, undefined)).not.toContain("url");
  });
  it("is one entry whatever the title is", () => {
    const { title } = fieldsOf(bibtex(odd, address));
    expect(title).toContain("=1+1");
    expect(title).not.toMatch(/(?<!\\)[$&#%_~^]/);
    expect(title).not.toContain("\u0007");
  });
  it.each([
    ["50 % of $x_1$ & #2", "50 \\% of \\$x\\_1\\$ \\& \\#2"],
    ["\\input{x}", "\\textbackslash{}input\\textbraceleft{}x\\textbraceright{}"],
    ["a~b^c", "a\\textasciitilde{}b\\textasciicircum{}c"],
    ["é → ü", "é → ü"],
  ])("%s is %s", (text, tex) => {
    expect(texOf(text)).toBe(tex);
  });
});

describe("CSL-JSON", () => {
  it("is a data set with its day", () => {
    expect(csl(run, address)).toEqual([
      {
        id: `xai-kit-${run.id.replaceAll("/", "-")}`,
        type: "dataset",
        title: "Explanation methods of ResNet-mini (cxr-resnet) on Chest radiographs, drawn",
        author: [{ literal: "xai-kit contributors" }],
        issued: { "date-parts": [[2026, 11, 20]] },
        version: "0.1.0",
        note: expect.stringContaining("protocol 1"),
        URL: address,
      },
    ]);
  });
  it("has no markup in a title", () => {
    expect(csl(odd, undefined)[0].title).not.toMatch(/[<>\p{Cc}]/u);
    expect(csl(odd, undefined)[0]).not.toHaveProperty("URL");
  });
});

describe("a badge", () => {
  it("says the tier, and first of all what is wrong", () => {
    const clean = constructedSource({ errata: [], ledger: [] }).runs;
    expect(badge(clean.find(({ tier }) => tier === "recomputed")!)).toEqual({
      schemaVersion: 1,
      label: "xai-kit, protocol 1",
      message: "recomputed",
      color: "blue",
    });
    expect(badge(run)).toMatchObject({ message: "reproduced, erratum", color: "orange" });
    const without = clean.find(({ tier }) => tier === "submitted")!;
    expect(badge(without)).toMatchObject({ message: "submitted", color: "lightgrey" });
  });
  it("is put into a page as one address", () => {
    expect(badgeMarkdown("https://example.org/b/a.json", address)).toBe(
      `[![xai-kit](https://img.shields.io/endpoint?url=https%3A%2F%2Fexample.org%2Fb%2Fa.json)](${address})`,
    );
  });
});
