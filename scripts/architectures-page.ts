/** What scripts/architectures.ts measures, as data, and the page made of it: kit/docs/architectures.md. */

/** max |a − b| / max |b| and ‖a − b‖ / ‖b‖ */
export interface Distance {
  readonly max: number;
  readonly l2: number;
}

/** What to run: a name that export-networks.py knows, and the opset to export with. */
export interface Candidate {
  readonly family: string;
  readonly model: string;
  readonly opset: number;
  /** PyTorch 2's exporter, `torch.onnx.export(dynamo=True)`; the tracing one unless told */
  readonly exporter?: "dynamo";
}

export const keyOf = ({ model, opset, exporter }: Pick<Candidate, "model" | "opset" | "exporter">): string =>
  `${exporter ? `${exporter}:` : ""}${model}@${opset}`;

interface Described extends Candidate {
  readonly source: string;
}

export interface Measured extends Described {
  readonly status: "run";
  readonly date: string;
  /** [N, C, H, W] */
  readonly input: readonly number[];
  readonly parameters: number;
  /** operator → nodes, after reading: upgraded, folded, patterns recognised */
  readonly operators: Readonly<Record<string, number>>;
  readonly nodes: number;
  /** nodes of the graph that also computes the gradient */
  readonly gradientNodes: number;
  /** ours from torch's float64 */
  readonly logits: Distance;
  readonly gradient: Distance;
  /** torch's own float32 from its float64: the farthest of four runs, at the input and at three neighbours one rounding away */
  readonly torchLogits: Distance;
  readonly torchGradient: Distance;
  readonly versions: Readonly<Record<string, string>>;
}

/** The exporter or our code gave up. */
export interface Failed extends Described {
  readonly status: "failed";
  readonly date: string;
  readonly why: string;
}

/** PyTorch could not write it. */
export interface NotExported extends Described {
  readonly status: "not exported";
  readonly date: string;
  readonly why: string;
}

/** Never tried here. */
export interface NotRun {
  readonly family: string;
  readonly model: string;
  readonly source: string;
  readonly status: "not run";
  readonly why: string;
}

export type Row = Measured | Failed | NotExported | NotRun;
export interface Measurements {
  readonly rows: readonly Row[];
}

/** Operators whose slope jumps: float32 rounding decides the side where an activation lies close to the kink. */
const kinked = new Set(
  "Clip HardSigmoid HardSwish LeakyRelu Max MaxPool Min PRelu ReduceMax Relu ThresholdedRelu".split(" "),
);

export const kinksOf = ({ operators }: Pick<Measured, "operators">): readonly string[] =>
  Object.keys(operators).filter((op) => kinked.has(op));

/**
 * Smooth networks: the largest error, absolutely small. With kinks: a decision may flip anywhere, in torch's float32 too, so the
 * distance as a whole is compared. Where float32 is coarser than the limit, torch's own distance says how coarse; twice that is
 * allowed, since on which side rounding falls is chance.
 */
export const limit = 1e-5;
export function agrees(row: Measured): boolean {
  const { gradient, torchGradient, logits, torchLogits } = row;
  const near = (ours: number, torch: number): boolean => ours <= Math.max(limit, 2 * torch);
  const measure = kinksOf(row).length === 0 ? "max" : "l2";
  return near(logits.max, torchLogits.max) && near(gradient[measure], torchGradient[measure]);
}

const short = (v: number): string => v.toExponential(1);

const exporterOf = ({ exporter }: Candidate): string => exporter ?? "tracing";

function cells(row: Measured | Failed): readonly string[] {
  const model = `\`${row.model}\``;
  if (row.status === "failed")
    return [row.family, model, row.source, exporterOf(row), `${row.opset}`, "", "", "", "", "**fails**"];
  const kinks = kinksOf(row).length > 0;
  const [ours, torch] = kinks
    ? [row.gradient.l2, row.torchGradient.l2]
    : [row.gradient.max, row.torchGradient.max];
  return [
    row.family,
    model,
    row.source,
    exporterOf(row),
    `${row.opset}`,
    `${row.input.at(-1)}`,
    `${row.nodes} → ${row.gradientNodes}`,
    short(row.logits.max),
    `${short(ours)} (${short(torch)}) ${kinks ? "L2" : "max"}`,
    agrees(row) ? "agrees" : "**differs**",
  ];
}

