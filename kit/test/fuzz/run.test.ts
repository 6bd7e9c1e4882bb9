import { parquetHeader } from "hyparquet/src/column.js";
import { parquetMetadata } from "hyparquet/src/metadata.js";
import { describe, expect, it } from "vitest";
import { canonicalJson } from "../../src/json.ts";
import { decodeSidecar, encodeSidecar, type SidecarRow } from "../../src/results/sidecar.ts";
import { madeRun } from "../made-run.ts";
import { type Case, fuzz, mutateBytes, random } from "./harness.ts";
import { pack } from "./run-target.ts";

const target = new URL("run-target.ts", import.meta.url);
const kept = new Set([
  "saliency",
  "random",
  "constant",
  "sparseness",
  "deletion-auc",
  "randomisation",
  "relevance-rank-accuracy",
]);
const made = madeRun({
  change: (o) => ({
    ...o,
    plan: {
      ...o.plan,
      standard: false,
      methods: o.plan.methods.filter((m) => kept.has(m.method.id)),
      metrics: o.plan.metrics.filter((m) => kept.has(m.metric.id)),
    },
    execution: {
      failures: [],
      rows: o.execution.rows
        .filter((r) => kept.has(r.method))
        .map((r) => ({ ...r, scores: only(r.scores), skips: only(r.skips) })),
    },
  }),
});
function only<T>(of: Readonly<Record<string, T>>): Record<string, T> {
  return Object.fromEntries(Object.entries(of).filter(([metric]) => kept.has(metric)));
}
const utf8 = (text: string) => new TextEncoder().encode(text);
const document = utf8(made.text);
const seed = pack(document, made.sidecar);

type Node = Record<string | number, unknown>;
type Place = readonly (string | number)[];

function* places(node: unknown, path: Place = []): Generator<Place> {
  if (typeof node !== "object" || node === null) return;
  for (const [key, child] of Object.entries(node)) {
    const below = [...path, Array.isArray(node) ? Number(key) : key];
    yield below;
    yield* places(child, below);
  }
}

const values: readonly unknown[] = [
  null,
  true,
  0,
  -1,
  1.5,
  1e308,
  2 ** 53,
  "",
  "a",
  "a".repeat(5000),
  "../../x",
  "\u0000\u001b[2J",
  "constructor",
  [],
  {},
  [[[[]]]],
  { constructor: 1 },
  Array.from({ length: 3000 }, () => "x"),
];

/** The document with one place changed, taken away, doubled, or given a key too many. */
function* documents(count: number): Generator<Case> {
  const pick = random(7);
  const all = [...places(made.run)];
  for (let i = 0; i < count; i++) {
    const path = all[pick(all.length)];
    const run = structuredClone(made.run) as unknown as Node;
    let node = run;
    for (const key of path.slice(0, -1)) node = node[key] as Node;
    const last = path.at(-1)!;
    const how = pick(values.length + 3);
    if (how < values.length) node[last] = values[how];
    else if (how === values.length && Array.isArray(node)) node.splice(Number(last), 1);
    else if (how === values.length) delete node[last];
    else if (how === values.length + 1 && Array.isArray(node)) node.push(node[last]);
    else node[`${last}x`] = node[last];
    yield {
      name: `${path.join(".")}, change ${how}`,
      bytes: pack(utf8(`${canonicalJson(run)}\n`), made.sidecar),
    };
  }
}

/** One byte of the structures (footer, page headers) or one field of one row changed. */
function* sidecars(): Generator<Case> {
  const { sidecar } = made;
  const view = new DataView(sidecar.buffer, sidecar.byteOffset, sidecar.length);
  const structural: number[] = [];
  const footer = view.getUint32(sidecar.length - 8, true);
  for (let at = sidecar.length - 8 - footer; at < sidecar.length; at++) structural.push(at);
  for (const { meta_data } of parquetMetadata(sidecar, { geoparquet: false }).row_groups[0].columns) {
    const start = Number(meta_data!.data_page_offset);
    const reader = { view, offset: start };
    parquetHeader(reader);
    // the page header, the definition levels and the first compressed bytes
    for (let at = start; at < reader.offset + 8; at++) structural.push(at);
  }
  const pick = random(11);
  for (let i = 0; i < 260; i++) {
    const at = structural[pick(structural.length)];
    const bytes = sidecar.slice();
    bytes[at] = [0, 1, 0x7f, 0x80, 0xff, bytes[at] ^ (1 << pick(8)), bytes[at] + 1][pick(7)];
    yield { name: `byte ${at} = ${bytes[at]}`, bytes: pack(document, bytes) };
  }
  const { rows, metrics } = decodeSidecar(sidecar);
  const changes: readonly ((row: SidecarRow) => SidecarRow)[] = [
    (row) => ({ ...row, sample: "" }),
    (row) => ({ ...row, group: "another" }),
    (row) => ({ ...row, method: "__proto__" }),
    (row) => ({ ...row, target: -1 }),
    (row) => ({ ...row, target: 2 ** 31 - 1 }),
    (row) => ({ ...row, correct: !row.correct }),
    (row) => ({ ...row, targetKind: row.targetKind === "predicted" ? "annotated" : "predicted" }),
    (row) => ({ ...row, defect: "not known" }),
    (row) => ({ ...row, scores: {} }),
    (row) => ({ ...row, scores: { sparseness: -1e30 } }),
    (row) => ({ ...row, skips: { "relevance-rank-accuracy": "no reason", sparseness: "x".repeat(200) } }),
  ];
  for (const [c, change] of changes.entries()) {
    for (const row of [0, 7, rows.length - 1]) {
      const bytes = encodeSidecar(
        rows.map((r, i) => (i === row ? change(r) : r)),
        metrics,
      );
      yield { name: `row ${row}, change ${c}`, bytes: pack(document, bytes) };
    }
  }
}

