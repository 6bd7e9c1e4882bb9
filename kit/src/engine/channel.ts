/** What the main thread and the worker say to each other. Plain data, since it crosses a thread. */
import type { ErrorCode } from "../errors.ts";
import { KitError } from "../errors.ts";
import type { Tensor } from "../onnx/tensor.ts";
import type { Provider } from "./engine.ts";
import type { TfjsPackage } from "./tfjs/packages.ts";

/** One way to compute: a package and what it computes on. */
export interface Candidate {
  readonly package: "onnxruntime-node" | "onnxruntime-web" | TfjsPackage;
  readonly provider: Provider;
  /** which of several cards; the first without */
  readonly deviceId?: number;
  readonly threads: number;
}

/** What a worker is started with. */
export interface WorkerData {
  readonly candidate: Candidate;
  /** shared memory, indexed by `flag`: read and set while the other side is busy */
  readonly flags: Int32Array<SharedArrayBuffer>;
}

export const flag = { closing: 0, busy: 1 } as const;

export type Call =
  | { readonly type: "open" }
  | {
      readonly type: "load";
      readonly bytes: Uint8Array;
      readonly label: string;
      /** of the files with weights that the bytes name */
      readonly folder?: string;
    }
  | {
      readonly type: "run";
      readonly session: number;
      readonly feeds: Readonly<Record<string, Tensor>>;
      readonly fetches: readonly string[];
    }
  | { readonly type: "release"; readonly session: number }
  | { readonly type: "close" };

export type Request = Call & { readonly id: number };

export type Reply =
  /** `ms`: how long it took, the waiting left out */
  | { readonly id: number; readonly value: unknown; readonly ms: number }
  | { readonly id: number; readonly error: PlainError };

/** A KitError without its class, which does not survive the way between threads. */
export interface PlainError {
  readonly code: ErrorCode;
  readonly problem: string;
  readonly details: readonly string[];
  readonly next: string | undefined;
}

export function toPlain(error: unknown): PlainError {
  if (error instanceof KitError) {
    return { code: error.code, problem: error.message, details: error.details, next: error.next };
  }
  const message = error instanceof Error ? error.message : String(error);
  return { code: "E_ENGINE_RUN", problem: "the engine failed", details: [message], next: undefined };
}

export const fromPlain = ({ code, ...parts }: PlainError): KitError => new KitError(code, parts);

/**
 * Tensors ready to be moved, and the buffers to move. A view on a part of a buffer is copied first, since moving would
 * take the rest of the buffer (weights, Node's shared pool) from its owner.
 */
export function movable<T extends Readonly<Record<string, Tensor>>>(
  tensors: T,
): { tensors: Record<string, Tensor>; buffers: ArrayBuffer[] } {
  const buffers = new Set<ArrayBuffer>();
  const moved = Object.entries(tensors).map(([name, tensor]): [string, Tensor] => {
    if (tensor.type === "string") return [name, tensor];
    const data = whole(tensor.data);
    buffers.add(data.buffer);
    return [name, { ...tensor, data } as Tensor];
  });
  return { tensors: Object.fromEntries(moved), buffers: [...buffers] };
}

type View = Exclude<Tensor["data"], readonly string[]>;

/** The view itself where it covers its whole buffer, else a copy that does. */
export function whole<V extends View>(view: V): V & { readonly buffer: ArrayBuffer } {
  const covers = view.buffer instanceof ArrayBuffer && view.byteLength === view.buffer.byteLength;
  return (covers ? view : copyOf(view)) as V & { readonly buffer: ArrayBuffer };
}

/** `Buffer.slice` shares memory, so the prototype's own is called. */
const copyOf = (view: View): View =>
  view instanceof Uint8Array ? Uint8Array.prototype.slice.call(view) : view.slice();
