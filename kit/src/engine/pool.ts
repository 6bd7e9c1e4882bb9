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
   *
   * Where a place is needed, all idle ones of another `group` (another model) go at once: its weights are not asked for again soon, and
   * memory that is given back while more is taken stays in gaps that the system never sees (1.5 GB of ViT-B/16's 4.6).
   */
  get(key: string, make: () => Graph | Promise<Graph>, group?: string): Promise<Executable>;
  /** Keys in memory, the least recently used first. */
  resident(): readonly string[];
  /** How many times a graph was loaded; above the number of keys, work is badly ordered. */
  readonly loads: number;
  /** Releases what is resident, as soon as it is idle. */
  release(): Promise<void>;
}

interface Place {
  readonly executable: Promise<Executable>;
  readonly group: string;
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
    group: string,
    use: (executable: Executable) => T | Promise<T>,
  ): Promise<T> {
    const place = await acquire(key, make, group);
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

  async function acquire(key: string, make: () => Graph | Promise<Graph>, group: string): Promise<Place> {
    for (;;) {
      const found = places.get(key);
      if (found !== undefined) {
        places.delete(key);
        places.set(key, found); // now the most recently used
        found.users++;
        return found;
      }
      if (places.size < capacity) break;
      const idle = [...places].filter(([, place]) => place.users === 0);
      const others = idle.filter(([, place]) => place.group !== group);
      if (idle.length === 0) await new Promise<void>((resolve) => waiting.push(resolve));
      else await Promise.all((others.length > 0 ? others : idle.slice(0, 1)).map((found) => evict(...found)));
    }
    loads++;
    const executable = Promise.resolve().then(async () => engine.load(await make()));
    const place: Place = { executable, group, users: 1 };
    places.set(key, place);
    return place;
  }

  return {
    async get(key, make, group = "") {
      await using(key, make, group, () => undefined);
      return {
        run: (feeds, fetches) => using(key, make, group, (executable) => executable.run(feeds, fetches)),
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
