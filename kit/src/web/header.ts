/** What the first bytes of a picture file say, read before anything is decoded. */
import { imageSize } from "image-size";
import { KitError } from "../errors.ts";

/** Larger pictures are refused: 24 megapixels are 96 MB as the browser decodes them. */
export const MAX_PIXELS = 24_000_000;
export const MAX_FILE_BYTES = 64e6;

/** As `image-size` calls them → as people do. What browsers read beyond these (SVG, BMP, AVIF) the command line does not. */
const formats: ReadonlyMap<string | undefined, string> = new Map([
  ["png", "PNG"],
  ["jpg", "JPEG"],
  ["gif", "GIF"],
  ["webp", "WebP"],
]);

export interface Header {
  readonly format: string;
  /** as stored, before its orientation is applied */
  readonly width: number;
  readonly height: number;
  /** one value per pixel in the file; palettes count as colour */
  readonly grey: boolean;
  readonly notes: readonly string[];
}

/**
 * Format, size and colours of a picture file.
 *
 * @param name  what errors call it
 * @throws      KitError E_IMAGE for an empty or other file, one of more than 64 MB or 24 megapixels
 */
export function readHeader(bytes: Uint8Array, name: string): Header {
  if (bytes.length === 0) throw fault(name, "is empty (0 bytes)");
  if (bytes.length > MAX_FILE_BYTES) throw tooManyBytes(name, bytes.length);
  const { type, width, height, orientation = 1 } = sizeOf(bytes, name);
  const format = formats.get(type);
  if (format === undefined) throw fault(name, `is a file of type ${type}, which is not read here`);
  if (!(width > 0 && height > 0)) throw fault(name, `says it has ${width} × ${height} pixels`);
  if (width * height > MAX_PIXELS) {
    const size = `${width} × ${height} pixels, ${((width * height) / 1e6).toFixed(1)} megapixels`;
    throw fault(name, `has ${size}: more than the 24 that are decoded here`, "make it smaller and try again");
  }
  const notes: string[] = [];
  if (orientation !== 1) notes.push(`EXIF orientation ${orientation} applied`);
  const colours = coloursOf(bytes, format);
  if (colours.deep) notes.push("16-bit values brought to 8 bits by the browser");
  if (colours.channels === 4) notes.push("CMYK converted to RGB by the browser");
  return { format, width, height, grey: colours.channels === 1, notes };
}

function sizeOf(bytes: Uint8Array, name: string): ReturnType<typeof imageSize> {
  try {
    return imageSize(bytes);
  } catch (cause) {
    throw fault(name, "is not a picture that can be read", undefined, cause);
  }
}

/** Channels the file stores (alpha not counted; palettes are colour), and whether they have 16 bits. */
function coloursOf(bytes: Uint8Array, format: string): { channels: number; deep: boolean } {
  if (format === "PNG") {
    // IHDR is always first: bits at 24, colour type at 25 (0 grey, 4 grey with alpha)
    return { channels: bytes[25] === 0 || bytes[25] === 4 ? 1 : 3, deep: bytes[24] === 16 };
  }
  return { channels: format === "JPEG" ? jpegChannels(bytes) : 3, deep: false };
}

/** The number of components in the frame header: segments are 0xff, marker, length. */
function jpegChannels(bytes: Uint8Array): number {
  for (let at = 2; at + 9 < bytes.length && bytes[at] === 0xff; ) {
    const marker = bytes[at + 1];
    if (marker === 0xff) {
      at++; // fill byte
      continue;
    }
    const frame = marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);
    if (frame) return bytes[at + 9];
    at += 2 + bytes[at + 2] * 256 + bytes[at + 3];
  }
  return 3;
}

export const tooManyBytes = (name: string, size: number): KitError =>
  fault(name, `has ${(size / 1e6).toFixed(1)} MB: too many for a picture`, "at most 64 MB are read here");

export function fault(name: string, problem: string, next?: string, cause?: unknown): KitError {
  return new KitError("E_IMAGE", {
    problem: `${name} ${problem}`,
    next: next ?? "PNG, JPEG, WebP and GIF are read here, up to 24 megapixels",
    cause,
  });
}
