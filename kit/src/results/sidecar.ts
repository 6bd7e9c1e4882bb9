/** What leaves the machine of a run's scores, and its Parquet form: equal rows are equal bytes. */
import { hmac } from "@noble/hashes/hmac.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex, utf8ToBytes } from "@noble/hashes/utils.js";
import type { BasicType } from "hyparquet-writer";
import { parquetWriteBuffer } from "hyparquet-writer/src/write.js";
import { KitError } from "../errors.ts";
import { canonicalJson } from "../json.ts";
import type { ScoredRow } from "../stats/table.ts";
import { type Column, type Kind, readParquet } from "./parquet.ts";
import { at, strictJson } from "./strict-json.ts";

/** A row as it is published. */
export type SidecarRow = ScoredRow & { readonly defect: string | null };

export interface PublishOptions {
  /** in the order of the plan */
  readonly methods: readonly string[];
  /** ids become HMAC-SHA256 of this key, 16 hex digits; undefined where ids are public */
  readonly idKey: Uint8Array | undefined;
}

/** What leaves the machine: ids keyed where they are private, scores as float32, in the one order of a sidecar. */
export function publishedRows(rows: readonly ScoredRow[], { methods, idKey }: PublishOptions): SidecarRow[] {
  const known = new Map<string, string>();
  const idOf = (id: string): string => {
    if (idKey === undefined) return id;
    const made = known.get(id) ?? keyedId(id, idKey);
    known.set(id, made);
    return made;
  };
  const order = new Map(methods.map((id, i) => [id, i]));
  return rows
    .map((row) => ({ ...published(row), sample: idOf(row.sample), group: idOf(row.group) }))
    .sort((a, b) => compareRows(a, b) || order.get(a.method)! - order.get(b.method)!);
}

/** What stands for a private id: nobody without the key can tell whose it is. */
export const keyedId = (id: string, key: Uint8Array): string =>
  bytesToHex(hmac(sha256, key, utf8ToBytes(id))).slice(0, 16);

/** By sample, then the predicted class before annotated ones, then class. */
export const compareRows = (a: SidecarRow, b: SidecarRow): number =>
  byCodeUnit(a.sample, b.sample) || byCodeUnit(b.targetKind, a.targetKind) || a.target - b.target;

export const byCodeUnit = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

function published({ scores, skips, defect = null, ...row }: ScoredRow): SidecarRow {
  const rounded = Object.entries(scores).map(([metric, score]) => [metric, Math.fround(score)] as const);
  const finite = rounded.filter(([, score]) => Number.isFinite(score));
  const lost = rounded.filter(([, score]) => !Number.isFinite(score));
  return {
    ...row,
    defect,
    scores: Object.fromEntries(finite),
    skips: { ...skips, ...Object.fromEntries(lost.map(([metric]) => [metric, "beyond float32"])) },
  };
}

/** Rows of `publishedRows` as Parquet: equal rows are equal bytes. */
export function encodeSidecar(rows: readonly SidecarRow[], metrics: readonly string[]): Uint8Array {
  const column = (name: string, type: BasicType, value: (row: SidecarRow) => unknown, nullable = false) => ({
    name,
    type,
    nullable,
    data: rows.map(value),
    encoding: "PLAIN" as const, // the one encoding `readColumn` takes; Snappy finds the repetitions
    offsetIndex: false,
  });
  const score = (metric: string) =>
    column(metric, "FLOAT", (row) => (Object.hasOwn(row.scores, metric) ? row.scores[metric] : null), true);
  return new Uint8Array(
    parquetWriteBuffer({
      columnData: [
        column("sample", "STRING", (row) => row.sample),
        column("group", "STRING", (row) => row.group),
        column("method", "STRING", (row) => row.method),
        column("target", "INT32", (row) => row.target),
        column("target_kind", "STRING", (row) => row.targetKind),
        column(
          "correct",
          "BOOLEAN",
          (row) => row.correct,
          rows.some((row) => row.correct === null),
        ),
        column("defect", "STRING", (row) => row.defect, true),
        ...metrics.map(score),
        column("skips", "STRING", (row) =>
          Object.keys(row.skips).length === 0 ? "" : canonicalJson(row.skips),
        ),
      ],
      rowGroupSize: Math.max(1, rows.length),
      statistics: false,
      createdBy: "xai-kit",
    }),
  );
}

/** Of a file from a stranger. The standard metrics on 256 images take less than 1 MiB. */
export const sidecarLimits = { bytes: 16 * 2 ** 20, rows: 200_000, columns: 108, decoded: 64 * 2 ** 20 };

