import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { Comparison } from "../../kit/src/comparison/document.ts";
import { indicators, type Values } from "../../kit/src/comparison/uces.ts";
import { comparedOf, consistencyAnswer, consistencyRows, whyNoAdvice } from "./comparison.ts";
import { alphaOf, bandsOf, bandWords, changesWords, ranksAt, ucesAnswer } from "./uces.ts";

const document = (name: string): Comparison =>
  JSON.parse(readFileSync(new URL(`../../schemas/comparison/valid/${name}.json`, import.meta.url), "utf8"));
const five = document("five-runs");
const compared = comparedOf(five, []);
const sheet = compared.sheet!;

/** Scaled values as given: C of classification and E of explanation; the first two models span the scale. */
const model = (c: number, e: number): Values =>
  Object.fromEntries(
    indicators.map(({ id, part, better }) => {
      const wanted = part === "classification" ? c : e;
      return [id, better === "higher" ? wanted : 1 - wanted];
    }),
  ) as Values;

describe("UCES at an α", () => {
  it("at that of the document gives the document's scores and ranks, to the last bit", () => {
    const cells = ranksAt(sheet, five.uces!.alpha);
    for (const [k, method] of five.uces!.methods.entries())
      for (const [m, id] of sheet.models.entries()) {
        const { uces, rank } = method.models.find((standing) => standing.model === id)!;
        expect(cells[k][m]).toEqual({ uces, rank });
      }
  });
  it("is all explanation at 0 and all classification at 1", () => {
    const methods = [{ method: "m", title: "M", values: [model(1, 0), model(0, 1), model(0.4, 0.8)] }];
    expect(ranksAt({ methods }, 0)[0].map(({ rank }) => rank)).toEqual([3, 1, 2]);
    expect(ranksAt({ methods }, 1)[0].map(({ rank }) => rank)).toEqual([1, 3, 2]);
  });
});

describe("bands", () => {
  it("change where two lines cross and nowhere else", () => {
    // E + α (C − E): 0 + α, 1 − α and 0.8 − 0.4 α; the third is ahead from 1/3 to 4/7
    const bands = bandsOf([model(1, 0), model(0, 1), model(0.4, 0.8)]);
    expect(bands.map(({ leaders }) => leaders)).toEqual([[1], [2], [0]]);
    expect(bands[0].to).toBeCloseTo(1 / 3, 12);
    expect(bands[1].to).toBeCloseTo(4 / 7, 12);
    expect([bands[0].from, bands.at(-1)!.to]).toEqual([0, 1]);
    expect(bandWords(bands, ["a", "b", "c"])).toBe("b to α 0.33, then c to α 0.57, then a");
  });
  it("are one where one model is ahead throughout, and name all who are level", () => {
    expect(bandsOf([model(1, 1), model(0, 0), model(0.5, 0.4)])).toEqual([{ from: 0, to: 1, leaders: [0] }]);
    expect(bandsOf([model(1, 1), model(1, 1), model(0, 0)])[0].leaders).toEqual([0, 1]);
    expect(bandsOf([model(1, 1), model(1, 1), model(1, 1)])).toEqual([]);
  });
});

describe("in words", () => {
  const methods = [
    { method: "m", title: "M", values: [model(1, 0), model(0, 1), model(0.4, 0.8)] },
    { method: "n", title: "N", values: [model(1, 1), model(0, 0), model(0.5, 0.4)] },
  ];
  const own = { id: "x/y", alpha: 0.7, models: ["a", "b", "c"], methods };
  it("a set is summed up at its α, without an interval", () => {
    expect(ucesAnswer(own, 0.7, own.models)).toBe(
      "At α\u00a0=\u00a00.70 a is first by 2 of 2 explaining methods; in this set alone, and with no interval.",
    );
    expect(ucesAnswer(own, 0, own.models)).toMatch(/ a and b are each first by 1 of 2/);
    expect(changesWords(own)).toBe("Who leads depends on α by 1 of 2 methods.");
  });
  it.each([
    ["0.5", 0.5],
    [".25", 0.25],
    ["1", 1],
    ["0", 0],
    ["1.0", 1],
    ["0.123", 0.12],
  ])("%s is an α", (text, alpha) => {
    expect(alphaOf(text)).toBe(alpha);
  });
  it.each([null, "", "1.5", "-0.1", "NaN", "1e-1", "0x1", "<b>"])("%s is none", (text) => {
    expect(alphaOf(text)).toBeUndefined();
  });
});

describe("a comparison", () => {
  it("says of what it is, and that quick runs are no advice", () => {
    expect(compared).toMatchObject({
      id: "drawn-32/five-runs",
      data: "drawn-32",
      protocol: "quick",
      runs: [],
    });
    expect(whyNoAdvice(compared)).toBe("of quick runs");
    expect(whyNoAdvice({ runs: [], protocol: "1" })).toBeUndefined();
    expect(sheet.methods.map(({ title }) => title)).toEqual(["Saliency", "Occlusion"]);
  });
  it("has the reasons for what it has not", () => {
    const without = comparedOf(document("no-maps"), []);
    expect(without.consistency).toEqual([]);
    expect(without.without).toContainEqual({
      of: "Consistency of small-cnn",
      reason: "the maps of its runs were not kept",
    });
  });
  it("puts controls behind, and tells methods apart by their intervals alone", () => {
    const [entry] = five.consistency;
    const rows = consistencyRows(entry);
    expect(rows.slice(0, 2).map(({ control }) => control)).toEqual([false, false]);
    expect(rows.slice(2).every(({ control }) => control)).toBe(true);
    expect(consistencyAnswer(entry, 3)).toMatch(/^Over 3 seeds of small-cnn methods cannot be told apart/);
    const apart = {
      ...entry,
      methods: entry.methods.map((m) =>
        m.method === "saliency" ? { ...m, value: 0.8, interval: [0.7, 0.9] as const } : m,
      ),
    };
    expect(consistencyAnswer(apart as typeof entry, 3)).toMatch(
      /Saliency \(0\.800 \[0\.700, 0\.900\]\) overlap most/,
    );
  });
});
