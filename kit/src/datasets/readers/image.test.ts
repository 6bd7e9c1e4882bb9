import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, describe, expect, it } from "vitest";
import { KitError } from "../../errors.ts";
import pillow from "./image.fixtures.json" with { type: "json" };
import { decodeImage, decodeImage8 } from "./image.ts";
import { fromInterleaved, toUnit } from "./image8.ts";

const folder = mkdtempSync(join(tmpdir(), "xai-kit-image-"));
afterAll(() => rmSync(folder, { recursive: true }));

const height = 5;
const width = 7;
const plane = height * width;
const noise = (bands: number) =>
  Buffer.from(Uint8Array.from({ length: plane * bands }, (_, i) => (i * i * 31 + i * 7) % 256));
const picture = (channels: 1 | 2 | 3 | 4) => sharp(noise(channels), { raw: { width, height, channels } });
const grey = () => picture(1).toColourspace("b-w");

describe("decodeImage8", () => {
  it.each(["png", "webp", "tiff", "gif"] as const)("keeps the bytes of a lossless %s", async (format) => {
    // A GIF has at most 256 colours: 35 here.
    const options =
      format === "webp" ? { lossless: true } : format === "tiff" ? { compression: "lzw" as const } : {};
    const image = await decodeImage8(await picture(3).toFormat(format, options).toBuffer());
    expect(image).toEqual({ ...fromInterleaved(noise(3), { channels: 3, height, width }), notes: [] });
  });

  it.each(pillow.files)("decodes as Pillow does: $name", async (expected) => {
    const { channels, size, sha256, notes = [] } = expected;
    const { data, ...image } = await decodeImage8(Buffer.from(expected.base64, "base64"));
    expect(image).toMatchObject({ channels, height: size[0], width: size[1] });
    expect(image.notes.filter((note) => !note.startsWith("EXIF"))).toEqual(notes);
    expect(createHash("sha256").update(data).digest("hex")).toBe(sha256);
  });

  it("keeps grey grey", async () => {
    const png = await decodeImage8(await grey().png().toBuffer());
    expect(png).toEqual({ channels: 1, height, width, data: new Uint8Array(noise(1)), notes: [] });
    expect((await decodeImage8(await grey().jpeg().toBuffer())).channels).toBe(1);
  });

  it("composes transparency over black, grey and colour", async () => {
    for (const [bands, channels] of [
      [2, 1],
      [4, 3],
    ] as const) {
      const values = noise(bands);
      const { data, notes } = await decodeImage8(
        await picture(bands)
          .toColourspace(bands === 2 ? "b-w" : "srgb")
          .png()
          .toBuffer(),
      );
      expect(notes).toEqual(["transparency composed over black"]);
      const expected = Array.from({ length: plane * channels }, (_, i) => {
        const pixel = (i % plane) * bands;
        return Math.round((values[pixel + Math.floor(i / plane)] * values[pixel + bands - 1]) / 255);
      });
      expect([...data]).toEqual(expected);
    }
  });

  it("drops an alpha channel that hides nothing", async () => {
    const { channels, notes } = await decodeImage8(await picture(3).ensureAlpha(1).png().toBuffer());
    expect({ channels, notes }).toEqual({ channels: 3, notes: [] });
  });

  it("applies EXIF orientation", async () => {
    const turned = await picture(3).withMetadata({ orientation: 6 }).png().toBuffer(); // 90 degrees clockwise
    const image = await decodeImage8(turned);
    expect(image).toMatchObject({ height: width, width: height });
    expect(image.notes).toContain("EXIF orientation 6 applied");
    const upright = fromInterleaved(noise(3), { channels: 3, height, width });
    // the lower left corner comes to the upper left
    expect(image.data[0]).toBe(upright.data[(height - 1) * width]);
    expect(image.data[height - 1]).toBe(upright.data[0]);
  });

  it("takes the first frame", async () => {
    const two = Buffer.concat([noise(3), Buffer.alloc(plane * 3, 9)]);
    const raw = { width, height: height * 2, channels: 3 as const, pageHeight: height };
    for (const format of ["gif", "webp"] as const) {
      const bytes = await sharp(two, { raw })
        .toFormat(format, { lossless: true, delay: [10, 10] })
        .toBuffer();
      const image = await decodeImage8(bytes);
      expect(image.notes).toEqual(["first of 2 frames"]);
      expect(image.data).toEqual(fromInterleaved(noise(3), { channels: 3, height, width }).data);
    }
  });

  it("converts CMYK and leaves colour profiles alone, with a note", async () => {
    const cmyk = await decodeImage8(await picture(3).toColourspace("cmyk").jpeg().toBuffer());
    expect(cmyk.channels).toBe(3);
    expect(cmyk.notes).toContain("CMYK converted to RGB");
    const wide = await decodeImage8(await picture(3).withIccProfile("p3", { attach: true }).png().toBuffer());
    expect(wide.notes).toEqual(["colour profile not applied"]);
  });

  it("reads a path, by content and not by its ending", async () => {
    const path = join(folder, "picture.jpg");
    writeFileSync(path, await picture(3).png().toBuffer());
    expect((await decodeImage8(path)).data).toEqual(
      fromInterleaved(noise(3), { channels: 3, height, width }).data,
    );
  });

  it("gives pixel space", async () => {
    const bytes = await picture(3).png().toBuffer();
    const { data } = await decodeImage(bytes);
    expect(data).toEqual(toUnit(await decodeImage8(bytes)));
    expect(Math.max(...data)).toBeLessThanOrEqual(1);
    expect([...data].map((value) => Math.round(value * 255))).toEqual([...(await decodeImage8(bytes)).data]);
  });
});

