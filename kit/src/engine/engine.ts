/**
 * An engine runs graphs and nothing else. Gradient graphs are plain ONNX, so forward kernels are all it needs.
 */
import type { Graph } from "../onnx/graph.ts";
import type { Tensor } from "../onnx/tensor.ts";

/** What computes, in the words of `--device`. */
export const providers = ["cpu", "wasm", "cuda", "webgpu", "directml", "coreml"] as const;
export type Provider = (typeof providers)[number];

export interface EngineInfo {
  /** registry id: "onnxruntime" or "tfjs" */
  readonly id: string;
  /** the package that really runs: "onnxruntime-node", "onnxruntime-web", "@tensorflow/tfjs-node-gpu", … */
  readonly package: string;
  readonly version: string;
  /** the execution provider that really runs */
  readonly provider: Provider;
  /** which of several cards, where one was named: it changes no number, so no run document has it */
  readonly deviceId?: number;
  readonly threads: number;
}

export interface Executable {
  /**
   * Runs the graph. Input buffers may be transferred to a worker: do not use them afterwards.
   * Fetching fewer outputs saves copying, not computing.
   *
   * One item's numbers do not depend on its batch to the last bit on wasm with one thread. On the native cpu they may
   * differ by rounding (3e-6 seen) where the batch is 1 or smaller than the number of threads.
   *
   * @throws KitError E_ENGINE_MEMORY when the engine ran out of memory (a smaller batch may work), E_ENGINE_RUN otherwise
   */
  run(feeds: Readonly<Record<string, Tensor>>, fetches: readonly string[]): Promise<Record<string, Tensor>>;
  release(): Promise<void>;
}

/** Milliseconds so far. */
export interface EngineTime {
  readonly runs: number;
  readonly loads: number;
}

export interface Engine {
  readonly info: EngineInfo;
  /** what the engine has spent at work, where somebody counts */
  readonly time?: EngineTime;
  load(graph: Graph): Promise<Executable>;
  /** Ends the worker; every executable of this engine is gone. */
  close(): Promise<void>;
}
