import { crc32 } from "node:zlib";
import sharp from "sharp";
import { beforeAll, describe, expect, it } from "vitest";
import { type Case, fuzz, mutateBytes } from "./harness.ts";

const target = new URL("image-target.ts", import.meta.url);
const formats = ["png", "jpeg", "gif", "tiff", "webp"] as const;
const seeds = new Map<string, Buffer>();

beforeAll(async () => {
  const width = 24;
  const height = 18;
  const noise = Buffer.from(
    Uint8Array.from({ length: width * height * 3 }, (_, i) => (i * i * 31 + i * 7) % 256),
  );
  const picture = () => sharp(noise, { raw: { width, height, channels: 3 } });
  for (const format of formats) seeds.set(format, await picture().toFormat(format).toBuffer());
  seeds.set("png with palette", await picture().png({ palette: true }).toBuffer());
  seeds.set("png with EXIF", await picture().withMetadata({ orientation: 6 }).png().toBuffer());
  seeds.set(
    "jpeg with EXIF",
    await picture().withMetadata({ orientation: 3 }).jpeg({ progressive: true }).toBuffer(),
  );
  seeds.set("tiff with LZW", await picture().tiff({ compression: "lzw", tile: true }).toBuffer());
});

const put = (bytes: Buffer, at: number, size: number, value: number, little = false): Buffer => {
  const out = Buffer.from(bytes);
  if (little) out.writeUIntLE(value, at, size);
  else out.writeUIntBE(value, at, size);
  return out;
};
const values = (size: number) => [
  0,
  1,
  2,
  7,
  2 ** (8 * size - 1),
  2 ** (8 * size) - 1,
  ...(size > 2 ? [65_000, 2 ** 20] : []),
];

/** Every chunk's length, type and checksum; every field of IHDR with its checksum right again. */
function* png(name: string, seed: Buffer): Generator<Case> {
  const header = [
    ["width", 16, 4],
    ["height", 20, 4],
    ["bit depth", 24, 1],
    ["colour type", 25, 1],
    ["compression", 26, 1],
    ["filter", 27, 1],
    ["interlace", 28, 1],
  ] as const;
  for (const [field, at, size] of header) {
    for (const value of [...values(size), 3, 4, 6, 8, 16].filter((v) => v < 2 ** (8 * size))) {
      const changed = put(seed, at, size, value);
      yield {
        name: `${name} IHDR ${field} = ${value}`,
        bytes: put(changed, 29, 4, crc32(changed.subarray(12, 29))),
      };
    }
  }
  for (let at = 8; at < seed.length; at += 12 + seed.readUInt32BE(at)) {
    const length = seed.readUInt32BE(at);
    const type = seed.toString("latin1", at + 4, at + 8);
    const chunk = seed.subarray(at, at + 12 + length);
    for (const value of [0, 1, length - 1, length + 1, 2 ** 31 - 1, 2 ** 32 - 1].filter((v) => v >= 0)) {
      yield { name: `${name} ${type} at ${at} length = ${value}`, bytes: put(seed, at, 4, value) };
    }
    yield { name: `${name} ${type} checksum`, bytes: put(seed, at + 8 + length, 4, 0) };
    yield {
      name: `${name} without ${type}`,
      bytes: Buffer.concat([seed.subarray(0, at), seed.subarray(at + chunk.length)]),
    };
    yield {
      name: `${name} ${type} twice`,
      bytes: Buffer.concat([seed.subarray(0, at), chunk, seed.subarray(at)]),
    };
    for (const other of ["IDAT", "PLTE", "iCCP", "zzzz"]) {
      const changed = Buffer.from(seed);
      changed.write(other, at + 4, "latin1");
      yield {
        name: `${name} ${type} as ${other}`,
        bytes: put(changed, at + 8 + length, 4, crc32(changed.subarray(at + 4, at + 8 + length))),
      };
    }
  }
}

