import { describe, expect, it } from "vitest";
import { datasetOf } from "../../test/drawn-dataset.ts";
import type { Dataset } from "../datasets/dataset.ts";
import { neighbours, neighboursAt } from "./neighbours.ts";
import { pixelsOf } from "./pixels.ts";

const resize = { method: "bilinear" } as const;
const shape = { channels: 3, height: 6, width: 8 };
const order = Array.from({ length: 12 }, (_, k) => `image ${(5 * k) % 12}`);
const set = datasetOf(
  order.toSorted().map((id) => ({ id, labels: [0] })),
  { classes: 1 },
);

/** The data set, and what it was asked for. */
function spied(left = new Set<string>()) {
  const reads: string[][] = [];
  const dataset: Pick<Dataset, "read"> = {
    async *read(wanted = []) {
      reads.push([...wanted]);
      for await (const sample of set.read(wanted)) if (!left.has(sample.id)) yield sample;
    },
  };
  return { dataset, reads };
}

async function pixels(ids: readonly string[]) {
  const found = new Map<string, unknown>();
  for await (const { id, image } of set.read(ids)) found.set(id, pixelsOf(image, shape, resize));
  return ids.map((id) => found.get(id));
}

describe("the images that one is compared with", () => {
  it("are the next eight in the protocol's order, wrapping around, never itself", () => {
    const letters = [..."abcdefghij"];
    expect(neighboursAt(letters, 0).join("")).toBe("bcdefghi");
    expect(neighboursAt(letters, 5).join("")).toBe("ghijabcd");
    expect(neighboursAt(letters, 9).join("")).toBe("abcdefgh");
    expect(neighboursAt([..."abc"], 1).join("")).toBe("ca");
    expect(neighboursAt(["a"], 0)).toEqual([]);
  });

  it("come in that order, as the model is shown them", async () => {
    const at = neighbours({ ...spied(), order, asked: [3], shape, resize });
    expect(await at(3)).toEqual(await pixels(neighboursAt(order, 3)));
  });

  it("are read in one pass for all that will ask, and not before the first does", async () => {
    const { dataset, reads } = spied();
    const at = neighbours({ dataset, order, asked: [0, 1, 2], shape, resize });
    expect(reads).toEqual([]);
    const found = await Promise.all([0, 1, 2, 0].map(at));
    expect(reads).toHaveLength(1);
    expect(reads[0].toSorted()).toEqual(order.slice(1, 11).toSorted());
    expect(found[3]).toEqual(found[0]);
  });

  it("are the same where there is no room to keep them all", async () => {
    const { dataset, reads } = spied();
    const at = neighbours({
      dataset,
      order,
      asked: order.map((_, k) => k),
      shape,
      resize,
      room: 9 * 4 * 144,
    });
    for (const k of [0, 7, 3, 11, 0]) expect(await at(k)).toEqual(await pixels(neighboursAt(order, k)));
    expect(reads.length).toBeGreaterThan(3);
    expect(Math.max(...reads.map((ids) => ids.length))).toBeLessThanOrEqual(9);
  });

  it("leave out what the data set does", async () => {
    const { dataset, reads } = spied(new Set([order[2]]));
    const at = neighbours({ dataset, order, asked: [0], shape, resize });
    const want = neighboursAt(order, 0).filter((id) => id !== order[2]);
    expect(await at(0)).toEqual(await pixels(want));
    expect(await at(0)).toHaveLength(7);
    expect(reads).toHaveLength(1); // it is not asked for again
  });

  it("can be asked for again after a failure", async () => {
    let broken = true;
    const dataset: Pick<Dataset, "read"> = {
      async *read(wanted) {
        if (broken) throw new Error("the disk is gone");
        yield* set.read(wanted);
      },
    };
    const at = neighbours({ dataset, order, asked: [0], shape, resize });
    await expect(at(0)).rejects.toThrow("the disk is gone");
    broken = false;
    expect(await at(0)).toHaveLength(8);
  });
});
