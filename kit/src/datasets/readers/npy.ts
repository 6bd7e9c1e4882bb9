/**
 * The .npy format (numpy.lib.format, versions 1.0 to 3.0): magic, version, a Python dict literal that says dtype,
 * order and shape, then the raw values. Runs anywhere; `npz.ts` reads archives of them.
 *
 * Refused by name rather than guessed: big-endian values, Fortran order, objects (they would need pickle),
 * structured, text, date and complex dtypes. Typed arrays are little-endian on every platform that runs this.
 */
import { KitError } from "../../errors.ts";
import { type ElementType, type Tensor, toFloat32 } from "../../onnx/tensor.ts";
import { type Literal, parseLiteral, shown } from "./python-literal.ts";

export interface NpyHeader {
  readonly type: ElementType;
  readonly dims: readonly number[];
  /** bytes of one element */
  readonly itemSize: number;
  /** bytes before the first value */
  readonly dataOffset: number;
  /** bytes of all values */
  readonly dataBytes: number;
}

/** numpy's type codes without the byte order, as ONNX element types. */
const elementTypeOf: Readonly<Record<string, ElementType>> = {
  b1: "bool",
  u1: "uint8",
  i1: "int8",
  u2: "uint16",
  i2: "int16",
  u4: "uint32",
  i4: "int32",
  u8: "uint64",
  i8: "int64",
  f2: "float16",
  f4: "float32",
  f8: "float64",
};

const codeOf = new Map(Object.entries(elementTypeOf).map(([code, type]) => [type, code]));

/** What the other kinds of dtype are called, for the message. */
const refusedKinds: Readonly<Record<string, string>> = {
  O: "Python objects (pickle)",
  S: "byte strings",
  a: "byte strings",
  U: "text",
  V: "structured or raw records",
  c: "complex numbers",
  M: "dates",
  m: "time spans",
  f: "floats of this width",
  i: "integers of this width",
  u: "integers of this width",
  b: "booleans of this width",
};

/** Longer headers occur only with structured dtypes; numpy itself refuses beyond 10,000 characters by default. */
export const MAX_HEADER_BYTES = 65_536;
/** numpy 2 allows 64 dimensions, numpy 1 half of that. */
const MAX_DIMS = 64;

const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59]; // \x93NUMPY

const bad = (where: string, problem: string, details: readonly string[] = [], next?: string) =>
  new KitError("E_NPY", {
    problem: `${where}: ${problem}`,
    details,
    next: next ?? "write the array again with numpy.save or numpy.savez",
  });

/**
 * Bytes of the preamble and header together, or undefined while `bytes` is too short to say (10 or 12 are enough).
 *
 * @throws KitError E_NPY if this is no .npy or its header is too long
 */
export function npyHeaderBytes(bytes: Uint8Array, where: string): number | undefined {
  const wrong = MAGIC.findIndex((byte, i) => i < bytes.length && bytes[i] !== byte);
  if (wrong >= 0) throw bad(where, "not a .npy array (it does not begin with \\x93NUMPY)");
  if (bytes.length < 7) return undefined;
  const version = bytes[6];
  if (version < 1 || version > 3) {
    throw bad(where, `.npy version ${version} is not known`, ["versions 1, 2 and 3 are read"]);
  }
  const lengthBytes = version === 1 ? 2 : 4;
  if (bytes.length < 8 + lengthBytes) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = version === 1 ? view.getUint16(8, true) : view.getUint32(8, true);
  if (length > MAX_HEADER_BYTES) {
    throw bad(where, `the .npy header claims ${length} bytes`, [`at most ${MAX_HEADER_BYTES} are read`]);
  }
  return 8 + lengthBytes + length;
}

/**
 * The header of the .npy that `bytes` begins with; `bytes` must hold all of the header, the values may be missing.
 *
 * @param where  names the array in errors: a file, or `file, entry`
 * @throws       KitError E_NPY
 */
