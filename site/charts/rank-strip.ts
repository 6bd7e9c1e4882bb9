/** One method's rank on a line from best to last: a dot at its rank, a bar over its 95 % interval. */
import { round } from "./series.ts";

export interface Strip {
  readonly width: number;
  readonly height: number;
  readonly ticks: readonly number[];
  readonly bar: { readonly x: number; readonly width: number };
  readonly dot: number;
}

export function rankStrip(
  place: { readonly rank: number; readonly interval: readonly number[] },
  field: number,
  width = 120,
  height = 16,
): Strip {
  const pad = 6;
  const at = (rank: number) =>
    round(field < 2 ? width / 2 : pad + ((rank - 1) / (field - 1)) * (width - 2 * pad));
  const [low, high] = place.interval;
  return {
    width,
    height,
    ticks: Array.from({ length: field }, (_, k) => at(k + 1)),
    bar: { x: round(at(low) - 3), width: round(at(high) - at(low) + 6) },
    dot: at(place.rank),
  };
}
