/**
 * Carries out a plan: sample by sample, every method and metric, shared work done once. The randomised model comes last, so that no more than two
 * sessions are in memory at a time.
 */
import type { Dataset, Sample } from "../datasets/dataset.ts";
import { KitError } from "../errors.ts";
import { type AttributeOptions, attribute, toMap } from "../methods/method.ts";
import { type Score, score } from "../metrics/metric.ts";
import type { Model, Wants } from "../model/model.ts";
import { createProbe, type Probe } from "../model/probe.ts";
import type { Float32Tensor } from "../onnx/tensor.ts";
import { rngOf } from "../rng.ts";
import { requireFinite } from "./classify.ts";
import { annotationOf, pixelsOf, type Resize } from "./pixels.ts";
import type { Plan, PlannedMethod, PlannedMetric } from "./plan.ts";

/** The scores of one method on one sample for one explained class. */
export interface Row {
  readonly sample: string;
  readonly group: string;
  readonly method: string;
  /** class index */
  readonly target: number;
  readonly targetKind: "predicted" | "annotated";
  readonly correct: boolean;
  readonly scores: Record<string, number>;
  readonly skips: Record<string, string>;
}

export interface Failure {
  readonly sample: string;
  readonly method: string;
  readonly metric: string | undefined;
  readonly code: string;
  readonly reason: string;
}

/** What was seen of one sample, for pictures. */
export interface SampleView {
  readonly sample: Sample;
  readonly x: Float32Tensor;
  readonly prediction: number;
  readonly probability: number;
  readonly attributions: ReadonlyMap<string, Float32Tensor>;
  readonly rows: readonly Row[];
}

export interface ExecuteOptions {
  readonly model: Model;
  readonly dataset: Dataset;
  readonly plan: Plan;
  /** ids in the protocol's order */
  readonly selected: readonly string[];
  readonly resize: Resize;
  readonly failFast?: boolean;
  readonly signal?: AbortSignal;
  /** passes done so far, of `plan.passes` */
  readonly onProgress?: (passes: number, note: string) => void;
  readonly onSample?: (view: SampleView, index: number) => Promise<void>;
  /** milliseconds, for telemetry; without it no times are kept */
  readonly now?: () => number;
}

export interface Execution {
  readonly rows: readonly Row[];
  readonly failures: readonly Failure[];
  /** per method, mean wall time of one attribution */
  readonly msPerAttribution: Readonly<Record<string, number>>;
}

/** One sample's explained class: the unit every score belongs to. */
interface Unit {
  readonly index: number;
  readonly sample: Pick<Sample, "id" | "group">;
  readonly probe: Probe;
  readonly targetKind: Row["targetKind"];
  readonly correct: boolean;
  readonly mask: Uint8Array | undefined;
}

