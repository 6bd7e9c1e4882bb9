import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { zipSync } from "fflate";
import { afterAll, describe, expect, it } from "vitest";
import { fixtures } from "../../test/fixtures.ts";
import { KitError } from "../errors.ts";
import type { Tensor } from "../onnx/tensor.ts";
import type { Dataset, Sample } from "./dataset.ts";
import { openDataset } from "./open.ts";
import { encodeNpy } from "./readers/npy.ts";
import { medmnistSets, medmnistSizes } from "./shared/medmnist-sets.ts";

const dir = mkdtempSync(join(tmpdir(), "xai-kit-medmnist-"));
afterAll(() => rmSync(dir, { recursive: true }));

const bytes = (...dims: number[]): Tensor => {
  const size = dims.reduce((n, d) => n * d, 1);
  return { type: "uint8", dims, data: Uint8Array.from({ length: size }, (_, i) => (i * 7) % 253) };
};
const labels = (dims: number[], ...values: number[]): Tensor => ({
  type: "uint8",
  dims,
  data: Uint8Array.from(values),
});

function save(name: string, arrays: Record<string, Tensor>, level: 0 | 6 = 0) {
  const entries = Object.entries(arrays).map(([key, tensor]) => [`${key}.npy`, encodeNpy(tensor)]);
  writeFileSync(join(dir, name), zipSync(Object.fromEntries(entries), { level }));
}

async function all(dataset: Dataset, wanted?: string[]): Promise<Sample[]> {
  const samples: Sample[] = [];
  for await (const sample of dataset.read(wanted)) samples.push(sample);
  return samples;
}

describe("medmnist", () => {
  it.each([0, 6] as const)("reads colour, multi-class (level %i)", async (level) => {
    const images = bytes(4, 64, 64, 3);
    save("bloodmnist_64.npz", { test_images: images, test_labels: labels([4, 1], 3, 0, 7, 3) }, level);
    const set = await openDataset("medmnist:bloodmnist@64", { dir });
    expect(set).toMatchObject({
      id: "medmnist-bloodmnist-64",
      base: "medmnist-bloodmnist",
      split: "test",
      task: "multi-class",
      track: "medical",
      ids: "public",
      licence: "CC BY 4.0",
      count: 4,
    });
    expect(set.classes).toHaveLength(8);
    expect(await set.index()).toEqual(
      [3, 0, 7, 3].map((label, i) => {
        const id = `test-0000${i}`;
        return { id, group: id, labels: [label], annotated: false };
      }),
    );
    // in the order of the file, each once, whatever the order asked for
    const samples = await all(set, ["test-00003", "test-00001", "test-00003"]);
    expect(samples.map(({ id, labels: own }) => [id, own])).toEqual([
      ["test-00001", [0]],
      ["test-00003", [3]],
    ]);
    const { image } = samples[1];
    expect([image.channels, image.height, image.width]).toEqual([3, 64, 64]);
    const source = (images.data as Uint8Array).subarray(3 * 64 * 64 * 3);
    for (const [c, y, x] of [
      [0, 0, 0],
      [1, 5, 9],
      [2, 63, 62],
    ]) {
      expect(image.data[(c * 64 + y) * 64 + x]).toBe(source[(y * 64 + x) * 3 + c]);
    }
    expect((await all(set)).length).toBe(4);
    await set.close();
  });

  it("reads grey, multi-label", async () => {
    const rows = [0, 1].flatMap((row) =>
      Array.from({ length: 14 }, (_, k) => (row === 0 && (k === 2 || k === 9) ? 1 : 0)),
    );
    save("chestmnist.npz", { val_images: bytes(2, 28, 28), val_labels: labels([2, 14], ...rows) });
    const set = await openDataset("medmnist-chestmnist", { dir, split: "val" });
    expect((await set.index()).map((sample) => sample.labels)).toEqual([[2, 9], []]);
    const [first] = await all(set);
    expect(first.image).toEqual({ channels: 1, height: 28, width: 28, data: bytes(1, 28, 28).data });
    await set.close();
  });

  it("notes what differs from the published file", async () => {
    save("pneumoniamnist.npz", { test_images: bytes(3, 28, 28), test_labels: labels([3], 0, 1, 1) });
    const set = await openDataset("medmnist-pneumoniamnist", { dir });
    expect(set.edition).toMatch(/^MD5 [0-9a-f]{32} is not the published 28209eda62fecd6e6a2d98b1501bb15f$/);
    expect(set.notes).toEqual([
      "pneumoniamnist.npz has 3 test images, the published file 624",
      `pneumoniamnist.npz: ${set.edition}`,
    ]);
    await set.close();
    const quick = await openDataset("medmnist-pneumoniamnist", { dir, checksum: false });
    expect(quick.edition).toBe("MD5 not compared");
    await quick.close();
  });

  it.each<[string, Record<string, Tensor>, string]>([
    ["no such split", { train_images: bytes(1, 28, 28) }, "no array test_images"],
    [
      "other size",
      { test_images: bytes(1, 64, 64), test_labels: labels([1, 1], 0) },
      "expected uint8 (N, 28, 28)",
    ],
    ["colour", { test_images: bytes(1, 28, 28, 3), test_labels: labels([1, 1], 0) }, "uint8 (1, 28, 28, 3)"],
    [
      "floats",
      {
        test_images: { type: "float32", dims: [1, 28, 28], data: new Float32Array(784) },
        test_labels: labels([1, 1], 0),
      },
      "test_images is float32",
    ],
    [
      "fewer labels",
      { test_images: bytes(2, 28, 28), test_labels: labels([1, 1], 0) },
      "test_labels is (1, 1), expected (2, 1)",
    ],
    [
      "fewer flat labels",
      { test_images: bytes(2, 28, 28), test_labels: labels([1], 0) },
      "1 rows for 2 images",
    ],
    [
      "an unknown class",
      { test_images: bytes(2, 28, 28), test_labels: labels([2, 1], 0, 2) },
      "row 1 is 2, expected 0 to 1",
    ],
    ["nothing in it", { test_images: bytes(0, 28, 28), test_labels: labels([0, 1]) }, "is empty"],
  ])("refuses %s", async (_, arrays, expected) => {
    save("breastmnist.npz", arrays);
    const error = await openDataset("medmnist-breastmnist", { dir }).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(KitError);
    expect((error as KitError).code).toBe("E_DATASET_FORMAT");
    expect((error as KitError).details.join()).toContain(expected);
  });

  it("says which file is missing, where it is and under which licence", async () => {
    const error = await openDataset("medmnist:dermamnist@224", { dir }).catch((e: unknown) => e);
    expect(error).toMatchObject({
      code: "E_DATASET_MISSING",
      message: `medmnist-dermamnist-224 needs dermamnist_224.npz, which is not in ${dir}`,
    });
    expect((error as KitError).details.join()).toMatch(/Zenodo, record 10519652.*licence CC BY-NC 4.0/);
  });

  it("refuses ids that the split does not have", async () => {
    save("octmnist.npz", { test_images: bytes(1, 28, 28), test_labels: labels([1, 1], 0) });
    const set = await openDataset("medmnist-octmnist", { dir });
    expect(() => set.read(["test-00000", "val-00000"])).toThrow("medmnist-octmnist has no sample val-00000");
    await set.close();
  });
});

