/** What an evaluation will do, before it does it. Pure: no model runs, nothing is read. */
import { type ExternalMaps, externalMethod } from "../methods/external.ts";
import type { Method } from "../methods/method.ts";
import type { Metric } from "../metrics/metric.ts";
import type { Surface } from "../model/image.ts";
import { type ParamValue, resolveParams } from "../params.ts";
import { metricOf, type Protocol, protocolParams } from "../protocol/protocol.ts";
import type { Unmet } from "./unmet.ts";

type Values = Readonly<Record<string, ParamValue>>;

export interface PlannedMethod {
  readonly method: Method;
  readonly params: Values;
  /** the first samples of the selection it explains */
  readonly samples: number;
  /** why it cannot run on this model; undefined when it can */
  readonly notApplicable: string | undefined;
  /** its maps are read, not computed */
  readonly external?: ExternalMaps;
}

export interface PlannedMetric {
  readonly metric: Metric;
  readonly params: Values;
  /** the first samples of the selection it scores */
  readonly samples: number;
}

export interface Plan {
  readonly protocol: Protocol;
  readonly methods: readonly PlannedMethod[];
  readonly metrics: readonly PlannedMetric[];
  readonly samples: number;
  /** model passes when nothing is shared and each sample has one annotated class: the unit of progress */
  readonly passes: number;
  /** those of the sample at this position of the selection, its part under the randomised model included */
  readonly passesAt: (index: number) => number;
  /** methods, metrics and samples are the protocol's, or more by `further`; what differs is never ranked */
  readonly standard: boolean;
}

export interface PlanOptions {
  readonly protocol: Protocol;
  readonly methods: readonly Method[];
  readonly metrics: readonly Metric[];
  readonly shape: Surface;
  /** samples there are */
  readonly available: number;
  /** samples wanted; the protocol's unless told */
  readonly samples?: number;
  /** whether samples carry masks or boxes */
  readonly annotated: boolean;
  /** why methods cannot explain this model, by their ids */
  readonly unmet: Unmet;
  /** maps from elsewhere: behind all methods, and no departure from the protocol, since they move nothing of its methods */
  readonly external?: readonly ExternalMaps[];
  /** what the protocol does not name is no departure from it: it is done on the first samples, and moves nothing */
  readonly further?: boolean;
}

export function plan(options: PlanOptions): Plan {
  const { protocol, shape, annotated, unmet, external = [], further = false } = options;
  const samples = samplesOf(options);
  const few = Math.min(samples, protocol.rerunSamples);
  const methods = [
    ...options.methods.map(
      (method): PlannedMethod => ({
        method,
        params: resolveParams(method.id, method.params, protocolParams(protocol, method)),
        samples: further && !protocol.methods.includes(method.id) ? few : samples,
        notApplicable: Object.hasOwn(unmet, method.id) ? unmet[method.id] : undefined,
      }),
    ),
    ...external.map(
      (maps): PlannedMethod => ({
        method: externalMethod(maps),
        params: {},
        samples,
        notApplicable: undefined,
        external: maps,
      }),
    ),
  ];
  const applies = (metric: Metric) => annotated || !metric.needs.includes("mask");
  const metrics = options.metrics.filter(applies).map(
    (metric): PlannedMetric => ({
      metric,
      params: resolveParams(metric.id, metric.params, protocolParams(protocol, metric)),
      samples: scoresFew(metric) || (further && !protocol.metrics.includes(metric.id)) ? few : samples,
    }),
  );
  const passesAt = (index: number) => sum(partsOf({ methods, metrics }, shape, index));
  const named = (ids: readonly string[], entries: readonly { id: string }[]) =>
    (further || ids.length === entries.length) && ids.every((id) => entries.some((e) => e.id === id));
  return {
    protocol,
    methods,
    metrics,
    samples,
    passes: sum(Array.from({ length: samples }, (_, index) => passesAt(index))),
    passesAt,
    standard:
      (options.samples ?? protocol.samples) === protocol.samples &&
      named(protocol.methods, options.methods) &&
      named(
        // whoever plans anew from a run's facts has those that apply, and no others
        protocol.metrics.filter((id) => applies(metricOf(id))),
        options.metrics.filter(applies),
      ),
  };
}

/** How many images are explained. */
export const samplesOf = ({
  protocol,
  samples = protocol.samples,
  available,
}: Pick<PlanOptions, "protocol" | "samples" | "available">): number => Math.min(samples, available);

/** Model passes of the sample at `index`: its prediction, then each method with its metrics, for each explained class. */
function partsOf(
  { methods, metrics }: Pick<Plan, "methods" | "metrics">,
  shape: Surface,
  index: number,
): number[] {
  const due = metrics.filter((m) => index < m.samples);
  // metrics with masks explain the annotated class, not the predicted one
  const kinds = due.some(({ metric }) => metric.needs.includes("mask"))
    ? (["predicted", "annotated"] as const)
    : (["predicted"] as const);
  const runnable = methods.filter((m) => m.notApplicable === undefined && index < m.samples);
  return [
    1,
    ...runnable.flatMap((planned) =>
      kinds.flatMap((kind) => [
        attributionPasses(planned, shape),
        ...due.filter((m) => scores(m, kind)).map((m) => metricPasses(m, planned, shape)),
      ]),
    ),
  ];
}

/** Metrics that re-run methods or take many passes score the first samples only, whatever the protocol. */
export const scoresFew = ({ needs }: Pick<Metric, "needs">): boolean =>
  needs.includes("method") || needs.includes("passes");

/** Whether a metric scores the attribution of this class: those with masks the annotated one, the others the predicted one. */
export const scores = ({ metric }: PlannedMetric, kind: "predicted" | "annotated"): boolean =>
  metric.needs.includes("mask") === (kind === "annotated");

export function attributionPasses({ method, params }: PlannedMethod, shape: Surface): number {
  const { forwards, backwards } = method.cost(params, shape);
  return forwards + backwards;
}

/** Passes of one score beyond those of the attribution. */
export function metricPasses(
  { metric, params }: PlannedMetric,
  planned: PlannedMethod,
  shape: Surface,
): number {
  const { forwards, backwards } = metric.cost(params, planned.method.cost(planned.params, shape));
  return forwards + backwards;
}

const sum = (values: readonly number[]): number => values.reduce((total, v) => total + v, 0);
