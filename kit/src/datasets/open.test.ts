import { describe, expect, it } from "vitest";
import { datasets } from "./index.ts";
import { openDataset, parseDatasetSpec } from "./open.ts";
import { medmnistSets, medmnistSizes } from "./shared/medmnist-sets.ts";

describe("parseDatasetSpec", () => {
  it.each([
    ["medmnist-pneumoniamnist", "medmnist-pneumoniamnist", "medmnist-pneumoniamnist"],
    ["medmnist:pneumoniamnist@64", "medmnist-pneumoniamnist-64", "medmnist-pneumoniamnist"],
    ["medmnist-pneumoniamnist-64", "medmnist-pneumoniamnist-64", "medmnist-pneumoniamnist"],
    ["medmnist:breastmnist@28", "medmnist-breastmnist", "medmnist-breastmnist"],
    ["medmnist-breastmnist-28", "medmnist-breastmnist", "medmnist-breastmnist"],
    ["folder", "folder", "folder"],
    ["folder:some/where", "folder", "folder"],
  ])("%s", (spec, id, base) => {
    expect(parseDatasetSpec(spec)).toMatchObject({ id, base });
  });

  it.each([
    "",
    "medmnist",
    "medmnist-",
    "medmnist:nodulemnist3d",
    "medmnist:breastmnist@32",
    "medmnistx",
    "folders",
    "imagenette",
  ])("refuses %j and lists what there is", (spec) => {
    expect(() => parseDatasetSpec(spec)).toThrow(
      expect.objectContaining({
        code: "E_DATASET_SPEC",
        details: expect.arrayContaining(["medmnist-breastmnist[-28|64|128|224]", "folder:<path>"]),
      }),
    );
  });

  it("refuses options that say nothing to the set, and says which it takes", async () => {
    await expect(openDataset("nih-cxr14", { dir: "x", boxes: "mine.csv" })).rejects.toMatchObject({
      code: "E_DATASET_OPTION",
      message: "--boxes says nothing to nih-cxr14",
      next: "leave it out; this set takes --label-space",
    });
    await expect(openDataset("phantom-cxr", { uncertain: "one", labelSpace: "uces8" })).rejects.toThrow(
      "--uncertain and --label-space says nothing to phantom",
    );
  });

  it("asks for the folder before anything else", async () => {
    await expect(parseDatasetSpec("medmnist-breastmnist").open({})).rejects.toMatchObject({
      code: "E_DATASET_MISSING",
      message: "medmnist-breastmnist needs the folder that holds breastmnist.npz",
    });
    await expect(parseDatasetSpec("folder").open({})).rejects.toMatchObject({ code: "E_DATASET_MISSING" });
  });
});

describe("every data set", () => {
  it.each(datasets.map((entry) => [entry.id, entry] as const))("%s is documented", (_, entry) => {
    for (const text of [entry.title, entry.licence, entry.where]) expect(text.trim()).not.toBe("");
    expect(entry.offers.length).toBeGreaterThan(0);
    for (const offer of entry.offers) expect(offer.startsWith(entry.id)).toBe(true);
  });
});

describe("the table of MedMNIST", () => {
  it("is whole", () => {
    expect(medmnistSets).toHaveLength(12);
    expect(new Set(medmnistSets.map(({ flag }) => flag)).size).toBe(12);
    for (const { md5, version2, classes, counts, task } of medmnistSets) {
      expect(Object.keys(md5).map(Number)).toEqual(medmnistSizes);
      for (const sum of [...Object.values(md5), ...(version2 ? [version2.md5] : [])])
        expect(sum).toMatch(/^[0-9a-f]{32}$/);
      expect(new Set(classes).size).toBe(classes.length);
      expect(task === "binary").toBe(classes.length === 2);
      expect(Math.min(counts.train, counts.val, counts.test)).toBeGreaterThan(0);
    }
    const sums = medmnistSets.flatMap(({ md5 }) => Object.values(md5));
    expect(new Set(sums).size).toBe(48);
  });
});