const first: readonly (readonly [name: string, kind: Kind, nullable: boolean])[] = [
  ["sample", "string", false],
  ["group", "string", false],
  ["method", "string", false],
  ["target", "int32", false],
  ["target_kind", "string", false],
  ["correct", "boolean", false],
  ["defect", "string", true],
];

export interface Sidecar {
  /** in the order of their columns */
  readonly metrics: readonly string[];
  readonly rows: readonly SidecarRow[];
}

/** @throws KitError E_SIDECAR for what `encodeSidecar` would not have written; nothing in a file makes it crash, hang or swell */
export function decodeSidecar(bytes: Uint8Array, name = "scores.parquet"): Sidecar {
  try {
    return decode(bytes);
  } catch (cause) {
    if (!(cause instanceof Error)) throw cause;
    throw new KitError("E_SIDECAR", {
      problem: `${name} is not a sidecar: ${cause.message}`,
      next: "hand in the file as the evaluation wrote it",
      cause,
    });
  }
}

function decode(bytes: Uint8Array): Sidecar {
  const { rows: count, columns } = readParquet(bytes, sidecarLimits);
  const expect = (column: Column | undefined, ...[name, kind, nullable]: (typeof first)[number]) => {
    if (column?.name !== name || column.kind !== kind || column.nullable !== nullable) {
      throw new Error(`column "${column?.name ?? ""}" where ${name} (${kind}) is expected`);
    }
  };
  // a label may have been left open: then nobody can say, and only then may the column have gaps
  const open = columns[5]?.nullable === true && columns[5].values.includes(null);
  for (const [i, [name, kind, nullable]] of first.entries())
    expect(columns[i], name, kind, nullable || (name === "correct" && open));
  expect(columns.at(-1), "skips", "string", false);
  const scored = columns.slice(first.length, -1);
  for (const column of scored) expect(column, column.name, "float", true);
  const metrics = scored.map((column) => column.name);
  const strange = metrics.find((metric) => !/^[a-z0-9]+(-[a-z0-9]+)*$/.test(metric));
  if (strange !== undefined) throw new Error(`"${strange}" is not the id of a metric`);

  const [sample, group, method, target, targetKind, correct, defect] = columns.map((c) => c.values);
  const skips = columns.at(-1)!.values;
  const reasons = new Map<string, Record<string, string>>();
  const text = (value: Column["values"][number], row: number, column: string): string => {
    if (typeof value === "string" && value.length <= 200) return value;
    throw new Error(`row ${row}: ${column} is longer than 200 characters`);
  };
  const rows = Array.from({ length: count }, (_, i): SidecarRow => {
    const kind = targetKind[i];
    if (kind !== "predicted" && kind !== "annotated") {
      throw new Error(`row ${i}: target_kind is neither predicted nor annotated`);
    }
    const json = skips[i] as string;
    const skipped = reasons.get(json) ?? readSkips(json, i, metrics);
    reasons.set(json, skipped);
    const scores: Record<string, number> = {};
    for (const { name, values } of scored) {
      const score = values[i];
      if (score === null) continue;
      if (!Number.isFinite(score)) throw new Error(`row ${i}: ${name} is ${score}, not a number`);
      if (Object.hasOwn(skipped, name))
        throw new Error(`row ${i}: ${name} has a score and a reason for none`);
      scores[name] = score as number;
    }
    return {
      sample: text(sample[i], i, "sample"),
      group: text(group[i], i, "group"),
      method: text(method[i], i, "method"),
      target: target[i] as number,
      targetKind: kind,
      correct: correct[i] as boolean | null,
      defect: defect[i] === null ? null : text(defect[i], i, "defect"),
      scores,
      skips: skipped,
    };
  });
  return { metrics, rows };
}

/** {metric: reason}, canonical; an empty text is none. */
function readSkips(json: string, row: number, metrics: readonly string[]): Record<string, string> {
  if (json === "") return {};
  const read = json.length <= 20_000 ? strictJson(json) : { fault: { path: [], reason: "too long" } };
  if ("fault" in read)
    throw new Error(`row ${row}: skips${at(read.fault.path).slice(1)}: ${read.fault.reason}`);
  const { value } = read;
  if (typeof value !== "object" || value === null || canonicalJson(value) !== json || json === "{}") {
    throw new Error(`row ${row}: skips are not {metric: reason} in canonical form`);
  }
  const entries = Object.entries(value);
  for (const [metric, reason] of entries) {
    if (!metrics.includes(metric) || typeof reason !== "string" || reason === "" || reason.length > 200) {
      throw new Error(`row ${row}: skips name ${metric}, which is no metric of this run or has no reason`);
    }
  }
  return Object.fromEntries(entries) as Record<string, string>;
}