/** Files built to cost more than they weigh. */
function* built(): Generator<Case> {
  const texts = {
    "four million brackets": "[".repeat(4_000_000),
    "a million wrong numbers": made.text.replace(
      /"confusion":\[\[.*?\]\]/,
      `"confusion":[[${'"",'.repeat(600_000)}""]]`,
    ),
    "a long number": `[${"9".repeat(3_000_000)}]`,
    "many keys": `{${Array.from({ length: 200_000 }, (_, i) => `"${i}":0`).join()}}`,
    "one key many times": `{${'"a":0,'.repeat(200_000)}"a":0}`,
    "too long": " ".repeat(5_000_000),
    "many lines": "\n".repeat(4_000_000),
    escapes: `"${"\\u0041".repeat(600_000)}`,
    nothing: "",
    "a byte order mark": `\ufeff${made.text}`,
  };
  for (const [name, text] of Object.entries(texts)) yield { name, bytes: pack(utf8(text), made.sidecar) };
  yield {
    name: "not UTF-8",
    bytes: pack(
      Uint8Array.from(document, (b, i) => (i === 999 ? 0xff : b)),
      made.sidecar,
    ),
  };
  const parts: [string, Uint8Array][] = [
    ["no sidecar bytes", new Uint8Array(0)],
    ["zeros", new Uint8Array(1 << 20)],
    ["a footer of 0xff", footer(new Uint8Array(60_000).fill(0xff))],
    ["a footer of lists in lists", footer(new Uint8Array(60_000).fill(0x19))],
    ["a footer of structs in structs", footer(new Uint8Array(60_000).fill(0x1c))],
    ["a list of 2³¹", footer(Uint8Array.of(0x19, 0xfc, 0xff, 0xff, 0xff, 0xff, 0x07, 0))],
    ["a huge integer", footer(Uint8Array.from({ length: 60_000 }, (_, i) => (i === 0 ? 0x16 : 0xff)))],
    ["a footer longer than the file", made.sidecar.slice(-1000)],
  ];
  for (const [name, bytes] of parts) yield { name, bytes: pack(document, bytes) };
}

/** PAR1, this footer, its length, PAR1. */
function footer(bytes: Uint8Array): Uint8Array {
  const out = new Uint8Array(bytes.length + 12);
  out.set(utf8("PAR1"));
  out.set(bytes, 4);
  new DataView(out.buffer).setUint32(4 + bytes.length, bytes.length, true);
  out.set(utf8("PAR1"), out.length - 4);
  return out;
}

describe("validateRun, fuzzed", () => {
  it("answers every document and sidecar with a verdict that says why", { timeout: 180_000 }, async () => {
    const aware = [...documents(180), ...sidecars()];
    const blind = Array.from({ length: 240 }, (_, i) => ({
      name: `bytes, seed ${i}`,
      bytes:
        i % 2 === 0
          ? pack(mutateBytes(document, i), made.sidecar)
          : pack(document, mutateBytes(made.sidecar, i)),
    }));
    const hostile = [...built()];
    const report = await fuzz(target, [
      { name: "the seed itself", bytes: seed },
      ...aware,
      ...blind,
      ...hostile,
    ]);
    expect(report.faults).toEqual([]);
    expect(aware.length).toBeGreaterThanOrEqual(250);
    expect(aware.length + blind.length + hostile.length).toBeGreaterThanOrEqual(500);
    expect(report.accepted).toBeGreaterThanOrEqual(1);
    // what changes no number is rare: another date, a machine with more cores
    expect(report.accepted).toBeLessThan(30);
    expect(report.rejected).toBeGreaterThanOrEqual(470);
  });
});
