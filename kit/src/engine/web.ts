/**
 * Engines for browsers: onnxruntime-web as WebAssembly, and as WebGPU where that is asked for. Each is found out by trying, never by hoping,
 * and each brings a WebAssembly file of its own, fetched when it is first opened.
 */
import * as wasm from "onnxruntime-web/wasm";
import { KitError } from "../errors.ts";
import { type Check, checkEngine } from "./check.ts";
import type { Engine } from "./engine.ts";
import { createOnnxRuntime, type OrtModule } from "./onnxruntime.ts";

/** What `device` may say in a browser. */
export const webDevices = ["auto", "wasm", "webgpu"] as const;
export type WebDevice = (typeof webDevices)[number];
type WebProvider = Exclude<WebDevice, "auto">;

export interface OpenWebOptions {
  /**
   * "wasm" runs everywhere, and a batch gives the same bits as single images. "webgpu" is refused where it does not work. "auto" takes WebGPU
   * where there is a graphics card and it passes its check, else WebAssembly. Default: wasm
   */
  readonly device?: WebDevice;
  /**
   * Threads of WebAssembly. More than one needs a page that is cross-origin isolated (two headers, which static hosts seldom send), and rounds
   * differently for one image than for a batch. The first engine of a page or worker decides for all later ones. Default: 1
   */
  readonly threads?: number;
}

/** One way that was tried, in the order of trying. */
export interface WebAttempt {
  readonly package: "onnxruntime-web";
  readonly provider: WebProvider;
  readonly ok: boolean;
  readonly reason: string;
  /** time of the check graph at batch 8; undefined where it did not run */
  readonly ms: number | undefined;
  readonly maxError: number | undefined;
}

export interface OpenedWeb {
  readonly engine: Engine;
  /** what its numbers were on the known graph */
  readonly check: Check;
  readonly attempts: readonly WebAttempt[];
  /** what the user should know of the choice: something else runs than was hoped for, and the way out */
  readonly advice: string | undefined;
}

/**
 * Opens an engine that has just passed its check. It computes in the thread that calls: open it in a worker, or the page stands still.
 *
 * Cost: the first WebAssembly engine fetches and compiles 14.2 MB (3.7 MB compressed), the first WebGPU engine 26.8 MB (6.6 MB compressed) and
 * compiles shaders for every new graph.
 *
 * @throws KitError E_DEVICE when the device asked for cannot be started here or gives wrong numbers, E_PARAM for an option that cannot be
 */
export async function openEngine(options: OpenWebOptions = {}): Promise<OpenedWeb> {
  const { device = "wasm", threads = 1 } = options;
  if (!webDevices.includes(device)) {
    throw new KitError("E_PARAM", {
      problem: `there is no device "${device}" in a browser`,
      next: `choose one of: ${webDevices.join(", ")}`,
    });
  }
  if (!(Number.isInteger(threads) && threads >= 1)) {
    throw new KitError("E_PARAM", {
      problem: `${threads} threads cannot be`,
      next: "give a whole number from 1",
    });
  }
  const attempts: WebAttempt[] = [];
  const advice: string[] = [];
  for (const provider of device === "auto" ? (["webgpu", "wasm"] as const) : [device]) {
    const tried = await attempt(provider, threads, device === "auto");
    attempts.push(tried.attempt);
    advice.push(...tried.advice);
    if (tried.engine)
      return { ...tried, attempts, advice: advice.length > 0 ? advice.join("; ") : undefined };
    advice.push(`WebAssembly runs, since WebGPU does not: ${tried.attempt.reason}`);
  }
  throw noDevice(device, attempts);
}

type Tried = { readonly attempt: WebAttempt; readonly advice: readonly string[] } & (
  | { readonly engine: Engine; readonly check: Check }
  | { readonly engine?: undefined }
);

