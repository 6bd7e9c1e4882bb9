/** The run document: `result` is what equal runs share to the byte, `telemetry` what differs between them. */
import { hmac } from "@noble/hashes/hmac.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex, utf8ToBytes } from "@noble/hashes/utils.js";
import type { Dataset } from "../datasets/dataset.ts";
import type { EngineInfo } from "../engine/engine.ts";
import { KitError } from "../errors.ts";
import { canonicalJson, type Frozen } from "../json.ts";
import { type ExternalMaps, externalReason } from "../methods/external.ts";
import type { Model } from "../model/model.ts";
import type { Prepared } from "../model/prepare.ts";
import type { ParamValue } from "../params.ts";
import { protocolHash } from "../protocol/hash.ts";
import { rngOf } from "../rng.ts";
import type { Execution } from "../runner/execute.ts";
import type { Resize } from "../runner/pixels.ts";
import type { Plan, PlannedMethod } from "../runner/plan.ts";
import type * as schemas from "../schemas.generated.ts";
import type { ClassificationQuality } from "../stats/classification.ts";
import { type Statistics, standardMethods, summarise } from "../stats/summarise.ts";
import type { ScoredRow } from "../stats/table.ts";
import { namesPlace } from "./private.ts";
import { encodeSidecar, publishedRows } from "./sidecar.ts";

export type Run = Frozen<schemas.Run>;
export type Result = Run["result"];
export type Telemetry = Run["telemetry"];

export interface ComposeOptions {
  readonly kitVersion: string;
  readonly engine: Omit<EngineInfo, "threads">;
  /** a Model, or these facts of one that is not loaded (merged shards) */
  readonly model: Pick<Model, "shape"> & {
    readonly prepared: Pick<
      Prepared,
      "family" | "task" | "thresholds" | "classes" | "opset" | "assumptions" | "meanColour"
    > & {
      readonly cam: Pick<NonNullable<Prepared["cam"]>, "name"> | undefined;
    };
  };
  /** see `modelIdOf` */
  readonly modelId: string;
  readonly card: schemas.ModelCard;
  readonly modelSha256: string;
  readonly dataset: Pick<
    Dataset,
    | "id"
    | "base"
    | "title"
    | "edition"
    | "track"
    | "split"
    | "splitFile"
    | "count"
    | "ids"
    | "classes"
    | "notes"
  >;
  readonly fingerprint: Result["data"]["fingerprint"];
  /** keys the ids of a private data set, which it is required for */
  readonly idKey: Uint8Array | undefined;
  readonly resize: Resize;
  readonly quality: ClassificationQuality;
  readonly plan: Plan;
  readonly execution: Pick<Execution, "rows" | "failures">;
  /** machine facts beyond those of the schema are left out */
  readonly telemetry: Telemetry;
}

export interface Composed {
  readonly run: Run;
  /** of run.json: the canonical form and a newline */
  readonly text: string;
  /** scores.parquet */
  readonly sidecar: Uint8Array;
  readonly identity: string;
}

/**
 * Everything of a run that leaves the machine. Statistics are those of the rows as published, so that the sidecar gives them again.
 * The order of rows and failures changes nothing.
 *
 * @throws KitError E_ID_KEY for a private data set without a key; E_ROWS, see `tableOf`
 */
