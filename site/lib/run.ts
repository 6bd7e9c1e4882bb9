/** Names for the parts of a run document, and a run as the site holds it. */
import type { Method, Run } from "../../kit/src/schemas.generated.ts";

export type {
  Cell as RunCell,
  Method as RunMethod,
  Metric as RunMetric,
  Ranking as RunRanking,
  Run,
} from "../../kit/src/schemas.generated.ts";
export type RunPlace = Run["result"]["statistics"]["overall"]["places"][number];

/**
 * How far a run can be believed, from what lies in its folder. Everything in results/ has passed the check that recomputes every aggregate
 * from the scores; to do so again at each build would take longer than a build of a thousand runs may. So a build asks only whether
 * the scores are the ones that the document names.
 */
export type Tier = "submitted" | "recomputed";

export interface FileFacts {
  readonly bytes: number;
  readonly sha256: string;
}

/** `scores`: of the scores.parquet beside the document, undefined where there is none */
export const tierOf = ({ sidecar }: Pick<Run["result"], "sidecar">, scores: FileFacts | undefined): Tier =>
  scores?.bytes === sidecar.bytes && scores.sha256 === sidecar.sha256 ? "recomputed" : "submitted";

/** A run with its place in results/runs/, which is its address: "phantom-cxr/cxr-resnet/2026-11-20-0a1b2c3d". */
export interface SiteRun extends Run {
  readonly id: string;
  /** file names in its pictures/ folder */
  readonly pictures: readonly string[];
  readonly tier: Tier;
}

/** Of one attribution; null for maps that were computed elsewhere. */
export const passesOf = ({ cost }: Pick<Method, "cost">): number | null =>
  cost && cost.forwards + cost.backwards;

export const cellOf = (run: Run, method: string, metric: string) =>
  run.result.statistics.cells.find((cell) => cell.method === method && cell.metric === metric);
