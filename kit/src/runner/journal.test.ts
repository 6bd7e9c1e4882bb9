import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Classified } from "./classify.ts";
import type { RunFacts } from "./facts.ts";
import { type Journal, openJournal, otherPlan, readJournal } from "./journal.ts";
import type { Shard } from "./share.ts";
import type { SampleUnit } from "./units.ts";

let dir = "";
let path = "";
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "xai-kit-journal-"));
  path = join(dir, "journal.jsonl");
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const facts = { kit: "1.2.3", samples: 4, model: { sha256: "aa" } } as unknown as RunFacts;
let clock = 0;
const open = async (shard?: Shard): Promise<Journal> =>
  openJournal({
    path,
    facts,
    shard,
    found: await readJournal(path),
    sitting: { date: "2026-01-01T00:00:00Z", threads: 1, jobs: 2 },
    now: () => clock,
  });

const unit = (sample: string): SampleUnit => ({
  kind: "sample",
  sample,
  rows: [],
  failures: [],
  passes: { forwards: 3, backwards: 1 },
  times: { saliency: [1.5, 1] },
});
const image = (at: number, ...logits: number[]): Classified => ({
  at,
  id: `ü ${at}`,
  labels: [at % 2],
  pixels: "ab",
  logits: Float32Array.from(logits),
});
const lines = () => readFileSync(path, "utf8").split("\n");
const withLine = (n: number, change: (line: string) => string) =>
  writeFileSync(
    path,
    lines()
      .map((line, k) => (k === n - 1 ? change(line) : line))
      .join("\n"),
  );

async function written(...samples: string[]): Promise<void> {
  const journal = await open();
  for (const sample of samples) await journal.addUnit(unit(sample));
  await journal.close();
}

describe("a journal", () => {
  it("gives back what was put in, over several sittings", async () => {
    expect(await readJournal(path)).toBeUndefined();
    clock = 1_000;
    const first = await open();
    const odd = Math.fround(0.1);
    await first.addImages([image(0, 1, -0, odd), image(1, 3e38, 1e-45, 2)]);
    clock = 3_500;
    await first.addUnit(unit("a"));
    await first.close();
    clock = 10_000;
    const second = await open();
    expect(second.header).toEqual(first.header);
    clock = 10_250;
    await Promise.all(["b", "c", "d"].map((id) => second.addUnit(unit(id))));
    await second.finish(1);
    expect(second.seconds()).toBe(2.75);
    await second.close();

    const found = await readJournal(path);
    expect(found?.images).toEqual([image(0, 1, -0, odd), image(1, 3e38, 1e-45, 2)]);
    expect(found?.units).toMatchObject([unit("a"), unit("b"), unit("c"), unit("d")]);
    expect(found).toMatchObject({ absent: 1, seconds: 2.75, threads: 1, jobs: 2, lines: 9 });
    expect(found?.header).toMatchObject({
      facts,
      shard: null,
      secret: /^[0-9a-f]{64}$/.exec(first.header.secret)?.[0],
    });
  });

  it("keeps labels that were left open, and what a block took", async () => {
    const images = [
      { ...image(0, 1, 2), ms: 2 },
      { ...image(1, 3, 4), unknown: [0], ms: 2 },
    ];
    const journal = await open();
    await journal.addImages(images);
    await journal.addImages([image(2, 5, 6)]);
    await journal.close();
    expect((await readJournal(path))?.images).toEqual([...images, image(2, 5, 6)]);
  });

  it("has a secret of its own", async () => {
    const secrets = new Set<string>();
    for (let k = 0; k < 3; k++) {
      rmSync(path, { force: true });
      const journal = await open();
      secrets.add(journal.header.secret);
      await journal.close();
    }
    expect(secrets.size).toBe(3);
  });

  it("drops a torn last line wherever it is torn, and goes on behind the last whole one", async () => {
    await written("a", "b");
    const whole = readFileSync(path);
    const last = whole.lastIndexOf(10, whole.length - 2) + 1;
    for (let end = last; end < whole.length; end++) {
      writeFileSync(path, whole.subarray(0, end));
      const found = await readJournal(path);
      expect([found?.units.length, found?.bytes]).toEqual([1, last]);
    }
    // power may go between the length of a file and its content
    writeFileSync(path, Buffer.concat([whole.subarray(0, last), Buffer.alloc(200)]));
    await written("b", "c");
    expect((await readJournal(path))?.units.map((u) => u.sample)).toEqual(["a", "b", "c"]);
    expect(lines().filter((line) => line.includes("\0"))).toEqual([]);
  });

  it("that was torn in its first line is none", async () => {
    await written("a");
    const whole = readFileSync(path);
    for (const end of [0, 1, 40, whole.indexOf(10)]) {
      writeFileSync(path, whole.subarray(0, end));
      expect(await readJournal(path)).toBeUndefined();
    }
  });

  it.each<[string, () => void, number]>([
    ["a changed character", () => withLine(3, (line) => line.replace('"a"', '"z"')), 3],
    ["a changed number of the line", () => withLine(3, (line) => line.replace('"n":3', '"n":4')), 3],
    ["a lost line", () => writeFileSync(path, lines().toSpliced(2, 1).join("\n")), 3],
    ["a doubled line", () => writeFileSync(path, lines().toSpliced(2, 0, lines()[2]).join("\n")), 4],
    ["a line of something else", () => withLine(4, () => "hello"), 4],
    ["an empty line", () => withLine(3, () => ""), 3],
    ["a corrupt header", () => withLine(1, (line) => line.replace("1.2.3", "1.2.4")), 1],
  ])("names the line with %s", async (_, damage, line) => {
    await written("a", "b", "c");
    damage();
    await expect(readJournal(path)).rejects.toMatchObject({
      code: "E_JOURNAL",
      message: expect.stringContaining(`journal.jsonl, line ${line}: `),
      next: expect.stringContaining("--overwrite"),
    });
  });

  it("refuses a unit that is there twice", async () => {
    await written("a", "a", "b");
    await expect(readJournal(path)).rejects.toThrow("line 4: sample a is there twice");
  });

  it("notices another command in the same folder", async () => {
    const journal = await open();
    appendFileSync(path, "somebody else\n");
    await expect(journal.addUnit(unit("a"))).rejects.toMatchObject({ code: "E_JOURNAL" });
    await expect(journal.addUnit(unit("b"))).rejects.toMatchObject({ code: "E_JOURNAL" });
    await journal.close();
  });

  it("says what differs from another plan", async () => {
    await written();
    const found = (await readJournal(path))!;
    expect(otherPlan(found, facts, undefined)).toEqual([]);
    expect(otherPlan(found, facts, { index: 1, of: 2 })).toEqual(["shard: the whole there, 1/2 here"]);
    const other = { ...facts, samples: 5, model: { sha256: "bb" } } as RunFacts;
    expect(otherPlan(found, other, undefined)).toEqual([
      'model.sha256: "aa" there, "bb" here',
      "samples: 4 there, 5 here",
    ]);
  });

  it("of another version is refused", async () => {
    await written("a");
    const { crc32 } = await import("node:zlib");
    withLine(1, (line) => {
      const data = line.slice(line.indexOf('"data":') + 7, -1).replace('"version":1', '"version":2');
      return `{"n":1,"crc":"${crc32(`1 ${data}`).toString(16).padStart(8, "0")}","data":${data}}`;
    });
    await expect(readJournal(path)).rejects.toThrow("version 2");
  });
});
