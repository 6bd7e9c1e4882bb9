/** xai-kit/web where there is no browser: WebAssembly in Node, the same numbers as the native engine. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { bundledModels } from "../src/bundled.ts";
import type { Model } from "../src/model/model.ts";
import { openModel as openNative } from "../src/node.ts";
import { attr, canonicalOpset, node } from "../src/onnx/graph.ts";
import { writeOnnx } from "../src/onnx/write.ts";
import {
  attribute,
  createProbe,
  drawPhantom,
  float32,
  KitError,
  methodOf,
  type OpenedWeb,
  openEngine,
  openModel,
  phantomDomains,
  pixelsOf,
  rngOf,
  shownOf,
  toMap,
  unmetNeeds,
} from "../src/web.ts";

let opened: OpenedWeb;
beforeAll(async () => {
  opened = await openEngine();
});
afterAll(() => opened.engine.close());

describe("openEngine", () => {
  it("says what really runs, after a check of its numbers", () => {
    const { package: name, provider, threads, version } = opened.engine.info;
    expect({ name, provider, threads }).toEqual({ name: "onnxruntime-web", provider: "wasm", threads: 1 });
    expect(version).toMatch(/^\d+\.\d+\.\d+$/);
    expect(opened.check).toMatchObject({ ok: true });
    expect(opened.check.maxError).toBeLessThan(2e-6);
  });
});

describe("openModel", () => {
  const bundled = bundledModels().find(({ id }) => id === "shapes-vit")!;
  const bytes = new Uint8Array(readFileSync(bundled.path));
  const domain = phantomDomains.find(({ id }) => id === "shapes")!;
  const { image, channels } = drawPhantom(domain, "test", 3);

  it("explains as the native engine does", async () => {
    const web = await openModel(bytes, { card: bundled.card, engine: opened.engine });
    const native = await openNative(bundled.path, { device: "cpu", threads: 1 });
    const maps = await Promise.all(
      [web, native].map(async ({ model, card }) => {
        const x = pixelsOf(
          { channels, height: 64, width: 64, data: image },
          model.shape,
          card.input!.resize!,
        );
        const probe = createProbe({ model, x, target: 1 });
        const method = methodOf("smoothgrad");
        return toMap(
          await attribute(method, probe, { rng: (purpose) => rngOf("a test", purpose) }),
          method.map,
        );
      }),
    );
    const largest = Math.max(...maps[1].data);
    const difference = Math.max(...maps[0].data.map((v, i) => Math.abs(v - maps[1].data[i])));
    expect(largest).toBeGreaterThan(0);
    expect(difference / largest).toBeLessThan(1e-4);
    await web.close();
    await native.close();
  });

  it("knows the file's hash, and leaves an engine open that it was given", async () => {
    const web = await openModel(bytes, { card: bundled.card, engine: opened.engine });
    expect(web.sha256).toBe(createHash("sha256").update(bytes).digest("hex"));
    expect(web.sha256).toBe(bundled.sha256);
    expect(web.check).toBeUndefined();
    await web.close();
    const again = await openModel(bytes, { card: bundled.card, engine: opened.engine });
    const probe = createProbe({
      model: again.model,
      x: float32([3, 64, 64], new Float32Array(3 * 64 * 64)),
      target: 0,
    });
    expect(await probe.logits()).toHaveLength(4);
    await again.close();
  });

  it.each([
    ["nothing", new Uint8Array(0), "E_ONNX_CORRUPT"],
    ["text", new TextEncoder().encode("not a model"), "E_ONNX_CORRUPT"],
    ["half a model", bytes.subarray(0, bytes.length / 2), "E_ONNX_CORRUPT"],
    ["a model of something else", vectorModel(), "E_MODEL_INPUT"],
  ])("refuses %s with an error that says what next", async (_, file, code) => {
    const error = await openModel(file, { name: "my.onnx", engine: opened.engine }).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(KitError);
    expect(error).toMatchObject({ code, next: expect.stringMatching(/\w+ \w+/) });
  });
});

describe("what a page shows", () => {
  it("names what a model cannot be asked", () => {
    const whole = { assertDifferentiable: () => undefined, cam: undefined } as unknown as Model;
    const asked = ["saliency", "grad-cam", "random"].map(methodOf);
    expect(unmetNeeds(whole, asked)).toEqual({ "grad-cam": "the model has no tensor with a spatial grid" });
    const stiff = {
      ...whole,
      assertDifferentiable() {
        throw new KitError("E_NO_GRADIENT", { problem: "no", details: ["Einsum: 1 node, first a"] });
      },
    };
    const reason = "no gradient for Einsum: 1 node, first a";
    expect(unmetNeeds(stiff, asked)).toEqual({ saliency: reason, "grad-cam": reason });
  });

  it("shows contributions signed, the rest as relevance", () => {
    const attribution = float32([1, 1, 4], [-4, 0, 1, 2]);
    expect(shownOf({ kind: "contribution", map: "sum" }, attribution)).toMatchObject({
      map: { height: 1, width: 4, data: Float32Array.of(-4, 0, 1, 2) },
      scale: "diverging",
      limit: 4,
    });
    expect(shownOf({ kind: "sensitivity", map: "abs-sum" }, attribution)).toMatchObject({
      map: { data: Float32Array.of(1, 0, 0.25, 0.5) },
      scale: "sequential",
      limit: 1,
    });
  });
});

/** One linear layer on a vector: a valid model, of no image. */
function vectorModel(): Uint8Array {
  return writeOnnx({
    name: "vector",
    opsets: { "": canonicalOpset },
    inputs: [{ name: "x", type: "float32", dims: ["batch", 4] }],
    outputs: [{ name: "y", type: "float32", dims: ["batch", 2] }],
    nodes: [node("Gemm", ["x", "w"], ["y"], { transB: attr.int(1) })],
    initializers: new Map([["w", float32([2, 4], new Float32Array(8))]]),
  });
}
