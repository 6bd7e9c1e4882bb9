import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { current, readLiterature } from "./document.ts";

const file = new URL("../../../schemas/literature/valid/made-up.json", import.meta.url);
const text = readFileSync(file, "utf8");
// biome-ignore lint/suspicious/noExplicitAny: a document that is put out of order
type Json = any;
/** What is said of the made-up publication after a change. */
function said(change: (document: Json) => void): readonly string[] {
  const document = JSON.parse(text);
  change(document);
  return told(JSON.stringify(document));
}
const told = (source: string, name = "made-up.json") =>
  readLiterature(source, name).problems.map(({ file, path, message }) => `${file}: ${path}: ${message}`);
const set = (object: unknown, values: object) => Object.assign(object as object, values);

describe("a publication", () => {
  it("is read as it is laid out by hand", () => {
    const { literature, problems } = readLiterature(text, "results/literature/made-up.json");
    expect(problems).toEqual([]);
    expect(literature?.tables[1].rows[0].cells[0]).toEqual({
      column: "deletion",
      printed: "0.20 ± 0.14",
      value: 0.2,
      sd: 0.14,
    });
  });

  it("has the name of its file", () => {
    expect(told(text, "a\\other.json")).toEqual([
      "a\\other.json: $.id: the file of made-up is made-up.json, not other.json",
    ]);
  });

  it("gives way to the one that replaces it", () => {
    const [old, other] = [{ id: "a" }, { id: "b", replaces: { id: "a", reason: "A digit was wrong." } }];
    expect(current([old, other] as never)).toEqual([other]);
  });
});

describe("a hostile file is refused, and told where", () => {
  it.each([
    ["NaN", '"value": NaN', /\$\.tables\[0\]\.rows\[0\]\.cells\[0\]\.value: line \d+, column \d+: NaN is no/],
    ["1e999", '"value": 1e999', /cells\[0\]\.value: .*1e999 is beyond the range of a double/],
    ["a key twice", '"value": 0.1, "value": 0.2', /cells\[0\]\.value: .*stands here twice/],
    ["a raw control character", '"value": "\u0007"', /a control character in a string/],
    ["half of a pair", '"value": "\\ud800"', /half of a surrogate pair/],
  ])("%s", (_, cell, message) => {
    const broken = text.replace('"value": 0.1', cell);
    expect(broken).not.toBe(text);
    expect(told(broken)).toHaveLength(1);
    expect(told(broken)[0]).toMatch(message);
  });

  it("an escaped control character, an unknown scale", () => {
    expect(said((d) => set(d.claims[0], { text: "B\u001b[2J" }))).toEqual([
      expect.stringMatching(/^made-up\.json: \$\.claims\[0\]\.text: must match pattern/),
    ]);
    expect(said((d) => set(d.tables[0].columns[0], { scale: "per-cent" }))).toEqual([
      'made-up.json: $.tables[0].columns[0].scale: must be one of "unit", "ratio", "nats", "milliseconds", "rank", "unnormalised"',
    ]);
  });

  it("what is no document at all", () => {
    expect(told("")).toEqual([expect.stringMatching(/ends too early/)]);
    expect(told("[]")).toEqual([expect.stringMatching(/must be object/)]);
    expect(told("null")).toEqual([expect.stringMatching(/must be object/)]);
  });
});

