import { KitError } from "../errors.ts";
import { float32 } from "../onnx/tensor.ts";
import { baselineInput, baselineOf, referenceParam } from "./baseline.ts";
import { defineMethod } from "./method.ts";

/**
 * Occlusion: how far the score falls when a window of the image is hidden. A pixel holds the mean fall over the windows that covered it;
 * positive is evidence for the class.
 *
 * @returns float32 [H,W], logits
 * @throws  KitError E_PARAM if stride > window (some pixels would never be hidden); E_INPUT for a baseline of other dims
 *
 * Cost: (⌈(H − window)/stride⌉ + 1)·(⌈(W − window)/stride⌉ + 1) + 1 forward passes; 170 at 224×224.
 * Source: arXiv:1311.2901 § 4.2; averaging is ours, and so is clipping the last window at the edge, so that every pixel is covered.
 */
export const occlusion = defineMethod({
  id: "occlusion",
  title: "Occlusion",
  paper: "arXiv:1311.2901",
  revision: 1,
  summary:
    "The fall of f when a sliding window shows the reference, averaged over the windows covering a pixel.",
  formula: "Φᵢ = mean over windows W ∋ i of f(x) − f(x with W hidden)",
  limits:
    "One window at a time: evidence that is there twice is not missed, and hiding makes images that the model never saw.",
  kind: "contribution",
  map: "sum",
  needs: [],
  params: {
    window: { type: "integer", default: 0, minimum: 0, description: "side in pixels; 0: ⌈shorter side / 7⌉" },
    stride: { type: "integer", default: 0, minimum: 0, description: "step in pixels; 0: ⌈window / 2⌉" },
    fill: {
      ...referenceParam,
      description: "what the window shows: mean colour, black, or the blurred image",
    },
  },
  inputs: { baseline: { ...baselineInput, description: "what the window shows, in place of `fill`" } },
  cost: (params, shape) => {
    const { window, stride } = sizes(params, shape);
    return {
      forwards: starts(shape.height, window, stride).length * starts(shape.width, window, stride).length + 1,
      backwards: 0,
    };
  },
  async attribute(context) {
    const { probe, x, params } = context;
    const [, height, width] = x.dims;
    const pixels = height * width;
    const { window, stride } = sizes(params, { height, width });
    if (stride > window) {
      throw new KitError("E_PARAM", {
        problem: `occlusion: stride ${stride} is larger than window ${window}, some pixels would never be hidden`,
        next: "use a stride of at most the window",
      });
    }
    const fill = baselineOf(context, params.fill);
    const windows = starts(height, window, stride).flatMap((top) =>
      starts(width, window, stride).map((left) => ({
        top,
        left,
        bottom: Math.min(top + window, height),
        right: Math.min(left + window, width),
      })),
    );
    const score = await probe.score();
    const hidden = await probe.scores(windows.length, (k, out) => {
      out.set(x.data);
      const { top, left, bottom, right } = windows[k];
      for (let at = 0; at < x.data.length; at += pixels) {
        for (let i = top; i < bottom; i++) {
          const row = at + i * width;
          out.set(fill.data.subarray(row + left, row + right), row + left);
        }
      }
    });
    const fall = new Float64Array(pixels);
    const covered = new Uint32Array(pixels);
    for (const [k, { top, left, bottom, right }] of windows.entries()) {
      for (let i = top; i < bottom; i++) {
        for (let j = left; j < right; j++) {
          fall[i * width + j] += score - hidden[k];
          covered[i * width + j]++;
        }
      }
    }
    return float32(
      [height, width],
      Float32Array.from(fall, (sum, i) => sum / covered[i]),
    );
  },
});

function sizes(params: { window: number; stride: number }, shape: { height: number; width: number }) {
  const window = params.window || Math.ceil(Math.min(shape.height, shape.width) / 7);
  return { window, stride: params.stride || Math.ceil(window / 2) };
}

/** Where windows start along one side; the last reaches the edge and is clipped there. */
function starts(length: number, window: number, stride: number): number[] {
  const count = Math.ceil(Math.max(length - window, 0) / stride) + 1;
  return Array.from({ length: count }, (_, k) => k * stride);
}