describe("the list of sets", () => {
  it("has twelve, each in four sizes with a sum of its own", () => {
    expect(medmnistSets).toHaveLength(12);
    expect(medmnistSizes).toEqual([28, 64, 128, 224]);
    const sums = medmnistSets.flatMap(({ md5 }) => medmnistSizes.map((size) => md5[size]));
    for (const sum of sums) expect(sum).toMatch(/^[0-9a-f]{32}$/);
    expect(new Set(sums).size).toBe(48);
  });
  it("knows which are no choice among classes", () => {
    const flagged = (task: string) => medmnistSets.filter((set) => set.task === task).map(({ flag }) => flag);
    expect(flagged("multi-label")).toEqual(["chestmnist"]);
    expect(flagged("ordinal")).toEqual(["retinamnist"]);
    expect(flagged("binary")).toEqual(["pneumoniamnist", "breastmnist"]);
    expect(flagged("multi-class")).toHaveLength(8);
  });
});

const real = fixtures();
describe.skipIf(real === undefined)("real files (needs the fixtures)", () => {
  const data = { dir: join(real ?? "", "real", "data") };

  it("recognises the published breastmnist", async () => {
    const set = await openDataset("medmnist-breastmnist", data);
    expect(set.edition).toBe("MedMNIST v3, MD5 750601b1f35ba3300ea97c75c52ff8f6 as published");
    expect(set.notes).toEqual([]);
    const counts = [0, 0];
    for (const { labels: own } of await set.index()) counts[own[0]]++;
    expect(counts).toEqual([42, 114]);
    expect(await all(set)).toHaveLength(156);
    await set.close();
  });

  it("reads a pneumoniamnist whose training split was put together again, and says that it is another file", async () => {
    const set = await openDataset("medmnist-pneumoniamnist", data);
    expect(set.notes).toHaveLength(1);
    expect(set.notes[0]).toContain("is not the published 28209eda62fecd6e6a2d98b1501bb15f");
    expect(set.count).toBe(624);
    await set.close();
  });
});
