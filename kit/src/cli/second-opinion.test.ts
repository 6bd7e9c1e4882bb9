import { describe, expect, it } from "vitest";
import { picture, smallCnn, wasm } from "../../test/small-models.ts";
import type { Sample } from "../datasets/dataset.ts";
import type { Engine, EngineInfo, Provider } from "../engine/engine.ts";
import { providers } from "../engine/engine.ts";
import { prepare } from "../model/prepare.ts";
import type { Graph } from "../onnx/graph.ts";
import type { Tensor } from "../onnx/tensor.ts";
import { firstImages, opinionText, secondOpinion, wantsSecondOpinion } from "./second-opinion.ts";

const prepared = prepare(smallCnn(), {});
const images = Array.from({ length: 4 }, (_, k) => picture(`opinion ${k}`, 3, 6, 8));

const info = (provider: Provider, deviceId?: number): EngineInfo => ({
  ...wasm.info,
  package: "onnxruntime-node",
  provider,
  ...(deviceId !== undefined && { deviceId }),
});

/** A card that multiplies weights by `factor`. */
const card = (factor: number, own = info("cuda", 1)): Engine => ({
  ...wasm,
  info: own,
  load: (graph: Graph) =>
    wasm.load({
      ...graph,
      initializers: new Map(
        [...graph.initializers].map(([name, t]): [string, Tensor] => [
          name,
          t.type === "float32" && t.dims.length > 1 ? { ...t, data: t.data.map((v) => v * factor) } : t,
        ]),
      ),
    }),
});

let closed = 0;
const open = async (): Promise<Engine> => ({
  ...wasm,
  async close() {
    closed++;
  },
});
const ask = (engine: Engine) => secondOpinion({ prepared, engine, images, open });

describe("second opinion", () => {
  it("is asked for on every device but the processor", () => {
    const wanting = providers.filter((provider) => wantsSecondOpinion({ info: info(provider) }));
    expect(wanting).toEqual(["cuda", "webgpu", "directml", "coreml"]);
  });

  it("says what was compared with what, and by how much they differ", async () => {
    const opinion = await ask(card(1));
    expect(opinion).toMatchObject({ ok: true, images: 4, logits: 0, gradient: 0 });
    expect(opinion.reference).toMatch(/^onnxruntime-web \d.*, wasm$/);
    expect(opinionText({ ...opinion, logits: 3.2e-7, gradient: 0.0011 })).toBe(
      `compared with ${opinion.reference} on 4 images: logits differ by 3.2e-7 of 0.00005 allowed, gradients by 1.1e-3 of 0.1`,
    );
    expect(opinionText({ ...opinion, gradient: null })).toContain("no gradient to compare");
  });

  it("refuses a device that rounds to 11 bits, and says what that looks like", async () => {
    const before = closed;
    await expect(ask(card(1 + 2 ** -11))).rejects.toMatchObject({
      code: "E_DEVICE",
      message: "onnxruntime-node on cuda:1 computes other numbers for this model than the processor",
      details: [expect.stringMatching(/logits differ by .*e-4 of/), expect.stringContaining("TF32")],
      next: expect.stringMatching(/NVIDIA_TF32_OVERRIDE.*--device cpu.*doctor --device cuda:1/),
    });
    expect(closed).toBe(before + 1);
  });

  it("refuses one that is wrong, without guessing at TF32", async () => {
    await expect(ask(card(2, info("webgpu")))).rejects.toMatchObject({
      details: [expect.stringContaining("logits differ by")],
      next: expect.stringMatching(/^use --device cpu/),
    });
  });

  it("reads the first images, each once, and no more", async () => {
    const asked: (readonly string[] | undefined)[] = [];
    const dataset = {
      async *read(ids?: readonly string[]) {
        asked.push(ids);
        for (const id of ids ?? [])
          yield {
            id,
            image: { width: 8, height: 6, channels: 3, data: new Uint8Array(8 * 6 * 3) },
          } as unknown as Sample;
      },
    };
    const found = await firstImages(dataset, ["a", "b", "a", "c", "d", "e"], prepared.input, {
      method: "bilinear",
    });
    expect(asked).toEqual([["a", "b", "c", "d"]]);
    expect(found.map(({ dims }) => dims)).toEqual(Array(4).fill([3, 6, 8]));
  });
});
