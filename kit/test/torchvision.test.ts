/**
 * Gradients of whole torchvision models against torch, in float64 where it matters.
 *
 *   python3 scripts/torchvision-export.py DIR && XAI_TORCHVISION=DIR npx vitest run kit/test/torchvision
 *
 * Smooth networks agree closely. In deep ReLU networks float32 rounding flips single ReLU and max-pool decisions, and
 * torch itself in float32 is 1e-2 away from float64; there we may be no further away than torch is.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { backward } from "../src/autodiff/backward.ts";
import { openNpz } from "../src/datasets/readers/npz.ts";
import { createOnnxRuntime, type OrtEngine } from "../src/engine/onnxruntime.ts";
import { readOnnx } from "../src/onnx/read.ts";
import { simplify } from "../src/onnx/simplify.ts";
import { float32, type Tensor } from "../src/onnx/tensor.ts";

const folder = process.env.XAI_TORCHVISION ?? "";
const models =
  folder && existsSync(folder)
    ? readdirSync(folder).filter(
        (f) => f.endsWith(".onnx") && existsSync(join(folder, f.replace(".onnx", ".npz"))),
      )
    : [];

/** Networks without a kink, or with kinks that matter little (HardSwish). */
const smooth = /^(convnext|efficientnet|vit|swin)/;

/** The native runtime where it is installed: it is six times faster than wasm, which gives the same answer. */
async function openEngine(): Promise<OrtEngine> {
  const options = { threads: 1 } as const;
  try {
    const ort = await import("onnxruntime-node");
    return createOnnxRuntime(ort, { ...options, package: "onnxruntime-node", provider: "cpu" });
  } catch {
    const ort = await import("onnxruntime-web");
    return createOnnxRuntime(ort, { ...options, package: "onnxruntime-web", provider: "wasm" });
  }
}

interface Distance {
  /** max |a − b| / max |b| */
  readonly max: number;
  /** ‖a − b‖ / ‖b‖ */
  readonly l2: number;
}
function distance(a: ArrayLike<number>, b: ArrayLike<number>): Distance {
  let [max, most, square, whole] = [0, 0, 0, 0];
  for (let i = 0; i < b.length; i++) {
    const d = Math.abs(a[i] - b[i]);
    max = Math.max(max, d);
    most = Math.max(most, Math.abs(b[i]));
    square += d * d;
    whole += b[i] * b[i];
  }
  return a.length === b.length
    ? { max: max / most, l2: Math.sqrt(square / whole) }
    : { max: Number.NaN, l2: Number.NaN };
}

const numbers = (t: Tensor): ArrayLike<number> => t.data as ArrayLike<number>;

describe.skipIf(folder === "")("torchvision (needs $XAI_TORCHVISION)", () => {
  let engine: OrtEngine | undefined;
  const table: Record<string, string | number>[] = [];
  afterAll(async () => {
    await engine?.close();
    console.table(table);
  });

  it("finds models there", () => expect(models).not.toEqual([]));

  for (const file of models) {
    it(file, async () => {
      engine ??= await openEngine();
      const npz = await openNpz(join(folder, file.replace(".onnx", ".npz")));
      const read = async (key: string) => npz.read(key);
      const [x, seed] = [await read("x"), await read("seed")];
      const [gradient32, gradient64] = [numbers(await read("gradient32")), numbers(await read("gradient64"))];
      const logits64 = numbers(await read("logits64"));
      await npz.close();

      const folded = simplify(readOnnx(readFileSync(join(folder, file))), "batch");
      const made = backward(folded, { score: "logits", wrt: ["input"] });
      const executable = await engine.load(made.folded.graph);
      const feeds = {
        input: float32(x.dims, x.data as Float32Array),
        [made.seed]: float32(seed.dims, seed.data as Float32Array),
      };
      const gradient = made.gradients.input;
      const started = performance.now();
      const results = await executable.run(feeds, ["logits", gradient]);
      const milliseconds = performance.now() - started;
      await executable.release();

      const ours = distance(numbers(results[gradient]), gradient64);
      const torch = distance(gradient32, gradient64);
      const show = (v: number) => v.toExponential(1);
      table.push({
        model: file.replace(".onnx", ""),
        nodes: `${folded.graph.nodes.length} → ${made.folded.graph.nodes.length}`,
        logits: show(distance(numbers(results.logits), logits64).max),
        "ours max": show(ours.max),
        "torch max": show(torch.max),
        "ours L2": show(ours.l2),
        "torch L2": show(torch.l2),
        ms: Math.round(milliseconds),
      });
      if (smooth.test(file)) expect(ours.max).toBeLessThan(1e-5);
      else expect(ours.l2).toBeLessThanOrEqual(torch.l2);
    }, 600_000);
  }
});