export function parseNpyHeader(bytes: Uint8Array, where = "npy"): NpyHeader {
  const dataOffset = npyHeaderBytes(bytes, where);
  if (dataOffset === undefined || bytes.length < dataOffset) {
    const needed = dataOffset === undefined ? "its length field" : `${dataOffset} bytes`;
    throw bad(where, `the .npy header is cut off (${bytes.length} bytes, ${needed} needed)`);
  }
  const text = new TextDecoder("utf-8").decode(bytes.subarray(bytes[6] === 1 ? 10 : 12, dataOffset));
  const dict = parseLiteral(text, (problem, details) => bad(where, problem, details));
  if (!(dict instanceof Map)) throw bad(where, "the .npy header is not a dict");
  const extra = [...dict.keys()].filter((key) => !["descr", "fortran_order", "shape"].includes(key));
  if (dict.size !== 3 || extra.length > 0) {
    throw bad(where, "the .npy header must have exactly descr, fortran_order and shape", [
      `it has ${[...dict.keys()].map(shown).join(", ") || "nothing"}`,
    ]);
  }
  const { type, itemSize } = elementType(dict.get("descr"), where);
  const fortran = dict.get("fortran_order");
  if (typeof fortran !== "boolean") throw bad(where, "fortran_order is not True or False");
  if (fortran) {
    throw bad(where, "the array is in Fortran order", [], "save numpy.ascontiguousarray(array) instead");
  }
  const dims = dimsOf(dict.get("shape"), where);
  const dataBytes = dims.reduce((n, d) => n * d, itemSize);
  if (!Number.isSafeInteger(dataBytes)) {
    throw bad(where, `shape (${dims.join(", ")}) is larger than any file`);
  }
  return { type, dims, itemSize, dataOffset, dataBytes };
}

/**
 * One .npy file as a tensor. Its data may share memory with `bytes`.
 *
 * @param where  names the array in errors
 * @throws       KitError E_NPY
 */
export function parseNpy(bytes: Uint8Array, where = "npy"): Tensor {
  const header = parseNpyHeader(bytes, where);
  const found = bytes.length - header.dataOffset;
  if (found !== header.dataBytes) {
    throw bad(where, `shape (${header.dims.join(", ")}) of ${header.type} needs ${header.dataBytes} bytes`, [
      `${found} follow the header`,
    ]);
  }
  return tensorOfBytes(header.type, header.dims, bytes.subarray(header.dataOffset), where);
}

/** Little-endian bytes as a tensor; shares memory where the alignment allows. */
export function tensorOfBytes(
  type: ElementType,
  dims: readonly number[],
  bytes: Uint8Array,
  where = "npy",
): Tensor {
  const itemSize = Number(codeOf.get(type)?.slice(1));
  const { buffer, byteOffset } = bytes.byteOffset % itemSize === 0 ? bytes : bytes.slice();
  const count = bytes.byteLength / itemSize;
  switch (type) {
    case "float32":
      return { type, dims, data: new Float32Array(buffer, byteOffset, count) };
    case "float64":
      return { type, dims, data: new Float64Array(buffer, byteOffset, count) };
    case "float16":
    case "uint16":
      return { type, dims, data: new Uint16Array(buffer, byteOffset, count) };
    case "int16":
      return { type, dims, data: new Int16Array(buffer, byteOffset, count) };
    case "int32":
      return { type, dims, data: new Int32Array(buffer, byteOffset, count) };
    case "uint32":
      return { type, dims, data: new Uint32Array(buffer, byteOffset, count) };
    case "int64":
      return { type, dims, data: new BigInt64Array(buffer, byteOffset, count) };
    case "uint64":
      return { type, dims, data: new BigUint64Array(buffer, byteOffset, count) };
    case "int8":
      return { type, dims, data: new Int8Array(buffer, byteOffset, count) };
    case "uint8":
      return { type, dims, data: new Uint8Array(buffer, byteOffset, count) };
    case "bool": {
      const data = new Uint8Array(buffer, byteOffset, count);
      const at = data.findIndex((value) => value > 1);
      if (at >= 0) throw bad(where, `bool value ${at} is ${data[at]}, neither 0 nor 1`);
      return { type, dims, data };
    }
    default:
      throw bad(where, `numpy has no ${type}`);
  }
}

