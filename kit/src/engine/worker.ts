/** The worker thread that holds the engine: `onnxruntime-node` blocks the thread that runs it. */
import { parentPort, workerData } from "node:worker_threads";
import { KitError } from "../errors.ts";
import {
  type Call,
  type Candidate,
  flag,
  movable,
  type Reply,
  type Request,
  toPlain,
  type WorkerData,
} from "./channel.ts";
import type { Executable } from "./engine.ts";
import { createOnnxRuntime, engineError, type OrtEngine, type OrtModule } from "./onnxruntime.ts";
import { isTfjs, type TfjsPackage } from "./tfjs/packages.ts";

const port = parentPort;
if (port === null) throw new Error("engine/worker runs as a worker thread only");
const { candidate, flags } = workerData as WorkerData;

// stdout belongs to results: what a library prints goes to stderr
console.log = console.info = console.debug = console.error;

let engine: OrtEngine | undefined;
const executables = new Map<number, Executable>();
let nextSession = 1;

type Answer = { readonly value: unknown; readonly buffers?: ArrayBuffer[] };

async function answer(call: Call): Promise<Answer> {
  switch (call.type) {
    case "open":
      engine = await open(candidate);
      return { value: engine.info };
    case "load": {
      if (engine === undefined) throw new Error("load before open");
      const session = nextSession++;
      executables.set(session, await engine.loadBytes(call.bytes, call.label, call.folder));
      return { value: session };
    }
    case "run": {
      const { tensors, buffers } = movable(await find(call.session).run(call.feeds, call.fetches));
      return { value: tensors, buffers };
    }
    case "release": {
      const executable = find(call.session);
      executables.delete(call.session);
      await executable.release();
      return { value: null };
    }
    case "close":
      await engine?.close();
      return { value: null };
  }
}

function find(session: number): Executable {
  const executable = executables.get(session);
  if (executable === undefined) {
    throw new KitError("E_ENGINE_RUN", { problem: "the executable was released and cannot run again" });
  }
  return executable;
}

/** TensorFlow.js and what interprets graphs with it are loaded where they are asked for only. */
async function open({ package: name, ...rest }: Candidate): Promise<OrtEngine> {
  if (!isTfjs(name)) return createOnnxRuntime(await importOrt(name), { package: name, ...rest });
  const { openTfjs } = await import("./tfjs/open.ts");
  return openTfjs({ package: name, ...rest });
}

/** CommonJS packages keep their exports under `default`. */
async function importOrt(name: Exclude<Candidate["package"], TfjsPackage>): Promise<OrtModule> {
  try {
    const module =
      name === "onnxruntime-node" ? await import("onnxruntime-node") : await import("onnxruntime-web");
    return (module as unknown as { default?: OrtModule }).default ?? module;
  } catch (error) {
    throw engineError("E_ENGINE_LOAD", `${name} cannot be loaded`, error);
  }
}

async function handle({ id, ...call }: Request): Promise<void> {
  // nobody waits any more for what was asked before the closing
  if (Atomics.load(flags, flag.closing) === 1 && call.type !== "close") return;
  Atomics.store(flags, flag.busy, 1);
  const start = performance.now();
  try {
    const { value, buffers = [] } = await answer(call as Call);
    port?.postMessage({ id, value, ms: performance.now() - start } satisfies Reply, buffers);
  } catch (error) {
    port?.postMessage({ id, error: toPlain(error) } satisfies Reply);
  } finally {
    Atomics.store(flags, flag.busy, 0);
    Atomics.notify(flags, flag.busy);
  }
}

/** One at a time, in the order they came. */
let last = Promise.resolve();
port.on("message", (request: Request) => {
  last = last.then(() => handle(request));
});
