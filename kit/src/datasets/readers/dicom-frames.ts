/**
 * One frame of compressed DICOM pixel data to its stored values. The codecs are those of `dcmjs-codecs`, an optional package: WebAssembly
 * from its own folder, no network. It is told only of pictures that say the same of themselves as the file around them, since it takes
 * the file's word for how far it may read and write; it never prints.
 *
 * RLE is decoded here: the package's decoder leaves what a short segment does not reach as it finds it.
 */
import { KitError } from "../../errors.ts";
import { DicomFault } from "./dicom-elements.ts";

export type Codec = "rle" | "jpeg" | "jpeg-ls" | "jpeg-2000" | "ht-jpeg-2000";

export interface FrameShape {
  readonly rows: number;
  readonly columns: number;
  readonly samples: 1 | 3;
  readonly bitsAllocated: 8 | 16;
  readonly bitsStored: number;
  readonly signed: boolean;
  /** photometric interpretation, as the standard writes it */
  readonly photometric: string;
}

export interface Frame {
  /** little-endian, [rows, columns, samples] */
  readonly bytes: Uint8Array;
  readonly bits: 8 | 16;
  /** the decoder has made RGB of it */
  readonly rgb: boolean;
}

/** @throws DicomFault; KitError E_DICOM_CODECS without the package */
export async function decodeFrame(codec: Codec, encoded: Uint8Array, shape: FrameShape): Promise<Frame> {
  if (codec === "rle") return { bytes: unpackRle(encoded, shape), bits: shape.bitsAllocated, rgb: false };
  const own = codec === "jpeg" || codec === "jpeg-ls" ? jpegHeader(encoded) : jpeg2000Header(encoded);
  const { rows, columns, samples } = shape;
  if (own.rows !== rows || own.columns !== columns || own.samples !== samples) {
    throw new DicomFault(
      `says ${columns} x ${rows} with ${samples} samples, its compressed picture ${own.columns} x ${own.rows} with ${own.samples}`,
    );
  }
  const deepest = codec === "ht-jpeg-2000" ? shape.bitsAllocated : 16;
  if (own.bits > deepest || own.bits > (samples === 3 ? 8 : 16)) {
    throw new DicomFault(`has a compressed picture of ${own.bits} bits, too many to be read`);
  }
  if (samples === 3 && codec === "jpeg-ls")
    throw new DicomFault("is in colour as JPEG-LS, which is not read");
  // HT-J2K that is cut off would be shown as far as it goes. Its end may have a byte after it that makes lengths even.
  const tail = encoded.subarray(-3);
  if (codec === "ht-jpeg-2000" && ![0, 1].some((i) => tail[i] === 0xff && tail[i + 1] === 0xd9)) {
    throw new DicomFault("has a compressed picture that cannot be decoded: it has no end");
  }
  // The package makes room by bits allocated where the picture's own would do, and 0 of what is negative in 8 bits of HT.
  const bits = codec === "ht-jpeg-2000" ? shape.bitsAllocated : own.bits <= 8 ? 8 : 16;
  if (codec === "ht-jpeg-2000" && shape.signed && bits === 8) {
    throw new DicomFault("has signed 8-bit values as HT-J2K, which are not read");
  }
  const { bytes, rgb } = await decodeNatively(codec, encoded, { ...shape, bitsAllocated: bits });
  const expected = rows * columns * samples * (bits / 8);
  if (bytes.length !== expected) {
    throw new DicomFault(`decodes to ${bytes.length} bytes where ${expected} were expected`);
  }
  return { bytes, bits, rgb };
}

/** What libjpeg says of pictures that it goes on with all the same, grey where there was nothing. */
const spoilt = /Corrupt JPEG data|Premature end/i;

async function decodeNatively(codec: Exclude<Codec, "rle">, encoded: Uint8Array, shape: FrameShape) {
  const { NativeCodecs, Context, said } = await loadCodecs();
  said.length = 0;
  const context = new Context({
    width: shape.columns,
    height: shape.rows,
    bitsAllocated: shape.bitsAllocated,
    bitsStored: Math.min(shape.bitsStored, shape.bitsAllocated),
    samplesPerPixel: shape.samples,
    pixelRepresentation: shape.signed ? 1 : 0,
    planarConfiguration: 0,
    photometricInterpretation: shape.photometric,
    encodedBuffer: encoded,
  });
  const decode = {
    jpeg: () => NativeCodecs.decodeJpeg(context, { convertColorspaceToRgb: shape.samples === 3 }),
    "jpeg-ls": () => NativeCodecs.decodeJpegLs(context),
    "jpeg-2000": () => NativeCodecs.decodeJpeg2000(context),
    "ht-jpeg-2000": () => NativeCodecs.decodeHtJpeg2000(context),
  }[codec];
  try {
    const decoded = decode();
    const complaint = said.find((message) => spoilt.test(message));
    if (complaint !== undefined) throw new Error(complaint);
    // JPEG 2000 undoes its own transforms: they are named in the interpretation, but are not in the values any more.
    const rgb = codec === "jpeg" || ["YBR_RCT", "YBR_ICT"].includes(shape.photometric);
    return { bytes: decoded.getDecodedBuffer() ?? new Uint8Array(0), rgb };
  } catch (cause) {
    // What it had allocated is lost, and after a trap nothing in it can be relied on: the next frame has a new one.
    NativeCodecs.release();
    const message = cause instanceof Error ? cause.message : String(cause);
    const plain = message.split("::").at(-1)!.trim();
    const why = plain === "unreachable" || plain === "" ? "damaged or cut off" : plain;
    throw new DicomFault(`has a compressed picture that cannot be decoded: ${why}`);
  }
}

