/** Runs the bytes of an ONNX file once in ONNX Runtime (wasm), for tests that compare two ways to write one model. */
import * as ort from "onnxruntime-web";

ort.env.wasm.numThreads = 1;

export interface Feed {
  readonly dims: readonly number[];
  readonly data: Float32Array;
}

/** Output name → values, in order of the outputs. Without optimisation, so that what runs is what was written. */
export async function runOnnx(
  bytes: Uint8Array,
  feeds: Readonly<Record<string, Feed>>,
): Promise<Record<string, { dims: readonly number[]; data: number[] }>> {
  const session = await ort.InferenceSession.create(bytes, {
    executionProviders: ["wasm"],
    graphOptimizationLevel: "disabled",
    logSeverityLevel: 3,
  });
  const tensors = Object.entries(feeds).map(
    ([name, { dims, data }]) => [name, new ort.Tensor("float32", data, dims)] as const,
  );
  const results = await session.run(Object.fromEntries(tensors));
  await session.release();
  return Object.fromEntries(
    session.outputNames.map((name) => [
      name,
      { dims: results[name].dims, data: Array.from(results[name].data as Iterable<number | bigint>, Number) },
    ]),
  );
}

/** Numbers in [-1, 1) that depend on nothing but their count: tests need variety, not chance. */
export function ramp(dims: readonly number[]): Feed {
  const size = dims.reduce((n, d) => n * d, 1);
  return { dims, data: Float32Array.from({ length: size }, (_, i) => ((i * 0.618034) % 1) * 2 - 1) };
}
