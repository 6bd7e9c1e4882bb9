/** TensorProto ↔ Tensor: the ways ONNX stores numbers. Little-endian, as every platform of ours is. */
import { type ExternalReader, readExternal } from "./external.ts";
import type { TensorMessage } from "./protobuf-schema.ts";
import { corrupt, unsupported } from "./read-errors.ts";
import { type ElementType, elementTypes, type Tensor } from "./tensor.ts";

type NumericType = Exclude<ElementType, "string">;
type Store = "float_data" | "int32_data" | "int64_data" | "double_data" | "uint64_data";
type Numbers = Exclude<Tensor["data"], readonly string[]>;

interface ArrayType {
  readonly BYTES_PER_ELEMENT: number;
  new (buffer: ArrayBufferLike, byteOffset: number, length: number): Numbers;
}

/** Per type: its array, and the field of TensorProto that holds it when raw_data does not. */
const encodings: Readonly<Record<NumericType, readonly [ArrayType, Store]>> = {
  float32: [Float32Array, "float_data"],
  uint8: [Uint8Array, "int32_data"],
  int8: [Int8Array, "int32_data"],
  uint16: [Uint16Array, "int32_data"],
  int16: [Int16Array, "int32_data"],
  int32: [Int32Array, "int32_data"],
  int64: [BigInt64Array, "int64_data"],
  bool: [Uint8Array, "int32_data"],
  float16: [Uint16Array, "int32_data"],
  float64: [Float64Array, "double_data"],
  uint32: [Uint32Array, "uint64_data"],
  uint64: [BigUint64Array, "uint64_data"],
  bfloat16: [Uint16Array, "int32_data"],
};

const typeOfNumber = new Map(
  Object.entries(elementTypes).map(([type, number]) => [number as number, type as ElementType]),
);

/** More dims than any tensor of a model has; each one costs every later reader of the shape. */
const maxRank = 64;

/** The element type of an ONNX number. Throws KitError E_ONNX_UNSUPPORTED. */
export function elementType(number: number, where: string, file: string): ElementType {
  const type = typeOfNumber.get(number);
  if (type !== undefined) return type;
  throw unsupported(file, `tensors of ONNX element type ${number}`, where, "export the model in float32");
}

/** Where a tensor is read: for messages, and the way to weights outside the file. */
export interface Source {
  readonly file: string;
  readonly where: string;
  readonly external?: ExternalReader;
}

/** A tensor as ONNX stores it → Tensor; a view into the file's bytes where alignment allows. */
export function decodeTensor(proto: TensorMessage, { file, where, external }: Source): Tensor {
  const type = elementType(proto.data_type ?? 0, where, file);
  const rank = proto.dims?.length ?? 0;
  const dims = Array.from(proto.dims?.subarray(0, maxRank) ?? [], Number);
  const bad = (what: string) => corrupt(file, what, `${where}, ${type} [${dims.slice(0, 8).join(", ")}]`);
  if (rank > maxRank) throw bad(`a tensor of ${rank} dims`);
  if (dims.some((d) => d < 0)) throw bad("a dim is negative");
  if (proto.segment !== undefined) throw bad("the tensor is stored in segments");
  // Zero first: [2^40, 2^40, 0] is an odd but valid way to say nothing.
  const size = dims.includes(0) ? 0 : dims.reduce((n, d) => n * d, 1);
  if (!Number.isSafeInteger(size * 8)) throw bad("dims are too large");

  if (type === "string") {
    const data = proto.string_data ?? [];
    if (data.length !== size) throw bad(`${data.length} strings for ${size} elements`);
    return { type, dims, data };
  }
  const [array, store] = encodings[type];
  const width = array.BYTES_PER_ELEMENT;
  const make = (data: Numbers) => ({ type, dims, data: type === "bool" ? flags(data) : data }) as Tensor;

  const raw =
    proto.data_location === 1
      ? readExternal(proto.external_data ?? [], size * width, where, external)
      : proto.raw_data;
  if (raw !== undefined && (raw.length > 0 || proto[store] === undefined)) {
    if (raw.length !== size * width) throw bad(`${raw.length} bytes for ${size} elements of ${width}`);
    const aligned = raw.byteOffset % width === 0 ? raw : new Uint8Array(raw); // a copy; the slice of a Buffer is none
    return make(new array(aligned.buffer, aligned.byteOffset, size));
  }
  const data = proto[store] ?? new Float32Array(0);
  if (data.length !== size) throw bad(`${data.length} numbers for ${size} elements`);
  if (data.constructor === array) return make(data);
  const converted = new array(new ArrayBuffer(size * width), 0, size);
  // A typed array keeps the low bits, which is how the narrow types are packed into int32_data and uint64_data.
  for (let i = 0; i < size; i++) converted[i] = Number(data[i]);
  return make(converted);
}

/** Always raw_data, except strings, which have no raw form. */
export function encodeTensor(tensor: Tensor, name?: string): TensorMessage {
  const head = {
    dims: BigInt64Array.from(tensor.dims, BigInt),
    data_type: elementTypes[tensor.type],
    ...(name === undefined ? {} : { name }),
  };
  if (tensor.type === "string") return { ...head, string_data: [...tensor.data] };
  const { buffer, byteOffset, byteLength } = tensor.data;
  return { ...head, raw_data: new Uint8Array(buffer, byteOffset, byteLength) };
}

/** One byte per element, 0 or 1: any other byte is true. */
function flags(data: Numbers): Numbers {
  for (const value of data) {
    if (value > 1) return Uint8Array.from(data as Uint8Array, (v) => (v === 0 ? 0 : 1));
  }
  return data;
}