let codecs: Promise<Loaded> | undefined;
interface Loaded extends Pick<typeof import("dcmjs-codecs"), "NativeCodecs" | "Context"> {
  /** what the codecs would have printed */
  readonly said: string[];
}

async function loadCodecs(): Promise<Loaded> {
  codecs ??= load();
  const loaded = await codecs;
  if (!loaded.NativeCodecs.isInitialized())
    await loaded.NativeCodecs.initializeAsync({ logCodecsInfo: true });
  return loaded;
}

async function load(): Promise<Loaded> {
  let all: typeof import("dcmjs-codecs");
  try {
    all = (await import("dcmjs-codecs")).default; // CommonJS
  } catch (cause) {
    codecs = undefined;
    throw new KitError("E_DICOM_CODECS", {
      problem: "compressed DICOM files need the package dcmjs-codecs, which is not installed",
      next: "npm install dcmjs-codecs",
      cause,
    });
  }
  const said: string[] = [];
  const listen = (...message: unknown[]) => void said.push(message.join(" "));
  Object.assign(all.log, { trace: listen, debug: listen, info: listen, warn: listen, error: listen });
  return { NativeCodecs: all.NativeCodecs, Context: all.Context, said };
}

interface OwnHeader {
  readonly rows: number;
  readonly columns: number;
  readonly samples: number;
  readonly bits: number;
}

/** The frame header of a JPEG or JPEG-LS picture. */
function jpegHeader(bytes: Uint8Array): OwnHeader {
  const { view, notOne } = codestream(bytes, "JPEG");
  if (bytes.length < 4 || view.getUint16(0) !== 0xffd8) throw notOne;
  for (let at = 2; at + 10 <= bytes.length; ) {
    if (bytes[at] !== 0xff) throw notOne;
    const marker = bytes[at + 1];
    if (marker === 0xff) {
      at += 1; // fill
      continue;
    }
    const frame =
      marker === 0xf7 || (marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker));
    if (frame) {
      return {
        bits: bytes[at + 4],
        rows: view.getUint16(at + 5),
        columns: view.getUint16(at + 7),
        samples: bytes[at + 9],
      };
    }
    at += 2 + view.getUint16(at + 2);
  }
  throw notOne;
}

/** The SIZ marker of a JPEG 2000 codestream (ISO/IEC 15444-1, A.5.1), which is the second. */
function jpeg2000Header(bytes: Uint8Array): OwnHeader {
  const { view, notOne } = codestream(bytes, "JPEG 2000");
  if (bytes.length < 45 || view.getUint32(0) !== 0xff4fff51) throw notOne;
  const samples = view.getUint16(40);
  if (bytes.length < 42 + 3 * samples) throw notOne;
  const parts = Array.from({ length: samples }, (_, i) => bytes.subarray(42 + 3 * i, 45 + 3 * i));
  if (parts.some(([, across, down]) => across !== 1 || down !== 1)) {
    throw new DicomFault("has a compressed picture with samples of different sizes, which is not read");
  }
  return {
    columns: view.getUint32(8) - view.getUint32(16),
    rows: view.getUint32(12) - view.getUint32(20),
    samples,
    bits: Math.max(0, ...parts.map(([depth]) => (depth & 0x7f) + 1)),
  };
}

const codestream = (bytes: Uint8Array, kind: string) => ({
  view: new DataView(bytes.buffer, bytes.byteOffset, bytes.length),
  notOne: new DicomFault(`has compressed pixel data that does not begin like ${kind}`),
});

/** PS3.5, annex G: of every sample, a segment of its most significant bytes, then one of the next. */
function unpackRle(encoded: Uint8Array, { rows, columns, samples, bitsAllocated }: FrameShape): Uint8Array {
  const plane = rows * columns;
  const width = bitsAllocated / 8;
  const segments = samples * width;
  const view = new DataView(encoded.buffer, encoded.byteOffset, encoded.length);
  if (encoded.length < 64 || view.getUint32(0, true) !== segments) {
    throw new DicomFault(`should have ${segments} RLE segments`);
  }
  const out = new Uint8Array(plane * segments);
  for (let segment = 0; segment < segments; segment++) {
    const start = view.getUint32(4 + 4 * segment, true);
    const end = segment + 1 < segments ? view.getUint32(8 + 4 * segment, true) : encoded.length;
    const short = new DicomFault(`has an RLE segment (${segment + 1} of ${segments}) that does not fit`);
    if (start < 64 || end < start || end > encoded.length) throw short;
    const sample = Math.floor(segment / width);
    const offset = sample * width + (width - 1 - (segment % width));
    let done = 0;
    for (let at = start; done < plane; ) {
      if (at >= end) throw short;
      const control = encoded[at++];
      if (control === 128) continue;
      const repeated = control > 128;
      const count = repeated ? 257 - control : control + 1;
      if (done + count > plane || at + (repeated ? 1 : count) > end) throw short;
      for (let i = 0; i < count; i++) out[(done + i) * segments + offset] = encoded[repeated ? at : at + i];
      at += repeated ? 1 : count;
      done += count;
    }
  }
  return out;
}
