/**
 * Tensors as ONNX knows them: a type, dims and row-major data.
 * float16 and bfloat16 are kept as their bits; `toFloat32` reads them.
 */

/** ONNX element types we read and write, with ONNX's own numbers (TensorProto.DataType). */
export const elementTypes = {
  float32: 1,
  uint8: 2,
  int8: 3,
  uint16: 4,
  int16: 5,
  int32: 6,
  int64: 7,
  string: 8,
  bool: 9,
  float16: 10,
  float64: 11,
  uint32: 12,
  uint64: 13,
  bfloat16: 16,
} as const;

export type ElementType = keyof typeof elementTypes;

interface DataOf {
  float32: Float32Array;
  uint8: Uint8Array;
  int8: Int8Array;
  uint16: Uint16Array;
  int16: Int16Array;
  int32: Int32Array;
  int64: BigInt64Array;
  string: readonly string[];
  /** one byte per element, 0 or 1 */
  bool: Uint8Array;
  /** IEEE half bits */
  float16: Uint16Array;
  float64: Float64Array;
  uint32: Uint32Array;
  uint64: BigUint64Array;
  /** upper half of the float32 bits */
  bfloat16: Uint16Array;
}

export type Tensor<T extends ElementType = ElementType> = {
  [K in T]: { readonly type: K; readonly dims: readonly number[]; readonly data: DataOf[K] };
}[T];

export type Float32Tensor = Tensor<"float32">;
export type Int64Tensor = Tensor<"int64">;

/** Number of elements of `dims`; 1 for a scalar. */
export const sizeOf = (dims: readonly number[]): number => dims.reduce((n, d) => n * d, 1);

/** The same type, dims and values; NaN equals itself, 0 is not −0. */
export function sameTensor(a: Tensor, b: Tensor): boolean {
  if (a === b) return true;
  if (a.type !== b.type || a.dims.join() !== b.dims.join()) return false;
  const [left, right] = [a.data, b.data];
  for (let i = 0; i < left.length; i++) if (!Object.is(left[i], right[i])) return false;
  return true;
}

/** A float32 tensor; the data are taken, not copied. Throws RangeError if dims and data disagree. */
export function float32(dims: readonly number[], data: Float32Array | readonly number[]): Float32Tensor {
  const values = data instanceof Float32Array ? data : Float32Array.from(data);
  if (values.length !== sizeOf(dims)) {
    throw new RangeError(`${values.length} values for dims [${dims.join(", ")}]`);
  }
  return { type: "float32", dims, data: values };
}

/**
 * A float32 tensor that holds no values: they are worked out whenever `data` is read, and `make` gives the same ones every time. For what
 * other tensors tell and is wanted once or twice, while it is written down. Who reads element by element takes `data` first.
 */
export function derived(dims: readonly number[], make: () => Float32Array): Float32Tensor {
  return {
    type: "float32",
    dims,
    get data() {
      return make();
    },
  };
}

/** An int64 tensor from plain integers. */
export function int64(dims: readonly number[], values: readonly number[]): Int64Tensor {
  if (values.length !== sizeOf(dims)) {
    throw new RangeError(`${values.length} values for dims [${dims.join(", ")}]`);
  }
  return { type: "int64", dims, data: BigInt64Array.from(values, BigInt) };
}

/** The values as float32: the same array for float32, a new one otherwise. Strings have none: TypeError. */
export function toFloat32(tensor: Tensor): Float32Array {
  switch (tensor.type) {
    case "float32":
      return tensor.data;
    case "float16":
      return Float32Array.from(tensor.data, halfToNumber);
    case "bfloat16":
      return new Float32Array(Uint32Array.from(tensor.data, (bits) => bits << 16).buffer);
    case "int64":
    case "uint64": {
      const out = new Float32Array(tensor.data.length);
      for (let i = 0; i < out.length; i++) out[i] = Number(tensor.data[i]);
      return out;
    }
    case "string":
      throw new TypeError("a tensor of strings has no float32 values");
    default:
      return Float32Array.from(tensor.data);
  }
}

/** IEEE 754 binary16: 1 sign, 5 exponent and 10 fraction bits. */
function halfToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  return sign * (1024 + fraction) * 2 ** (exponent - 25);
}
