/**
 * ONNX Runtime behind the Engine interface. `onnxruntime-node` and `onnxruntime-web` share one API, so the module is
 * handed in and this file runs in Node, in a worker and in the browser alike.
 */
import type * as Ort from "onnxruntime-common";
import { KitError } from "../errors.ts";
import type { Graph } from "../onnx/graph.ts";
import { sizeOf, type Tensor } from "../onnx/tensor.ts";
import { writeOnnx } from "../onnx/write.ts";
import { deviceName } from "./device.ts";
import type { Engine, EngineInfo, Executable, Provider } from "./engine.ts";

export type OrtModule = Pick<typeof Ort, "InferenceSession" | "Tensor" | "env">;

export interface OrtOptions {
  readonly package: string;
  readonly provider: Provider;
  /** which of several cards; the first without */
  readonly deviceId?: number;
  readonly threads: number;
}

export interface OrtEngine extends Engine {
  /** A model that is bytes already; `label` names it in errors, `folder` has the files of weights that it names. */
  loadBytes(bytes: Uint8Array, label: string, folder?: string): Promise<Executable>;
}

/** Our names → ONNX Runtime's, with the options that keep the arithmetic in float32. */
const providers: Record<Provider, Ort.InferenceSession.ExecutionProviderConfig> = {
  cpu: "cpu",
  wasm: "wasm",
  cuda: "cuda", // TF32 has no option in the JavaScript API; attempt.ts turns it off by environment
  webgpu: "webgpu",
  directml: "dml",
  // 0x10: ML program, 0x20: CPU and GPU only, since the neural engine rounds to float16
  coreml: { name: "coreml", coreMlFlags: 0x30 },
};

/** ONNX Runtime takes the number of a card for CUDA and DirectML; see `numbered` in device.ts. */
export function executionProvider({
  provider,
  deviceId,
}: Pick<OrtOptions, "provider" | "deviceId">): Ort.InferenceSession.ExecutionProviderConfig {
  const config = providers[provider];
  if (deviceId === undefined) return config;
  const named = typeof config === "string" ? { name: config } : config;
  return Object.assign({ deviceId }, named);
}

export function createOnnxRuntime(ort: OrtModule, options: OrtOptions): OrtEngine {
  const info: EngineInfo = {
    id: "onnxruntime",
    package: options.package,
    version: ort.env.versions.node ?? ort.env.versions.web ?? ort.env.versions.common,
    provider: options.provider,
    ...(options.deviceId !== undefined && { deviceId: options.deviceId }),
    threads: options.threads,
  };
  // Every failure comes back as an exception; ONNX Runtime's own lines on stderr would only repeat it.
  ort.env.logLevel = "fatal";
  if (options.package === "onnxruntime-web") ort.env.wasm.numThreads = options.threads;

  const sessions = new Set<Ort.InferenceSession>();

  async function loadBytes(bytes: Uint8Array, label: string, folder?: string): Promise<Executable> {
    let session: Ort.InferenceSession;
    try {
      session = await ort.InferenceSession.create(bytes, sessionOptions(options, folder));
    } catch (error) {
      throw engineError("E_ENGINE_LOAD", `${nameOf(info)} refused the graph ${label}`, error);
    }
    sessions.add(session);
    return {
      async run(feeds, fetches) {
        try {
          const given = Object.entries(feeds).map(([name, t]) => [name, toOrt(ort, t)] as const);
          const results = await session.run(Object.fromEntries(given), fetches);
          const taken = fetches.map(async (name) => [name, await fromOrt(results[name])] as const);
          return Object.fromEntries(await Promise.all(taken));
        } catch (error) {
          throw engineError("E_ENGINE_RUN", `${nameOf(info)} could not run the graph ${label}`, error);
        }
      },
      async release() {
        if (sessions.delete(session)) await session.release();
      },
    };
  }

  return {
    info,
    load: (graph: Graph) => loadBytes(writeOnnx(graph), graph.name || "without a name"),
    loadBytes,
    async close() {
      for (const session of sessions) await session.release();
      sessions.clear();
    },
  };
}

/**
 * Measured: mem pattern off costs no time and saves a third of the peak memory; the other optimisation levels and the
 * parallel mode are slower. A thread that waits for the next operator spins for 50 µs: without, a gradient of ResNet-50 on two
 * quiet cores takes a quarter longer; spinning on until there is work, half longer where others want the cores.
 */
function sessionOptions(
  { provider, deviceId, threads }: OrtOptions,
  folder?: string,
): Ort.InferenceSession.SessionOptions {
  return {
    executionProviders: [executionProvider({ provider, deviceId })],
    graphOptimizationLevel: "all",
    enableMemPattern: false,
    intraOpNumThreads: threads,
    logSeverityLevel: 4,
    extra: {
      session: {
        intra_op: { allow_spinning: "1", spin_duration_us: "50" },
        ...(folder !== undefined && { model_external_initializers_file_folder_path: folder }),
      },
    },
  };
}

function toOrt(ort: OrtModule, tensor: Tensor): Ort.Tensor {
  if (tensor.type === "bfloat16")
    throw new TypeError("bfloat16 cannot be fed: cast it to float32 in the graph");
  if (tensor.type === "string") return new ort.Tensor("string", [...tensor.data], tensor.dims);
  if (tensor.type === "bool") return new ort.Tensor("bool", tensor.data, tensor.dims);
  const made = new ort.Tensor(
    tensor.type,
    tensor.data as Ort.Tensor.DataTypeMap[typeof tensor.type],
    tensor.dims,
  );
  // where the platform has Float16Array the constructor turns bits into one, which the native binding then refuses
  return tensor.type === "float16" ? Object.defineProperty(made, "data", { value: tensor.data }) : made;
}

async function fromOrt(value: Ort.OnnxValue): Promise<Tensor> {
  const { type, dims } = value as Ort.Tensor;
  const data = await (value as Ort.Tensor).getData(); // from the device, where the output stayed there
  if (data.length !== sizeOf(dims)) {
    // onnxruntime-node 1.30 hands out the size modulo 2^32 bytes, without a word
    throw new KitError("E_ENGINE_MEMORY", {
      problem: `an output of dims [${dims.join(", ")}] is larger than the engine can hand out`,
      next: "lower --memory, which makes batches smaller",
    });
  }
  if (type === "float16" && ArrayBuffer.isView(data)) {
    // a Float16Array where the platform has one; we keep the bits
    return { type, dims, data: new Uint16Array(data.buffer, data.byteOffset, data.byteLength / 2) };
  }
  return { type, dims, data } as Tensor;
}

export const nameOf = (info: Pick<EngineInfo, "package" | "provider" | "deviceId">): string =>
  `${info.package} (${deviceName(info)})`;

/** What the allocators of ONNX Runtime, CUDA, Emscripten and V8 say when memory is out, or sizes pass what wasm can address. */
const outOfMemory =
  /bad_alloc|fail\w* to alloc|alloc\w*[ _]fail|out of memory|out of bounds|\boom\b|CUDA failure 2\b|not enough memory|Invalid typed array length|shape is too large|SafeInt/i;

export function engineError(
  code: "E_ENGINE_LOAD" | "E_ENGINE_RUN",
  problem: string,
  cause: unknown,
): KitError {
  if (cause instanceof KitError) return cause;
  const message = cause instanceof Error ? cause.message : String(cause);
  if (outOfMemory.test(message)) {
    return new KitError("E_ENGINE_MEMORY", {
      problem: `${problem}: out of memory`,
      details: [message],
      next: "lower --memory, or free some memory and run the same command again",
      cause,
    });
  }
  return new KitError(code, { problem, details: [message], cause });
}
