/** Engines for Node: which device to compute on, found out by trying, never by hoping. */
import { existsSync } from "node:fs";
import { availableParallelism, cpus, freemem, totalmem } from "node:os";
import { KitError } from "../errors.ts";
import { tryApart } from "./apart.ts";
import { type Attempt, attempt, cudaProviderFile, failed } from "./attempt.ts";
import type { Candidate } from "./channel.ts";
import { tolerance } from "./check.ts";
import { type Device, type DeviceChoice, deviceName, onProcessor, parseDevice } from "./device.ts";
import type { Engine, EngineInfo, Provider } from "./engine.ts";
import { nativeMissing } from "./install.ts";
import { nameOf } from "./onnxruntime.ts";
import { isInstalled } from "./tfjs/installed.ts";
import { isNative, isTfjs, tfjsAdvice, tfjsCandidates, tfjsInstall } from "./tfjs/packages.ts";

export type { Attempt } from "./attempt.ts";

export const engines = ["onnxruntime", "tfjs"] as const;
export type EngineId = (typeof engines)[number];

export interface OpenOptions {
  readonly engine?: EngineId;
  readonly device?: Device;
  /**
   * threads of one operator; unless told, all cores, but 1 for wasm: with more, its convolutions round differently for
   * one image than for the same image in a batch
   */
  readonly threads?: number;
}

export interface Opened {
  readonly engine: Engine;
  /** in the order of trying; the last is this engine */
  readonly attempts: readonly Attempt[];
  /** with `auto`: what was taken and why, in one line */
  readonly choice: string | undefined;
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
  const choice = parseDevice(device);
  if (threads !== undefined && !(Number.isInteger(threads) && threads >= 1)) {
    throw new KitError("E_PARAM", {
      problem: `${threads} threads cannot be`,
      next: "give a whole number from 1",
    });
  }
  const attempts: Attempt[] = [];
  for (const candidate of candidatesFor(id, choice, threads)) {
    const { engine, attempt } = await tryCarefully(candidate);
    attempts.push(attempt);
    if (engine === undefined) continue;
    const said = choice.provider === "auto" ? choiceOf(attempts) : undefined;
    return { engine, attempts, choice: said, advice: adviceFor(engine.info, choice) };
  }
  throw id === "tfjs" ? noTfjs(choice, attempts) : await noDevice(choice, attempts, threads);
}

function candidatesFor(id: EngineId, choice: DeviceChoice, threads: number | undefined): Candidate[] {
  if (id === "tfjs") return tfjsCandidates(choice, threads ?? availableParallelism());
  const { provider, deviceId } = choice;
  return provider === "auto"
    ? automatic().map((one) => candidateOf(one, threads))
    : [candidateOf(provider, threads, deviceId)];
}

/** A driver that crashes takes the whole process: a GPU is tried in another process before it is opened in this one. */
async function tryCarefully(candidate: Candidate): Promise<{ engine?: Engine; attempt: Attempt }> {
  const { package: name } = candidate;
  if (isTfjs(name) && !isInstalled(name)) return { attempt: failed(candidate, `${name} is not installed`) };
  if (onProcessor(candidate.provider)) return attempt(candidate);
  const tried = await tryApart(candidate);
  return tried.ok ? attempt(candidate) : { attempt: tried };
}

/** What `auto` took, and what it passed over. */
export function choiceOf(attempts: readonly Attempt[]): string {
  const taken = attempts[attempts.length - 1];
  const over = attempts.slice(0, -1).map((a) => `${deviceName(a)} (${a.reason})`);
  return `--device auto took ${deviceName(taken)}: ${taken.reason}${over.length > 0 ? `; passed over: ${over.join(", ")}` : ""}`;
}

/** GPU first where there may be one. WebGPU waits to be asked for: its drivers are too uneven to be a default. */
function automatic(): Provider[] {
  const gpus: Provider[] = [];
  if (hasCudaProvider()) gpus.push("cuda");
  if (process.platform === "win32") gpus.push("directml");
  if (process.platform === "darwin") gpus.push("coreml");
  return [...gpus, "cpu", "wasm"];
}

const hasCudaProvider = (): boolean => existsSync(cudaProviderFile() ?? "");

/** The kernel module of NVIDIA's driver is loaded. */
const hasNvidiaCard = (): boolean => existsSync("/proc/driver/nvidia/version");

const candidateOf = (provider: Provider, threads: number | undefined, deviceId?: number): Candidate => ({
  package: provider === "wasm" ? "onnxruntime-web" : "onnxruntime-node",
  provider,
  ...(deviceId !== undefined && { deviceId }),
  threads: threads ?? (provider === "wasm" ? 1 : availableParallelism()),
});

function adviceFor(info: EngineInfo, asked: DeviceChoice): string | undefined {
  if (isTfjs(info.package)) return isNative(info.package) ? undefined : tfjsAdvice;
  if (info.provider === "wasm")
    return `wasm is about 6 times slower than the native engine; ${nativeMissing}`;
  if (asked.provider === "auto" && info.provider === "cpu" && hasNvidiaCard() && !hasCudaProvider())
    return "an NVIDIA card is here, and nothing that could use it: xai-kit doctor --device cuda says what to install";
  return undefined;
}

const noTfjs = (asked: DeviceChoice, attempts: readonly Attempt[]): KitError =>
  new KitError("E_DEVICE", {
    problem: `--engine tfjs --device ${deviceName(asked)} does not work here`,
    details: attempts.map((a) => `${nameOf(a)}: ${a.reason}`),
    next: `${tfjsInstall(asked.provider)}; or --engine onnxruntime`,
  });

async function noDevice(
  asked: DeviceChoice,
  attempts: readonly Attempt[],
  threads?: number,
): Promise<KitError> {
  const details = attempts.flatMap((a) => [
    `${nameOf(a)}: ${a.reason}`,
    ...(a.next === undefined ? [] : [a.next]),
  ]);
  if (asked.provider === "auto") {
    return new KitError("E_DEVICE", { problem: "no device can compute here", details, next: nativeMissing });
  }
  const working: string[] = [];
  for (const provider of automatic()) {
    if (provider === asked.provider && asked.deviceId === undefined) continue;
    const { ok } = await tryApart(candidateOf(provider, threads));
    if (ok) working.push(`--device ${provider}`);
  }
  return new KitError("E_DEVICE", {
    problem: `--device ${deviceName(asked)} does not work here`,
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

export interface ProbeOptions {
  readonly threads?: number;
  /** this one alone */
  readonly device?: Device;
}

/**
 * Tries every device, for `xai-kit doctor`, each in a process of its own: one that crashes is a line of the answer.
 * `ms` is the median of five runs of the check graph at batch 8.
 */
export async function probeDevices({ threads, device = "auto" }: ProbeOptions = {}): Promise<Diagnosis> {
  const order: readonly Provider[] = ["cuda", "directml", "coreml", "cpu", "wasm", "webgpu"];
  const { provider, deviceId } = parseDevice(device);
  const asked = provider === "auto" ? order : [provider];
  const found: Attempt[] = [];
  // one after the other: they would disturb each other's times
  for (const one of asked) {
    found.push(await tryApart(candidateOf(one, threads, deviceId), { repeats: 5 }));
  }
  // TensorFlow.js is asked for by name only: where it is not installed there is nothing to say
  const more = provider === "auto" ? tfjsCandidates({ provider }, threads ?? availableParallelism()) : [];
  for (const candidate of more) {
    if (isInstalled(candidate.package)) found.push(await tryApart(candidate, { repeats: 5 }));
  }
  return { machine: machineFacts(), tolerance, devices: found };
}
