import { describe, expect, it } from "vitest";
import { type BoardChoices, compareCells, firstNumber, parseState, searchOf } from "./board-state.ts";

const choices: BoardChoices = {
  filters: { data: ["phantom-cxr", "phantom-shapes"], family: ["cnn", "transformer"] },
  columns: [
    { id: "method", standard: true },
    { id: "infidelity", standard: true },
    { id: "sparseness", standard: false },
  ],
  weights: ["infidelity", "sparseness"],
};

describe("the address", () => {
  it("is empty for what the page shows by itself", () => {
    expect(searchOf(parseState("", choices), choices)).toBe("");
  });
  it.each([
    "?data=phantom-cxr",
    "?data=phantom-shapes&family=cnn&sort=-infidelity",
    "?sort=method&columns=method,sparseness",
    "?columns=method",
    "?sort=weighted&weights=infidelity:2.5,sparseness:1",
    "?data=phantom-cxr&compare=phantom-cxr/a/2026-11-20-00000000/lime,b/c/d/sobel&page=12",
  ])("%s comes back as it was", (search) => {
    expect(searchOf(parseState(search, choices), choices)).toBe(search);
  });
  it("ignores what the page does not have", () => {
    const state = parseState("?data=gone&sort=-nothing&columns=method,gone&x=<b>", choices);
    const rest = { page: 1, weights: {}, compare: [] };
    expect(state).toEqual({ filters: {}, sort: null, columns: ["method"], ...rest });
  });
});

it("takes no weight that is none, no page that is none, and no fifth row", () => {
  const weights = "infidelity:-1,sparseness:99,overall:1,infidelity:1e9,infidelity:";
  const state = parseState(`?weights=${weights}&page=0&compare=a,b,a,c,,d,e&sort=weighted`, choices);
  expect(state).toMatchObject({ weights: { sparseness: 10 }, page: 1, compare: ["a", "b", "c", "d"] });
  expect(state.sort).toEqual({ column: "weighted", descending: false });
  expect(parseState("?sort=weighted&page=x", choices)).toMatchObject({ sort: null, page: 1 });
});

describe("cells", () => {
  it("are read up to their interval", () => {
    expect(["2= 1–3", "0.412[0.381, 0.443]", "−1.30", "12,400", "– no scores", ""].map(firstNumber)).toEqual([
      2,
      0.412,
      -1.3,
      12400,
      null,
      null,
    ]);
  });
  it("without a value come last in both directions", () => {
    const cells = ["3", "–", "−1", "10"];
    const sorted = (descending: boolean) =>
      cells.toSorted((a, b) => compareCells(a, b, "number", descending));
    expect(sorted(false)).toEqual(["−1", "3", "10", "–"]);
    expect(sorted(true)).toEqual(["10", "3", "−1", "–"]);
  });
  it("of text sort as people read", () => {
    expect(["vit-16", "ResNet", "vit-8"].toSorted((a, b) => compareCells(a, b, "text", false))).toEqual([
      "ResNet",
      "vit-8",
      "vit-16",
    ]);
  });
});
