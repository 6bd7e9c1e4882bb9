/** Trying one way to compute, in this process. */
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { performance } from "node:perf_hooks";
import { KitError } from "../errors.ts";
import type { Candidate } from "./channel.ts";
import { checkEngine } from "./check.ts";
import type { Engine, Provider } from "./engine.ts";
import { explainFailure } from "./install.ts";
import { openRemote } from "./remote.ts";

/** One way that was tried. */
export interface Attempt {
  readonly package: string;
  readonly provider: Provider;
  /** which of several cards, where one was named */
  readonly deviceId?: number;
  readonly ok: boolean;
  readonly reason: string;
  /** what to install or do, where it does not work and we know */
  readonly next?: string;
  /** median time of the check graph at batch 8; undefined where it did not run */
  readonly ms: number | undefined;
  readonly maxError: number | undefined;
  /** the largest error at batch 1 and at batch 8 */
  readonly errors?: readonly number[];
  /** what native libraries wrote on stderr */
  readonly said?: string;
}

/**
 * Opens an engine and checks its numbers. Throws what is our own mistake, nothing else.
 *
 * The JavaScript API cannot set CUDA's `use_tf32`, and NVIDIA's libraries read their environment when they load: TF32 is off unless the
 * user turned it on, and cards are numbered as nvidia-smi numbers them.
 */
export async function attempt(
  candidate: Candidate,
  repeats = 1,
): Promise<{ engine?: Engine; attempt: Attempt }> {
  if (candidate.provider === "cuda") {
    process.env.NVIDIA_TF32_OVERRIDE ??= "0";
    process.env.CUDA_DEVICE_ORDER ??= "PCI_BUS_ID";
  }
  let engine: Engine | undefined;
  try {
    engine = await openRemote(candidate);
    const { ok, reason, ms, maxError, errors } = await checkEngine(engine, () => performance.now(), repeats);
    const found = { ...nameOf(candidate), ok, reason, ms, maxError, errors };
    if (ok) return { engine, attempt: found };
    await engine.close();
    return { attempt: { ...found, next: "use another device, and tell us which one this was" } };
  } catch (error) {
    await engine?.close();
    return { attempt: failed(candidate, saidBy(error)) };
  }
}

const nameOf = ({ package: name, provider, deviceId }: Candidate) => ({
  package: name,
  provider,
  ...(deviceId !== undefined && { deviceId }),
});

/** What did not work, in one line, and what to do. */
export function failed(candidate: Candidate, said: string): Attempt {
  const { platform, arch } = process;
  return {
    ...nameOf(candidate),
    ok: false,
    ...explainFailure({ ...nameOf(candidate), said, platform, arch }),
    ms: undefined,
    maxError: undefined,
  };
}

function saidBy(error: unknown): string {
  if (!(error instanceof KitError)) throw error; // our own mistake, not the device's
  return [error.message, ...error.details].join(": ");
}

/** Where `onnxruntime-node` keeps its libraries, and where its install step puts the CUDA provider. */
export function nativeFolder(): string | undefined {
  const require = createRequire(import.meta.url);
  try {
    const root = dirname(require.resolve("onnxruntime-node/package.json"));
    return join(root, "bin", "napi-v6", process.platform, process.arch);
  } catch {
    return undefined; // an optional dependency that is not installed
  }
}

/** The file of the CUDA provider, whether it is there or not. */
export function cudaProviderFile(): string | undefined {
  const folder = nativeFolder();
  const library =
    process.platform === "win32" ? "onnxruntime_providers_cuda.dll" : "libonnxruntime_providers_cuda.so";
  return folder && join(folder, library);
}
