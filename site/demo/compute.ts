/**
 * One picture explained: predictions, then maps and their scores, method by method. The worker of the page, the script that writes the
 * reference values and the tests run this same code, each with an engine of its own.
 */
import { KitError } from "../../kit/src/errors.ts";
import { methods } from "../../kit/src/methods/index.ts";
import { attribute, toMap } from "../../kit/src/methods/method.ts";
import { metrics } from "../../kit/src/metrics/index.ts";
import { score } from "../../kit/src/metrics/metric.ts";
import type { Surface } from "../../kit/src/model/image.ts";
import type { Model } from "../../kit/src/model/model.ts";
import { createProbe } from "../../kit/src/model/probe.ts";
import type { Float32Tensor } from "../../kit/src/onnx/tensor.ts";
import { standardProtocol } from "../../kit/src/protocol/protocol.ts";
import { type Shown, shownOf } from "../../kit/src/render/shown.ts";
import { rngOf } from "../../kit/src/rng.ts";
import { requireFinite } from "../../kit/src/runner/classify.ts";
import { explainedClass } from "../../kit/src/runner/execute.ts";
import { attributionPasses, metricPasses, type Plan, plan } from "../../kit/src/runner/plan.ts";
import { type Unmet, unmetNeeds } from "../../kit/src/runner/unmet.ts";
import { roleOf } from "../../kit/src/stats/summarise.ts";

/** The metrics of the page, by registry id. */
export const shownMetrics = ["sparseness", "deletion-auc"] as const;
export type ShownMetric = (typeof shownMetrics)[number];

/** The one whose parameters and random draws the page takes. */
export const protocol = standardProtocol;

export interface Predicted {
  readonly logits: Float32Array;
  readonly probabilities: Float64Array;
  /** index of the class the model decides for */
  readonly predicted: number;
}

/** @throws KitError E_LOGITS */
export async function predict(model: Model, x: Float32Tensor): Promise<Predicted> {
  const logits = await createProbe({ model, x, target: 0 }).logits();
  requireFinite(logits);
  return { logits, probabilities: model.probabilities(logits), predicted: explainedClass(model, logits) };
}

/** What a metric made of a map: a number and its parts, or the reason why there is none. */
export type Scored =
  | { readonly value: number; readonly parts: Readonly<Record<string, number | readonly number[]>> }
  | { readonly skip: string };

export type Step =
  | { readonly kind: "start"; readonly method: string }
  | {
      readonly kind: "map";
      readonly method: string;
      /** [H·W], as metrics see it */
      readonly map: Float32Array;
      readonly shown: Shown;
      readonly ms: number;
      /** forward and backward passes it took */
      readonly passes: number;
    }
  | { readonly kind: "score"; readonly method: string; readonly metric: ShownMetric; readonly score: Scored }
  | { readonly kind: "missing"; readonly method: string; readonly reason: string };

export interface Task {
  readonly model: Model;
  readonly x: Float32Tensor;
  /** seeds the random draws */
  readonly sample: string;
  readonly target: number;
  /** registry ids; any order, they run in the registry's */
  readonly methods: readonly string[];
  /** milliseconds of computing: loading of graphs not counted, if the caller can tell */
  readonly now: () => number;
  /** passes done, of `passesOf(planFor(…))` */
  readonly onPasses?: (done: number) => void;
}

/** What the chosen methods and the page's metrics will do on this model. */
export function planFor(model: Model, chosen: readonly string[]): Plan {
  return planOf(model.shape, chosen, unmetNeeds(model, methods));
}

/** The same for any model that takes pictures of this shape. */
export const planOf = (shape: Surface, chosen: readonly string[], unmet: Unmet = {}): Plan =>
  plan({
    protocol,
    methods: methods.filter(({ id }) => chosen.includes(id)),
    metrics: metrics.filter(({ id }) => shownMetrics.some((known) => known === id)),
    shape,
    available: 1,
    annotated: false,
    unmet,
  });

/** Passes of every method's map, or why the model cannot be asked for it. */
export function costsOf(model: Model): Record<string, { passes: number } | { reason: string }> {
  const { methods: all } = planFor(model, allMethods);
  return Object.fromEntries(
    all.map((entry) => [
      entry.method.id,
      entry.notApplicable === undefined
        ? { passes: attributionPasses(entry, model.shape) }
        : { reason: entry.notApplicable },
    ]),
  );
}

/**
 * Those that are ranked and can explain one picture without others, and the controls: with all further ones a page would compute for minutes,
 * and say too much at once.
 */
export const allMethods: readonly string[] = methods
  .filter((method) => roleOf(method) !== "further" && !method.needs.includes("others"))
  .map(({ id }) => id);

/**
 * Runs the methods one after the other, each on a probe of its own, so that its time and passes are its own.
 *
 * @throws KitError when the engine fails; a method that cannot run on this model is a step, not an error
 */
export async function* explain({
  model,
  x,
  sample,
  target,
  methods: chosen,
  now,
  onPasses,
}: Task): AsyncGenerator<Step> {
  const planned = planFor(model, chosen);
  const streams = (owner: string) => (purpose: string) => rngOf(protocol.seed, sample, owner, purpose);
  let done = 0;
  const advance = (by: number) => {
    done += by;
    onPasses?.(done);
  };
  for (const entry of planned.methods) {
    const { method, params, notApplicable } = entry;
    if (notApplicable !== undefined) {
      yield { kind: "missing", method: method.id, reason: notApplicable };
      continue;
    }
    yield { kind: "start", method: method.id };
    const probe = createProbe({ model, x, target });
    const before = passesOf(model);
    const start = now();
    let attribution: Float32Tensor;
    try {
      attribution = await attribute(method, probe, { params, rng: streams(method.id) });
    } catch (error) {
      if (!(error instanceof KitError) || !inapplicable.has(error.code)) throw error;
      yield { kind: "missing", method: method.id, reason: [error.message, ...error.details].join("; ") };
      advance(
        attributionPasses(entry, model.shape) +
          planned.metrics.reduce((sum, metric) => sum + metricPasses(metric, entry, model.shape), 0),
      );
      continue;
    }
    const ms = now() - start;
    const passes = passesOf(model) - before;
    advance(attributionPasses(entry, model.shape));
    const map = toMap(attribution, method.map).data;
    yield { kind: "map", method: method.id, map, shown: shownOf(method, attribution), ms, passes };
    for (const metric of planned.metrics) {
      const result = await score(metric.metric, probe, {
        params: metric.params,
        attribution,
        rule: method.map,
        kind: method.kind,
        rng: streams("metric"),
        randomised: () => {
          throw new Error(`${metric.metric.id} asks for a randomised model, which the page does not make`);
        },
      });
      advance(metricPasses(metric, entry, model.shape));
      const found = typeof result === "number" ? { value: result, parts: {} } : result;
      yield { kind: "score", method: method.id, metric: metric.metric.id as ShownMetric, score: found };
    }
  }
}

/** What a method meets where the model is not made for it. */
const inapplicable: ReadonlySet<string> = new Set(["E_NO_GRADIENT", "E_CAM_LAYER"]);

const passesOf = ({ passes }: Model): number => passes.forwards + passes.backwards;
