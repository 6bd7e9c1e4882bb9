import { describe, expect, it } from "vitest";
import { constructedSource, hostile } from "./constructed-source.ts";
import { atom, itemsOf, jsonFeed, mostItems, xml } from "./feeds.ts";

const source = constructedSource();
const items = itemsOf(source);
const at = (path: string) => `https://example.org/base/${path}`;

describe("what is new", () => {
  it("is every run, erratum, line of the ledger and released protocol, newest first", () => {
    expect(items.map(({ id }) => id.replace(/^tag:xai-kit\.org,2026:/, ""))).toEqual([
      "erratum/2",
      "erratum/1",
      "ledger/1",
      "protocol/1",
      ...source.runs
        .toSorted((a, b) =>
          a.telemetry.date > b.telemetry.date
            ? -1
            : a.telemetry.date < b.telemetry.date
              ? 1
              : a.id < b.id
                ? -1
                : 1,
        )
        .map(({ id }) => `run/${id}`),
      "ledger/2",
    ]);
  });
  it("does not depend on the order of runs", () => {
    expect(itemsOf({ ...source, runs: source.runs.toReversed() })).toEqual(items);
  });
  it("is not everything", () => {
    const many = Array.from({ length: 100 }, (_, k) => ({ ...source.runs[0], id: `a/b/${k}` }));
    expect(itemsOf({ ...source, runs: many })).toHaveLength(mostItems);
  });
  it("says which line does not count, and that drawn pictures are no advice", () => {
    expect(items.find(({ id }) => id.endsWith("ledger/2"))!.text).toContain(
      "It does not count: dated before the run.",
    );
    expect(items.find(({ title }) => title.startsWith("Run: "))!.text).toContain("Test data, not advice.");
  });
});

describe("Atom", () => {
  const text = atom(items, at);
  it("is well formed, with what RFC 4287 asks for", () => {
    expect(elements(text)).toMatchObject({ feed: 1, entry: items.length, author: 1 });
    for (const part of [text.slice(0, text.indexOf("<entry>")), ...text.split("<entry>").slice(1)]) {
      for (const name of ["id", "title", "updated"])
        expect(part.match(new RegExp(`<${name}>`, "g"))).toHaveLength(1);
    }
    const ids = [...text.matchAll(/<id>(.*?)<\/id>/g)].map(([, id]) => id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const id of ids) expect(id).toMatch(/^tag:xai-kit\.org,2026:\S+$/);
    for (const [, date] of text.matchAll(/<updated>(.*?)<\/updated>/g))
      expect(date).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/);
    expect(text).toContain(`<link rel="self" type="application/atom+xml" href="${at("feed.xml")}"/>`);
  });
  it("holds no markup of strangers", () => {
    expect(text).not.toContain("<script");
    expect(text).not.toContain("<b>");
    expect(text).toContain("&lt;script&gt;");
    expect(text).not.toContain("\u0007");
  });
  it("speaks of a protocol where there is nothing else", () => {
    const empty = itemsOf({ ...source, runs: [], errata: [], ledger: [] });
    expect(atom(empty, at)).toContain("<title>Protocol 1</title>");
  });
});

describe("XML", () => {
  it.each([
    [hostile, /^=1\+1&quot;,&quot;\\&quot;\ufffd/],
    ["\ud800 \ufffe \u0000", /^\ufffd \ufffd \ufffd$/],
    ["𝔸 é\t", /^𝔸 é\t$/],
  ])("%j holds", (text, expected) => {
    expect(xml(text)).toMatch(expected);
  });
});

describe("JSON Feed", () => {
  it("has what version 1.1 asks for", () => {
    const feed = JSON.parse(JSON.stringify(jsonFeed(items, at)));
    expect(feed).toMatchObject({ version: "https://jsonfeed.org/version/1.1", feed_url: at("feed.json") });
    for (const item of feed.items) {
      expect(Object.keys(item)).toEqual(["id", "url", "title", "content_text", "date_published"]);
    }
  });
  it("leaves addresses out where the host is not known", () => {
    const feed = JSON.parse(JSON.stringify(jsonFeed(items, () => undefined)));
    expect(Object.keys(feed)).not.toContain("feed_url");
    expect(Object.keys(feed.items[0])).not.toContain("url");
  });
});

/** Counts elements, and fails where one is not closed by its own name. */
function elements(text: string): Record<string, number> {
  const open: string[] = [];
  const counts: Record<string, number> = {};
  const body = text.replace(/^<\?xml[^>]*\?>/, "");
  for (const [, close, name, attributes, self] of body.matchAll(
    /<(\/?)([a-z]+)((?: [a-z:]+="[^"<]*")*)(\/?)>/g,
  )) {
    void attributes;
    if (close) expect(open.pop()).toBe(name);
    else {
      counts[name] = (counts[name] ?? 0) + 1;
      if (!self) open.push(name);
    }
  }
  expect(open).toEqual([]);
  const rest = body.replace(/<(\/?)([a-z]+)((?: [a-z:]+="[^"<]*")*)(\/?)>/g, "");
  expect(rest).not.toMatch(/[<>]|&(?!(amp|lt|gt|quot);)/);
  return counts;
}
