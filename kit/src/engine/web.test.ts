/** What the browser's engine says where there is no browser; what it computes in one is in site/test/engine.spec.ts. */
import { afterEach, describe, expect, it, vi } from "vitest";
import { openEngine, type WebDevice } from "./web.ts";

/** As a browser whose graphics card answers like this. */
const withAdapter = (requestAdapter: () => Promise<unknown>) =>
  vi.stubGlobal("navigator", { gpu: { requestAdapter } });

afterEach(() => vi.unstubAllGlobals());

describe("openEngine", () => {
  it("runs WebAssembly on one thread unless told otherwise, and needs no advice for it", async () => {
    const { engine, attempts, advice } = await openEngine();
    expect(engine.info).toMatchObject({ package: "onnxruntime-web", provider: "wasm", threads: 1 });
    expect(attempts).toMatchObject([
      { provider: "wasm", ok: true, reason: expect.stringContaining("passed") },
    ]);
    expect(advice).toBeUndefined();
    await engine.close();
  });

  it.each([
    ["offers none", undefined, /offers no WebGPU/],
    ["gives no adapter", async () => null, /no WebGPU adapter/],
    ["breaks", () => Promise.reject(new Error("lost")), /no WebGPU adapter/],
    ["has a slow one only", async () => ({ info: { isFallbackAdapter: true } }), /computes in the processor/],
  ])("with auto, says so where a browser %s, and runs WebAssembly", async (_, adapter, reason) => {
    if (adapter) withAdapter(adapter);
    const { engine, attempts, advice } = await openEngine({ device: "auto" });
    expect(engine.info.provider).toBe("wasm");
    expect(attempts.map(({ provider, ok }) => [provider, ok])).toEqual([
      ["webgpu", false],
      ["wasm", true],
    ]);
    expect(attempts[0].reason).toMatch(reason);
    expect(advice).toBe(`WebAssembly runs, since WebGPU does not: ${attempts[0].reason}`);
    await engine.close();
  });

  it("refuses WebGPU where it was asked for and is not, and says what runs instead", async () => {
    await expect(openEngine({ device: "webgpu" })).rejects.toMatchObject({
      code: "E_DEVICE",
      message: "WebGPU does not work here",
      details: [expect.stringMatching(/^webgpu: this browser offers no WebGPU/)],
      next: 'use device "wasm", which runs in every browser',
    });
  });

  it("says where threads cannot be had", async () => {
    const { engine, advice } = await openEngine({ threads: 4 });
    expect(engine.info.threads).toBe(1);
    expect(advice).toMatch(/on 1 of 4 threads: more need the headers Cross-Origin-Opener-Policy/);
    await engine.close();
  });

  it.each([
    [{ device: "cuda" as WebDevice }, /no device "cuda" in a browser/],
    [{ threads: 0 }, /0 threads/],
    [{ threads: 1.5 }, /1.5 threads/],
  ])("refuses %j", async (options, message) => {
    await expect(openEngine(options)).rejects.toMatchObject({
      code: "E_PARAM",
      message: expect.stringMatching(message),
    });
  });
});
