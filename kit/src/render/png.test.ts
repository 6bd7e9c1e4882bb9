import sharp from "sharp";
import { expect, it } from "vitest";
import { dataUri, encodeIndexedPng } from "./png.ts";

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
