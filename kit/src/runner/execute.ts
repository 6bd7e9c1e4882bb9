/**
 * Carries out a plan in units that can be done in any order, by any number of engines, in any number of sittings: one per sample (every
 * method and metric, shared work done once), then one per sample under the randomised model. Those come last, so that no more than two
 * sessions per engine are in memory at a time.
 */
import type { Box, Dataset, Sample } from "../datasets/dataset.ts";
import { KitError } from "../errors.ts";
import { referenceOf } from "../methods/baseline.ts";
import { cannotRerun, type ExternalMaps, noAnnotatedMap } from "../methods/external.ts";
import { type AttributeOptions, attribute, toMap } from "../methods/method.ts";
import { asksRandomised, reruns, type Score, score } from "../metrics/metric.ts";
import { defect } from "../metrics/order.ts";
import type { Model, Wants } from "../model/model.ts";
import { createProbe, type Probe } from "../model/probe.ts";
import type { Float32Tensor } from "../onnx/tensor.ts";
import { rngOf } from "../rng.ts";
import { requireFinite } from "./classify.ts";
import { curvesIn } from "./curves.ts";
import { neighbours } from "./neighbours.ts";
import { annotationOf, boxesOf, pixelsOf, type Resize } from "./pixels.ts";
import {
  attributionPasses,
  metricPasses,
  type Plan,
  type PlannedMethod,
  type PlannedMetric,
  scores,
} from "./plan.ts";
import { shareOut } from "./share.ts";
import {
  assemble,
  type Execution,
  type Failure,
  type RandomisedUnit,
  type Row,
  type SampleCurve,
  type SampleUnit,
  type Unit,
} from "./units.ts";

export type { Execution, Failure, Row } from "./units.ts";

/** What was seen of one sample, for pictures. */
export interface SampleView {
  readonly sample: Sample;
  readonly x: Float32Tensor;
  readonly prediction: number;
  readonly probability: number;
  readonly attributions: ReadonlyMap<string, Float32Tensor>;
  readonly rows: readonly Row[];
}

/** What is done already, and where what gets done is kept. */
export interface UnitLog {
  readonly units: readonly Unit[];
  add(unit: Unit): Promise<void>;
}

/** The map from elsewhere of a method on a sample: of the class predicted there, or of one that is annotated. */
export type ReadMap = (
  method: string,
  sample: string,
  target: Pick<Row, "target" | "targetKind">,
) => Promise<Float32Tensor>;

export interface ExecuteOptions {
  readonly model: Model;
  /** the same model on further engines; as many samples are worked on at once */
  readonly others?: readonly Model[];
  readonly dataset: Pick<Dataset, "read">;
  readonly plan: Plan;
  /** ids in the protocol's order */
  readonly selected: readonly string[];
  /** ids behind these in the protocol's order: with them the last ones are compared; without, with the first ones */
  readonly following?: readonly string[];
  /** positions in `selected` that are ours; all without */
  readonly share?: (position: number) => boolean;
  readonly resize: Resize;
  readonly log?: UnitLog;
  /** where the plan has maps from elsewhere; what it throws ends the run */
  readonly readMap?: ReadMap;
  readonly failFast?: boolean;
  readonly signal?: AbortSignal;
  /** passes done so far, of `plan.passes`; first called with those of the log */
  readonly onProgress?: (passes: number, note: string) => void;
  readonly onSample?: (view: SampleView, index: number) => Promise<void>;
  /** milliseconds, for telemetry; without it no times are kept */
  readonly now?: () => number;
}

/** One sample's explained class: what every score belongs to. */
interface Explained {
  readonly index: number;
  readonly sample: Pick<Sample, "id" | "group">;
  readonly probe: Probe;
  readonly targetKind: Row["targetKind"];
  readonly correct: Row["correct"];
  readonly mask: Uint8Array | undefined;
  /** of the annotation, where it is no mask */
  readonly boxes?: readonly Box[];
}

/** What is found out in the course of one unit. */
interface Findings {
  readonly failures: Failure[];
  readonly times: Record<string, [total: number, count: number]>;
  readonly curves: SampleCurve[];
}

