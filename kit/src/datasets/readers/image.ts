/**
 * Picture files to 8-bit pixels, as a training pipeline on Pillow would see them: colour profiles are not applied,
 * pixels are not resampled. PNG, JPEG and TIFF decode to the same bytes as Pillow 9.4 (JPEG: both use libjpeg-turbo).
 *
 * Decided here, each leaving a note on the picture it touched: EXIF orientation is applied; transparency is composed
 * over black (Pillow's `convert("RGB")` would bare the hidden colours); 16-bit values are rounded to 8; of several
 * frames or pages the first is taken; CMYK becomes RGB as Pillow's `convert` makes it, without a profile. GIF and palette pictures have 3 channels
 * even when every colour is grey. DICOM files: dicom.ts.
 */
import { readFile, stat } from "node:fs/promises";
import { KitError } from "../../errors.ts";
import { loadSharp } from "../../sharp.ts";
import { type DecodedImage8, fromInterleaved, MAX_PIXELS, toUnit } from "./image8.ts";

export { type DecodedImage8, MAX_PIXELS } from "./image8.ts";

const MAX_FILE_BYTES = 512 * 2 ** 20;
const TIMEOUT_SECONDS = 60;

/**
 * What a file must begin with. libvips reads far more (SVG, PDF, HEIF, ...), some of it programs rather than
 * pictures, so nothing else is even shown to it.
 */
const signatures: readonly { format: string; offset: number; bytes: readonly number[] }[] = [
  { format: "png", offset: 0, bytes: [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a] },
  { format: "jpeg", offset: 0, bytes: [0xff, 0xd8, 0xff] },
  { format: "gif", offset: 0, bytes: [0x47, 0x49, 0x46, 0x38] },
  { format: "tiff", offset: 0, bytes: [0x49, 0x49, 0x2a, 0x00] },
  { format: "tiff", offset: 0, bytes: [0x4d, 0x4d, 0x00, 0x2a] },
  { format: "tiff", offset: 0, bytes: [0x49, 0x49, 0x2b, 0x00] }, // BigTIFF
  { format: "tiff", offset: 0, bytes: [0x4d, 0x4d, 0x00, 0x2b] },
  { format: "webp", offset: 8, bytes: [0x57, 0x45, 0x42, 0x50] }, // after RIFF and a size
  { format: "dicom", offset: 128, bytes: [0x44, 0x49, 0x43, 0x4d] }, // after a preamble that may be anything
];

/** File name endings of the formats read; for listing a folder only, contents decide. */
export const imageExtensions: readonly string[] = [
  "png",
  "jpg",
  "jpeg",
  "gif",
  "tif",
  "tiff",
  "webp",
  "dcm",
  "dicom",
];

/**
 * One picture file.
 *
 * @param source  a path, or the bytes of a file
 * @param name    what errors call it; the path by default
 * @throws        KitError E_IMAGE
 */
export async function decodeImage8(source: string | Uint8Array, name?: string): Promise<DecodedImage8> {
  const where = name ?? (typeof source === "string" ? source : "image");
  const bytes = typeof source === "string" ? await contents(source, where) : source;
  const format = sniff(bytes);
  if (format === undefined) throw notAnImage(bytes, where);
  if (format === "dicom") return (await import("./dicom.ts")).decodeDicom(bytes, where);
  try {
    return await decode(bytes, format, where);
  } catch (cause) {
    if (cause instanceof KitError) throw cause;
    const message = cause instanceof Error ? cause.message : String(cause);
    // libvips repeats itself over several lines
    throw fault(where, `is not a readable ${format.toUpperCase()}: ${message.trim().split("\n")[0]}`, cause);
  }
}

/** The same picture in pixel space: float32 [C, H, W] in [0, 1]. */
export async function decodeImage(
  source: string | Uint8Array,
  name?: string,
): Promise<Omit<DecodedImage8, "data"> & { readonly data: Float32Array }> {
  const image = await decodeImage8(source, name);
  return { ...image, data: toUnit(image) };
}

