/** Runs of a study without a model: the order of their methods, their confusion matrix and their seed are known. */
import type { ComposeOptions } from "../src/results/document.ts";
import { decodeSidecar } from "../src/results/sidecar.ts";
import { rngOf } from "../src/rng.ts";
import { classificationQuality } from "../src/stats/classification.ts";
import { standardMethods } from "../src/stats/summarise.ts";
import type { Labels, StudyRun } from "../src/studies/study.ts";
import { madeRun } from "./made-run.ts";

export interface MadeStudyRun {
  readonly labels: Labels;
  readonly data?: string;
  readonly ids?: "public" | "private";
  /** of the metrics named, the place of each method; the rest is as `madeRun` has it */
  readonly placeOf?: (metric: string, method: string) => number | undefined;
  /** [true][predicted] */
  readonly confusion?: readonly (readonly number[])[];
  readonly time?: StudyRun["time"];
  readonly sheets?: StudyRun["sheets"];
  readonly change?: (options: ComposeOptions) => ComposeOptions;
}

export function madeStudyRun({
  labels,
  data = "drawn",
  ids = "public",
  placeOf = () => undefined,
  confusion,
  time,
  sheets = [],
  change = (options) => options,
}: MadeStudyRun): StudyRun {
  const id = Object.values(labels).join("-").toLowerCase();
  const { run, identity, sidecar } = madeRun({
    ids,
    change: (options) =>
      change({
        ...options,
        modelId: id,
        modelSha256: hashOf(id),
        card: {
          ...options.card,
          architecture: String(labels.architecture),
          training: { seed: Number(labels.seed ?? 0) },
        },
        dataset: { ...options.dataset, id: data, base: data, title: data },
        ...(confusion && { quality: qualityOf(confusion) }),
        execution: {
          ...options.execution,
          rows: options.execution.rows.map((row) => {
            const scores = Object.entries(row.scores).map(([metric, score]) => {
              const place = placeOf(metric, row.method);
              return [metric, place === undefined ? score : 0.2 + 0.05 * place];
            });
            return { ...row, scores: Object.fromEntries(scores) };
          }),
        },
      }),
  });
  return {
    id,
    labels,
    sha256: identity,
    result: run.result,
    rows: decodeSidecar(sidecar).rows,
    time,
    sheets,
  };
}

/** The ranked methods without grad-cam, which a made run does not have, first to last. */
export const madeMethods = standardMethods.filter((method) => method !== "grad-cam");

/** 64 hex digits that differ between names. */
function hashOf(name: string): string {
  const rng = rngOf("made study", name);
  return Array.from({ length: 64 }, () => rng.integer(16).toString(16)).join("");
}

/** Probabilities that decide as the matrix says. */
function qualityOf(confusion: readonly (readonly number[])[]) {
  const classes = confusion.length;
  const images = confusion.flatMap((row, label) =>
    row.flatMap((n, predicted) => Array.from({ length: n }, () => ({ label, predicted }))),
  );
  return classificationQuality({
    task: "multi-class",
    probabilities: {
      rows: images.length,
      columns: classes,
      data: images.flatMap(({ predicted }) =>
        Array.from({ length: classes }, (_, c) => (c === predicted ? 0.6 : 0.4 / (classes - 1))),
      ),
    },
    labels: images.map(({ label }) => label),
  });
}
