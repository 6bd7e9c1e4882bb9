import { Ajv2020 } from "ajv/dist/2020.js";
import { parquetReadObjects } from "hyparquet";
import { describe, expect, it } from "vitest";
import { constructedSource, documents, textOf } from "./constructed-source.ts";
import {
  csvField,
  leaderboardCsv,
  leaderboardJson,
  leaderboardParquet,
  runColumns,
  standingColumns,
} from "./leaderboard.ts";
import { indexJson, resources, runJson } from "./resources.ts";
import { apiSchemas, documentNames, documentSchema } from "./schemas.ts";

const full = constructedSource();
const today = constructedSource({ errata: [], ledger: [] });
const empty = { runs: [], errata: [], ledger: [], comparisons: [], changes: full.changes };
const parsed = (value: unknown) => JSON.parse(JSON.stringify(value));
const find = (name: string) => resources.find((resource) => resource.name === name)!;

const ajv = new Ajv2020({ strict: true, allErrors: true });
for (const name of documentNames()) ajv.addSchema(JSON.parse(documentSchema(name)));
const faults = (name: string, value: unknown) => {
  const validate =
    ajv.getSchema(`https://xai-kit.org/api/v1/schemas/${name}.schema.json`) ?? ajv.compile(apiSchemas[name]);
  return validate(parsed(value)) ? [] : validate.errors;
};

describe("the API", () => {
  it("has a schema for everything it gives, and for nothing else", () => {
    expect(Object.keys(apiSchemas).toSorted()).toEqual(
      ["index", "run", ...resources.map(({ name }) => name)].toSorted(),
    );
  });

  it.each(resources.map(({ name }) => name))("gives %s as its schema says, with and without runs", (name) => {
    for (const source of [full, today, empty]) expect(faults(name, find(name).make(source))).toEqual([]);
  });

  it("gives an index of all of it", () => {
    for (const source of [full, today, empty])
      expect(faults("index", indexJson(source, documentNames()))).toEqual([]);
    const paths = indexJson(full, []).resources.map(({ path }) => path);
    expect(paths).toEqual([
      ...resources.map(({ name }) => `${name}.json`),
      "runs/{id}.json",
      "leaderboard.csv",
      "leaderboard.parquet",
    ]);
  });

  it("gives each run with the document as it was published", () => {
    for (const run of full.runs) {
      const text = runJson(run, textOf(run));
      const value = JSON.parse(text);
      expect(faults("run", value)).toEqual([]);
      expect(documents).toContainEqual(value.document);
      expect(text).toContain(`"document":${textOf(run).trim()}}`);
    }
  });

  it("says of a run its tier with the evidence, and its errata", () => {
    const [run] = full.runs.filter(({ tier }) => tier === "reproduced");
    expect(JSON.parse(runJson(run, textOf(run)))).toMatchObject({
      tier: "reproduced",
      evidence: [{ kind: "reproduced", counts: true, against: null }],
      errata: [{ number: 1 }, { number: 2, cells: 1 }],
    });
  });

  it("says which lines of the ledger count", () => {
    expect(find("ledger").make(full)).toMatchObject({
      entries: [
        { number: 1, counts: true, against: null },
        { number: 2, counts: false, against: "dated before the run" },
      ],
    });
  });

  it("has a state that changes with what is published, and with nothing else", () => {
    const state = (source: typeof full) => indexJson(source, []).state;
    expect(state(constructedSource())).toBe(state(full));
    expect(new Set([full, today, empty].map(state)).size).toBe(3);
  });

  it("gives equal bytes for equal results", () => {
    const again = constructedSource();
    for (const { make } of resources) expect(JSON.stringify(make(again))).toBe(JSON.stringify(make(full)));
    expect(leaderboardCsv(again.runs)).toBe(leaderboardCsv(full.runs));
    expect(leaderboardParquet(again.runs)).toEqual(leaderboardParquet(full.runs));
  });
});

