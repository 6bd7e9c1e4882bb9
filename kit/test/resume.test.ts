/** A run that is stopped, goes on, is finished, or is in the way of another one. */
import {
  appendFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parquetReadObjects } from "hyparquet";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { cli, interrupted } from "./run-cli.ts";
import { cnn, saveFolder, saveModel } from "./tiny.ts";

const dir = mkdtempSync(join(tmpdir(), "xai-kit-resume-"));
const at = (...names: string[]) => join(dir, ...names);
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const evaluate = (out: string, ...more: string[]) => [
  ...["evaluate", "--model", at("cnn.onnx"), "--data", `folder:${at("photos")}`, "--protocol", "quick"],
  ...["--methods", "saliency,random", "--metrics", "sparseness,deletion-auc,randomisation", "--out", at(out)],
  ...["--device", "wasm", ...more],
];
const journal = (out: string) => at(out, "journal.jsonl");
const linesOf = (out: string) => readFileSync(journal(out), "utf8").split("\n");
const kinds = (out: string) =>
  linesOf(out).flatMap((line) =>
    line === "" ? [] : (JSON.parse(line) as { data: { kind: string } }).data.kind,
  );
const resultOf = (out: string) => {
  const text = readFileSync(at(out, "run.json"), "utf8");
  return text.slice(0, text.indexOf(',"telemetry":'));
};

/** Leaves the first lines of the journal and nothing else. */
function cutTo(out: string, lines: number): void {
  writeFileSync(journal(out), `${linesOf(out).slice(0, lines).join("\n")}\n`);
  rmSync(at(out, "run.json"), { force: true });
  rmSync(at(out, "scores.parquet"), { force: true });
}

beforeAll(async () => {
  saveModel(at("cnn.onnx"), cnn());
  await saveFolder(at("photos"));
  expect((await cli(...evaluate("run"))).code).toBe(0);
});

describe("a run", () => {
  it("is a journal of units, then its documents", () => {
    expect(kinds("run")).toEqual([
      ...["header", "sitting", "images"],
      ...Array.from({ length: 12 }, () => "sample"),
      ...Array.from({ length: 12 }, () => "randomised"),
      "done",
    ]);
  });

  it("of private data keeps its keyed ids wherever it was stopped", async () => {
    const before = resultOf("run");
    const scores = readFileSync(at("run", "scores.parquet"));
    for (const lines of [27, 20, 15, 8, 3, 2]) {
      cutTo("run", lines);
      const ran = await cli(...evaluate("run"));
      expect(ran.err).toContain(
        `resumed: ${Math.max(0, Math.min(12, lines - 3))} of 12 samples already done`,
      );
      expect(resultOf("run")).toBe(before);
      expect(readFileSync(at("run", "scores.parquet")).equals(scores)).toBe(true);
    }
    const rows = await parquetReadObjects({ file: new Uint8Array(scores).buffer });
    expect(rows.every((row) => /^[0-9a-f]{16}$/.test(row.sample))).toBe(true);
    expect(before).toContain('"hmac-sha256"');
    expect(before).not.toMatch(/green|photos/);
  });

  it("leaves resumed work out of its rate, and counts it", async () => {
    cutTo("run", 20);
    const sittings = () => kinds("run").filter((kind) => kind === "sitting").length;
    const before = sittings();
    const { err } = await cli(...evaluate("run"));
    expect(err).toMatch(/^classify: 12\/12 in \d+\.\d s$/m);
    const telemetry = JSON.parse(readFileSync(at("run", "run.json"), "utf8")).telemetry;
    expect(telemetry.passes.forwards).toBeGreaterThan(12 * 10);
    expect(sittings()).toBe(before + 1);
  });

  it("whose documents are lost makes them again from its journal", async () => {
    const before = resultOf("run");
    rmSync(at("run", "run.json"));
    expect((await cli(...evaluate("run"))).code).toBe(0);
    writeFileSync(at("run", "run.json"), "{");
    expect((await cli(...evaluate("run"))).code).toBe(0);
    expect(resultOf("run")).toBe(before);
  });

  it("that is finished is shown, with --json too", async () => {
    const text = await cli(...evaluate("run"));
    expect(text.err).toMatch(/^this run is finished already; --overwrite makes it again$/m);
    expect(text.out).toMatch(/^saliency +0\.\d+/m);
    const { out } = await cli(...evaluate("run"), "--json", "--quiet");
    expect(JSON.parse(out)).toMatchObject({ out: at("run"), schema: "xai-kit/run/1" });
  });

  it("stopped by Ctrl-C says how to go on, and goes on", async () => {
    const ran = await interrupted(
      evaluate("stopped", "--samples", "12", "--protocol", "1", "--device", "auto"),
      {
        cwd: dir,
        when: /classify: 12\/12/,
      },
    );
    expect(ran.code).toBe(130);
    expect(ran.err).toMatch(/^finished work is kept: the same command goes on where this one stopped$/m);
    expect(existsSync(journal("stopped"))).toBe(true);
  });
});

