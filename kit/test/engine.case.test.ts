/** One suite, every engine: what one computes, all compute. An exception is named in `exceptions`, with its reason. */
import { afterAll, describe, expect, it } from "vitest";
import { gradientOps } from "../src/autodiff/gradcheck.ts";
import { vjps } from "../src/autodiff/vjps/index.ts";
import { maxPoolByMask } from "../src/autodiff/vjps/pool.ts";
import type { Engine } from "../src/engine/engine.ts";
import { openEngine } from "../src/engine/node.ts";
import { attr, canonicalOpset, type Graph, node } from "../src/onnx/graph.ts";
import { float32, int64, type Tensor } from "../src/onnx/tensor.ts";
import { type Case, cases } from "./engine.cases.ts";
import { openSwiftShader } from "./swiftshader.ts";

const anyBatch = "gives an image the same numbers to the last bit, whatever batch it is in";

const backwards = "Slice: backwards from the middle";
const severalToOne = "ConvTranspose: several inputs and one output in a group";

/** "<engine> <case>" → why it is left out there. */
const exceptions: Readonly<Record<string, string>> = {
  [`cpu ${anyBatch}`]:
    "native kernels split reductions over inner axes by batch and threads, and with several threads a convolution of one image: 3e-6",
  ...webgpuLacks(
    "no Indices, it fails while running: gradients are by mask there",
    "MaxPool: 2×2, with indices; the first of equal values wins",
    "MaxPool: indices count over batch and channels",
    "MaxPool: 3×3 overlapping, padding 1",
  ),
  ...webgpuLacks(
    "wrong numbers in onnxruntime 1.30: graphFor never lets it see one",
    backwards,
    severalToOne,
  ),
  ...webgpuLacks("it has two axes at most, and fails while running", "ConvTranspose: three axes, stride 2"),
  "tfjs wasm ReverseSequence: a length per sequence": "no kernel: the model is refused when it is loaded",
  "tfjs cpu ReverseSequence: a length per sequence": "no kernel: the model is refused when it is loaded",
  ...webgpuLacks("WGSL allows 2e-4 here", "Sin: elementwise", "Cos: elementwise"),
  ...webgpuLacks("needs a card with float16", "Cast: float to float16, as bits", "Cast: float16 to float"),
};

function webgpuLacks(reason: string, ...names: readonly string[]): Record<string, string> {
  return Object.fromEntries(names.map((name) => [`webgpu ${name}`, reason]));
}

/** Relative to the largest wanted value; sums of some hundred float32 products stay far below. */
const tolerance = 2e-6;

function graphOf({ name, nodes, feeds, constants = {}, want }: Case): Graph {
  const info = ([key, { type, dims }]: [string, Tensor]) => ({ name: key, type, dims });
  return {
    name,
    opsets: { "": canonicalOpset, "com.microsoft": 1 },
    inputs: Object.entries(feeds).map(info),
    outputs: Object.entries(want).map(info),
    nodes,
    initializers: new Map(Object.entries(constants)),
  };
}

/** Where engines with several threads were seen to round by batch size: a 3×3 convolution, a mean over channels. */
const sensitive: Graph = {
  name: "sensitive to rounding",
  opsets: { "": canonicalOpset },
  inputs: [{ name: "x", type: "float32", dims: ["batch", 64, 8, 8] }],
  outputs: [{ name: "y", type: "float32", dims: ["batch", 8, 8] }],
  nodes: [
    node("Conv", ["x", "w"], ["c"], { pads: attr.ints([1, 1, 1, 1]) }),
    node("ReduceMean", ["c", "axes"], ["y"], { keepdims: attr.int(0) }),
  ],
  initializers: new Map<string, Tensor>([
    [
      "w",
      float32(
        [64, 64, 3, 3],
        Float32Array.from({ length: 64 * 64 * 9 }, (_, i) => Math.cos(1.7 * i)),
      ),
    ],
    ["axes", int64([1], [1])],
  ]),
};

/** Feeds are moved away by a run, and cases are shared between engines. */
const copy = (feeds: Case["feeds"]) => structuredClone(feeds);

function expectSame(got: Tensor, want: Tensor) {
  expect({ type: got.type, dims: got.dims }).toEqual({ type: want.type, dims: want.dims });
  if (want.type !== "float32") {
    expect(got.data).toEqual(want.data);
    return;
  }
  const largest = Math.max(1e-30, ...want.data.map(Math.abs));
  const worst = Math.max(0, ...want.data.map((v, i) => Math.abs((got.data[i] as number) - v) / largest));
  expect(worst, `got ${[...got.data].slice(0, 12)}, want ${[...want.data].slice(0, 12)}`).toBeLessThanOrEqual(
    tolerance,
  );
}

/** By the name used above: the provider, after "tfjs" where TensorFlow.js runs. */
const opened = new Map<string, Engine | undefined>();
for (const [name, options] of [
  ["cpu", { device: "cpu" }],
  ["wasm", { device: "wasm" }],
  ["tfjs wasm", { engine: "tfjs", device: "wasm" }],
  ["tfjs cpu", { engine: "tfjs", device: "cpu" }],
] as const) {
  // only an engine that is not installed is skipped; one that is there and fails its check is a failure of this suite
  const engine = await openEngine(options).then(
    (o) => o.engine,
    (error: { details: string[] }) => {
      if (!error.details.some((d) => d.includes("is not installed"))) throw error;
      return undefined;
    },
  );
  opened.set(name, engine);
}
opened.set("webgpu", (await openSwiftShader()).engine);
afterAll(async () => {
  for (const engine of opened.values()) await engine?.close();
});

describe.each([...opened])("%s", (name, engine) => {
  it.skipIf(engine === undefined)("is installed", () => {
    expect(name.split(" ").at(-1)).toBe(engine?.info.provider);
    expect(engine?.info.id).toBe(name.startsWith("tfjs") ? "tfjs" : "onnxruntime");
  });
  if (engine === undefined) return;

  it.each(cases.filter((c) => !(`${name} ${c.name}` in exceptions)))("$name", async (c) => {
    const executable = await engine.load(graphOf(c));
    const got = await executable.run(copy(c.feeds), Object.keys(c.want));
    for (const [name, want] of Object.entries(c.want)) expectSame(got[name], want);
    await executable.release();
  });

  it.skipIf(`${name} ${anyBatch}` in exceptions)(anyBatch, async () => {
    const executable = await engine.load(sensitive);
    const size = 64 * 8 * 8;
    const data = Float32Array.from({ length: 8 * size }, (_, i) => Math.sin(1.37 * i));
    const run = async (from: number, count: number) => {
      const x = float32([count, 64, 8, 8], data.slice(from * size, (from + count) * size));
      return (await executable.run({ x }, ["y"])).y.data as Float32Array;
    };
    const together = await run(0, 8);
    for (const count of [1, 2, 3]) {
      expect(await run(2, count)).toEqual(together.slice(2 * 64, (2 + count) * 64));
    }
    await executable.release();
  });
});

it("has a case for every operator that a gradient graph is made of", () => {
  const tested = new Set(cases.flatMap((c) => c.nodes.map((n) => n.op)));
  const rules = [...Object.entries(vjps), ["MaxPool", maxPoolByMask] as const];
  const made = rules.flatMap(([op, vjp]) => vjp.samples.flatMap((s) => gradientOps(op, s, { [op]: vjp })));
  expect(made.length).toBeGreaterThan(1000);
  expect([...new Set(made)].filter((op) => !tested.has(op)).sort()).toEqual([]);
});
