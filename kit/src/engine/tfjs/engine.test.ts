/** What the shared engine suite does not ask: gradients of every rule, memory, refusals. It runs in this thread, so that tf.memory() can be read. */
import { createRequire } from "node:module";
import * as ort from "onnxruntime-web";
import { afterAll, describe, expect, it } from "vitest";
import { gradcheck, type Run } from "../../autodiff/gradcheck.ts";
import { noGradient } from "../../autodiff/vjp.ts";
import { vjps } from "../../autodiff/vjps/index.ts";
import { maxPoolByMask } from "../../autodiff/vjps/pool.ts";
import { attr, canonicalOpset, type Graph, node } from "../../onnx/graph.ts";
import { float32, int64, type Tensor } from "../../onnx/tensor.ts";
import { rngOf } from "../../rng.ts";
import { checkGraph, input } from "../check.ts";
import { createOnnxRuntime, type OrtEngine } from "../onnxruntime.ts";
import { isInstalled } from "./installed.ts";
import type { Tf } from "./kernel.ts";
import { openTfjs } from "./open.ts";

const require = createRequire(import.meta.url);
const here = isInstalled("@tensorflow/tfjs-backend-wasm");
const open = (): Promise<OrtEngine> =>
  openTfjs({ package: "@tensorflow/tfjs-backend-wasm", provider: "wasm", threads: 1 });

/** Operators and uses of them that TensorFlow.js lacks here; whoever needs one finds its name when the graph is loaded. */
const missing: readonly RegExp[] = [/^(AffineGrid|Col2Im|GridSample|MaxUnpool)$/];
/** No float64 there. */
const double = /^(Cast|CastLike).*float64/;

/** Above what the two differ by in rounding: the second derivative of Mish loses two digits in either. */
const tolerance = 5e-5;

const reference = createOnnxRuntime(ort, { package: "onnxruntime-web", provider: "wasm", threads: 1 });
const engine = here ? await open() : undefined;
afterAll(async () => {
  await engine?.close();
  await reference.close();
});

const copied = (feeds: Readonly<Record<string, Tensor>>) => structuredClone(feeds);

/** Runs each graph in ONNX Runtime; the first time in TensorFlow.js too, and both must agree. */
function comparing(ours: OrtEngine): { run: Run; compared: () => number; release(): Promise<void> } {
  const loaded = new Map<Graph, Awaited<ReturnType<OrtEngine["load"]>>>();
  let compared = 0;
  return {
    compared: () => compared,
    async run(graph, feeds) {
      const fetches = graph.outputs.map((o) => o.name);
      const known = loaded.get(graph);
      const executable = known ?? (await reference.load(graph));
      loaded.set(graph, executable);
      const again = copied(feeds);
      const want = await executable.run(feeds, fetches);
      if (known) return want;
      const own = await ours.load(graph);
      const got = await own.run(again, fetches);
      await own.release();
      for (const name of fetches) {
        expect(got[name].dims, name).toEqual(want[name].dims);
        expect(apart(got[name], want[name]), name).toBeLessThan(tolerance);
        compared++;
      }
      return want;
    },
    async release() {
      for (const executable of loaded.values()) await executable.release();
    },
  };
}

function apart(got: Tensor, want: Tensor): number {
  const [a, b] = [got, want].map((t) => Array.from(t.data as ArrayLike<number | bigint>, Number));
  const scale = b.reduce((m, v) => Math.max(m, Math.abs(v)), 1e-30);
  return b.reduce((m, v, i) => Math.max(m, Object.is(v, a[i]) ? 0 : Math.abs(v - a[i]) / scale), 0);
}

const rules = [
  ...Object.entries(vjps).map(([op, vjp]) => ({ label: op, op, vjp })),
  { label: "MaxPool by mask", op: "MaxPool", vjp: maxPoolByMask },
].filter(({ op, vjp }) => vjp !== noGradient && !missing.some((m) => m.test(op)));

describe.skipIf(!here)("forward and gradient graphs of every rule, as onnxruntime computes them", () => {
  it.each(rules)("$label", async ({ label, op, vjp }) => {
    const both = comparing(engine as OrtEngine);
    for (const [i, sample] of vjp.samples.entries()) {
      if (double.test(`${op} ${sample.name}`)) continue;
      // whether the gradient is right is gradcheck.test.ts's business; here it must be the same
      await gradcheck({
        op,
        sample,
        run: both.run,
        uniform: rngOf("tfjs", label, i).uniform,
        rules: { [op]: vjp },
      });
    }
    expect(both.compared()).toBeGreaterThanOrEqual(2);
    await both.release();
  });
});

