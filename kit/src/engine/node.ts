/** Engines for Node: which device to compute on, found out by trying, never by hoping. */
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { availableParallelism, cpus, freemem, totalmem } from "node:os";
import { dirname, join } from "node:path";
import { performance } from "node:perf_hooks";
import { KitError } from "../errors.ts";
import type { Candidate } from "./channel.ts";
import { type Check, checkEngine, tolerance } from "./check.ts";
import { type Engine, type EngineInfo, type Provider, providers } from "./engine.ts";
import { nameOf } from "./onnxruntime.ts";
import { openRemote } from "./remote.ts";

export const engines = ["onnxruntime"] as const;
export const devices = ["auto", ...providers] as const;
export type Device = (typeof devices)[number];

export interface OpenOptions {
  readonly engine?: (typeof engines)[number];
  readonly device?: Device;
  /**
   * threads of one operator; unless told, all cores, but 1 for wasm: with more, its convolutions round differently for
   * one image than for the same image in a batch
   */
  readonly threads?: number;
}

/** One way that was tried, in the order of trying. */
export interface Attempt {
  readonly package: string;
  readonly provider: Provider;
  readonly ok: boolean;
  readonly reason: string;
  /** median time of the check graph at batch 8; undefined where it did not run */
  readonly ms: number | undefined;
  readonly maxError: number | undefined;
}

export interface Opened {
  readonly engine: Engine;
  readonly attempts: readonly Attempt[];
  /** what the user should know of the choice: slower than it could be, and the way out */
  readonly advice: string | undefined;
}

/**
 * Opens an engine that has just passed its check.
 *
 * @throws KitError E_DEVICE when the device asked for does not work, or none does
 */
export async function openEngine(options: OpenOptions = {}): Promise<Opened> {
  const { engine: id = "onnxruntime", device = "auto", threads } = options;
  if (!engines.includes(id)) {
    throw new KitError("E_PARAM", {
      problem: `there is no engine "${id}"`,
      next: `choose one of: ${engines.join(", ")}`,
    });
  }
  if (!devices.includes(device)) {
    throw new KitError("E_PARAM", {
      problem: `there is no device "${device}"`,
      next: `choose one of: ${devices.join(", ")}`,
    });
  }
  if (threads !== undefined && !(Number.isInteger(threads) && threads >= 1)) {
    throw new KitError("E_PARAM", {
      problem: `${threads} threads cannot be`,
      next: "give a whole number from 1",
    });
  }
  const attempts: Attempt[] = [];
  for (const provider of device === "auto" ? automatic() : [device]) {
    const { engine, attempt } = await tryCandidate(candidateOf(provider, threads));
    attempts.push(attempt);
    if (engine !== undefined) return { engine, attempts, advice: adviceFor(engine.info) };
  }
  throw await noDevice(device, attempts, threads);
}

/** GPU first where there may be one. WebGPU waits to be asked for: its drivers are too uneven to be a default. */
function automatic(): Provider[] {
  const gpus: Provider[] = [];
  if (hasCudaProvider()) gpus.push("cuda");
  if (process.platform === "win32") gpus.push("directml");
  if (process.platform === "darwin") gpus.push("coreml");
  return [...gpus, "cpu", "wasm"];
}

/** `onnxruntime-node` fetches the CUDA provider in its install step, into its own folder. */
function hasCudaProvider(): boolean {
  const folder = nativeFolder();
  const library =
    process.platform === "win32" ? "onnxruntime_providers_cuda.dll" : "libonnxruntime_providers_cuda.so";
  return folder !== undefined && existsSync(join(folder, library));
}

function nativeFolder(): string | undefined {
  const require = createRequire(import.meta.url);
  try {
    const root = dirname(require.resolve("onnxruntime-node/package.json"));
    return join(root, "bin", "napi-v6", process.platform, process.arch);
  } catch {
    return undefined; // an optional dependency that is not installed
  }
}

const candidateOf = (provider: Provider, threads: number | undefined): Candidate => ({
  package: provider === "wasm" ? "onnxruntime-web" : "onnxruntime-node",
  provider,
  threads: threads ?? (provider === "wasm" ? 1 : availableParallelism()),
});

async function tryCandidate(
  candidate: Candidate,
  repeats = 1,
): Promise<{ engine?: Engine; attempt: Attempt }> {
  // The JavaScript API cannot set use_tf32; NVIDIA's libraries read this when they load.
  if (candidate.provider === "cuda") process.env.NVIDIA_TF32_OVERRIDE ??= "0";
  const { package: name, provider } = candidate;
  let engine: Engine | undefined;
  let check: Check;
  try {
    engine = await openRemote(candidate);
    check = await checkEngine(engine, () => performance.now(), repeats);
  } catch (error) {
    await engine?.close();
    const attempt = {
      package: name,
      provider,
      ok: false,
      reason: reasonOf(error),
      ms: undefined,
      maxError: undefined,
    };
    return { attempt };
  }
  const { ok, reason, ms, maxError } = check;
  const attempt = { package: name, provider, ok, reason, ms, maxError };
  if (ok) return { engine, attempt };
  await engine.close();
  return { attempt };
}

