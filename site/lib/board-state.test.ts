import { describe, expect, it } from "vitest";
import { type BoardChoices, compareCells, firstNumber, parseState, searchOf } from "./board-state.ts";

const choices: BoardChoices = {
  filters: { data: ["phantom-cxr", "phantom-shapes"], family: ["cnn", "transformer"] },
  columns: [
    { id: "method", standard: true },
    { id: "infidelity", standard: true },
    { id: "sparseness", standard: false },
  ],
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
  ])("%s comes back as it was", (search) => {
    expect(searchOf(parseState(search, choices), choices)).toBe(search);
  });
  it("ignores what the page does not have", () => {
    const state = parseState("?data=gone&sort=-nothing&columns=method,gone&x=<b>", choices);
    expect(state).toEqual({ filters: {}, sort: null, columns: ["method"] });
  });
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
