import { describe, expect, it } from "vitest";
import { KitError } from "../errors.ts";
import {
  decode,
  doubles,
  encode,
  float,
  floats,
  int,
  int64,
  int64s,
  many,
  message,
  one,
  string,
} from "./protobuf.ts";

const Leaf = message({ name: string(1), values: int64s(2), ratio: float(3) });
const Tree = message({
  leaf: one(1, Leaf),
  leaves: many(2, Leaf),
  id: int(3),
  big: int64(4),
  f: floats(5),
  d: doubles(6),
});
const read = (...bytes: number[]) => decode(Tree, Uint8Array.from(bytes), "f");

describe("protobuf", () => {
  it("reads what it writes", () => {
    const value = {
      leaf: {
        name: "grün",
        values: BigInt64Array.of(0n, -1n, 2n ** 63n - 1n, -(2n ** 63n), 300n),
        ratio: 0.5,
      },
      leaves: [{}, { name: "" }],
      id: -(2 ** 40),
      big: -(2n ** 63n),
      f: Float32Array.of(1, Number.NaN),
      d: Float64Array.of(0.1),
    };
    expect(decode(Tree, encode(Tree, value), "f")).toEqual(value);
  });

  it("reads repeated numbers packed, one by one and mixed", () => {
    const packed = [0x12, 3, 1, 0x80, 1]; // 1, 128
    const single = [0x10, 7];
    const values = (...bytes: number[]) => read(0x0a, bytes.length, ...bytes).leaf?.values;
    expect(values(...packed)).toEqual(BigInt64Array.of(1n, 128n));
    expect(values(...single, ...single, ...single)).toEqual(BigInt64Array.of(7n, 7n, 7n));
    expect(values(...single, ...packed, ...single)).toEqual(BigInt64Array.of(7n, 1n, 128n, 7n));
  });

  it("never writes into the file it reads", () => {
    const one = [0x2a, 4, 0, 0, 0x80, 0x3f];
    for (let pad = 0; pad < 4; pad++) {
      // `id` in front moves the floats through every alignment.
      const front = [[], [0x18, 1], [0x18, 0x81, 1], [0x18, 0x81, 0x81, 1]][pad];
      const file = Uint8Array.from([...front, ...one, ...one, ...one]);
      const before = file.slice();
      expect(decode(Tree, file, "f").f).toEqual(Float32Array.of(1, 1, 1));
      expect(file).toEqual(before);
    }
  });

  it("skips fields it does not know", () => {
    expect(read(0x78, 1, 0x79, ...Array(8).fill(0), 0x7a, 1, 0, 0x7d, 0, 0, 0, 0, 0x18, 5)).toEqual({
      id: 5,
    });
  });

  const broken: readonly (readonly [string, number[], string, string])[] = [
    ["a varint cut short", [0x18, 0x80], "cut short", "byte 2, id"],
    ["a varint without end", [0x18, ...Array(11).fill(0xff)], "longer than 10 bytes", "byte 11, id"],
    ["a length past the end", [0x12, 0, 0x12, 9, 0], "9 bytes announced, 1 left", "byte 4, leaves[1]"],
    [
      "a length past its message",
      [0x0a, 3, 0x0a, 2, 65, 65],
      "2 bytes announced, 1 left",
      "byte 4, leaf.name",
    ],
    ["a wrong wire type", [0x1a, 0], "wire type 2 where 0 belongs", "byte 1, id"],
    ["a group", [0x7b], "wire type 3", "byte 1, field 15"],
    ["field number 0", [0x00], "no protobuf field", "byte 1, at the top"],
    ["broken UTF-8", [0x0a, 3, 0x0a, 1, 0xff], "not UTF-8", "byte 5, leaf.name"],
    ["half a float", [0x2a, 3, 0, 0, 0], "whole numbers of 4 bytes", "byte 2, f"],
    ["a packed number cut short", [0x0a, 4, 0x12, 2, 1, 0x80], "cut short", "byte 5, leaf.values"],
    ["one message twice", [0x0a, 0, 0x0a, 0], "twice", "byte 3, leaf"],
    [
      "a huge length",
      [0x12, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1],
      "announced",
      "byte 11, leaves[0]",
    ],
  ];
  for (const [what, bytes, problem, where] of broken) {
    it(`names byte and path of ${what}`, () => {
      try {
        read(...bytes);
      } catch (error) {
        expect(error).toBeInstanceOf(KitError);
        expect((error as KitError).code).toBe("E_ONNX_CORRUPT");
        expect((error as KitError).message).toContain(problem);
        expect((error as KitError).details).toEqual([where]);
        return;
      }
      expect.unreachable();
    });
  }
});
