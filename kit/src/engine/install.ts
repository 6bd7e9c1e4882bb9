/** What engines say of a device that does not work, what it means, and what to install for it: pure functions of text and system. */
import type { Provider } from "./engine.ts";
import { isTfjs, tfjsInstall } from "./tfjs/packages.ts";

export interface System {
  readonly platform: string;
  readonly arch: string;
}

export interface Failure extends System {
  readonly package: string;
  readonly provider: Provider;
  readonly deviceId?: number;
  /** what was said: the engine's error, then what native libraries wrote on stderr */
  readonly said: string;
}

/** The versions that `onnxruntime-node` names in its install step; the container recipes name the same. */
export const cuda = { cuda: "12", cudnn: "9" } as const;

/** What the package `onnxruntime-node` 1.30 holds (cuda: fetches), as its folders and README say. */
const native: Readonly<Record<Exclude<Provider, "wasm">, readonly string[]>> = {
  cpu: ["linux x64", "linux arm64", "darwin arm64", "win32 x64", "win32 arm64"],
  cuda: ["linux x64"],
  webgpu: ["linux x64", "darwin arm64", "win32 x64", "win32 arm64"],
  directml: ["win32 x64", "win32 arm64"],
  coreml: ["darwin arm64"],
};

const systemOf = ({ platform, arch }: System): string => `${platform} ${arch}`;

export const offeredOn = (provider: Provider, system: System): boolean =>
  provider === "wasm" || native[provider].includes(systemOf(system));

export const nativeMissing =
  "install the native engine: npm install onnxruntime-node (behind a firewall: ONNXRUNTIME_NODE_INSTALL=skip npm install onnxruntime-node)";

const cudaProvider =
  "fetch it: ONNXRUNTIME_NODE_INSTALL=cuda12 node node_modules/onnxruntime-node/script/install.js";
const cudaLibraries = `CUDA ${cuda.cuda} and cuDNN ${cuda.cudnn} come from NVIDIA (Ubuntu: cuda-libraries-12-8, libcudnn9-cuda-12), or run in the container of kit/containers`;
const driver = "NVIDIA's driver, 525 or newer; nvidia-smi must list the card";

interface Meaning {
  readonly said: RegExp;
  readonly reason: string;
  readonly next?: string;
}

/** The first that matches; `$1` is the part in brackets. */
const meanings: readonly Meaning[] = [
  {
    said: /Cannot find (?:package|module) '(?:[^']*node_modules\/)?onnxruntime-node/,
    reason: "onnxruntime-node is not installed",
    next: nativeMissing,
  },
  {
    said: /Cannot find (?:package|module) '(?:[^']*node_modules\/)?onnxruntime-web/,
    reason: "onnxruntime-web is not installed",
    next: "it comes with xai-kit: install that again",
  },
  {
    said: /backend not found/,
    reason: "not offered by onnxruntime-node on this system",
  },
  {
    said: /CUDA failure 101\b|invalid device ordinal|Invalid device ID/i,
    reason: "there is no card of this number",
    next: "nvidia-smi counts them, from 0; CUDA_VISIBLE_DEVICES hides some",
  },
  {
    said: /CUDA failure 35\b|driver version is insufficient/i,
    reason: `the NVIDIA driver is too old for CUDA ${cuda.cuda}`,
    next: driver,
  },
  {
    said: /CUDA failure (?:100|999|3)\b|no CUDA-capable device|libcuda\.so/i,
    reason: "no NVIDIA card answers",
    next: `${driver}; in a container: --gpus all, apptainer --nv`,
  },
  {
    said: /(?:^|[\s:])(lib[\w.+-]+): cannot open shared object file/,
    reason: "the library $1 is missing",
  },
  {
    said: /Cuda: Failed to load shared library/,
    reason: "the CUDA provider is missing: onnxruntime-node fetches it in its install step",
    next: `${cudaProvider}; ${cudaLibraries}`,
  },
  {
    said: /RequestAdapter|No supported adapters|Failed to get a WebGPU adapter/,
    reason: "no WebGPU adapter",
  },
];

/** One line of why it failed, and one of what to install or do, where we know it. */
export function explainFailure(failure: Failure): { reason: string; next: string | undefined } {
  const { provider, said } = failure;
  const meaning = meanings.find((m) => m.said.test(said));
  const reason = meaning ? filled(meaning, said) : said.split("\n")[0].slice(0, 300);
  // what cannot be had on this system, nothing can be installed for
  if (failure.package === "onnxruntime-node" && !offeredOn(provider, failure)) {
    const { next = notOffered(provider, failure) } = /not installed/.test(reason) ? (meaning ?? {}) : {};
    return { reason, next };
  }
  return { reason, next: meaning?.next ?? remedy(failure) };
}

function filled({ said, reason }: Meaning, text: string): string {
  const match = said.exec(text);
  return reason.replace("$1", match?.[1] ?? "");
}

function remedy({ package: name, provider, platform }: Failure): string | undefined {
  if (isTfjs(name)) return tfjsInstall(provider);
  if (name !== "onnxruntime-node") return undefined;
  switch (provider) {
    case "cuda":
      return cudaLibraries;
    case "webgpu":
      return platform === "linux"
        ? "a Vulkan driver: the card's own, or Mesa's (Debian, Ubuntu: libvulkan1 mesa-vulkan-drivers); vulkaninfo must list the card"
        : platform === "win32"
          ? "a Direct3D 12 driver of the card's maker"
          : "macOS with Metal";
    case "directml":
      return "a Direct3D 12 driver of the card's maker";
    default:
      return undefined;
  }
}

const elsewhere: Readonly<Record<string, string>> = {
  linux: "cuda on x64, webgpu on x64",
  darwin: "coreml and webgpu on arm64",
  win32: "directml, webgpu",
};

const notOffered = (provider: Provider, system: System): string =>
  provider === "cpu"
    ? `onnxruntime-node has no build for ${systemOf(system)}; wasm computes there`
    : `exists on ${native[provider as keyof typeof native].join(", ")} only; a GPU here: ${elsewhere[system.platform] ?? "none that we know"}`;
