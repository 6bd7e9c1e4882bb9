/**
 * The journal of a run: what is done, on disk before the next unit is called done, so that the same command goes on where it stopped
 * however it was stopped. One line each: `{"n":12,"crc":"89abcdef","data":{…}}`, n counted from 1, crc32 over n and data. Node only.
 */
import { randomBytes } from "node:crypto";
import { type FileHandle, open, readFile } from "node:fs/promises";
import { dirname } from "node:path";
import { crc32 } from "node:zlib";
import { KitError } from "../errors.ts";
import { systemCode, writeError } from "../files.ts";
import type { Agreement } from "../model/agreement.ts";
import type { Classified } from "./classify.ts";
import { differences, hashOf, type RunFacts } from "./facts.ts";
import type { Shard } from "./share.ts";
import type { Unit } from "./units.ts";

/** Raised when older journals can no longer be read. */
const version = 1;

export interface Header {
  readonly kind: "header";
  readonly version: number;
  readonly facts: RunFacts;
  /** sha256 of the facts */
  readonly plan: string;
  readonly shard: Shard | null;
  /** hex; keys the ids of private data sets, and never leaves this machine */
  readonly secret: string;
}

/** Images as a line holds them: columns, and the logits of all as base64 of little-endian float32. */
interface ImagesEntry {
  readonly kind: "images";
  readonly at: readonly number[];
  readonly ids: readonly string[];
  readonly labels: readonly (readonly number[])[];
  /** there if any image has some */
  readonly unknown?: readonly (readonly number[])[];
  readonly pixels: readonly string[];
  readonly logits: string;
  /** of all together */
  readonly ms?: number;
}

/** `done`: nothing is missing of what this journal is for. `absent`: images that could not be read and were left out. */
type Entry =
  | ImagesEntry
  | Unit
  | ({ readonly kind: "sitting" } & Sitting)
  | { readonly kind: "done"; readonly absent: number };

/** One command that worked on the run; telemetry. */
export interface Sitting {
  readonly date: string;
  readonly threads: number;
  readonly jobs: number;
  /** which device: "cuda:1"; and what the processor said of its numbers. Read by people alone. */
  readonly device?: string;
  readonly opinion?: { readonly reference: string } & Agreement;
}

/** Seconds since the sitting began. */
type Timed<T> = T & { readonly t?: number };

export interface Found {
  readonly path: string;
  readonly header: Header;
  readonly images: readonly Classified[];
  readonly units: readonly Unit[];
  /** undefined: not finished */
  readonly absent: number | undefined;
  /** of all sittings */
  readonly seconds: number;
  /** the most of any sitting */
  readonly threads: number;
  readonly jobs: number;
  /** whole lines, and the bytes they take: what follows is torn */
  readonly lines: number;
  readonly bytes: number;
}

const corrupt = (path: string, line: number, what: string) =>
  new KitError("E_JOURNAL", {
    problem: `${path}, line ${line}: ${what}`,
    details: ["this line was whole once: the file was changed, or the disk is failing"],
    next: `restore the file, or remove line ${line} and all behind it (the units before it are kept), or start anew with --overwrite`,
  });

/**
 * What a journal holds; undefined where there is none, or nothing but the torn beginning of one. A torn last line is left out: its unit is
 * done again.
 *
 * @throws KitError E_JOURNAL naming the line that is corrupt
 */
