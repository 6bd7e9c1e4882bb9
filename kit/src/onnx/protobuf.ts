/**
 * Protocol buffers, as far as ONNX needs them: messages are described as tables, and one table both reads and writes.
 *
 * Reading is for bytes nobody vouches for. Every length is checked against what is left, message nesting is as deep as
 * the tables and no deeper, and what is allocated is bounded by the bytes read (`maxItems`). An error names the byte
 * and the field path. Wire format: https://protobuf.dev/programming-guides/encoding/
 */
import { corrupt } from "./read-errors.ts";

/** Submessages and strings in one file; beyond it, tiny fields would cost far more memory than the file itself. */
const maxItems = 1_000_000;

const varintWire = 0;
const fixed64Wire = 1;
const bytesWire = 2;
const fixed32Wire = 5;

/** What decoding has cost so far; messages kept as bytes and decoded later share the one of their file. */
export interface Budget {
  items: number;
}

interface Cursor {
  readonly file: string;
  readonly bytes: Uint8Array;
  readonly path: string[];
  readonly budget: Budget;
  at: number;
  end: number;
  /** The varint last read, as two 32-bit halves. */
  low: number;
  high: number;
}

/** Encoded bytes, joined once at the end so that weights are copied once. */
interface Parts {
  readonly list: Uint8Array[];
  size: number;
}

export interface Field<V> {
  readonly number: number;
  /** `before` is what earlier occurrences of the field gave. */
  read(cursor: Cursor, wire: number, before: V | undefined): V;
  write(out: Parts, value: V): void;
}

type Fields = Readonly<Record<string, Field<unknown>>>;

export interface Message<F extends Fields> {
  readonly fields: F;
  readonly keys: ReadonlyMap<number, string>;
}

/** The plain object a message is read into; what is absent in the bytes is absent here. */
export type Of<M> =
  M extends Message<infer F> ? { -readonly [K in keyof F]?: F[K] extends Field<infer V> ? V : never } : never;

/** Field names are ONNX's own, because error messages show them. */
export const message = <const F extends Fields>(fields: F): Message<F> => ({
  fields,
  keys: new Map(Object.entries(fields).map(([key, field]) => [field.number, key])),
});

/** Reads `bytes` as one message; `file` is what error messages call them. Throws KitError E_ONNX_CORRUPT. */
export function decode<F extends Fields>(
  type: Message<F>,
  bytes: Uint8Array,
  file: string,
  budget: Budget = { items: 0 },
): Of<Message<F>> {
  return readMessage({ file, bytes, path: [], budget, at: 0, end: bytes.length, low: 0, high: 0 }, type);
}

