/** Pixels in the order of a map, with ties decided the same way for every method. */
import type { Float32Tensor } from "../onnx/tensor.ts";
import type { ParamSpec } from "../params.ts";
import type { Rng } from "../rng.ts";

export const tiesParam = {
  type: "choice",
  choices: ["seeded", "index"],
  default: "seeded",
  description:
    "equal values: by one seeded permutation of the pixels per sample, or by pixel index as libraries do",
} as const satisfies ParamSpec;

/** Pixel indices by falling value. A seeded tie-break keeps a flat map from scoring like a corner-first one. */
export function descending(
  map: Float32Tensor,
  ties: "seeded" | "index",
  rng: (purpose: string) => Rng,
): Int32Array {
  const n = map.data.length;
  const pixels = new Int32Array(n);
  const rank = ties === "seeded" ? rng("ties").permutation(n) : undefined;
  for (let i = 0; i < n; i++) pixels[rank === undefined ? i : rank[i]] = i;
  return byKey(pixels, fallingKeys(map.data));
}

/** Unsigned integers that grow as the floats fall. */
function fallingKeys(data: Float32Array): Uint32Array {
  const floats = new Float32Array(data.length);
  for (let i = 0; i < data.length; i++) floats[i] = data[i] + 0; // −0 is 0
  const keys = new Uint32Array(floats.buffer);
  // bits grow with a positive float and fall with a negative one
  for (let i = 0; i < keys.length; i++) keys[i] = keys[i] >>> 31 === 1 ? keys[i] : keys[i] ^ 0x7fffffff;
  return keys;
}

const digit = 11;
const digits = 2 ** digit;

/** Stable, digit by digit from the lowest: a fraction of the time that comparing takes, and most scores begin with it. */
function byKey(items: Int32Array, keys: Uint32Array): Int32Array {
  let from: Int32Array = items;
  let to: Int32Array = new Int32Array(items.length);
  for (let shift = 0; shift < 32; shift += digit) {
    const ends = new Int32Array(digits + 1);
    for (let i = 0; i < keys.length; i++) ends[((keys[i] >>> shift) & (digits - 1)) + 1]++;
    for (let d = 1; d <= digits; d++) ends[d] += ends[d - 1];
    for (let i = 0; i < from.length; i++) {
      const item = from[i];
      to[ends[(keys[item] >>> shift) & (digits - 1)]++] = item;
    }
    const done = from;
    from = to;
    to = done;
  }
  return from;
}

/** Why a map cannot be scored, or undefined: not a number, or the same value everywhere. */
export function defect(map: Float32Tensor): string | undefined {
  if (!map.data.every(Number.isFinite)) return "map is not finite";
  return map.data.every((v) => v === 0) ? "map is zero" : undefined;
}
