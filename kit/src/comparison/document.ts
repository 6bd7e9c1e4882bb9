/** The comparison document: a function of the runs it names, and of overlaps that were counted where the maps are. */
import { KitError } from "../errors.ts";
import { canonicalJson, type Frozen } from "../json.ts";
import { protocolOf } from "../protocol/protocol.ts";
import type { Result } from "../results/document.ts";
import { byCodeUnit, type SidecarRow } from "../results/sidecar.ts";
import { rngOf } from "../rng.ts";
import type * as schemas from "../schemas.generated.ts";
import { mean } from "../stats/summary.ts";
import { consistencyOf, type PairOverlaps } from "./consistency.ts";
import { type ComparedModel, incomparable, modelsOf, type NamedResult, seedOf } from "./models.ts";
import { threshold } from "./region.ts";
import { fewestModels, type IndicatorId, indicators, uces, type Values } from "./uces.ts";

export type Comparison = Frozen<schemas.Comparison>;

export interface ComparedRun extends NamedResult {
  /** of its sidecar */
  readonly rows: readonly SidecarRow[];
}

/** What only who has the maps can count. */
export interface ModelOverlaps {
  /** identity of the run of the reference seed */
  readonly reference: string;
  /** for each of `comparedMethods`, each of `pairsOf` with an overlap for each of `comparedSamples` */
  readonly methods: readonly { readonly method: string; readonly pairs: readonly PairOverlaps[] }[];
}

export interface CompareOptions {
  readonly name: string;
  readonly kit: string;
  /** of UCES */
  readonly alpha: number;
  readonly runs: readonly ComparedRun[];
  /** of a model with several seeds; undefined where its maps were not kept */
  readonly overlapsOf: (model: ComparedModel) => ModelOverlaps | undefined;
}

/** @throws KitError E_COMPARE for runs that cannot stand beside each other */
export function composeComparison({ name, kit, alpha, runs, overlapsOf }: CompareOptions): Comparison {
  const details = runs.length < 2 ? ["fewer than two runs"] : incomparable(runs);
  if (details.length > 0) {
    throw new KitError("E_COMPARE", {
      problem: "these runs cannot be compared",
      details,
      next: "compare runs of different models on the same data under the same protocol",
    });
  }
  const { data, protocol } = runs[0].result;
  const models = modelsOf(runs);
  const gaps: Comparison["gaps"][number][] = [];
  const gap = (metric: "consistency" | "uces", model: string | null, reason: string) =>
    gaps.push({ metric, model, reason: cut(reason) });

  const consistency = models.flatMap((model) => {
    if (model.runs.length < 2) return [];
    const { methods, without } = comparedMethods(model);
    const overlaps = methods.length === 0 ? undefined : overlapsOf(model);
    if (overlaps === undefined) {
      gap("consistency", model.id, methods.length === 0 ? "no method explained every seed" : mapsMissing);
      return [];
    }
    for (const { method, reason } of without) gap("consistency", model.id, `not of ${method}: ${reason}`);
    return [consistencyEntry(model, overlaps, runs)];
  });
  if (models.every((model) => model.runs.length < 2)) {
    gap("consistency", null, "no two runs are seeds of one model: same architecture, training seeds told");
  }

  const unscaled = ucesGap(models);
  if (unscaled !== undefined) gap("uces", null, unscaled);
  const scored = unscaled === undefined ? { alpha, methods: ucesMethods(models, alpha) } : null;
  return {
    schema: "xai-kit/comparison/1",
    name,
    kit,
    protocol: { id: protocol.id, sha256: protocol.sha256 },
    data: data.id,
    models: models.map(({ id, architecture, runs: own }) => ({
      id,
      architecture,
      runs: own.map((run) => ({ sha256: run.sha256, model: run.result.model.id, seed: seedOf(run) })),
    })),
    consistency,
    uces: scored,
    gaps,
  };
}

/** The one reason that a document cannot prove: the maps are not in it. */
export const mapsMissing = "the maps of its runs were not kept";

/** Of comparison.json: the canonical form and a newline. */
export const textOf = (comparison: Comparison): string => `${canonicalJson(comparison)}\n`;

/** Where it stands in results/comparisons/. A name is given once, so that a set stays what it is. */
export const comparisonPlaceOf = ({ data, name }: Pick<Comparison, "data" | "name">): string =>
  `${data}/${name}.json`;

/** Samples that the reference run explained, sorted. */
export const comparedSamples = ({ rows }: Pick<ComparedRun, "rows">): string[] =>
  [...new Set(rows.filter((row) => row.targetKind === "predicted").map((row) => row.sample))].sort(
    byCodeUnit,
  );

/** Methods of the kit that every seed was explained by, as it is defined and in the same way; and why not the others. */
export function comparedMethods({ runs }: ComparedModel): {
  readonly methods: readonly { readonly id: string; readonly control: boolean }[];
  readonly without: readonly { readonly method: string; readonly reason: string }[];
} {
  const [{ result }] = runs;
  const own = result.methods
    .filter((m) => m.external === undefined)
    .map(({ id, control }) => ({ id, control, reason: methodGap(id, runs) }));
  return {
    methods: own.flatMap(({ id, control, reason }) => (reason === undefined ? { id, control } : [])),
    without: own.flatMap(({ id: method, reason }) => (reason === undefined ? [] : { method, reason })),
  };
}

/** Each two runs once, in the order of their seeds. */
export const pairsOf = ({ runs }: ComparedModel): string[][] =>
  runs.flatMap((a, i) => runs.slice(i + 1).map((b) => [a.sha256, b.sha256]));

