/** One picture explained by many methods: maps, what they took, and their scores. */
import type { Engine } from "../engine/engine.ts";
import { KitError } from "../errors.ts";
import { attribute, type Cost, type Method, toMap } from "../methods/method.ts";
import { type Metric, score } from "../metrics/metric.ts";
import { defect } from "../metrics/order.ts";
import type { Model } from "../model/model.ts";
import { createProbe, type Probe } from "../model/probe.ts";
import type { Float32Tensor } from "../onnx/tensor.ts";
import { type ParamValue, resolveParams } from "../params.ts";
import { metricOf, type Protocol, protocolParams } from "../protocol/protocol.ts";
import { type Shown, shownOf } from "../render/shown.ts";
import { rngOf } from "../rng.ts";
import { unmetNeeds } from "../runner/unmet.ts";

type Values = Readonly<Record<string, ParamValue>>;

export interface Explained {
  readonly method: Method;
  readonly params: Values;
  readonly status: "ok" | "not-applicable" | "failed";
  /** why there is no map */
  readonly reason: string | undefined;
  readonly shown: Shown | undefined;
  /** what is odd about the map, in words */
  readonly note: string | undefined;
  /** milliseconds, without those in which graphs were loaded */
  readonly ms: number | undefined;
  /** what the map took, alone */
  readonly passes: Cost | undefined;
  /** by metric, in the order of `scoredBy` */
  readonly scores: ReadonlyMap<string, number | { readonly skip: string }>;
}

/** What can be computed at one image in a few seconds: nothing that runs the method again, nothing that asks for an annotation. */
export const scoredBy: readonly Metric[] = ["deletion-auc", "insertion-auc", "infidelity", "sparseness"].map(
  metricOf,
);

export interface ExplainWork {
  readonly model: Model;
  readonly engine: Pick<Engine, "time">;
  readonly x: Float32Tensor;
  readonly target: number;
  readonly methods: readonly Method[];
  /** decides the methods' budgets, and seeds; scores have their defaults, since curves of few steps tell nothing apart */
  readonly protocol: Protocol;
  /** over the protocol's, where there is one method */
  readonly params: Values;
  readonly scores: boolean;
  /** further images, for methods that compare */
  readonly others: readonly Float32Tensor[];
  readonly signal: AbortSignal;
  readonly now: () => number;
  /** after each of `stepsOf`, and before the first */
  readonly onStep: (done: number, note: string) => void;
}

export const stepsOf = ({ methods, scores }: Pick<ExplainWork, "methods" | "scores">): number =>
  methods.length * (scores ? 1 + scoredBy.length : 1);

/**
 * Every method at one image. Each begins anew, so that its time and its passes are its own; scores share what they can.
 *
 * @throws KitError what the method says, where there is only one: then nothing is left to show
 */
export async function explained(work: ExplainWork): Promise<Explained[]> {
  const { model, x, target, methods, scores, signal } = work;
  const unmet = unmetNeeds(model, methods, work.others.length);
  const shared = createProbe({ model, x, target });
  const step = 1 + (scores ? scoredBy.length : 0);
  const found: Explained[] = [];
  for (const [k, method] of methods.entries()) {
    signal.throwIfAborted();
    work.onStep(k * step, method.id);
    const own = await explainedBy(work, method, unmet[method.id]);
    work.onStep(k * step + 1, method.id);
    const scored = new Map<string, number | { readonly skip: string }>();
    for (const [m, metric] of (scores && own.attribution ? scoredBy : []).entries()) {
      signal.throwIfAborted();
      scored.set(metric.id, await scoreOf(work, shared, metric, method, own.attribution!));
      work.onStep(k * step + 2 + m, `${method.id}, ${metric.id}`);
    }
    found.push({ method, ...own.facts, scores: scored });
  }
  work.onStep(stepsOf(work), "");
  return found;
}

const paramsOf = ({ protocol, params }: ExplainWork, method: Method): Values =>
  resolveParams(method.id, method.params, { ...protocolParams(protocol, method), ...params });

async function explainedBy(
  work: ExplainWork,
  method: Method,
  refusal: string | undefined,
): Promise<{ facts: Omit<Explained, "method" | "scores">; attribution?: Float32Tensor }> {
  const { model, engine, x, target, protocol, methods, signal, now } = work;
  const params = paramsOf(work, method);
  const without = { params, shown: undefined, note: undefined, ms: undefined, passes: undefined };
  const alone = methods.length === 1;
  if (refusal !== undefined && !alone) {
    return { facts: { ...without, status: "not-applicable", reason: refusal } };
  }
  const against = method.refuses?.(model);
  if (against !== undefined) {
    throw new KitError("E_NOT_APPLICABLE", {
      problem: `${method.id} cannot explain this model: ${against}`,
      next: "leave --method out to see which methods can",
    });
  }
  const [before, loads, start] = [{ ...model.passes }, engine.time?.loads ?? 0, now()];
  try {
    const attribution = await attribute(method, createProbe({ model, x, target }), {
      params,
      rng: streams(protocol, method.id),
      others: async () => work.others,
    });
    const ms = Math.max(0, now() - start - ((engine.time?.loads ?? 0) - loads));
    const passes = {
      forwards: model.passes.forwards - before.forwards,
      backwards: model.passes.backwards - before.backwards,
    };
    const facts = { params, status: "ok" as const, reason: undefined, ms, passes };
    const map = toMap(attribution, method.map);
    return { facts: { ...facts, shown: shownOf(method, attribution), note: oddity(map) }, attribution };
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof KitError) || alone) throw error;
    return { facts: { ...without, status: "failed", reason: [error.message, ...error.details].join("; ") } };
  }
}

/** Why a map shows nothing, if so. */
const oddity = (map: Float32Tensor): string | undefined =>
  defect(map) ?? (map.data.every((v) => v === map.data[0]) ? "map is the same everywhere" : undefined);

async function scoreOf(
  { model, protocol, signal }: ExplainWork,
  probe: Probe,
  metric: Metric,
  { map: rule, kind }: Method,
  attribution: Float32Tensor,
): Promise<number | { readonly skip: string }> {
  try {
    const result = await score(metric, probe, {
      attribution,
      rule,
      kind,
      rng: streams(protocol, "metric"),
      randomised: () => model,
    });
    return typeof result === "number" ? result : "skip" in result ? result : result.value;
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof KitError) return { skip: error.message };
    throw error;
  }
}

const streams = (protocol: Protocol, owner: string) => (purpose: string) =>
  rngOf(protocol.seed, "explain", owner, purpose);
