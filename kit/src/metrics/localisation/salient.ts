/** Ĥ⁺: which pixels count as salient. */
import type { ParamSpec } from "../../params.ts";
import { quantile } from "../../stats/summary.ts";

export const zerosParam = {
  type: "choice",
  choices: ["drop", "keep"],
  default: "drop",
  description:
    "pixels of value 0: never salient, or salient where the quantile is 0 too (eq. 5 literally: all pixels of a half-empty map)",
} as const satisfies ParamSpec;

/** 1 where a value is at least their quantile `q`, linearly interpolated, and not a 0 that is to be dropped. */
export function fromQuantile(values: Float64Array, q: number, zeros: "drop" | "keep"): Uint8Array {
  const least = quantile(values, q) ?? 0;
  return Uint8Array.from(values, (v) => Number(v >= least && (zeros === "keep" || v > 0)));
}

export const shareOf = (selected: Uint8Array): number =>
  selected.reduce((sum, v) => sum + v, 0) / selected.length;
