/**
 * A DICOM file (PS3.10) to those of its data elements that are asked for. Values are views of the file's bytes. Strict, since files come
 * from strangers: every length is held against what is there, and nothing is allocated by what a file merely promises.
 */
import { inflateRawSync } from "node:zlib";

/** By tag: group · 65536 + element. */
export type Elements = ReadonlyMap<number, DicomElement>;

export interface DicomElement {
  /** empty where the transfer syntax does not tell it */
  readonly vr: string;
  /** of plain elements */
  readonly bytes: Uint8Array;
  /** of sequences */
  readonly items?: readonly Elements[];
  /** of encapsulated pixel data, the table of offsets first */
  readonly fragments?: readonly Uint8Array[];
}

export interface DicomFile {
  readonly transferSyntax: string;
  readonly elements: Elements;
  readonly littleEndian: boolean;
}

/** Says what is wrong with a file; who knows its name puts that before. */
export class DicomFault extends Error {}

export const PIXEL_DATA = 0x7fe00010;
const TRANSFER_SYNTAX = 0x00020010;

const IMPLICIT = "1.2.840.10008.1.2";
const DEFLATED = "1.2.840.10008.1.2.1.99";
const BIG_ENDIAN = "1.2.840.10008.1.2.2";

const UNDEFINED = 0xffffffff;
const ITEM = 0xfffee000;
const ITEM_END = 0xfffee00d;
const SEQUENCE_END = 0xfffee0dd;

/** Their lengths are written in 4 bytes. */
const longForms = new Set(["OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"]);
const MAX_DEPTH = 16;
const MAX_FRAGMENTS = 2 ** 16;
/** The longest of those that are wanted besides the pixels is a table of 65,536 words. */
const MAX_VALUE = 256 * 2 ** 10;
const MAX_INFLATED = 512 * 2 ** 20;

interface Cursor {
  readonly view: DataView;
  at: number;
  readonly explicit: boolean;
  readonly little: boolean;
  readonly wanted: ReadonlySet<number>;
}

/**
 * @param wanted  tags to keep, in items of kept sequences too; the pixel data, which ends the reading, is always kept
 * @throws        DicomFault
 */
export function readDicom(bytes: Uint8Array, wanted: ReadonlySet<number>): DicomFile {
  if (new TextDecoder("latin1").decode(bytes.subarray(128, 132)) !== "DICM") {
    throw new DicomFault("is not a DICOM file: DICM is missing at byte 128");
  }
  const keep = new Set([...wanted, PIXEL_DATA, TRANSFER_SYNTAX]);
  const meta = cursorOf(bytes, 132, { explicit: true, little: true, wanted: keep });
  const header = readElements(meta, bytes.length, 0, () => meta.view.getUint16(meta.at, true) !== 2);
  const told = header.get(TRANSFER_SYNTAX);
  if (told === undefined) throw new DicomFault("does not tell its transfer syntax");
  const transferSyntax = textOf(told);

  const little = transferSyntax !== BIG_ENDIAN;
  const explicit = transferSyntax !== IMPLICIT;
  const rest =
    transferSyntax === DEFLATED
      ? cursorOf(inflate(bytes.subarray(meta.at)), 0, { explicit, little, wanted: keep })
      : cursorOf(bytes, meta.at, { explicit, little, wanted: keep });
  return {
    transferSyntax,
    elements: readElements(rest, rest.view.byteLength, 0),
    littleEndian: little,
  };
}

/** Without the padding that makes lengths even. */
export function textOf({ bytes }: DicomElement): string {
  let end = bytes.length;
  while (end > 0 && (bytes[end - 1] === 0 || bytes[end - 1] === 32)) end--;
  return new TextDecoder("latin1").decode(bytes.subarray(0, end));
}

const cursorOf = (bytes: Uint8Array, at: number, how: Omit<Cursor, "view" | "at">): Cursor => ({
  view: new DataView(bytes.buffer, bytes.byteOffset, bytes.length),
  at,
  ...how,
});

/** Elements up to `end`, to the pixel data, to an item's end, or until told to stop. */
function readElements(
  cursor: Cursor,
  end: number,
  depth: number,
  stop: () => boolean = () => false,
): Elements {
  const elements = new Map<number, DicomElement>();
  while (cursor.at < end) {
    if (cursor.at + 8 <= end && stop()) break;
    const { tag, vr, length } = readHeader(cursor, end);
    if (tag === ITEM_END && depth > 0) break;
    const element = readValue(cursor, end, depth, tag, vr, length);
    if (!cursor.wanted.has(tag)) continue;
    if (elements.has(tag)) throw new DicomFault(`has the element ${nameOf(tag)} twice`);
    elements.set(tag, element);
    if (tag === PIXEL_DATA && depth === 0) break;
  }
  return elements;
}

