/**
 * WebGPU in Node, on SwiftShader or on the driver that VK_ICD_FILENAMES names, against the processor: models whole, every method's maps, and
 * the gradient of every rule. What single operators give is in engine.case.test.ts. All of it runs with XAI_WEBGPU=all (some ten minutes);
 * without, one small network with a MaxPool.
 */
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { gradcheck, type Run } from "../src/autodiff/gradcheck.ts";
import { graphFor } from "../src/autodiff/graph-options.ts";
import { noGradient } from "../src/autodiff/vjp.ts";
import { vjps } from "../src/autodiff/vjps/index.ts";
import { maxPoolByMask } from "../src/autodiff/vjps/pool.ts";
import { type BundledModel, bundledModels } from "../src/bundled.ts";
import type { Engine } from "../src/engine/engine.ts";
import { openEngine } from "../src/engine/web.ts";
import { methods } from "../src/methods/index.ts";
import { attribute } from "../src/methods/method.ts";
import { createProbe } from "../src/model/probe.ts";
import { describe as described } from "../src/onnx/fold.ts";
import type { Graph } from "../src/onnx/graph.ts";
import { type Float32Tensor, float32 } from "../src/onnx/tensor.ts";
import { quickParams } from "../src/params.ts";
import { rngOf } from "../src/rng.ts";
import { unmetNeeds } from "../src/runner/unmet.ts";
import { openModel } from "../src/web.ts";
import { finding } from "./finding.ts";
import { distance } from "./ort.ts";
import { openSwiftShader } from "./swiftshader.ts";

const everything = process.env.XAI_WEBGPU === "all";
const gpu = await openSwiftShader();
if (!gpu.engine) console.log(`WebGPU is not tested: ${gpu.reason}`);

let wasm: Engine;
beforeAll(async () => {
  ({ engine: wasm } = await openEngine());
});
afterAll(async () => {
  await gpu.engine?.close();
  await wasm.close();
});

/** Maps of every method that applies, with small budgets. */
async function mapsOf({ path, card }: BundledModel, engine: Engine) {
  const { model, close } = await openModel(new Uint8Array(readFileSync(path)), { card, engine });
  const { channels, height, width } = model.shape;
  const pictures = [0.37, 0.11, 0.53].map((step) =>
    float32(
      [channels, height, width],
      Float32Array.from(
        { length: channels * height * width },
        (_, i) => 0.5 + 0.4 * Math.sin(i * step + 1e-4 * i * i),
      ),
    ),
  );
  const [x, ...others] = pictures;
  const unmet = unmetNeeds(model, methods, others.length);
  const maps: Record<string, Float32Tensor> = {};
  for (const method of methods.filter(({ id }) => !(id in unmet))) {
    maps[method.id] = await attribute(method, createProbe({ model, x, target: 1 }), {
      params: quickParams(method.params),
      rng: (purpose) => rngOf("webgpu", method.id, purpose),
      others: async () => others,
    });
  }
  await close();
  return maps;
}

/** Logits, input gradient, and activation and gradient at the CAM layer, of one picture. */
async function numbersOf({ path, card }: BundledModel, engine: Engine) {
  const open = await openModel(new Uint8Array(readFileSync(path)), { card, engine });
  const { channels, height, width } = open.model.shape;
  const data = Float32Array.from(
    { length: channels * height * width },
    (_, i) => 0.5 + 0.4 * Math.sin(i * 0.37),
  );
  const probe = createProbe({ model: open.model, x: float32([channels, height, width], data), target: 1 });
  const logits = await probe.logits();
  const { data: gradient } = await probe.gradient();
  const { activation, activationGradient } = await probe.cam();
  await open.close();
  return { logits, gradient, activation, activationGradient };
}