async function attempt(provider: WebProvider, threads: number, hardwareOnly: boolean): Promise<Tried> {
  const named = { package: "onnxruntime-web", provider } as const;
  const failed = (reason: string, check?: Check): Tried => ({
    attempt: { ...named, ok: false, reason, ms: check?.ms, maxError: check?.maxError },
    advice: [],
  });
  const lacking = provider === "webgpu" ? await withoutAdapter(hardwareOnly) : undefined;
  if (lacking !== undefined) return failed(lacking);
  const granted = provider === "wasm" ? grantedThreads(threads) : { threads: 1, advice: [] };
  let engine: Engine | undefined;
  let check: Check;
  try {
    const options = { ...named, threads: granted.threads };
    engine =
      provider === "wasm"
        ? createOnnxRuntime(wasm, options)
        : inTurn(createOnnxRuntime(await webgpu(), options));
    check = await checkEngine(engine, () => performance.now());
  } catch (error) {
    await engine?.close();
    if (!(error instanceof KitError)) throw error;
    return failed([error.message, ...error.details].join(": "));
  }
  if (!check.ok) {
    await engine.close();
    return failed(check.reason, check);
  }
  const { ok, reason, ms, maxError } = check;
  return { engine, check, attempt: { ...named, ok, reason, ms, maxError }, advice: granted.advice };
}

/** In a chunk of its own, with its own WebAssembly file: a page that never asks for WebGPU fetches neither. */
async function webgpu(): Promise<OrtModule> {
  try {
    return await import("onnxruntime-web/webgpu");
  } catch (error) {
    throw new KitError("E_ENGINE_LOAD", {
      problem: "onnxruntime-web/webgpu cannot be loaded",
      details: [error instanceof Error ? error.message : String(error)],
      cause: error,
    });
  }
}

/** What is used of the platform; Node's types do not know it. */
interface Platform {
  readonly crossOriginIsolated?: boolean;
  readonly navigator?: {
    readonly gpu?: {
      requestAdapter(): Promise<{ readonly info?: { readonly isFallbackAdapter?: boolean } } | null>;
    };
  };
}
const platform = globalThis as Platform;

/** Why there is no WebGPU to try; asked before anything of it is fetched. */
async function withoutAdapter(hardwareOnly: boolean): Promise<string | undefined> {
  const gpu = platform.navigator?.gpu;
  if (gpu === undefined) return "this browser offers no WebGPU (a page must come by https or from localhost)";
  const adapter = await gpu.requestAdapter().catch(() => null);
  if (adapter === null) return "no WebGPU adapter: the browser finds no graphics card that it trusts";
  if (hardwareOnly && adapter.info?.isFallbackAdapter)
    return "the only WebGPU adapter computes in the processor";
  return undefined;
}

/** Threads that WebAssembly was started with here: it keeps them until the page or worker ends. */
let started: number | undefined;

function grantedThreads(wanted: number): { threads: number; advice: readonly string[] } {
  const possible = platform.crossOriginIsolated ? wanted : 1;
  started ??= possible;
  if (started === wanted) return { threads: started, advice: [] };
  const reason =
    started === possible
      ? "more need the headers Cross-Origin-Opener-Policy: same-origin and Cross-Origin-Embedder-Policy: require-corp"
      : "it was started with these, and another number needs another worker";
  return { threads: started, advice: [`WebAssembly runs on ${started} of ${wanted} threads: ${reason}`] };
}

/** One call after the other: onnxruntime-web cannot be entered a second time while it waits for the graphics card. */
function inTurn(engine: Engine): Engine {
  let last: Promise<unknown> = Promise.resolve();
  const queue = <T>(work: () => Promise<T>): Promise<T> => {
    const result = last.then(work);
    last = result.catch(() => undefined);
    return result;
  };
  return {
    info: engine.info,
    async load(graph) {
      const executable = await queue(() => engine.load(graph));
      return {
        run: (feeds, fetches) => queue(() => executable.run(feeds, fetches)),
        release: () => queue(() => executable.release()),
      };
    },
    close: () => queue(() => engine.close()),
  };
}

function noDevice(device: WebDevice, attempts: readonly WebAttempt[]): KitError {
  const line = ({ provider, reason }: WebAttempt) => `${provider}: ${reason}`;
  const wrong = attempts.find(({ maxError }) => maxError !== undefined);
  const names: Record<WebProvider, string> = { wasm: "WebAssembly", webgpu: "WebGPU" };
  return new KitError("E_DEVICE", {
    problem: device === "auto" ? "no engine works in this browser" : `${names[device]} does not work here`,
    details: attempts.map(line),
    next: wrong
      ? `use ${device === "webgpu" ? 'device "wasm"' : "another browser"}, and tell us which browser and card this was`
      : device === "webgpu"
        ? 'use device "wasm", which runs in every browser'
        : "check the connection and reload; WebAssembly with SIMD is needed (every browser since 2023), and a Content-Security-Policy must allow 'wasm-unsafe-eval'",
  });
}