async function decode(bytes: Uint8Array, format: string, where: string): Promise<DecodedImage8> {
  const sharp = await loadSharp();
  const options = { limitInputPixels: MAX_PIXELS, failOn: "error", ignoreIcc: true } as const;
  const meta = await sharp(bytes, options).metadata();
  const notes: string[] = [];
  const deep = meta.depth === "ushort";
  if (!deep && meta.depth !== "uchar") {
    throw fault(
      where,
      `has pixels of type ${meta.depth}`,
      undefined,
      "convert it to 8 or 16 bits per channel",
    );
  }
  if (meta.format !== format) throw fault(where, `begins like ${format} but holds ${meta.format}`);
  const grey = meta.space === "b-w" || meta.space === "grey16";
  if (!grey && !["srgb", "rgb", "rgb16", "cmyk"].includes(meta.space ?? "")) {
    throw fault(where, `has the colour space ${meta.space}`, undefined, "convert it to grey or RGB");
  }
  if (meta.space === "cmyk") notes.push("CMYK converted to RGB");
  if (meta.hasProfile) notes.push("colour profile not applied");
  if (deep) notes.push("16-bit values rounded to 8 bits");
  if ((meta.pages ?? 1) > 1) notes.push(`first of ${meta.pages} ${format === "tiff" ? "pages" : "frames"}`);
  if ((meta.orientation ?? 1) !== 1) notes.push(`EXIF orientation ${meta.orientation} applied`);

  const inks = meta.space === "cmyk" && !deep && meta.channels === 4;
  const source = sharp(bytes, options).timeout({ seconds: TIMEOUT_SECONDS }).autoOrient();
  // as they are in the file: libvips would convert them by a profile of its own
  if (inks) source.pipelineColourspace("cmyk");
  const { data: raw, info } = await source
    // Grey goes through RGB too: libvips repeats it exactly, and would drop the alpha of a grey raw output.
    .toColourspace(inks ? "cmyk" : deep ? "rgb16" : "srgb")
    .raw({ depth: deep ? "ushort" : "uchar" })
    .toBuffer({ resolveWithObject: true });
  const { width, height, channels: bands } = info;
  const values = deep
    ? new Uint16Array(raw.buffer.slice(raw.byteOffset, raw.byteOffset + raw.byteLength))
    : raw;
  if ((bands !== 3 && bands !== 4) || values.length !== width * height * bands) {
    throw fault(where, `decodes to ${bands} channels`, undefined, "convert it to grey or RGB");
  }
  if (inks) return { ...fromInterleaved(rgbOf(raw), { channels: 3, height, width }), notes };
  const { pixels, transparent } = compose(values, bands, grey ? 1 : 3, deep ? 65535 : 255);
  if (transparent) notes.push("transparency composed over black");
  return { ...fromInterleaved(pixels, { channels: grey ? 1 : 3, height, width }), notes };
}

/** Light that four inks let through, in Pillow's integers. */
function rgbOf(cmyk: Uint8Array): Uint8Array {
  const pixels = new Uint8Array((cmyk.length / 4) * 3);
  for (let i = 0; i < cmyk.length; i += 4) {
    const white = 255 - cmyk[i + 3];
    for (let c = 0; c < 3; c++) {
      const product = cmyk[i + c] * white + 128;
      pixels[(i / 4) * 3 + c] = white - (((product >> 8) + product) >> 8);
    }
  }
  return pixels;
}

/** To 8 bits and `channels` interleaved channels; alpha, if there is a fourth band, over black. */
function compose(values: Uint8Array | Uint16Array, bands: number, channels: 1 | 3, full: number) {
  if (values instanceof Uint8Array && bands === channels) return { pixels: values, transparent: false };
  const count = values.length / bands;
  const pixels = new Uint8Array(count * channels);
  let transparent = false;
  for (let i = 0; i < count; i++) {
    const alpha = bands === 4 ? values[i * bands + 3] : full;
    if (alpha !== full) transparent = true;
    for (let c = 0; c < channels; c++) {
      const share = (values[i * bands + c] * alpha) / (full * full);
      pixels[i * channels + c] = Math.round(share * 255);
    }
  }
  return { pixels, transparent };
}

async function contents(path: string, where: string): Promise<Uint8Array> {
  try {
    const info = await stat(path);
    if (!info.isFile()) {
      throw new KitError("E_IMAGE", {
        problem: `${where} is not a file`,
        next: "give the path of one picture",
      });
    }
    const { size } = info;
    if (size > MAX_FILE_BYTES) throw fault(where, `has ${size} bytes, too many for a picture`);
    return await readFile(path);
  } catch (cause) {
    if (cause instanceof KitError) throw cause;
    throw fault(where, `cannot be read (${cause instanceof Error ? cause.message : cause})`, cause);
  }
}

function sniff(bytes: Uint8Array): string | undefined {
  return signatures.find(({ offset, bytes: expected }) =>
    expected.every((byte, i) => bytes[offset + i] === byte),
  )?.format;
}

function notAnImage(bytes: Uint8Array, where: string): KitError {
  if (bytes.length === 0) return fault(where, "is empty (0 bytes)");
  const start = new TextDecoder("latin1").decode(bytes.subarray(0, 512)).trimStart().toLowerCase();
  const kind = start.startsWith("%pdf")
    ? "a PDF"
    : start.includes("<svg")
      ? "an SVG"
      : start.startsWith("bm")
        ? "perhaps a BMP"
        : start.startsWith("version https://git-lfs")
          ? "a Git LFS pointer, not the picture itself"
          : [0x02, 0x08].includes(bytes[0]) && bytes[1] === 0 && bytes[3] === 0
            ? "perhaps a DICOM without its preamble of 128 bytes and DICM"
            : undefined;
  return fault(where, `is not a picture that can be read${kind ? ` (it is ${kind})` : ""}`);
}

function fault(where: string, problem: string, cause?: unknown, next?: string): KitError {
  return new KitError("E_IMAGE", {
    problem: `${where} ${problem}`,
    next: next ?? "PNG, JPEG, TIFF, WebP, GIF and DICOM are read, up to 50 megapixels",
    cause,
  });
}