export function encode<F extends Fields>(type: Message<F>, value: Of<Message<F>>): Uint8Array {
  const parts = partsOf(type, value);
  const bytes = new Uint8Array(parts.size);
  let at = 0;
  for (const part of parts.list) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

// ---- field kinds

/** A 64-bit integer as a number: exact up to 2^53, rounded beyond, where no count or code is valid anyway. */
export const int = (number: number): Field<number> => ({
  number,
  read(cursor, wire) {
    expect(cursor, wire, varintWire);
    readVarint(cursor);
    return cursor.high * 2 ** 32 + (cursor.low >>> 0);
  },
  write(out, value) {
    push(out, varint(number * 8 + varintWire), varint(value));
  },
});

export const int64 = (number: number): Field<bigint> => ({
  number,
  read(cursor, wire) {
    expect(cursor, wire, varintWire);
    readVarint(cursor);
    return (BigInt(cursor.high) << 32n) | BigInt(cursor.low >>> 0);
  },
  write(out, value) {
    push(out, varint(number * 8 + varintWire), varint(value));
  },
});

export const float = (number: number): Field<number> => ({
  number,
  read(cursor, wire) {
    expect(cursor, wire, fixed32Wire);
    const bytes = take(cursor, 4);
    return new DataView(bytes.buffer, bytes.byteOffset, 4).getFloat32(0, true);
  },
  write(out, value) {
    push(out, varint(number * 8 + fixed32Wire), bytesOf(Float32Array.of(value)));
  },
});

/** A view into the file, not a copy. */
export const bytes = (number: number): Field<Uint8Array> => ({
  number,
  read(cursor, wire) {
    expect(cursor, wire, bytesWire);
    return take(cursor, readLength(cursor));
  },
  write(out, value) {
    pushBytes(out, number, value);
  },
});

export const string = (number: number): Field<string> => ({
  number,
  read: (cursor, wire) => readString(cursor, wire),
  write(out, value) {
    pushBytes(out, number, utf8.encode(value));
  },
});

export const strings = (number: number): Field<string[]> => ({
  number,
  read(cursor, wire, before = []) {
    cursor.path.push(`[${before.length}]`);
    count(cursor);
    before.push(readString(cursor, wire));
    cursor.path.pop();
    return before;
  },
  write(out, value) {
    for (const item of value) pushBytes(out, number, utf8.encode(item));
  },
});

export const one = <F extends Fields>(number: number, type: Message<F>): Field<Of<Message<F>>> => ({
  number,
  read(cursor, wire, before) {
    // Protobuf would merge the two; no exporter writes a message in pieces.
    if (before !== undefined) fail(cursor, "the field appears twice");
    return readNested(cursor, wire, type);
  },
  write(out, value) {
    pushNested(out, number, type, value);
  },
});

export const many = <F extends Fields>(number: number, type: Message<F>): Field<Of<Message<F>>[]> => ({
  number,
  read(cursor, wire, before = []) {
    cursor.path.push(`[${before.length}]`);
    before.push(readNested(cursor, wire, type));
    cursor.path.pop();
    return before;
  },
  write(out, value) {
    for (const item of value) pushNested(out, number, type, item);
  },
});

type Numbers = Float32Array | Float64Array | Int32Array | BigInt64Array | BigUint64Array;

interface NumbersType<T extends Numbers> {
  readonly BYTES_PER_ELEMENT: number;
  new (length: number): T;
  new (buffer: ArrayBufferLike, byteOffset?: number, length?: number): T;
}

/** Repeated numbers of fixed width, packed or one by one; packed and aligned bytes are a view into the file. */
const fixed = <T extends Numbers>(number: number, wire: number, type: NumbersType<T>): Field<T> => ({
  number,
  read(cursor, found, before) {
    if (found !== bytesWire) expect(cursor, found, wire);
    const width = type.BYTES_PER_ELEMENT;
    const length = found === bytesWire ? readLength(cursor) : width;
    if (length % width !== 0) fail(cursor, `${length} bytes do not hold whole numbers of ${width} bytes`);
    const chunk = take(cursor, length);
    if (before === undefined && found === bytesWire && chunk.byteOffset % width === 0) {
      return new type(chunk.buffer, chunk.byteOffset, length / width);
    }
    const all = extend(cursor, type, before, length / width);
    bytesOf(all).set(chunk, (before?.length ?? 0) * width);
    return all;
  },
  write(out, value) {
    pushBytes(out, number, bytesOf(value));
  },
});

/** Repeated varints, packed or one by one. `lanes`: 32-bit halves of an element, low one first. */
const varints = <T extends Numbers>(number: number, lanes: 1 | 2, type: NumbersType<T>): Field<T> => ({
  number,
  read(cursor, wire, before) {
    if (wire !== bytesWire) expect(cursor, wire, varintWire);
    const end = wire === bytesWire ? readLength(cursor) + cursor.at : cursor.end;
    let found = 1;
    if (wire === bytesWire) {
      found = 0;
      for (let at = cursor.at; at < end; at++) if (cursor.bytes[at] < 128) found++;
    }
    const start = before?.length ?? 0;
    const all = extend(cursor, type, before, found);
    const halves = new Int32Array(all.buffer, all.byteOffset, all.length * lanes);
    within(cursor, end, () => {
      for (let i = start; i < all.length; i++) {
        readVarint(cursor);
        halves[i * lanes] = cursor.low;
        if (lanes === 2) halves[i * lanes + 1] = cursor.high;
      }
      if (wire === bytesWire && cursor.at !== end) fail(cursor, "a number is cut short");
    });
    return all;
  },
  write(out, value) {
    const packed: Parts = { list: [], size: 0 };
    for (const item of value) push(packed, varint(item));
    push(out, varint(number * 8 + bytesWire), varint(packed.size));
    for (const part of packed.list) push(out, part);
  },
});

export const floats = (number: number) => fixed<Float32Array>(number, fixed32Wire, Float32Array);
export const doubles = (number: number) => fixed<Float64Array>(number, fixed64Wire, Float64Array);
export const int32s = (number: number) => varints<Int32Array>(number, 1, Int32Array);
export const int64s = (number: number) => varints<BigInt64Array>(number, 2, BigInt64Array);
export const uint64s = (number: number) => varints<BigUint64Array>(number, 2, BigUint64Array);

// ---- reading

const utf8 = new TextEncoder();
const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function fail(cursor: Cursor, what: string): never {
  throw corrupt(cursor.file, what, `byte ${cursor.at}, ${cursor.path.join("").slice(1) || "at the top"}`);
}

function readMessage<F extends Fields>(cursor: Cursor, type: Message<F>): Of<Message<F>> {
  const out: Record<string, unknown> = {};
  while (cursor.at < cursor.end) {
    readVarint(cursor);
    const number = cursor.low >>> 3;
    const wire = cursor.low & 7;
    if (number === 0 || cursor.high !== 0) fail(cursor, "this is no protobuf field");
    const key = type.keys.get(number);
    cursor.path.push(key === undefined ? `.field ${number}` : `.${key}`);
    if (key === undefined) skip(cursor, wire);
    else out[key] = type.fields[key].read(cursor, wire, out[key]);
    cursor.path.pop();
  }
  return out as Of<Message<F>>;
}

function readNested<F extends Fields>(cursor: Cursor, wire: number, type: Message<F>): Of<Message<F>> {
  expect(cursor, wire, bytesWire);
  count(cursor);
  const end = readLength(cursor) + cursor.at;
  return within(cursor, end, () => readMessage(cursor, type));
}

function within<T>(cursor: Cursor, end: number, body: () => T): T {
  const outer = cursor.end;
  cursor.end = end;
  const result = body();
  cursor.end = outer;
  return result;
}

function readString(cursor: Cursor, wire: number): string {
  expect(cursor, wire, bytesWire);
  const raw = take(cursor, readLength(cursor));
  try {
    return text.decode(raw);
  } catch (cause) {
    if (!(cause instanceof TypeError)) throw cause;
    return fail(cursor, "a text is not UTF-8");
  }
}

function skip(cursor: Cursor, wire: number): void {
  if (wire === varintWire) readVarint(cursor);
  else if (wire === fixed64Wire) take(cursor, 8);
  else if (wire === fixed32Wire) take(cursor, 4);
  else if (wire === bytesWire) take(cursor, readLength(cursor));
  else fail(cursor, `wire type ${wire} is not used by ONNX`);
}

function expect(cursor: Cursor, found: number, wanted: number): void {
  if (found !== wanted) fail(cursor, `wire type ${found} where ${wanted} belongs`);
}

function count(cursor: Cursor): void {
  cursor.budget.items++;
  if (cursor.budget.items > maxItems) fail(cursor, `more than ${maxItems} messages and names`);
}

function take(cursor: Cursor, length: number): Uint8Array {
  const left = cursor.end - cursor.at;
  if (length > left) fail(cursor, `${length} bytes announced, ${left} left`);
  const start = cursor.at;
  cursor.at += length;
  return cursor.bytes.subarray(start, cursor.at);
}

function readLength(cursor: Cursor): number {
  readVarint(cursor);
  const length = (cursor.high >>> 0) * 2 ** 32 + (cursor.low >>> 0);
  const left = cursor.end - cursor.at;
  if (length > left) fail(cursor, `${length} bytes announced, ${left} left`);
  return length;
}

function readVarint(cursor: Cursor): void {
  let low = 0;
  let high = 0;
  for (let i = 0; i < 10; i++) {
    if (cursor.at >= cursor.end) fail(cursor, "a number is cut short");
    const byte = cursor.bytes[cursor.at++];
    const bits = byte & 127;
    if (i < 5) low |= bits << (7 * i);
    if (i === 4) high = bits >> 4;
    else if (i > 4) high |= bits << (7 * i - 32);
    if (byte < 128) {
      cursor.low = low;
      cursor.high = high;
      return;
    }
  }
  fail(cursor, "a number is longer than 10 bytes");
}

/** `before` with room for `more` elements at its end; the buffer doubles, so element by element stays linear. */
function extend<T extends Numbers>(
  cursor: Cursor,
  type: NumbersType<T>,
  before: T | undefined,
  more: number,
): T {
  if (before === undefined) return new type(more);
  const length = before.length + more;
  const width = type.BYTES_PER_ELEMENT;
  const ours = before.buffer !== cursor.bytes.buffer;
  if (ours && before.buffer.byteLength >= length * width) return new type(before.buffer, 0, length);
  const all = new type(new ArrayBuffer(Math.max(length, before.length * 2) * width), 0, length);
  bytesOf(all).set(bytesOf(before));
  return all;
}

// ---- writing

const bytesOf = (view: ArrayBufferView): Uint8Array =>
  new Uint8Array(view.buffer, view.byteOffset, view.byteLength);

function varint(value: number | bigint): Uint8Array {
  const out: number[] = [];
  if (typeof value === "number" && value >= 0 && value < 2 ** 31) {
    let rest = value;
    for (; rest > 127; rest >>>= 7) out.push((rest & 127) | 128);
    out.push(rest);
  } else {
    let rest = BigInt.asUintN(64, BigInt(value));
    for (; rest > 127n; rest >>= 7n) out.push(Number(rest & 127n) | 128);
    out.push(Number(rest));
  }
  return Uint8Array.from(out);
}

function push(out: Parts, ...parts: Uint8Array[]): void {
  for (const part of parts) {
    out.list.push(part);
    out.size += part.length;
  }
}

function pushBytes(out: Parts, number: number, value: Uint8Array): void {
  push(out, varint(number * 8 + bytesWire), varint(value.length), value);
}

function partsOf<F extends Fields>(type: Message<F>, value: Of<Message<F>>): Parts {
  const out: Parts = { list: [], size: 0 };
  for (const [key, field] of Object.entries(type.fields)) {
    const item = (value as Record<string, unknown>)[key];
    if (item !== undefined) field.write(out, item);
  }
  return out;
}

function pushNested<F extends Fields>(
  out: Parts,
  number: number,
  type: Message<F>,
  value: Of<Message<F>>,
): void {
  const inner = partsOf(type, value);
  push(out, varint(number * 8 + bytesWire), varint(inner.size));
  for (const part of inner.list) push(out, part);
}
