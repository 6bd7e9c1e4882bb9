import type { Dataset } from "../datasets/dataset.ts";
import { formatBytes } from "../engine/chunk.ts";
import type { EngineTime } from "../engine/engine.ts";
import { asksRandomised } from "../metrics/metric.ts";
import { calibrate, secondsFor } from "../runner/estimate.ts";
import type { Failure } from "../runner/execute.ts";
import type { Resize } from "../runner/pixels.ts";
import type { Plan } from "../runner/plan.ts";
import { classifying, plus, rehearse, survey } from "../runner/rehearse.ts";
import type { openEngines } from "./engines.ts";
import type { Io } from "./io.ts";
import { formatRoughly } from "./progress.ts";
import { counted } from "./run-text.ts";
import { table } from "./table.ts";

export const planData = (plans: Plan) => ({
  protocol: plans.protocol.id,
  standard: plans.standard,
  samples: plans.samples,
  passes: plans.passes,
  methods: plans.methods.map((m) => ({
    id: m.method.id,
    params: m.params,
    notApplicable: m.notApplicable ?? null,
    ...(m.external && { external: m.external }),
  })),
  metrics: plans.metrics.map((m) => ({ id: m.metric.id, params: m.params, samples: m.samples })),
});

export function sayPlan(io: Io, plans: Plan): void {
  const missing = plans.methods.filter((m) => m.notApplicable !== undefined);
  io.say(
    `plan: protocol ${plans.protocol.id}${plans.standard ? "" : " (non-standard choice)"}, ${counted(plans.samples, "image")}, ${counted(
      plans.methods.length - missing.length,
      "method",
    )} × ${counted(plans.metrics.length, "metric")}, at most ${plans.passes.toLocaleString("en")} model passes`,
    ...missing.map((m) => `not applicable: ${m.method.id}: ${m.notApplicable}`),
  );
}

export const planText = (plans: Plan, width: number | undefined): string =>
  `${table(
    [{ title: "method" }, { title: "parameters" }],
    plans.methods.map(({ method, params, notApplicable, external }) => [
      method.id,
      notApplicable !== undefined
        ? "not applicable"
        : external
          ? `maps from ${external.source}`
          : paramsText(params),
    ]),
    { width },
  )}\n${table(
    [{ title: "metric" }, { title: "images" }, { title: "parameters" }],
    plans.metrics.map(({ metric, samples, params }) => [metric.id, samples, paramsText(params)]),
    { width },
  )}`;

const paramsText = (params: Readonly<Record<string, unknown>>): string =>
  Object.entries(params)
    .map(([name, value]) => `${name}=${value}`)
    .join(" ");

/** How much of the time of all engines went into what; kit/bench/memory.ts reads it. */
export function timeText(now: EngineTime, before: EngineTime, ms: number, jobs: number): string {
  const share = (part: number) => `${((100 * part) / (ms * jobs)).toFixed(1)} %`;
  const [runs, loads] = [now.runs - before.runs, now.loads - before.loads];
  return `time: ${(ms / 1000).toFixed(1)} s on ${counted(jobs, "engine")}: ${share(runs)} in model runs, ${share(loads)} loading graphs, ${share(ms * jobs - runs - loads)} outside`;
}

export interface Estimate {
  readonly forwards: number;
  readonly backwards: number;
  readonly seconds: number;
  readonly jobs: number;
  /** bytes */
  readonly memory: number;
  readonly text: string;
}

export interface EstimateOptions {
  readonly dataset: Dataset;
  readonly selected: readonly string[];
  /** in `selected`, that are ours to explain */
  readonly positions: readonly number[];
  /** ours to classify */
  readonly images: number;
  readonly resize: Resize;
}

export async function estimated(
  plans: Plan,
  engines: Pick<Awaited<ReturnType<typeof openEngines>>, "models" | "jobs" | "memory">,
  { images, ...data }: EstimateOptions,
): Promise<Estimate> {
  const { models, jobs, memory } = engines;
  const [model] = models;
  const now = () => performance.now();
  const { asked, ms } = await survey({ ...data, model, plan: plans, now });
  const rehearsal = await rehearse(plans, model, asked, now);
  const effort = plus(rehearsal, classifying(images, ms));
  const { forwards, backwards } = effort;
  const speeds = await calibrate(models.slice(0, jobs), { ...effort, tasks: rehearsal.tasks }, { now });
  for (const each of models) Object.assign(each.passes, { forwards: 0, backwards: 0 });
  const copies = plans.metrics.some(({ metric }) => asksRandomised(metric)) ? 2 : 1;
  const seconds = secondsFor(effort, speeds, { jobs, ahead: models.length > jobs, copies });
  return {
    forwards,
    backwards,
    seconds,
    jobs,
    memory,
    text: `estimate: ${forwards.toLocaleString("en")} forward passes, ${backwards.toLocaleString("en")} with a gradient; ≈ ${formatRoughly(seconds * 1000)} on ${counted(jobs, "engine")}; memory up to ${formatBytes(memory)}`,
  };
}

/** Why units failed, each reason once; the run document has their codes. */
export function sayFailures(io: Io, failures: readonly Failure[]): void {
  const counts = new Map<string, number>();
  for (const f of failures) {
    const line = `${f.method}${f.metric ? ` × ${f.metric}` : ""}: ${f.reason}  [${f.code}]`;
    counts.set(line, (counts.get(line) ?? 0) + 1);
  }
  io.say(...[...counts].map(([line, n]) => `failed ${counted(n, "time")}: ${line}`));
}