export function composeRun(options: ComposeOptions): Composed {
  const { model, card, plan, dataset, execution, telemetry } = options;
  const { prepared } = model;
  const { protocol } = plan;
  const isPrivate = dataset.ids === "private";
  if (isPrivate && options.idKey === undefined) {
    throw new KitError("E_ID_KEY", {
      problem: `${dataset.id} has private ids, and there is no key to hide them with`,
      next: "run the evaluation that makes the key, or keep the run folder it was made in",
    });
  }
  const methods = plan.methods.map((m) => m.method.id);
  const metrics = plan.metrics.map((m) => m.metric);
  const rows = publishedRows(execution.rows, { methods, idKey: isPrivate ? options.idKey : undefined });
  const sidecar = encodeSidecar(
    rows,
    metrics.map((m) => m.id),
  );
  const result: Result = {
    schema: "xai-kit/run/1",
    protocol: { id: protocol.id, sha256: protocolHash(protocol) },
    standard: plan.standard,
    kit: options.kitVersion,
    // by name, here and below: what these objects know besides is not ours to publish
    engine: {
      id: options.engine.id,
      package: options.engine.package,
      version: options.engine.version,
      provider: options.engine.provider,
    },
    model: {
      id: options.modelId,
      architecture: card.architecture ?? null,
      family: prepared.family,
      task: prepared.task,
      classes: prepared.classes,
      ...(prepared.thresholds && { thresholds: prepared.thresholds }),
      sha256: options.modelSha256,
      opset: prepared.opset,
      camLayer: prepared.cam?.name ?? null,
      training: card.training ?? null,
      assumptions: prepared.assumptions.map((a) => cut(a, 500)),
    },
    data: {
      id: dataset.id,
      base: dataset.base,
      title: cut(dataset.title, 200),
      edition: cut(dataset.edition, 200),
      track: dataset.track,
      split: dataset.split,
      ...(dataset.splitFile !== undefined && { splitFile: splitFileOf(dataset.splitFile, options) }),
      count: dataset.count,
      ids: dataset.ids,
      classNames: isPrivate ? null : dataset.classes,
      fingerprint: options.fingerprint,
      notes: isPrivate ? [] : dataset.notes.slice(0, 100).map((note) => cut(note, 500)), // they name files
    },
    preprocessing: {
      height: model.shape.height,
      width: model.shape.width,
      channels: model.shape.channels,
      mean: card.input?.mean ?? null,
      std: card.input?.std ?? null,
      resize: options.resize,
      reference: prepared.meanColour,
    },
    quality: options.quality,
    selection: { samples: plan.samples, rerun: Math.min(plan.samples, protocol.rerunSamples) },
    methods: plan.methods.map((planned) => ({
      ...identity(planned.method, planned.params),
      control: planned.method.control === true,
      standard: standardMethods.includes(planned.method.id),
      ...status(planned, execution, isPrivate),
      cost: planned.external ? null : planned.method.cost(planned.params, model.shape),
      ...(planned.samples < plan.samples && { samples: planned.samples }),
      ...(planned.external && { external: externalOf(planned.external) }),
    })),
    metrics: plan.metrics.map(({ metric, params, samples }) => ({
      ...identity(metric, params),
      family: metric.family,
      better: metric.better,
      gate: metric.gate,
      samples,
    })),
    statistics: statisticsOf(plan, rows),
    failures: failuresOf(plan, execution),
    sidecar: { rows: rows.length, sha256: bytesToHex(sha256(sidecar)), bytes: sidecar.length },
  };
  const { date, seconds, threads, jobs, machine, passes, msPerImage, msPerAttribution, peakMemory } =
    telemetry;
  const { platform, arch, node, cpu, cores, memory } = machine;
  const run: Run = {
    result,
    telemetry: {
      date,
      seconds,
      threads,
      jobs,
      machine: { platform, arch, node, cpu, cores, memory },
      passes: { forwards: passes.forwards, backwards: passes.backwards },
      ...(msPerImage !== undefined && { msPerImage }),
      msPerAttribution,
      peakMemory,
    },
  };
  return { run, text: `${canonicalJson(run)}\n`, sidecar, identity: identityOf(result) };
}

/**
 * The hash of a list of ids shows who took the same split of a set that others have too. Of somebody's own pictures it shows nothing, but
 * whoever could guess a short list would see it confirmed: there it is keyed, as the ids are.
 */