export async function execute(options: ExecuteOptions): Promise<Execution> {
  const { model: first, others = [], dataset, plan, selected, resize, log, onSample, now } = options;
  const { shape } = first;
  const runnable = plan.methods.filter((m) => m.notApplicable === undefined);
  const wants = wantsOf(plan);
  const late = plan.metrics.filter((m) => asksRandomised(m.metric));
  const position = new Map(selected.map((id, i) => [id, i]));
  const ours = selected.filter((_, i) => options.share?.(i) ?? true);
  const done: Unit[] = [...(log?.units ?? [])];
  const randomModels = new Map<Model, Map<number, Model>>();
  /** maps that wait for the randomised model, so that they need not be computed again; by sample, then by `keyOf` its row */
  const maps = new Map<string, Map<string, Float32Tensor>>();
  // one engine's failure ends the work of the others
  const stop = new AbortController();
  const signal = AbortSignal.any([stop.signal, ...(options.signal ? [options.signal] : [])]);

  const streams = (sample: string, owner: string) => (purpose: string) =>
    rngOf(plan.protocol.seed, sample, owner, purpose);
  // the same at every perturbation of a sample, and under the randomised model
  const othersOf = neighbours({
    dataset,
    order: [...selected, ...(options.following ?? [])],
    asked: ours.map((id) => position.get(id)!),
    shape,
    resize,
    signal,
  });
  const methodOptions = ({ method, params }: PlannedMethod, sample: string): AttributeOptions => ({
    params,
    rng: streams(sample, method.id),
    others: () => othersOf(position.get(sample)!),
  });
  const randomised =
    (model: Model) =>
    (draw: number): Model => {
      const own = randomModels.get(model) ?? new Map<number, Model>();
      randomModels.set(model, own);
      const known = own.get(draw);
      if (known) return known;
      const made = model.randomised(
        `randomised ${draw}`,
        rngOf(plan.protocol.seed, "randomised weights", draw),
      );
      own.set(draw, made);
      return made;
    };

  const planned = new Map(runnable.map((m) => [m.method.id, m]));
  let passes = done.reduce((total, unit) => total + passesOf(unit, plan, planned, shape, position), 0);
  const advance = (by: number, note: string) => {
    passes += by;
    options.onProgress?.(passes, note);
  };
  const fail = ({ failures }: Findings, error: unknown, sample: string, method: string, metric?: string) => {
    if (options.failFast || !(error instanceof KitError)) throw error;
    failures.push({ sample, method, metric, code: error.code, reason: error.message });
  };
  const keep = async (unit: Unit) => {
    await log?.add(unit);
    done.push(unit);
  };

  async function scoreOne(
    entry: PlannedMetric,
    method: PlannedMethod,
    unit: Explained,
    row: Pick<Row, "scores" | "skips">,
    attribution: Float32Tensor,
    findings: Findings,
  ): Promise<void> {
    const { metric, params } = entry;
    const { id } = unit.sample;
    const elsewhere = method.external !== undefined;
    if (elsewhere && reruns(metric)) {
      row.skips[metric.id] = cannotRerun;
      advance(metricPasses(entry, method, shape), `${id} ${method.method.id}`);
      return;
    }
    signal.throwIfAborted();
    try {
      const result: Score = await score(metric, unit.probe, {
        params,
        attribution,
        rule: method.method.map,
        kind: method.method.kind,
        mask: unit.mask,
        boxes: unit.boxes,
        reference: referenceOf(method.method, method.params),
        rng: streams(id, "metric"),
        explain: elsewhere
          ? undefined
          : (probe) => attribute(method.method, probe, methodOptions(method, id)),
        randomised: randomised(unit.probe.model),
        cost: elsewhere ? undefined : method.method.cost(method.params, shape),
      });
      // + 0: −0 does not survive JSON
      if (typeof result === "number") row.scores[metric.id] = result + 0;
      else if ("skip" in result) row.skips[metric.id] = result.skip;
      else row.scores[metric.id] = result.value + 0;
      const points = curvesIn(result);
      if (points) findings.curves.push({ method: method.method.id, metric: metric.id, points });
    } catch (error) {
      signal.throwIfAborted();
      fail(findings, error, id, method.method.id, metric.id);
      row.skips[metric.id] = error instanceof KitError ? error.code : "failed";
    }
    advance(metricPasses(entry, method, shape), `${id} ${method.method.id}`);
  }

  /** One method on one unit: its attribution, unless it is known, and the metrics that apply there. */
  async function explain(
    unit: Explained,
    planned: PlannedMethod,
    rows: Row[],
    findings: Findings,
    known?: Float32Tensor,
  ): Promise<Float32Tensor | undefined> {
    const { method, external } = planned;
    const { id } = unit.sample;
    signal.throwIfAborted();
    if (external) return explainElsewhere(unit, planned, external, rows, findings);
    let attribution: Float32Tensor;
    try {
      const start = now?.();
      attribution = known ?? (await attribute(method, unit.probe, methodOptions(planned, id)));
      if (now && start !== undefined && !known) {
        const [total, count] = findings.times[method.id] ?? [0, 0];
        findings.times[method.id] = [total + now() - start, count + 1];
      }
    } catch (error) {
      signal.throwIfAborted();
      fail(findings, error, id, method.id);
      return undefined;
    }
    const map = toMap(attribution, method.map);
    const row: Row = { ...emptyRow(unit, method.id), defect: defectOf(map) };
    rows.push(row);
    advance(attributionPasses(planned, shape), `${id} ${method.id}`);
    for (const metric of dueFor(unit)) {
      if (late.includes(metric)) {
        const waiting = maps.get(id) ?? new Map<string, Float32Tensor>();
        maps.set(id, waiting.set(keyOf(row), map));
      } else await scoreOne(metric, planned, unit, row, attribution, findings);
    }
    return attribution;
  }

  /** The same for a map that is read. Nothing of it waits for the randomised model, which cannot be asked for another. */
  async function explainElsewhere(
    unit: Explained,
    planned: PlannedMethod,
    { id: method, map, annotated }: ExternalMaps,
    rows: Row[],
    findings: Findings,
  ): Promise<Float32Tensor | undefined> {
    const row = emptyRow(unit, method);
    if (unit.targetKind === "annotated" && !annotated) {
      for (const { metric } of dueFor(unit)) row.skips[metric.id] = noAnnotatedMap;
      rows.push(row);
      return undefined;
    }
    const attribution = await options.readMap!(method, unit.sample.id, row);
    const own: Row = { ...row, defect: defectOf(toMap(attribution, map)) };
    rows.push(own);
    for (const metric of dueFor(unit)) await scoreOne(metric, planned, unit, own, attribution, findings);
    return attribution;
  }

  const dueFor = ({ targetKind, index }: Explained): PlannedMetric[] =>
    plan.metrics.filter((metric) => scores(metric, targetKind) && index < metric.samples);

  async function explainSample(sample: Sample, model: Model): Promise<void> {
    const index = position.get(sample.id)!;
    const before = { ...model.passes };
    const findings: Findings = { failures: [], times: {}, curves: [] };
    const rows: Row[] = [];
    const keepUnit = () =>
      keep({
        kind: "sample",
        sample: sample.id,
        rows,
        failures: findings.failures,
        passes: passesSince(model, before),
        times: findings.times,
        ...(findings.curves.length > 0 && { curves: findings.curves }),
      });
    const x = pixelsOf(sample.image, shape, resize);
    const first = createProbe({ model, x, target: 0, wants });
    const logits = await first.logits();
    advance(1, sample.id);
    try {
      requireFinite(logits); // the reason goes into the run document, private ids do not
    } catch (error) {
      for (const { method, samples } of runnable)
        if (index < samples) fail(findings, error, sample.id, method.id);
      await keepUnit();
      return;
    }
    const due = runnable.filter((m) => index < m.samples);
    const prediction = explainedClass(model, logits);
    const attributions = new Map<string, Float32Tensor>();
    const unit = (target: number): Omit<Explained, "targetKind" | "mask"> => ({
      index,
      sample: { id: sample.id, group: sample.group },
      probe: first.explaining(target),
      correct: sample.unknown?.includes(prediction) ? null : sample.labels.includes(prediction),
    });
    const predicted: Explained = { ...unit(prediction), targetKind: "predicted", mask: undefined };
    for (const planned of due) {
      const found = await explain(predicted, planned, rows, findings);
      if (found) attributions.set(planned.method.id, found);
    }
    if (plan.metrics.some((m) => m.metric.needs.includes("mask") && index < m.samples)) {
      for (const label of sample.labels) {
        const mask = annotationOf(sample, label, shape, resize);
        if (mask === undefined) continue;
        const boxes = sample.masks ? undefined : boxesOf(sample, label, shape, resize);
        const annotated: Explained = { ...unit(label), targetKind: "annotated", mask, boxes };
        for (const planned of due) {
          const known = label === prediction ? attributions.get(planned.method.id) : undefined;
          // what failed for this class a moment ago is recorded already
          if (label === prediction && known === undefined && !planned.external) continue;
          await explain(annotated, planned, rows, findings, known);
        }
      }
    }
    // first the picture, then the record: what is recorded is not visited again
    const probability = model.probabilities(logits)[prediction];
    await onSample?.({ sample, x, prediction, probability, attributions, rows }, index);
    await keepUnit();
  }

  /** The metrics that ask a randomised model, for every row of a sample that is done. */
  async function compareRandomised(sample: Sample, rows: readonly Row[], model: Model): Promise<void> {
    const index = position.get(sample.id)!;
    const before = { ...model.passes };
    const findings: Findings = { failures: [], times: {}, curves: [] };
    const x = pixelsOf(sample.image, shape, resize);
    const probe = createProbe({ model, x, target: 0, wants });
    const scored: RandomisedUnit["rows"][number][] = [];
    for (const row of rows) {
      const due = late.filter((m) => scores(m, row.targetKind) && index < m.samples);
      const method = planned.get(row.method);
      if (due.length === 0 || method === undefined || method.external) continue;
      const unit: Explained = {
        index,
        sample,
        probe: probe.explaining(row.target),
        targetKind: row.targetKind,
        correct: row.correct,
        mask: row.targetKind === "annotated" ? annotationOf(sample, row.target, shape, resize) : undefined,
      };
      signal.throwIfAborted();
      // in a later sitting the map is computed again: it is the same
      const map =
        maps.get(sample.id)?.get(keyOf(row)) ??
        toMap(
          await attribute(method.method, unit.probe, methodOptions(method, sample.id)),
          method.method.map,
        );
      const { method: id, target, targetKind } = row;
      const own = { method: id, target, targetKind, scores: {}, skips: {} };
      for (const metric of due) await scoreOne(metric, method, unit, own, map, findings);
      scored.push(own);
    }
    maps.delete(sample.id);
    await keep({
      kind: "randomised",
      sample: sample.id,
      rows: scored,
      failures: findings.failures,
      passes: passesSince(model, before),
    });
  }

  const models = [first, ...others];
  const abort = () => stop.abort();
  options.onProgress?.(passes, "");
  const isDone = (kind: Unit["kind"]) => {
    const ids = new Set(done.filter((u) => u.kind === kind).map((u) => u.sample));
    return (id: string) => ids.has(id);
  };
  const explained = isDone("sample");
  const pending = ours.filter((id) => !explained(id));
  if (pending.length > 0) await shareOut(dataset.read(pending), models, explainSample, abort);

  const rowsOf = new Map(
    done.filter((u): u is SampleUnit => u.kind === "sample").map((u) => [u.sample, u.rows]),
  );
  const compared = isDone("randomised");
  const reach = Math.max(0, ...late.map((m) => m.samples));
  const toCompare = ours.filter((id) => position.get(id)! < reach && rowsOf.has(id) && !compared(id));
  if (toCompare.length > 0) {
    await shareOut(
      dataset.read(toCompare),
      models,
      (sample, model) => compareRandomised(sample, rowsOf.get(sample.id)!, model),
      abort,
    );
  }
  return assemble(selected, done);
}

