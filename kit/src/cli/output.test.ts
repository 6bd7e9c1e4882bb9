import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Writable } from "node:stream";
import { describe, expect, it } from "vitest";
import { writeResult, writeTo } from "./output.ts";

const failing = (code: string) =>
  new Writable({ write: (_chunk, _encoding, done) => done(Object.assign(new Error(code), { code })) });

describe("writeTo", () => {
  it("waits until the text is out", async () => {
    let out = "";
    const slow = new Writable({
      write: (chunk, _encoding, done) =>
        setTimeout(() => {
          out += chunk;
          done();
        }, 5),
    });
    expect(await writeTo(slow, "result\n")).toBe(true);
    expect(out).toBe("result\n");
    await writeTo(slow, "more\n");
    expect(out).toBe("result\nmore\n");
    expect(slow.listenerCount("error")).toBe(1);
  });

  it("takes a reader that has gone for an end, not an error", async () => {
    expect(await writeTo(failing("EPIPE"), "x")).toBe(false);
    await new Promise(setImmediate); // the stream's error event comes after the callback and must be heard too
  });

  it("says so when the disk behind stdout is full", async () => {
    await expect(writeTo(failing("ENOSPC"), "x")).rejects.toMatchObject({
      code: "E_WRITE",
      message: "cannot write standard output: the disk is full",
    });
    await new Promise(setImmediate);
  });

  it("survives a real closed pipe", async () => {
    const child = spawn("head", ["-c", "1"], { stdio: ["pipe", "ignore", "ignore"] });
    await writeTo(child.stdin, "first\n");
    await once(child, "exit");
    for (let k = 0; k < 3; k++) expect(await writeTo(child.stdin, "x".repeat(65_536))).toBe(false);
  });
});

describe("writeResult", () => {
  it("writes to the file it is given, else to stdout", async () => {
    const folder = await mkdtemp(join(tmpdir(), "xai-kit-"));
    let out = "";
    const stdout = new Writable({
      write: (chunk, _encoding, done) => {
        out += chunk;
        done();
      },
    });
    await writeResult("to file", { output: join(folder, "r.json"), stdout });
    expect(out).toBe("");
    await writeResult("to stdout", { stdout });
    expect(out).toBe("to stdout");
    expect(await readFile(join(folder, "r.json"), "utf8")).toBe("to file");
    await rm(folder, { recursive: true });
  });
});
