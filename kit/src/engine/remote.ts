/** An engine in a worker thread: the main thread stays free for progress, signals and the journal. */
import { Worker } from "node:worker_threads";
import { KitError } from "../errors.ts";
import type { Graph } from "../onnx/graph.ts";
import type { Tensor } from "../onnx/tensor.ts";
import { writeOnnx } from "../onnx/write.ts";
import {
  type Call,
  type Candidate,
  flag,
  fromPlain,
  movable,
  type Reply,
  type WorkerData,
  whole,
} from "./channel.ts";
import { onProcessor } from "./device.ts";
import type { EngineInfo, Executable } from "./engine.ts";
import { nameOf, type OrtEngine } from "./onnxruntime.ts";
import { isNative } from "./tfjs/packages.ts";
import { holdWeights } from "./weights.ts";

interface Pending {
  readonly type: Call["type"];
  resolve(value: unknown): void;
  reject(error: KitError): void;
}

/** The worker lies beside this module, in the source tree (.ts) as in the built package (.js). */
const beside = new URL(import.meta.url.endsWith(".ts") ? "./worker.ts" : "./worker.js", import.meta.url);

/** Starts a worker and opens `candidate` in it. Throws KitError E_ENGINE_LOAD when the package cannot be loaded. */
export async function openRemote(candidate: Candidate, source: URL = beside): Promise<OrtEngine> {
  // Reading its stdout or stderr here would keep the process alive, unref or not; worker.ts keeps them apart itself.
  const flags = new Int32Array(new SharedArrayBuffer(8));
  const worker = new Worker(source, { workerData: { candidate, flags } satisfies WorkerData, execArgv: [] });
  worker.unref();

  // To end a thread inside the native library is to abort the process. So an exit (also one by an uncaught error) waits
  // for the run under way; a signal without a listener does not come by here and ends everything at once.
  const beforeExit = () => {
    Atomics.store(flags, flag.closing, 1);
    Atomics.wait(flags, flag.busy, 1, 60_000);
  };
  if (candidate.package === "onnxruntime-node" || isNative(candidate.package)) process.on("exit", beforeExit);

  // other providers take their weights in ways that were not tried here
  const weights = nameOf(candidate) === "onnxruntime-node (cpu)" ? holdWeights() : undefined;

  const time = { runs: 0, loads: 0 };
  const pending = new Map<number, Pending>();
  let nextId = 1;
  let gone: KitError | undefined;

  function end(error: KitError): void {
    gone ??= error;
    for (const { reject } of pending.values()) reject(gone);
    pending.clear();
    worker.unref();
  }

  /** Waits for the run under way, for the reason above; what is queued behind it is dropped. */
  async function close(): Promise<void> {
    const reason = new KitError("E_ENGINE_CLOSED", { problem: `${nameOf(candidate)} was closed` });
    if (gone === undefined) {
      Atomics.store(flags, flag.closing, 1);
      for (const { reject } of pending.values()) reject(reason);
      pending.clear();
      const idle = call({ type: "close" });
      gone = reason;
      await idle.catch((error) => error); // a worker that dies now is closed too
    }
    await worker.terminate();
    weights?.release();
  }

  worker.on("message", (reply: Reply) => {
    const call = pending.get(reply.id);
    pending.delete(reply.id);
    if (pending.size === 0) worker.unref();
    if ("error" in reply) call?.reject(fromPlain(reply.error));
    else {
      if (call?.type === "run") time.runs += reply.ms;
      if (call?.type === "load") time.loads += reply.ms;
      call?.resolve(reply.value);
    }
  });
  worker.on("error", (error: Error & { code?: string }) => end(died(candidate, error)));
  worker.on("exit", (status) => {
    process.off("exit", beforeExit);
    end(died(candidate, new Error(`exit status ${status}`)));
  });

  function call<T>(message: Call, buffers: ArrayBuffer[] = []): Promise<T> {
    if (gone !== undefined) return Promise.reject(gone);
    const id = nextId++;
    return new Promise<T>((resolve, reject) => {
      worker.postMessage({ ...message, id }, buffers); // throws, hence rejects, where a buffer was moved before
      pending.set(id, { type: message.type, resolve: resolve as (value: unknown) => void, reject });
      worker.ref(); // an answer is awaited: the process must not end before it
    });
  }

  async function loadBytes(bytes: Uint8Array, label: string, folder?: string): Promise<Executable> {
    const owned = whole(bytes);
    const session = await call<number>({ type: "load", bytes: owned, label, folder }, [owned.buffer]);
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

  async function load(graph: Graph): Promise<Executable> {
    const label = graph.name || "without a name";
    const stored = weights?.store(graph);
    if (stored !== undefined) {
      try {
        return await loadBytes(writeOnnx(graph, { outside: stored.place }), label, stored.folder);
      } catch (error) {
        // a folder that cannot be mapped, perhaps; what is wrong with the graph comes up again
        if (!(error instanceof KitError) || error.code !== "E_ENGINE_LOAD") throw error;
      }
    }
    return loadBytes(writeOnnx(graph), label);
  }

  let info: EngineInfo;
  try {
    info = await call<EngineInfo>({ type: "open" });
  } catch (error) {
    await close();
    throw error;
  }
  return {
    info,
    time,
    load,
    loadBytes,
    close,
  };
}

/** Never E_ENGINE_MEMORY: a smaller batch cannot revive the worker. */
function died(candidate: Candidate, error: Error & { code?: string }): KitError {
  const elsewhere = onProcessor(candidate.provider)
    ? "another --device"
    : "--device cpu, which no driver can end, with another --out";
  return new KitError("E_ENGINE_DIED", {
    problem: `the worker of ${nameOf(candidate)} ended unexpectedly`,
    details: [error.message],
    next:
      error.code === "ERR_WORKER_OUT_OF_MEMORY"
        ? "lower --memory and run the same command again: finished work is kept"
        : `run the same command again: finished work is kept; if it ends again, try ${elsewhere}`,
  });
}
