import { describe, expect, it } from "vitest";
import { picture, smallCnn, smallModel, smallVit, wasm } from "../../test/small-models.ts";
import type { Engine, Executable } from "../engine/engine.ts";
import { createPool } from "../engine/pool.ts";
import { KitError } from "../errors.ts";
import type { Graph } from "../onnx/graph.ts";
import type { Float32Tensor, Tensor } from "../onnx/tensor.ts";
import { agreementOf, agreementTolerance } from "./agreement.ts";

/** Keeps `bits` of the fraction: 10 as TF32 and float16, 23 as float32. */
const rounded = (bits: number, data: Float32Array): Float32Array =>
  data.map((v) => {
    const step = 2 ** (Math.floor(Math.log2(Math.abs(v) || 1)) - bits);
    return Math.round(v / step) * step;
  });

/** A device whose weights have that many bits. */
const rounding = (bits: number): Pick<Engine, "load"> => ({
  load: (graph: Graph) =>
    wasm.load({
      ...graph,
      initializers: new Map(
        [...graph.initializers].map(([name, t]): [string, Tensor] => [
          name,
          t.type === "float32" && t.dims.length > 1 ? { ...t, data: rounded(bits, t.data) } : t,
        ]),
      ),
    }),
});

/** A device that changes what comes out. */
const spoiling = (spoil: (t: Float32Tensor, name: string) => Float32Tensor): Pick<Engine, "load"> => ({
  async load(graph): Promise<Executable> {
    const executable = await wasm.load(graph);
    return {
      ...executable,
      async run(feeds, fetches) {
        const outputs = await executable.run(feeds, fetches);
        return Object.fromEntries(fetches.map((name) => [name, spoil(outputs[name] as Float32Tensor, name)]));
      },
    };
  },
});

describe.each([
  ["cnn", smallCnn()],
  ["vit", smallVit()],
])("agreement of two devices: %s", (_, graph) => {
  const { channels, height, width } = smallModel(graph).shape;
  const images = Array.from({ length: 4 }, (_, k) => picture(`image ${k}`, channels, height, width));
  const compare = (device: Pick<Engine, "load">) =>
    agreementOf(smallModel(graph, {}, { pool: createPool(device) }), smallModel(graph), images);

  it("float32 that rounds its own way agrees", async () => {
    expect(await compare(wasm)).toEqual({ ok: true, images: 4, logits: 0, gradient: 0 });
    const found = await compare(rounding(22)); // 1.2e-7
    expect(found.ok).toBe(true);
    expect(found.logits).toBeGreaterThan(0);
    expect(found.logits).toBeLessThan(agreementTolerance.logits / 20);
    expect(found.gradient).toBeLessThan(agreementTolerance.gradient / 20);
  });

  it("TF32 and float16 do not", async () => {
    const found = await compare(rounding(10));
    expect(found.ok).toBe(false);
    expect(found.logits).toBeGreaterThan(agreementTolerance.logits);
  });

  it("sees images in each other's place", async () => {
    const swapped = spoiling((t) => {
      const row = t.data.length / t.dims[0];
      const data = new Float32Array(t.data);
      data.set(t.data.subarray(row, 2 * row), 0);
      return { ...t, data };
    });
    expect((await compare(swapped)).ok).toBe(false);
  });

  it("sees a gradient that is wrong where logits are right", async () => {
    const halved = spoiling((t) => (t.dims.length === 4 ? { ...t, data: t.data.map((v) => v / 2) } : t));
    const found = await compare(halved);
    expect(found).toMatchObject({ ok: false, logits: 0 });
    expect(found.gradient).toBeCloseTo(0.5);
  });

  it("does without a gradient where an operator lacks one", async () => {
    const model = smallModel(graph);
    const none = {
      ...model,
      assertDifferentiable() {
        throw new KitError("E_NO_GRADIENT", { problem: "no" });
      },
    };
    expect(await agreementOf(model, none, images)).toEqual({
      ok: true,
      images: 4,
      logits: 0,
      gradient: null,
    });
  });

  it("calls NaN an infinite difference", async () => {
    const blind = spoiling((t) => ({ ...t, data: t.data.map(() => Number.NaN) }));
    expect(await compare(blind)).toMatchObject({ ok: false, logits: Number.POSITIVE_INFINITY });
  });
});
