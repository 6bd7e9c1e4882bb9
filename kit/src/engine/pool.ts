/**
 * Few sessions at a time: each holds its own copy of the weights. What is needed again is loaded again, so callers keep
 * their executables and never meet a released one.
 */
import type { Graph } from "../onnx/graph.ts";
import type { Engine, Executable } from "./engine.ts";

export interface SessionPool {
  /**
   * The executable of `key`, loaded now unless it is resident. `make` is called on every load, so it should not be
   * dear; equal keys must mean equal graphs. Waits while all places are taken by executables that are running.
   */
  get(key: string, make: () => Graph | Promise<Graph>): Promise<Executable>;
  /** Keys in memory, the least recently used first. */
  resident(): readonly string[];
  /** How many times a graph was loaded; above the number of keys, work is badly ordered. */
  readonly loads: number;
  /** Releases what is resident, as soon as it is idle. */
  release(): Promise<void>;
}

interface Place {
  readonly executable: Promise<Executable>;
  /** runs under way, and loads awaited */
  users: number;
}

export function createPool(engine: Pick<Engine, "load">, capacity = 2): SessionPool {
  /** In order of last use: a Map keeps the order of insertion. */
  const places = new Map<string, Place>();
  const waiting: (() => void)[] = [];
  let loads = 0;

  const wake = () => {
    for (const go of waiting.splice(0)) go();
  };

  async function evict(key: string, place: Place): Promise<void> {
    places.delete(key);
    await (await place.executable).release();
  }

  /** Holds `key` while `use` runs. */
  async function using<T>(
    key: string,
    make: () => Graph | Promise<Graph>,
    use: (executable: Executable) => T | Promise<T>,
  ): Promise<T> {
    const place = await acquire(key, make);
    try {
      return await use(await place.executable);
    } catch (error) {
      // a load that failed takes no place and is tried again when asked again
      await place.executable.catch(() => places.get(key) === place && places.delete(key));
      throw error;
    } finally {
      place.users--;
      wake();
    }
  }

  async function acquire(key: string, make: () => Graph | Promise<Graph>): Promise<Place> {
    for (;;) {
      const found = places.get(key);
      if (found !== undefined) {
        places.delete(key);
        places.set(key, found); // now the most recently used
        found.users++;
        return found;
      }
      if (places.size < capacity) break;
      const idle = [...places].find(([, place]) => place.users === 0);
      if (idle === undefined) await new Promise<void>((resolve) => waiting.push(resolve));
      else await evict(...idle);
    }
    loads++;
    const executable = Promise.resolve().then(async () => engine.load(await make()));
    const place: Place = { executable, users: 1 };
    places.set(key, place);
    return place;
  }

  return {
    async get(key, make) {
      await using(key, make, () => undefined);
      return {
        run: (feeds, fetches) => using(key, make, (executable) => executable.run(feeds, fetches)),
        async release() {
          const place = places.get(key);
          if (place?.users === 0) await evict(key, place);
        },
      };
    },
    resident: () => [...places.keys()],
    get loads() {
      return loads;
    },
    async release() {
      while (places.size > 0) {
        const idle = [...places].find(([, place]) => place.users === 0);
        if (idle === undefined) await new Promise<void>((resolve) => waiting.push(resolve));
        else await evict(...idle);
      }
    },
  };
}
