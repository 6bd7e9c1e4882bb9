/** What a schema cannot see in a run document: is everything in it known, and does it fit together? */
import { providers } from "../engine/engine.ts";
import { KitError } from "../errors.ts";
import { canonicalJson } from "../json.ts";
import { cannotRerun, externalReason } from "../methods/external.ts";
import { methods } from "../methods/index.ts";
import type { Cost, Method } from "../methods/method.ts";
import { metrics } from "../metrics/index.ts";
import { reruns } from "../metrics/metric.ts";
import { type ParamSpecs, type ParamValue, resolveParams } from "../params.ts";
import { protocolHash } from "../protocol/hash.ts";
import { type Protocol, protocolParams, protocols } from "../protocol/protocol.ts";
import { scoresFew } from "../runner/plan.ts";
import { standardMethods } from "../stats/summarise.ts";
import { checkQuality } from "./check-quality.ts";
import type { Result, Run } from "./document.ts";
import { hidden, namesOwner, namesPlace } from "./private.ts";
import { sourceUrl } from "./source-url.ts";
import type { Path } from "./strict-json.ts";
import { compare, type Report, shown } from "./verdict.ts";

type Entry = Result["methods"][number] | Result["metrics"][number];

export function checkDocument(run: Run, report: Report, warn: Report): void {
  const { result } = run;
  const protocol = protocols.find((p) => p.id === result.protocol.id);
  checkProtocol(result, protocol, report);
  checkModel(result, report);
  checkData(result, report);
  checkQuality(result, report);
  checkMethods(result, protocol, report, warn);
  checkMetrics(result, protocol, report, warn);
  if (protocol !== undefined) checkSelection(result, protocol, report);
  checkFailures(result, report);
  checkCells(result, report);
  checkStrings(run, [], report);
}

function checkProtocol({ protocol }: Result, known: Protocol | undefined, report: Report): void {
  if (known === undefined) {
    const ids = protocols.map((p) => p.id).join(", ");
    report(["result", "protocol", "id"], "E_PROTOCOL", `there is no protocol ${protocol.id}; known: ${ids}`);
  } else if (protocol.sha256 !== protocolHash(known)) {
    report(
      ["result", "protocol", "sha256"],
      "E_PROTOCOL",
      `protocol ${known.id} of this kit has the hash ${protocolHash(known)}`,
      protocol.id.endsWith("-draft") || known.quick
        ? "it has changed: run the evaluation again"
        : "a released protocol never changes: this document was not made by xai-kit as published",
    );
  }
}

function checkModel({ engine, model, preprocessing }: Result, report: Report): void {
  if (!providers.some((p) => p === engine.provider)) {
    report(
      ["result", "engine", "provider"],
      "E_ENGINE",
      `${engine.provider} is none of ${providers.join(", ")}`,
    );
  }
  if (model.task === "binary" && model.classes !== 2) {
    report(["result", "model", "classes"], "E_COUNT", `a binary model has 2 classes, not ${model.classes}`);
  }
  const { thresholds } = model;
  if (thresholds !== undefined && model.task !== "multi-label")
    report(["result", "model", "thresholds"], "E_COUNT", `a ${model.task} model has none`);
  else if (thresholds !== undefined && thresholds.length !== model.classes) {
    report(
      ["result", "model", "thresholds"],
      "E_COUNT",
      `${thresholds.length} thresholds for ${model.classes} labels`,
    );
  }
  for (const key of ["mean", "std", "reference"] as const) {
    const values = preprocessing[key];
    if (values !== null && values.length !== 1 && values.length !== preprocessing.channels) {
      report(
        ["result", "preprocessing", key],
        "E_COUNT",
        `${values.length} values for ${preprocessing.channels} channels`,
      );
    }
  }
}

