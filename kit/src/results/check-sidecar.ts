/** Does a run say what its sidecar says? Every statistic is computed again and compared to the last bit: the same code makes both. */
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import { KitError } from "../errors.ts";
import { metrics, expected as ofControls } from "../metrics/index.ts";
import { protocolOf } from "../protocol/protocol.ts";
import { rngOf } from "../rng.ts";
import { checkControls } from "../stats/controls.ts";
import { summarise } from "../stats/summarise.ts";
import { tableOf } from "../stats/table.ts";
import { failedOf, inRange, rangeText } from "./check-document.ts";
import type { Result } from "./document.ts";
import { hidden, namesOwner, namesPlace } from "./private.ts";
import { compareRows, decodeSidecar, encodeSidecar, type SidecarRow } from "./sidecar.ts";
import type { Path } from "./strict-json.ts";
import { compare, type Findings, type Report, shown } from "./verdict.ts";

const advice = "hand in the two files as the evaluation wrote them";

/** @param result  without problems of its own: methods, metrics and protocol are known */
export function checkSidecar(
  result: Result,
  bytes: Uint8Array,
  {
    findings,
    warnings,
    run,
    file,
    onControls,
  }: {
    findings: Findings;
    warnings: Findings;
    run: string;
    file: string;
    /** hears when the statistics are done, and the controls come */
    onControls: () => void;
  },
): void {
  const report = findings.report(run, advice);
  const inFile = (place: string, message: string) =>
    findings.add({ file, path: place, code: "E_SIDECAR", message, next: advice });
  const said = { bytes: bytes.length, sha256: bytesToHex(sha256(bytes)) };
  for (const key of ["bytes", "sha256"] as const) {
    if (result.sidecar[key] !== said[key]) {
      report(["result", "sidecar", key], "E_SIDECAR", `${result.sidecar[key]}, but ${file} has ${said[key]}`);
    }
  }
  let sidecar: ReturnType<typeof decodeSidecar>;
  try {
    sidecar = decodeSidecar(bytes, file);
  } catch (error) {
    if (!(error instanceof KitError)) throw error;
    inFile("file", error.message);
    return;
  }
  const { rows } = sidecar;
  if (result.sidecar.rows !== rows.length) {
    report(
      ["result", "sidecar", "rows"],
      "E_SIDECAR",
      `${result.sidecar.rows}, but ${file} has ${rows.length}`,
    );
  }
  const ids = result.metrics.map((m) => m.id);
  if (sidecar.metrics.join() !== ids.join()) {
    inFile("columns", `metrics ${sidecar.metrics.join(", ")} where the run has ${ids.join(", ")}`);
    return;
  }
  const before = findings.problems.length;
  checkRows(result, rows, inFile);
  if (findings.problems.length > before) return;
  checkHoles(result, rows, report);
  // the work of recomputing grows with images, and how many there may be is known by now
  if (findings.problems.length > before) return;
  recompute(result, rows, report, inFile, onControls);
  if (findings.problems.length === before && !sameBytes(encodeSidecar(rows, ids), bytes)) {
    warnings.report(file, advice)(
      [],
      "E_SIDECAR",
      "holds the right rows, but is not written as this version writes them",
    );
  }
}

const sameBytes = (a: Uint8Array, b: Uint8Array) =>
  a.length === b.length && a.every((byte, i) => byte === b[i]);

