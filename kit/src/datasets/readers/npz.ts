/**
 * .npz archives (a zip of .npy entries), read row by row: memory stays at a few rows whatever the file's size.
 *
 * Stored entries are read at their file offsets, deflated ones in one forward pass. The zip directory is yauzl's
 * work (zip64 included); sizes are believed only after they agree with each other and with the .npy headers. The
 * checksum is compared whenever an entry is read from its first to its last byte, which row reads of stored entries
 * and passes that stop early are not.
 */
import { type FileHandle, open } from "node:fs/promises";
import { Readable } from "node:stream";
import { crc32 } from "node:zlib";
import { type Entry, fromRandomAccessReaderPromise, RandomAccessReader, type ZipFile } from "yauzl";
import { KitError } from "../../errors.ts";
import type { ElementType, Tensor } from "../../onnx/tensor.ts";
import { MAX_HEADER_BYTES, type NpyHeader, npyHeaderBytes, parseNpyHeader, tensorOfBytes } from "./npy.ts";

export interface Npz {
  /** by name without `.npy`, in the order of the archive */
  readonly entries: ReadonlyMap<string, { readonly dtype: ElementType; readonly shape: readonly number[] }>;
  /** A whole array, checksum compared. At most 1 GiB. */
  read(name: string): Promise<Tensor>;
  /**
   * Rows of the first axis.
   *
   * @param wanted  row numbers, strictly ascending
   */
  rows(name: string, wanted: readonly number[]): AsyncIterable<{ index: number; data: Tensor["data"] }>;
  close(): Promise<void>;
}

interface Member {
  readonly entry: Entry;
  readonly header: NpyHeader;
  /** file offset of the entry's first byte */
  readonly start: number;
}

const MAX_ENTRIES = 1000;
const MAX_READ = 2 ** 30;
const MAX_ROW = 2 ** 28;
const CHUNK = 2 ** 16;
/** Deflate cannot do better than 1032:1 (zlib's technical notes); a directory that says so lies. */
const MAX_RATIO = 1032;

/**
 * Opens an archive and reads the header of every array.
 *
 * @throws KitError E_NPZ, or E_NPY when the fault is in an array's own header
 */
export async function openNpz(path: string): Promise<Npz> {
  let handle: FileHandle;
  try {
    handle = await open(path, "r");
  } catch (cause) {
    throw fault(path, `cannot be opened (${reason(cause)})`, cause);
  }
  try {
    return await openHandle(path, handle);
  } catch (cause) {
    await handle.close();
    throw asFault(path, cause);
  }
}

async function openHandle(path: string, handle: FileHandle): Promise<Npz> {
  const stat = await handle.stat();
  if (!stat.isFile()) throw fault(path, "is not a file");
  const slices = new FileSlices(handle, stat.size);
  const zip = await fromRandomAccessReaderPromise(slices, stat.size, { autoClose: false });
  // Without a listener a late error of the archive would end the process; reads report their own.
  zip.on("error", (cause) => slices.faults.push(cause));
  const members = await readDirectory(path, zip, slices);

  const member = (name: string): Member => {
    const found = members.get(name);
    if (found === undefined) {
      throw fault(path, `has no array '${name}'`, undefined, [`it has ${[...members.keys()].join(", ")}`]);
    }
    return found;
  };

  return {
    entries: new Map(
      [...members].map(([name, { header }]) => [name, { dtype: header.type, shape: header.dims }]),
    ),

    async read(name) {
      const { entry, header, start } = member(name);
      if (header.dataBytes > MAX_READ) {
        throw fault(path, `'${name}' has ${header.dataBytes} bytes, too many to read at once`);
      }
      const bytes = new Uint8Array(entry.uncompressedSize);
      try {
        let filled = 0;
        for await (const piece of content(zip, slices, entry, start)) {
          if (filled + piece.length > bytes.length) throw new Error("more bytes than the directory promises");
          bytes.set(piece, filled);
          filled += piece.length;
        }
        if (filled !== bytes.length)
          throw new Error(`${filled} bytes, the directory promises ${bytes.length}`);
        checkSum(entry, crc32(bytes));
      } catch (cause) {
        throw asFault(path, cause, name);
      }
      return tensorOfBytes(header.type, header.dims, bytes.subarray(header.dataOffset), `${path}, ${name}`);
    },

    async *rows(name, wanted) {
      const { entry, header, start } = member(name);
      const [count, ...dims] = header.dims;
      if (count === undefined) throw fault(path, `'${name}' is a single value, it has no rows`);
      checkWanted(path, name, wanted, count);
      const rowBytes = dims.reduce((n, d) => n * d, header.itemSize);
      if (rowBytes > MAX_ROW)
        throw fault(path, `'${name}' has rows of ${rowBytes} bytes, at most ${MAX_ROW} are read`);
      const row = (index: number, bytes: Uint8Array) => ({
        index,
        data: tensorOfBytes(header.type, dims, bytes, `${path}, ${name}, row ${index}`).data,
      });
      try {
        if (entry.compressionMethod === 0) {
          for (const index of wanted) {
            const bytes = new Uint8Array(rowBytes);
            await slices.fill(bytes, start + header.dataOffset + index * rowBytes);
            yield row(index, bytes);
          }
        } else {
          const source = ranges(
            content(zip, slices, entry, start),
            wanted.map((index) => header.dataOffset + index * rowBytes),
            rowBytes,
            entry,
          );
          let next = 0;
          for await (const bytes of source) yield row(wanted[next++], bytes);
        }
      } catch (cause) {
        throw asFault(path, cause, name);
      }
    },

    async close() {
      zip.close();
      await handle.close();
    },
  };
}

