import { describe, expect, it } from "vitest";
import type { Graph } from "../onnx/graph.ts";
import type { Executable } from "./engine.ts";
import { createPool } from "./pool.ts";

const graph = (name: string): Graph => ({
  name,
  opsets: { "": 21 },
  inputs: [],
  outputs: [],
  nodes: [],
  initializers: new Map(),
});

/** An engine that logs what happens; runs end when `finish` is called with their graph's name. */
function fakeEngine() {
  const log: string[] = [];
  const running = new Map<string, () => void>();
  const load = async ({ name }: Graph): Promise<Executable> => {
    log.push(`load ${name}`);
    if (name === "bad") throw new Error("bad graph");
    let released = false;
    return {
      async run() {
        if (released) throw new Error(`${name} ran after its release`);
        log.push(`run ${name}`);
        await new Promise<void>((resolve) => running.set(name, resolve));
        return {};
      },
      async release() {
        released = true;
        log.push(`release ${name}`);
      },
    };
  };
  const finish = (name: string) => running.get(name)?.();
  return { engine: { load }, log, finish };
}

const soon = () => new Promise((resolve) => setImmediate(resolve));

describe("session pool", () => {
  it("keeps two and releases the least recently used", async () => {
    const { engine, log } = fakeEngine();
    const pool = createPool(engine);
    await pool.get("a", () => graph("a"));
    await pool.get("b", () => graph("b"));
    await pool.get("a", () => graph("a"));
    await pool.get("c", () => graph("c"));
    expect(log).toEqual(["load a", "load b", "release b", "load c"]);
    expect(pool.resident()).toEqual(["a", "c"]);
    expect(pool.loads).toBe(3);
  });

  it("lets all idle ones of another group go where a place is needed", async () => {
    const { engine, log } = fakeEngine();
    const pool = createPool(engine, 3);
    for (const key of ["a", "b"]) await pool.get(key, () => graph(key), "one");
    await pool.get("c", () => graph("c"), "two");
    await pool.get("d", () => graph("d"), "two");
    expect(log).toEqual(["load a", "load b", "load c", "release a", "release b", "load d"]);
    expect(pool.resident()).toEqual(["c", "d"]);
  });

  it("loads one key once for concurrent gets", async () => {
    const { engine, log } = fakeEngine();
    const pool = createPool(engine);
    await Promise.all([1, 2, 3].map(() => pool.get("a", () => graph("a"))));
    expect(log).toEqual(["load a"]);
  });

  it("waits with the release until a run has ended", async () => {
    const { engine, log, finish } = fakeEngine();
    const pool = createPool(engine, 1);
    const a = await pool.get("a", () => graph("a"));
    const run = a.run({}, []);
    await soon();
    const b = pool.get("b", () => graph("b"));
    await soon();
    expect(log).toEqual(["load a", "run a"]);
    finish("a");
    await run;
    await b;
    expect(log).toEqual(["load a", "run a", "release a", "load b"]);
  });

  it("spares a running one although it is the least recently used", async () => {
    const { engine, log, finish } = fakeEngine();
    const pool = createPool(engine, 2);
    const a = await pool.get("a", () => graph("a"));
    const run = a.run({}, []);
    await pool.get("b", () => graph("b"));
    await pool.get("c", () => graph("c"));
    expect(log).toContain("release b");
    expect(log).not.toContain("release a");
    finish("a");
    await run;
  });

  it("loads again what was released, without its holder noticing", async () => {
    const { engine, log, finish } = fakeEngine();
    const pool = createPool(engine, 1);
    const a = await pool.get("a", () => graph("a"));
    await pool.get("b", () => graph("b"));
    const run = a.run({}, []);
    await soon();
    finish("a");
    await run;
    expect(log).toEqual(["load a", "release a", "load b", "release b", "load a", "run a"]);
  });

  it("gives no place to a load that failed, and tries it again", async () => {
    const { engine, log } = fakeEngine();
    const pool = createPool(engine, 1);
    await expect(pool.get("x", () => graph("bad"))).rejects.toThrow("bad graph");
    expect(pool.resident()).toEqual([]);
    await expect(pool.get("x", () => graph("bad"))).rejects.toThrow("bad graph");
    expect(log).toEqual(["load bad", "load bad"]);
  });

  it("releases all of it", async () => {
    const { engine, log } = fakeEngine();
    const pool = createPool(engine);
    await pool.get("a", () => graph("a"));
    await pool.get("b", () => graph("b"));
    await pool.release();
    expect(log.slice(2)).toEqual(["release a", "release b"]);
    expect(pool.resident()).toEqual([]);
  });
});
