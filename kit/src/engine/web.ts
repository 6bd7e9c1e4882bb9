/**
 * The engine of a browser: onnxruntime-web, the WebAssembly build alone, on one thread. More threads want headers that static hosts do not
 * send, and would round differently for one image than for a batch.
 */
import * as ort from "onnxruntime-web/wasm";
import { KitError } from "../errors.ts";
import { type Check, checkEngine } from "./check.ts";
import type { Engine } from "./engine.ts";
import { createOnnxRuntime } from "./onnxruntime.ts";

export interface OpenedWeb {
  readonly engine: Engine;
  /** what its numbers were on the known graph */
  readonly check: Check;
}

/**
 * Opens the engine and checks its numbers. It computes in the thread that calls: open it in a worker, or the page stands still.
 *
 * Cost: the first call fetches and compiles 14.2 MB of WebAssembly.
 *
 * @throws KitError E_DEVICE when WebAssembly cannot be fetched or started here, or gives wrong numbers
 */
export async function openEngine(): Promise<OpenedWeb> {
  const engine = createOnnxRuntime(ort, { package: "onnxruntime-web", provider: "wasm", threads: 1 });
  let check: Check;
  try {
    check = await checkEngine(engine, () => performance.now());
  } catch (error) {
    if (!(error instanceof KitError)) throw error;
    throw new KitError("E_DEVICE", {
      problem: "the WebAssembly engine does not start here",
      details: [error.message, ...error.details],
      next: "check the connection and reload; WebAssembly with SIMD is needed (every browser since 2023), and a Content-Security-Policy must allow 'wasm-unsafe-eval'",
      cause: error,
    });
  }
  if (check.ok) return { engine, check };
  await engine.close();
  throw new KitError("E_DEVICE", {
    problem: `the WebAssembly engine computes wrongly here: ${check.reason}`,
    next: "use another browser, and tell us which one this was",
  });
}
