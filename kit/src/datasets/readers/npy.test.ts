import { execFileSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { KitError } from "../../errors.ts";
import { float32, int64, type Tensor, toFloat32 } from "../../onnx/tensor.ts";
import { encodeNpy, parseNpy, toIntegers } from "./npy.ts";

/** A .npy with this header text and these values, each length right. */
function npy(header: string, values: Uint8Array = new Uint8Array(0), version = 1): Uint8Array {
  const text = new TextEncoder().encode(`${header}\n`);
  const length =
    version === 1 ? [text.length & 255, text.length >> 8] : [text.length & 255, text.length >> 8, 0, 0];
  return Uint8Array.from([
    0x93,
    ...new TextEncoder().encode("NUMPY"),
    version,
    0,
    ...length,
    ...text,
    ...values,
  ]);
}
const header = (descr: string, shape: string, fortran = "False") =>
  `{'descr': ${descr}, 'fortran_order': ${fortran}, 'shape': ${shape}, }`;

function messageOf(bytes: Uint8Array): string {
  try {
    parseNpy(bytes, "a.npy");
  } catch (error) {
    if (!(error instanceof KitError)) throw error;
    expect(error.code).toBe("E_NPY");
    expect(error.next).toBeTruthy();
    return [error.message, ...error.details].join(" | ");
  }
  throw new Error("was accepted");
}

const samples: Tensor[] = [
  { type: "uint8", dims: [2, 2], data: Uint8Array.of(0, 1, 254, 255) },
  { type: "int8", dims: [3], data: Int8Array.of(-128, 0, 127) },
  { type: "bool", dims: [2], data: Uint8Array.of(1, 0) },
  { type: "uint16", dims: [2], data: Uint16Array.of(0, 65535) },
  { type: "int16", dims: [2], data: Int16Array.of(-32768, 32767) },
  { type: "int32", dims: [2], data: Int32Array.of(-(2 ** 31), 7) },
  { type: "uint32", dims: [2], data: Uint32Array.of(2 ** 32 - 1, 7) },
  int64([1, 2], [-5, 2 ** 40]),
  { type: "uint64", dims: [1], data: BigUint64Array.of(2n ** 64n - 1n) },
  { type: "float16", dims: [3], data: Uint16Array.of(0x3c00, 0xc000, 0x0001) },
  float32([1, 1, 2], [0.5, -1e-30]),
  { type: "float64", dims: [2], data: Float64Array.of(Math.PI, Number.NaN) },
  float32([], [3]),
  float32([0, 4], []),
];

describe("npy", () => {
  it.each(samples.map((tensor) => [tensor.type, tensor] as const))("writes and reads %s", (_, tensor) => {
    const bytes = encodeNpy(tensor);
    expect(parseNpy(bytes)).toEqual(tensor);
    const shifted = new Uint8Array(bytes.length + 1);
    shifted.set(bytes, 1);
    expect(parseNpy(shifted.subarray(1))).toEqual(tensor); // not aligned in memory
  });

  it("reads versions 2 and 3, Python 2's long integers, native and irrelevant byte orders", () => {
    const one = Uint8Array.of(7);
    expect(parseNpy(npy(header("'|u1'", "(1L,)"), one, 2)).dims).toEqual([1]);
    expect(parseNpy(npy(header('">u1"', "(1, 1)"), one, 3)).dims).toEqual([1, 1]);
    expect(parseNpy(npy(header("'=f4'", "()"), new Uint8Array(4))).type).toBe("float32");
    expect(parseNpy(npy(header("'|b1'", "(1,)"), Uint8Array.of(1))).type).toBe("bool");
  });

  it.each([
    ["empty", new Uint8Array(0), "header is cut off (0 bytes"],
    ["text", new TextEncoder().encode("PK\x03\x04"), "not a .npy array"],
    ["version 9", npy(header("'|u1'", "()"), undefined, 9), "version 9"],
    [
      "cut header",
      npy(header("'|u1'", "(1,)"), Uint8Array.of(1)).subarray(0, 30),
      "header is cut off (30 bytes",
    ],
    ["big-endian", npy(header("'>f4'", "(1,)"), new Uint8Array(4)), "'>f4' is big-endian"],
    ["Fortran", npy(header("'<f4'", "(1,)", "True"), new Uint8Array(4)), "Fortran order"],
    ["object", npy(header("'|O'", "(1,)")), "Python objects (pickle)"],
    ["text dtype", npy(header("'<U5'", "(1,)")), "text"],
    ["dates", npy(header("'<M8[ns]'", "(1,)")), "dates"],
    ["complex", npy(header("'<c8'", "(1,)")), "complex"],
    ["long double", npy(header("'<f16'", "(1,)")), "floats of this width"],
    ["structured", npy(header("[('a', '<f4')]", "(1,)")), "structured"],
    ["too few bytes", npy(header("'<f4'", "(2,)"), new Uint8Array(4)), "needs 8 bytes | 4 follow"],
    ["too many bytes", npy(header("'<f4'", "()"), new Uint8Array(5)), "needs 4 bytes | 5 follow"],
    ["huge shape", npy(header("'<f8'", "(9007199254740991, 3)")), "larger than any file"],
    ["huge side", npy(header("'<f8'", "(99999999999999999999,)")), "too large"],
    ["negative side", npy(header("'<f8'", "(-1,)")), "not a whole number"],
    ["fraction", npy(header("'<f8'", "(1.5,)")), "not a Python literal"],
    ["list for a shape", npy(header("'<f8'", "[1]")), "not a tuple"],
    ["number for a shape", npy(header("'<f8'", "(1)")), "not a tuple"],
    ["other keys", npy("{'descr': '|u1', 'shape': (), 'order': False}"), "exactly descr"],
    ["a key twice", npy("{'shape': (), 'shape': ()}"), "twice"],
    ["code", npy("__import__('os')"), "not a Python literal at character 0"],
    ["after the dict", npy(`${header("'|u1'", "()")} 1`), "not a Python literal"],
    ["many dimensions", npy(header("'|u1'", `(${"1,".repeat(65)})`)), "65 dimensions"],
    ["deep nesting", npy(`${"(".repeat(2000)}`), "not a Python literal"],
    ["bool of 2", npy(header("'|b1'", "(1,)"), Uint8Array.of(2)), "bool value 0 is 2"],
  ])("refuses %s", (_, bytes, expected) => {
    expect(messageOf(bytes)).toContain(expected);
  });

  it("refuses a header that claims to be long before reading it", () => {
    const bytes = npy("", undefined, 2);
    bytes.set([255, 255, 255, 255], 8);
    expect(messageOf(bytes)).toContain("claims 4294967295 bytes");
  });

  it("converts to float32", () => {
    const half = {
      type: "float16",
      dims: [6],
      data: Uint16Array.of(0x3c00, 0xc500, 1, 0x7c00, 0x8000, 0x7bff),
    } as const;
    expect([...toFloat32(half)]).toEqual([1, -5, 2 ** -24, Number.POSITIVE_INFINITY, -0, 65504]);
    expect([...toFloat32({ type: "bfloat16", dims: [1], data: Uint16Array.of(0xbf80) })]).toEqual([-1]);
    expect([...toFloat32(int64([2], [-3, 16777216]))]).toEqual([-3, 16777216]);
    expect([...toFloat32({ type: "uint8", dims: [1], data: Uint8Array.of(200) })]).toEqual([200]);
  });

  it("converts to whole numbers or says which is none", () => {
    expect(toIntegers(int64([2], [-3, 12]))).toEqual([-3, 12]);
    expect(() => toIntegers(float32([2], [1, 0.5]), "labels")).toThrow(
      "labels: value 1 is 0.5, not a whole number",
    );
    expect(() => toIntegers({ type: "uint64", dims: [1], data: BigUint64Array.of(2n ** 60n) })).toThrow(
      "not a whole",
    );
  });
});

const python = ["python3", "/usr/bin/python3"].find((command) => {
  try {
    execFileSync(command, ["-c", "import numpy"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
});

describe.skipIf(python === undefined)("numpy (needs python3 with numpy)", () => {
  const codes = ["u1", "i1", "b1", "u2", "i2", "u4", "i4", "u8", "i8", "f2", "f4", "f8"];
  it("writes what we read, to the value", () => {
    const script = `
import io, sys, json, numpy as np
out = []
for code in json.loads(sys.argv[1]):
    for shape in [(), (5,), (2, 3)]:
        n = int(np.prod(shape))
        a = (np.arange(n) % 2 if code == "b1" else np.arange(n) * 3 + 1).astype(code).reshape(shape)
        for version in [(1, 0), (2, 0), (3, 0)]:
            f = io.BytesIO(); np.lib.format.write_array(f, a, version=version)
            out.append([code, list(shape), f.getvalue().hex()])
print(json.dumps(out))`;
    const files = JSON.parse(
      execFileSync(python!, ["-c", script, JSON.stringify(codes)], { encoding: "utf8" }),
    );
    expect(files.length).toBe(codes.length * 9);
    for (const [code, shape, hex] of files) {
      const tensor = parseNpy(Buffer.from(hex, "hex"), code);
      expect(tensor.dims).toEqual(shape);
      const expected = Array.from(toFloat32(tensor), (_, i) => (code === "b1" ? i % 2 : i * 3 + 1));
      expect([...toFloat32(tensor)]).toEqual(expected);
    }
  });

  it("reads what we write, byte for byte as numpy.save", () => {
    const script = `
import io, sys, numpy as np
for line in sys.stdin:
    data = bytes.fromhex(line.strip()); a = np.load(io.BytesIO(data))
    f = io.BytesIO(); np.save(f, a); print(f.getvalue() == data)`;
    const input = samples.map((tensor) => Buffer.from(encodeNpy(tensor)).toString("hex")).join("\n");
    const answers = execFileSync(python!, ["-c", script], { input, encoding: "utf8" }).trim().split("\n");
    expect(answers).toEqual(samples.map(() => "True"));
  });
});
