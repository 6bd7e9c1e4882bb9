import { describe, expect, it } from "vitest";
import { KitError } from "../errors.ts";
import { batchSize, formatBytes, inChunks, type Learned, parseBytes } from "./chunk.ts";

const full = () => new KitError("E_ENGINE_MEMORY", { problem: "out of memory" });

/** Records the chunks that worked; chunks above `limit` run out of memory. */
async function run(count: number, options: Parameters<typeof inChunks>[1], limit = Number.POSITIVE_INFINITY) {
  const done: [number, number][] = [];
  const tried: number[] = [];
  await inChunks(count, options, async (start, size) => {
    tried.push(size);
    if (size > limit) throw full();
    done.push([start, size]);
  });
  return { done, tried };
}

describe("inChunks", () => {
  it("cuts a count into chunks of the budget, the last one smaller", async () => {
    const { done } = await run(7, { bytesPerItem: 10, budget: 35 });
    expect(done).toEqual([
      [0, 3],
      [3, 3],
      [6, 1],
    ]);
  });

  it("never goes above max, nor below one", () => {
    expect(batchSize({ bytesPerItem: 1, budget: 1000, max: 16 })).toBe(16);
    expect(batchSize({ bytesPerItem: 1000, budget: 1 })).toBe(1);
    expect(batchSize({ bytesPerItem: 0, budget: 8, max: 4 })).toBe(4);
  });

  it("halves after running out of memory and goes on from the same start", async () => {
    const { done, tried } = await run(10, { bytesPerItem: 1, budget: 8 }, 2);
    expect(tried.slice(0, 3)).toEqual([8, 4, 2]);
    expect(done.map(([start]) => start)).toEqual([0, 2, 4, 6, 8]);
  });

  it("says what failed and what comes next, and keeps to multiples while it can", async () => {
    const said: number[][] = [];
    const onHalved = (...sizes: number[]) => said.push(sizes);
    const { tried, done } = await run(24, { bytesPerItem: 1, budget: 24, multiple: 4, onHalved }, 3);
    // 24 → 12 → 6, of which 4; 4 → 2, since nothing is left to be a multiple of
    expect(said).toEqual([
      [24, 12],
      [12, 4],
      [4, 2],
    ]);
    expect(tried.slice(0, 4)).toEqual([24, 12, 4, 2]);
    expect(done).toHaveLength(12);
  });

  it("keeps what it learned in the caller's object", async () => {
    const learned: Learned = {};
    await run(8, { bytesPerItem: 1, budget: 8, learned }, 2);
    expect(learned.limit).toBe(2);
    const { tried } = await run(4, { bytesPerItem: 1, budget: 8, learned }, 2);
    expect(tried).toEqual([2, 2]);
  });

  it("gives up on a single item, saying that --memory cannot help", async () => {
    await expect(run(3, { bytesPerItem: 1, budget: 4 }, 0)).rejects.toMatchObject({
      code: "E_ENGINE_MEMORY",
      next: expect.stringContaining("--memory"),
    });
  });

  it("lets other errors through at once", async () => {
    const other = new KitError("E_ENGINE_RUN", { problem: "bad" });
    let calls = 0;
    const failing = inChunks(4, { bytesPerItem: 1, budget: 4 }, async () => {
      calls++;
      throw other;
    });
    await expect(failing).rejects.toBe(other);
    expect(calls).toBe(1);
  });

  it("does nothing for a count of none", async () => {
    expect((await run(0, { bytesPerItem: 1, budget: 4 })).done).toEqual([]);
  });
});

describe("parseBytes", () => {
  it.each([
    ["2GB", 2e9],
    ["512 MiB", 512 * 2 ** 20],
    ["1.5g", 1.5e9],
    ["4096", 4096],
  ])("%s", (text, bytes) => expect(parseBytes(text)).toBe(bytes));

  it.each(["", "GB", "-1GB", "0", "2 apples", "1e9"])("refuses %j", (text) => {
    expect(() => parseBytes(text)).toThrow(`"${text}" is not an amount of memory`);
  });

  it("formats for people", () => {
    expect(formatBytes(1_530_000_000)).toBe("1.53 GB");
    expect(formatBytes(12)).toBe("12 B");
  });
});