/** All entries of the archive with their .npy headers; nothing is trusted that contradicts itself. */
async function readDirectory(path: string, zip: ZipFile, slices: FileSlices): Promise<Map<string, Member>> {
  if (zip.entryCount > MAX_ENTRIES) {
    throw fault(path, `claims ${zip.entryCount} entries, at most ${MAX_ENTRIES} are read`);
  }
  const members = new Map<string, Member>();
  for await (const entry of zip.eachEntry()) {
    const file = entry.fileName;
    if (!/^[^/\\\0]+\.npy$/.test(file)) {
      throw fault(path, `entry '${shown(file)}' is not the name of an array (<name>.npy, no folders)`);
    }
    const name = file.slice(0, -".npy".length);
    if (members.has(name)) throw fault(path, `has '${shown(name)}' twice`);
    if (entry.isEncrypted()) throw fault(path, `'${shown(name)}' is encrypted`);
    if (!entry.canDecodeFileData()) {
      throw fault(path, `'${shown(name)}' has compression method ${entry.compressionMethod}`, undefined, [
        "stored (numpy.savez) and deflated (numpy.savez_compressed) are read",
      ]);
    }
    if (entry.uncompressedSize > (entry.compressedSize + 64) * MAX_RATIO) {
      throw fault(
        path,
        `'${shown(name)}' cannot inflate ${entry.compressedSize} bytes to ${entry.uncompressedSize}`,
      );
    }
    try {
      const { fileDataStart: start } = await zip.readLocalFileHeaderPromise(entry, { minimal: true });
      const header = await readHeader(`${path}, ${shown(name)}`, content(zip, slices, entry, start));
      if (header.dataOffset + header.dataBytes !== entry.uncompressedSize) {
        throw new Error(
          `shape (${header.dims.join(", ")}) of ${header.type} needs ${header.dataOffset + header.dataBytes} bytes,` +
            ` the directory says ${entry.uncompressedSize}`,
        );
      }
      members.set(name, { entry, header, start });
    } catch (cause) {
      throw asFault(path, cause, name);
    }
  }
  return members;
}

async function readHeader(where: string, pieces: AsyncIterable<Uint8Array>): Promise<NpyHeader> {
  let bytes: Uint8Array = new Uint8Array(0);
  for await (const piece of pieces) {
    bytes = Buffer.concat([bytes, piece.subarray(0, MAX_HEADER_BYTES + 12)]);
    const needed = npyHeaderBytes(bytes, where);
    if (needed !== undefined && bytes.length >= needed) break;
  }
  return parseNpyHeader(bytes, where);
}

/** The inflated bytes of an entry, in pieces; yauzl stops a stream that outgrows the directory's promise. */
async function* content(
  zip: ZipFile,
  slices: FileSlices,
  entry: Entry,
  start: number,
): AsyncGenerator<Uint8Array> {
  if (entry.compressionMethod === 0) yield* slices.pieces(start, start + entry.compressedSize);
  else yield* await zip.openReadStreamPromise(entry);
}