async function errorOf(source: string | Uint8Array): Promise<string> {
  try {
    await decodeImage8(source, typeof source === "string" ? undefined : "a.png");
  } catch (error) {
    if (!(error instanceof KitError)) throw error;
    expect(error.code).toBe("E_IMAGE");
    expect(error.next).toBeTruthy();
    return error.message;
  }
  throw new Error("was accepted");
}

const text = (value: string) => new TextEncoder().encode(value);

describe("decodeImage8 refuses", () => {
  it.each([
    ["an empty file", new Uint8Array(0), "a.png is empty"],
    ["text", text("hello"), "is not a picture that can be read"],
    [
      "SVG",
      text('<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'),
      "an SVG",
    ],
    ["PDF", text("%PDF-1.7"), "a PDF"],
    ["a Git LFS pointer", text("version https://git-lfs.github.com/spec/v1"), "Git LFS pointer"],
    ["BMP", text("BM______________"), "perhaps a BMP"],
  ])("%s", async (_, bytes, expected) => {
    expect(await errorOf(bytes)).toContain(expected);
  });

  it.each(["png", "jpeg", "tiff", "webp", "gif"] as const)("a truncated %s", async (format) => {
    const bytes = await picture(3).resize(64, 64).toFormat(format).toBuffer();
    for (const share of [0.3, 0.6, 0.9]) {
      expect(await errorOf(bytes.subarray(0, Math.floor(bytes.length * share)))).toContain(
        "a.png is not a readable",
      );
    }
  });

  it("a picture of more than 50 megapixels, before decoding it", async () => {
    const png = await picture(3).png().toBuffer();
    png.writeUInt32BE(65_000, 16); // IHDR: width, height and a checksum
    png.writeUInt32BE(65_000, 20);
    const { crc32 } = await import("node:zlib");
    png.writeUInt32BE(crc32(png.subarray(12, 29)), 29);
    expect(await errorOf(png)).toContain("exceeds pixel limit");
  });

  it("floating-point pixels", async () => {
    const float = await sharp(noise(1), { raw: { width, height, channels: 1 } })
      .toColourspace("b-w")
      .linear(0.5, 0.1)
      .raw({ depth: "float" })
      .toBuffer();
    expect(float.length).toBe(plane * 4);
    expect(await errorOf(floatTiff(float))).toContain("pixels of type float");
  });

  it("a path without a file", async () => {
    expect(await errorOf(join(folder, "none.png"))).toContain("none.png cannot be read (ENOENT");
  });
});

/** TIFF 6.0, one strip of 32-bit floats: what sharp does not write. */
function floatTiff(strip: Buffer): Uint8Array {
  const tags = [
    [256, width],
    [257, height],
    [258, 32], // bits per sample
    [259, 1], // not compressed
    [262, 1], // black is zero
    [273, 8], // strip offset
    [277, 1], // samples per pixel
    [278, height], // rows per strip
    [279, strip.length],
    [339, 3], // IEEE float
  ];
  const head = Buffer.from([0x49, 0x49, 42, 0, 0, 0, 0, 0]);
  head.writeUInt32LE(8 + strip.length, 4);
  const directory = Buffer.alloc(2 + tags.length * 12 + 4);
  directory.writeUInt16LE(tags.length, 0);
  for (const [i, [tag, value]] of tags.entries()) {
    directory.writeUInt16LE(tag, 2 + i * 12);
    directory.writeUInt16LE(4, 4 + i * 12); // LONG
    directory.writeUInt32LE(1, 6 + i * 12);
    directory.writeUInt32LE(value, 10 + i * 12);
  }
  return Buffer.concat([head, strip, directory]);
}
