/** Runs a Graph in onnxruntime-web (wasm, one thread) without the engine of the kit: the judge in tests of the onnx/ folder. */
import * as ort from "onnxruntime-web";
import type { Graph } from "../src/onnx/graph.ts";
import { type ElementType, float32, sizeOf, type Tensor } from "../src/onnx/tensor.ts";
import { writeOnnx } from "../src/onnx/write.ts";

ort.env.wasm.numThreads = 1;
ort.env.logLevel = "error";

export type Run = (feeds: Readonly<Record<string, Tensor>>) => Promise<Record<string, Tensor>>;

export async function load(
  model: Graph | Uint8Array,
  level: "disabled" | "all" = "disabled",
): Promise<{ run: Run; release(): Promise<void> }> {
  const session = await ort.InferenceSession.create(model instanceof Uint8Array ? model : writeOnnx(model), {
    executionProviders: ["wasm"],
    graphOptimizationLevel: level,
    logSeverityLevel: 3,
  });
  return {
    release: () => session.release(),
    async run(feeds) {
      const given = Object.entries(feeds).map(([name, t]) => [
        name,
        new ort.Tensor(t.type as "float32", t.data as Float32Array, t.dims),
      ]);
      const fetched = await session.run(Object.fromEntries(given));
      return Object.fromEntries(
        Object.entries(fetched).map(([name, t]) => {
          const data = t.type === "float16" ? new Uint16Array((t.data as Uint16Array).buffer) : t.data;
          return [name, { type: t.type as ElementType, dims: t.dims, data } as Tensor];
        }),
      );
    },
  };
}

/** Runs a graph once. */
export async function runOnce(
  graph: Graph,
  feeds: Readonly<Record<string, Tensor>>,
): Promise<Record<string, Tensor>> {
  const { run, release } = await load(graph);
  try {
    return await run(feeds);
  } finally {
    await release();
  }
}

/** Floats spread over [-width/2, width/2) that depend on nothing but their number: variety without chance. */
export const ramp = (dims: readonly number[], width = 2): Tensor =>
  float32(
    dims,
    Float32Array.from({ length: sizeOf(dims) }, (_, i) => (((i * 0.754878 + 0.31) % 1) - 0.5) * width),
  );

/** Largest difference over largest magnitude. */
export function distance(ours: Tensor, theirs: Tensor): number {
  let [apart, size] = [0, 1e-30];
  for (let i = 0; i < theirs.data.length; i++) {
    apart = Math.max(apart, Math.abs(Number(ours.data[i]) - Number(theirs.data[i])));
    size = Math.max(size, Math.abs(Number(theirs.data[i])));
  }
  return ours.data.length === theirs.data.length ? apart / size : Number.POSITIVE_INFINITY;
}
