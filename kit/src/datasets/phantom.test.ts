import { describe, expect, it } from "vitest";
import type { Sample } from "./dataset.ts";
import { openDataset, parseDatasetSpec } from "./open.ts";
import { phantom } from "./phantom.ts";

async function taken(source: AsyncIterable<Sample>): Promise<Sample[]> {
  const out: Sample[] = [];
  for await (const sample of source) out.push(sample);
  return out;
}

describe("phantom", () => {
  it.each(phantom.offers)("%s needs no files", async (id) => {
    const dataset = await openDataset(id);
    expect(dataset).toMatchObject({
      id,
      base: id,
      track: "synthetic",
      split: "test",
      ids: "public",
      count: 512,
    });
    expect(parseDatasetSpec(id.replace("-", ":")).id).toBe(id);
    const index = await dataset.index();
    expect(index).toHaveLength(512);
    expect(index[12]).toMatchObject({ id: "test-00012", group: "test-00012", annotated: true });
    for (const k of dataset.classes.keys()) {
      expect(index.filter(({ labels }) => labels[0] === k)).toHaveLength(512 / dataset.classes.length);
    }
  });

  it("draws what is asked for, in the order of its index, the same each time", async () => {
    const dataset = await openDataset("phantom-retina", { split: "val" });
    const samples = await taken(dataset.read(["val-00003", "val-00001", "val-00003"]));
    expect(samples.map(({ id }) => id)).toEqual(["val-00001", "val-00003"]);
    const index = await dataset.index();
    expect(samples.map(({ labels }) => labels)).toEqual([index[1].labels, index[3].labels]);
    const [{ image, masks: [mask] = [] }] = samples;
    expect(image).toMatchObject({ channels: 3, height: 64, width: 64 });
    expect(mask).toMatchObject({ height: 64, width: 64 });
    expect(mask.data).toContain(1);
    expect(await taken(dataset.read(["val-00001"]))).toEqual([samples[0]]);
    expect((await openDataset("phantom-retina", { split: "train" })).count).toBe(4000);
  });

  it("knows neither other domains nor other ids", async () => {
    expect(() => parseDatasetSpec("phantom-moon")).toThrowError(
      expect.objectContaining({
        code: "E_DATASET_SPEC",
        details: expect.arrayContaining(["phantom-cxr", "phantom-shapes"]),
      }),
    );
    const dataset = await openDataset("phantom-cxr");
    await expect(taken(dataset.read(["train-00000"]))).rejects.toMatchObject({
      code: "E_DATASET_ID",
      details: ["its ids look like test-00000"],
    });
  });
});
