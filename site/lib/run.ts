/** Names for the parts of a run document, and a run as the site holds it. */
import type { Run } from "../../kit/src/schemas.generated.ts";

export type {
  Cell as RunCell,
  Method as RunMethod,
  Metric as RunMetric,
  Ranking as RunRanking,
  Run,
} from "../../kit/src/schemas.generated.ts";
export type RunPlace = Run["result"]["statistics"]["overall"]["places"][number];

/** A run with its place in results/runs/, which is its address: "phantom-cxr/cxr-resnet/2026-11-20-0a1b2c3d". */
export interface SiteRun extends Run {
  readonly id: string;
  /** file names in its pictures/ folder */
  readonly pictures: readonly string[];
}

export const cellOf = (run: Run, method: string, metric: string) =>
  run.result.statistics.cells.find((cell) => cell.method === method && cell.metric === metric);
