/** Models that ONNX Runtime optimised and saved: its own operators are read, and give the numbers of the model before. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { backward } from "../src/autodiff/backward.ts";
import { prepare } from "../src/model/prepare.ts";
import type { Graph } from "../src/onnx/graph.ts";
import { decode } from "../src/onnx/protobuf.ts";
import { ModelProto } from "../src/onnx/protobuf-schema.ts";
import { readOnnx } from "../src/onnx/read.ts";
import type { Tensor } from "../src/onnx/tensor.ts";
import { writeOnnx } from "../src/onnx/write.ts";
import { distance, ramp, runOnce } from "./ort.ts";
import { smallCnn, smallVit } from "./small-models.ts";

const ort = await import("onnxruntime-node").catch(() => undefined);

type Level = "basic" | "extended" | "all";

async function optimised(graph: Graph, level: Level): Promise<Uint8Array> {
  const folder = mkdtempSync(join(tmpdir(), "optimised-"));
  try {
    const [before, after] = ["before.onnx", "after.onnx"].map((name) => join(folder, name));
    writeFileSync(before, writeOnnx(graph));
    const session = await ort!.InferenceSession.create(before, {
      graphOptimizationLevel: level,
      optimizedModelFilePath: after,
      logSeverityLevel: 3,
      intraOpNumThreads: 1,
    });
    await session.release();
    return new Uint8Array(readFileSync(after));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function explained(graph: Graph): Promise<readonly [logits: Tensor, gradient: Tensor]> {
  const { folded, input, score, classes } = prepare(graph);
  const { folded: both, gradients, seed } = backward(folded, { score, wrt: [input.name] });
  const dims = [2, input.channels, input.height, input.width];
  const made = await runOnce(both.graph, { [input.name]: ramp(dims, 1), [seed]: ramp([2, classes], 2) });
  return [made[score], made[gradients[input.name]]];
}

const models: readonly (readonly [name: string, graph: Graph, fused: readonly string[]])[] = [
  ["a convolutional net", smallCnn(), ["FusedConv"]],
  ["a transformer", smallVit(), ["SkipLayerNormalization"]],
];

describe.skipIf(ort === undefined)("optimised by ONNX Runtime (needs onnxruntime-node)", () => {
  for (const [name, graph, fused] of models) {
    it.each(["basic", "extended"] as const)(`${name}, %s`, async (level) => {
      const bytes = await optimised(graph, level);
      const ops = decode(ModelProto, bytes, "optimised").graph?.node?.map((n) => n.op_type);
      if (level === "extended") expect(ops).toEqual(expect.arrayContaining([...fused]));
      const [ours, theirs] = [await explained(readOnnx(bytes)), await explained(graph)];
      for (const i of [0, 1]) expect(distance(ours[i], theirs[i])).toBeLessThan(3e-6);
    });
  }

  it("for one machine, where it is, is refused with advice", async () => {
    const bytes = await optimised(smallCnn({ channels: 3, height: 32, width: 32 }), "all");
    const graph = readOnnx(bytes);
    if (!graph.nodes.some((n) => n.domain === "com.microsoft.nchwc")) return;
    expect(() => prepare(graph)).toThrow("laid this model out for one kind of machine");
  });
});
