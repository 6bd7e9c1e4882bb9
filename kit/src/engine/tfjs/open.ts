/** Brings a TensorFlow.js package to life: found from where the kit is installed, mended for current Node, set to its backend. */
import { createRequire } from "node:module";
import { dirname, join, sep } from "node:path";
import { pathToFileURL } from "node:url";
import { KitError } from "../../errors.ts";
import type { Provider } from "../engine.ts";
import { engineError, type OrtEngine } from "../onnxruntime.ts";
import { createTfjs } from "./engine.ts";
import type { Tf } from "./kernel.ts";
import { isNative, providerOf, type TfjsCandidate, type TfjsPackage, tfjsInstall } from "./packages.ts";

/** Where a package is looked up from; tests put a folder of their own here. */
type Require = ReturnType<typeof createRequire>;

/**
 * `util` functions that tfjs-node 4.22 calls. Node 23 dropped the first, which is put back where it is missing; the second is there still,
 * and would warn on stderr.
 */
export function mendUtil(require: Require): void {
  const util = require("node:util") as Record<string, unknown>;
  util.isNullOrUndefined ??= (value: unknown) => value === null || value === undefined;
  util.isArray = Array.isArray;
}

/**
 * @throws KitError E_ENGINE_LOAD where the package is not installed (with the command that installs it), does not start, or runs on
 *   something else than was asked for
 */
export async function openTfjs(
  candidate: TfjsCandidate,
  require: Require = createRequire(import.meta.url),
): Promise<OrtEngine> {
  const { package: name, provider, threads } = candidate;
  let tf: Tf;
  try {
    tf = isNative(name) ? await native(name, require) : await light(name, require);
  } catch (error) {
    if (error instanceof KitError) throw error;
    throw engineError("E_ENGINE_LOAD", `${name} cannot be loaded`, error);
  }
  if (provider === "cuda" && !usesGpu(tf)) {
    throw new KitError("E_ENGINE_LOAD", {
      problem: `${name} found no GPU it can use, and would compute on the processor`,
      next: "it needs CUDA 11.2 and cuDNN 8.1; --device auto takes what works",
    });
  }
  return createTfjs(tf, { id: "tfjs", package: name, version: tf.version_core, provider, threads });
}

/** tfjs-node-gpu falls back to the processor without a word; its backend knows. */
const usesGpu = (tf: Tf): boolean =>
  (tf.backend() as { isUsingGpuDevice?: boolean }).isUsingGpuDevice === true;

/** The packages with TensorFlow inside, which register their backend when they load. */
async function native(name: TfjsPackage, require: Require): Promise<Tf> {
  mendUtil(require);
  const tf = await load(name, require, providerOf[name]);
  await tf.setBackend("tensorflow");
  await tf.ready();
  return tf;
}

/** The core and one backend beside it. */
async function light(name: TfjsPackage, require: Require): Promise<Tf> {
  const tf = await load("@tensorflow/tfjs-core", require, providerOf[name]);
  tf.enableProdMode(); // or the plain backend advertises the native one on stderr
  const backend = (await load(name, require, providerOf[name])) as Tf & Partial<WasmBackend>;
  if (name === "@tensorflow/tfjs-backend-wasm") {
    backend.setWasmPaths?.(join(dirname(require.resolve(name)), sep));
    backend.setThreadsCount?.(1);
  }
  if (!(await tf.setBackend(name.replace("@tensorflow/tfjs-backend-", "")))) {
    throw new Error("its backend does not start");
  }
  await tf.ready();
  return tf;
}

interface WasmBackend {
  setWasmPaths(folder: string): void;
  setThreadsCount(count: number): void;
}

async function load(name: string, require: Require, provider: Provider): Promise<Tf> {
  let path: string;
  try {
    path = require.resolve(name);
  } catch {
    throw new KitError("E_ENGINE_LOAD", { problem: `${name} is not installed`, next: tfjsInstall(provider) });
  }
  const module = (await import(pathToFileURL(path).href)) as Tf & { default?: Tf };
  return module.default ?? module; // CommonJS packages keep their exports under `default`
}