describe("another run in the folder", () => {
  it("is not touched, and what differs is said", async () => {
    const before = readFileSync(journal("run"));
    const ran = await cli(...evaluate("run", "--samples", "5"));
    expect(ran).toMatchObject({ code: 1, out: "" });
    expect(ran.err).toMatch(/^error: .*run holds another run {2}\[E_RUN_EXISTS\]$/m);
    expect(ran.err).toMatch(/^ {2}samples: 12 there, 5 here$/m);
    expect(ran.err).toMatch(/^ {2}next: choose another --out, or replace it with --overwrite$/m);
    expect(readFileSync(journal("run")).equals(before)).toBe(true);
  });

  it("is replaced by --overwrite, which goes on with its own beginning", async () => {
    const other = evaluate("over", "--samples", "4", "--pictures", "2");
    expect((await cli(...evaluate("over"))).code).toBe(0);
    expect((await cli(...other, "--overwrite")).code).toBe(0);
    expect(JSON.parse(readFileSync(at("over", "run.json"), "utf8")).result.selection.samples).toBe(4);
    expect(readdirSync(at("over", "pictures"))).toHaveLength(2);
    const secret = linesOf("over")[0];
    cutTo("over", 5);
    expect((await cli(...other, "--overwrite")).err).toMatch(/^resumed: 2 of 4 samples already done/m);
    expect(linesOf("over")[0]).toBe(secret);
    // of a finished run nothing is left to go on with
    expect((await cli(...other, "--overwrite")).err).not.toMatch(/resumed/);
    expect(linesOf("over")[0]).not.toBe(secret);
  });

  it("without a journal is somebody's, and kept", async () => {
    rmSync(journal("over"));
    expect((await cli(...evaluate("over"))).err).toMatch(/holds a run already {2}\[E_RUN_EXISTS\]/);
  });

  it("with a corrupt journal is kept until told otherwise", async () => {
    expect((await cli(...evaluate("bad", "--samples", "2"))).code).toBe(0);
    const lines = linesOf("bad");
    writeFileSync(journal("bad"), lines.with(2, lines[2].replace("images", "imagez")).join("\n"));
    const ran = await cli(...evaluate("bad", "--samples", "2"));
    expect(ran).toMatchObject({ code: 1 });
    expect(ran.err).toMatch(/journal\.jsonl, line 3: its checksum is wrong {2}\[E_JOURNAL\]$/m);
    expect((await cli(...evaluate("bad", "--samples", "2", "--overwrite"))).code).toBe(0);
  });

  it("whose last line is torn goes on", async () => {
    cutTo("bad", 4);
    appendFileSync(journal("bad"), '{"n":5,"crc":"00');
    expect((await cli(...evaluate("bad", "--samples", "2"))).err).toMatch(
      /^resumed: 1 of 2 samples already done/m,
    );
  });
});

describe("the plan", () => {
  it("is shown with what it will take, and nothing is written", async () => {
    const { out } = await cli(...evaluate("dry", "--dry-run", "--jobs", "2"), "--json", "--quiet");
    const { estimate } = JSON.parse(out);
    expect(estimate).toMatchObject({ jobs: 2, forwards: expect.any(Number), backwards: expect.any(Number) });
    expect(estimate.seconds).toBeGreaterThan(0);
    expect(estimate.memory).toBeGreaterThan(1e6);
    expect((await cli(...evaluate("dry", "--dry-run"))).err).toMatch(
      /^estimate: [\d,]+ forward passes, [\d,]+ with a gradient; ≈ .* on \d+ engines?; memory up to /m,
    );
    expect(existsSync(at("dry"))).toBe(false);
  });
});
