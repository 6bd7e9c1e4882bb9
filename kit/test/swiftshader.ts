/**
 * WebGPU in Node without a graphics card: SwiftShader, the Vulkan driver in software that Chromium carries. Right in every bit that matters
 * and slow, since each new shape of a kernel is compiled anew: tests, no timings.
 */
import { existsSync, realpathSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import type { Engine } from "../src/engine/engine.ts";
import { openRemote } from "../src/engine/remote.ts";
import { KitError } from "../src/errors.ts";
import { canonicalOpset, node } from "../src/onnx/graph.ts";

/** The file that names the driver to the Vulkan loader: the user's own choice, else the one beside a Chromium of this machine. */
function driver(): string | undefined {
  if (process.env.VK_ICD_FILENAMES) return process.env.VK_ICD_FILENAMES;
  if (process.platform !== "linux") return undefined;
  const named = process.env.CHROMIUM_PATH;
  const onPath = (process.env.PATH ?? "").split(delimiter).map((folder) => join(folder, "google-chrome"));
  const beside = [...(named ? [named] : []), ...onPath]
    .filter(existsSync)
    .map((f) => dirname(realpathSync(f)));
  return [...beside, "/usr/lib/chromium", "/usr/lib64/chromium-browser", "/opt/google/chrome"]
    .map((folder) => join(folder, "vk_swiftshader_icd.json"))
    .find(existsSync);
}

/**
 * The engine on WebGPU, or why there is none. Sets `VK_ICD_FILENAMES` of this process, which the loader reads when the first adapter is
 * asked for; without the check of `openEngine`, which costs 10 s here and computes nothing that these tests do not.
 */
export async function openSwiftShader(): Promise<
  { engine: Engine } | { engine?: undefined; reason: string }
> {
  const file = driver();
  if (file === undefined)
    return { reason: "no vk_swiftshader_icd.json beside a Chromium, and no VK_ICD_FILENAMES" };
  process.env.VK_ICD_FILENAMES = file;
  let engine: Engine | undefined;
  try {
    engine = await openRemote({ package: "onnxruntime-node", provider: "webgpu", threads: 1 });
    const nothing = await engine.load({
      name: "nothing",
      opsets: { "": canonicalOpset },
      inputs: [{ name: "x", type: "float32", dims: [1] }],
      outputs: [{ name: "y", type: "float32", dims: [1] }],
      nodes: [node("Relu", ["x"], ["y"])],
      initializers: new Map(),
    });
    await nothing.release();
    return { engine };
  } catch (error) {
    await engine?.close();
    // only what is not there is skipped; a driver that is there and does not work is a failure
    const said = error instanceof KitError ? [error.message, ...error.details].join(": ") : "";
    if (/adapter|Cannot find (?:package|module)|not installed/i.test(said)) return { reason: said };
    throw error;
  }
}
