/**
 * Zip archives written out field by field, so that tests can make exactly one of them wrong. Follows APPNOTE.TXT 6.3:
 * local headers with data, the central directory, its end record.
 */
import { crc32, deflateRawSync } from "node:zlib";

type Field = readonly [name: string, bytes: number];

const shared: readonly Field[] = [
  ["flags", 2],
  ["method", 2],
  ["time", 2],
  ["date", 2],
  ["crc", 4],
  ["compressed", 4],
  ["uncompressed", 4],
  ["nameLength", 2],
  ["extraLength", 2],
];

/** Every field of every record, in file order. */
export const zipFields = {
  local: [["signature", 4], ["version", 2], ...shared],
  central: [
    ["signature", 4],
    ["madeBy", 2],
    ["version", 2],
    ...shared,
    ["commentLength", 2],
    ["disk", 2],
    ["internal", 2],
    ["external", 4],
    ["offset", 4],
  ],
  end: [
    ["signature", 4],
    ["disk", 2],
    ["directoryDisk", 2],
    ["diskEntries", 2],
    ["entries", 2],
    ["directorySize", 4],
    ["directoryOffset", 4],
    ["commentLength", 2],
  ],
} as const satisfies Record<string, readonly Field[]>;

export type ZipRecord = keyof typeof zipFields;

/** One field of one record set to another value than it should have. */
export interface ZipLie {
  readonly record: ZipRecord;
  /** which entry, for local and central */
  readonly entry?: number;
  readonly field: string;
  readonly value: number;
}

export interface ZipEntry {
  readonly name: string;
  readonly data: Uint8Array;
  readonly deflate?: boolean;
}

export function writeZip(entries: readonly ZipEntry[], lies: readonly ZipLie[] = []): Uint8Array {
  const record = (kind: ZipRecord, entry: number, values: Readonly<Record<string, number>>): Buffer =>
    Buffer.concat(
      zipFields[kind].map(([name, bytes]) => {
        const lie = lies.find((l) => l.record === kind && (l.entry ?? 0) === entry && l.field === name);
        const out = Buffer.alloc(bytes);
        out.writeUIntLE(lie?.value ?? values[name] ?? 0, 0, bytes);
        return out;
      }),
    );
  const body: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const [i, { name, data, deflate = false }] of entries.entries()) {
    const packed = deflate ? deflateRawSync(data) : Buffer.from(data);
    const nameBytes = Buffer.from(name);
    const common = {
      version: 20,
      flags: 0x800, // names are UTF-8
      method: deflate ? 8 : 0,
      date: 0x21, // 1 January 1980
      crc: crc32(data),
      compressed: packed.length,
      uncompressed: data.length,
      nameLength: nameBytes.length,
    };
    const local = Buffer.concat([
      record("local", i, { signature: 0x04034b50, ...common }),
      nameBytes,
      packed,
    ]);
    const central = record("central", i, { signature: 0x02014b50, madeBy: 20, ...common, offset });
    body.push(local);
    directory.push(Buffer.concat([central, nameBytes]));
    offset += local.length;
  }
  const central = Buffer.concat(directory);
  const end = record("end", 0, {
    signature: 0x06054b50,
    diskEntries: entries.length,
    entries: entries.length,
    directorySize: central.length,
    directoryOffset: offset,
  });
  return new Uint8Array(Buffer.concat([...body, central, end]));
}