export async function readJournal(path: string): Promise<Found | undefined> {
  let content: Buffer;
  try {
    content = await readFile(path);
  } catch (cause) {
    if (systemCode(cause) === "ENOENT") return undefined;
    throw new KitError("E_JOURNAL", {
      problem: `cannot read ${path}: ${cause instanceof Error ? cause.message : cause}`,
      next: "check its permissions",
      cause,
    });
  }
  let header: Header | undefined;
  const images: Classified[] = [];
  const units: Unit[] = [];
  const seen = new Set<string>();
  let absent: number | undefined;
  let [finished, sitting, threads, jobs] = [0, 0, 1, 1];
  let [lines, bytes] = [0, 0];
  const once = (key: string) => {
    if (seen.has(key)) throw corrupt(path, lines + 1, `${key} is there twice`);
    seen.add(key);
  };
  for (let end = content.indexOf(10); end >= 0; end = content.indexOf(10, bytes)) {
    const data = parseLine(content.toString("utf8", bytes, end), lines + 1);
    if (data === undefined) {
      // power may have gone while it was written
      if (end === content.length - 1) break;
      throw corrupt(path, lines + 1, "its checksum is wrong");
    }
    if (lines === 0) header = checkHeader(data, path);
    else {
      const entry = data as Timed<Entry>;
      if (entry.kind === "sitting") {
        [finished, sitting] = [finished + sitting, 0];
        [threads, jobs] = [Math.max(threads, entry.threads), Math.max(jobs, entry.jobs)];
      } else if (entry.kind === "done") absent = entry.absent;
      else if (entry.kind === "images") {
        for (const image of imagesOf(entry)) {
          once(`image ${image.at}`);
          images.push(image);
        }
      } else if (entry.kind === "sample" || entry.kind === "randomised") {
        once(`${entry.kind} ${entry.sample}`);
        units.push(entry);
      } else throw corrupt(path, lines + 1, "it is of a kind this version does not know");
      sitting = entry.t ?? sitting;
    }
    lines++;
    bytes = end + 1;
  }
  if (header === undefined) return undefined;
  return { path, header, images, units, absent, seconds: finished + sitting, threads, jobs, lines, bytes };
}

