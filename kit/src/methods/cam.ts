/** What class activation methods share: sums over channels and cells, rectified maps at the image's size, the layer without a gradient. */
import { type CamLayer, onGrid } from "../model/cam-layer.ts";
import { bilinear, type ImageShape, type Surface } from "../model/image.ts";
import type { Probe } from "../model/probe.ts";
import { atLayer, fromLayer } from "../model/programs.ts";
import { type Float32Tensor, float32 } from "../onnx/tensor.ts";

/** Activation and gradient are [channels, rows·columns]; `at` below is an index into them. */
export type Layer = Pick<CamLayer, "channels" | "rows" | "columns">;

/** Σ over the cells of a channel, for each channel. */
export function channelSums(
  { channels, rows, columns }: Layer,
  term: (at: number, channel: number) => number,
): Float64Array {
  const cells = rows * columns;
  const sums = new Float64Array(channels);
  for (let k = 0; k < channels; k++) {
    for (let i = 0; i < cells; i++) sums[k] += term(k * cells + i, k);
  }
  return sums;
}

/** Σ over the channels at a cell, for each cell, as [rows, columns]. */
export function cellSums(
  { channels, rows, columns }: Layer,
  term: (at: number, channel: number) => number,
): Float32Tensor {
  const cells = rows * columns;
  const sums = new Float64Array(cells);
  for (let k = 0; k < channels; k++) {
    for (let i = 0; i < cells; i++) sums[i] += term(k * cells + i, k);
  }
  return float32([rows, columns], Float32Array.from(sums));
}

/** Σ_k weights[k] · activation[k], as [rows, columns]. */
export const weightedSum = (
  layer: Layer,
  weights: ArrayLike<number>,
  activation: ArrayLike<number>,
): Float32Tensor => cellSums(layer, (at, k) => weights[k] * activation[at]);

/** The map as published: ReLU, then bilinear to the input size; `raw` gives it as it is. */
export function camMap(map: Float32Tensor, shape: ImageShape, raw: boolean): Float32Tensor {
  if (raw) return map;
  const [rows, columns] = map.dims;
  const rectified = map.data.map((v) => Math.max(v, 0));
  return float32([shape.height, shape.width], bilinear(rectified, rows, columns, shape.height, shape.width));
}

/** What the CAM layer holds of one image. */
export interface Activated {
  readonly layer: CamLayer;
  /** [channels, rows·columns] */
  readonly activation: Float32Array;
  /** as the layer has it, class and register tokens included */
  readonly whole: Float32Array;
  readonly logits: Float32Array;
  /** what passes the layer by */
  readonly beside: readonly Float32Array[];
}

/**
 * Without a gradient, for models that have none: one forward pass, shared by all methods that ask.
 *
 * @throws KitError E_CAM_LAYER
 */
export const activated = ({ model, x, once }: Probe): Promise<Activated> =>
  once("activated", async () => {
    let found: Activated | undefined;
    await model.run(
      atLayer,
      1,
      (_, { image }) => image.set(x.data),
      (_, outputs) => {
        const [whole, logits, ...beside] = outputs.map((values) => values.slice());
        const layer = model.cam!;
        found = { layer, whole, activation: onGrid(layer, whole), logits, beside };
      },
    );
    return found!;
  });

/** The logits of the same image with other activations: `change` is given the image's own as the layer has it, to write to. */
export const goOn = async (
  { model, x }: Probe,
  { whole, beside }: Activated,
  count: number,
  change: (k: number, activation: Float32Array) => void,
  visit: (k: number, logits: Float32Array) => void,
): Promise<void> =>
  model.run(
    fromLayer,
    count,
    (k, feeds) => {
      feeds.image?.set(x.data);
      for (const [n, values] of beside.entries()) feeds[`beside ${n}`]?.set(values);
      feeds.activation.set(whole);
      change(k, feeds.activation);
    },
    (k, [logits]) => visit(k, logits),
  );

/** For the cost of a method; where no layer is known yet (before a model is opened) a usual one. */
export const layerSize = ({ cam }: Pick<Surface, "cam">): Layer =>
  cam ?? { channels: 256, rows: 7, columns: 7 };

/** The channels of largest range (max − min), as many as wanted, in the layer's order; of equal ones the first. 0: all. */
export function widestChannels({ channels, rows, columns }: Layer, activation: Float32Array, wanted: number) {
  const cells = rows * columns;
  const range = Array.from({ length: channels }, (_, k) => {
    const [low, high] = extremes(activation.subarray(k * cells, (k + 1) * cells));
    return high - low;
  });
  return range
    .map((_, k) => k)
    .sort((a, b) => range[b] - range[a] || a - b)
    .slice(0, wanted || channels)
    .sort((a, b) => a - b);
}

/** Values scaled so that the least is 0 and the largest 1; all 0 where they are equal. */
export function minMax(values: Float32Array): Float32Array {
  const [low, high] = extremes(values);
  return values.map((v) => (high > low ? (v - low) / (high - low) : 0));
}

function extremes(values: Float32Array): [low: number, high: number] {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (const v of values) {
    if (v < low) low = v;
    if (v > high) high = v;
  }
  return [low, high];
}
