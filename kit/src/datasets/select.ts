/** Which samples of a split a reader was asked for. Shared by the data sets. */
import { KitError } from "../errors.ts";
import type { SampleInfo } from "./dataset.ts";

/**
 * Positions of `wanted` in `all`, ascending, each once; every position without `wanted`.
 *
 * @throws KitError E_DATASET_ID naming the ids that are not there
 */
export function positionsOf(
  dataset: string,
  all: readonly SampleInfo[],
  wanted: readonly string[] | undefined,
): number[] {
  if (wanted === undefined) return all.map((_, i) => i);
  // few are wanted of many, as a rule
  const missing = new Set(wanted);
  const positions: number[] = [];
  for (const [i, { id }] of all.entries()) if (missing.delete(id)) positions.push(i);
  if (missing.size > 0) {
    const unknown = [...missing];
    throw new KitError("E_DATASET_ID", {
      problem: `${dataset} has no ${unknown.length === 1 ? "sample" : "samples"} ${unknown.slice(0, 5).join(", ")}${
        unknown.length > 5 ? ` and ${unknown.length - 5} more` : ""
      }`,
      details: all.length === 0 ? [] : [`its ids look like ${all[0].id}`],
      next: "the ids must be of this data set and this split",
    });
  }
  return positions;
}