/** Cuts `[offset, offset + length)` out of a stream for each of the ascending offsets; stops after the last. */
async function* ranges(
  pieces: AsyncIterable<Uint8Array>,
  offsets: readonly number[],
  length: number,
  entry: Entry,
): AsyncGenerator<Uint8Array> {
  let next = 0;
  let bytes = new Uint8Array(length);
  let position = 0;
  let sum = 0;
  for await (const piece of pieces) {
    if (next === offsets.length) break;
    sum = crc32(piece, sum);
    const end = position + piece.length;
    while (next < offsets.length && offsets[next] < end) {
      const from = offsets[next];
      const to = Math.min(from + length, end);
      const done = Math.max(from, position);
      bytes.set(piece.subarray(done - position, to - position), done - from);
      if (to < from + length) break;
      // The last row of an entry is handed out only after the checksum of all of it.
      if (to === entry.uncompressedSize) checkSum(entry, sum);
      yield bytes;
      bytes = new Uint8Array(length);
      next++;
    }
    position = end;
  }
  // Rows of zero bytes lie at the very end of the data, after the last piece.
  while (next < offsets.length && length === 0) {
    yield bytes;
    next++;
  }
  if (next < offsets.length) throw new Error(`ends after ${position} bytes, before the wanted row`);
}

function checkSum(entry: Entry, sum: number) {
  if (sum !== entry.crc32) throw new Error("its checksum (CRC-32) does not match: the file is damaged");
}

function checkWanted(path: string, name: string, wanted: readonly number[], count: number) {
  for (const [i, index] of wanted.entries()) {
    if (!Number.isInteger(index) || index < 0 || index >= count) {
      throw fault(path, `'${name}' has rows 0 to ${count - 1}, row ${index} was asked for`);
    }
    if (i > 0 && index <= wanted[i - 1]) throw new RangeError("wanted rows must ascend");
  }
}

/**
 * The file as yauzl reads it. Its own file reader passes offsets from the archive straight to fs.read, which throws
 * from inside a callback when they are absurd and so ends the process; here every range is checked first.
 */
class FileSlices extends RandomAccessReader {
  readonly faults: unknown[] = [];
  private readonly handle: FileHandle;
  private readonly size: number;

  constructor(handle: FileHandle, size: number) {
    super();
    this.handle = handle;
    this.size = size;
  }

  /** Fills `bytes` from `position`, or says that the file is too short. */
  async fill(bytes: Uint8Array, position: number): Promise<void> {
    if (!(position >= 0 && position + bytes.length <= this.size)) {
      throw new Error(
        `bytes ${position} to ${position + bytes.length} lie outside the file (${this.size} bytes)`,
      );
    }
    for (let filled = 0; filled < bytes.length; ) {
      const { bytesRead } = await this.handle.read(bytes, filled, bytes.length - filled, position + filled);
      if (bytesRead === 0) throw new Error("the file became shorter while it was read");
      filled += bytesRead;
    }
  }

  async *pieces(start: number, end: number): AsyncGenerator<Uint8Array> {
    for (let position = start; position < end; position += CHUNK) {
      const piece = new Uint8Array(Math.min(CHUNK, end - position));
      await this.fill(piece, position);
      yield piece;
    }
  }

  override read(
    buffer: Buffer,
    offset: number,
    length: number,
    position: number,
    callback: (err: Error | null, bytesRead?: number) => void,
  ): void {
    this.fill(buffer.subarray(offset, offset + length), position).then(
      () => callback(null, length),
      (cause: Error) => callback(cause),
    );
  }

  override _readStreamForRange(start: number, end: number): Readable {
    return Readable.from(this.pieces(start, end), { objectMode: false });
  }

  /** The handle is closed by whoever opened it. */
  override close(callback: (err: Error | null) => void): void {
    callback(null);
  }
}

const reason = (cause: unknown) => (cause instanceof Error ? cause.message : String(cause));

/** Names from a file may hold anything; control characters must not reach the terminal. */
const shown = (text: string) =>
  text.length > 80 ? `${text.slice(0, 80)}…` : text.replace(/\p{Cc}/gu, "\ufffd");

function fault(path: string, problem: string, cause?: unknown, details: readonly string[] = []): KitError {
  return new KitError("E_NPZ", {
    problem: `${path} ${problem}`,
    details,
    next: "get the file again, or write it with numpy.savez or numpy.savez_compressed",
    cause,
  });
}

/** Errors of yauzl, zlib and the checks above, as the user's; a KitError stays as it is, and so does a bug of ours. */
function asFault(path: string, cause: unknown, name?: string): unknown {
  if (cause instanceof KitError || cause instanceof TypeError) return cause;
  const where = name === undefined ? "is not a readable .npz:" : `, array '${shown(name)}':`;
  return fault(path, `${where} ${reason(cause)}`, cause);
}
