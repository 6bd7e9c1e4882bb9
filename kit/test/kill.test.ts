/** Whatever ends a run, the same command goes on with it and ends in the same bytes. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { cnn, saveModel } from "./tiny.ts";

const dir = mkdtempSync(join(tmpdir(), "xai-kit-kill-"));
const entry = fileURLToPath(new URL("./kill-entry.ts", import.meta.url));
const command = [
  ...["evaluate", "--model", join(dir, "cnn.onnx"), "--data", "phantom-shapes", "--protocol", "quick"],
  ...["--methods", "saliency,integrated-gradients,occlusion,random", "--pictures", "1"],
  ...["--metrics", "infidelity,deletion-auc,max-sensitivity,randomisation,pointing-game", "--jobs", "2"],
];

interface Ended {
  readonly code: number | null;
  readonly signal: string | null;
  readonly out: string;
  readonly err: string;
}

function start(out: string, fault?: string): { child: ChildProcess; ended: Promise<Ended> } {
  // quiet where it will end anyway: the estimate is left out
  const quiet = fault === undefined ? [] : ["--quiet"];
  const child = spawn(process.execPath, [entry, ...command, "--out", join(dir, out), ...quiet], {
    env: { ...process.env, NODE_NO_WARNINGS: "1", FAULT: fault ?? "" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const ended = new Promise<Ended>((resolve, reject) => {
    let [text, err] = ["", ""];
    child.stdout?.setEncoding("utf8").on("data", (part: string) => {
      text += part;
    });
    child.stderr?.setEncoding("utf8").on("data", (part: string) => {
      err += part;
    });
    child.on("error", reject);
    child.on("close", (code, signal) => resolve({ code, signal, out: text, err }));
  });
  return { child, ended };
}

const run = (out: string, fault?: string): Promise<Ended> => start(out, fault).ended;
const journal = (out: string): string => join(dir, out, "journal.jsonl");

/** `result` and the sidecar, to the byte. */
function bytesOf(out: string): { result: string; scores: string } {
  const text = readFileSync(join(dir, out, "run.json"), "utf8");
  return {
    result: text.slice(0, text.indexOf(',"telemetry":')),
    scores: readFileSync(join(dir, out, "scores.parquet")).toString("hex"),
  };
}

/** Kills from outside as soon as the journal has that many bytes. */
async function killAt(out: string, bytes: number): Promise<Ended> {
  const { child, ended } = start(out, "");
  const watch = setInterval(() => {
    if ((statSync(journal(out), { throwIfNoEntry: false })?.size ?? 0) >= bytes) child.kill("SIGKILL");
  }, 1);
  return ended.finally(() => clearInterval(watch));
}

let undisturbed: ReturnType<typeof bytesOf>;
let size = 0;

beforeAll(async () => {
  saveModel(join(dir, "cnn.onnx"), cnn({ classes: 4 }));
  const ended = await run("undisturbed");
  expect(ended).toMatchObject({ code: 0 });
  undisturbed = bytesOf("undisturbed");
  size = statSync(journal("undisturbed")).size;
});

afterAll(() => rmSync(dir, { recursive: true, force: true }));

describe.skipIf(process.platform === "win32")("kill -9", () => {
  // 20 kills between 5 % and 95 % of the journal: five in a row per run, every other one inside a write, then two in the documents
  const chains = [0, 1, 2, 3];
  it.each(chains)("is followed by the same command, and the result is the same (%i)", async (chain) => {
    const out = `killed-${chain}`;
    let torn = 0;
    for (let k = 0; k < 5; k++) {
      const place = 0.05 + (0.9 * (4 * k + chain)) / 19;
      const bytes = Math.floor(place * size);
      const inside = (k + chain) % 2 === 0;
      const ended = await (inside ? run(out, `kill:journal.jsonl:${bytes}`) : killAt(out, bytes));
      expect(ended, ended.err).toMatchObject({ signal: "SIGKILL" });
      const left = readFileSync(journal(out));
      expect(left.length).toBeGreaterThan(0.04 * size);
      if (left.at(-1) !== 10) torn++;
      expect(existsSync(join(dir, out, "run.json"))).toBe(false);
    }
    expect(torn).toBeGreaterThanOrEqual(2);
    const places = [
      `kill:scores.parquet:100`,
      `kill:run.json:1000`,
      `kill:run.json:-1`,
      `kill:scores.parquet:-1`,
    ];
    for (const fault of [places[chain], places[(chain + 1) % 4]]) {
      expect(await run(out, fault)).toMatchObject({ signal: "SIGKILL" });
      expect(existsSync(join(dir, out, "run.json"))).toBe(false);
    }
    const ended = await run(out);
    expect(ended.err).toMatch(/^resumed: 16 of 16 samples already done/m);
    expect(ended).toMatchObject({ code: 0 });
    expect(bytesOf(out)).toEqual(undisturbed);
  });

  it("leaves what is finished alone, and says so", async () => {
    const before = statSync(join(dir, "undisturbed", "run.json")).mtimeMs;
    const ended = await run("undisturbed");
    expect(ended).toMatchObject({ code: 0 });
    expect(ended.err).toMatch(/finished already/);
    expect(ended.out).toMatch(/^saliency +0/m);
    expect(statSync(join(dir, "undisturbed", "run.json")).mtimeMs).toBe(before);
  });
});

describe("a disk", () => {
  it.each([
    ["journal.jsonl", 0.5],
    ["scores.parquet", 0],
    ["run.json", 0],
  ])("that is full at %s ends in an error, and nothing is lost", async (file, part) => {
    const out = `full-${file}`;
    const ended = await run(out, `ENOSPC:${file}:${Math.max(50, Math.floor(part * size))}`);
    expect(ended).toMatchObject({ code: 1, out: "" });
    expect(ended.err).toMatch(
      new RegExp(`^error: cannot write .*${file}: the disk is full  \\[E_WRITE\\]$`, "m"),
    );
    expect(ended.err).toMatch(/^ {2}next: free some space, then run the same command again$/m);
    expect(readdirSync(join(dir, out)).filter((name) => name.endsWith(".tmp"))).toEqual([]);
    const again = await run(out);
    expect(again.err).toMatch(/^resumed: /m);
    expect(again).toMatchObject({ code: 0 });
    expect(bytesOf(out)).toEqual(undisturbed);
  });

  it("that is read-only ends in an error, and nothing is lost", async () => {
    const out = "read-only";
    expect(await run(out, "EROFS:journal.jsonl:0")).toMatchObject({
      code: 1,
      err: expect.stringMatching(/^error: cannot write .*: the file system is read-only {2}\[E_WRITE\]$/m),
    });
    await killAt(out, size / 3);
    expect(await run(out, "EROFS:journal.jsonl:0")).toMatchObject({
      code: 1,
      err: expect.stringMatching(/read-only/),
    });
    expect(await run(out)).toMatchObject({ code: 0 });
    expect(bytesOf(out)).toEqual(undisturbed);
  });
});
