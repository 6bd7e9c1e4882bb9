/** PNG files of pictures. Node only: sharp does the encoding, but for pictures of few colours, which it would approximate. */
import { crc32, deflateSync } from "node:zlib";
import { writeFileAtomic } from "../files.ts";
import { loadSharp } from "../sharp.ts";
import type { IndexedRaster, Raster } from "./raster.ts";

export async function encodePng({ data, width, height }: Raster): Promise<Uint8Array> {
  const sharp = await loadSharp();
  return await sharp(data, { raw: { width, height, channels: 4 } })
    .png({ compressionLevel: 9 })
    .toBuffer();
}

/**
 * @param note  a text to be kept inside, see `noteIn`
 * @throws KitError E_WRITE if the file cannot be written; then nothing is left behind
 */
export async function writePng(path: string, picture: Raster, note?: string): Promise<void> {
  const png = await encodePng(picture);
  await writeFileAtomic(path, note === undefined ? png : withNote(png, note));
}

/** Colours exactly as they are: a palette with its transparency, rows unfiltered, which suits indices best (PNG 1.2 §§ 4.1, 9.6). */
export function encodeIndexedPng({ width, height, pixels, colours }: IndexedRaster): Uint8Array {
  const entries = Array.from({ length: colours.length / 4 }, (_, k) => colours.subarray(4 * k, 4 * k + 4));
  const size = Buffer.alloc(8);
  size.writeUInt32BE(width, 0);
  size.writeUInt32BE(height, 4);
  const rows = Array.from({ length: height }, (_, y) => [
    Uint8Array.of(0),
    pixels.subarray(y * width, (y + 1) * width),
  ]);
  return Buffer.concat([
    Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a),
    chunk("IHDR", size, Uint8Array.of(8, 3, 0, 0, 0)), // 8 bits, by palette
    chunk("PLTE", Uint8Array.from(entries.flatMap((rgba) => [...rgba.subarray(0, 3)]))),
    chunk(
      "tRNS",
      Uint8Array.from(entries, ([, , , alpha]) => alpha),
    ),
    chunk("IDAT", deflateSync(Buffer.concat(rows.flat()), { level: 9 })),
    chunk("IEND"),
  ]);
}

/** Behind the signature and IHDR, which are first in every PNG. */
const afterHeader = 8 + 25;
/** An iTXt chunk of ours: keyword, not compressed, no language, no translation (PNG 1.2 § 4.2.3.3). */
const noteStart = Buffer.from("xai-kit\0\0\0\0\0", "latin1");

/** The same picture with a text in it, which viewers pass over. */
export const withNote = (png: Uint8Array, note: string): Uint8Array =>
  Buffer.concat([
    png.subarray(0, afterHeader),
    chunk("iTXt", noteStart, Buffer.from(note)),
    png.subarray(afterHeader),
  ]);

/** The text that `withNote` put there; undefined where there is none, whatever the bytes are. */
export function noteIn(png: Uint8Array): string | undefined {
  const bytes = Buffer.from(png.buffer, png.byteOffset, png.byteLength);
  for (let at = 8; at + 12 <= bytes.length; ) {
    const length = bytes.readUInt32BE(at);
    const body = bytes.subarray(at + 8, at + 8 + length);
    if (body.length < length) return undefined;
    if (
      bytes.toString("latin1", at + 4, at + 8) === "iTXt" &&
      body.subarray(0, noteStart.length).equals(noteStart)
    )
      return body.toString("utf8", noteStart.length);
    at += 12 + length;
  }
  return undefined;
}

function chunk(type: string, ...parts: readonly Uint8Array[]): Uint8Array {
  const body = Buffer.concat([Buffer.from(type, "latin1"), ...parts]);
  const frame = Buffer.alloc(8);
  frame.writeUInt32BE(body.length - 4, 0);
  frame.writeUInt32BE(crc32(body), 4);
  return Buffer.concat([frame.subarray(0, 4), body, frame.subarray(4)]);
}

/** A PNG in the text of a page. */
export const dataUri = (png: Uint8Array): string =>
  `data:image/png;base64,${Buffer.from(png).toString("base64")}`;