function checkData({ data, model }: Result, report: Report): void {
  const path = (key: string): Path => ["result", "data", key];
  const isPrivate = data.ids === "private";
  if (data.id !== data.base && !data.id.startsWith(`${data.base}-`)) {
    report(path("base"), "E_DATA", `${data.base} does not begin the id ${data.id}`);
  }
  const kind = isPrivate ? "hmac-sha256" : "sha256";
  if (data.fingerprint.kind !== kind) {
    report(
      [...path("fingerprint"), "kind"],
      "E_PRIVATE",
      `${data.ids} ids have a fingerprint of kind ${kind}`,
    );
  }
  const own = isPrivate && data.track === "own";
  if (data.splitFile !== undefined && data.splitFile.kind !== (own ? "hmac-sha256" : "sha256")) {
    const wanted = own ? "a keyed hash" : "a plain hash";
    report([...path("splitFile"), "kind"], "E_PRIVATE", `the split file of such a set has ${wanted}`);
  }
  if (isPrivate && data.classNames !== null)
    report(path("classNames"), "E_PRIVATE", "names of a private data set");
  if (isPrivate && data.notes.length > 0)
    report(path("notes"), "E_PRIVATE", "notes on a private data set name its files");
  if (data.classNames !== null && data.classNames.length !== model.classes) {
    report(path("classNames"), "E_COUNT", `${data.classNames.length} names for ${model.classes} classes`);
  }
}

function checkMethods(result: Result, protocol: Protocol | undefined, report: Report, warn: Report): void {
  const { height, width } = result.preprocessing;
  for (const [i, own] of result.methods.entries()) {
    const path: Path = ["result", "methods", i];
    const known = methods.find((m) => m.id === own.id);
    if (result.methods.findIndex((m) => m.id === own.id) < i)
      report([...path, "id"], "E_METHOD", `${own.id} twice`);
    if ((own.status === "ok") !== (own.reason === null)) {
      report([...path, "reason"], "E_METHOD", "a method that is ok has no reason, any other has one");
    }
    if ((own.status === "external") !== (own.external !== undefined)) {
      report(
        [...path, "external"],
        "E_METHOD",
        "where maps come from is said of those from elsewhere, and only of them",
      );
    }
    if (known === undefined) {
      // maps from elsewhere come under a name of their own
      if (own.status !== "external") report([...path, "id"], "E_METHOD", `there is no method ${own.id}`);
      else checkExternal(own, result, path, report);
      continue;
    }
    if (result.methods.slice(0, i).some((m) => m.status === "external")) {
      report(path, "E_METHOD", "maps from elsewhere stand behind the methods of the kit");
    }
    if (own.status === "external")
      report(
        [...path, "id"],
        "E_METHOD",
        `${own.id} is a method of the kit: maps from elsewhere need another name`,
      );
    const facts = {
      title: known.title,
      control: known.control === true,
      standard: standardMethods.includes(own.id),
    };
    checkFacts(own, facts, path, "E_METHOD", report);
    const params = checkEntry(own, known, path, result.standard ? protocol : undefined, report, warn);
    const few =
      extraIn(result, protocol?.methods, own.id) && result.selection.rerun < result.selection.samples;
    const explains = few && own.status !== "external" ? result.selection.rerun : undefined;
    if (own.samples !== explains) {
      report(
        [...path, "samples"],
        "E_COUNT",
        `${shown(own.samples ?? null)} where ${explains === undefined ? "all images are explained" : `the first ${explains} are`}`,
      );
    }
    if (params === undefined || own.status === "external") continue;
    const cost = costOf(known, params, { height, width });
    if (own.cost === null)
      report([...path, "cost"], "E_COUNT", `${own.id} was computed here, so its cost is known`);
    if (cost === undefined || own.cost === null) continue;
    compare(cost, own.cost, [...path, "cost"], (at, message) =>
      report(at, "E_COUNT", `${message}, by the parameters and the size of the image`),
    );
  }
}

/** Whether a standard run has this beside what the protocol names: it is done on the first images, and moves nothing. */
const extraIn = ({ standard }: Result, named: readonly string[] | undefined, id: string): boolean =>
  standard && named !== undefined && !named.includes(id);

