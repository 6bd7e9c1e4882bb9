/** Batches that fit a memory budget, and get smaller where the estimate was wrong. */
import { KitError } from "../errors.ts";

export interface ChunkOptions {
  /** what one item of the batch is thought to need */
  readonly bytesPerItem: number;
  /** bytes to stay within */
  readonly budget: number;
  /** more than this is of no use */
  readonly max?: number;
  /** chunks stay multiples of this as long as memory allows more than one */
  readonly multiple?: number;
  /** what a failure has taught; share one object between calls that run the same graph */
  readonly learned?: Learned;
  /** told when memory ran out: the size that failed, and the one to go on with */
  readonly onHalved?: (failed: number, next: number) => void;
}

export interface Learned {
  /** the largest batch that may still work */
  limit?: number;
}

/** The batch the budget allows: at least 1, since there is nothing smaller to try. */
export function batchSize({
  bytesPerItem,
  budget,
  max = Number.POSITIVE_INFINITY,
  learned,
}: ChunkOptions): number {
  const fitting = Math.floor(budget / Math.max(bytesPerItem, 1));
  return Math.max(1, Math.min(fitting, max, learned?.limit ?? Number.POSITIVE_INFINITY));
}

/**
 * Calls `work` for consecutive chunks of `count` items. E_ENGINE_MEMORY halves the chunk and repeats from the same
 * start, so `work` must not keep anything of a chunk that failed.
 *
 * @throws KitError E_ENGINE_MEMORY when a single item does not fit; whatever else `work` throws
 */
export async function inChunks(
  count: number,
  options: ChunkOptions,
  work: (start: number, size: number) => Promise<void>,
): Promise<void> {
  const learned = options.learned ?? {};
  let start = 0;
  while (start < count) {
    const size = Math.min(batchSize({ ...options, learned }), count - start);
    try {
      await work(start, size);
      start += size;
    } catch (error) {
      if (!(error instanceof KitError) || error.code !== "E_ENGINE_MEMORY") throw error;
      if (size === 1) throw tooLarge(error);
      learned.limit = halved(size, options.multiple);
      options.onHalved?.(size, learned.limit);
    }
  }
}

function halved(size: number, multiple = 1): number {
  const half = Math.floor(size / 2);
  return half < multiple ? half : half - (half % multiple);
}

const tooLarge = (error: KitError): KitError =>
  new KitError("E_ENGINE_MEMORY", {
    problem: `${error.message}, with a batch of one`,
    details: error.details,
    next: "a smaller --memory cannot help: close other programs, use a machine or device with more memory, or a smaller model",
    cause: error,
  });

const units: Readonly<Record<string, number>> = {
  "": 1,
  b: 1,
  k: 1e3,
  kb: 1e3,
  kib: 2 ** 10,
  m: 1e6,
  mb: 1e6,
  mib: 2 ** 20,
  g: 1e9,
  gb: 1e9,
  gib: 2 ** 30,
  t: 1e12,
  tb: 1e12,
  tib: 2 ** 40,
};

/** "2GB", "512 MiB", "1.5g" or plain bytes → bytes. Throws KitError E_PARAM. */
export function parseBytes(text: string): number {
  const [, amount, unit = ""] = /^\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*$/i.exec(text) ?? [];
  const factor = units[unit.toLowerCase()];
  const bytes = Math.floor(Number(amount) * (factor ?? Number.NaN));
  if (!(bytes > 0)) {
    throw new KitError("E_PARAM", {
      problem: `"${text}" is not an amount of memory`,
      next: "write a number and a unit: 512MB, 2GB, 1.5GiB",
    });
  }
  return bytes;
}

/** Bytes as people read them: 1.5 GB. */
export function formatBytes(bytes: number): string {
  const scale = [
    [1e12, "TB"],
    [1e9, "GB"],
    [1e6, "MB"],
    [1e3, "kB"],
  ] as const;
  const [size, name] = scale.find(([s]) => bytes >= s) ?? [1, "B"];
  return `${Number((bytes / size).toPrecision(3))} ${name}`;
}
