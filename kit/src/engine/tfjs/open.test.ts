/** Finding packages and bringing them to life, on packages made for the test: TensorFlow's native library cannot be had here. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, describe, expect, it, onTestFinished } from "vitest";
import { isInstalled } from "./installed.ts";
import { mendUtil, openTfjs } from "./open.ts";
import { isNative, isTfjs, tfjsCandidates, tfjsInstall, tfjsPackages } from "./packages.ts";

const folder = mkdtempSync(join(tmpdir(), "xai-kit-tfjs-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** A folder of its own with packages in it, and a `require` that looks there. */
function installed(name: string, packages: Readonly<Record<string, string>>) {
  const root = join(folder, name);
  for (const [pack, code] of Object.entries(packages)) {
    const path = join(root, "node_modules", pack, "index.js");
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, code);
  }
  return createRequire(join(root, "start.js"));
}

/** As tfjs-node does: functions of node:util are called while it loads, and its backend says what it runs on. */
const native = (gpu: boolean) => `
  const util = require("util");
  if (util.isNullOrUndefined(undefined) !== true || util.isNullOrUndefined(0) || !util.isArray([])) throw new Error("util");
  exports.version_core = "4.22.0";
  exports.setBackend = async (name) => { exports.set = name; return true; };
  exports.ready = async () => {};
  exports.backend = () => ({ isUsingGpuDevice: ${gpu} });
  exports.tensorflow = true;
`;
const candidate = (name: (typeof tfjsPackages)[number]) => {
  const found = tfjsCandidates({ provider: "auto" }, 3).find((c) => c.package === name);
  if (found === undefined) throw new Error(name);
  return found;
};

describe("a native package", () => {
  it("finds the util functions that current Node dropped", async () => {
    const util = createRequire(import.meta.url)("node:util") as Record<string, unknown>;
    const { isNullOrUndefined } = util;
    onTestFinished(() => {
      util.isNullOrUndefined = isNullOrUndefined;
    });
    util.isNullOrUndefined = undefined; // as Node 23 and later have it, whichever runs this
    const require = installed("mended", { "@tensorflow/tfjs-node": native(false) });
    const engine = await openTfjs(candidate("@tensorflow/tfjs-node"), require);
    expect(engine.info).toEqual({
      id: "tfjs",
      package: "@tensorflow/tfjs-node",
      version: "4.22.0",
      provider: "cpu",
      threads: 3,
    });
  });

  it("keeps functions that are there", () => {
    const own = () => false;
    const util = { isNullOrUndefined: own };
    mendUtil((() => util) as unknown as NodeJS.Require);
    expect(util.isNullOrUndefined).toBe(own);
  });

  it("of the GPU is refused where it would compute on the processor", async () => {
    const name = "@tensorflow/tfjs-node-gpu";
    const without = installed("no-gpu", { [name]: native(false) });
    await expect(openTfjs(candidate(name), without)).rejects.toMatchObject({
      code: "E_ENGINE_LOAD",
      message: expect.stringContaining("found no GPU"),
    });
    const { info } = await openTfjs(candidate(name), installed("gpu", { [name]: native(true) }));
    expect(info.provider).toBe("cuda");
  });

  it("that does not load says why", async () => {
    const broken = installed("broken", {
      "@tensorflow/tfjs-node": 'throw new Error("tfjs_binding.node can not be found");',
    });
    await expect(openTfjs(candidate("@tensorflow/tfjs-node"), broken)).rejects.toMatchObject({
      code: "E_ENGINE_LOAD",
      details: ["tfjs_binding.node can not be found"],
    });
  });
});

it("a package that is not there is named, with the command that installs it", async () => {
  const nowhere = installed("empty", {});
  for (const [name, command] of [
    ["@tensorflow/tfjs-node-gpu", "npm install @tensorflow/tfjs-node-gpu"],
    ["@tensorflow/tfjs-node", "npm install @tensorflow/tfjs-node"],
    ["@tensorflow/tfjs-backend-wasm", "npm install @tensorflow/tfjs-core @tensorflow/tfjs-backend-wasm"],
  ] as const) {
    await expect(openTfjs(candidate(name), nowhere)).rejects.toMatchObject({
      code: "E_ENGINE_LOAD",
      message: expect.stringMatching(/is not installed$/),
      next: expect.stringContaining(command),
    });
  }
});

describe("what a device means", () => {
  const packages = (...args: Parameters<typeof tfjsCandidates>) =>
    tfjsCandidates(...args).map((c) => c.package);

  it("auto tries all, native first; cuda, cpu and wasm those that compute there", () => {
    expect(packages({ provider: "auto" }, 1)).toEqual([...tfjsPackages]);
    expect(packages({ provider: "cuda" }, 1)).toEqual(["@tensorflow/tfjs-node-gpu"]);
    expect(packages({ provider: "cpu" }, 1)).toEqual([
      "@tensorflow/tfjs-node",
      "@tensorflow/tfjs-backend-cpu",
    ]);
    expect(packages({ provider: "wasm" }, 1)).toEqual(["@tensorflow/tfjs-backend-wasm"]);
  });

  it("threads are for native packages", () => {
    for (const c of tfjsCandidates({ provider: "auto" }, 4)) {
      expect(c.threads).toBe(isNative(c.package) ? 4 : 1);
    }
  });

  it("refuses devices it has nothing for, and numbers of cards", () => {
    for (const provider of ["webgpu", "directml", "coreml"] as const) {
      expect(() => tfjsCandidates({ provider }, 1)).toThrow(/nothing for --device/);
    }
    expect(() => tfjsCandidates({ provider: "cuda", deviceId: 1 }, 1)).toThrow(/no number/);
    expect(packages({ provider: "cuda", deviceId: 0 }, 1)).toHaveLength(1);
  });

  it("has a command for each, and knows its own names", () => {
    for (const device of ["auto", "cuda", "cpu", "wasm"] as const) {
      expect(tfjsInstall(device)).toMatch(/^npm install @tensorflow\//);
    }
    expect(["onnxruntime-node", "@tensorflow/tfjs-node"].map(isTfjs)).toEqual([false, true]);
    expect(isInstalled("@tensorflow/tfjs-node-gpu")).toBe(false); // it cannot be, without its own host
  });
});