describe("cells and names go together", () => {
  const cells = "made-up.json: $.tables[0].rows[0].cells";
  const at = (d: Json) => d.tables[0].rows[0].cells;

  it.each<[string, (d: Json) => void, readonly string[]]>([
    [
      "two cells of a column, and none of another",
      (d) => set(at(d)[1], { column: "deletion", printed: "0.4", value: 0.4 }),
      [
        `${cells}[1]: a cell of column deletion stands here twice, first at 0`,
        `${cells}: has no cell of column area`,
      ],
    ],
    [
      "a column nobody knows",
      (d) => at(d).push({ column: "other", printed: "1", value: 1 } as never),
      [`${cells}[2].column: there is no column other`],
    ],
    [
      "a number that is not the printed one",
      (d) => set(at(d)[0], { value: 0.11 }),
      [`${cells}[0].value: 0.11, where 0.10 is printed`],
    ],
    [
      "a spread that is not printed",
      (d) => set(at(d)[0], { sd: 0.1 }),
      [`${cells}[0].sd: 0.1, where 0.10 is printed`],
    ],
    [
      "a printed spread that is left out",
      (d) => set(d.tables[1].rows[0].cells[0], { printed: "0.20 ± 0.1", sd: undefined }),
      ["made-up.json: $.tables[1].rows[0].cells[0].sd: none, where 0.20 ± 0.1 is printed"],
    ],
    [
      "a value that its scale cannot hold",
      (d) => set(at(d)[0], { printed: "4.22", value: 4.22 }),
      [`${cells}[0].value: 4.22 is above 1, but deletion has the scale unit`],
    ],
    [
      "a row that is missing",
      (d) => d.tables[0].rows.pop(),
      ["made-up.json: $.tables[0].rows: 3 rows, where 2 models × 2 seeds make 4"],
    ],
    [
      "a row twice",
      (d) => set(d.tables[0].rows[1], { seed: 1 }),
      ["made-up.json: $.tables[0].rows[1]: the row of A, seed 1 stands here twice, first at 0"],
    ],
    [
      "a model and a seed that are not listed",
      (d) => set(d.tables[0].rows[3], { model: "C", seed: 3 }),
      [
        'made-up.json: $.tables[0].rows[3].model: "C" is none of the models',
        "made-up.json: $.tables[0].rows[3].seed: 3 is none of the seeds",
      ],
    ],
    [
      "a metric that is in no registry",
      (d) => set(d.tables[0].columns[0].quantity, { ours: "deletion-area" }),
      [
        "made-up.json: $.tables[0].columns[0].quantity.ours: there is no metric or measure of classification deletion-area",
      ],
    ],
    [
      "a quantity that is ours and is not",
      (d) => set(d.claims[1].quantities[0], { ours: "entropy" }),
      ["made-up.json: $.claims[1].quantities[0]: has neither or both of `ours` and `notOurs`"],
    ],
    [
      "tables, columns and models that are not there",
      (d) => {
        set(d.follows.summaries[0], { from: "9" });
        set(d.claims[0].evidence.extremes[0], { column: "other", model: "C" });
      },
      [
        "made-up.json: $.follows.summaries[0].from: there is no table 9",
        "made-up.json: $.claims[0].evidence.extremes[0].column: table 2 has no column other",
        'made-up.json: $.claims[0].evidence.extremes[0].model: table 2 has no model "C"',
      ],
    ],
    [
      "UCES of tables that lack its indicators",
      (d) =>
        set(d.follows, {
          uces: [
            {
              table: "2",
              classification: "1",
              explanation: "2",
              alpha: 0.7,
              columns: { classification: "deletion", explanation: "area", uces: "area" },
            },
          ],
        }),
      [
        ...["auroc", "average-precision", "macro-f1", "micro-f1"].map(
          (id) => `made-up.json: $.follows.uces[0].classification: table 1 has no column that is ${id} here`,
        ),
        ...["average-drop", "relative-confidence-gain", "entropy", "sparsity"].map(
          (id) => `made-up.json: $.follows.uces[0].explanation: table 2 has no column that is ${id} here`,
        ),
        "made-up.json: $.follows.uces[0]: 2 models, and 3 are the fewest",
      ],
    ],
    [
      "a claim against itself",
      (d) => set(d.claims[0], { contradicts: "b-larger" }),
      ["made-up.json: $.claims[0].contradicts: there is no other claim b-larger"],
    ],
    [
      "a table twice",
      (d) => set(d.tables[1], { id: "1" }),
      expect.arrayContaining(["made-up.json: $.tables[1]: table 1 stands here twice, first at 0"]) as never,
    ],
  ])("%s", (_, change, wanted) => {
    expect(said(change)).toEqual(wanted);
  });
});