/**
 * A tensor as a .npy file, version 1.0, as numpy.save writes it (values start at a multiple of 64).
 *
 * @throws KitError E_NPY for strings and bfloat16, which numpy has no dtype for
 */
export function encodeNpy(tensor: Tensor): Uint8Array {
  const code = codeOf.get(tensor.type);
  const { data } = tensor;
  if (code === undefined || !ArrayBuffer.isView(data)) {
    throw bad("encodeNpy", `numpy has no ${tensor.type}`, [], "convert it to float32 first");
  }
  const order = code.endsWith("1") ? "|" : "<";
  const shape = tensor.dims.length === 1 ? `(${tensor.dims[0]},)` : `(${tensor.dims.join(", ")})`;
  const dict = `{'descr': '${order}${code}', 'fortran_order': False, 'shape': ${shape}, }`;
  const headerBytes = Math.ceil((10 + dict.length + 1) / 64) * 64;
  const header = `${dict.padEnd(headerBytes - 11)}\n`;
  const out = new Uint8Array(headerBytes + data.byteLength);
  out.set(MAGIC);
  out.set([1, 0, header.length & 0xff, header.length >> 8], MAGIC.length);
  out.set(new TextEncoder().encode(header), 10);
  out.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), headerBytes);
  return out;
}

/**
 * The values as whole numbers: labels, indices.
 *
 * @throws KitError E_NPY if one is not a whole number that a double holds exactly
 */
export function toIntegers(tensor: Tensor, where = "npy"): number[] {
  const values: ArrayLike<number | bigint | string> =
    tensor.type === "float16" ? toFloat32(tensor) : tensor.data;
  return Array.from(values, (raw, i) => {
    const value = Number(raw);
    if (typeof raw === "string" || !Number.isSafeInteger(value)) {
      throw bad(where, `value ${i} is ${raw}, not a whole number`);
    }
    return value;
  });
}

function elementType(descr: Literal | undefined, where: string): { type: ElementType; itemSize: number } {
  if (Array.isArray(descr)) {
    throw bad(where, "structured dtypes are not read", [], "save each field as its own plain array");
  }
  if (typeof descr !== "string") throw bad(where, "descr is not a dtype string");
  const [, order = "", kind = "", width = ""] = /^([<>=|]?)([a-zA-Z?])(\d*)/.exec(descr) ?? [];
  const code = kind === "?" ? "b1" : kind + width;
  // Exactly order + code: `<f4junk` and `<M8[ns]` are something else.
  const whole = descr === `${order}${kind}${width}`;
  const type = whole && Object.hasOwn(elementTypeOf, code) ? elementTypeOf[code] : undefined;
  const readable = `readable: ${Object.keys(elementTypeOf).join(", ")}, little-endian`;
  if (type === undefined) {
    const what = refusedKinds[kind] ?? "an unknown dtype";
    throw bad(where, `dtype ${shown(descr)} is not read: ${what}`, [readable]);
  }
  const itemSize = Number(code.slice(1));
  if (order === ">" && itemSize > 1) {
    throw bad(
      where,
      `dtype ${shown(descr)} is big-endian`,
      [readable],
      'save array.astype(array.dtype.newbyteorder("<"))',
    );
  }
  return { type, itemSize };
}

function dimsOf(shape: Literal | undefined, where: string): number[] {
  if (typeof shape !== "object" || shape === null || !("tuple" in shape)) {
    throw bad(where, "shape is not a tuple");
  }
  const dims = shape.tuple;
  if (dims.length > MAX_DIMS) throw bad(where, `shape has ${dims.length} dimensions`);
  return dims.map((d) => {
    if (typeof d === "number" && d >= 0) return d;
    throw bad(where, `shape (${dims.map(String).join(", ")}) has a size that is not a whole number`);
  });
}
