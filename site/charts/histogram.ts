/** Scores of single images as a histogram, on a line that several methods share. */
import { sortedQuantile } from "../../kit/src/stats/summary.ts";
import { round } from "./series.ts";

export interface Histogram {
  readonly width: number;
  readonly height: number;
  readonly baseline: number;
  /** outline of the bars, closed on the baseline */
  readonly path: string;
  /** the middle half of the values, and their median */
  readonly bar: { readonly x: number; readonly width: number };
  readonly median: number;
}

/** Both ends of the line: 19 of 20 values of all methods lie between them, so that a few far ones do not press the rest together. */
export function rangeOf(
  columns: readonly (readonly number[])[],
): readonly [low: number, high: number] | undefined {
  const all = columns.flat().sort((a, b) => a - b);
  return all.length === 0 ? undefined : [sortedQuantile(all, 0.025), sortedQuantile(all, 0.975)];
}

/** Of sorted values. What lies beyond the range is counted at its ends. The highest bar is as high as there is room, so methods compare in shape. */
export function histogram(
  values: readonly number[],
  [low, high]: readonly [low: number, high: number],
  { bins = 36, width = 222, height = 30 } = {},
): Histogram | undefined {
  if (values.length === 0) return undefined;
  const pad = 3;
  const foot = 5;
  const share = (v: number) => (high > low ? Math.max(0, Math.min(1, (v - low) / (high - low))) : 0.5);
  const at = (part: number) => round(pad + part * (width - 2 * pad));
  const counts = new Array<number>(bins).fill(0);
  for (const v of values) counts[Math.min(bins - 1, Math.floor(share(v) * bins))]++;
  const baseline = height - foot;
  const top = Math.max(...counts);
  const y = (count: number) => round(baseline - (count / top) * (baseline - 2));
  const steps = counts.map((count, k) => `V${y(count)}H${at((k + 1) / bins)}`);
  const [q1, q2, q3] = [0.25, 0.5, 0.75].map((q) => at(share(sortedQuantile(values, q))));
  return {
    width,
    height,
    baseline,
    path: `M${at(0)} ${baseline}${steps.join("")}V${baseline}Z`,
    bar: { x: q1, width: Math.max(1, round(q3 - q1)) },
    median: q2,
  };
}
