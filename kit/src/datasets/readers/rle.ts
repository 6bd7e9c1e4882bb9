/**
 * Masks as COCO writes them: lengths of runs of 0 and 1 in turn, 0 first, down the columns (https://cocodataset.org/#format-data). The lengths are a list, or
 * a string in which each is its difference from the one two before, in groups of 5 bits, the lowest first: `0` + bits, 32
 * more if another group follows; bit 16 of the last group is the sign.
 */
import { MAX_PIXELS } from "./image.ts";

/** A decoded size is at most `MAX_PIXELS`, which 6 groups hold. */
const MAX_GROUPS = 6;

/** The lengths of the runs, which fill the picture exactly, or what is wrong with them. */
export function runsOf(counts: unknown, height: number, width: number): readonly number[] | string {
  if (![height, width].every((side) => Number.isInteger(side) && side > 0) || height * width > MAX_PIXELS) {
    return `the size ${height} x ${width} is none, or above ${MAX_PIXELS} pixels`;
  }
  const runs = typeof counts === "string" ? decompressed(counts) : counts;
  if (typeof runs === "string") return runs;
  if (!Array.isArray(runs)) return "counts are neither text nor a list";
  let filled = 0;
  for (const [i, run] of runs.entries()) {
    if (!Number.isInteger(run) || run < 0) return `run ${i} has the length ${run}`;
    filled += run;
    if (filled > height * width) return `run ${i} leaves the picture of ${height} x ${width}`;
  }
  if (filled < height * width) {
    return `the runs end after ${filled} of the ${height * width} pixels of ${height} x ${width}`;
  }
  return runs;
}

function decompressed(text: string): number[] | string {
  const runs: number[] = [];
  for (let at = 0; at < text.length; ) {
    let value = 0;
    for (let group = 0, more = true; more; group++) {
      if (at === text.length) return `counts are cut off within run ${runs.length}`;
      const bits = text.charCodeAt(at++) - 48;
      if (bits < 0 || bits > 63)
        return `counts have the character ${JSON.stringify(text[at - 1])} at ${at - 1}`;
      if (group === MAX_GROUPS) return `run ${runs.length} is longer than any picture`;
      more = (bits & 32) !== 0;
      value += (bits & 31) * 32 ** group;
      if (!more && (bits & 16) !== 0) value -= 32 ** (group + 1);
    }
    const i = runs.length;
    runs.push(i > 2 ? value + runs[i - 2] : value);
  }
  return runs;
}

/** Is any pixel 1? */
export const anyOf = (runs: readonly number[]): boolean => runs.some((run, i) => i % 2 === 1 && run > 0);

/** [height, width] row by row, 0 or 1. */
export function fillRuns(runs: readonly number[], height: number, width: number): Uint8Array {
  const data = new Uint8Array(height * width);
  let at = 0;
  for (const [i, run] of runs.entries()) {
    if (i % 2 === 1) {
      for (let pixel = at; pixel < at + run; pixel++) {
        data[(pixel % height) * width + Math.floor(pixel / height)] = 1;
      }
    }
    at += run;
  }
  return data;
}