const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map(() => "---"), ...rows].map((row) => `| ${row.join(" | ")} |`).join("\n");

const listed = (words: Iterable<string>): string => [...new Set(words)].sort().join(", ");

/** The page, whole. */
export function pageOf({ rows }: Measurements): string {
  const run = rows.filter((r) => r.status === "run");
  const failed = rows.filter((r) => r.status === "failed");
  const notRun = rows.filter((r) => r.status === "not run" || r.status === "not exported");
  const dates = run.map((r) => r.date).sort();
  const operators = new Map<string, Set<string>>();
  for (const row of run)
    for (const op of Object.keys(row.operators))
      operators.set(op, (operators.get(op) ?? new Set()).add(row.model));
  const packages = [...new Set(run.flatMap((r) => Object.keys(r.versions)))];
  const versions = packages.map((name) => `${name} ${listed(run.flatMap((r) => r.versions[name] ?? []))}`);
  return `# Architectures

Which networks were differentiated here, and how far the gradient is from PyTorch's. Written by \`scripts/architectures.ts\` from
\`architectures.json\`, which has every figure; do not edit by hand.

${run.length} exports were run (${dates[0] ?? "never"} to ${dates.at(-1) ?? "never"}; ${versions.join(", ")}; one thread),
${run.filter(agrees).length} agree, ${failed.length} failed, and ${notRun.length} are listed that could not be tried here, or that PyTorch could not export.

Each network has random weights, normalisation statistics from data, and no branch that its initial weights switch off. It is exported with a
free batch, read, and differentiated: d(Σ seed ⊙ logits)/d input, with random input and seed. The reference is PyTorch autograd in float64.
Trained weights were not run: nothing could be downloaded.

- **logits**: largest difference from float64, over the largest logit.
- **gradient**: ours from float64, and in brackets PyTorch's own float32 from its float64: the farthest of four runs, at the input and at three
  neighbours of it that differ by one rounding. Smooth networks: largest difference over the
  largest gradient (max). Networks with ReLU, max-pooling or the like: ‖difference‖ / ‖gradient‖ (L2), since there rounding decides which side of a kink
  an activation falls on, and a handful of flipped decisions is all that the difference is, in PyTorch as well as here.
- **agrees**: logits and gradient within ${limit.toExponential(0)}, or within twice PyTorch's own distance where that is more.
- **exporter**: \`torch.onnx.export\` with \`dynamo=False\` (tracing) or \`dynamo=True\`.
- **nodes**: of the model after reading → with its gradient.

${table(
  [
    "family",
    "model",
    "source",
    "exporter",
    "opset",
    "size",
    "nodes",
    "logits",
    "gradient, ours (PyTorch float32)",
    "verdict",
  ],
  [...run, ...failed].map(cells),
)}
${failed.length === 0 ? "" : `\n## Failed\n\n${failed.map((r) => `- \`${keyOf(r)}\`: ${r.why}`).join("\n")}\n`}
## Not run

${table(
  ["family", "model", "source", "why"],
  notRun.map((r) => [
    r.family,
    r.status === "not exported" ? keyOf(r) : r.model,
    r.source,
    r.why.replaceAll("|", "\\|"),
  ]),
)}

## Operators met

By the networks above after reading; every operator that can be read, and which have a gradient, is in [operators.md](operators.md).

${table(
  ["operator", "in"],
  [...operators].sort(([a], [b]) => (a < b ? -1 : 1)).map(([op, models]) => [op, inWords(models, run)]),
)}
`;
}

/** The models that have an operator; "all" and long lists are shortened. */
function inWords(models: ReadonlySet<string>, run: readonly Measured[]): string {
  const all = new Set(run.map((r) => r.model)).size;
  if (models.size === all) return "all";
  const names = [...models];
  return names.length > 6 ? `${names.slice(0, 5).join(", ")} and ${names.length - 5} more` : names.join(", ");
}
