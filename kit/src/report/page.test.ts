import { describe, expect, it } from "vitest";
import { madeReport } from "../../test/made-report.ts";
import { areaOf } from "./curves.ts";
import { reportPage } from "./page.ts";
import { cautionsOf } from "./rest.ts";

const hostile = `</style><img src=x onerror="alert(1)">'&`;
const report = madeReport();
const written = reportPage(report);
/** Text as a reader sees it, without markup. */
const textOf = (page: string): string =>
  page
    .replace(/<style>.*?<\/style>/gs, "")
    .replace(/<[^>]+>/g, " ")
    .replaceAll("&nbsp;", " ")
    .replace(/\s+/g, " ");
const sectionOf = (page: string, id: string): string =>
  new RegExp(`<section id="${id}".*?</section>`, "s").exec(page)![0];
/** The row of a method, whose title may have a "+" in it and be followed by a note. */
const rowOf = (card: string, title: string): string | undefined =>
  [...card.matchAll(/<tr><th scope="row">.*?<\/tr>/gs)]
    .map(([row]) => row)
    .find((row) => [" ", "<"].some((end) => row.startsWith(`<tr><th scope="row">${title}${end}`)));

describe("the page of a run", () => {
  it("loads nothing, runs nothing, and says so to the browser", () => {
    expect(written).toContain("default-src 'none'; img-src data:; style-src 'unsafe-inline'");
    expect(written).not.toMatch(/<script|<link|<iframe|@import|javascript:| on[a-z]+="/);
    const sources = [...written.matchAll(/(?:src="|url\(")([^"]*)/g)].map(([, url]) => url);
    expect(sources).toHaveLength(2);
    expect(sources.filter((url) => !url.startsWith("data:image/png;base64,"))).toEqual([]);
    expect([...written.matchAll(/href="([^"]*)"/g)].filter(([, href]) => !href.startsWith("#"))).toEqual([]);
  });

  it("is closed: every element that is opened ends, and no id is there twice", () => {
    const empty = new Set(["meta", "img", "input", "br", "hr"]);
    const open: string[] = [];
    for (const [tag, end, name] of written
      .replace(/<!doctype html>|<style>.*?<\/style>/gs, "")
      .matchAll(/<(\/?)([a-z0-9]+)[^>]*>/g)) {
      if (empty.has(name) || tag.endsWith("/>")) continue;
      if (end === "") open.push(name);
      else expect(open.pop()).toBe(name);
    }
    expect(open).toEqual([]);
    const ids = [...written.matchAll(/ id="([^"]*)"/g)].map(([, id]) => id);
    expect(ids.filter((id, at) => ids.indexOf(id) !== at)).toEqual([]);
    for (const [, target] of written.matchAll(/(?:href="#|aria-labelledby=")([^"]*)/g))
      expect(ids).toContain(target);
  });

  it("lets no stranger's word become markup", () => {
    const { run } = report;
    const { result } = run;
    const page = reportPage({
      ...report,
      run: {
        ...run,
        result: {
          ...result,
          data: { ...result.data, title: hostile, edition: hostile, notes: [hostile] },
          model: { ...result.model, assumptions: [hostile], camLayer: hostile },
          methods: result.methods.map((m) => ({ ...m, title: hostile, reason: m.reason && hostile })),
          engine: { ...result.engine, package: hostile },
        },
        telemetry: { ...run.telemetry, machine: { ...run.telemetry.machine, cpu: hostile } },
      },
      problems: [{ path: hostile, code: "E_SIDECAR", message: hostile }],
      classNames: [hostile, hostile, hostile],
      sheets: report.sheets.map((sheet) => ({
        ...sheet,
        name: hostile,
        shows: sheet.shows && { ...sheet.shows, sample: hostile, predicted: hostile, annotated: hostile },
      })),
    });
    expect(page).not.toContain("<img src=x");
    expect(page.match(/<\/style>/g)).toHaveLength(1);
    expect(page.split("&lt;/style&gt;").length).toBeGreaterThan(50);
  });

  it("shows every method by every metric with its interval", () => {
    const { result } = report.run;
    for (const { metric, method, mean, interval } of result.statistics.cells) {
      if (metric === "cost") continue;
      const card = new RegExp(`<article class="card" id="metric-${metric}">.*?</article>`, "s").exec(
        written,
      )![0];
      const title = result.methods.find((m) => m.id === method)!.title;
      const row = rowOf(card, title);
      if (mean === null) {
        expect(row).toBeUndefined();
        expect(/No scores?: .*/.exec(card)![0]).toContain(title);
      } else {
        expect(row).toContain(mean.toFixed(mean >= 1 ? 2 : mean > 0 && mean < 0.01 ? 4 : 3));
        if (interval) expect(textOf(row!)).toMatch(/\[−?[\d.,]+, −?[\d.,]+\]/);
      }
    }
  });

  it("folds what a standard run has besides its protocol, and nothing else", () => {
    const folded = (html: string) =>
      [...html.matchAll(/<details class="further"><summary>([^<]*)/g)].map((m) => m[1]);
    const further = { methods: ["rise"], metrics: ["srg", "entropy"] };
    const standard = reportPage(madeReport({}, { protocol: "1", count: 40, further }));
    expect(folded(standard)).toEqual([
      "1 further metric: Symmetric relevance gain",
      "1 further metric: Entropy",
    ]);
    expect(standard.indexOf('id="metric-entropy"')).toBeGreaterThan(
      standard.indexOf("1 further metric: Entropy"),
    );
    expect(folded(reportPage(madeReport({}, { protocol: "1", count: 40 })))).toEqual([]);
  });

  it("marks the gates as the document says", () => {
    const marks = { true: "✓", false: "✕", null: "?" };
    for (const { metric, method, gate } of report.run.result.statistics.cells) {
      if (gate === null) continue;
      const title = report.run.result.methods.find((m) => m.id === method)!.title;
      const card = new RegExp(`id="metric-${metric}">.*?</article>`, "s").exec(written)![0];
      const row = rowOf(card, title)!;
      expect(row).toContain(`aria-hidden="true">${marks[`${gate.passed}`]}<`);
    }
  });

  it("writes equal ranks as such, and further methods in brackets", () => {
    const { facets } = report.run.result.statistics;
    const ranking = facets.find(({ places }) => places.length > 0)!;
    const places = ranking.places.map((place, k) => ({
      ...place,
      rank: k < 2 ? 1 : k + 1,
      standard: k !== 3,
    }));
    const ids = places.map(({ method }) => method);
    const tied = {
      ...ranking,
      places,
      tieGroups: [ids.slice(0, 2), [ids[2]], ...ids.slice(4).map((id) => [id])],
    };
    const { run } = report;
    const statistics = { ...run.result.statistics, facets: facets.map((f) => (f === ranking ? tied : f)) };
    const page = reportPage({ ...report, run: { ...run, result: { ...run.result, statistics } } });
    const table = new RegExp(`id="rank-${ranking.of}".*?</article>`, "s").exec(page)![0];
    const ranks = [...table.matchAll(/<td class="num rank">([^<]*)/g)].map(([, rank]) => rank);
    expect(ranks.slice(0, 4)).toEqual(["1=", "1=", "3", "(4)"]);
    expect(table).toContain("tied with");
  });

  it("draws a curve for each method, its area that of the line", () => {
    const section = sectionOf(written, "curves");
    const ok = report.run.result.methods.filter(({ status }) => status === "ok").length;
    expect(section.match(/<figure/g)).toHaveLength(2 * ok);
    expect(section).toMatch(/aria-label="Deletion AUC of [^"]*: from 0\.\d+ to 0\.\d+; [^"]* area 0\.\d+"/);
    expect(areaOf([1, 0.5, 0])).toBe(0.5);
    expect(areaOf([1, 0, 0, 0])).toBeCloseTo(1 / 6, 12);
    expect(section).toContain("The methods come in the same order with");
  });

  it("says why there are no curves", () => {
    expect(sectionOf(reportPage(madeReport({ curves: undefined })), "curves")).toContain(
      "No curves were kept",
    );
    expect(sectionOf(reportPage(madeReport({ curves: [] })), "curves")).toContain(
      "no metric that is the area",
    );
  });

  it("cuts maps out of sheets that say what they show, and shows others whole", () => {
    const section = sectionOf(written, "maps");
    const tiles = [...section.matchAll(/class="tile" role="img" aria-label="([^"]*)"/g)].map(
      ([, words]) => words,
    );
    const ok = report.run.result.methods.filter(({ status }) => status === "ok");
    expect(tiles).toHaveLength(1 + ok.length);
    expect(tiles).toContain(`${ok[0].title} on one: most evidence on the left`);
    // the first map is the second of twelve tiles in a row
    expect(section).toContain(`background-position: ${(100 / ok.length).toFixed(3)}% 0%`);
    expect(section).toContain('alt="Contact sheet 001-two: the image and the map of every method"');
    expect(written.match(/data:image\/png/g)).toHaveLength(2); // each sheet once
    expect(sectionOf(reportPage(madeReport({ sheets: [] })), "maps")).toContain("holds no contact sheets");
    expect(sectionOf(reportPage(madeReport({ sheets: [], moreSheets: 3 })), "maps")).toContain("Left out");
  });

  it("marks a run that is not finished, in so many words", () => {
    const progress = { explained: 7, of: 16, classified: 20, images: 20, shard: undefined };
    const text = textOf(reportPage(madeReport({ progress, identity: undefined, recomputed: false })));
    expect(text).toContain("Unfinished. 7 of 16 images explained, 20 of 20 classified");
    expect(text).toContain("none: the run is not finished");
    expect(text).toContain("goes on where this run stopped");
    const shard = textOf(reportPage(madeReport({ progress: { ...progress, shard: "1/2" } })));
    expect(shard).toContain("Shard 1/2 of a run: 7 of 16");
    expect(textOf(written)).not.toContain("Unfinished");
  });

  it("says what is not for everybody, and what the validator does not accept", () => {
    expect(textOf(reportPage(madeReport({ confidential: true })))).toContain("Not for publication.");
    const problems = [
      { path: "$.result", code: "E_STATISTICS" as const, message: "0.5 where 0.6 is expected" },
    ];
    const refused = textOf(reportPage(madeReport({ refused: true, recomputed: false, problems })));
    expect(refused).toContain("The validator does not accept this run.");
    expect(refused).toContain("0.5 where 0.6 is expected $.result, E_STATISTICS");
    expect(textOf(written)).not.toMatch(/Not for publication|does not accept/);
  });

  it("names a class by its number where names are private", () => {
    const page = reportPage(madeReport({ classNames: null }, { ids: "private" }));
    expect(sectionOf(page, "quality")).toContain("class 2");
    expect(sectionOf(page, "quality")).not.toContain("ring");
    expect(sectionOf(written, "quality")).toContain("ring");
  });

  it("has the command and every hash", () => {
    const section = sectionOf(written, "provenance");
    const { result } = report.run;
    for (const value of [
      result.model.sha256,
      result.data.fingerprint.value,
      result.protocol.sha256,
      result.sidecar.sha256,
      report.identity!,
      "--model made.onnx",
      `--protocol ${result.protocol.id}`,
      `${result.engine.package} ${result.engine.version}`,
    ])
      expect(section).toContain(value);
    expect(section).toContain("every statistic was computed again");
  });
});

describe("cautions", () => {
  it("list what is missing and why", () => {
    const titles = cautionsOf(report).map(({ title }) => title);
    expect(titles).toContain("Methods without maps");
    expect(titles).toContain("Scores that were skipped");
    const text = textOf(sectionOf(written, "cautions"));
    expect(text).toContain("Grad-CAM: not applicable: the model has no tensor with a spatial grid");
    expect(text).toMatch(/Randomisation: map is constant 16 scores of Constant/);
    expect(text).toContain("the output is softmax: it is cut off");
  });

  it("are none where all is well", () => {
    const { run } = report;
    const { result } = run;
    const well = {
      ...report,
      run: {
        ...run,
        result: {
          ...result,
          methods: result.methods.filter(({ status }) => status === "ok"),
          model: { ...result.model, assumptions: [] },
          data: { ...result.data, notes: [] },
          quality: { ...result.quality, gaps: [], leftOut: [] },
          statistics: {
            ...result.statistics,
            cells: result.statistics.cells.map((cell) => ({ ...cell, skips: {}, worstShare: 0 })),
          },
        },
      },
    };
    expect(cautionsOf(well)).toEqual([]);
    expect(textOf(reportPage(well))).toContain("Nothing is missing, nothing failed, nothing was guessed.");
  });
});