function checkRows(
  result: Result,
  rows: readonly SidecarRow[],
  inFile: (place: string, message: string) => void,
): void {
  const order = new Map(result.methods.map((m, i) => [m.id, i]));
  const runs = new Set(
    result.methods.filter((m) => m.status === "ok" || m.status === "external").map((m) => m.id),
  );
  const known = new Map(metrics.map((m) => [m.id, m]));
  const predicted = new Map<string, SidecarRow>();
  for (const [i, row] of rows.entries()) {
    const complain = (message: string, column = "") => inFile(`row ${i}${column && `, ${column}`}`, message);
    if (!runs.has(row.method)) complain(`${row.method} gave no attributions in this run`, "method");
    if (row.target < 0 || row.target >= result.model.classes) {
      complain(`class ${row.target} of a model with ${result.model.classes}`, "target");
    }
    if (result.data.ids === "private" && !(keyed.test(row.sample) && keyed.test(row.group))) {
      complain("private ids are 16 hexadecimal digits", "sample");
    }
    for (const [column, text] of [
      ["sample", row.sample],
      ["group", row.group],
      ["skips", Object.values(row.skips).join(" ")],
    ] as const) {
      if (namesPlace(text) || namesOwner(text))
        complain(`${shown(text)} names a place, a person or a machine`, column);
      else if (hidden.test(text)) complain(`${shown(text)} holds characters that cannot be seen`, column);
    }
    const previous = rows[i - 1];
    const step =
      previous && (compareRows(previous, row) || order.get(previous.method)! - order.get(row.method)!);
    if (step !== undefined && !(step < 0))
      complain("not after the row before it: by sample, kind, class and method");
    if (row.targetKind === "predicted") {
      const other = predicted.get(row.sample);
      if (other !== undefined && (other.target !== row.target || other.correct !== row.correct)) {
        complain("another prediction than in the first row of this sample", "target");
      }
      predicted.set(row.sample, other ?? row);
      if (row.correct === null && result.model.task !== "multi-label")
        complain("only labels of several can be left open", "correct");
    }
    for (const [metric, score] of Object.entries(row.scores)) {
      const { range } = known.get(metric)!;
      if (!inRange(score, range)) complain(`${score} is outside of ${rangeText(range)}`, metric);
    }
    for (const metric of [...Object.keys(row.scores), ...Object.keys(row.skips)]) {
      if (known.get(metric)!.needs.includes("mask") !== (row.targetKind === "annotated")) {
        complain(`${metric} does not score a ${row.targetKind} class`, metric);
      }
    }
  }
}

const keyed = /^[0-9a-f]{16}$/;

/** Images that are neither scored nor counted as failed. */
function checkHoles(result: Result, rows: readonly SidecarRow[], report: Report): void {
  const { samples: all } = result.selection;
  const seen = new Set(rows.map((row) => row.sample)).size;
  if (seen > all) report(["result", "selection", "samples"], "E_COUNT", `${all}, but rows of ${seen} images`);
  for (const [i, { id, status, samples = all }] of result.methods.entries()) {
    if (status !== "ok" && status !== "external") continue;
    const path: Path = ["result", "methods", i];
    const own = rows.filter((row) => row.method === id);
    if (own.length === 0) report([...path, "status"], "E_COUNT", `${status}, but no row is of ${id}`);
    const explained = own.filter((row) => row.targetKind === "predicted").length;
    if (explained + failedOf(result, id) < samples) {
      report(
        path,
        "E_COUNT",
        `${explained} of ${samples} images have rows and ${failedOf(result, id)} failed: the rest is missing`,
      );
    }
    if (explained > samples)
      report([...path, "samples"], "E_COUNT", `${samples}, but rows of ${explained} images`);
  }
  const explained = new Set(rows.map((row) => row.sample)).size;
  if (explained > result.selection.samples) {
    report(
      ["result", "selection", "samples"],
      "E_COUNT",
      `${result.selection.samples}, but rows of ${explained} images`,
    );
  }
  for (const [i, { id, samples: most }] of result.metrics.entries()) {
    const scored = rows.filter((row) => Object.hasOwn(row.scores, id) || Object.hasOwn(row.skips, id));
    const images = new Set(scored.map((row) => row.sample)).size;
    if (images > most)
      report(["result", "metrics", i, "samples"], "E_COUNT", `${most}, but rows of ${images} images`);
  }
}

function recompute(
  result: Result,
  rows: readonly SidecarRow[],
  report: Report,
  inFile: (place: string, message: string) => void,
  onControls: () => void,
): void {
  const ids = result.methods.map((m) => m.id);
  try {
    const statistics = summarise(rows, {
      methods: result.methods,
      metrics: result.metrics.map((m) => metrics.find((known) => known.id === m.id)!),
      rng: rngOf(protocolOf(result.protocol.id).seed, "bootstrap"),
    });
    compare(statistics, result.statistics, ["result", "statistics"], (path, message) =>
      report(path, "E_STATISTICS", `${message} by the sidecar`),
    );
    const table = tableOf(
      rows,
      ids,
      result.metrics.map((m) => m.id),
    );
    onControls();
    for (const { control, metric, expected, found } of checkControls(table, ofControls)) {
      const cell = result.statistics.cells.findIndex((c) => c.method === control && c.metric === metric);
      report(
        ["result", "statistics", "cells", cell],
        "E_CONTROL",
        `${control} must score ${expected} on ${metric}, found: ${found}`,
        "a control that scores otherwise means that the metric was not computed as defined",
      );
    }
  } catch (error) {
    if (!(error instanceof KitError)) throw error;
    inFile("rows", error.message);
  }
}
