/**
 * May a comparison be believed? It is computed again from the runs it names, and every difference is a problem. Overlaps are counted where the
 * maps are, as scores are; of them everything that the scores of the runs know is checked. A file from a stranger ends in a list of problems.
 */
import { KitError } from "../errors.ts";
import { readDocument } from "../results/read-document.ts";
import type { SidecarRow } from "../results/sidecar.ts";
import type { Path } from "../results/strict-json.ts";
import { compare, Findings, type Problem, type Report } from "../results/verdict.ts";
import { comparisonSchema } from "../schemas.generated.ts";
import type { Overlap } from "./consistency.ts";
import {
  type ComparedRun,
  type Comparison,
  comparedMethods,
  comparedSamples,
  comparisonPlaceOf,
  composeComparison,
  pairsOf,
  pixelsOf,
} from "./document.ts";
import { type ComparedModel, incomparable, modelsOf } from "./models.ts";

export interface ComparisonFiles {
  /** of the document, as messages call it */
  readonly name: string;
  readonly text: string | Uint8Array;
  /** "<data>/<name>.json", where it claims to stand in results/comparisons/ */
  readonly place?: string;
  /** the run of this identity, valid and with its scores; undefined where it is not known */
  readonly runOf: (sha256: string) => ComparedRun | undefined;
}

export interface ComparisonVerdict {
  readonly ok: boolean;
  readonly problems: readonly Problem[];
  /** the document, when it has the right form */
  readonly comparison: Comparison | undefined;
}

type Entry = Comparison["consistency"][number];

const form = { schema: comparisonSchema, file: "schemas/comparison/v1.schema.json" };
const advice = "make the comparison again from its runs: xai-kit compare";

export function validateComparison({ name, text, place, runOf }: ComparisonFiles): ComparisonVerdict {
  const findings = new Findings();
  const report = findings.report(name, advice);
  const comparison = readDocument<Comparison>(text, form, report);
  if (comparison !== undefined) {
    if (place !== undefined && place !== comparisonPlaceOf(comparison)) {
      const wanted = comparisonPlaceOf(comparison);
      report(["name"], "E_PLACE", `the place of this comparison is ${wanted}, not ${place}`);
    }
    if (findings.problems.length === 0) checkComparison(comparison, runOf, report);
  }
  const problems = findings.list();
  return { ok: problems.length === 0, problems, comparison };
}

function checkComparison(comparison: Comparison, runOf: ComparisonFiles["runOf"], report: Report): void {
  const runs: ComparedRun[] = [];
  let known = true;
  for (const [m, model] of comparison.models.entries()) {
    for (const [r, { sha256, model: id }] of model.runs.entries()) {
      const run = runOf(sha256);
      if (run !== undefined) {
        runs.push(run);
        continue;
      }
      known = false;
      report(
        ["models", m, "runs", r, "sha256"],
        "E_COMPARISON",
        `there is no valid run ${sha256.slice(0, 8)} of ${id} here`,
        "a comparison stands beside the runs it names: bring them first, or name their folders",
      );
    }
  }
  if (!known) return;
  const against = runs.length < 2 ? ["fewer than two runs"] : incomparable(runs);
  for (const problem of against) report(["models"], "E_COMPARISON", problem);
  if (against.length > 0) return;

  const models = modelsOf(runs);
  let whole = true;
  const wrong: Report = (...problem) => {
    whole = false;
    report(...problem);
  };
  for (const [i, entry] of comparison.consistency.entries()) {
    const model = models.find(({ id, runs: own }) => id === entry.model && own.length > 1);
    const path: Path = ["consistency", i];
    if (model === undefined) {
      wrong([...path, "model"], "E_COMPARISON", `${entry.model} has no two seeds here`);
    } else checkOverlaps(entry, model, runs, path, wrong);
  }
  // what follows takes the overlaps at their word
  if (!whole) return;
  try {
    const { name, kit, uces } = comparison;
    const again = composeComparison({
      name,
      kit,
      alpha: uces?.alpha ?? 0,
      runs,
      overlapsOf: ({ id }) => comparison.consistency.find((entry) => entry.model === id),
    });
    compare(again, comparison, [], (path, message) =>
      report(path, "E_COMPARISON", `${message} by the runs it names`),
    );
  } catch (error) {
    if (!(error instanceof KitError)) throw error;
    report([], "E_COMPARISON", error.message);
  }
}

