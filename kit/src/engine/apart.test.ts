import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { tryApart } from "./apart.ts";
import type { Candidate } from "./channel.ts";

const dir = mkdtempSync(join(tmpdir(), "xai-kit-apart-"));
afterAll(() => rmSync(dir, { recursive: true }));

const cuda: Candidate = { package: "onnxruntime-node", provider: "cuda", deviceId: 1, threads: 1 };

/** A process that is asked, and does `then` in place of trying anything. */
function entry(name: string, then: string): URL {
  const path = join(dir, `${name}.mjs`);
  writeFileSync(path, `process.once("message", (task) => { ${then} });`);
  return pathToFileURL(path);
}

/** Node runs TypeScript as it is from 22.18 on; the built package is run on older ones elsewhere. */
const stripsTypes = process.features.typescript !== false && process.features.typescript !== undefined;

describe("a device tried in a process of its own", () => {
  it.skipIf(process.platform === "win32")("a driver that crashes is a line of the answer", async () => {
    const crash = entry(
      "crash",
      'process.stderr.write("driver: broken pipe 7\\n", () => process.kill(process.pid, "SIGSEGV"));',
    );
    expect(await tryApart(cuda, { entry: crash })).toEqual({
      package: "onnxruntime-node",
      provider: "cuda",
      deviceId: 1,
      ok: false,
      reason: "it crashed the process that tried it (SIGSEGV)",
      next: expect.stringContaining("newer driver"),
      ms: undefined,
      maxError: undefined,
      said: "driver: broken pipe 7",
    });
  });

  it("so is one that exits, and one that hangs", async () => {
    const exits = await tryApart(cuda, { entry: entry("exits", "process.exit(9);") });
    expect(exits).toMatchObject({ ok: false, reason: expect.stringContaining("exit status 9") });
    const hangs = await tryApart(cuda, { entry: entry("hangs", "for (;;);"), patience: 500 });
    expect(hangs).toMatchObject({ ok: false, reason: "it gave no answer in 0.5 s" });
  });

  it("says which library is missing, where stderr alone says so", async () => {
    const answer = {
      package: "onnxruntime-node",
      provider: "webgpu",
      ok: false,
      reason: "no WebGPU adapter",
    };
    const mute = entry(
      "mute",
      `process.stderr.write("Couldn't load Vulkan: libvulkan.so.1: cannot open shared object file", () =>
         process.send(${JSON.stringify(answer)}, () => process.exit(0)));`,
    );
    const found = await tryApart(
      { package: "onnxruntime-node", provider: "webgpu", threads: 1 },
      { entry: mute },
    );
    expect(found.reason).toBe("the library libvulkan.so.1 is missing");
  });

  it("keeps what it says off our stderr, and not more than fits", async () => {
    const long = entry(
      "long",
      'process.stderr.write("x".repeat(1e5), () => process.send({ ok: true, ...task.candidate }, () => process.exit(0)));',
    );
    const found = await tryApart(cuda, { entry: long });
    expect(found).toMatchObject({ ok: true, provider: "cuda", deviceId: 1 });
    expect(found.said?.length).toBe(4_000);
  });

  it.skipIf(!stripsTypes)("tries what it is asked to", async () => {
    const wasm: Candidate = { package: "onnxruntime-web", provider: "wasm", threads: 1 };
    const found = await tryApart(wasm, { repeats: 2 });
    expect(found).toMatchObject({ package: "onnxruntime-web", provider: "wasm", ok: true });
    expect(found.errors).toHaveLength(2);
    expect(found.maxError).toBe(Math.max(...found.errors!));
    const absent = process.platform === "darwin" ? "directml" : "coreml";
    expect(await tryApart({ package: "onnxruntime-node", provider: absent, threads: 1 })).toMatchObject({
      ok: false,
      reason: expect.stringMatching(/not (offered|installed)/),
      next: expect.any(String),
    });
  });
});
