/**
 * Simplification changes nothing but the graph: whole models, before and after, give the same logits at several batch
 * sizes, and every inferred shape is the real one. `$XAI_MODELS` may name a folder of larger models to try as well.
 */
import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Graph } from "../src/onnx/graph.ts";
import { readOnnx } from "../src/onnx/read.ts";
import { shapeAt } from "../src/onnx/shapes.ts";
import { simplify } from "../src/onnx/simplify.ts";
import { sizeOf } from "../src/onnx/tensor.ts";
import { fixtures } from "./fixtures.ts";
import { distance, load, ramp } from "./ort.ts";

const onnxIn = (folder: string, pattern = /\.onnx$/): string[] =>
  readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((file) => pattern.test(file))
    .sort()
    .map((file) => join(folder, file));

const shared = fixtures();
const small = shared
  ? [...onnxIn(join(shared, "oracle")), ...onnxIn(join(shared, "real", "models"), /s0\.onnx$/)]
  : [];
const large = [
  ...(shared ? onnxIn(join(shared, "real", "models"), /imagenet\.onnx$/) : []),
  ...(process.env.XAI_MODELS ? onnxIn(process.env.XAI_MODELS) : []),
];

function read(file: string): { bytes: Uint8Array; graph: Graph; batch: string } {
  const bytes = new Uint8Array(readFileSync(file));
  const graph = readOnnx(bytes, { name: basename(file) });
  const [batch] = graph.inputs[0].dims;
  if (typeof batch !== "string") throw new Error(`${file} has a fixed batch`);
  return { bytes, graph, batch };
}

async function expectSameLogits(file: string, sizes: readonly number[]): Promise<void> {
  const { bytes, graph, batch } = read(file);
  const [input] = graph.inputs;
  const [output] = graph.outputs;
  const simplified = simplify(graph, batch);
  const before = await load(bytes);
  const after = await load(simplified.graph);
  for (const n of sizes) {
    const feeds = { [input.name]: ramp(input.dims.map((d) => (typeof d === "number" ? d : n))) };
    const theirs = (await before.run(feeds))[output.name];
    const ours = (await after.run(feeds))[output.name];
    expect(ours.dims).toEqual(theirs.dims);
    expect(distance(ours, theirs)).toBeLessThan(1e-5);
  }
  await before.release();
  await after.release();
}

const run = describe.skipIf(shared === undefined);

run("simplified models (needs the fixtures folder)", () => {
  it.each(small)("%s gives the same logits", (file) => expectSameLogits(file, [1, 2, 5]));

  it.each(small)("%s: every inferred shape and type is the real one", async (file) => {
    const { graph, batch } = read(file);
    const simplified = simplify(graph, batch);
    const tensors = simplified.graph.nodes.flatMap((n) => n.outputs).filter((o) => o !== "");
    const outputs = tensors.map((name) => ({
      name,
      type: simplified.types.get(name)!,
      dims: simplified.shapes.get(name)!.map(() => "?"),
    }));
    const all = await load({ ...simplified.graph, outputs });
    for (const n of [1, 4]) {
      const { name, dims } = graph.inputs[0];
      const real = await all.run({ [name]: ramp(dims.map((d) => (typeof d === "number" ? d : n))) });
      for (const tensor of tensors) {
        const inferred = [tensor, simplified.types.get(tensor), shapeAt(simplified.shapes.get(tensor)!, n)];
        expect(inferred).toEqual([tensor, real[tensor].type, real[tensor].dims]);
      }
    }
    await all.release();
  });

  it.each(small)("%s: nothing computes on shapes but one shared batch size", (file) => {
    const { graph, batch } = read(file);
    const ops = simplify(graph, batch).graph.nodes.map((n) => n.op);
    expect(ops.filter((op) => op === "Shape").length).toBeLessThanOrEqual(1);
    for (const op of ["ConstantOfShape", "Where", "Equal", "Erf", "Pow", "Unsqueeze"])
      expect(ops).not.toContain(op);
  });
});

describe.skipIf(large.length === 0)("simplified large models", () => {
  it.each(large)("%s gives the same logits", (file) => expectSameLogits(file, [1, 2]), 300_000);

  it.each(large)("%s folds within a second and keeps one Shape at most", (file) => {
    const { graph, batch } = read(file);
    const begin = performance.now();
    const simplified = simplify(graph, batch);
    expect(performance.now() - begin).toBeLessThan(1000);
    expect(simplified.graph.nodes.filter((n) => n.op === "Shape").length).toBeLessThanOrEqual(1);
    // weights are the same objects as before, not copies
    const before = new Set([...graph.initializers.values()].map((t) => t.data));
    for (const t of simplified.graph.initializers.values()) {
      expect(before.has(t.data) || sizeOf(t.dims) <= 2 ** 18).toBe(true);
    }
  });
});
