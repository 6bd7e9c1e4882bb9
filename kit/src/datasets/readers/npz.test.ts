import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { open } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { zipSync } from "fflate";
import { afterAll, describe, expect, it } from "vitest";
import { fixtures } from "../../../test/fixtures.ts";
import { writeZip, type ZipLie } from "../../../test/fuzz/npz-writer.ts";
import { KitError } from "../../errors.ts";
import { float32, type Tensor } from "../../onnx/tensor.ts";
import { encodeNpy } from "./npy.ts";
import { openNpz } from "./npz.ts";

const folder = mkdtempSync(join(tmpdir(), "xai-kit-npz-"));
afterAll(() => rmSync(folder, { recursive: true }));
let files = 0;
function saved(bytes: Uint8Array): string {
  const path = join(folder, `${files++}.npz`);
  writeFileSync(path, bytes);
  return path;
}

const images: Tensor = {
  type: "uint8",
  dims: [50, 7, 5],
  data: Uint8Array.from({ length: 1750 }, (_, i) => i % 251),
};
const labels = float32(
  [50, 1],
  Array.from({ length: 50 }, (_, i) => i / 2),
);
const archive = (level: 0 | 6) =>
  zipSync({ "images.npy": [encodeNpy(images), { level }], "labels.npy": [encodeNpy(labels), { level }] });

async function rowsOf(path: string, name: string, wanted: number[]) {
  const npz = await openNpz(path);
  try {
    const rows: [number, number[]][] = [];
    for await (const { index, data } of npz.rows(name, wanted)) rows.push([index, Array.from(data, Number)]);
    return rows;
  } finally {
    await npz.close();
  }
}
const row = (index: number) => [index, [...(images.data as Uint8Array).slice(index * 35, index * 35 + 35)]];

describe.each([0, 6] as const)("npz of fflate, level %i", (level) => {
  const path = saved(archive(level));

  it("tells names, types and shapes", async () => {
    const npz = await openNpz(path);
    expect([...npz.entries]).toEqual([
      ["images", { dtype: "uint8", shape: [50, 7, 5] }],
      ["labels", { dtype: "float32", shape: [50, 1] }],
    ]);
    await npz.close();
  });

  it("reads whole arrays and rows", async () => {
    const npz = await openNpz(path);
    expect(await npz.read("labels")).toEqual(labels);
    expect(await npz.read("images")).toEqual(images);
    await npz.close();
    expect(await rowsOf(path, "images", [0, 3, 4, 49])).toEqual([row(0), row(3), row(4), row(49)]);
    expect(await rowsOf(path, "images", [])).toEqual([]);
    expect(await rowsOf(path, "labels", [3])).toEqual([[3, [1.5]]]);
  });

  it("lets go of a reader that stops early, and can be read again", async () => {
    const npz = await openNpz(path);
    for await (const { index } of npz.rows("images", [1, 2, 3])) {
      expect(index).toBe(1);
      break;
    }
    const both = await Promise.all([npz.read("images"), npz.read("labels")]);
    expect(both).toEqual([images, labels]);
    await npz.close();
  });

  it("refuses rows that are not there, in order", async () => {
    await expect(rowsOf(path, "images", [50])).rejects.toThrow("has rows 0 to 49, row 50 was asked for");
    await expect(rowsOf(path, "nothing", [0])).rejects.toThrow("has no array 'nothing'");
    await expect(rowsOf(path, "images", [2, 1])).rejects.toThrow("must ascend");
  });
});

async function errorOf(bytes: Uint8Array): Promise<string> {
  const path = saved(bytes);
  try {
    const npz = await openNpz(path);
    try {
      for (const name of npz.entries.keys()) await npz.read(name);
    } finally {
      await npz.close();
    }
  } catch (error) {
    if (!(error instanceof KitError)) throw error;
    expect(error.code).toMatch(/^E_NP[ZY]$/);
    expect(error.message).toContain(path);
    return [error.message, ...error.details].join(" | ");
  }
  throw new Error("was accepted");
}

const entry = (name: string, deflate = false) => ({ name, deflate, data: encodeNpy(labels) });
const lie = (change: Partial<ZipLie>, deflate = false) =>
  writeZip([entry("a.npy", deflate)], [{ record: "central", field: "", value: 0, ...change }]);