export const pixelsOf = ({ runs: [{ result }] }: ComparedModel): number =>
  result.preprocessing.height * result.preprocessing.width;

function consistencyEntry(
  model: ComparedModel,
  { reference, methods }: ModelOverlaps,
  runs: readonly ComparedRun[],
): Comparison["consistency"][number] {
  const own = runs.find((run) => run.sha256 === reference)!;
  const samples = comparedSamples(own);
  const groupOf = new Map(own.rows.map((row) => [row.sample, row.group]));
  const groups = [...new Set(samples.map((sample) => groupOf.get(sample)!))].sort(byCodeUnit);
  const at = new Map(groups.map((group, i) => [group, i]));
  const group = Int32Array.from(samples, (sample) => at.get(groupOf.get(sample)!)!);
  const controls = new Set(own.result.methods.filter((m) => m.control).map((m) => m.id));
  const { seed } = protocolOf(own.result.protocol.id);
  return {
    model: model.id,
    reference,
    threshold,
    pixels: pixelsOf(model),
    samples,
    methods: methods.map(({ method, pairs }) => {
      const scores = consistencyOf(pairs, reference, group, rngOf(seed, "consistency"));
      return { method, control: controls.has(method), ...scores };
    }),
  };
}

/** Why indicators cannot be scaled over these models. */
function ucesGap(models: readonly ComparedModel[]): string | undefined {
  if (models.length < fewestModels)
    return `${models.length} models, and ${fewestModels} are the fewest that can be scaled`;
  const sizes = models.map(({ id, runs: [{ result }] }) => {
    const { height, width } = result.preprocessing;
    return { id, size: `${height}×${width}` };
  });
  const other = sizes.find(({ size }) => size !== sizes[0].size);
  return other === undefined
    ? undefined
    : `entropy grows with the image: ${sizes[0].id} has ${sizes[0].size} pixels, ${other.id} ${other.size}`;
}

function ucesMethods(
  models: readonly ComparedModel[],
  alpha: number,
): NonNullable<Comparison["uces"]>["methods"] {
  const runs = models.flatMap((model) => model.runs);
  const ids = new Set(
    runs.flatMap(({ result }) =>
      result.methods.filter((m) => !m.control && m.external === undefined).map((m) => m.id),
    ),
  );
  return [...ids].map((method) => {
    const none = (reason: string) => ({ method, reason: cut(reason), leftOut: [], models: [] });
    const missing = methodGap(method, runs) ?? metricGap(runs);
    if (missing !== undefined) return none(missing);
    const values: Values[] = [];
    for (const model of models) {
      const found = indicators.map(({ id }) => [id, indicatorOf(model, method, id)] as const);
      const lost = found.find(([, value]) => value === null);
      if (lost !== undefined) return none(`${model.id} has no ${lost[0]}`);
      values.push(Object.fromEntries(found) as Values);
    }
    const scores = uces(values, alpha);
    if ("reason" in scores) return none(scores.reason);
    const standings = scores.models.map(({ scaled, ...standing }, i) => ({
      model: models[i].id,
      ...standing,
      indicators: indicators.map(({ id }) => ({ id, value: values[i][id], scaled: scaled[id] })),
    }));
    return {
      method,
      reason: null,
      leftOut: scores.leftOut,
      models: standings.sort((a, b) => a.rank - b.rank || byCodeUnit(a.model, b.model)),
    };
  });
}

/** The mean over its seeds; null where one has no value. */
function indicatorOf({ runs }: ComparedModel, method: string, id: IndicatorId): number | null {
  const values = runs.map(({ result }) => quality[id]?.(result) ?? cellMean(result, method, id));
  return values.some((value) => value === null) ? null : mean(values as number[]);
}

const quality: { readonly [id in IndicatorId]?: (result: Result) => number | null } = {
  auroc: (result) => result.quality.auroc,
  "average-precision": (result) => result.quality.averagePrecision,
  "macro-f1": (result) => result.quality.macroF1,
  "micro-f1": (result) => result.quality.microF1,
};

const cellMean = ({ statistics }: Result, method: string, metric: string): number | null =>
  statistics.cells.find((cell) => cell.method === method && cell.metric === metric)?.mean ?? null;

/** Why these runs were not all explained by the same method. */
export function methodGap(id: string, runs: readonly NamedResult[]): string | undefined {
  return entryGap(runs, id, (result) => {
    const own = result.methods.find((m) => m.id === id);
    return own?.status === "ok" ? own : (own?.status ?? "not run");
  });
}

/** Why these runs do not all have the same metrics of explanation. */
export function metricGap(runs: readonly NamedResult[]): string | undefined {
  for (const { id, part } of indicators) {
    if (part === "classification") continue;
    const gap = entryGap(runs, id, (result) => result.metrics.find((m) => m.id === id) ?? "not measured");
    if (gap !== undefined) return gap;
  }
  return undefined;
}

/** Found in every run, and with the same revision and parameters; a text says why not. */
function entryGap(
  runs: readonly NamedResult[],
  id: string,
  find: (result: Result) => Pick<Result["metrics"][number], "revision" | "params"> | string,
): string | undefined {
  let first: string | undefined;
  for (const { result } of runs) {
    const own = find(result);
    if (typeof own === "string") return `${id}: ${own} in the run of ${result.model.id}`;
    const form = canonicalJson([own.revision, own.params]);
    first ??= form;
    if (form !== first) return `${id}: other parameters or revision in the run of ${result.model.id}`;
  }
  return undefined;
}

const cut = (text: string): string => (text.length > 300 ? `${text.slice(0, 299)}…` : text);
