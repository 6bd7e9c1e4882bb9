/**
 * Large weights handed to the native engine in files instead of messages. ONNX Runtime maps such a file where it would copy bytes: loading
 * ViT-B/16 takes a quarter of the time, and a session holds its weights once instead of twice. Tensors that graphs share (the forward and
 * the gradient graph, those of several engines) are written once.
 *
 * The files lie in a folder of their own that only this user may read, and go with the last engine that uses them. Those of a process that
 * was killed go when the next one makes its own. Should a folder go too early (a process that cannot be seen from here had it), the weights
 * travel in messages again: remote.ts does that.
 */
import { closeSync, mkdtempSync, openSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Graph } from "../onnx/graph.ts";
import { sizeOf, type Tensor } from "../onnx/tensor.ts";
import type { Place } from "../onnx/write.ts";

/** A tensor smaller than this stays in the graph: shapes and axes must be there, and little would be gained. */
const smallestTensor = 64 * 1024;

/** A graph with less than this needs no files: messages are quicker to make than files. */
const smallestGraph = 32e6;

/** Offsets that every system can map. */
const page = 4096;

export interface Weights {
  /** Where the large tensors of `graph` lie, by tensor; undefined where the graph is to hold all of them itself. */
  store(graph: Graph): Stored | undefined;
  /** The folder goes once nobody holds it. */
  release(): void;
}

export interface Stored {
  readonly folder: string;
  readonly place: (tensor: Tensor) => Place | undefined;
}

/** @param parent  where the folder is made */
export function createWeights(parent = tmpdir()): Weights {
  const places = new WeakMap<Large, Place>();
  let folder: string | undefined;
  let files = 0;
  let refused = false;

  const remove = () => {
    process.off("exit", remove);
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true, maxRetries: 2 });
    folder = undefined;
  };

  /** One file more with the tensors that no file has yet: what a session may have mapped is never touched again. */
  function write(tensors: readonly Large[]): void {
    const missing = tensors.filter((tensor) => !places.has(tensor));
    if (missing.length === 0 && folder !== undefined) return;
    if (folder === undefined) {
      removeLeft(parent);
      folder = mkdtempSync(join(parent, `${prefix}${process.pid}-`));
      process.on("exit", remove);
    }
    const location = `${files++}.bin`;
    const found: [Large, Place][] = [];
    const file = openSync(join(folder, location), "wx", 0o600);
    try {
      let offset = 0;
      for (const tensor of missing) {
        const { buffer, byteOffset, byteLength: length } = tensor.data;
        const padding = (page - (length % page)) % page;
        writeFileSync(file, new Uint8Array(buffer, byteOffset, length));
        writeFileSync(file, new Uint8Array(padding));
        found.push([tensor, { location, offset, length }]);
        offset += length + padding;
      }
    } finally {
      closeSync(file);
    }
    for (const [tensor, place] of found) places.set(tensor, place);
  }

  return {
    store(graph) {
      if (refused) return undefined;
      const large = new Set<Large>();
      for (const tensor of graph.initializers.values()) if (isLarge(tensor)) large.add(tensor);
      if ([...large].reduce((sum, tensor) => sum + bytesOf(tensor), 0) < smallestGraph) return undefined;
      try {
        write([...large]);
      } catch {
        // no room, or nowhere to write: then the weights travel in the message, as small ones do
        refused = true;
        remove();
        return undefined;
      }
      return { folder: folder!, place: (tensor) => (isLarge(tensor) ? places.get(tensor) : undefined) };
    },
    release: remove,
  };
}

const prefix = "xai-kit-weights-";

/** Folders of processes that are gone. */
function removeLeft(parent: string): void {
  for (const name of readdirSync(parent)) {
    const [, pid] = /^(\d+)-\w{6}$/.exec(name.startsWith(prefix) ? name.slice(prefix.length) : "") ?? [];
    if (pid === undefined || isAlive(Number(pid))) continue;
    try {
      rmSync(join(parent, name), { recursive: true, force: true });
    } catch {
      // somebody else's
    }
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== "ESRCH"; // EPERM: alive, and not ours
  }
}

type Large = Tensor<"float32" | "float16" | "float64">;

const widths = { float16: 2, float32: 4, float64: 8 };

/** By its dims: to ask the values of a derived tensor is to make them. */
const bytesOf = ({ type, dims }: Large): number => widths[type] * sizeOf(dims);

const isLarge = (tensor: Tensor): tensor is Large =>
  Object.hasOwn(widths, tensor.type) && bytesOf(tensor as Large) >= smallestTensor;

let held = 0;
let shared: Weights | undefined;

/** The files that all engines of this process share. Each engine holds them once, and releases them once. */
export function holdWeights(): Weights {
  held++;
  shared ??= createWeights();
  const own = shared;
  let released = false;
  return {
    store: own.store,
    release() {
      if (released) return;
      released = true;
      held--;
      if (held > 0) return;
      own.release();
      shared = undefined;
    },
  };
}
