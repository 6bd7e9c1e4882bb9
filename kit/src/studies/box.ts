/** The numbers of a box plot. */
import { mean, sortedQuantile } from "../stats/summary.ts";

export interface Box {
  readonly n: number;
  readonly mean: number;
  readonly median: number;
  /** quartiles, linearly interpolated */
  readonly low: number;
  readonly high: number;
  /** the farthest values within one and a half times the quartiles' distance of them; what lies beyond stands apart */
  readonly least: number;
  readonly most: number;
}

/** Null of nothing. Source: Tukey 1977. */
export function boxOf(values: readonly number[]): Box | null {
  if (values.length === 0) return null;
  const sorted = [...values].sort((a, b) => a - b);
  const [low, median, high] = [0.25, 0.5, 0.75].map((q) => sortedQuantile(sorted, q));
  const reach = 1.5 * (high - low);
  const within = sorted.filter((value) => value >= low - reach && value <= high + reach);
  return {
    n: sorted.length,
    mean: mean(sorted)!,
    median,
    low,
    high,
    // interpolated quartiles of few values may lie beyond every value within reach
    least: Math.min(low, ...within),
    most: Math.max(high, ...within),
  };
}
