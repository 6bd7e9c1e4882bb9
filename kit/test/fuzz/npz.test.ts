import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { deflateRawSync } from "node:zlib";
import { afterAll, describe, expect, it } from "vitest";
import { encodeNpy } from "../../src/datasets/readers/npy.ts";
import { float32, type Tensor } from "../../src/onnx/tensor.ts";
import { type Case, fuzz, mutateBytes } from "./harness.ts";
import { writeZip, type ZipEntry, type ZipRecord, zipFields } from "./npz-writer.ts";

const target = new URL("npz-target.ts", import.meta.url);
const folder = mkdtempSync(join(tmpdir(), "xai-kit-fuzz-"));
process.env.XAI_FUZZ_FOLDER = folder;
afterAll(() => {
  delete process.env.XAI_FUZZ_FOLDER;
  rmSync(folder, { recursive: true });
});

const images: Tensor = {
  type: "uint8",
  dims: [9, 8, 8],
  data: Uint8Array.from({ length: 576 }, (_, i) => i % 50),
};
const entries: readonly ZipEntry[] = [
  { name: "images.npy", data: encodeNpy(images), deflate: true },
  { name: "labels.npy", data: encodeNpy(float32([9, 1], new Float32Array(9).fill(1))) },
];
const seed = writeZip(entries);

const numbers = (bytes: number, right: number) => {
  const top = 2 ** (8 * bytes);
  const near = [right - 1, right + 1, right * 2, right ^ 1].map((n) => ((n % top) + top) % top);
  return new Set([0, 1, 8, 9, 14, 99, 2 ** 15, top / 2, top - 2, top - 1, ...near].filter((n) => n < top));
};

/** A good archive with one field of one record changed. */
function* fields(): Generator<Case> {
  for (const record of Object.keys(zipFields) as ZipRecord[]) {
    for (const entry of record === "end" ? [0] : [0, 1]) {
      for (const [field, bytes] of zipFields[record]) {
        for (const value of numbers(bytes, seed.length)) {
          const name = `${record} ${entry} ${field} = ${value}`;
          yield { name, bytes: writeZip(entries, [{ record, entry, field, value }]) };
        }
      }
    }
  }
}

/** Names, doubled entries, arrays that are none, and files built to cost more than they weigh. */
function* built(): Generator<Case> {
  const plain = entries[1].data;
  const names = [
    "",
    ".npy",
    "a",
    "a.npy.npy",
    "../a.npy",
    "/a.npy",
    "a/b.npy",
    "a\\b.npy",
    "c:a.npy",
    "a\0.npy",
    "\u001b[2J.npy",
    "constructor.npy",
    "__proto__.npy",
    `${"n".repeat(60_000)}.npy`,
  ];
  for (const name of names)
    yield { name: `name ${name.slice(0, 20)}`, bytes: writeZip([{ name, data: plain }]) };
  yield { name: "no entries", bytes: writeZip([]) };
  yield { name: "an entry twice", bytes: writeZip([entries[0], entries[0]]) };
  const many = Array.from({ length: 1001 }, (_, i) => ({ name: `${i}.npy`, data: plain }));
  yield { name: "1001 entries", bytes: writeZip(many) };
  yield { name: "1000 entries", bytes: writeZip(many.slice(1)) };
  const zeros = new Uint8Array(200 * 2 ** 20);
  const bomb = deflateRawSync(zeros);
  const promise = (uncompressed: number, data: Uint8Array) =>
    writeZip(
      [{ name: "a.npy", data }],
      (["local", "central"] as const).flatMap((record) => [
        { record, field: "method", value: 8 },
        { record, field: "uncompressed", value: uncompressed },
      ]),
    );
  yield { name: "a bomb that promises 200 bytes", bytes: promise(200, bomb) };
  yield { name: "a bomb that promises 4 GB", bytes: promise(2 ** 32 - 2, bomb) };
  const shaped = (count: string) => {
    const text = "{'descr': '|u1', 'fortran_order': False, 'shape': (COUNT,)}"
      .replace("COUNT", count)
      .padEnd(117);
    return Buffer.concat([Buffer.from("\x93NUMPY\x01\x00v\x00", "latin1"), Buffer.from(`${text}\n`)]);
  };
  const head = shaped(String(zeros.length));
  const honest = deflateRawSync(Buffer.concat([head, zeros]));
  yield { name: "200 MB of zeros, a wrong checksum", bytes: promise(head.length + zeros.length, honest) };
  yield {
    name: "a shape beyond the entry",
    bytes: writeZip([{ name: "a.npy", data: shaped("4294967295") }]),
  };
  yield { name: "a row of 4 GB", bytes: promise(2 ** 32 - 2, deflateRawSync(shaped("4294967168"))) };
  // zip64: the locator before the end record points anywhere
  const end = seed.length - 22;
  for (const high of [0, 1, 2 ** 21, 2 ** 31, 2 ** 32 - 1]) {
    for (const low of [0, end, 2 ** 32 - 1]) {
      const locator = Buffer.alloc(20);
      locator.writeUInt32LE(0x07064b50, 0);
      locator.writeUInt32LE(low, 8);
      locator.writeUInt32LE(high, 12);
      const bytes = Buffer.concat([seed.subarray(0, end), locator, seed.subarray(end)]);
      yield { name: `zip64 locator ${high}:${low}`, bytes: new Uint8Array(bytes) };
    }
  }
  for (const high of [0, 2 ** 21, 2 ** 31, 2 ** 32 - 1]) {
    for (const at of [24, 32, 40, 48]) {
      const end64 = Buffer.alloc(56);
      end64.writeUInt32LE(0x06064b50, 0);
      end64.writeUInt32LE(2, 32);
      end64.writeUInt32LE(seed.length, 48);
      end64.writeUInt32LE(high, at + 4);
      const locator = Buffer.alloc(20);
      locator.writeUInt32LE(0x07064b50, 0);
      locator.writeUInt32LE(end, 8);
      const bytes = Buffer.concat([seed.subarray(0, end), end64, locator, seed.subarray(end)]);
      yield { name: `zip64 record, field at ${at} high ${high}`, bytes: new Uint8Array(bytes) };
    }
  }
}

describe("openNpz, fuzzed", () => {
  it("answers damaged files with arrays or a KitError", async () => {
    const structured = [...fields(), ...built()];
    const blind = Array.from({ length: 400 }, (_, i) => ({
      name: `bytes, seed ${i}`,
      bytes: mutateBytes(seed, i),
    }));
    const report = await fuzz(target, [{ name: "the seed itself", bytes: seed }, ...structured, ...blind]);
    expect(report.faults).toEqual([]);
    expect(structured.length).toBeGreaterThan(400);
    expect(report.accepted).toBeGreaterThan(100);
    expect(report.rejected).toBeGreaterThan(300);
  });
});
