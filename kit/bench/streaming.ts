/**
 * What reading costs of a MedMNIST file of real size, the training split of `pathmnist_224.npz` (89,996 images, 13.5 GB): a few rows from the
 * first to the last. The file is made here, with pixels that are 0 but for the number of their row, so that it takes little of the disk.
 *
 *   node kit/bench/streaming.ts [--folder DIR]     stored and deflated, each with and without its MD5
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { open } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { constants, crc32, createDeflateRaw } from "node:zlib";
import { openDataset } from "../src/datasets/open.ts";
import { encodeNpy } from "../src/datasets/readers/npy.ts";
import { medmnistSets } from "../src/datasets/shared/medmnist-sets.ts";
import { rssOf } from "./rss.ts";

const { values } = parseArgs({
  options: {
    folder: { type: "string" },
    read: { type: "string" },
    checksum: { type: "boolean" },
    help: { type: "boolean" },
  },
});
if (values.help) {
  console.log(
    "node kit/bench/streaming.ts [--folder DIR]\n\nMakes pathmnist_224.npz (13.5 GB, little of it on the disk) in DIR, stored and then deflated, and prints\nwhat a process takes that reads a few rows from the first to the last.",
  );
  process.exit(0);
}

const side = 224;
const count = medmnistSets.find(({ flag }) => flag === "pathmnist")!.counts.train;
const rowBytes = side * side * 3;
const wanted = [0, 1, Math.floor(count / 3), Math.floor(count / 2), count - 2, count - 1];

/** Rows of `count` × 224 × 224 × 3 uint8: only the shape is what npy.ts would be given. */
const npyHeader = (() => {
  const text = `{'descr': '|u1', 'fortran_order': False, 'shape': (${count}, ${side}, ${side}, 3), }`;
  const padded = `${text.padEnd(64 * Math.ceil((text.length + 11) / 64) - 11)}\n`;
  const head = Buffer.from("\x93NUMPY\x01\0\0\0", "latin1");
  head.writeUInt16LE(padded.length, 8);
  return Buffer.concat([head, Buffer.from(padded)]);
})();

function* rows(): Generator<Buffer> {
  for (let i = 0; i < count; i++) {
    const row = Buffer.alloc(rowBytes);
    row.writeUInt32LE(i);
    yield row;
  }
}

