/**
 * DICOM files to 8-bit pixels, as a viewer shows them (PS3.3, C.7.6.3 and C.11): stored values, the modality's rescale, the window or
 * look-up table for display, MONOCHROME1 turned about. Of several windows and frames the first counts. A file that says nothing about
 * display is spread from its smallest value to its largest. Values are rounded half up, where common converters cut off what follows the
 * point: their PNGs may be 1 darker.
 *
 * Uncompressed, deflated and RLE files need no package, all others `dcmjs-codecs`. Not read: colour above 8 bits, floating point,
 * what the functional groups of enhanced multi-frame files say about display.
 */
import { KitError } from "../../errors.ts";
import {
  DicomFault,
  type DicomFile,
  type Elements,
  PIXEL_DATA,
  readDicom,
  textOf,
} from "./dicom-elements.ts";
import { type Codec, decodeFrame, type Frame, type FrameShape } from "./dicom-frames.ts";
import { type DecodedImage8, fromInterleaved, MAX_PIXELS } from "./image8.ts";

const tags = {
  samples: 0x00280002,
  photometric: 0x00280004,
  planar: 0x00280006,
  frames: 0x00280008,
  rows: 0x00280010,
  columns: 0x00280011,
  bitsAllocated: 0x00280100,
  bitsStored: 0x00280101,
  highBit: 0x00280102,
  signed: 0x00280103,
  windowCenter: 0x00281050,
  windowWidth: 0x00281051,
  intercept: 0x00281052,
  slope: 0x00281053,
  windowFunction: 0x00281056,
  redPalette: 0x00281101,
  greenPalette: 0x00281102,
  bluePalette: 0x00281103,
  redData: 0x00281201,
  greenData: 0x00281202,
  blueData: 0x00281203,
  modalityLut: 0x00283000,
  lutDescriptor: 0x00283002,
  lutData: 0x00283006,
  voiLut: 0x00283010,
  sharedGroups: 0x52009229,
} as const;
const wanted: ReadonlySet<number> = new Set(Object.values(tags));

/** Transfer syntaxes that are read; no codec: the values as they are. */
const syntaxes: Readonly<Record<string, Codec | "none">> = {
  "1.2.840.10008.1.2": "none", // implicit VR, little endian
  "1.2.840.10008.1.2.1": "none", // explicit VR, little endian
  "1.2.840.10008.1.2.1.99": "none", // deflated
  "1.2.840.10008.1.2.2": "none", // explicit VR, big endian
  "1.2.840.10008.1.2.5": "rle",
  "1.2.840.10008.1.2.4.50": "jpeg", // baseline
  "1.2.840.10008.1.2.4.51": "jpeg", // extended, 12 bits
  "1.2.840.10008.1.2.4.57": "jpeg", // lossless
  "1.2.840.10008.1.2.4.70": "jpeg", // lossless, first-order prediction
  "1.2.840.10008.1.2.4.80": "jpeg-ls",
  "1.2.840.10008.1.2.4.81": "jpeg-ls", // near-lossless
  "1.2.840.10008.1.2.4.90": "jpeg-2000", // lossless only
  "1.2.840.10008.1.2.4.91": "jpeg-2000",
  "1.2.840.10008.1.2.4.201": "ht-jpeg-2000",
  "1.2.840.10008.1.2.4.202": "ht-jpeg-2000",
  "1.2.840.10008.1.2.4.203": "ht-jpeg-2000",
};

/** Names for what is not read. */
const strangers: readonly (readonly [uid: RegExp, name: string])[] = [
  [/\.4\.(5[2-6]|5[89]|6[0-6])$/, "a retired JPEG process"],
  [/\.4\.9[23]$/, "JPEG 2000 with several components"],
  [/\.4\.(94|95|204|205)$/, "JPIP, pixel data elsewhere"],
  [/\.4\.10[0-8]/, "video"],
  [/\.4\.11[0-2]$/, "JPEG XL"],
];

/**
 * One DICOM file.
 *
 * @param where  what errors call it
 * @throws       KitError E_IMAGE; E_DICOM_CODECS where it is compressed and dcmjs-codecs is not installed
 */
