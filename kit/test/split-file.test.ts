/** `evaluate --split FILE` on somebody's own pictures: which ones is known by a hash, and nothing else of the file leaves the machine. */
import { createHash, createHmac } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { Result } from "../src/results/document.ts";
import { cli, json } from "./run-cli.ts";
import { cnn, saveFolder, saveModel } from "./tiny.ts";

const dir = mkdtempSync(join(tmpdir(), "xai-kit-split-file-"));
const at = (...names: string[]) => join(dir, ...names);
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const evaluate = (out: string, ...more: string[]) => [
  ...["evaluate", "--model", at("cnn.onnx"), "--data", `folder:${at("photos")}`, "--protocol", "quick"],
  ...["--methods", "saliency", "--metrics", "sparseness", "--device", "wasm", "--quiet"],
  ...["--split", at("split.txt"), "--out", at(out), ...more],
];
let text = "";
beforeAll(async () => {
  saveModel(at("cnn.onnx"), cnn());
  await saveFolder(at("photos"));
  const ids = await json<string[]>("datasets", "ids", `folder:${at("photos")}`);
  // two of three
  text = `# held out\n${ids.filter((_, k) => k % 3 > 0).join("\n")}\n`;
  writeFileSync(at("split.txt"), text);
});

it("evaluates the listed pictures alone, and records the file by a hash", async () => {
  expect(await cli(...evaluate("run"))).toMatchObject({ code: 0 });
  const { result } = JSON.parse(readFileSync(at("run", "run.json"), "utf8")) as { result: Result };
  const count = text.trim().split("\n").length - 1;
  expect(result).toMatchObject({
    quality: { n: count },
    selection: { samples: count },
    data: { count, split: "test" },
  });
  const header = JSON.parse(readFileSync(at("run", "journal.jsonl"), "utf8").split("\n")[0]);
  const key = Buffer.from(header.data.secret, "hex");
  const hash = createHash("sha256").update(text).digest("hex");
  // a short list of names that can be guessed would be confirmed by its plain hash
  expect(result.data.splitFile).toEqual({
    kind: "hmac-sha256",
    value: createHmac("sha256", key).update(hash).digest("hex"),
  });
  expect((await cli("validate", at("run", "run.json"))).code).toBe(0);

  for (const file of ["run.json", "scores.parquet"]) {
    const published = readFileSync(at("run", file), "latin1");
    for (const told of ["split.txt", "held out", hash, "0.png"]) expect(published).not.toContain(told);
  }
  expect(readdirSync(at("run"))).not.toContain("split.txt");
});

it("goes on with the same file, and with no other", async () => {
  const again = await cli(...evaluate("run"));
  expect(again.code).toBe(0);
  writeFileSync(at("split.txt"), `${text}# and a word\n`);
  const other = await cli(...evaluate("run"));
  expect(other.code).toBe(1);
  expect(other.err).toMatch(/data\.splitFile: /);
  writeFileSync(at("split.txt"), text);
});

it("is refused before any work where it names what is not there", async () => {
  writeFileSync(at("split.txt"), `${text}photos/none.png\n`);
  const { code, err } = await cli(...evaluate("other"));
  expect(code).toBe(1);
  expect(err).toMatch(/split\.txt:\d+: there is no sample photos\/none\.png/);
  expect(readdirSync(dir)).not.toContain("other");
  writeFileSync(at("split.txt"), text);
});
