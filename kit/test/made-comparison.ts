/** Runs without a model that can be compared: seeds of architectures, the metrics of UCES, and the maps that were kept of them. */
import {
  type ComparedRun,
  type Comparison,
  comparedSamples,
  composeComparison,
} from "../src/comparison/document.ts";
import { type KeptMaps, type KeptSample, measureOverlaps } from "../src/comparison/measure.ts";
import type { ComparedModel } from "../src/comparison/models.ts";
import { regionOf } from "../src/comparison/region.ts";
import { float32 } from "../src/onnx/tensor.ts";
import { methodOf, metricOf, protocolOf } from "../src/protocol/protocol.ts";
import { type Composed, type ComposeOptions, composeRun } from "../src/results/document.ts";
import { decodeSidecar } from "../src/results/sidecar.ts";
import { rngOf } from "../src/rng.ts";
import { plan } from "../src/runner/plan.ts";
import type { Row } from "../src/runner/units.ts";
import { classificationQuality } from "../src/stats/classification.ts";
import { composeOptions } from "./made-run.ts";

export interface MadeSeed {
  readonly architecture: string | undefined;
  readonly seed?: number;
  readonly ids?: "public" | "private";
  readonly metrics?: readonly string[];
  readonly protocol?: string;
  readonly change?: (options: ComposeOptions) => ComposeOptions;
}

export interface MadeComparedRun extends ComparedRun {
  readonly composed: Composed;
  readonly kept: KeptMaps;
  /** what the document calls a sample */
  readonly published: (sample: string) => string;
}

export const ucesMetrics = [
  "average-drop",
  "relative-confidence-gain",
  "entropy",
  "sparsity",
  "deletion-auc",
  "insertion-auc",
];
const methods = ["saliency", "occlusion", "random", "sobel", "constant", "centre-gaussian"];
const [classes, side, count] = [3, 32, 16];
/** On this sample a seed of odd number predicts another class, and on this one it has no map of occlusion. */
export const disputed = "image-3";
export const lost = "image-5";

export function madeSeed({
  architecture,
  seed,
  ids = "public",
  metrics = ucesMetrics,
  protocol = "quick",
  change = (o) => o,
}: MadeSeed): MadeComparedRun {
  const base = composeOptions({ count, ids });
  const name = `${architecture ?? "unknown"}${seed === undefined ? "" : `-${seed}`}`;
  const odd = (seed ?? 0) % 2 === 1;
  const rng = rngOf("compared", name);
  const rows: Row[] = [];
  const kept = new Map<string, KeptSample>();
  for (let k = 0; k < count; k++) {
    const sample = `image-${k}`;
    const target = (k + Number(odd && sample === disputed)) % classes;
    const regions = new Map<string, Uint8Array>();
    for (const method of methods) {
      if (odd && sample === lost && method === "occlusion") continue;
      const control = methodOf(method).control === true;
      const draws = rngOf("map", control ? "" : name, sample, method);
      const data = Float32Array.from({ length: side * side }, () =>
        method === "constant" ? 1 : draws.uniform(),
      );
      regions.set(method, regionOf(float32([side, side], data)));
      const scores = Object.fromEntries(metrics.map((id) => [id, scoreOf(id, method, rng.uniform())]));
      const flat = method === "constant";
      const flatness = metrics.filter((id) => flat && ["entropy", "sparsity"].includes(id));
      for (const id of flatness) delete scores[id];
      rows.push({
        sample,
        group: `image-${k - (k % 2)}`,
        method,
        target,
        targetKind: "predicted",
        correct: k % 5 !== 0,
        defect: flat ? "map is constant" : null,
        scores,
        skips: Object.fromEntries(flatness.map((id) => [id, "map is constant"])),
      });
    }
    kept.set(sample, { target, regions });
  }
  const probabilities = Array.from({ length: count }, (_, k) => {
    const p = Array.from({ length: classes }, (_, c) => rng.uniform() + (c === k % classes ? 0.6 : 0));
    return p.map((v) => v / p.reduce((a, b) => a + b, 0));
  }).flat();
  const composed = composeRun(
    change({
      ...base,
      modelId: name,
      modelSha256: [...name]
        .map((c) => (c.charCodeAt(0) % 16).toString(16))
        .join("")
        .padEnd(64, "0"),
      card: { id: name, architecture, ...(seed !== undefined && { training: { seed, data: "drawn" } }) },
      quality: classificationQuality({
        task: "multi-class",
        probabilities: { rows: count, columns: classes, data: probabilities },
        labels: Array.from({ length: count }, (_, k) => k % classes),
      }),
      plan: plan({
        protocol: protocolOf(protocol),
        methods: methods.map(methodOf),
        metrics: metrics.map(metricOf),
        shape: { channels: 3, height: side, width: side },
        available: count,
        annotated: false,
        unmet: {},
      }),
      execution: {
        rows,
        failures: odd ? [{ sample: lost, method: "occlusion", code: "E_TEST", reason: "made to fail" }] : [],
      },
      idKey: base.idKey?.map((byte, i) => byte + i * (seed ?? 0)),
    }),
  );
  const sidecar = decodeSidecar(composed.sidecar);
  return {
    sha256: composed.identity,
    result: composed.run.result,
    rows: sidecar.rows,
    composed,
    kept,
    published: publishedBy(composed, rows),
  };
}

/** Own id → the one in the scores: the two lists hold the same rows, and groups and targets do not tell all apart, so scores do. */
function publishedBy({ sidecar }: Composed, rows: readonly Row[]): (sample: string) => string {
  const key = (row: Pick<Row, "method" | "scores">) =>
    JSON.stringify([row.method, Math.fround(row.scores["deletion-auc"] ?? 0)]);
  const known = new Map(decodeSidecar(sidecar).rows.map((row) => [key(row), row.sample]));
  const names = new Map(rows.map((row) => [row.sample, known.get(key(row))!]));
  return (sample) => names.get(sample)!;
}

/** In range, and for controls as their metrics say. */
function scoreOf(metric: string, method: string, drawn: number): number {
  if (metric === "sparsity" && method === "random") return 0.05;
  if (metric === "sparsity" && method === "centre-gaussian") return 0.0735;
  if (metric === "entropy") return 5 + drawn;
  return drawn;
}

/** What `compare` composes of these; `reference`: which of a model's seeds, counted from the lowest. */
export function madeComparison(
  runs: readonly MadeComparedRun[],
  { reference = 0, alpha = 0.7, kept = true, name = "made-set" } = {},
): Comparison {
  const overlapsOf = (model: ComparedModel) => {
    if (!kept) return undefined;
    const own = runs.find((run) => run.sha256 === model.runs[reference].sha256)!;
    const names = new Map([...own.kept.keys()].map((sample) => [own.published(sample), sample]));
    return measureOverlaps(model, {
      reference: own.sha256,
      keptOf: (sha256) => runs.find((run) => run.sha256 === sha256)!.kept,
      samples: comparedSamples(own).map((sample) => names.get(sample)!),
    });
  };
  return composeComparison({ name, kit: "0.1.0", alpha, runs, overlapsOf });
}

/** Three architectures, the first of them with three seeds. */
export const fiveRuns = (ids: "public" | "private" = "public"): MadeComparedRun[] => [
  madeSeed({ architecture: "small-cnn", seed: 2, ids }),
  madeSeed({ architecture: "small-vit", ids }),
  madeSeed({ architecture: "small-cnn", seed: 0, ids }),
  madeSeed({ architecture: "small-clip", seed: 4, ids }),
  madeSeed({ architecture: "small-cnn", seed: 1, ids }),
];
