import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { dataUri, encodeIndexedPng, encodePng, noteIn, withNote } from "./png.ts";
import { blank } from "./raster.ts";

it("indexed pictures are read back colour by colour, with their transparency", async () => {
  const [width, height] = [37, 11];
  const colours = Uint8Array.from({ length: 4 * 256 }, (_, i) => (i * 89 + (i >> 2)) % 256);
  const pixels = Uint8Array.from({ length: width * height }, (_, i) => (i * 7) % 256);
  const png = encodeIndexedPng({ width, height, pixels, colours });
  const { data, info } = await sharp(png).ensureAlpha().raw().toBuffer({ resolveWithObject: true });
  expect([info.width, info.height]).toEqual([width, height]);
  expect([...data]).toEqual([...pixels].flatMap((k) => [...colours.subarray(4 * k, 4 * k + 4)]));
});

it("a data URI is the file in base64", () => {
  expect(dataUri(Uint8Array.of(1, 2, 255))).toBe("data:image/png;base64,AQL/");
});

describe("a note in a picture", () => {
  const plain = encodePng(blank(5, 4, [10, 20, 30]));

  it("is read back, and the picture is the same", async () => {
    const note = JSON.stringify({ text: "ä 肺 \u0000", more: "x".repeat(70_000) });
    const noted = withNote(await plain, note);
    expect(noteIn(noted)).toBe(note);
    const pixels = (png: Uint8Array) => sharp(png).raw().toBuffer();
    expect(await pixels(noted)).toEqual(await pixels(await plain));
    expect((await sharp(noted).metadata()).width).toBe(5);
  });

  it("is of ours alone, and none where bytes are missing or odd", async () => {
    expect(noteIn(await plain)).toBeUndefined();
    const noted = withNote(await plain, "a note");
    const other = Buffer.from(Buffer.from(noted).toString("latin1").replace("xai-kit", "another"), "latin1");
    expect(noteIn(other)).toBeUndefined();
    for (let length = 0; length < 58; length++) expect(noteIn(noted.subarray(0, length))).toBeUndefined();
    expect(noteIn(new Uint8Array(100))).toBeUndefined();
    expect(noteIn(new Uint8Array(100).fill(255))).toBeUndefined();
  });
});