describe.skipIf(!gpu.engine)("WebGPU in Node", () => {
  const bundled = bundledModels();
  const few = bundled.filter(({ id }) => id === "shapes-densenet");
  const more = bundled.filter(({ id }) => id.startsWith("shapes-") && !few.some((m) => m.id === id));

  async function compare(model: BundledModel) {
    const [want, got] = [await numbersOf(model, wasm), await numbersOf(model, gpu.engine!)];
    const tensor = (data: Float32Array) => float32([data.length], data);
    const errors = (Object.keys(want) as (keyof typeof want)[]).map(
      (key) => [key, distance(tensor(got[key]), tensor(want[key]))] as const,
    );
    finding(`WebGPU, ${model.id}: ${errors.map(([k, e]) => `${k} ${e.toExponential(1)}`).join(", ")}`);
    for (const [key, error] of errors) expect(error, key).toBeLessThan(1e-4);
  }

  it.each(few)("explains $id as the processor does", compare, 300_000);

  if (!everything) {
    it.skip("the other architectures and every gradient rule: with XAI_WEBGPU=all", () => {});
    return;
  }

  describe("with XAI_WEBGPU=all", () => {
    it.each(more)("explains $id as the processor does", compare, 300_000);

    it.each(bundled.filter(({ id }) => id.startsWith("shapes-")))(
      "$id: every method's map is the processor's",
      async (model) => {
        const [want, got] = [await mapsOf(model, wasm), await mapsOf(model, gpu.engine!)];
        expect(Object.keys(got)).toEqual(Object.keys(want));
        const errors = Object.keys(want).map((id) => [id, distance(got[id], want[id])] as const);
        const worst = errors.toSorted(([, a], [, b]) => b - a).slice(0, 3);
        finding(
          `WebGPU, maps of ${model.id}, the farthest of ${errors.length}: ${worst.map(([id, e]) => `${id} ${e.toExponential(1)}`).join(", ")}`,
        );
        for (const [id, error] of errors) expect(error, id).toBeLessThan(1e-3);
      },
      600_000,
    );

    /** Samples, as "<operator> <name>", that kernels of WebGPU refuse while running, and their words. */
    const refused: readonly (readonly [RegExp, RegExp])[] = [
      [/three axes/, /Only Conv2d or Conv1d are supported/],
      [/^Einsum .*ellips/, /raw_hash_map|Elli/],
      [/^Resize .*antialias/, /antialias attribute .* NOT implemented/],
    ];
    /** Samples whose operator itself, not its gradient, comes out wrong on WebGPU; kit/docs/browser.md warns of them. */
    const wrong = /^(Pad wrap, cut|Resize scales that change no size) /;
    /** Elsewhere 1e-5: WGSL's own functions are good to this. */
    const loose: Readonly<Record<string, number>> = { Sin: 1e-3, Cos: 1e-3, Tan: 1e-4, Acos: 1e-4 };

    const rules = [
      ...Object.entries(vjps).filter(([op]) => op !== "MaxPool"),
      ["MaxPool", maxPoolByMask] as const,
    ].filter(([, vjp]) => vjp !== noGradient);
    it.each(rules)(
      "the gradient of %s, on every sample",
      async (op, vjp) => {
        for (const [i, sample] of vjp.samples.entries()) {
          const name = `${op} ${sample.name ?? ""} [${sample.shapes.join("] [")}]`;
          if (wrong.test(name)) continue;
          const differences = new Map<Graph, number>();
          const run: Run = async (graph, feeds) => {
            const want = await once(wasm, graph, feeds);
            if (!("seed" in feeds)) return want;
            const inputs = graph.inputs.map((i) => ({ ...i, dims: feeds[i.name].dims }));
            const variant = graphFor("webgpu", graph, described({ ...graph, inputs }, undefined).shapes);
            const got = await once(gpu.engine!, variant, feeds).catch((error: { details: string[] }) => {
              const known = refused.find(([where]) => where.test(name));
              if (!known || !error.details.some((d) => known[1].test(d))) throw error;
              return undefined;
            });
            const errors = graph.outputs.map((o) => (got ? distance(got[o.name], want[o.name]) : 0));
            differences.set(graph, Math.max(...errors));
            return want;
          };
          await gradcheck({ op, sample, run, rules: { [op]: vjp }, uniform: rngOf("webgpu", op, i).uniform });
          expect(differences.size, name).toBeGreaterThan(0);
          for (const error of differences.values()) expect(error, name).toBeLessThan(loose[op] ?? 1e-5);
        }
      },
      300_000,
    );
  });
});

/** Feeds are moved away by a run in a worker. */
async function once(engine: Engine, graph: Graph, feeds: Parameters<Run>[1]): ReturnType<Run> {
  const executable = await engine.load(graph);
  try {
    return await executable.run(
      structuredClone(feeds),
      graph.outputs.map((o) => o.name),
    );
  } finally {
    await executable.release();
  }
}
