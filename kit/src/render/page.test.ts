import { describe, expect, it } from "vitest";
import { type PageContent, type PageMethod, page } from "./page.ts";

const hostile = `</style><img src=x onerror="alert(1)">'&`;
const method: PageMethod = {
  id: "saliency",
  title: "Saliency",
  map: {
    layer: "data:image/png;base64,AA==",
    scale: "sequential",
    limit: 0.5,
    cut: true,
    words: "most evidence at the top",
  },
  facts: [["time", "12 ms"]],
  summary: "∂f/∂x.",
  formula: "Φ = ∂f/∂x",
  limits: "None.",
  params: ["absolute = false"],
  source: { name: "arXiv:1312.6034", href: "https://arxiv.org/abs/1312.6034" },
};
const content: PageContent = {
  title: hostile,
  model: hostile,
  explained: { name: hostile, logit: 1, predicted: true },
  predictions: [{ name: hostile, probability: 0.9 }],
  image: {
    picture: "data:image/png;base64,AA==",
    pale: "data:image/png;base64,AB==",
    width: 4,
    height: 3,
    coarse: true,
  },
  bars: { diverging: "data:image/png;base64,AC==", sequential: "data:image/png;base64,AD==" },
  groups: [
    {
      title: "Standard methods",
      says: "Ranked.",
      methods: [
        method,
        { ...method, id: "lime", title: "LIME", map: { ...method.map!, scale: "diverging" } },
        { ...method, id: "lrp", title: "LRP", map: undefined, reason: hostile, note: hostile, facts: [] },
      ],
    },
  ],
  table: { columns: ["ms"], rows: new Map([["saliency", ["12"]]]), note: "Once more." },
  about: [hostile],
};
const written = page(content);

describe("the page", () => {
  it("lets no name become markup", () => {
    expect(written).not.toContain("<img src=x");
    expect(written.match(/<\/style>/g)).toHaveLength(1);
    expect(
      written.match(/&lt;\/style&gt;&lt;img src=x onerror=&quot;alert\(1\)&quot;&gt;&#39;&amp;/g)!.length,
    ).toBeGreaterThan(6);
  });

  it("loads nothing, runs nothing, and says so to the browser", () => {
    expect(written).toContain("default-src 'none'; img-src data:; style-src 'unsafe-inline'");
    expect(written).not.toMatch(/<script|<link|<iframe|@import|javascript:| on[a-z]+="/);
    const sources = [...written.matchAll(/(?:src="|url\(")([^"]*)/g)].map(([, url]) => url);
    expect(sources.length).toBeGreaterThan(5);
    expect(sources.filter((url) => !url.startsWith("data:image/png;base64,"))).toEqual([]);
  });

  it("says in words what a map shows, on which scale, and why there is none", () => {
    expect(written).toContain('alt="Saliency: most evidence at the top"');
    expect(written).toMatch(/class="bar sequential"><\/span><span>0<\/span><span>≥ 0\.5<\/span>/);
    expect(written).toMatch(
      /class="bar diverging"><\/span><span>≤ −0\.5<\/span><span>0<\/span><span>≥ \+0\.5<\/span>/,
    );
    expect(written).toMatch(/<p class="view none">&lt;\/style/);
  });

  it("explains only the scales that occur", () => {
    expect(written).toContain("One-sided:");
    expect(written).toContain("Signed:");
    const one = page({ ...content, groups: [{ ...content.groups[0], methods: [method] }] });
    expect(one).toContain("One-sided:");
    expect(one).not.toContain("Signed:");
  });

  it("is closed: every element that is opened ends", () => {
    const void_ = new Set(["meta", "img", "input", "br", "hr"]);
    const open: string[] = [];
    for (const [, end, name] of written
      .replace(/<!doctype html>|<style>.*?<\/style>/gs, "")
      .matchAll(/<(\/?)([a-z0-9]+)[^>]*>/g)) {
      if (void_.has(name)) continue;
      if (end === "") open.push(name);
      else expect(open.pop()).toBe(name);
    }
    expect(open).toEqual([]);
  });

  it("gives each method an id that the table leads to", () => {
    for (const id of ["saliency", "lime", "lrp"]) {
      expect(written.match(new RegExp(` id="${id}"`, "g"))).toHaveLength(1);
      expect(written).toContain(`href="#${id}"`);
    }
  });
});
