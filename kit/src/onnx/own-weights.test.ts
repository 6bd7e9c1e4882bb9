import { describe, expect, it } from "vitest";
import { canonicalOpset, type Graph } from "./graph.ts";
import { ownWeights } from "./own-weights.ts";
import type { Tensor } from "./tensor.ts";

const graphOf = (tensors: Readonly<Record<string, Tensor>>): Graph => ({
  name: "g",
  opsets: { "": canonicalOpset },
  inputs: [],
  outputs: [],
  nodes: [],
  initializers: new Map(Object.entries(tensors)),
});

const view = (buffer: ArrayBuffer, at: number, length: number): Tensor => ({
  type: "float32",
  dims: [length],
  data: new Float32Array(buffer, at, length),
});

describe("ownWeights", () => {
  it("copies views on a file that is mostly something else, values kept", () => {
    const file = new Float32Array(100).fill(7).buffer;
    const { initializers } = ownWeights(graphOf({ w: view(file, 40, 10), v: view(file, 200, 2) }));
    for (const [name, length] of [
      ["w", 10],
      ["v", 2],
    ] as const) {
      const { data, dims } = initializers.get(name) as Tensor<"float32">;
      expect(data.buffer).not.toBe(file);
      expect(data.buffer.byteLength).toBe(4 * length);
      expect([...data]).toEqual(Array(length).fill(7));
      expect(dims).toEqual([length]);
    }
  });

  it("leaves views that are nearly all of their buffer, and text", () => {
    const file = new ArrayBuffer(400);
    const names: Tensor = { type: "string", dims: [1], data: ["a"] };
    const graph = graphOf({ w: view(file, 0, 50), v: view(file, 200, 45), names });
    for (const [name, tensor] of ownWeights(graph).initializers) {
      expect(tensor).toBe(graph.initializers.get(name));
    }
  });
});
