/** Of the runs, how many a method led, and in how many it came last: a bar from the left and one from the right. */
import { round } from "./series.ts";

export interface ShareBar {
  readonly width: number;
  readonly height: number;
  readonly leads: number;
  /** from the right end */
  readonly trails: number;
}

export function shareBar(
  { runs, leads, trails }: { readonly runs: number; readonly leads: number; readonly trails: number },
  width = 96,
  height = 10,
): ShareBar {
  const part = (count: number) => (runs === 0 ? 0 : round((count / runs) * width));
  return { width, height, leads: part(leads), trails: part(trails) };
}