export async function decodeDicom(bytes: Uint8Array, where: string): Promise<DecodedImage8> {
  try {
    return await decode(readDicom(bytes, wanted));
  } catch (cause) {
    if (!(cause instanceof DicomFault)) throw cause;
    throw new KitError("E_IMAGE", {
      problem: `${where} ${cause.message}`,
      next: "DICOM files are read as PS3.10 describes them: one grey or 8-bit colour picture of up to 50 megapixels",
      cause,
    });
  }
}

async function decode(file: DicomFile): Promise<DecodedImage8> {
  const codec = syntaxes[file.transferSyntax];
  if (codec === undefined) {
    const name = strangers.find(([uid]) => uid.test(file.transferSyntax))?.[1];
    throw new DicomFault(
      `has the transfer syntax ${file.transferSyntax}${name ? ` (${name})` : ""}, which is not read`,
    );
  }
  const { elements } = file;
  const notes: string[] = [];
  const shape = shapeOf(file);
  const { bytes, rgb, ...cells } = await frameOf(file, codec, shape, notes);
  const { rows: height, columns: width } = shape;
  if (shape.samples === 3) {
    const rgbBytes = rgb || shape.photometric === "RGB" ? bytes : fromYbr(bytes);
    return { ...fromInterleaved(rgbBytes, { channels: 3, height, width }), notes };
  }
  const values = storedValues(
    bytes,
    cells.bits,
    shape,
    codec === "none" || codec === "rle" ? highBitOf(file, shape) : undefined,
  );
  if (shape.photometric === "PALETTE COLOR") {
    return { ...fromInterleaved(throughPalette(values, file), { channels: 3, height, width }), notes };
  }
  const shown = display(values, modalityOf(file, notes), voiOf(file, notes));
  if (shape.photometric === "MONOCHROME1") {
    for (let i = 0; i < shown.length; i++) shown[i] = 255 - shown[i];
    notes.push("MONOCHROME1 inverted");
  }
  if (elements.has(tags.sharedGroups)) notes.push("functional groups not read");
  return { channels: 1, height, width, data: shown, notes };
}

function shapeOf(file: DicomFile): FrameShape {
  const { elements } = file;
  if (!elements.has(PIXEL_DATA)) throw new DicomFault("has no pixel data");
  const number = (tag: number, name: string, otherwise?: number) => {
    const value = wordsOf(file, tag)?.[0] ?? otherwise;
    if (value === undefined) throw new DicomFault(`does not tell its ${name}`);
    return value;
  };
  const rows = number(tags.rows, "rows");
  const columns = number(tags.columns, "columns");
  if (rows === 0 || columns === 0 || rows * columns > MAX_PIXELS) {
    throw new DicomFault(`says it has ${columns} x ${rows} pixels`);
  }
  const photometric = elements.has(tags.photometric) ? textOf(elements.get(tags.photometric)!).trim() : "";
  const samples = number(tags.samples, "samples per pixel", 1);
  const fitting: Readonly<Record<string, number>> = {
    MONOCHROME1: 1,
    MONOCHROME2: 1,
    "PALETTE COLOR": 1,
    RGB: 3,
    YBR_FULL: 3,
    YBR_FULL_422: 3,
    YBR_RCT: 3,
    YBR_ICT: 3,
  };
  if ((samples !== 1 && samples !== 3) || fitting[photometric] !== samples) {
    throw new DicomFault(
      `is ${photometric || "of no photometric interpretation"} with ${samples} ${samples === 1 ? "sample" : "samples"} per pixel, which is not read`,
    );
  }
  const bitsAllocated = number(tags.bitsAllocated, "bits allocated");
  const bitsStored = number(tags.bitsStored, "bits stored", bitsAllocated);
  const readable = samples === 3 ? [8] : [8, 16];
  if (!readable.includes(bitsAllocated) || bitsStored < 1 || bitsStored > bitsAllocated) {
    throw new DicomFault(
      `has ${bitsStored} of ${bitsAllocated} bits${samples === 3 ? " in colour" : ""}, which is not read`,
    );
  }
  return {
    rows,
    columns,
    samples,
    bitsAllocated: bitsAllocated as 8 | 16,
    bitsStored,
    signed: number(tags.signed, "pixel representation", 0) === 1,
    photometric,
  };
}

