import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { datasetOf } from "../../test/drawn-dataset.ts";
import { KitError } from "../errors.ts";
import type { Dataset } from "./dataset.ts";
import { withSplitFile } from "./split-file.ts";

const dir = mkdtempSync(join(tmpdir(), "xai-kit-split-"));
afterAll(() => rmSync(dir, { recursive: true }));
const written = (content: string | Uint8Array): string => {
  const path = join(dir, "split.txt");
  writeFileSync(path, content);
  return path;
};

const ids = ["a/1.png", "a/2 two.png", "b/é.png", "b/4.png"];
const set: Dataset = {
  ...datasetOf(
    ids.map((id, k) => ({ id, labels: [k % 2] })),
    { classes: 2 },
  ),
  split: "unknown",
};
const idsOf = async ({ read }: Dataset, wanted?: readonly string[]) => {
  const found: string[] = [];
  for await (const { id } of read(wanted)) found.push(id);
  return found;
};

async function refusal(content: string | Uint8Array, dataset = set): Promise<string> {
  const error = await withSplitFile(dataset, written(content)).catch((e: unknown) => e);
  if (!(error instanceof KitError)) throw new Error("was accepted");
  expect(error.code).toBe("E_SPLIT_FILE");
  expect(error.next).toContain("datasets ids");
  return [error.message, ...error.details].join("\n").replaceAll(join(dir, "split.txt"), "FILE");
}

describe("a split file", () => {
  it("makes a test split of a set that has none, in the order of the set", async () => {
    // byte order mark, line ends of every kind, spaces around, a name in decomposed Unicode
    const text = "\ufeff# mine\r\nb/e\u0301.png\r\n\n  a/2 two.png \rb/4.png";
    const path = written(text);
    const split = await withSplitFile(set, path);
    const expected = ["a/2 two.png", "b/é.png", "b/4.png"];
    expect(split).toMatchObject({ id: "drawn", split: "test", count: 3 });
    expect(split.splitFile).toBe(createHash("sha256").update(text).digest("hex"));
    expect((await split.index()).map(({ id }) => id)).toEqual(expected);
    expect(await idsOf(split)).toEqual(expected);
    expect(await idsOf(split, ["b/4.png", "a/2 two.png"])).toEqual(["a/2 two.png", "b/4.png"]);
    // what the set has and the file has not
    await expect(idsOf(split, ["a/1.png"])).rejects.toMatchObject({ code: "E_DATASET_ID" });
  });

  it("makes no test split of a part of a set that has an official one", async () => {
    const part = { ...set, id: "imagenet", track: "natural" } as const;
    expect(await withSplitFile(part, written("a/1.png\n"))).toMatchObject({ split: "unknown", count: 1 });
    const whole = { ...set, id: "iq-othnccd", track: "ct" } as const;
    expect((await withSplitFile(whole, written("a/1.png\n"))).split).toBe("test");
  });

  it("takes ids that begin with #, which no comment does without a space", async () => {
    const numbered = datasetOf([{ id: "#1/a.png", labels: [0] }], { classes: 2 });
    const split = await withSplitFile({ ...numbered, split: "unknown" }, written("# mine\n#\n#1/a.png\n"));
    expect(await idsOf(split)).toEqual(["#1/a.png"]);
  });

  it("takes the place of an official split, and is none", async () => {
    const split = await withSplitFile({ ...set, split: "test" }, written("a/1.png\n"));
    expect(split).toMatchObject({ split: "unknown", count: 1 });
  });

  it("names file and line of every id that is not there or there twice", async () => {
    expect(await refusal("a/1.png\nc/9.png\n\na/1.png\n# no\nA/1.png\n")).toBe(
      [
        "FILE does not list samples of drawn, each once",
        "FILE:2: there is no sample c/9.png",
        "FILE:4: a/1.png again, as in line 1",
        "FILE:6: there is no sample A/1.png",
        "ids look like a/1.png",
      ].join("\n"),
    );
    const many = await refusal(Array.from({ length: 30 }, (_, k) => `x${k}\n`).join(""));
    expect(many.split("\n")).toHaveLength(1 + 20 + 2);
    expect(many).toContain("and 10 more");
  });

  it("that says nothing, or is no text, is refused", async () => {
    for (const empty of ["", "\n\n", "# only words\n", "\ufeff"])
      expect(await refusal(empty)).toBe("FILE lists no sample");
    expect(await refusal(Buffer.from("\ufeffa/1.png\n", "utf16le"))).toBe("FILE is not UTF-8 text");
    await expect(withSplitFile(set, dir)).rejects.toMatchObject({
      code: "E_SPLIT_FILE",
      message: expect.stringContaining("cannot be read"),
    });
  });
});
