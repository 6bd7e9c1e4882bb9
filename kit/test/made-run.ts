/** A run without a model: scores drawn so that controls score what they must, composed as an evaluation composes its own. */
import type { Method } from "../src/methods/method.ts";
import type { Metric } from "../src/metrics/metric.ts";
import { methodOf, metricOf, protocolOf } from "../src/protocol/protocol.ts";
import { type Composed, type ComposeOptions, composeRun } from "../src/results/document.ts";
import { rngOf } from "../src/rng.ts";
import type { Row } from "../src/runner/execute.ts";
import { plan } from "../src/runner/plan.ts";
import { classificationQuality } from "../src/stats/classification.ts";

const shape = { channels: 3, height: 32, width: 32 };
const classes = 3;

export interface MadeOptions {
  /** images of the split; 16 of them are explained */
  readonly count?: number;
  readonly ids?: "public" | "private";
  /** "1" takes all images up to 256, and 32 for what is further; "quick" unless told */
  readonly protocol?: string;
  /** beside the protocol's */
  readonly further?: { readonly methods: readonly string[]; readonly metrics: readonly string[] };
  /** of the samples, and their groups */
  readonly nameOf?: (k: number) => string;
  readonly change?: (options: ComposeOptions) => ComposeOptions;
}

export function composeOptions({
  count = 20,
  ids = "public",
  nameOf = (k) => `image-${k}`,
  protocol: id = "quick",
  further = { methods: [], metrics: [] },
}: MadeOptions = {}): ComposeOptions {
  const protocol = protocolOf(id);
  const plans = plan({
    protocol,
    methods: [...protocol.methods, ...further.methods].map(methodOf),
    metrics: [...protocol.metrics, ...further.metrics].map(metricOf),
    further: true,
    shape,
    available: count,
    annotated: true,
    unmet: { "grad-cam": "the model has no tensor with a spatial grid" },
  });
  const rows: Row[] = [];
  for (let k = 0; k < plans.samples; k++) {
    for (const targetKind of ["predicted", "annotated"] as const) {
      for (const { method, notApplicable, samples } of plans.methods) {
        if (notApplicable !== undefined || k >= samples) continue;
        const row = {
          sample: nameOf(k),
          group: nameOf(k - (k % 2)),
          method: method.id,
          target: k % classes,
          targetKind,
          correct: k % 5 !== 0,
          defect: method.id === "constant" ? "map is constant" : null,
          scores: {} as Record<string, number>,
          skips: {} as Record<string, string>,
        };
        for (const { metric, samples } of plans.metrics) {
          if (k >= samples || metric.needs.includes("mask") !== (targetKind === "annotated")) continue;
          const score = scoreOf(metric, method, k);
          if (typeof score === "number") row.scores[metric.id] = score;
          else row.skips[metric.id] = score.skip;
        }
        rows.push(row);
      }
    }
  }
  const rng = rngOf("made", "probabilities");
  const data = Array.from({ length: count }, (_, k) => {
    const p = Array.from({ length: classes }, (_, c) => rng.uniform() + (c === k % classes ? 0.6 : 0));
    const sum = p.reduce((a, b) => a + b, 0);
    return p.map((v) => v / sum);
  }).flat();
  return {
    kitVersion: "0.1.0",
    engine: { id: "onnxruntime", package: "onnxruntime-web", version: "1.30.0", provider: "wasm" },
    model: {
      shape,
      prepared: {
        family: "cnn",
        task: "multi-class",
        classes,
        opset: 22,
        cam: undefined,
        assumptions: ["the output is softmax: it is cut off"],
        meanColour: [0.5, 0.5, 0.5],
      },
    },
    modelId: "made",
    card: {
      id: "made",
      architecture: "small-cnn",
      input: { mean: [0.5], std: [0.5] },
      training: { seed: 1 },
    },
    modelSha256: "0".repeat(64),
    dataset: {
      id: "drawn-32",
      base: "drawn",
      title: "Drawn",
      edition: "1",
      track: "synthetic",
      split: "test",
      count,
      ids,
      classes: ["disc", "ring", "cross"],
      notes: ["drawn in memory"],
    },
    fingerprint: { kind: ids === "private" ? "hmac-sha256" : "sha256", value: "1".repeat(64) },
    idKey: ids === "private" ? Uint8Array.from({ length: 32 }, (_, i) => i) : undefined,
    resize: { method: "bilinear" },
    quality: classificationQuality({
      task: "multi-class",
      probabilities: { rows: count, columns: classes, data },
      labels: Array.from({ length: count }, (_, k) => k % classes),
    }),
    plan: plans,
    execution: { rows, failures: [] },
    telemetry: {
      date: "2026-01-02T03:04:05Z",
      seconds: 1.5,
      threads: 1,
      jobs: 1,
      machine: {
        platform: "linux",
        arch: "x64",
        node: "24.0.0",
        cpu: "A processor",
        cores: 2,
        memory: 8 * 2 ** 30,
      },
      passes: { forwards: 100, backwards: 50 },
      msPerAttribution: { saliency: 1.25 },
      peakMemory: null,
    },
  };
}

export function madeRun(options: MadeOptions = {}): Composed {
  const made = composeOptions(options);
  return composeRun(options.change?.(made) ?? made);
}

/** What controls must score (stats/controls.ts); a draw in [0, 1) for the rest, higher for some methods than for others. */
function scoreOf(metric: Metric, method: Method, k: number): number | { skip: string } {
  const { id } = metric;
  const rng = rngOf("made", id, method.control ? "control" : method.id, k);
  const drawn = rng.uniform();
  if (id === "cost") return method.control ? 0 : method.id.length;
  if (method.id === "constant") {
    if (id === "randomisation") return { skip: "map is constant" };
    if (id === "max-sensitivity" || id === "sparseness") return 0;
  } else if (method.control) {
    if (id === "max-sensitivity") return method.id === "sobel" ? 0.01 : 0;
    if (id === "randomisation") return 1;
    if (id === "sparseness") return method.id === "random" ? 1 / 3 : 0.3993;
  }
  const name = method.id === "saliency" || method.control;
  const value = name ? 0.2 + 0.5 * drawn : 0.5 + 0.5 * drawn;
  if (!method.control) return metric.better === "lower" ? 1 - value : value;
  // removing and inserting a random half come to the same area; both kinds of localisation have the same chance
  const chance = rngOf("made", "chance", k).uniform() * 0.6;
  return id === "sobel" ? value : chance;
}
