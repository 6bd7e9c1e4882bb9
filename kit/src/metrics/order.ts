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
  const order = Int32Array.from({ length: n }, (_, i) => i);
  const rank = ties === "seeded" ? rng("ties").permutation(n) : order.slice();
  return order.sort((a, b) => map.data[b] - map.data[a] || rank[a] - rank[b]);
}

/** Why a map cannot be scored, or undefined: not a number, or the same value everywhere. */
export function defect(map: Float32Tensor): string | undefined {
  if (!map.data.every(Number.isFinite)) return "map is not finite";
  return map.data.every((v) => v === 0) ? "map is zero" : undefined;
}