describe("the leaderboard for programs", () => {
  const { runs, columns, rows } = leaderboardJson(full.runs);
  const at = (name: string) => columns.indexOf(name);
  const rowOf = (run: string, method: string, of: string) => {
    const k = runs.findIndex((entry) => entry.run === run);
    return rows.find((row) => row[0] === k && row[at("method")] === method && row[at("of")] === of)!;
  };
  const published = documents[1].result.statistics;
  const reproduction = full.runs.find(({ trust }) => trust!.identity.startsWith("b"))!.id;

  it("has the documents' own ranks and intervals", () => {
    const ranking = published.metrics.find(({ of }) => of === "deletion-auc")!;
    for (const { method, rank, interval } of ranking.places) {
      const row = rowOf(reproduction, method, "deletion-auc");
      expect([row[at("rank")], row[at("rank_low")], row[at("rank_high")]]).toEqual([rank, ...interval]);
      const cell = published.cells.find((c) => c.method === method && c.metric === "deletion-auc")!;
      expect(row[at("value")]).toBeCloseTo(cell.mean!, 5);
      expect(row[at("n")]).toBe(cell.n);
    }
  });

  it("keeps the value that an erratum affects, marked and without a rank", () => {
    const row = rowOf(reproduction, "lime", "infidelity");
    expect(row[at("value")]).not.toBeNull();
    expect([row[at("rank")], row[at("erratum")]]).toEqual([null, true]);
    expect(row[at("note")]).toBe("erratum 2 of 2026-12-03: It was wrong.");
  });

  it("ranks no quick run, and says why", () => {
    const run = full.runs.find(({ result }) => result.protocol.id === "quick")!.id;
    const row = rowOf(run, "lime", "infidelity");
    expect([row[at("rank")], row[at("note")]]).toEqual(
      [null, "quick runs are never ranked"].map((v, k) => (k === 1 ? expect.any(String) : v)),
    );
    expect(rowOf(run, "lime", "deletion-auc")[at("note")]).toBe("quick runs are never ranked");
  });

  it("has no control in it", () => {
    expect(new Set(rows.map((row) => row[at("method")]))).not.toContain("random");
  });

  it("is the same as CSV and as Parquet", async () => {
    const bytes = leaderboardParquet(full.runs);
    const read = await parquetReadObjects({ file: bytes.buffer });
    expect(read).toHaveLength(rows.length);
    const names = [...runColumns, ...standingColumns].map(({ name }) => name);
    expect(Object.keys(read[0])).toEqual(names);
    const lines = records(leaderboardCsv(full.runs));
    expect(lines[0]).toEqual(names);
    expect(lines).toHaveLength(rows.length + 1);
    for (const k of [0, 7, rows.length - 1]) {
      const facts = {
        ...runs[rows[k][0] as number],
        ...Object.fromEntries(columns.slice(1).map((c, i) => [c, rows[k][i + 1]])),
      };
      expect(read[k]).toEqual(facts);
      expect(lines[k + 1]).toEqual(names.map((name) => csvUnescaped(facts[name])));
    }
  });

  it("is a table without rows where there are no runs", async () => {
    expect(records(leaderboardCsv([]))).toHaveLength(1);
    expect(await parquetReadObjects({ file: leaderboardParquet([]).buffer })).toEqual([]);
  });
});

describe("a field of a CSV", () => {
  it.each([
    ["=1+1", "'=1+1"],
    ["+1", "'+1"],
    ["-1", "'-1"],
    ["@SUM(A1)", "'@SUM(A1)"],
    ["\t=1", "'\t=1"],
    ["\r=1", '"\'\r=1"'],
    ['=cmd|"/C calc"!A1', `"'=cmd|""/C calc""!A1"`],
    ["a, b", '"a, b"'],
    ["two\nlines", '"two\nlines"'],
    ["plain", "plain"],
    [-1.5, "-1.5"],
    [null, ""],
    [false, "false"],
  ])("%j is %j", (value, field) => {
    expect(csvField(value)).toBe(field);
  });
});

const csvUnescaped = (value: unknown) => (value === null || value === undefined ? "" : `${value}`);

/** A reader of RFC 4180 that shares nothing with the writer. */
function records(text: string): string[][] {
  const out: string[][] = [[""]];
  let quoted = false;
  for (let i = 0; i < text.length; i++) {
    const [c, last] = [text[i], out.at(-1)!];
    if (quoted && c === '"' && text[i + 1] === '"') last[last.length - 1] += text[i++];
    else if (c === '"') quoted = !quoted;
    else if (!quoted && c === ",") last.push("");
    else if (!quoted && c === "\r" && text[i + 1] === "\n") {
      i++;
      if (i < text.length - 1) out.push([""]);
    } else last[last.length - 1] += c;
  }
  return out;
}
