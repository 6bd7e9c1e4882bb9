import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { KitError } from "../errors.ts";
import { MAX_FILE_BYTES, readHeader } from "./header.ts";

const picture = (channels: 1 | 2 | 3 | 4, width = 7, height = 5) =>
  sharp(new Uint8Array(width * height * channels).fill(99), { raw: { width, height, channels } });

/** The message and what to do next. */
function refusal(bytes: Uint8Array): string {
  try {
    readHeader(bytes, "it.png");
  } catch (error) {
    if (error instanceof KitError && error.code === "E_IMAGE") return `${error.message}; ${error.next}`;
    throw error;
  }
  throw new Error("nothing was refused");
}

/** A PNG's first 33 bytes: signature and IHDR. */
function pngOf(width: number, height: number): Uint8Array {
  const bytes = new Uint8Array(33);
  bytes.set([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 13, 0x49, 0x48, 0x44, 0x52]);
  const view = new DataView(bytes.buffer);
  view.setUint32(16, width);
  view.setUint32(20, height);
  bytes.set([8, 2, 0, 0, 0], 24);
  return bytes;
}

describe("readHeader", () => {
  it.each([
    ["png", "PNG"],
    ["jpeg", "JPEG"],
    ["webp", "WebP"],
    ["gif", "GIF"],
  ] as const)("knows a %s and its size", async (format, name) => {
    const header = readHeader(await picture(3).toFormat(format).toBuffer(), "it");
    expect(header).toEqual({ format: name, width: 7, height: 5, grey: false, notes: [] });
  });

  it("tells grey from colour as the Node reader does: by what the file stores", async () => {
    const grey = (channels: 1 | 2) => picture(channels).toColourspace("b-w");
    expect(readHeader(await grey(1).png().toBuffer(), "it").grey).toBe(true);
    expect(readHeader(await grey(2).png().toBuffer(), "it").grey).toBe(true);
    expect(readHeader(await grey(1).jpeg().toBuffer(), "it").grey).toBe(true);
    expect(readHeader(await grey(1).jpeg({ progressive: true }).toBuffer(), "it").grey).toBe(true);
    expect(readHeader(await picture(3).png({ palette: true }).toBuffer(), "it").grey).toBe(false);
    expect(readHeader(await picture(3).jpeg().toBuffer(), "it").grey).toBe(false);
  });

  it("notes what the decoder will decide", async () => {
    const turned = await picture(3).withMetadata({ orientation: 6 }).jpeg().toBuffer();
    expect(readHeader(turned, "it").notes).toEqual(["EXIF orientation 6 applied"]);
    const deep = await sharp(new Uint16Array(35 * 3), { raw: { width: 7, height: 5, channels: 3 } })
      .toColourspace("rgb16")
      .png()
      .toBuffer();
    expect(readHeader(deep, "it").notes).toEqual(["16-bit values brought to 8 bits by the browser"]);
    const cmyk = await picture(4).toColourspace("cmyk").jpeg().toBuffer();
    expect(readHeader(cmyk, "it").notes).toEqual(["CMYK converted to RGB by the browser"]);
  });

  it("refuses 50 megapixels by their header, and says how many there may be", () => {
    expect(refusal(pngOf(10_000, 5000))).toBe(
      "it.png has 10000 × 5000 pixels, 50.0 megapixels: more than the 24 that are decoded here; make it smaller and try again",
    );
    expect(readHeader(pngOf(6000, 4000), "it")).toMatchObject({ width: 6000, height: 4000 });
    expect(refusal(pngOf(6000, 4001))).toMatch(/24 megapixels|more than the 24/);
  });

  it("refuses what is no such picture", async () => {
    expect(refusal(new Uint8Array(0))).toMatch(/^it.png is empty \(0 bytes\); PNG, JPEG, WebP and GIF/);
    expect(refusal(new TextEncoder().encode("hello, I am a text"))).toMatch(
      /^it.png is not a picture that can be read; PNG/,
    );
    expect(refusal(new TextEncoder().encode('<svg width="5" height="5"></svg>'))).toMatch(/not read here/);
    expect(refusal(await picture(3).tiff().toBuffer())).toMatch(
      /a file of type tiff, which is not read here/,
    );
    expect(refusal(pngOf(0, 5))).toMatch(/0 × 5 pixels/);
    expect(refusal(pngOf(5, 5).slice(0, 20))).toMatch(/^it.png is not a picture/);
  });

  it("refuses 64 MB unread", () => {
    expect(refusal(new Uint8Array(MAX_FILE_BYTES + 1))).toMatch(/has 64.0 MB: too many.*at most 64 MB/);
  });
});