/** The right methods, pairs and samples; and nothing that the scores of the runs contradict. */
function checkOverlaps(
  entry: Entry,
  model: ComparedModel,
  runs: readonly ComparedRun[],
  path: Path,
  report: Report,
): void {
  const reference = runs.find((run) => run.sha256 === entry.reference);
  if (reference === undefined || !model.runs.some((run) => run.sha256 === entry.reference)) {
    report([...path, "reference"], "E_COMPARISON", `this is no run of ${model.id}`);
    return;
  }
  const wanted = {
    samples: comparedSamples(reference),
    methods: comparedMethods(model).methods.map(({ id }) => id),
    pairs: pairsOf(model),
  };
  const differs = (below: Path, expected: unknown, found: unknown): boolean => {
    let same = true;
    compare(expected, found, [...path, ...below], (at, message) => {
      same = false;
      report(at, "E_COMPARISON", `${message} by the runs it names`);
    });
    return !same;
  };
  if (differs(["samples"], wanted.samples, entry.samples)) return;
  const ids = entry.methods.map(({ method }) => method);
  if (differs(["methods"], wanted.methods, ids)) return;

  const scores = new Map(
    model.runs.map(({ sha256 }) => [sha256, scoresOf(runs.find((run) => run.sha256 === sha256)!)]),
  );
  for (const [m, { method, pairs }] of entry.methods.entries()) {
    const own = pairs.map((pair) => pair.runs);
    if (differs(["methods", m, "pairs"], wanted.pairs, own)) continue;
    for (const [p, { runs: pair, overlaps }] of pairs.entries()) {
      const at: Path = [...path, "methods", m, "pairs", p, "overlaps"];
      if (overlaps.length !== wanted.samples.length) {
        report(at, "E_COMPARISON", `${overlaps.length} overlaps of ${wanted.samples.length} samples`);
        continue;
      }
      const known = pair.map((sha256) =>
        // keyed ids differ between runs: only those of the reference run are known
        reference.result.data.ids === "public" || sha256 === entry.reference ? scores.get(sha256) : undefined,
      );
      const control = reference.result.methods.some((own) => own.id === method && own.control);
      for (const [s, overlap] of overlaps.entries()) {
        const rows = known.map((of) => of?.get(keyOf(wanted.samples[s], method)) ?? (of && null));
        const fault = overlapFault(overlap, rows, pixelsOf(model), control);
        if (fault !== undefined) report([...at, s], "E_COMPARISON", fault);
      }
    }
  }
}

const keyOf = (sample: string, method: string): string => JSON.stringify([sample, method]);

const scoresOf = ({ rows }: ComparedRun): ReadonlyMap<string, SidecarRow> =>
  new Map(
    rows.flatMap((row) => (row.targetKind === "predicted" ? [[keyOf(row.sample, row.method), row]] : [])),
  );

/** @param rows  of both runs: null where there is none, undefined where nobody knows */
function overlapFault(
  overlap: Overlap,
  rows: readonly (SidecarRow | null | undefined)[],
  pixels: number,
  control: boolean,
): string | undefined {
  const [a, b] = rows;
  const lacking = rows.includes(null);
  if (lacking !== (overlap === "no-map") && (lacking || (a && b)))
    return lacking ? "one of the runs has no map here" : "both runs have a map here";
  if (typeof overlap === "string") {
    return overlap === "other-class" && a && b && a.target === b.target
      ? "both runs explain the same class here"
      : undefined;
  }
  if (a && b && a.target !== b.target) return "the runs explain different classes here";
  const [both, either] = overlap;
  if (both > either || either > pixels)
    return `${both} pixels in both regions, ${either} in either, of ${pixels}`;
  const flat = rows.filter((row) => row?.defect != null).length;
  if (flat > 0 && both > 0) return "a map without any difference has no region";
  if (flat === 2 && either > 0) return "two maps without any difference have no region";
  if (control && flat === 0 && both !== either)
    return "a control is the same for every model: its regions are equal";
  return undefined;
}