/** Nothing of maps from elsewhere is free text, since a reader could take it for ours. */
function checkExternal(
  own: Result["methods"][number],
  { selection }: Result,
  path: Path,
  report: Report,
): void {
  const { id: title } = own;
  const facts = { title, revision: 1, control: false, standard: false, reason: externalReason, cost: null };
  checkFacts(own, facts, path, "E_METHOD", report);
  if (Object.keys(own.params).length > 0) report([...path, "params"], "E_PARAM", `${title} takes none`);
  if (own.external === undefined) return;
  const { source, files, annotated } = own.external;
  if (sourceUrl(source) !== source) {
    report(
      [...path, "external", "source"],
      "E_METHOD",
      `${shown(source)} is no public http or https address in its one spelling`,
      "evaluate --source writes it so",
    );
  }
  if (annotated ? files < selection.samples : files !== selection.samples) {
    report(
      [...path, "external", "files"],
      "E_COUNT",
      `${files} maps of ${selection.samples} images${annotated ? "" : ", and none of annotated classes"}`,
    );
  }
}

/** Undefined where it depends on the size of the CAM layer, of which a document has only the name. */
function costOf(
  method: Method,
  params: Record<string, ParamValue>,
  sides: { height: number; width: number },
): Cost | undefined {
  const [one, other] = [1, 2].map((n) =>
    method.cost(params, { ...sides, cam: { channels: n, rows: n, columns: n } }),
  );
  return one.forwards === other.forwards && one.backwards === other.backwards ? one : undefined;
}

function checkMetrics(result: Result, protocol: Protocol | undefined, report: Report, warn: Report): void {
  for (const [i, own] of result.metrics.entries()) {
    const path: Path = ["result", "metrics", i];
    const known = metrics.find((m) => m.id === own.id);
    if (result.metrics.findIndex((m) => m.id === own.id) < i)
      report([...path, "id"], "E_METRIC", `${own.id} twice`);
    if (known === undefined) {
      report([...path, "id"], "E_METRIC", `there is no metric ${own.id}`);
      continue;
    }
    const { title, family, better, gate } = known;
    checkFacts(own, { title, family, better, gate }, path, "E_METRIC", report);
    checkEntry(own, known, path, result.standard ? protocol : undefined, report, warn);
    const few = scoresFew(known) || extraIn(result, protocol?.metrics, own.id);
    const samples = few ? result.selection.rerun : result.selection.samples;
    if (own.samples !== samples) {
      report(
        [...path, "samples"],
        "E_COUNT",
        `${own.samples} images where ${samples} of the selection are its share`,
      );
    }
  }
}

function checkFacts(
  own: Entry,
  facts: Readonly<Record<string, unknown>>,
  path: Path,
  code: "E_METHOD" | "E_METRIC",
  report: Report,
): void {
  const given = own as Readonly<Record<string, unknown>>;
  for (const [key, value] of Object.entries(facts)) {
    if (given[key] !== value)
      report([...path, key], code, `${shown(given[key])} where ${own.id} has ${shown(value)}`);
  }
}

/** Revision and parameters; the latter are returned when this kit can judge them. */
function checkEntry(
  own: Entry,
  known: { readonly id: string; readonly revision: number; readonly params: ParamSpecs },
  path: Path,
  protocol: Protocol | undefined,
  report: Report,
  warn: Report,
): Record<string, ParamValue> | undefined {
  if (own.revision > known.revision) {
    report(
      [...path, "revision"],
      "E_REVISION",
      `revision ${own.revision} of ${own.id} is not known, the newest is ${known.revision}`,
      "validate with the version of the kit that made the run, or a newer one",
    );
    return undefined;
  }
  if (own.revision < known.revision) {
    warn(
      [...path, "revision"],
      "E_REVISION",
      `${own.id} has a newer revision, ${known.revision}`,
      "run the evaluation again",
    );
    return undefined;
  }
  const wanted = protocol && resolveParams(own.id, known.params, protocolParams(protocol, known));
  try {
    const params = resolveParams(own.id, known.params, own.params);
    compare(wanted ?? params, own.params, [...path, "params"], (at, message) =>
      report(at, "E_PARAM", wanted ? `${message} by protocol ${protocol.id}` : message),
    );
    return params;
  } catch (error) {
    if (!(error instanceof KitError)) throw error;
    report([...path, "params"], "E_PARAM", error.message, error.next);
    return undefined;
  }
}

