import { describe, expect, it } from "vitest";
import { glyphs } from "./glyphs.ts";
import { blank } from "./raster.ts";
import { drawText, fitText, type TextStyle, textWidth, wrapText } from "./text.ts";

const style: TextStyle = { size: 10, colour: [0, 0, 0] };

/** Which pixels of a canvas have ink after drawing. */
function inkOf(text: string, size = 10): boolean[] {
  const canvas = blank(400, 40, [255, 255, 255]);
  drawText(canvas, 10, 25, text, { ...style, size });
  return Array.from({ length: 400 * 40 }, (_, i) => canvas.data[4 * i] < 160);
}
const columnsWithInk = (ink: boolean[]) =>
  [...new Set(ink.flatMap((on, i) => (on ? [i % 400] : [])))].sort((a, b) => a - b);

describe("glyphs", () => {
  it("cover printable ASCII and are all different on paper", () => {
    const seen = new Map<string, string>();
    for (let code = 33; code < 127; code++) {
      const letter = String.fromCharCode(code);
      expect(glyphs, `no glyph for ${letter}`).toHaveProperty([letter]);
      const picture = inkOf(letter, 14)
        .map((on, i) => (on ? i : ""))
        .join();
      expect(picture, `${letter} has no ink`).toMatch(/\d/);
      expect(seen.get(picture), `${letter} looks like another`).toBeUndefined();
      seen.set(picture, letter);
    }
  });

  it("stay inside their width and between ascender and descender", () => {
    for (const [letter, [width, strokes]] of Object.entries(glyphs)) {
      for (const item of strokes.split(/[| ]/).filter((part) => part !== "" && !part.startsWith("@"))) {
        const [x, y] = item.split(",").map(Number);
        expect(x, letter).toBeGreaterThanOrEqual(0);
        expect(x, letter).toBeLessThanOrEqual(width);
        expect(y, letter).toBeGreaterThanOrEqual(-2);
        expect(y, letter).toBeLessThanOrEqual(7.6);
      }
    }
  });
});

describe("drawText", () => {
  it("keeps to the width that textWidth tells", () => {
    for (const text of ["Integrated Gradients", "j", "Wagga", "−0.31", "a b"]) {
      const columns = columnsWithInk(inkOf(text));
      expect(columns[0]).toBeGreaterThanOrEqual(9);
      expect(columns.at(-1)).toBeLessThanOrEqual(10 + textWidth(text, style));
    }
  });

  it("draws accents without, and unknown letters as a box", () => {
    expect(inkOf("Müller")).toEqual(inkOf("Muller"));
    expect(inkOf("東")).toEqual(inkOf("肺"));
    expect(columnsWithInk(inkOf("東")).length).toBeGreaterThan(3);
  });

  it("stands sharp: a stem is one dark column at text size", () => {
    const canvas = blank(20, 20, [255, 255, 255]);
    drawText(canvas, 5, 15, "I", { ...style, size: 9 });
    const row = Array.from({ length: 20 }, (_, x) => canvas.data[4 * (10 * 20 + x)]);
    expect(row[5]).toBe(0);
    expect(row[4]).toBeGreaterThan(170);
    expect(row[6]).toBe(row[4]);
  });

  it("does not mind the edge of the picture", () => {
    expect(() => drawText(blank(5, 5), -20, 2, "outside", style)).not.toThrow();
  });
});

describe("fitText and wrapText", () => {
  it("end in an ellipsis only where something is cut", () => {
    expect(fitText("short", 200, style)).toBe("short");
    const fitted = fitText("a title that is far too long for its tile", 120, style);
    expect(fitted).toMatch(/^a title.*[^ ]…$/);
    expect(textWidth(fitted, style)).toBeLessThanOrEqual(120);
    expect(fitText("anything", 3, style)).toBe("");
  });

  it("break at spaces and keep every line inside", () => {
    const lines = wrapText("needs eight other images of the split, found three", 130, 5, style);
    expect(lines.join(" ")).toBe("needs eight other images of the split, found three");
    for (const line of lines) expect(textWidth(line, style)).toBeLessThanOrEqual(130);
    const cut = wrapText("needs eight other images of the split, found three", 130, 2, style);
    expect(cut).toHaveLength(2);
    expect(cut[1]).toMatch(/…$/);
    expect(wrapText("", 100, 3, style)).toEqual([]);
  });

  it("break inside what is too long for a line, at joints where there are any", () => {
    const node = "/encoder/layers/encoder_layer_11/self_attention/Softmax";
    const lines = wrapText(`no rule for Softmax at ${node}`, 150, 9, style);
    for (const line of lines) expect(textWidth(line, style)).toBeLessThanOrEqual(150);
    expect(lines.join("").replaceAll(" ", "")).toBe(`noruleforSoftmaxat${node}`);
    expect(lines.slice(0, -1).filter((line) => /[/_]$/.test(line)).length).toBeGreaterThan(0);
    const blank = wrapText("x".repeat(90), 100, 9, style);
    expect(blank.join("")).toBe("x".repeat(90));
    expect(wrapText("wide", 1, 9, style)).toEqual(["", "", "", ""]);
  });
});
