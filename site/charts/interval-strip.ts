/** A value with its interval on a line from −1 to 1. */
import { round } from "./series.ts";

export interface IntervalStrip {
  readonly width: number;
  readonly height: number;
  readonly ends: readonly [number, number];
  readonly zero: number;
  /** null: no interval */
  readonly bar: { readonly x: number; readonly width: number } | null;
  readonly dot: number;
}

export function intervalStrip(
  value: number,
  range: readonly number[] | null,
  width = 160,
  height = 16,
): IntervalStrip {
  const pad = 6;
  const at = (v: number) => round(pad + ((Math.max(-1, Math.min(1, v)) + 1) / 2) * (width - 2 * pad));
  return {
    width,
    height,
    ends: [at(-1), at(1)],
    zero: at(0),
    bar: range === null ? null : { x: at(range[0]), width: Math.max(2, round(at(range[1]) - at(range[0]))) },
    dot: at(value),
  };
}
