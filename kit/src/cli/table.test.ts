import { describe, expect, it } from "vitest";
import { toJson } from "../json.ts";
import { numberFormat, printable, table } from "./table.ts";
import { clipToWidth, displayWidth, paragraph, wrapText } from "./width.ts";

describe("table", () => {
  it("aligns texts left, numbers right, and shows what is missing", () => {
    const text = table(
      [{ title: "method" }, { title: "deletion-auc", better: "lower" }, { title: "n" }],
      [
        ["saliency", 0.3125, 256],
        ["lime", null, 32],
        ["grad-cam", 12.5, undefined],
      ],
    );
    expect(text).toBe(
      [
        "method    deletion-auc ↓    n",
        "────────  ──────────────  ───",
        "saliency           0.313  256",
        "lime                   –   32",
        "grad-cam          12.500    –",
        "",
      ].join("\n"),
    );
  });

  it("counts columns, not code units", () => {
    const text = table(
      [{ title: "名前" }, { title: "x" }],
      [
        ["é\u0301", 1],
        ["🫁", 2],
        ["ab", 3],
      ],
    );
    const widths = text.trimEnd().split("\n").map(displayWidth);
    expect(new Set(widths)).toEqual(new Set([7]));
  });

  it("lets the widest text give way to the terminal, never a number", () => {
    const rows = [["a very long title of a method", 0.123]];
    const text = table([{ title: "method" }, { title: "score" }], rows, { width: 24 });
    expect(text.split("\n")[2]).toBe("a very long titl…  0.123");
  });

  it("breaks titles before anything gives way", () => {
    const columns = [{ title: "method" }, { title: "deletion-auc", better: "lower" as const }];
    expect(table(columns, [["lime", 0.25]], { width: 18 })).toBe(
      ["        deletion-", "method      auc ↓", "──────  ─────────", "lime        0.250", ""].join("\n"),
    );
  });

  it("goes on in a second table when it may be split", () => {
    const columns = ["method", "first", "second", "third"].map((title) => ({ title }));
    const text = table(columns, [["grad-cam", 1, 2, 3]], { width: 24, split: true });
    expect(text.split("\n\n").map((block) => block.split("\n")[0])).toEqual([
      "method    first  second",
      "method    third",
    ]);
    expect(text).toContain("grad-cam      3");
  });

  it("is only a head without rows", () => {
    expect(table([{ title: "id" }], [])).toBe("id\n──\n");
  });
});

describe("numberFormat", () => {
  it("writes a column in one way", () => {
    expect([3, 20].map(numberFormat([3, 20]))).toEqual(["3", "20"]);
    expect([0.5, -2, 0].map(numberFormat([0.5, -2, 0]))).toEqual(["0.500", "-2.000", "0.000"]);
    expect([0.5, 1e-7].map(numberFormat([0.5, 1e-7]))).toEqual(["5.00e-1", "1.00e-7"]);
  });
});

describe("printable", () => {
  it("disarms what drives a terminal", () => {
    expect(printable("a\u001b[31mb\nc\u202ed")).toBe("a\\u001b[31mb\\u000ac\\u202ed");
    expect(printable("Lungenentzündung 肺 ↓")).toBe("Lungenentzündung 肺 ↓");
  });
});

describe("width", () => {
  it("cuts between letters", () => {
    expect(clipToWidth("肺炎です", 5)).toBe("肺炎…");
    expect(clipToWidth("abc", 3)).toBe("abc");
    expect(clipToWidth("abc", 0)).toBe("");
  });
});

describe("wrapText", () => {
  it("breaks at spaces, and leaves alone what has none", () => {
    expect(wrapText("one two three-four five", 9)).toEqual(["one two", "three-four", "five"]);
    expect(wrapText("肺炎 です", 5)).toEqual(["肺炎", "です"]);
    expect(paragraph("name  what it means", 12, 2, 4)).toBe("  name\n    what it\n    means\n");
  });
});

describe("toJson", () => {
  it("depends on the value alone", () => {
    const a = toJson({ b: 1, a: { d: [1, { z: 1, y: 2 }], c: undefined } });
    expect(a).toBe(toJson({ a: { d: [1, { y: 2, z: 1 }] }, b: 1 }));
    expect(a.indexOf('"a"')).toBeLessThan(a.indexOf('"b"'));
    expect(a.endsWith("}\n")).toBe(true);
    expect(JSON.parse(toJson({ v: Float32Array.of(1, 2) }))).toEqual({ v: [1, 2] });
  });

  it("refuses what JSON would silently turn into null", () => {
    expect(() => toJson({ a: [1, { b: Number.NaN }] })).toThrow("NaN at $.a[1].b");
  });
});