describe("npz refuses", () => {
  it.each([
    ["an empty file", new Uint8Array(0), "not a zip file, or file is truncated"],
    ["another file", new TextEncoder().encode("not an archive at all, just text"), "not a zip file"],
    ["a truncated file", archive(0).slice(0, -30), "truncated"],
    ["a start that is missing", archive(0).slice(200), ""],
    ["encryption", lie({ field: "flags", value: 1 }), ""],
    ["an unknown method", lie({ field: "method", value: 14 }), "compression method 14"],
    ["a stored entry of two sizes", lie({ field: "uncompressed", value: 1000 }), "size mismatch"],
    ["a size beyond the file", lie({ field: "compressed", value: 2 ** 31 }), ""],
    [
      "a deflated entry said to be longer",
      lie({ field: "uncompressed", value: 400 }, true),
      "the directory says 400",
    ],
    ["a deflated entry said to be shorter", lie({ field: "uncompressed", value: 100 }, true), "array 'a'"],
    ["an impossible ratio", lie({ field: "uncompressed", value: 2 ** 32 - 2 }, true), "cannot inflate"],
    ["a wrong checksum", lie({ field: "crc", value: 1 }), "checksum (CRC-32) does not match"],
    ["a wrong checksum, deflated", lie({ field: "crc", value: 1 }, true), "checksum (CRC-32) does not match"],
    ["an offset outside", lie({ field: "offset", value: 2 ** 31 }), "outside the file"],
    ["more entries than there are", lie({ record: "end", field: "entries", value: 7 }), "outside the file"],
    ["a name twice", writeZip([entry("a.npy"), entry("a.npy")]), "has 'a' twice"],
    ["a path", writeZip([entry("b/a.npy")]), "not the name of an array"],
    ["a path upwards", writeZip([entry("../a.npy")]), "invalid relative path"],
    ["an absolute path", writeZip([entry("/a.npy")]), "absolute path"],
    ["another file inside", writeZip([entry("readme.txt")]), "not the name of an array"],
    ["control characters in a name", writeZip([entry("\u001b[2J.txt")]), "entry '\ufffd[2J.txt'"],
    ["an object array", writeZip([{ name: "a.npy", data: objects() }]), "Python objects"],
    [
      "a header that is not .npy",
      writeZip([{ name: "a.npy", data: new Uint8Array(200) }]),
      "not a .npy array",
    ],
    ["values that are missing", writeZip([{ name: "a.npy", data: encodeNpy(labels).slice(0, -4) }]), "needs"],
  ])("%s", async (_, bytes, expected) => {
    expect(await errorOf(bytes)).toContain(expected);
  });

  function objects() {
    const bytes = encodeNpy(labels);
    bytes.set(new TextEncoder().encode("'|O' "), bytes.indexOf(0x3c) - 1); // over '<f4'
    return bytes;
  }

  it("a checksum that is wrong when rows were read to the end", async () => {
    const path = saved(lie({ field: "crc", value: 1 }, true));
    expect(await rowsOf(path, "a", [48])).toEqual([[48, [24]]]);
    await expect(rowsOf(path, "a", [49])).rejects.toThrow("checksum");
  });

  it("a file that is not there, a folder", async () => {
    await expect(openNpz(join(folder, "none.npz"))).rejects.toThrow(/cannot be opened \(ENOENT/);
    await expect(openNpz(folder)).rejects.toThrow(KitError);
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

describe.skipIf(python === undefined)("npz of numpy (needs python3 with numpy)", () => {
  it.each(["savez", "savez_compressed"])("%s", async (save) => {
    const path = join(folder, `${save}.npz`);
    const script = `
import sys, numpy as np
np.${save}(sys.argv[1], images=(np.arange(1750) % 251).astype(np.uint8).reshape(50, 7, 5), n=np.int64(7))`;
    execFileSync(python!, ["-c", script, path]);
    expect(await rowsOf(path, "images", [7, 49])).toEqual([row(7), row(49)]);
    const npz = await openNpz(path);
    expect(await npz.read("n")).toEqual({ type: "int64", dims: [], data: BigInt64Array.of(7n) });
    await npz.close();
  });
});

const real = fixtures();
describe.skipIf(real === undefined)("real files (needs the fixtures)", () => {
  it.each(["breastmnist", "pneumoniamnist", "bccd64"])("%s", async (name) => {
    const npz = await openNpz(join(real!, "real", "data", `${name}.npz`));
    const whole = await npz.read("test_images");
    const last = whole.dims[0] - 1;
    const size = (whole.data as Uint8Array).length / whole.dims[0];
    for await (const { index, data } of npz.rows("test_images", [0, 5, last])) {
      expect(data).toEqual((whole.data as Uint8Array).slice(index * size, (index + 1) * size));
    }
    await npz.close();
  });
});

const GB = 10 ** 9;
const space = statfsSync(tmpdir());
describe.skipIf(space.bavail * space.bsize < 4 * GB)("npz beyond memory (needs 4 GB of disk)", () => {
  /** Rows of 224x224x3 of zeros in a sparse file, one value planted in the last row; zip64 beyond 4 GiB. */
  async function sparse(rows: number): Promise<string> {
    const rowBytes = 224 * 224 * 3;
    const head = encodeNpy({ type: "uint8", dims: [0, 224, 224, 3], data: new Uint8Array(0) });
    const text = Buffer.from(head).toString("latin1").replace("(0,", `(${rows},`).replace(/ +\n$/, "");
    const npyHead = Buffer.from(`${text.padEnd(head.length - 1)}\n`, "latin1");
    const size = npyHead.length + rows * rowBytes;
    const local = Buffer.from(writeZip([{ name: "x.npy", data: npyHead }])).subarray(0, 35);
    const big = Buffer.alloc(8);
    big.writeBigUInt64LE(BigInt(size));
    const extra = Buffer.concat([Buffer.of(1, 0, 16, 0), big, big]); // zip64: uncompressed, compressed
    const all = 2 ** 32 - 1;
    const named = writeZip(
      [{ name: "x.npy", data: new Uint8Array(0) }],
      [
        { record: "central", field: "compressed", value: all },
        { record: "central", field: "uncompressed", value: all },
        { record: "central", field: "extraLength", value: extra.length },
      ],
    );
    const central = Buffer.concat([named.subarray(35, 35 + 46 + 5), extra]);
    const directory = local.length + size;
    const end64 = Buffer.alloc(56 + 20);
    end64.writeUInt32LE(0x06064b50, 0);
    end64.writeUInt32LE(44, 4);
    end64.writeUInt32LE(1, 32);
    end64.writeUInt32LE(central.length, 40);
    end64.writeBigUInt64LE(BigInt(directory), 48);
    end64.writeUInt32LE(0x07064b50, 56);
    end64.writeBigUInt64LE(BigInt(directory + central.length), 64);
    end64.writeUInt32LE(1, 72);
    const path = join(folder, `sparse-${rows}.npz`);
    const file = await open(path, "w");
    await file.write(Buffer.concat([local, npyHead]), 0, undefined, 0);
    await file.write(Buffer.of(77), 0, 1, directory - 1);
    await file.write(
      Buffer.concat([central, end64, Buffer.from(named.subarray(-22))]),
      0,
      undefined,
      directory,
    );
    await file.close();
    return path;
  }

  it.each([
    [1.35, 9_000],
    [12, 80_000],
  ])("%f GB stored, ten rows in less than 200 MB", async (_, rows) => {
    const path = await sparse(rows);
    const wanted = Array.from({ length: 10 }, (_, i) => Math.round((i * (rows - 1)) / 9));
    // In a process of its own: this one holds the test runner.
    const script = `
import { openNpz } from ${JSON.stringify(new URL("./npz.ts", import.meta.url).href)};
const npz = await openNpz(process.argv[1]);
let last;
for await (const { index, data } of npz.rows("x", ${JSON.stringify(wanted)})) last = [index, data.length, data.at(-1)];
await npz.close();
console.log(JSON.stringify({ last, megabytes: process.resourceUsage().maxRSS / 1024 }));`;
    const args = ["--experimental-strip-types", "--no-warnings", "--input-type=module", "-e", script, path];
    const { last, megabytes } = JSON.parse(execFileSync(process.execPath, args, { encoding: "utf8" }));
    rmSync(path);
    expect(last).toEqual([rows - 1, 150528, 77]);
    expect(megabytes).toBeLessThan(200);
  });
});
