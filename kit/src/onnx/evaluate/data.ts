/** Reading and making tensor data of any element type. */
import type { Call, Info } from "../inference/call.ts";
import { type ElementType, sizeOf, type Tensor } from "../tensor.ts";

/** Values of all outputs, or undefined if this case is better left to the engine. All given inputs have values. */
export type Evaluator = (c: Call, outputs: readonly Info[]) => readonly Tensor[] | undefined;

export type Numeric = Exclude<ElementType, "string">;
/** Numbers, decoded where they are stored as bits. */
export type Numbers = Float32Array | Float64Array | Int8Array | Int16Array | Int32Array | Unsigned;
type Unsigned = Uint8Array | Uint16Array | Uint32Array;
export type BigInts = BigInt64Array | BigUint64Array;

const arrays = {
  float32: Float32Array,
  uint8: Uint8Array,
  int8: Int8Array,
  uint16: Uint16Array,
  int16: Int16Array,
  int32: Int32Array,
  int64: BigInt64Array,
  bool: Uint8Array,
  float16: Uint16Array,
  float64: Float64Array,
  uint32: Uint32Array,
  uint64: BigUint64Array,
  bfloat16: Uint16Array,
} as const satisfies Record<Numeric, unknown>;

export const isBig = (data: Numbers | BigInts): data is BigInts =>
  data instanceof BigInt64Array || data instanceof BigUint64Array;

export const isFloat = (type: ElementType): boolean => type.includes("float");

/** Raw storage for n elements, zeros. */
export const storage = (type: Numeric, n: number): Numbers | BigInts => new arrays[type](n);

/** The data as numbers or bigints; undefined for strings. Half floats are decoded. */
export function decode(t: Tensor): Numbers | BigInts | undefined {
  if (t.type === "string") return undefined;
  if (t.type === "float16") return Float32Array.from(t.data, fromHalf);
  if (t.type === "bfloat16") return Float32Array.from(t.data, (bits) => floatOfBits(bits << 16));
  return t.data;
}

/** Makes a tensor of numbers; half floats are encoded here. The data of other types are taken, not copied. */
export function encode(type: Numeric, dims: readonly number[], data: Numbers | BigInts): Tensor {
  const bits = type === "float16" ? toHalf : type === "bfloat16" ? toBrain : undefined;
  return rawTensor(type, dims, bits && !isBig(data) ? Uint16Array.from(data, bits) : data);
}

/** A tensor around raw storage of its type. */
export function rawTensor(type: Numeric, dims: readonly number[], data: Numbers | BigInts): Tensor {
  // the one place where type and array kind are matched by the caller's word: `storage(type, …)` made the array
  return { type, dims, data } as Tensor;
}

/** Elements of any kind of storage as opaque cells, to be moved and not computed with. */
export const cells = (data: Numbers | BigInts): Record<number, number> =>
  data as unknown as Record<number, number>;

const scratch = new DataView(new ArrayBuffer(4));
const bitsOfFloat = (x: number): number => {
  scratch.setFloat32(0, x);
  return scratch.getUint32(0);
};
const floatOfBits = (bits: number): number => {
  scratch.setUint32(0, bits >>> 0);
  return scratch.getFloat32(0);
};

export function fromHalf(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1024 + fraction) * 2 ** (exponent - 25));
}

const roundHalfEven = (x: number): number => {
  const low = Math.floor(x);
  const over = x - low;
  return over > 0.5 || (over === 0.5 && low % 2 === 1) ? low + 1 : low;
};

/** Nearest half float, ties to even. */
export function toHalf(x: number): number {
  const sign = x < 0 || Object.is(x, -0) ? 0x8000 : 0;
  const size = Math.abs(x);
  if (Number.isNaN(x)) return 0x7e00;
  if (size >= 65520) return sign | 0x7c00;
  // subnormal halves are multiples of 2^-24; a carry out of the fraction lands in the exponent, as it should
  if (size < 2 ** -14) return sign | roundHalfEven(size * 2 ** 24);
  const exponent = (bitsOfFloat(size) >>> 23) - 127;
  return sign | (((exponent + 14) << 10) + roundHalfEven(size * 2 ** (10 - exponent)));
}

/** Nearest bfloat16, ties to even. */
function toBrain(x: number): number {
  if (Number.isNaN(x)) return 0x7fc0;
  const bits = bitsOfFloat(x);
  return (bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16;
}

export function stridesOf(dims: readonly number[]): number[] {
  const strides: number[] = new Array(dims.length);
  let step = 1;
  for (let i = dims.length - 1; i >= 0; i--) {
    strides[i] = step;
    step *= dims[i];
  }
  return strides;
}

/** For each element of `dims` in row order, offset + Σ index·stride. */
export function positions(dims: readonly number[], strides: readonly number[], offset = 0): Int32Array {
  const made = new Int32Array(sizeOf(dims));
  const index = new Array<number>(dims.length).fill(0);
  let at = offset;
  for (let i = 0; i < made.length; i++) {
    made[i] = at;
    for (let axis = dims.length - 1; axis >= 0; axis--) {
      at += strides[axis];
      if (++index[axis] < dims[axis]) break;
      at -= strides[axis] * dims[axis];
      index[axis] = 0;
    }
  }
  return made;
}

/** Where each element of `dims` comes from in a tensor of dims `from` that broadcasts to it. */
export function broadcastPositions(from: readonly number[], dims: readonly number[]): Int32Array {
  const strides = stridesOf(from);
  const shift = dims.length - from.length;
  return positions(
    dims,
    dims.map((_, i) => (i < shift || from[i - shift] === 1 ? 0 : strides[i - shift])),
  );
}

/** The elements of `t` at `where`, as a tensor of `dims`. */
export function take(t: Tensor, dims: readonly number[], where: Int32Array): Tensor | undefined {
  if (t.type === "string") return undefined;
  const data = storage(t.type, where.length);
  const to = cells(data);
  const from = cells(t.data);
  for (let i = 0; i < where.length; i++) to[i] = from[where[i]];
  return rawTensor(t.type, dims, data);
}

/** The same data under other dims. */
export const view = (t: Tensor, dims: readonly number[]): Tensor => ({ ...t, dims });