function readHeader(cursor: Cursor, end: number): { tag: number; vr: string; length: number } {
  const take = (size: 2 | 4): number => {
    const { view, at, little } = cursor;
    if (at + size > end) throw new DicomFault(`is cut off in the middle of an element, at byte ${at}`);
    cursor.at += size;
    return size === 2 ? view.getUint16(at, little) : view.getUint32(at, little);
  };
  const tag = take(2) * 65536 + take(2);
  const delimiter = tag >= ITEM && tag <= SEQUENCE_END;
  if (!cursor.explicit || delimiter) return { tag, vr: "", length: take(4) };
  const { at } = cursor;
  take(2);
  const vr = String.fromCharCode(cursor.view.getUint8(at), cursor.view.getUint8(at + 1));
  if (!/^[A-Z]{2}$/.test(vr)) throw new DicomFault(`has no value representation at byte ${at}`);
  if (!longForms.has(vr)) return { tag, vr, length: take(2) };
  take(2); // reserved
  return { tag, vr, length: take(4) };
}

function readValue(
  cursor: Cursor,
  end: number,
  depth: number,
  tag: number,
  vr: string,
  length: number,
): DicomElement {
  const none = new Uint8Array(0);
  if (length === UNDEFINED) {
    if (tag === PIXEL_DATA) return { vr, bytes: none, fragments: readFragments(cursor, end) };
    if (vr !== "" && vr !== "SQ" && vr !== "UN") {
      throw new DicomFault(`gives no length for ${nameOf(tag)}`);
    }
    // What is in a sequence of unknown representation is written without any (PS3.5, 6.2.2).
    if (vr !== "UN") return { vr, bytes: none, items: readItems(cursor, end, depth + 1, true) };
    const inner = { ...cursor, explicit: false, little: true };
    const items = readItems(inner, end, depth + 1, true);
    cursor.at = inner.at;
    return { vr, bytes: none, items };
  }
  if (cursor.at + length > end) {
    throw new DicomFault(
      `is cut off: ${nameOf(tag)} should have ${length} bytes, ${end - cursor.at} are there`,
    );
  }
  // Without representations, a sequence is known by its tag only, and only those are taken for one that somebody wants.
  const sequence = vr === "SQ" || (vr === "" && sequences.has(tag));
  if (sequence && cursor.wanted.has(tag)) {
    return { vr, bytes: none, items: readItems(cursor, cursor.at + length, depth + 1, false) };
  }
  if (length > MAX_VALUE && tag !== PIXEL_DATA && cursor.wanted.has(tag)) {
    throw new DicomFault(`has ${length} bytes of ${nameOf(tag)}`);
  }
  const { buffer, byteOffset } = cursor.view;
  const bytes = new Uint8Array(buffer, byteOffset + cursor.at, length);
  cursor.at += length;
  return { vr, bytes };
}

/** Modality LUT, VOI LUT. */
const sequences: ReadonlySet<number> = new Set([0x00283000, 0x00283010]);

/** @param delimited  it ends with a delimiter, and not with its length */
function readItems(cursor: Cursor, end: number, depth: number, delimited: boolean): Elements[] {
  if (depth > MAX_DEPTH) throw new DicomFault(`nests sequences more than ${MAX_DEPTH} deep`);
  const items: Elements[] = [];
  for (;;) {
    if (cursor.at >= end) {
      if (!delimited) return items;
      throw new DicomFault("is cut off: a sequence does not end");
    }
    const { tag, length } = readHeader(cursor, end);
    if (tag === SEQUENCE_END && delimited) return items;
    if (tag !== ITEM) throw new DicomFault(`has ${nameOf(tag)} where an item should begin`);
    if (length !== UNDEFINED && cursor.at + length > end) throw new DicomFault("is cut off within an item");
    const until = length === UNDEFINED ? end : cursor.at + length;
    const elements = readElements(cursor, until, depth);
    // Items of what nobody wants are empty, and may be many.
    if (elements.size > 0) items.push(elements);
  }
}

function readFragments(cursor: Cursor, end: number): Uint8Array[] {
  const fragments: Uint8Array[] = [];
  for (;;) {
    if (cursor.at >= end) throw new DicomFault("is cut off: its pixel data does not end");
    const { tag, length } = readHeader(cursor, end);
    if (tag === SEQUENCE_END) return fragments;
    if (tag !== ITEM || length === UNDEFINED) {
      throw new DicomFault(`has ${nameOf(tag)} within its pixel data`);
    }
    if (cursor.at + length > end) {
      throw new DicomFault(
        `is cut off: a fragment should have ${length} bytes, ${end - cursor.at} are there`,
      );
    }
    if (fragments.length === MAX_FRAGMENTS) throw new DicomFault(`has more than ${MAX_FRAGMENTS} fragments`);
    fragments.push(new Uint8Array(cursor.view.buffer, cursor.view.byteOffset + cursor.at, length));
    cursor.at += length;
  }
}

function inflate(bytes: Uint8Array): Uint8Array {
  try {
    return inflateRawSync(bytes, { maxOutputLength: MAX_INFLATED });
  } catch (cause) {
    throw new DicomFault(`cannot be inflated (${cause instanceof Error ? cause.message : cause})`);
  }
}

const nameOf = (tag: number): string => {
  const digits = tag.toString(16).padStart(8, "0");
  return `(${digits.slice(0, 4)},${digits.slice(4)})`;
};
