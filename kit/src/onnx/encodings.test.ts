import { describe, expect, it } from "vitest";
import { KitError } from "../errors.ts";
import { decodeTensor, encodeTensor } from "./encodings.ts";
import type { TensorMessage } from "./protobuf-schema.ts";
import { type ElementType, elementTypes, type Tensor, toFloat32 } from "./tensor.ts";

const read = (proto: TensorMessage) =>
  decodeTensor(proto, { file: "m.onnx", where: "graph.initializer[0] w" });
const tensor = (type: ElementType, dims: number[], rest: TensorMessage): TensorMessage => ({
  data_type: elementTypes[type],
  dims: BigInt64Array.from(dims, BigInt),
  ...rest,
});
const ints = (...values: number[]) => ({ int32_data: Int32Array.from(values) });

describe("decodeTensor", () => {
  const stored: readonly (readonly [ElementType, TensorMessage, ArrayLike<unknown>])[] = [
    ["float32", { float_data: Float32Array.of(1.5, -2) }, Float32Array.of(1.5, -2)],
    ["float64", { double_data: Float64Array.of(0.1, -2) }, Float64Array.of(0.1, -2)],
    ["int64", { int64_data: BigInt64Array.of(2n ** 62n, -1n) }, BigInt64Array.of(2n ** 62n, -1n)],
    ["uint64", { uint64_data: BigUint64Array.of(2n ** 63n, 1n) }, BigUint64Array.of(2n ** 63n, 1n)],
    ["uint32", { uint64_data: BigUint64Array.of(2n ** 32n - 1n, 1n) }, Uint32Array.of(2 ** 32 - 1, 1)],
    ["int32", ints(-7, 8), Int32Array.of(-7, 8)],
    ["int16", ints(-7, 8), Int16Array.of(-7, 8)],
    ["int8", ints(-7, 8), Int8Array.of(-7, 8)],
    ["uint16", ints(65535, 8), Uint16Array.of(65535, 8)],
    ["uint8", ints(255, 8), Uint8Array.of(255, 8)],
    ["bool", ints(1, 0), Uint8Array.of(1, 0)],
    ["float16", ints(0x3c00, 0xc000), Uint16Array.of(0x3c00, 0xc000)],
    ["bfloat16", ints(0x3f80, 0xc000), Uint16Array.of(0x3f80, 0xc000)],
    ["string", { string_data: ["a", "ß"] }, ["a", "ß"]],
  ];
  for (const [type, proto, data] of stored) {
    it(`reads ${type}, by field and as raw bytes`, () => {
      const first = read(tensor(type, [2], proto));
      expect(first).toEqual({ type, dims: [2], data });
      expect(read(encodeTensor(first))).toEqual(first);
    });
  }

  it("views aligned bytes and copies others", () => {
    const file = new Uint8Array(32);
    file[8] = 1;
    const at = (offset: number) =>
      read(tensor("int32", [1], { raw_data: file.subarray(offset, offset + 4) }));
    expect(at(8).data).toEqual(Int32Array.of(1));
    expect((at(8).data as Int32Array).buffer).toBe(file.buffer);
    expect(at(5).data).toEqual(Int32Array.of(1 << 24));
    expect((at(5).data as Int32Array).buffer).not.toBe(file.buffer);
  });

  it("makes every true byte 1", () => {
    expect(read(tensor("bool", [3], { raw_data: Uint8Array.of(0, 1, 255) })).data).toEqual(
      Uint8Array.of(0, 1, 1),
    );
  });

  it("reads scalars and tensors without elements", () => {
    expect(read(tensor("float32", [], { float_data: Float32Array.of(3) })).data).toEqual(Float32Array.of(3));
    expect(read(tensor("int64", [0], {})).data).toEqual(new BigInt64Array(0));
    expect(read(tensor("float32", [2 ** 50, 0, 2 ** 50], {})).data).toHaveLength(0);
  });

  const refused: readonly (readonly [string, TensorMessage, string])[] = [
    [
      "too few raw bytes",
      tensor("float32", [2], { raw_data: new Uint8Array(7) }),
      "7 bytes for 2 elements of 4",
    ],
    [
      "too many numbers",
      tensor("float32", [1], { float_data: new Float32Array(2) }),
      "2 numbers for 1 elements",
    ],
    ["no data", tensor("float32", [2], {}), "0 numbers for 2 elements"],
    ["a missing string", tensor("string", [2], { string_data: ["a"] }), "1 strings for 2 elements"],
    ["a negative dim", tensor("float32", [-1], {}), "a dim is negative"],
    ["an overflowing product", tensor("float32", [2 ** 40, 2 ** 40], {}), "dims are too large"],
    [
      "too many dims",
      tensor("float32", Array(65).fill(1), { float_data: new Float32Array(1) }),
      "of 65 dims",
    ],
    ["segments", tensor("float32", [1], { segment: new Uint8Array(0) }), "segments"],
    ["float8", { ...tensor("float32", [1], {}), data_type: 17 }, "element type 17"],
  ];
  for (const [what, proto, problem] of refused) {
    it(`refuses ${what}`, () => {
      expect(() => read(proto)).toThrow(KitError);
      expect(() => read(proto)).toThrow(problem);
    });
  }
});

describe("toFloat32", () => {
  it("reads float16 by the definition of the format", () => {
    const values: readonly (readonly [number, number])[] = [
      [0x0000, 0],
      [0x8000, -0],
      [0x0001, 2 ** -24],
      [0x03ff, 1023 * 2 ** -24],
      [0x0400, 2 ** -14],
      [0x3c00, 1],
      [0x3555, 0.333251953125],
      [0xc000, -2],
      [0x7bff, 65504],
      [0x7c00, Number.POSITIVE_INFINITY],
      [0xfc00, Number.NEGATIVE_INFINITY],
      [0x7e00, Number.NaN],
    ];
    const half: Tensor = { type: "float16", dims: [12], data: Uint16Array.from(values, ([bits]) => bits) };
    expect(Array.from(toFloat32(half))).toEqual(values.map(([, value]) => value));
  });
  it("reads bfloat16 and integers", () => {
    expect(toFloat32({ type: "bfloat16", dims: [3], data: Uint16Array.of(0x3f80, 0xc040, 0xff80) })).toEqual(
      Float32Array.of(1, -3, Number.NEGATIVE_INFINITY),
    );
    expect(toFloat32({ type: "int64", dims: [2], data: BigInt64Array.of(-5n, 7n) })).toEqual(
      Float32Array.of(-5, 7),
    );
    expect(toFloat32({ type: "uint8", dims: [1], data: Uint8Array.of(255) })).toEqual(Float32Array.of(255));
  });
  it("does not copy float32", () => {
    const data = Float32Array.of(1);
    expect(toFloat32({ type: "float32", dims: [1], data })).toBe(data);
  });
});
