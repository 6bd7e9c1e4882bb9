import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { fixtures } from "../../test/fixtures.ts";
import { ramp, runOnnx } from "../../test/run-onnx.ts";
import { attr, node } from "./graph.ts";
import { readOnnx } from "./read.ts";
import { float32, sizeOf } from "./tensor.ts";
import { writeOnnx } from "./write.ts";

describe("writeOnnx", () => {
  it("writes what ONNX Runtime computes", async () => {
    const bytes = writeOnnx({
      name: "",
      opsets: { "": 21 },
      inputs: [{ name: "x", type: "float32", dims: ["batch", 2] }],
      outputs: [{ name: "y", type: "float32", dims: ["batch", 1] }],
      nodes: [node("Gemm", ["x", "w", "b"], ["y"], { alpha: attr.float(2), transB: attr.int(1) })],
      initializers: new Map([
        ["w", float32([1, 2], [3, 5])],
        ["b", float32([1], [7])],
      ]),
    });
    const { y } = await runOnnx(bytes, { x: { dims: [2, 2], data: Float32Array.of(1, 2, -1, 0.5) } });
    expect(y).toEqual({ dims: [2, 1], data: [2 * (3 + 10) + 7, 2 * (-3 + 2.5) + 7] });
  });
});

const folder = fixtures();

describe.skipIf(folder === undefined)("real models, read and written (needs the fixtures)", () => {
  const models = (from: string, pick: (name: string) => string | undefined) =>
    folder === undefined
      ? []
      : readdirSync(join(folder, from)).flatMap((name) => {
          const file = pick(name);
          return file === undefined ? [] : join(from, file);
        });
  const files = [
    ...models("oracle", (name) => (/[.]/.test(name) ? undefined : join(name, "model.onnx"))),
    ...models("real/models", (name) => (name.endsWith(".onnx") ? name : undefined)),
  ];
  for (const file of files) {
    it(`${file} gives the same logits`, async () => {
      const bytes = new Uint8Array(readFileSync(join(folder ?? "", file)));
      const graph = readOnnx(bytes, { name: file });
      const written = writeOnnx(graph);
      expect(readOnnx(written)).toEqual(graph);
      const [input] = graph.inputs;
      const x = ramp(input.dims.map((d) => (typeof d === "number" ? d : 2)));
      const [before, after] = [
        await runOnnx(bytes, { [input.name]: x }),
        await runOnnx(written, { [input.name]: x }),
      ];
      expect(Object.keys(after)).toEqual(Object.keys(before));
      for (const [name, { dims, data }] of Object.entries(before)) {
        expect(after[name].dims).toEqual(dims);
        expect(data).toHaveLength(sizeOf(dims));
        const scale = Math.max(1, ...data.map(Math.abs));
        const worst = Math.max(...data.map((v, i) => Math.abs(v - after[name].data[i])));
        expect(worst / scale).toBeLessThan(1e-6);
      }
    });
  }
});
