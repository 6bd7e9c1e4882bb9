/** Where a map says that the evidence is, as one bit per pixel: all that consistency needs of a map, and too little to draw the image from. */
import { relevance } from "../methods/method.ts";
import type { Float32Tensor } from "../onnx/tensor.ts";

/** A region is where relevance is at least this (GradFaith-CAM takes half of the maximum). */
export const threshold = 0.5;

/** The pixels of a map [H,W] whose relevance is at least 0.5, eight to a byte in row order, the first in the highest bit. None of a flat map. */
export function regionOf(map: Float32Tensor): Uint8Array {
  const { data } = relevance(map);
  const bits = new Uint8Array(Math.ceil(data.length / 8));
  for (let i = 0; i < data.length; i++) if (data[i] >= threshold) bits[i >> 3] |= 0x80 >> (i & 7);
  return bits;
}

/** Pixels that are in both regions, and in either; of regions of the same map size. */
export function countsOf(a: Uint8Array, b: Uint8Array): [both: number, either: number] {
  if (a.length !== b.length) throw new RangeError(`regions of ${a.length} and ${b.length} bytes`);
  let [both, either] = [0, 0];
  for (let k = 0; k < a.length; k++) {
    both += ones(a[k] & b[k]);
    either += ones(a[k] | b[k]);
  }
  return [both, either];
}

function ones(byte: number): number {
  let count = 0;
  for (let rest = byte; rest > 0; rest &= rest - 1) count++;
  return count;
}
