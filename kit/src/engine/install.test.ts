import { describe, expect, it } from "vitest";
import { providers } from "./engine.ts";
import { explainFailure, type Failure, offeredOn } from "./install.ts";

const linux = { platform: "linux", arch: "x64" };
const failure = (parts: Partial<Failure>): Failure => ({
  package: "onnxruntime-node",
  provider: "cuda",
  said: "",
  ...linux,
  ...parts,
});

describe("what a failure means and what to install", () => {
  it.each<[string, Partial<Failure>, string, string]>([
    [
      "no native engine",
      { provider: "cpu", said: "Cannot find package 'onnxruntime-node' imported from x" },
      "onnxruntime-node is not installed",
      "npm install onnxruntime-node",
    ],
    [
      "no CUDA provider",
      { said: "OrtSessionOptionsAppendExecutionProvider_Cuda: Failed to load shared library" },
      "the CUDA provider is missing",
      "ONNXRUNTIME_NODE_INSTALL=cuda12 node node_modules/onnxruntime-node/script/install.js",
    ],
    [
      "a CUDA provider without CUDA",
      {
        said: "Cuda: Failed to load shared library\nlibcublasLt.so.12: cannot open shared object file: No such file",
      },
      "the library libcublasLt.so.12 is missing",
      "CUDA 12 and cuDNN 9 come from NVIDIA",
    ],
    ["an old driver", { said: "CUDA failure 35: CUDA driver version is insufficient" }, "too old", "525"],
    ["no card", { said: "CUDA failure 100: no CUDA-capable device is detected" }, "no NVIDIA card", "--nv"],
    [
      "a card too many",
      { deviceId: 7, said: "CUDA failure 101: invalid device ordinal" },
      "no card of this number",
      "nvidia-smi",
    ],
    [
      "no Vulkan",
      {
        provider: "webgpu",
        said: "Failed to get a WebGPU adapter: No supported adapters\nCouldn't load Vulkan: libvulkan.so.1: cannot open shared object file",
      },
      "the library libvulkan.so.1 is missing",
      "libvulkan1 mesa-vulkan-drivers",
    ],
    [
      "no adapter",
      { provider: "webgpu", platform: "win32", said: "No supported adapters" },
      "no WebGPU adapter",
      "Direct3D 12",
    ],
    [
      "DirectML on Linux",
      { provider: "directml", said: "backend not found" },
      "not offered by onnxruntime-node on this system",
      "exists on win32 x64, win32 arm64 only; a GPU here: cuda on x64",
    ],
    [
      "CUDA on a Mac",
      { platform: "darwin", arch: "arm64", said: "backend not found" },
      "not offered",
      "a GPU here: coreml and webgpu",
    ],
    [
      "a Mac without a native build",
      { provider: "cpu", platform: "darwin", arch: "x64", said: "cannot find the binding" },
      "cannot find the binding",
      "no build for darwin x64; wasm computes there",
    ],
  ])("%s", (_, parts, reason, next) => {
    const found = explainFailure(failure(parts));
    expect(found.reason).toContain(reason);
    expect(found.next).toContain(next);
  });

  it("keeps to one line of what it does not know", () => {
    const { reason } = explainFailure(failure({ said: `first\n${"x".repeat(999)}` }));
    expect(reason).toBe("first");
  });

  it("has a line for every provider that is not offered, on every system", () => {
    for (const platform of ["linux", "darwin", "win32", "freebsd"]) {
      for (const arch of ["x64", "arm64"]) {
        const system = { platform, arch };
        for (const provider of providers.filter((p) => !offeredOn(p, system))) {
          const { next } = explainFailure(failure({ provider, ...system, said: "backend not found" }));
          expect(next).toMatch(/only; a GPU here|no build for/);
        }
        expect(offeredOn("wasm", system)).toBe(true);
      }
    }
  });
});
