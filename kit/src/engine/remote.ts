/** An engine in a worker thread: the main thread stays free for progress, signals and the journal. */
import { Worker } from "node:worker_threads";
import { KitError } from "../errors.ts";
import type { Tensor } from "../onnx/tensor.ts";
import { writeOnnx } from "../onnx/write.ts";
import { type Call, type Candidate, fromPlain, movable, type Reply, whole } from "./channel.ts";
import type { EngineInfo, Executable } from "./engine.ts";
import { nameOf, type OrtEngine } from "./onnxruntime.ts";

interface Pending {
  resolve(value: unknown): void;
  reject(error: KitError): void;
}

/** The worker lies beside this module, in the source tree (.ts) as in the built package (.js). */
const beside = new URL(import.meta.url.endsWith(".ts") ? "./worker.ts" : "./worker.js", import.meta.url);

/** Starts a worker and opens `candidate` in it. Throws KitError E_ENGINE_LOAD when the package cannot be loaded. */
export async function openRemote(candidate: Candidate, source: URL = beside): Promise<OrtEngine> {
  // stdout belongs to results: what a native library prints there must not reach it.
  const worker = new Worker(source, { workerData: candidate, stdout: true, stderr: true, execArgv: [] });
  worker.unref();

  const pending = new Map<number, Pending>();
  let nextId = 1;
  let gone: KitError | undefined;
  let said = "";
  worker.stdout.resume();
  worker.stderr.setEncoding("utf8").on("data", (text: string) => {
    said = (said + text).slice(-2000);
  });

  function end(error: KitError): void {
    gone ??= error;
    for (const { reject } of pending.values()) reject(gone);
    pending.clear();
    worker.unref();
  }

  worker.on("message", (reply: Reply) => {
    const call = pending.get(reply.id);
    pending.delete(reply.id);
    if (pending.size === 0) worker.unref();
    if ("error" in reply) call?.reject(fromPlain(reply.error));
    else call?.resolve(reply.value);
  });
  worker.on("error", (error: Error & { code?: string }) => end(died(candidate, error, said)));
  worker.on("exit", (status) => end(died(candidate, new Error(`exit status ${status}`), said)));

  function call<T>(message: Call, buffers: ArrayBuffer[] = []): Promise<T> {
    if (gone !== undefined) return Promise.reject(gone);
    const id = nextId++;
    return new Promise<T>((resolve, reject) => {
      worker.postMessage({ ...message, id }, buffers); // throws, hence rejects, where a buffer was moved before
      pending.set(id, { resolve: resolve as (value: unknown) => void, reject });
      worker.ref(); // an answer is awaited: the process must not end before it
    });
  }

  async function loadBytes(bytes: Uint8Array, label: string): Promise<Executable> {
    const owned = whole(bytes);
    const session = await call<number>({ type: "load", bytes: owned, label }, [owned.buffer]);
    let released: Promise<void> | undefined;
    return {
      run(feeds, fetches) {
        const { tensors, buffers } = movable(feeds);
        return call<Record<string, Tensor>>({ type: "run", session, feeds: tensors, fetches }, buffers);
      },
      release() {
        released ??= gone === undefined ? call({ type: "release", session }) : Promise.resolve();
        return released;
      },
    };
  }

  let info: EngineInfo;
  try {
    info = await call<EngineInfo>({ type: "open" });
  } catch (error) {
    await worker.terminate();
    throw error;
  }
  return {
    info,
    load: (graph) => loadBytes(writeOnnx(graph), graph.name || "without a name"),
    loadBytes,
    async close() {
      end(new KitError("E_ENGINE_CLOSED", { problem: `${nameOf(info)} was closed` }));
      await worker.terminate();
    },
  };
}

function died(candidate: Candidate, error: Error & { code?: string }, said: string): KitError {
  const details = [error.message, ...said.trim().split("\n").filter(Boolean).slice(-5)];
  if (error.code === "ERR_WORKER_OUT_OF_MEMORY") {
    return new KitError("E_ENGINE_MEMORY", {
      problem: `the worker of ${nameOf(candidate)} ran out of memory and ended`,
      details,
      next: "lower --memory, or free some memory and run the same command again",
    });
  }
  return new KitError("E_ENGINE_DIED", {
    problem: `the worker of ${nameOf(candidate)} ended unexpectedly`,
    details,
    next: "run the same command again: finished work is kept; if it ends again, try another --device",
  });
}