const graphOf = (
  nodes: Graph["nodes"],
  inputs: Graph["inputs"],
  initializers = new Map<string, Tensor>(),
): Graph => ({
  name: "small",
  opsets: { "": canonicalOpset },
  inputs,
  outputs: [{ name: "y", type: "float32", dims: ["?"] }],
  nodes,
  initializers,
});
const x = { name: "x", type: "float32" as const, dims: ["n"] };

describe.skipIf(!here)("memory", () => {
  const tf = () => require("@tensorflow/tfjs-core") as Tf;

  it("holds no tensor between runs but weights, and none after release", async () => {
    const own = await open();
    const before = tf().memory().numTensors;
    const executable = await own.load(checkGraph());
    await executable.run({ x: input(1) }, ["logits"]);
    const loaded = tf().memory().numTensors;
    expect(loaded).toBeGreaterThan(before);
    for (const batch of [1, 8, 3]) await executable.run({ x: input(batch) }, ["logits", "probabilities"]);
    expect(tf().memory().numTensors).toBe(loaded);
    await executable.release();
    expect(tf().memory().numTensors).toBe(before);
  });

  it("holds none after a run that failed", async () => {
    const own = await open();
    const before = tf().memory().numTensors;
    const nodes = [node("Exp", ["x"], ["e"]), node("Reshape", ["e", "shape"], ["y"])];
    const executable = await own.load(graphOf(nodes, [x, { name: "shape", type: "int64", dims: [1] }]));
    const run = executable.run({ x: float32([3], [1, 2, 3]), shape: int64([1], [4]) }, ["y"]);
    await expect(run).rejects.toMatchObject({ code: "E_ONNX_SHAPE" });
    expect(tf().memory().numTensors).toBe(before);
  });

  it("hands out what it was given, and keeps its weights", async () => {
    const own = await open();
    const weights = new Map<string, Tensor>([["w", float32([2], [1, 2])]]);
    const executable = await own.load(
      graphOf([node("Identity", ["w"], ["y"]), node("Add", ["x", "w"], ["z"])], [x], weights),
    );
    for (let i = 0; i < 2; i++) {
      const { y, w, z } = await executable.run({ x: float32([2], [10, 20]) }, ["y", "w", "z"]);
      expect([y.data, w.data, z.data]).toEqual([1, 1, 11].map((v) => Float32Array.of(v, 2 * v)));
      // as moving it to another thread does
      const { buffer } = w.data as Float32Array<ArrayBuffer>;
      structuredClone(buffer, { transfer: [buffer] });
    }
    await executable.release();
  });
});

describe.skipIf(!here)("refusals", () => {
  it("names every operator it lacks at once, when the graph is loaded", async () => {
    const nodes = [
      node("GridSample", ["x", "x"], ["a"]),
      node("Foo", ["a"], ["b"], {}, "first foo", "acme"),
      node("Foo", ["b"], ["c"], {}, "", "acme"),
      node("Resize", ["c", "", "s"], ["y"], { extrapolation_value: attr.float(1) }),
    ];
    const load = (engine as OrtEngine).load(graphOf(nodes, [x]));
    await expect(load).rejects.toMatchObject({
      code: "E_ENGINE_LOAD",
      details: [
        "GridSample: 1 node, first a",
        "acme.Foo: 2 nodes, first first foo",
        "Resize with an extrapolation_value: 1 node, first y",
      ],
    });
  });

  it("refuses float64, and integers beyond 32 bits, rather than lose digits", async () => {
    const own = engine as OrtEngine;
    const double: Tensor = { type: "float64", dims: [1], data: Float64Array.of(1) };
    const nodes = [node("Cast", ["w"], ["y"], { to: attr.int(1) })];
    await expect(own.load(graphOf(nodes, [], new Map([["w", double]])))).rejects.toMatchObject({
      code: "E_ENGINE_LOAD",
    });
    const large = await own.load(
      graphOf([node("Gather", ["x", "i"], ["y"])], [x, { name: "i", type: "int64", dims: ["m"] }]),
    );
    const i = int64(
      [100],
      Array.from({ length: 100 }, () => 2 ** 40),
    );
    await expect(large.run({ x: float32([2], [1, 2]), i }, ["y"])).rejects.toThrow(/does not fit in 32 bits/);
    await large.release();
  });
});
