/** What scripts/controls-table.ts measures, as data, and the page made of it: kit/docs/controls.md. */
import { metrics } from "../kit/src/metrics/index.ts";
import type { Family, Metric } from "../kit/src/metrics/metric.ts";
import type { Run } from "../kit/src/results/document.ts";
import { decodeSidecar } from "../kit/src/results/sidecar.ts";
import { checkControls } from "../kit/src/stats/controls.ts";
import { type ControlId, controlIds, type Expected } from "../kit/src/stats/expectation.ts";
import { tableOf } from "../kit/src/stats/table.ts";
import { digits, mustScore } from "./control-words.ts";
import { table } from "./registry-docs.ts";

/** Over the images of one run. */
export interface Measured {
  readonly n: number;
  readonly mean: number | null;
  /** standard error of the mean */
  readonly error: number | null;
}

/** The standard method that comes nearest to beating every control, or beats them by most. */
export interface Best {
  readonly method: string;
  readonly mean: number;
  /** the control that is hardest to beat, and by how much it is beaten: 95 % of the mean difference, above 0 is better */
  readonly control: string;
  readonly controlMean: number | null;
  readonly difference: readonly [low: number, high: number];
}

/** One metric on one model. */
export interface Row {
  readonly model: string;
  readonly sha256: string;
  readonly data: string;
  readonly metric: string;
  readonly revision: number;
  readonly protocol: string;
  /** images explained; a metric that scores fewer says so in its `n` */
  readonly samples: number;
  readonly date: string;
  readonly controls: Readonly<Record<ControlId, Measured>>;
  /** standard methods that have a score, and those that beat every control; none where the metric has no gate */
  readonly scored: readonly string[];
  readonly passed: readonly string[];
  readonly best: Best | null;
  /** what a control should have scored and did not */
  readonly violations: readonly string[];
}

export interface Measurements {
  readonly rows: readonly Row[];
}

export const keyOf = ({ model, metric }: Pick<Row, "model" | "metric">): string => `${model} ${metric}`;

const short = (value: number): number => Number(value.toPrecision(5));

/** What a run says of its controls, one row a metric. */
export function rowsOf(
  { result, telemetry }: Run,
  sidecar: Uint8Array,
  expected: Readonly<Record<string, Expected>>,
): readonly Row[] {
  const { cells } = result.statistics;
  const cellOf = (method: string, metric: string) =>
    cells.find((c) => c.method === method && c.metric === metric);
  const ids = (list: readonly { readonly id: string }[]) => list.map(({ id }) => id);
  const violations = checkControls(
    tableOf(decodeSidecar(sidecar).rows, ids(result.methods), ids(result.metrics)),
    expected,
  );
  return result.metrics.map(({ id: metric, revision }) => {
    const measured = (control: ControlId): Measured => {
      const { n = 0, mean = null, sd = null } = cellOf(control, metric) ?? {};
      return {
        n,
        mean: mean === null ? null : short(mean),
        error: sd === null || n === 0 ? null : short(sd / Math.sqrt(n)),
      };
    };
    const scored = result.methods.filter((m) => m.standard && (cellOf(m.id, metric)?.n ?? 0) > 0);
    const gated = scored.filter((m) => cellOf(m.id, metric)?.gate != null);
    const duels = gated.flatMap(({ id: method }): Best[] => {
      const { gate, mean } = cellOf(method, metric)!;
      const known = Object.entries(gate!.against).flatMap(([control, difference]) =>
        difference === null ? [] : [{ control, difference }],
      );
      if (known.length === 0 || mean === null) return [];
      const { control, difference } = known.reduce((a, b) => (b.difference[0] < a.difference[0] ? b : a));
      return [
        {
          method,
          mean: short(mean),
          control,
          controlMean: cellOf(control, metric)?.mean ?? null,
          difference: [short(difference[0]), short(difference[1])],
        },
      ];
    });
    const best =
      duels.length === 0 ? null : duels.reduce((a, b) => (b.difference[0] > a.difference[0] ? b : a));
    return {
      model: result.model.id,
      sha256: result.model.sha256,
      data: result.data.id,
      metric,
      revision,
      protocol: result.protocol.id,
      samples: result.selection.samples,
      date: telemetry.date.slice(0, 10),
      controls: Object.fromEntries(controlIds.map((control) => [control, measured(control)])) as Record<
        ControlId,
        Measured
      >,
      scored: ids(gated),
      passed: ids(gated.filter((m) => cellOf(m.id, metric)?.gate?.passed === true)),
      best: best && {
        ...best,
        controlMean: best.controlMean === null ? null : short(best.controlMean),
      },
      violations: violations
        .filter((v) => v.metric === metric)
        .map((v) => `\`${v.control}\`: ${v.expected} expected, found ${v.found}`),
    };
  });
}

/** Mean over models of their means, with its standard error over images, and the range of those means. */
function pooled(of: readonly Measured[]) {
  const means = of.flatMap(({ mean }) => (mean === null ? [] : [mean]));
  if (means.length === 0) return undefined;
  const errors = of.flatMap(({ error }) => (error === null ? [] : [error]));
  return {
    models: means.length,
    mean: means.reduce((a, b) => a + b, 0) / means.length,
    error: errors.length < means.length ? null : Math.hypot(...errors) / means.length,
    low: Math.min(...means),
    high: Math.max(...means),
  };
}

/** Digits that the error leaves meaning in: 0.3332 ± 0.0004. */
export function withError(mean: number, error: number | null): string {
  if (error === null) return digits(mean);
  if (error === 0) return `${digits(mean)} ± 0`;
  const places = Math.min(8, Math.max(0, 1 - Math.floor(Math.log10(error))));
  return `${mean.toFixed(places)} ± ${error.toFixed(places)}`;
}