function parseLine(line: string, n: number): unknown {
  const match = /^\{"n":(\d+),"crc":"([0-9a-f]{8})","data":/.exec(line);
  if (match === null || Number(match[1]) !== n || !line.endsWith("}")) return undefined;
  const json = line.slice(match[0].length, -1);
  return checksum(n, json) === match[2] ? JSON.parse(json) : undefined;
}

const checksum = (n: number, json: string): string => crc32(`${n} ${json}`).toString(16).padStart(8, "0");

function checkHeader(data: unknown, path: string): Header {
  const header = data as Header;
  if (header.kind === "header" && header.version === version) return header;
  throw new KitError("E_JOURNAL", {
    problem: `${path} is a journal of version ${header.version}, and this kit writes version ${version}`,
    next: "finish it with the kit that began it, or start anew with --overwrite",
  });
}

function imagesOf({ at, ids, labels, unknown, pixels, logits, ms }: ImagesEntry): Classified[] {
  const bytes = Buffer.from(logits, "base64");
  const all = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
  const classes = all.length / at.length;
  return at.map((position, k) => ({
    at: position,
    id: ids[k],
    labels: labels[k],
    ...(unknown?.[k].length && { unknown: unknown[k] }),
    pixels: pixels[k],
    logits: all.subarray(k * classes, (k + 1) * classes),
    ...(ms !== undefined && { ms: ms / at.length }),
  }));
}

function entryOf(images: readonly Classified[]): ImagesEntry {
  return {
    kind: "images",
    at: images.map((i) => i.at),
    ids: images.map((i) => i.id),
    labels: images.map((i) => i.labels),
    ...(images.some((i) => i.unknown) && { unknown: images.map((i) => i.unknown ?? []) }),
    pixels: images.map((i) => i.pixels),
    logits: Buffer.concat(
      images.map(({ logits }) => Buffer.from(logits.buffer, logits.byteOffset, logits.byteLength)),
    ).toString("base64"),
    ...(images.every((i) => i.ms !== undefined) && { ms: images.reduce((sum, i) => sum + i.ms!, 0) }),
  };
}

/**
 * Why a journal is not one of this plan; nothing if it is.
 */
export function otherPlan({ header }: Found, facts: RunFacts, shard: Shard | undefined): string[] {
  const name = (s: Shard | null | undefined) => (s ? `${s.index}/${s.of}` : "the whole");
  return [
    ...(header.plan === hashOf(facts) ? [] : differences(header.facts, facts)),
    ...(name(header.shard) === name(shard)
      ? []
      : [`shard: ${name(header.shard)} there, ${name(shard)} here`]),
  ];
}

export interface Journal {
  readonly header: Header;
  addImages(images: readonly Classified[]): Promise<void>;
  addUnit(unit: Unit): Promise<void>;
  /** All is there. */
  finish(absent: number): Promise<void>;
  /** of this sitting and those before */
  seconds(): number;
  close(): Promise<void>;
}

export interface JournalOptions {
  readonly path: string;
  readonly facts: RunFacts;
  readonly shard: Shard | undefined;
  /** what `readJournal` found there, of the same plan; a new journal without */
  readonly found: Found | undefined;
  readonly sitting: Sitting;
  /** milliseconds */
  readonly now: () => number;
}

/** Begins a journal, or goes on with it. Throws KitError E_WRITE. */
export async function openJournal(options: JournalOptions): Promise<Journal> {
  const { path, facts, shard, found, sitting, now } = options;
  const begin = now();
  const seconds = () => Math.round(now() - begin) / 1000;
  const header: Header = found?.header ?? {
    kind: "header",
    version,
    facts,
    plan: hashOf(facts),
    shard: shard ?? null,
    secret: randomBytes(32).toString("hex"),
  };
  try {
    const file = await open(path, found === undefined ? "w" : "r+");
    if (found !== undefined) await file.truncate(found.bytes);
    const lines = appender(path, file, found);
    if (found === undefined) {
      await lines.add(header);
      await syncFolder(dirname(path));
    }
    const add = (entry: Entry) => lines.add({ ...entry, t: seconds() });
    // a finished journal only waits for its documents
    if (found?.absent === undefined) await lines.add({ kind: "sitting", ...sitting });
    return {
      header,
      addImages: (images) => add(entryOf(images)),
      addUnit: add,
      finish: (absent) => add({ kind: "done", absent }),
      seconds: () => (found?.seconds ?? 0) + seconds(),
      close: () => file.close(),
    };
  } catch (cause) {
    throw cause instanceof KitError ? cause : writeError(path, cause);
  }
}

/** A new file is only safe from a power cut once its folder is. */
async function syncFolder(folder: string): Promise<void> {
  if (process.platform === "win32") return; // folders cannot be opened there
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

interface Waiting {
  readonly data: unknown;
  resolve(): void;
  reject(error: KitError): void;
}

/** Appends lines; those that come while one is being flushed are flushed together. */
function appender(path: string, file: FileHandle, start: Pick<Found, "lines" | "bytes"> | undefined) {
  let { lines, bytes } = start ?? { lines: 0, bytes: 0 };
  const waiting: Waiting[] = [];
  let flushing = false;
  let broken: KitError | undefined;

  async function flush(batch: readonly Waiting[]): Promise<void> {
    const text = batch.map(({ data }, k) => {
      const n = lines + 1 + k;
      const json = JSON.stringify(data);
      return `{"n":${n},"crc":"${checksum(n, json)}","data":${json}}\n`;
    });
    const content = Buffer.from(text.join(""));
    const { size } = await file.stat();
    if (size !== bytes) {
      throw new KitError("E_JOURNAL", {
        problem: `${path} was changed by somebody else while we were writing it`,
        next: "let only one command work in a run folder at a time; then run the same command again",
      });
    }
    for (let at = 0; at < content.length; ) {
      const { bytesWritten } = await file.write(content, at, content.length - at, bytes + at);
      at += bytesWritten;
    }
    await file.datasync();
    lines += batch.length;
    bytes += content.length;
  }

  async function drain(): Promise<void> {
    flushing = true;
    while (waiting.length > 0) {
      const batch = waiting.splice(0);
      try {
        if (broken !== undefined) throw broken;
        await flush(batch);
        for (const { resolve } of batch) resolve();
      } catch (cause) {
        broken = cause instanceof KitError ? cause : writeError(path, cause);
        for (const { reject } of batch) reject(broken);
      }
    }
    flushing = false;
  }

  return {
    add: (data: unknown): Promise<void> =>
      new Promise((resolve, reject) => {
        waiting.push({ data, resolve, reject });
        if (!flushing) void drain();
      }),
  };
}
