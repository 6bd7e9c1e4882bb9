import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { writePng } from "./png.ts";
import { columnsFor, formatValue, type SheetImage, sheet } from "./sheet.ts";

const image = { channels: 1, height: 64, width: 64, data: new Float32Array(64 * 64).fill(0.4) };
const map = { height: 64, width: 64, data: Float32Array.from({ length: 4096 }, (_, i) => (i % 64) / 63) };
const signed = { ...map, data: map.data.map((v) => v - 0.5) };
const item = (tiles: number): SheetImage => ({
  title: "pneumonia 0.97",
  image,
  tiles: Array.from({ length: tiles }, (_, k) => ({ title: `Method ${k}`, map: k % 2 ? signed : map })),
});
const tile = 256;
const width = (columns: number) => 2 * 24 + columns * tile + (columns - 1) * 18;

describe("sheet", () => {
  it.each([
    [1, 2],
    [4, 5],
    [5, 3], // six tiles: 3 + 3, not 5 + 1
    [11, 4], // twelve tiles: three rows of four
  ])("with %d methods has %d columns", (methods, columns) => {
    expect(sheet([item(methods)], { title: "t" }).width).toBe(width(columns));
  });

  it("is a matrix for several images", () => {
    const one = sheet([item(4)], { title: "t" });
    const three = sheet([item(4), item(4), item(4)], { title: "t" });
    expect(three.width).toBe(one.width);
    expect(three.height).toBeGreaterThan(2.5 * one.height - 200);
    expect(three.height).toBeLessThan(3 * one.height);
  });

  it.each([
    [[12, 20, 4], 6, 6], // 2 + 4 + 1 rows of six, 3 + 4 + 1 of five
    [[12, 15], 6, 6],
    [[6], 5, 3],
    [[1, 1], 5, 1],
    [[], 5, 1],
  ])("lays groups of %j tiles, %d in a row at most, in %d columns", (tiles, most, columns) =>
    expect(columnsFor(tiles, most)).toBe(columns),
  );

  it("puts groups under headings, from a new row", () => {
    const { tiles, ...rest } = item(3);
    const together = sheet([{ ...rest, tiles }], { title: "t", columns: 2 });
    const grouped: SheetImage = {
      ...rest,
      heading: "Standard",
      tiles: tiles.slice(0, 1),
      groups: [{ heading: "Further", tiles: tiles.slice(1) }],
    };
    const apart = sheet([grouped], { title: "t", columns: 2 });
    expect(apart.width).toBe(together.width);
    expect(apart.height).toBe(together.height + 18 + 2 * 30);
  });

  it("gives a long title two lines, and the others of its row as much room", () => {
    const [first, second] = item(2).tiles;
    const long = {
      ...item(2),
      tiles: [{ ...first, title: "Relevance of every layer and of every kind" }, second],
    };
    expect(sheet([long], { title: "t" }).height).toBe(sheet([item(2)], { title: "t" }).height + 16);
  });

  it("is opaque everywhere, whatever is missing", () => {
    const odd: SheetImage = {
      title: "",
      image,
      tiles: [
        { title: "x".repeat(300), map: { ...map, data: map.data.map(() => Number.NaN) } },
        { title: "zero", map: { ...map, data: new Float32Array(4096) } },
        { title: "none", reason: "not applicable: no rule for Einsum in this model" },
      ],
    };
    const { data } = sheet([odd], { title: "t".repeat(500), subtitle: "s" });
    expect(data.every((value, i) => i % 4 !== 3 || value === 255)).toBe(true);
    expect(sheet([], { title: "nothing" }).height).toBeGreaterThan(50);
  });

  it("outlines boxes on the input and on the maps", () => {
    const boxed = { ...item(1), boxes: [{ x: 10, y: 10, width: 20, height: 30 }] };
    const cyan = ({ data }: { data: Uint8ClampedArray }) => {
      let count = 0;
      for (let i = 0; i < data.length; i += 4) {
        if (data[i] === 0 && data[i + 1] === 200 && data[i + 2] === 240) count++;
      }
      return count;
    };
    expect(cyan(sheet([item(1)], { title: "t" }))).toBe(0);
    expect(cyan(sheet([boxed], { title: "t" }))).toBe(2 * (2 * 80 + 2 * 120 - 4));
  });

  it("depends on its input alone and leaves it as it was", () => {
    const input = item(3);
    const before = structuredClone(input);
    expect(sheet([input], { title: "t" })).toEqual(sheet([input], { title: "t" }));
    expect(input).toEqual(before);
  });
});

describe("formatValue", () => {
  it.each([
    [0, "0"],
    [0.0123, "0.012"],
    [3.1234, "3.1"],
    [123.4, "123"],
    [0.0000123, "1.2e−5"],
    [2_500_000, "2.5e6"],
  ])("%d is %s", (value, text) => expect(formatValue(value)).toBe(text));
});

describe("writePng", () => {
  it("writes the pixels as they are", async () => {
    const folder = await mkdtemp(join(tmpdir(), "xai-kit-"));
    const path = join(folder, "sheet.png");
    const picture = sheet([item(2)], { title: "round trip" });
    await writePng(path, picture);
    const { data, info } = await sharp(path).raw().toBuffer({ resolveWithObject: true });
    expect([info.width, info.height, info.channels]).toEqual([picture.width, picture.height, 4]);
    expect(data.equals(Uint8Array.from(picture.data))).toBe(true);
    await rm(folder, { recursive: true });
  });

  it("says why it cannot", async () => {
    const picture = sheet([], { title: "t" });
    await expect(writePng(join(tmpdir(), "no-such-folder-xai", "a.png"), picture)).rejects.toMatchObject({
      code: "E_WRITE",
    });
  });
});