const families: readonly Family[] = [
  "faithfulness",
  "robustness",
  "complexity",
  "randomisation",
  "localisation",
  "cost",
];

const listed = (words: Iterable<string>): string => [...new Set(words)].sort().join(", ");
const plural = (n: number, word: string): string => `${n} ${word}${n === 1 ? "" : "s"}`;
const nameOf = ({ id, title }: Pick<Metric, "id" | "title">): string => `[${title}](metrics/${id}.md)`;

function scoresOf(metric: Metric, rows: readonly Row[]): readonly (readonly string[])[] {
  return controlIds.map((control, k) => {
    const found = pooled(rows.map((row) => row.controls[control]));
    return [
      k === 0 ? nameOf(metric) : "",
      `\`${control}\``,
      mustScore(metric.controls[control]),
      found === undefined ? "no score" : withError(found.mean, found.error),
      found === undefined || found.low === found.high ? "" : `${digits(found.low)} to ${digits(found.high)}`,
    ];
  });
}

const duelText = ({ model, best }: Row): string =>
  best === null
    ? `\`${model}\`: no method could be compared`
    : `\`${model}\`: best \`${best.method}\` ${digits(best.mean)}, \`${best.control}\` ${best.controlMean === null ? "none" : digits(best.controlMean)}; better by ${digits(best.difference[0])} to ${digits(best.difference[1])}`;

/** The page, whole. */
export function pageOf({ rows }: Measurements): string {
  const own = metrics
    .map((metric) => ({ metric, rows: rows.filter((r) => r.metric === metric.id) }))
    .filter((entry) => entry.rows.length > 0);
  const gated = own.filter(({ metric }) => metric.gate === "controls");
  const separates = ({ rows: of }: { rows: readonly Row[] }) => of.filter((r) => r.passed.length > 0);
  const silent = ({ rows: of }: { rows: readonly Row[] }) =>
    of.every((r) => controlIds.every((c) => r.controls[c].n === 0));
  const never = gated.filter((entry) => separates(entry).length === 0 && !silent(entry));
  const wrong = rows.flatMap((row) =>
    row.violations.map((violation) => `- \`${row.metric}\` on \`${row.model}\`, ${violation}`),
  );
  const dates = rows.map((r) => r.date).sort();
  const models = [...new Set(rows.map((r) => r.model))].sort();
  const runs = new Map(rows.map((r) => [`${r.protocol} ${r.samples}`, r]));
  return `${[
    "# What controls score",
    "",
    "The four controls cannot know the model: what they must score on each metric is written in the metric's file, and asserted of every run. Here is what they",
    "did score on the bundled models and the pictures that these were trained on. Written by `scripts/controls-table.ts` from `controls.json`; do not edit by hand.",
    "What the metrics are: [metrics.md](metrics.md).",
    "",
    `Measured: ${plural(own.length, "metric")} on ${plural(models.length, "model")} (${models.map((m) => `\`${m}\``).join(", ") || "none"}); ${
      listed([...runs.values()].map((r) => `protocol \`${r.protocol}\` on ${plural(r.samples, "image")}`)) ||
      "nothing"
    }; ${dates[0] ?? "never"} to ${dates.at(-1) ?? "never"}.`,
    "",
    "- **scored**: the mean over models of their means over images, ± its standard error over images.",
    "- **models**: the lowest and the highest mean of a model.",
    "",
    wrong.length === 0
      ? "Every control scored what it must, on every model."
      : "A control scored what it must not:",
    ...(wrong.length === 0 ? [] : ["", ...wrong]),
    ...families.flatMap((family) => {
      const entries = own.filter(({ metric }) => metric.family === family);
      if (entries.length === 0) return [];
      return [
        "",
        `## ${family[0].toUpperCase()}${family.slice(1)}`,
        "",
        ...table(
          ["metric", "control", "must score", "scored", "models"],
          entries.flatMap(({ metric, rows: of }) => scoresOf(metric, of)),
        ),
      ];
    }),
    ...(gated.length === 0
      ? []
      : [
          "",
          "## What beats the controls",
          "",
          "Metrics with `gate: controls`, and the standard methods: one passes on a model where the 95 % interval of its mean difference to every control lies above 0. With few",
          "images few pass.",
          "",
          "- **models**: on which at least one standard method passes.",
          "- **pairs**: of a standard method and a model that pass.",
          "- **methods**: how many models each passes on.",
          "",
          ...table(
            ["metric", "models", "pairs", "methods"],
            gated.map((entry) => {
              const of = entry.rows;
              const counts = new Map<string, number>();
              for (const id of of.flatMap((r) => r.passed)) counts.set(id, (counts.get(id) ?? 0) + 1);
              return [
                nameOf(entry.metric),
                `${separates(entry).length} of ${of.length}`,
                `${of.reduce((n, r) => n + r.passed.length, 0)} of ${of.reduce((n, r) => n + r.scored.length, 0)}`,
                [...counts]
                  .sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1))
                  .map(([id, n]) => `\`${id}\` ${n}`)
                  .join(", "),
              ];
            }),
          ),
          "",
          "## Gates that nothing passes",
          "",
          ...gated
            .filter(silent)
            .flatMap(({ metric }) => [
              `No control has a score by ${nameOf(metric)}: there is nothing to beat.`,
              "",
            ]),
          never.length === 0
            ? "None: on each of these metrics some standard method beats every control on some bundled model."
            : "No standard method beats every control on any bundled model. That says nothing against a method or a metric by itself: models this small, on drawn pictures, may leave nothing to tell apart.",
          ...never.flatMap(({ metric, rows: of }) => [
            "",
            `### ${metric.title}`,
            "",
            ...of.map((row) => `- ${duelText(row)}`),
          ]),
        ]),
  ].join("\n")}\n`;
}