function highBitOf(file: DicomFile, { bitsAllocated, bitsStored }: FrameShape): number {
  const bit = wordsOf(file, tags.highBit)?.[0] ?? bitsStored - 1;
  if (bit < bitsStored - 1 || bit >= bitsAllocated) {
    throw new DicomFault(`has its high bit at ${bit}, with ${bitsStored} of ${bitsAllocated} bits stored`);
  }
  return bit;
}

/** The first frame. */
async function frameOf(
  file: DicomFile,
  codec: Codec | "none",
  shape: FrameShape,
  notes: string[],
): Promise<Frame> {
  const { elements } = file;
  const { bytes, fragments } = elements.get(PIXEL_DATA)!;
  const frames = elements.has(tags.frames)
    ? (numbersOf(elements, tags.frames, "number of frames")[0] ?? 1)
    : 1;
  if (!Number.isInteger(frames) || frames < 1) throw new DicomFault(`says it has ${frames} frames`);
  if (frames > 1) notes.push(`first of ${frames} frames`);
  if (codec !== "none") {
    if (fragments === undefined) throw new DicomFault("has pixel data that is not compressed as it says");
    return decodeFrame(codec, firstFrame(fragments, frames, codec), shape);
  }
  if (fragments !== undefined) throw new DicomFault("has compressed pixel data, and says that it is not");
  const { rows, columns, samples, bitsAllocated, photometric } = shape;
  if (photometric === "YBR_FULL_422" || photometric === "YBR_RCT" || photometric === "YBR_ICT") {
    throw new DicomFault(`is ${photometric} without compression, which is not read`);
  }
  const expected = rows * columns * samples * (bitsAllocated / 8);
  if (bytes.length < expected) {
    throw new DicomFault(
      `has ${bytes.length} bytes of pixel data, too few for ${columns} x ${rows} (${expected})`,
    );
  }
  const own = bytes.subarray(0, expected);
  const planes = samples === 3 && wordsOf(file, tags.planar)?.[0] === 1;
  const turned = bitsAllocated === 16 && !file.littleEndian ? swapped(own) : own;
  return { bytes: planes ? interleaved(turned) : turned, bits: bitsAllocated, rgb: false };
}