function checkSelection(result: Result, protocol: Protocol, report: Report): void {
  const { samples, rerun } = result.selection;
  const path = (key: string): Path => ["result", "selection", key];
  if (samples > result.data.count) {
    report(path("samples"), "E_COUNT", `${samples} images of a split of ${result.data.count}`);
  }
  if (rerun !== Math.min(samples, protocol.rerunSamples)) {
    report(
      path("rerun"),
      "E_COUNT",
      `${rerun} where the first ${Math.min(samples, protocol.rerunSamples)} are used`,
    );
  }
  if (!result.standard) return;
  const masked = new Set(metrics.filter((m) => m.needs.includes("mask")).map((m) => m.id));
  const annotated = result.metrics.some((m) => masked.has(m.id));
  const most = Math.min(protocol.samples, result.data.count);
  // where some images carry masks only those are taken, and how many there are is not in the document; drawn pictures all do
  const some = annotated && result.data.track !== "synthetic";
  if (samples > most || (samples < most && !some)) {
    report(path("samples"), "E_STANDARD", `${samples} images where protocol ${protocol.id} takes ${most}`);
  }
  const wanted = {
    methods: protocol.methods,
    metrics: protocol.metrics.filter((id) => annotated || !masked.has(id)),
  };
  for (const key of ["methods", "metrics"] as const) {
    const given = new Set<string>(
      result[key].filter((entry) => !("external" in entry)).map((entry) => entry.id),
    );
    const lost = wanted[key].filter((id) => !given.has(id));
    if (lost.length === 0) continue;
    const words = lost.map((id) => `without ${id}`).join(", ");
    report(
      ["result", key],
      "E_STANDARD",
      `${words}: not the ${key} of protocol ${protocol.id}`,
      "a choice of one's own is not standard",
    );
  }
}

function checkFailures({ failures, methods: ran, metrics: scored }: Result, report: Report): void {
  const seen = new Set<string>();
  for (const [i, { method, metric, code }] of failures.entries()) {
    const path: Path = ["result", "failures", i];
    if (!ran.some((m) => m.id === method))
      report([...path, "method"], "E_METHOD", `${method} is no method of this run`);
    if (metric !== null && !scored.some((m) => m.id === metric)) {
      report([...path, "metric"], "E_METRIC", `${metric} is no metric of this run`);
    }
    const key = canonicalJson([method, metric, code]);
    if (seen.has(key)) report(path, "E_COUNT", "the same failure is counted twice");
    seen.add(key);
  }
}

/** How many attributions of a method failed, of those that were wanted. */
export const failedOf = ({ failures }: Result, method: string): number =>
  failures.reduce((n, f) => n + (f.method === method && f.metric === null ? f.n : 0), 0);

