import { describe, expect, it } from "vitest";
import { grouped, inShard, parseShard, shardName, shareOut } from "./share.ts";

async function* numbers(count: number) {
  for (let k = 0; k < count; k++) yield k;
}

describe("shards", () => {
  it.each([1, 3, 7])("of %i share every position out, each once", (of) => {
    const shards = Array.from({ length: of }, (_, k) => ({ index: k + 1, of }));
    for (let at = 0; at < 50; at++) expect(shards.filter((s) => inShard(at, s))).toHaveLength(1);
    const sizes = shards.map(
      (s) => Array.from({ length: 50 }, (_, at) => at).filter((at) => inShard(at, s)).length,
    );
    expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
  });

  it("are named i/n", () => {
    expect(parseShard("2/7")).toEqual({ index: 2, of: 7 });
    expect(shardName({ index: 2, of: 7 })).toBe("2/7");
    for (const text of ["0/3", "4/3", "1", "1/0", "a/b", "1/3/5", "-1/2", "1.5/2"]) {
      expect(() => parseShard(text)).toThrow(`--shard ${text} is not a share`);
    }
  });
});

describe("sharing out", () => {
  it("gives each item to one worker, the free one", async () => {
    const done: [number, string][] = [];
    await shareOut(numbers(9), ["slow", "fast"], async (item, worker) => {
      await new Promise((resolve) => setTimeout(resolve, worker === "slow" ? 40 : 1));
      done.push([item, worker]);
    });
    expect(done.map(([item]) => item).sort()).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
    expect(done.filter(([, worker]) => worker === "fast").length).toBeGreaterThan(5);
  });

  it("ends with the first failure, once the others have ended", async () => {
    const seen: number[] = [];
    let stopped = 0;
    let closed = false;
    async function* endless() {
      try {
        for (let k = 0; ; k++) yield k;
      } finally {
        closed = true;
      }
    }
    const work = async (item: number) => {
      if (item === 3) throw new Error("three");
      await new Promise((resolve) => setTimeout(resolve, 5));
      seen.push(item);
    };
    await expect(shareOut(endless(), ["a", "b"], work, () => stopped++)).rejects.toThrow("three");
    expect([stopped, closed]).toEqual([1, true]);
    expect(seen.length).toBeLessThanOrEqual(4);
  });

  it("fails when the source fails", async () => {
    async function* broken() {
      yield 1;
      throw new Error("unreadable");
    }
    await expect(shareOut(broken(), ["a", "b"], async () => {})).rejects.toThrow("unreadable");
  });
});

it("groups neighbours", async () => {
  const groups: number[][] = [];
  for await (const group of grouped(numbers(7), (k) => Math.floor(k / 3))) groups.push(group);
  expect(groups).toEqual([[0, 1, 2], [3, 4, 5], [6]]);
});