export async function execute(options: ExecuteOptions): Promise<Execution> {
  const { model, dataset, plan, selected, resize, signal, onSample, now } = options;
  const runnable = plan.methods.filter((m) => m.notApplicable === undefined);
  const wants: Wants = {
    input: runnable.some((m) => m.method.needs.includes("gradient") && !m.method.needs.includes("cam")),
    layer: runnable.some((m) => m.method.needs.includes("cam")),
  };
  const position = new Map(selected.map((id, i) => [id, i]));
  const rows: Row[] = [];
  const failures: Failure[] = [];
  const times = new Map<string, { total: number; count: number }>();
  const later: (() => Promise<void>)[] = [];
  const randomModels = new Map<number, Model>();
  let passes = 0;

  const streams = (sample: string, owner: string) => (purpose: string) =>
    rngOf(plan.protocol.seed, sample, owner, purpose);
  const methodOptions = ({ method, params }: PlannedMethod, sample: string): AttributeOptions => ({
    params,
    rng: streams(sample, method.id),
  });
  const randomised = (draw: number): Model => {
    const known = randomModels.get(draw);
    if (known) return known;
    const made = model.randomised(
      `randomised ${draw}`,
      rngOf(plan.protocol.seed, "randomised weights", draw),
    );
    randomModels.set(draw, made);
    return made;
  };
  // what waits for the randomised model must not keep everything the first pass memoised
  const bareUnits = new Map<Unit, Unit>();
  const bare = (unit: Unit): Unit => {
    const { x, target } = unit.probe;
    const made = bareUnits.get(unit) ?? { ...unit, probe: createProbe({ model, x, target, wants }) };
    bareUnits.set(unit, made);
    return made;
  };
  const advance = (by: number, note: string) => {
    passes += by;
    options.onProgress?.(passes, note);
  };
  const fail = (error: unknown, sample: string, method: string, metric?: string) => {
    if (options.failFast || !(error instanceof KitError)) throw error;
    failures.push({ sample, method, metric, code: error.code, reason: error.message });
  };

  async function scoreOne(
    { metric, params }: PlannedMetric,
    planned: PlannedMethod,
    unit: Unit,
    row: Row,
    attribution: Float32Tensor,
  ): Promise<void> {
    const { id } = unit.sample;
    const { method } = planned;
    signal?.throwIfAborted();
    try {
      const result: Score = await score(metric, unit.probe, {
        params,
        attribution,
        rule: method.map,
        kind: method.kind,
        mask: unit.mask,
        rng: streams(id, "metric"),
        explain: (probe) => attribute(method, probe, methodOptions(planned, id)),
        randomised,
        cost: method.cost(planned.params, model.shape),
      });
      if (typeof result === "number") row.scores[metric.id] = result;
      else if ("skip" in result) row.skips[metric.id] = result.skip;
      else row.scores[metric.id] = result.value;
    } catch (error) {
      signal?.throwIfAborted();
      fail(error, id, method.id, metric.id);
      row.skips[metric.id] = error instanceof KitError ? error.code : "failed";
    }
    const cost = metric.cost(params, method.cost(planned.params, model.shape));
    advance(cost.forwards + cost.backwards, `${id} ${method.id}`);
  }

  /** One method on one unit: its attribution, unless it is known, and the metrics that apply there. */
  async function explainUnit(
    unit: Unit,
    planned: PlannedMethod,
    known?: Float32Tensor,
  ): Promise<Float32Tensor | undefined> {
    const { method, params } = planned;
    const { id, group } = unit.sample;
    signal?.throwIfAborted();
    let attribution: Float32Tensor;
    try {
      const start = now?.();
      attribution = known ?? (await attribute(method, unit.probe, methodOptions(planned, id)));
      if (now && start !== undefined && !known) {
        const time = times.get(method.id) ?? { total: 0, count: 0 };
        times.set(method.id, { total: time.total + now() - start, count: time.count + 1 });
      }
    } catch (error) {
      signal?.throwIfAborted();
      fail(error, id, method.id);
      return undefined;
    }
    const row: Row = {
      sample: id,
      group,
      method: method.id,
      target: unit.probe.target,
      targetKind: unit.targetKind,
      correct: unit.correct,
      scores: {},
      skips: {},
    };
    rows.push(row);
    const own = method.cost(params, model.shape);
    advance(own.forwards + own.backwards, `${id} ${method.id}`);
    const annotated = unit.targetKind === "annotated";
    for (const metric of plan.metrics) {
      if (metric.metric.needs.includes("mask") !== annotated || unit.index >= metric.samples) continue;
      if (metric.metric.family === "randomisation") {
        const bared = bare(unit);
        // [H,W] for [C,H,W]: these wait until the end, for every sample
        const map = toMap(attribution, method.map);
        later.push(() => scoreOne(metric, planned, bared, row, map));
      } else await scoreOne(metric, planned, unit, row, attribution);
    }
    return attribution;
  }

  async function explainSample(sample: Sample): Promise<void> {
    const index = position.get(sample.id)!;
    const x = pixelsOf(sample.image, model.shape, resize);
    const first = createProbe({ model, x, target: 0, wants });
    const logits = await first.logits();
    advance(1, sample.id);
    try {
      requireFinite(logits); // the reason goes into the run document, private ids do not
    } catch (error) {
      for (const { method } of runnable) fail(error, sample.id, method.id);
      return;
    }
    const prediction = explainedClass(model, logits);
    const correct = sample.labels.includes(prediction);
    const before = rows.length;
    const attributions = new Map<string, Float32Tensor>();
    const unit = (target: number): Omit<Unit, "targetKind" | "mask"> => ({
      index,
      sample: { id: sample.id, group: sample.group },
      probe: first.explaining(target),
      correct,
    });
    const predicted: Unit = { ...unit(prediction), targetKind: "predicted", mask: undefined };
    for (const planned of runnable) {
      const found = await explainUnit(predicted, planned);
      if (found) attributions.set(planned.method.id, found);
    }
    if (plan.metrics.some((m) => m.metric.needs.includes("mask") && index < m.samples)) {
      for (const label of sample.labels) {
        const mask = annotationOf(sample, label, model.shape, resize);
        if (mask === undefined) continue;
        const annotated: Unit = { ...unit(label), targetKind: "annotated", mask };
        for (const planned of runnable) {
          const known = label === prediction ? attributions.get(planned.method.id) : undefined;
          // what failed for this class a moment ago is recorded already
          if (label === prediction && known === undefined) continue;
          await explainUnit(annotated, planned, known);
        }
      }
    }
    bareUnits.clear();
    const probability = model.probabilities(logits)[prediction];
    await onSample?.({ sample, x, prediction, probability, attributions, rows: rows.slice(before) }, index);
  }

  for await (const sample of dataset.read(selected)) {
    signal?.throwIfAborted();
    await explainSample(sample);
  }
  // each goes when it is done, and with it what its probe has kept
  for (let next = later.shift(); next; next = later.shift()) await next();
  const order = (entry: { readonly sample: string }) => position.get(entry.sample)!;
  return {
    rows: rows.sort((a, b) => order(a) - order(b)),
    failures: failures.sort((a, b) => order(a) - order(b)),
    msPerAttribution: Object.fromEntries([...times].map(([id, t]) => [id, t.total / t.count])),
  };
}

/** The prediction; multi-label: the present-predicted label of highest probability, which is the highest of all. */
export function explainedClass(model: Model, logits: Float32Array): number {
  const p = model.probabilities(logits);
  // ±f of a single output: p ≥ 0.5 is class 1, ties included
  if (model.prepared.task === "binary") return p[1] >= 0.5 ? 1 : 0;
  let best = 0;
  for (let k = 1; k < p.length; k++) if (logits[k] > logits[best]) best = k;
  return best;
}