/** A frame may be in several fragments; where one ends is in the table of offsets, if there is one. */
function firstFrame(fragments: readonly Uint8Array[], frames: number, codec: Codec): Uint8Array {
  const [table, ...parts] = fragments;
  if (parts.length === 0) throw new DicomFault("has no pixel data: there are no fragments");
  if (frames === 1 && codec !== "rle") return joined(parts);
  if (frames === 1 || parts.length === frames) return parts[0];
  if (table.length >= 8) {
    const second = new DataView(table.buffer, table.byteOffset, table.length).getUint32(4, true);
    let at = 0;
    const count = parts.findIndex((part) => {
      at += part.length + 8;
      return at === second;
    });
    if (count >= 0) return joined(parts.slice(0, count + 1));
    throw new DicomFault("has a table of offsets that no fragment begins at");
  }
  // All codestreams but RLE's end with the same marker, and perhaps a byte to make them even.
  const last = parts.findIndex((part) => {
    const tail = part.subarray(-3);
    return [0, 1].some((i) => tail[i] === 0xff && tail[i + 1] === 0xd9);
  });
  if (last < 0) throw new DicomFault("does not tell where its first frame ends");
  return joined(parts.slice(0, last + 1));
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  if (parts.length === 1) return parts[0];
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

function swapped(bytes: Uint8Array): Uint8Array {
  const out = new Uint8Array(bytes.length);
  for (let i = 0; i + 1 < bytes.length; i += 2) {
    out[i] = bytes[i + 1];
    out[i + 1] = bytes[i];
  }
  return out;
}

function interleaved(planes: Uint8Array): Uint8Array {
  const plane = planes.length / 3;
  return planes.map((_, i) => planes[(i % 3) * plane + Math.floor(i / 3)]);
}

/** PS3.3, C.7.6.3.1.2. */
function fromYbr(bytes: Uint8Array): Uint8Array {
  const rgb = new Uint8ClampedArray(bytes.length);
  for (let i = 0; i < bytes.length; i += 3) {
    const [y, b, r] = [bytes[i], bytes[i + 1] - 128, bytes[i + 2] - 128];
    rgb[i] = y + 1.402 * r;
    rgb[i + 1] = y - 0.344136 * b - 0.714136 * r;
    rgb[i + 2] = y + 1.772 * b;
  }
  return new Uint8Array(rgb.buffer);
}

/** The bits that are stored, with their sign. Decoders put them lowest; elsewhere the high bit says where they are. */
function storedValues(
  bytes: Uint8Array,
  bits: 8 | 16,
  { bitsStored, signed }: FrameShape,
  highBit = bitsStored - 1,
): Int32Array {
  const values = new Int32Array(bytes.length / (bits / 8));
  const stored = Math.min(bitsStored, bits);
  const left = 32 - 1 - Math.min(highBit, bits - 1);
  const right = 32 - stored;
  for (let i = 0; i < values.length; i++) {
    const cell = bits === 8 ? bytes[i] : bytes[2 * i] | (bytes[2 * i + 1] << 8);
    values[i] = signed ? (cell << left) >> right : (cell << left) >>> right;
  }
  return values;
}

/** A function of a value, and what is wanted of its range. */
type Mapping = (value: number) => number;
const byItself: Mapping = (value) => value;

function modalityOf(file: DicomFile, notes: string[]): Mapping {
  const { elements } = file;
  const item = elements.get(tags.modalityLut)?.items?.[0];
  if (item !== undefined) {
    notes.push("modality look-up table applied");
    return lutOf(file, item, tags.lutDescriptor, tags.lutData).map;
  }
  const [slope = 1] = numbersOf(elements, tags.slope, "rescale slope");
  const [intercept = 0] = numbersOf(elements, tags.intercept, "rescale intercept");
  return slope === 1 && intercept === 0 ? byItself : (value) => value * slope + intercept;
}

/**
 * From values after rescale to 0 … 255; undefined where the file does not say. A look-up table goes before a window, which then is another
 * view of the same picture.
 */
function voiOf(file: DicomFile, notes: string[]): Mapping | undefined {
  const { elements } = file;
  const items = elements.get(tags.voiLut)?.items ?? [];
  if (items.length > 0) {
    notes.push(`VOI look-up table applied${items.length > 1 ? `, first of ${items.length}` : ""}`);
    const { map, bits } = lutOf(file, items[0], tags.lutDescriptor, tags.lutData);
    const full = 2 ** bits - 1;
    return (value) => (map(value) / full) * 255;
  }
  const centers = numbersOf(elements, tags.windowCenter, "window center");
  const widths = numbersOf(elements, tags.windowWidth, "window width");
  if (centers.length === 0 && widths.length === 0) {
    notes.push("no window in the file: spread from its smallest value to its largest");
    return undefined;
  }
  const told = elements.get(tags.windowFunction);
  const kind = (told && textOf(told).trim()) || "LINEAR";
  const [center, width] = [centers[0], widths[0]];
  if (center === undefined || width === undefined || !isWindow(kind, width)) {
    throw new DicomFault(`has the window center ${center}, width ${width}, function ${kind}, which is none`);
  }
  notes.push(`window applied (${kind})${centers.length > 1 ? `, first of ${centers.length}` : ""}`);
  return windows[kind](center, width);
}

type WindowFunction = keyof typeof windows;
const isWindow = (kind: string, width: number): kind is WindowFunction =>
  Object.hasOwn(windows, kind) && (kind === "LINEAR" ? width >= 1 : width > 0);

/** PS3.3, C.11.2.1.2 and C.11.2.1.3, to 0 … 255. */
const windows = {
  LINEAR:
    (c: number, w: number): Mapping =>
    (x) => {
      if (x <= c - 0.5 - (w - 1) / 2) return 0;
      if (x > c - 0.5 + (w - 1) / 2) return 255;
      return ((x - (c - 0.5)) / (w - 1) + 0.5) * 255;
    },
  LINEAR_EXACT:
    (c: number, w: number): Mapping =>
    (x) => {
      if (x <= c - w / 2) return 0;
      if (x > c + w / 2) return 255;
      return ((x - c) / w + 0.5) * 255;
    },
  SIGMOID:
    (c: number, w: number): Mapping =>
    (x) =>
      255 / (1 + Math.exp((-4 * (x - c)) / w)),
};

/** Each value that occurs is mapped once: there are at most 65,536, and often 9 million pixels. */
function display(values: Int32Array, modality: Mapping, voi: Mapping | undefined): Uint8Array<ArrayBuffer> {
  let [least, most] = [values[0], values[0]];
  for (const value of values) {
    if (value < least) least = value;
    if (value > most) most = value;
  }
  const rescaled = Float64Array.from({ length: most - least + 1 }, (_, i) => modality(least + i));
  if (!rescaled.every(Number.isFinite)) throw new DicomFault("has a rescale that goes beyond all numbers");
  const table = new Uint8Array(rescaled.length);
  if (voi !== undefined) for (const [i, value] of rescaled.entries()) table[i] = Math.round(voi(value));
  else {
    // A look-up table need not rise, so that its ends need not be at those of the stored values.
    const seen = new Uint8Array(rescaled.length);
    for (const value of values) seen[value - least] = 1;
    let [from, to] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    for (const [i, value] of rescaled.entries()) {
      if (seen[i] === 0) continue;
      from = Math.min(from, value);
      to = Math.max(to, value);
    }
    if (to > from) {
      for (const [i, value] of rescaled.entries())
        table[i] = Math.round(((value - from) / (to - from)) * 255);
    }
  }
  const shown = new Uint8Array(values.length);
  for (let i = 0; i < values.length; i++) shown[i] = table[values[i] - least];
  return shown;
}

/** PS3.3, C.11.1.1: how many entries, the value that the first is for, bits of an entry. */
function lutOf(
  file: DicomFile,
  elements: Elements,
  descriptor: number,
  data: number,
): { map: Mapping; bits: number } {
  const [count0, first0, bits] = wordsOf(file, descriptor, elements) ?? [];
  const entries = elements.get(data)?.bytes;
  if (bits === undefined || entries === undefined || bits < 8 || bits > 16) {
    throw new DicomFault("has a look-up table without description or entries");
  }
  const count = count0 === 0 ? 65536 : count0;
  const vr = elements.get(descriptor)!.vr;
  const negative = vr === "SS" || (vr !== "US" && wordsOf(file, tags.signed)?.[0] === 1);
  const first = negative ? (first0 << 16) >> 16 : first0;
  // Tables of 8 bits may have an entry in each byte.
  const packed = bits === 8 && entries.length < 2 * count;
  if (entries.length < count * (packed ? 1 : 2)) {
    throw new DicomFault(`has a look-up table of ${entries.length} bytes, too few for ${count} entries`);
  }
  const words = packed ? entries : wordsOf(file, data, elements)!;
  return { map: (value) => words[Math.min(count - 1, Math.max(0, Math.round(value) - first))], bits };
}

function throughPalette(values: Int32Array, file: DicomFile): Uint8Array {
  const { elements } = file;
  const luts = [
    lutOf(file, elements, tags.redPalette, tags.redData),
    lutOf(file, elements, tags.greenPalette, tags.greenData),
    lutOf(file, elements, tags.bluePalette, tags.blueData),
  ];
  const rgb = new Uint8Array(values.length * 3);
  for (const [c, { map, bits }] of luts.entries()) {
    for (let i = 0; i < values.length; i++)
      rgb[3 * i + c] = Math.round((map(values[i]) / (2 ** bits - 1)) * 255);
  }
  return rgb;
}

function wordsOf(
  { elements, littleEndian }: DicomFile,
  tag: number,
  within: Elements = elements,
): number[] | undefined {
  const bytes = within.get(tag)?.bytes;
  if (bytes === undefined || bytes.length < 2) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return Array.from({ length: bytes.length >> 1 }, (_, i) => view.getUint16(2 * i, littleEndian));
}

/** Decimal strings; none where the element is not there, or empty. */
function numbersOf(elements: Elements, tag: number, name: string): number[] {
  const element = elements.get(tag);
  const text = element === undefined ? "" : textOf(element);
  if (text.trim() === "") return [];
  return text.split("\\").map((part) => {
    const value = part.trim() === "" ? Number.NaN : Number(part);
    if (!Number.isFinite(value)) throw new DicomFault(`has the ${name} ${JSON.stringify(text.slice(0, 40))}`);
    return value;
  });
}
