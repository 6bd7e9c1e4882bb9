/**
 * The run document: `result` is what equal runs share, `telemetry` what differs between them. Draft until protocol 1 is frozen.
 */
import type { Dataset } from "../datasets/dataset.ts";
import type { EngineInfo } from "../engine/engine.ts";
import type { Model } from "../model/model.ts";
import type { ParamValue } from "../params.ts";
import type { Execution, Row } from "../runner/execute.ts";
import type { Resize } from "../runner/pixels.ts";
import type { Plan } from "../runner/plan.ts";
import type { ModelCard } from "../schemas.generated.ts";
import type { ClassificationQuality } from "../stats/classification.ts";
import { mean, sd } from "../stats/summary.ts";

/** One method × one metric. */
export interface Cell {
  readonly method: string;
  readonly metric: string;
  readonly mean: number | null;
  readonly sd: number | null;
  readonly n: number;
  /** reason → how many samples */
  readonly skips: Readonly<Record<string, number>>;
}

export interface RunDocument {
  readonly result: Readonly<Record<string, unknown>> & { readonly cells: readonly Cell[] };
  readonly telemetry: Readonly<Record<string, unknown>>;
}

export interface ComposeOptions {
  readonly kitVersion: string;
  readonly engine: EngineInfo;
  readonly model: Model;
  readonly card: ModelCard;
  readonly modelSha256: string;
  readonly dataset: Pick<Dataset, "id" | "edition" | "split" | "count" | "ids" | "notes">;
  readonly resize: Resize;
  readonly quality: ClassificationQuality;
  readonly plan: Plan;
  readonly execution: Execution;
  readonly telemetry: Readonly<Record<string, unknown>>;
}

export function composeRun(options: ComposeOptions): RunDocument {
  const { model, card, plan, execution, dataset } = options;
  const { prepared, passes } = model;
  const { id, edition, split, count, ids } = dataset;
  const notes = ids === "public" ? dataset.notes : []; // they name files
  return {
    result: {
      schema: "xai-kit/run/1-draft",
      protocol: plan.protocol.id,
      standard: plan.standard,
      kit: options.kitVersion,
      engine: options.engine,
      model: {
        id: card.id ?? null,
        architecture: card.architecture ?? null,
        family: prepared.family,
        task: prepared.task,
        classes: prepared.classes,
        sha256: options.modelSha256,
        opset: prepared.opset,
        camLayer: prepared.cam?.name ?? null,
        assumptions: prepared.assumptions,
      },
      // by name: a data set object also knows class names and files, which are not ours to publish
      dataset: { id, edition, split, count, ids, notes },
      preprocessing: {
        height: model.shape.height,
        width: model.shape.width,
        channels: model.shape.channels,
        mean: card.input?.mean ?? null,
        std: card.input?.std ?? null,
        resize: options.resize,
        reference: prepared.meanColour,
      },
      classification: options.quality,
      samples: plan.samples,
      methods: plan.methods.map(({ method, params, notApplicable }) => ({
        ...identity(method, params),
        ...status(method.id, notApplicable, execution),
        cost: method.cost(params, model.shape),
      })),
      metrics: plan.metrics.map(({ metric, params, samples }) => ({ ...identity(metric, params), samples })),
      cells: cellsOf(plan, execution.rows),
      failures: execution.failures.map(({ method, metric, code, reason }) => ({
        method,
        metric: metric ?? null,
        code,
        reason,
      })),
    },
    telemetry: {
      ...options.telemetry,
      passes: { ...passes },
      msPerAttribution: execution.msPerAttribution,
    },
  };
}

/** A method failed when it gave no attribution at all; single failures are listed apart. */
function status(method: string, notApplicable: string | undefined, { rows, failures }: Execution) {
  if (notApplicable !== undefined) return { status: "not-applicable", reason: notApplicable };
  const failure = failures.find((f) => f.method === method && f.metric === undefined);
  if (failure === undefined || rows.some((row) => row.method === method)) return { status: "ok" };
  return { status: "failed", reason: failure.reason };
}

const identity = (entry: { id: string; revision: number }, params: Readonly<Record<string, ParamValue>>) => ({
  id: entry.id,
  revision: entry.revision,
  params,
});

/** Mean, sd and skips of every method × metric, in the plan's order. */
export function cellsOf(plan: Pick<Plan, "methods" | "metrics">, rows: readonly Row[]): Cell[] {
  return plan.methods.flatMap(({ method }) => {
    const own = rows.filter((row) => row.method === method.id);
    return plan.metrics.map(({ metric }) => {
      const values = own.flatMap((row) =>
        Object.hasOwn(row.scores, metric.id) ? [row.scores[metric.id]] : [],
      );
      const skips: Record<string, number> = {};
      for (const row of own) {
        const reason = row.skips[metric.id];
        if (reason !== undefined) skips[reason] = (skips[reason] ?? 0) + 1;
      }
      return {
        method: method.id,
        metric: metric.id,
        mean: mean(values),
        sd: sd(values),
        n: values.length,
        skips,
      };
    });
  });
}