/** A zip64 archive (APPNOTE.TXT 4.3 and 4.5.3): numpy writes its sizes so from 4 GiB on. */
async function writeNpz(path: string, deflated: boolean): Promise<void> {
  const file = await open(path, "w");
  const central: Buffer[] = [];
  let at = 0;
  const put = async (bytes: Uint8Array) => {
    await file.write(bytes, 0, bytes.length, at);
    at += bytes.length;
  };
  async function entry(name: string, head: Buffer, body: Iterable<Buffer>, method: 0 | 8): Promise<void> {
    const offset = at;
    const fields = (crc: number, packed: number, size: number) => {
      const fixed = Buffer.alloc(26);
      for (const [k, value] of [45, 0, method, 0, 33].entries()) fixed.writeUInt16LE(value, 2 * k);
      fixed.writeUInt32LE(crc, 10);
      fixed.fill(0xff, 14, 22); // the sizes are in the extra field
      fixed.writeUInt16LE(name.length, 22);
      const sizes = [size, packed].map(BigInt);
      return { fixed, sizes };
    };
    const extra = (numbers: readonly bigint[]) => {
      const bytes = Buffer.alloc(4 + 8 * numbers.length);
      bytes.writeUInt16LE(1, 0);
      bytes.writeUInt16LE(8 * numbers.length, 2);
      for (const [k, value] of numbers.entries()) bytes.writeBigUInt64LE(value, 4 + 8 * k);
      return bytes;
    };
    const start = at + 30 + name.length + 20;
    at = start;
    let [crc, size] = [crc32(head), head.length];
    if (method === 0) {
      await put(head);
      for (const row of body) {
        crc = crc32(row, crc);
        size += row.length;
        // what is not written is 0: the file has holes
        await file.write(row, 0, Math.min(row.length, 4), at);
        at += row.length;
      }
      await file.truncate(at);
    } else {
      const deflate = createDeflateRaw({ level: constants.Z_BEST_SPEED });
      const fill = async () => {
        deflate.write(head);
        for (const row of body) {
          crc = crc32(row, crc);
          size += row.length;
          if (!deflate.write(row)) await new Promise((resolve) => deflate.once("drain", resolve));
        }
        deflate.end();
      };
      const filling = fill();
      for await (const piece of deflate) await put(piece as Buffer);
      await filling;
    }
    const end = at;
    const { fixed, sizes } = fields(crc, end - start, size);
    const extraLength = (n: number) => Buffer.from([n, 0]);
    const nameBytes = Buffer.from(name);
    const local = [
      Buffer.from("PK\x03\x04"),
      fixed.subarray(0, 24),
      extraLength(20),
      nameBytes,
      extra(sizes),
    ];
    await file.write(Buffer.concat(local), 0, undefined, offset);
    const tail = Buffer.alloc(14);
    tail.fill(0xff, 10); // so is the offset
    central.push(
      Buffer.concat([
        ...[Buffer.from("PK\x01\x02"), Buffer.from([45, 3]), fixed.subarray(0, 24), extraLength(28), tail],
        ...[nameBytes, extra([...sizes, BigInt(offset)])],
      ]),
    );
  }
  await entry("train_images.npy", npyHeader, rows(), deflated ? 8 : 0);
  const labels = encodeNpy({ type: "uint8", dims: [count, 1], data: new Uint8Array(count) });
  await entry("train_labels.npy", Buffer.from(labels), [], 0);
  const directory = Buffer.concat(central);
  const begin = at;
  await put(directory);
  const end64 = Buffer.alloc(56);
  end64.write("PK\x06\x06", 0, "latin1");
  end64.writeBigUInt64LE(44n, 4);
  end64.writeUInt16LE(45, 12);
  end64.writeUInt16LE(45, 14);
  end64.writeBigUInt64LE(BigInt(central.length), 24);
  end64.writeBigUInt64LE(BigInt(central.length), 32);
  end64.writeBigUInt64LE(BigInt(directory.length), 40);
  end64.writeBigUInt64LE(BigInt(begin), 48);
  const locator = Buffer.alloc(20);
  locator.write("PK\x06\x07", 0, "latin1");
  locator.writeBigUInt64LE(BigInt(at), 8);
  locator.writeUInt32LE(1, 16);
  const end = Buffer.alloc(22, 0xff);
  end.write("PK\x05\x06", 0, "latin1");
  end.fill(0, 4, 8);
  end.fill(0, 20);
  await put(end64);
  await put(locator);
  await put(end);
  await file.close();
}

/** In a process of its own: the rows are read and their numbers compared. */
async function readRows(dir: string, checksum: boolean): Promise<void> {
  const began = performance.now();
  const set = await openDataset("medmnist-pathmnist-224", { dir, split: "train", checksum });
  const opened = performance.now();
  const ids = (await set.index()).map(({ id }) => id);
  let next = 0;
  for await (const { image } of set.read(wanted.map((at) => ids[at]))) {
    // channels lie apart: the first three bytes of a row are the first values of its planes
    const [a, b, c] = [0, 1, 2].map((channel) => image.data[channel * side * side]);
    const row = a + 256 * b + 65536 * c;
    if (row !== wanted[next]) throw new Error(`row ${row} where ${wanted[next]} was asked for`);
    next++;
  }
  if (next !== wanted.length) throw new Error(`${next} rows of ${wanted.length}`);
  await set.close();
  const seconds = [opened - began, performance.now() - opened].map((ms) => ms / 1000);
  const peak = rssOf(process.pid)?.peak ?? process.resourceUsage().maxRSS * 1024;
  console.log(JSON.stringify({ seconds, peak }));
}

if (values.read !== undefined) await readRows(values.read, values.checksum === true);
else {
  const dir = mkdtempSync(join(values.folder ?? tmpdir(), "xai-kit-streaming-"));
  const path = join(dir, "pathmnist_224.npz");
  try {
    for (const deflated of [false, true]) {
      await writeNpz(path, deflated);
      for (const checksum of [false, true]) {
        const argv = [fileURLToPath(import.meta.url), "--read", dir, ...(checksum ? ["--checksum"] : [])];
        const told = execFileSync(process.execPath, argv, { encoding: "utf8" });
        const { seconds, peak } = JSON.parse(told) as { seconds: [number, number]; peak: number };
        const [opening, reading] = seconds.map((s) => s.toFixed(1));
        const how = `${deflated ? "deflated" : "stored"}${checksum ? ", MD5 compared" : ""}`;
        console.log(
          `${how.padEnd(24)} opened in ${opening} s, ${wanted.length} rows to the last in ${reading} s, peak ${(peak / 1e6).toFixed(0)} MB`,
        );
      }
    }
  } finally {
    rmSync(dir, { recursive: true });
  }
}
