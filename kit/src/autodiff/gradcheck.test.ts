import * as ort from "onnxruntime-web";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import type { Executable } from "../engine/engine.ts";
import { createOnnxRuntime } from "../engine/onnxruntime.ts";
import type { Graph } from "../onnx/graph.ts";
import { rngOf } from "../rng.ts";
import { gradcheck, gradcheckTwice, type Run } from "./gradcheck.ts";
import { noGradient, type Sample, type Vjp } from "./vjp.ts";
import { vjps } from "./vjps/index.ts";
import { maxPoolByMask } from "./vjps/pool.ts";

const engine = createOnnxRuntime(ort, { package: "onnxruntime-web", provider: "wasm", threads: 1 });
afterAll(() => engine.close());

/** Each graph is loaded once; a sample runs its node hundreds of times. */
const loaded = new Map<Graph, Executable>();
const run: Run = async (graph, feeds) => {
  const executable = loaded.get(graph) ?? (await engine.load(graph));
  loaded.set(graph, executable);
  return executable.run(
    feeds,
    graph.outputs.map((o) => o.name),
  );
};
afterEach(async () => {
  for (const executable of loaded.values()) await executable.release();
  loaded.clear();
});

const rules = [
  ...Object.entries(vjps).map(([op, vjp]) => ({ label: op, op, vjp })),
  { label: "MaxPool by mask", op: "MaxPool", vjp: maxPoolByMask },
];

for (const { label, op, vjp } of rules) {
  if (vjp === noGradient) continue;
  describe(label, () => {
    it("has two samples or more", () => expect(vjp.samples.length).toBeGreaterThanOrEqual(2));

    for (const [i, sample] of vjp.samples.entries()) {
      const shapes = sample.shapes.map((s) => `[${s}]`).join(" ");
      it(`${sample.name ?? ""} ${shapes}`.trim(), async () => {
        const options = { op, sample, run, rules: { [op]: vjp } };
        const { error, batchError } = await gradcheck({
          ...options,
          uniform: rngOf("first", label, i).uniform,
        });
        expect(error).toBeLessThan(1e-3);
        expect(batchError).toBeLessThan(1e-6);
        if (sample.at) return; // on a tie there is no second derivative
        const second = await gradcheckTwice({ ...options, uniform: rngOf("second", label, i).uniform });
        expect(second).toBeLessThan(5e-3);
      });
    }
  });
}

describe("the check itself", () => {
  const check = (rule: Vjp["rule"], sample: Sample) =>
    gradcheck({ op: "Mul", sample, run, uniform: rngOf("check").uniform, rules: { Mul: { rule } } });
  const sample: Sample = { shapes: [[2, 3], [3]], batch: [0] };

  it("finds a wrong factor, a missing gradient and a NaN", async () => {
    const wrong: Vjp["rule"][] = [
      ({ ops, dy, inputs: [a, b] }) => [ops.mul(dy, b), ops.mul(dy, ops.mul(a, 1.01))],
      ({ ops, dy, inputs: [, b] }) => [ops.mul(dy, b)],
      ({ ops, dy, inputs: [a, b] }) => [ops.mul(dy, b), ops.mul(dy, ops.log(ops.sub(a, 9)))],
    ];
    for (const rule of wrong) expect((await check(rule, sample)).error).not.toBeLessThan(2e-3);
  });

  it("finds a gradient that fits one batch size only", async () => {
    const rule: Vjp["rule"] = ({ ops, dy, inputs: [a, b] }) => {
      const free = a.shape.some((d) => typeof d !== "number");
      return [ops.mul(dy, b), ops.mul(dy, free ? ops.mul(a, 2) : a)];
    };
    const { error, batchError } = await check(rule, sample);
    expect(error).toBeLessThan(1e-3);
    expect(batchError).toBeGreaterThan(0.1);
  });
});