function checkCells(result: Result, report: Report): void {
  const { statistics, methods: ran, metrics: scored } = result;
  const pairs = ran.flatMap((method) => scored.map((metric) => ({ method, metric })));
  if (statistics.cells.length !== pairs.length) {
    report(
      ["result", "statistics", "cells"],
      "E_COUNT",
      `${statistics.cells.length} cells for ${ran.length} methods × ${scored.length} metrics`,
    );
    return;
  }
  for (const [i, { method, metric }] of pairs.entries()) {
    const cell = statistics.cells[i];
    const path: Path = ["result", "statistics", "cells", i];
    if (cell.method !== method.id || cell.metric !== metric.id) {
      report(path, "E_STATISTICS", `the cell of ${method.id} × ${metric.id} is expected here`);
      continue;
    }
    const known = metrics.find((m) => m.id === metric.id);
    const skipped = Object.values(cell.skips).reduce((a, b) => a + b, 0);
    const runs = method.status === "ok" || method.status === "external";
    const units = cell.n + skipped;
    if (!runs && units > 0) report([...path, "n"], "E_COUNT", `scores of a method that is ${method.status}`);
    if (method.status === "external" && known && cell.n > 0 && (reruns(known) || known.family === "cost")) {
      report([...path, "n"], "E_METHOD", `${metric.id} of maps from elsewhere: ${cannotRerun}`);
    }
    const judged = cell.correct.n + cell.wrong.n;
    // a label may have been left open
    if (result.model.task === "multi-label" ? judged > cell.n : judged !== cell.n) {
      report(
        [...path, "n"],
        "E_COUNT",
        `${cell.n} scores, of which ${cell.correct.n} right and ${cell.wrong.n} wrong`,
      );
    }
    // of an image with several annotated classes each is a unit
    if (known && !known.needs.includes("mask")) {
      const wanted = Math.min(metric.samples, method.samples ?? metric.samples);
      const least = runs ? wanted - failedOf(result, method.id) : 0;
      if (units > wanted || units < least) {
        report(
          [...path, "n"],
          "E_COUNT",
          `${cell.n} scores and ${skipped} skips where ${wanted} images were to be scored and ${wanted - least} failed`,
        );
      }
    }
    for (const [key, part] of [
      ["mean", cell],
      ["correct", cell.correct],
      ["wrong", cell.wrong],
    ] as const) {
      const at = key === "mean" ? [...path, key] : [...path, key, "mean"];
      if ((part.n === 0) !== (part.mean === null))
        report(at, "E_COUNT", `${shown(part.mean)} from ${part.n} scores`);
      else if (known && part.mean !== null && !inRange(part.mean, known.range)) {
        report(
          at,
          "E_RANGE",
          `${part.mean} is outside of ${rangeText(known.range)}, the range of ${metric.id}`,
        );
      }
    }
    if (cell.median !== undefined && (cell.n === 0) !== (cell.median === null)) {
      report([...path, "median"], "E_COUNT", `${shown(cell.median)} from ${cell.n} scores`);
    }
    if (cell.n < 2 !== (cell.sd === null))
      report([...path, "sd"], "E_COUNT", `${shown(cell.sd)} from ${cell.n} scores`);
    if ((cell.interval === null) !== (cell.noInterval !== null)) {
      report([...path, "interval"], "E_STATISTICS", "either an interval or a reason for none is expected");
    }
    if (cell.interval && known && !cell.interval.every((end) => inRange(end, known.range))) {
      report([...path, "interval"], "E_RANGE", `${shown(cell.interval)} leaves ${rangeText(known.range)}`);
    }
  }
}

type Range = readonly [number | null, number | null];

export const inRange = (value: number, [low, high]: Range): boolean =>
  (low === null || value >= low) && (high === null || value <= high);

export const rangeText = ([low, high]: Range): string => `[${low ?? "−∞"}, ${high ?? "∞"}]`;

/** No string of a run may tell where, or by whom, it was made. */
function checkStrings(value: unknown, path: Path, report: Report): void {
  if (typeof value === "string") {
    if (hidden.test(value)) report(path, "E_PRIVATE", `${shown(value)} holds characters that cannot be seen`);
    // PyTorch calls tensors /features/Relu_output_0
    if (path.at(-1) === "camLayer") return;
    if (namesPlace(value)) report(path, "E_PRIVATE", `${shown(value)} names a place on somebody's machine`);
    else if (namesOwner(value))
      report(path, "E_PRIVATE", `${shown(value)} names a person's or a machine's address`);
  } else if (typeof value === "object" && value !== null) {
    for (const [key, child] of Object.entries(value)) {
      const below = [...path, Array.isArray(value) ? Number(key) : key];
      if (namesPlace(key) || namesOwner(key) || hidden.test(key))
        report(below, "E_PRIVATE", "this key names a place or an address, or cannot be seen whole");
      checkStrings(child, below, report);
    }
  }
}
