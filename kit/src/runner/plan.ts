/** What an evaluation will do, before it does it. Pure: no model runs, nothing is read. */
import type { Method, Need } from "../methods/method.ts";
import type { Metric } from "../metrics/metric.ts";
import type { ImageShape } from "../model/image.ts";
import { type ParamValue, resolveParams } from "../params.ts";
import { type Protocol, protocolParams } from "../protocol/protocol.ts";

type Values = Readonly<Record<string, ParamValue>>;

export interface PlannedMethod {
  readonly method: Method;
  readonly params: Values;
  /** why it cannot run on this model; undefined when it can */
  readonly notApplicable: string | undefined;
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
  /** methods, metrics and samples are the protocol's; what differs is never ranked */
  readonly standard: boolean;
}

export interface PlanOptions {
  readonly protocol: Protocol;
  readonly methods: readonly Method[];
  readonly metrics: readonly Metric[];
  readonly shape: ImageShape;
  /** samples there are */
  readonly available: number;
  /** samples wanted; the protocol's unless told */
  readonly samples?: number;
  /** whether samples carry masks or boxes */
  readonly annotated: boolean;
  /** why this need cannot be met on this model, or undefined */
  readonly unmet: (need: Need) => string | undefined;
}

export function plan(options: PlanOptions): Plan {
  const { protocol, shape, annotated, unmet } = options;
  const samples = Math.min(options.samples ?? protocol.samples, options.available);
  const methods = options.methods.map(
    (method): PlannedMethod => ({
      method,
      params: resolveParams(method.id, method.params, protocolParams(protocol, method.params)),
      notApplicable: method.needs.map(unmet).find((reason) => reason !== undefined),
    }),
  );
  const metrics = options.metrics
    .filter((metric) => annotated || !metric.needs.includes("mask"))
    .map(
      (metric): PlannedMetric => ({
        metric,
        params: resolveParams(metric.id, metric.params, protocolParams(protocol, metric.params)),
        samples: metric.needs.includes("method") ? Math.min(samples, protocol.rerunSamples) : samples,
      }),
    );
  const runnable = methods.filter((m) => m.notApplicable === undefined);
  // one more for the prediction of each sample
  const passes = runnable.reduce((total, m) => total + passesOf(m, metrics, samples, shape), samples);
  const named = (ids: readonly string[], entries: readonly { id: string }[]) =>
    ids.length === entries.length && ids.every((id) => entries.some((e) => e.id === id));
  return {
    protocol,
    methods,
    metrics,
    samples,
    passes,
    standard:
      (options.samples ?? protocol.samples) === protocol.samples &&
      named(protocol.methods, options.methods) &&
      named(protocol.metrics, options.metrics),
  };
}

function passesOf(
  { method, params }: PlannedMethod,
  metrics: readonly PlannedMetric[],
  samples: number,
  shape: ImageShape,
): number {
  const own = method.cost(params, shape);
  const scored = metrics.reduce((sum, { metric, params: p, samples: n }) => {
    const each = metric.cost(p, own);
    return sum + n * (each.forwards + each.backwards);
  }, 0);
  // metrics with masks explain the annotated class, not the predicted one
  const units = metrics.some(({ metric }) => metric.needs.includes("mask")) ? 2 : 1;
  return units * samples * (own.forwards + own.backwards) + scored;
}
