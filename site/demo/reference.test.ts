/** The stored values: how they are written and compared, and that WebAssembly still comes out where Node's native engine did. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { bundledModels } from "../../kit/src/bundled.ts";
import { openModel } from "../../kit/src/web.ts";
import { allMethods } from "./compute.ts";
import { differencesOf, numbersOf } from "./numbers.ts";
import index from "./reference/index.json" with { type: "json" };
import {
  mapBytes,
  mapDifference,
  parityTolerance,
  readReference,
  type StoredIndex,
  type StoredModel,
  scoreDifference,
} from "./reference.ts";

const stored: StoredIndex = index;

describe("readReference", () => {
  const scores = { sparseness: 0.5, "deletion-auc": null };
  const model: StoredModel = {
    sha256: "",
    target: 1,
    logits: [0, 1],
    methods: [
      { id: "a", revision: 1, scores },
      { id: "b", revision: 2, scores },
    ],
  };
  const maps = [Float32Array.of(1, -2, 0.5), Float32Array.of(0, 3e-8, 7)];

  it("takes apart what mapBytes put together", () => {
    const bytes = mapBytes(maps);
    expect(bytes).toHaveLength(24);
    const reference = readReference(model, bytes.buffer as ArrayBuffer);
    expect([...reference.maps]).toEqual([
      ["a", maps[0]],
      ["b", maps[1]],
    ]);
  });

  it("refuses bytes that are not these maps", () => {
    expect(() => readReference(model, new ArrayBuffer(22))).toThrow(/22 bytes are not 2 maps/);
  });
});

describe("differences", () => {
  it("of maps are shares of the largest value", () => {
    expect(mapDifference(Float32Array.of(1, -4, 2), Float32Array.of(1, -4, 1))).toBe(0.25);
    expect(mapDifference(Float32Array.of(0.5), Float32Array.of(0))).toBe(0.5);
    expect(mapDifference(Float32Array.of(Number.NaN), Float32Array.of(1))).toBe(Number.POSITIVE_INFINITY);
    expect(mapDifference(Float32Array.of(1, 2), Float32Array.of(1))).toBe(Number.POSITIVE_INFINITY);
  });

  it("of scores are infinite where only one has a number", () => {
    expect(scoreDifference(0.5, 0.25)).toBe(0.25);
    expect(scoreDifference(null, null)).toBe(0);
    expect(scoreDifference(null, 0)).toBe(Number.POSITIVE_INFINITY);
  });
});

describe("the stored values", () => {
  it("are of every bundled model as it is now, and of every method", () => {
    const shas = Object.fromEntries(bundledModels().map(({ id, sha256 }) => [id, sha256]));
    expect(Object.fromEntries(Object.entries(stored.models).map(([id, m]) => [id, m.sha256]))).toEqual(shas);
    for (const { methods } of Object.values(stored.models))
      expect(methods.map(({ id }) => id)).toEqual(allMethods);
  });

  // one of each architecture, each on another phantom; scripts/demo-reference.ts --check compares all sixteen
  it.each(["cxr-resnet", "histology-densenet", "retina-vit", "shapes-clip"])(
    "are WebAssembly's too, to within the tolerance: %s",
    async (id) => {
      const { path, card, dataset } = bundledModels().find((model) => model.id === id)!;
      const file = readFileSync(new URL(`./reference/${id}.bin`, import.meta.url));
      const reference = readReference(stored.models[id], new Uint8Array(file).buffer);
      const { model, close } = await openModel(new Uint8Array(readFileSync(path)), { card });
      const numbers = await numbersOf(model, card, dataset, stored.sample);
      await close();
      expect(numbers.target).toBe(reference.target);
      expect(mapDifference(numbers.logits, Float32Array.from(reference.logits))).toBeLessThan(1e-5);
      const differences = differencesOf(numbers, reference);
      expect([...differences.keys()]).toEqual(allMethods);
      expect([...differences].filter(([, worst]) => worst > parityTolerance)).toEqual([]);
    },
  );
});