function splitFileOf(
  hash: string,
  { dataset, idKey }: Pick<ComposeOptions, "dataset" | "idKey">,
): NonNullable<Result["data"]["splitFile"]> {
  if (dataset.track !== "own" || dataset.ids !== "private") return { kind: "sha256", value: hash };
  return { kind: "hmac-sha256", value: bytesToHex(hmac(sha256, idKey!, utf8ToBytes(hash))) };
}

/** Cells with intervals, ranks and gates of a plan's rows; those of a run document are of its published rows. */
export const statisticsOf = (
  plan: Pick<Plan, "protocol" | "methods" | "metrics">,
  rows: readonly ScoredRow[],
): Statistics =>
  summarise(rows, {
    methods: plan.methods.map(({ method: { id, control } }) => ({ id, control })),
    metrics: plan.metrics.map(({ metric }) => metric),
    rng: rngOf(plan.protocol.seed, "bootstrap"),
  });

/** sha256 of the canonical form of `result`: what a run is called by. */
export const identityOf = (result: Result): string => bytesToHex(sha256(utf8ToBytes(canonicalJson(result))));

/** Of the card, else made of the file's name. */
export function modelIdOf(card: schemas.ModelCard, file: string): string {
  const slug = file
    .replace(/^.*[\\/]/, "")
    .replace(/\.onnx$/i, "")
    .normalize("NFKD")
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "-")
    .slice(0, 80)
    .replaceAll(/^-+|-+$/g, "");
  return card.id ?? (slug || "model");
}

const identity = (
  { id, title, revision }: { id: string; title: string; revision: number },
  params: Readonly<Record<string, ParamValue>>,
) => ({ id, title, revision, params });

/** The id stands beside it. */
const externalOf = ({ map, source, files, sha256: hash, classesChecked, annotated }: ExternalMaps) => ({
  source,
  map,
  files,
  sha256: hash,
  classesChecked,
  annotated,
});

/** A method failed when it gave no attribution at all; single failures are counted apart. */
function status(
  { method, notApplicable, external }: PlannedMethod,
  { rows, failures }: ComposeOptions["execution"],
  isPrivate: boolean,
) {
  if (external !== undefined) return { status: "external", reason: externalReason } as const;
  if (notApplicable !== undefined)
    return { status: "not-applicable", reason: cut(notApplicable, 300) } as const;
  if (rows.some((row) => row.method === method.id)) return { status: "ok", reason: null } as const;
  const first = failures
    .filter((f) => f.method === method.id && f.metric === undefined)
    .map(({ code, reason }) => (isPrivate || namesPlace(reason) ? code : cut(reason, 300)))
    .sort()[0];
  return { status: "failed", reason: first ?? "no image gave an attribution" } as const;
}

/** Failures counted by method, metric and code; a sample that left no trace at all failed for every method. */
function failuresOf(plan: Plan, { rows, failures }: ComposeOptions["execution"]): Result["failures"] {
  const seen = new Set([...rows, ...failures].map((entry) => entry.sample)).size;
  const missing = Math.max(0, plan.samples - seen);
  const counts = new Map<string, number>();
  const count = (method: string, metric: string | null, code: string, n: number) => {
    const key = canonicalJson([method, metric, code]);
    counts.set(key, (counts.get(key) ?? 0) + n);
  };
  for (const { method, metric, code } of failures) count(method, metric ?? null, code, 1);
  if (missing > 0) {
    for (const { method, notApplicable } of plan.methods) {
      if (notApplicable === undefined) count(method.id, null, "E_SAMPLE", missing);
    }
  }
  return [...counts]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, n]) => {
      const [method, metric, code] = JSON.parse(key) as [string, string | null, string];
      return { method, metric, code, n };
    });
}

/** At most `length` characters, as schemas count them. */
function cut(text: string, length: number): string {
  const characters = [...text.replaceAll(/\p{Surrogate}/gu, "\ufffd")];
  return characters.length > length ? `${characters.slice(0, length - 1).join("")}…` : characters.join("");
}
