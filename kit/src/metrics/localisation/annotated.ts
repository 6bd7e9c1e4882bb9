/** What localisation metrics compare a map with. */
import type { Float32Tensor } from "../../onnx/tensor.ts";
import { type MetricContext, maskOfBoxes, type Region, type Skip, skip } from "../metric.ts";

export interface Annotated {
  /** 1 on the object */
  readonly mask: Uint8Array;
  /** pixels of the object, at least one */
  readonly size: number;
}

/** The object, or why the map cannot be compared with one. */
export function annotated({ map, mask }: Pick<MetricContext, "map" | "mask">): Annotated | Skip {
  if (mask === undefined) return skip("no mask");
  if (!map.data.every(Number.isFinite)) return skip("map is not finite");
  const size = mask.reduce((sum, v) => sum + v, 0);
  return size === 0 ? skip("empty mask") : { mask, size };
}

/** Share of the values' sum that lies on the object; undefined where they sum to 0. */
export function shareInside(values: ArrayLike<number>, mask: Uint8Array): number | undefined {
  let inside = 0;
  let total = 0;
  for (let i = 0; i < mask.length; i++) {
    total += values[i];
    if (mask[i]) inside += values[i];
  }
  return total === 0 ? undefined : inside / total;
}

/**
 * Pixels of every annotated place, each at least one: of the boxes, or where the annotation is a mask of its 8-connected components. A
 * box without a pixel's centre in the image is left out.
 */
export function places(
  { dims: [height, width] }: Float32Tensor,
  mask: Uint8Array,
  boxes: readonly Region[] | undefined,
): readonly (readonly number[])[] {
  if (boxes === undefined) return components(mask, height, width);
  return boxes.map((box) => on(maskOfBoxes([box], height, width))).filter((pixels) => pixels.length > 0);
}

const on = (mask: Uint8Array): number[] => Array.from(mask.keys()).filter((i) => mask[i] === 1);

/** The 8-connected components of a mask, in the order of their first pixels. */
export function components(mask: Uint8Array, height: number, width: number): number[][] {
  const seen = new Uint8Array(mask.length);
  const found: number[][] = [];
  for (let first = 0; first < mask.length; first++) {
    if (!mask[first] || seen[first]) continue;
    const pixels = [first];
    seen[first] = 1;
    // grows while it is walked
    for (const pixel of pixels) {
      const row = Math.floor(pixel / width);
      const column = pixel % width;
      for (let i = Math.max(row - 1, 0); i <= Math.min(row + 1, height - 1); i++) {
        for (let j = Math.max(column - 1, 0); j <= Math.min(column + 1, width - 1); j++) {
          const next = i * width + j;
          if (!mask[next] || seen[next]) continue;
          seen[next] = 1;
          pixels.push(next);
        }
      }
    }
    found.push(pixels);
  }
  return found;
}