/** Every segment's length and marker, and each of its first bytes. */
function* jpeg(name: string, seed: Buffer): Generator<Case> {
  for (
    let at = 2;
    at < seed.length - 4 && seed[at] === 0xff && seed[at + 1] !== 0xda;
    at += 2 + seed.readUInt16BE(at + 2)
  ) {
    const marker = seed[at + 1].toString(16);
    const length = seed.readUInt16BE(at + 2);
    for (const value of [0, 1, 2, length - 1, length + 1, 2 ** 16 - 1]) {
      yield { name: `${name} ${marker} length = ${value}`, bytes: put(seed, at + 2, 2, value) };
    }
    for (const other of [0xc0, 0xc2, 0xc4, 0xc9, 0xda, 0xd9, 0xe1, 0xfe]) {
      yield { name: `${name} ${marker} as ${other.toString(16)}`, bytes: put(seed, at + 1, 1, other) };
    }
    for (let k = 4; k < Math.min(2 + length, 20); k++) {
      for (const value of [0, 255])
        yield { name: `${name} ${marker} byte ${k} = ${value}`, bytes: put(seed, at + k, 1, value) };
    }
  }
}

/** Screen and frame descriptors, colour tables, the code size. */
function* gif(name: string, seed: Buffer): Generator<Case> {
  for (let at = 4; at < 14; at++)
    for (const value of [0, 1, 127, 128, 255])
      yield { name: `${name} byte ${at} = ${value}`, bytes: put(seed, at, 1, value) };
  const frame = seed.indexOf(0x2c, 13 + 3 * 2 ** ((seed[10] & 7) + 1));
  for (let at = Math.max(0, frame - 10); at < frame + 14 && at < seed.length; at++) {
    for (const value of [0, 1, 12, 128, 255])
      yield { name: `${name} byte ${at} = ${value}`, bytes: put(seed, at, 1, value) };
  }
}

/** Every tag, type, count and value of the first directory, and where it lies. */
function* tiff(name: string, seed: Buffer): Generator<Case> {
  const directory = seed.readUInt32LE(4);
  for (const value of [0, 1, 7, 8, seed.length, 2 ** 31, 2 ** 32 - 1]) {
    yield { name: `${name} directory at ${value}`, bytes: put(seed, 4, 4, value, true) };
  }
  const count = seed.readUInt16LE(directory);
  for (const value of [0, 1, count + 1, 65535])
    yield { name: `${name} ${value} tags`, bytes: put(seed, directory, 2, value, true) };
  for (let i = 0; i < count; i++) {
    const at = directory + 2 + i * 12;
    const tag = seed.readUInt16LE(at);
    for (const value of values(4))
      yield { name: `${name} tag ${tag} = ${value}`, bytes: put(seed, at + 8, 4, value, true) };
    for (const value of [0, 2, 2 ** 16, 2 ** 32 - 1])
      yield { name: `${name} tag ${tag} count ${value}`, bytes: put(seed, at + 4, 4, value, true) };
    for (const value of [0, 2, 5, 12, 99])
      yield { name: `${name} tag ${tag} type ${value}`, bytes: put(seed, at + 2, 2, value, true) };
  }
}

/** RIFF sizes and the frame header. */
function* webp(name: string, seed: Buffer): Generator<Case> {
  for (const at of [4, 16])
    for (const value of values(4))
      yield { name: `${name} size at ${at} = ${value}`, bytes: put(seed, at, 4, value, true) };
  for (let at = 12; at < 32; at++)
    for (const value of [0, 63, 128, 255])
      yield { name: `${name} byte ${at} = ${value}`, bytes: put(seed, at, 1, value) };
}

const walkers = { png, jpeg, gif, tiff, webp };

describe("decodeImage8, fuzzed", () => {
  it("answers damaged files with a picture or a KitError", { timeout: 120_000 }, async () => {
    // Every third: all 1950 take the better part of a minute on a busy machine.
    const structured = [...seeds].flatMap(([name, seed]) => {
      const walker = walkers[name.split(" ")[0] as keyof typeof walkers];
      return [{ name, bytes: seed }, ...[...walker(name, seed)].filter((_, i) => i % 3 === 0)];
    });
    const all = [...seeds];
    const blind = Array.from({ length: 500 }, (_, i) => {
      const [name, seed] = all[i % all.length];
      return { name: `${name}, bytes, seed ${i}`, bytes: mutateBytes(seed, i) };
    });
    const report = await fuzz(target, [...structured, ...blind]);
    expect(report.faults).toEqual([]);
    expect(structured.length).toBeGreaterThan(500);
    expect(report.accepted).toBeGreaterThan(250);
    expect(report.rejected).toBeGreaterThan(500);
  });
});