/** What engines say of a device that is not there, and what it means. */
const meanings: readonly (readonly [RegExp, string])[] = [
  [
    /Cannot find (?:package|module) '(?:[^']*node_modules\/)?onnxruntime-node/,
    "onnxruntime-node is not installed",
  ],
  [
    /Cannot find (?:package|module) '(?:[^']*node_modules\/)?onnxruntime-web/,
    "onnxruntime-web is not installed",
  ],
  [/backend not found/, "not offered by onnxruntime-node on this system"],
  [
    /Cuda: Failed to load shared library/,
    "the CUDA provider is missing: the install step of onnxruntime-node fetches it, CUDA 12 and cuDNN 9 come from NVIDIA",
  ],
  [
    /RequestAdapter|No supported adapters/,
    "no WebGPU adapter: a Vulkan, Metal or Direct3D 12 driver is needed",
  ],
];

/** One line of what went wrong. */
function reasonOf(error: unknown): string {
  if (!(error instanceof KitError)) throw error; // our own mistake, not the device's
  const text = [error.message, ...error.details].join(": ");
  const meaning = meanings.find(([said]) => said.test(text));
  return meaning?.[1] ?? text.split("\n")[0].slice(0, 300);
}

const nativeMissing =
  "install the native engine: npm install onnxruntime-node (behind a firewall: ONNXRUNTIME_NODE_INSTALL=skip npm install onnxruntime-node)";

function adviceFor(info: EngineInfo): string | undefined {
  if (info.provider !== "wasm") return undefined;
  return `wasm is about 6 times slower than the native engine; ${nativeMissing}`;
}

async function noDevice(device: Device, attempts: readonly Attempt[], threads?: number): Promise<KitError> {
  const details = attempts.map((a) => `${nameOf(a)}: ${a.reason}`);
  if (device === "auto") {
    return new KitError("E_DEVICE", { problem: "no device can compute here", details, next: nativeMissing });
  }
  const working: string[] = [];
  for (const provider of automatic()) {
    if (provider === device) continue;
    const { engine } = await tryCandidate(candidateOf(provider, threads));
    if (engine === undefined) continue;
    working.push(`--device ${provider}`);
    await engine.close();
  }
  return new KitError("E_DEVICE", {
    problem: `--device ${device} does not work here`,
    details,
    next: working.length > 0 ? `these work here: ${working.join(", ")}` : nativeMissing,
  });
}

/** Facts of the machine that matter for speed, by allow-list: nothing here names the machine or its user. */
export interface Machine {
  readonly platform: string;
  readonly arch: string;
  readonly node: string;
  readonly cpu: string;
  readonly cores: number;
  /** bytes */
  readonly memory: number;
  readonly availableMemory: number;
}

export function machineFacts(): Machine {
  return {
    platform: process.platform,
    arch: process.arch,
    node: process.versions.node,
    cpu: cpus()[0]?.model.trim() ?? "unknown",
    cores: availableParallelism(),
    memory: Math.min(totalmem(), process.constrainedMemory() || Number.POSITIVE_INFINITY),
    availableMemory: availableMemory(),
  };
}

/** macOS counts its file cache as used, so a quarter of the whole is taken for free at least. */
function availableMemory(): number {
  const total = Math.min(totalmem(), process.constrainedMemory() || Number.POSITIVE_INFINITY);
  const free = Math.min(process.availableMemory?.() ?? freemem(), total);
  return process.platform === "darwin" ? Math.max(free, total / 4) : free;
}

/** A quarter of what is available: the weights, the sessions' arenas and the maps need room too. */
export const defaultBudget = (): number => Math.floor(availableMemory() / 4);

export interface Diagnosis {
  readonly machine: Machine;
  /** largest error a device may show in its check */
  readonly tolerance: number;
  /** every device, the best first */
  readonly devices: readonly Attempt[];
}

/** Tries every device, for `xai-kit doctor`; `ms` is the median of five runs of the check graph at batch 8. */
export async function probeDevices({ threads }: Pick<OpenOptions, "threads"> = {}): Promise<Diagnosis> {
  const order: readonly Provider[] = ["cuda", "directml", "coreml", "cpu", "wasm", "webgpu"];
  const found: Attempt[] = [];
  for (const provider of order) {
    const { engine, attempt } = await tryCandidate(candidateOf(provider, threads), 5);
    found.push(attempt);
    await engine?.close();
  }
  return { machine: machineFacts(), tolerance, devices: found };
}