/** What the methods of a plan ask of a backward pass at one image, so that one pass serves all. */
export function wantsOf({ methods }: Plan): Wants {
  const needs = methods.filter((m) => m.notApplicable === undefined).map((m) => m.method.needs);
  return {
    input: needs.some((n) => n.includes("gradient") && !n.includes("cam")),
    layer: needs.some((n) => n.includes("cam")),
  };
}

const emptyRow = ({ sample, probe, targetKind, correct }: Explained, method: string): Row => ({
  sample: sample.id,
  group: sample.group,
  method,
  target: probe.target,
  targetKind,
  correct,
  defect: null,
  scores: {},
  skips: {},
});

const keyOf = ({ method, target, targetKind }: Pick<Row, "method" | "target" | "targetKind">): string =>
  `${targetKind} ${target} ${method}`;

const passesSince = ({ passes }: Model, before: Model["passes"]): Model["passes"] => ({
  forwards: passes.forwards - before.forwards,
  backwards: passes.backwards - before.backwards,
});

/** Why a map says nothing, in the words of the metrics. */
function defectOf(map: Float32Tensor): string | null {
  return defect(map) ?? (map.data.every((v) => v === map.data[0]) ? "map is constant" : null);
}

/** What a unit that is done counts for, in the passes of the plan. */
function passesOf(
  unit: Unit,
  plan: Plan,
  planned: ReadonlyMap<string, PlannedMethod>,
  shape: Model["shape"],
  position: ReadonlyMap<string, number>,
): number {
  const index = position.get(unit.sample) ?? Number.POSITIVE_INFINITY;
  let passes = unit.kind === "sample" ? 1 : 0;
  for (const row of unit.rows) {
    const method = planned.get(row.method);
    if (method === undefined) continue;
    if (unit.kind === "sample") passes += attributionPasses(method, shape);
    for (const metric of plan.metrics) {
      if (asksRandomised(metric.metric) !== (unit.kind === "randomised")) continue;
      if (scores(metric, row.targetKind) && index < metric.samples)
        passes += metricPasses(metric, method, shape);
    }
  }
  return passes;
}

/**
 * The prediction; multi-label: the present-predicted label of highest probability, the highest of all if none is. With one threshold for all
 * labels that is the highest in either case.
 */
export function explainedClass(model: Model, logits: Float32Array): number {
  const { task, thresholds } = model.prepared;
  const p = model.probabilities(logits);
  // ±f of a single output: p ≥ 0.5 is class 1, ties included
  if (task === "binary") return p[1] >= 0.5 ? 1 : 0;
  const highest = (classes: readonly number[]) =>
    classes.reduce((best, k) => (logits[k] > logits[best] ? k : best));
  const all = Array.from(p, (_, k) => k);
  const present = all.filter((k) => thresholds !== undefined && p[k] >= thresholds[k]);
  return highest(present.length > 0 ? present : all);
}
