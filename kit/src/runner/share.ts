/** Work shared out: between engines of one process, and between shards of one run. */
import { KitError } from "../errors.ts";

/** One of `of` equal shares, counted from 1. */
export interface Shard {
  readonly index: number;
  readonly of: number;
}

/** Whether the item at this position belongs to the shard: every `of`-th, so that shards are equally heavy. */
export const inShard = (position: number, { index, of }: Shard): boolean => position % of === index - 1;

export const shardName = ({ index, of }: Shard): string => `${index}/${of}`;

/** "2/7" → the second of seven. Throws KitError E_USAGE. */
export function parseShard(text: string): Shard {
  const [, index, of] = /^(\d{1,6})\/(\d{1,6})$/.exec(text) ?? [];
  if (Number(index) >= 1 && Number(index) <= Number(of)) return { index: Number(index), of: Number(of) };
  throw new KitError("E_USAGE", {
    problem: `--shard ${text} is not a share`,
    next: "for example --shard 1/4, then 2/4, 3/4 and 4/4, then xai-kit merge",
  });
}

/**
 * Hands the items of `source` to the workers; each takes the next one when it is free. The first failure stops all: it is thrown once the
 * others have ended what they were at.
 *
 * @param stop  called at the first failure, so that the others may end early
 */
export async function shareOut<T, W>(
  source: AsyncIterable<T>,
  workers: readonly W[],
  work: (item: T, worker: W) => Promise<void>,
  stop: () => void = () => {},
): Promise<void> {
  const items = source[Symbol.asyncIterator]();
  let failure: { readonly error: unknown } | undefined;
  await Promise.all(
    workers.map(async (worker) => {
      try {
        while (failure === undefined) {
          const { done, value } = await items.next();
          if (done) return;
          await work(value, worker);
        }
      } catch (error) {
        if (failure === undefined) {
          failure = { error };
          stop();
        }
      }
    }),
  );
  if (failure === undefined) return;
  await items.return?.();
  throw failure.error;
}

/** Neighbours of the same key, together. */
export async function* grouped<T>(
  source: AsyncIterable<T>,
  keyOf: (item: T) => unknown,
): AsyncGenerator<T[]> {
  let group: T[] = [];
  for await (const item of source) {
    if (group.length > 0 && keyOf(group[0]) !== keyOf(item)) {
      yield group;
      group = [];
    }
    group.push(item);
  }
  if (group.length > 0) yield group;
}
