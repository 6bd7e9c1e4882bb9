import * as ort from "onnxruntime-web";
import { afterAll, describe, expect, it } from "vitest";
import type { Executable } from "../engine/engine.ts";
import { createOnnxRuntime } from "../engine/onnxruntime.ts";
import type { Graph } from "../onnx/graph.ts";
import { rngOf } from "../runner/rng.ts";
import { gradcheck, type Run } from "./gradcheck.ts";
import { noGradient } from "./vjp.ts";
import { vjps } from "./vjps/index.ts";
import { maxPoolByMask } from "./vjps/pool.ts";

const engine = createOnnxRuntime(ort, { package: "onnxruntime-web", provider: "wasm", threads: 1 });
afterAll(() => engine.close());

/** Loads a graph once; a sample runs its node hundreds of times. */
let loaded: { graph: Graph; executable: Executable } | undefined;
const run: Run = async (graph, feeds) => {
  if (loaded?.graph !== graph) {
    await loaded?.executable.release();
    loaded = { graph, executable: await engine.load(graph) };
  }
  return loaded.executable.run(
    feeds,
    graph.outputs.map((o) => o.name),
  );
};

const rules = [
  ...Object.entries(vjps).map(([op, vjp]) => ({ label: op, op, vjp })),
  { label: "MaxPool by mask", op: "MaxPool", vjp: maxPoolByMask },
];

for (const { label, op, vjp } of rules) {
  if (vjp === noGradient) continue;
  describe(label, () => {
    for (const [i, sample] of vjp.samples.entries()) {
      const shapes = sample.shapes.map((s) => `[${s}]`).join(" ");
      it(`${sample.name ?? ""} ${shapes}`.trim(), async () => {
        const { uniform } = rngOf("gradcheck", label, i);
        const result = await gradcheck({ op, sample, run, uniform, rules: { [op]: vjp } });
        expect(result.error).toBeLessThan(1e-3);
        expect(result.batchError).toBeLessThan(1e-6);
      });
    }
  });
}
