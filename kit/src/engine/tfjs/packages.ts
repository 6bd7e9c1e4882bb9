/** The packages TensorFlow.js comes in, and which of them a device means. Nothing is loaded here. */
import { KitError } from "../../errors.ts";
import type { Provider } from "../engine.ts";

/** In the order of trying: the native ones are faster, and each brings its own kernels. */
export const tfjsPackages = [
  "@tensorflow/tfjs-node-gpu",
  "@tensorflow/tfjs-node",
  "@tensorflow/tfjs-backend-wasm",
  "@tensorflow/tfjs-backend-cpu",
] as const;
export type TfjsPackage = (typeof tfjsPackages)[number];

export const providerOf: Readonly<Record<TfjsPackage, Provider>> = {
  "@tensorflow/tfjs-node-gpu": "cuda",
  "@tensorflow/tfjs-node": "cpu",
  "@tensorflow/tfjs-backend-wasm": "wasm",
  "@tensorflow/tfjs-backend-cpu": "cpu",
};

export interface TfjsCandidate {
  readonly package: TfjsPackage;
  readonly provider: Provider;
  readonly threads: number;
}

export const isTfjs = (name: string): name is TfjsPackage => tfjsPackages.some((known) => known === name);

/** Runs native code, which must not be ended in the middle of a run. */
export const isNative = (name: string): boolean => name.startsWith("@tensorflow/tfjs-node");

/**
 * The packages that compute on a device, the best first; all of them for "auto". The WebAssembly and the plain JavaScript backend run on
 * one thread.
 *
 * @throws KitError E_PARAM for a device that TensorFlow.js has nothing for
 */
export function tfjsCandidates(
  { provider, deviceId }: { readonly provider: Provider | "auto"; readonly deviceId?: number | undefined },
  threads: number,
): TfjsCandidate[] {
  const found = tfjsPackages.filter((name) => provider === "auto" || providerOf[name] === provider);
  if (found.length === 0) {
    throw new KitError("E_PARAM", {
      problem: `TensorFlow.js has nothing for --device ${provider}`,
      next: `with --engine tfjs choose one of: auto, ${[...new Set(Object.values(providerOf))].join(", ")}`,
    });
  }
  if (deviceId !== undefined && deviceId !== 0) {
    throw new KitError("E_PARAM", {
      problem: "TensorFlow.js takes the first card it sees, and no number",
      next: `CUDA_VISIBLE_DEVICES=${deviceId} in the environment leaves that card alone to be seen`,
    });
  }
  return found.map((name) => ({
    package: name,
    provider: providerOf[name],
    threads: isNative(name) ? threads : 1,
  }));
}

/** What to install for a device, one command. */
export function tfjsInstall(device: Provider | "auto"): string {
  const light = (backend: string) => `npm install @tensorflow/tfjs-core @tensorflow/tfjs-backend-${backend}`;
  if (device === "cuda") return "npm install @tensorflow/tfjs-node-gpu (it needs CUDA 11.2 and cuDNN 8.1)";
  if (device === "cpu") return `npm install @tensorflow/tfjs-node, or, slow: ${light("cpu")}`;
  if (device === "wasm") return light("wasm");
  return `npm install @tensorflow/tfjs-node-gpu, npm install @tensorflow/tfjs-node, or without native code: ${light("wasm")}`;
}

export const tfjsAdvice =
  "TensorFlow.js without native code is slow; --engine onnxruntime computes the same numbers faster";
