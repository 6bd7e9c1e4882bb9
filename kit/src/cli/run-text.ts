/** A run document as text: how well the model classifies, the scores of its explanations, and why some are missing. */
import { externalReason } from "../methods/external.ts";
import { metricOf } from "../protocol/protocol.ts";
import type { Result } from "../results/document.ts";
import { typical } from "../stats/summarise.ts";
import { table } from "./table.ts";
import { paragraph } from "./width.ts";

export interface ReportOptions {
  readonly columns: number | undefined;
  /** private data sets publish none, but who runs them may see them */
  readonly classNames: readonly string[];
}

export function reportText(result: Result, options: ReportOptions): string {
  const { columns } = options;
  return [
    qualityText(result, options),
    cellTable(result, columns),
    notes(result)
      .map((note) => paragraph(note, columns ?? Number.POSITIVE_INFINITY, 0, 2))
      .join(""),
  ].join("\n");
}

function qualityText({ quality }: Result, { columns: width, classNames }: ReportOptions): string {
  const percent = (v: number) => v.toFixed(4);
  const overall = table(
    [
      { title: "n" },
      ...["AUROC", "AP", "macro-F1", "accuracy", "balanced"].map((title) => ({ title, format: percent })),
    ],
    [
      [
        quality.n,
        quality.auroc,
        quality.averagePrecision,
        quality.macroF1,
        quality.accuracy,
        quality.balancedAccuracy,
      ],
    ],
    { width, split: true },
  );
  if (quality.perClass.length > 20) return overall;
  const present = quality.perClass.filter((c) => c.truePositive + c.falseNegative > 0);
  return `${overall}\n${table(
    [
      { title: "class" },
      { title: "n" },
      ...["sensitivity", "specificity", "precision", "AUROC"].map((title) => ({ title, format: percent })),
    ],
    present.map((c) => [
      classNames[c.class] ?? `class ${c.class}`,
      c.truePositive + c.falseNegative,
      c.sensitivity,
      c.specificity,
      c.precision,
      c.auroc,
    ]),
    { width },
  )}`;
}

/** Methods × metrics; controls below the methods, in brackets, since they are not in the running; maps from elsewhere have a star. */
function cellTable({ methods, metrics, statistics }: Result, width: number | undefined): string {
  const columns = [
    { title: "method" },
    ...metrics.map(({ id, better }) => ({ title: id, better: better as "higher" | "lower" })),
  ];
  const means = new Map(statistics.cells.map((c) => [`${c.method} ${c.metric}`, typical(c)]));
  const row = (method: string, label: string) => [
    label,
    ...metrics.map(({ id }) => means.get(`${method} ${id}`)),
  ];
  const rows = [
    ...methods.filter((m) => !m.control).map((m) => row(m.id, m.external ? `${m.id} *` : m.id)),
    ...methods.filter((m) => m.control).map((m) => row(m.id, `(${m.id})`)),
  ];
  return table(columns, rows, { width, split: true });
}

/** How to read the table, and why scores are missing in it. */
function notes(result: Result): string[] {
  const { methods, metrics, selection, statistics, failures } = result;
  const controls = methods.some((m) => m.control);
  const reran = metrics.filter((m) => m.samples < selection.samples).map((m) => m.id);
  const medians = metrics
    .filter((m) => statistics.cells.some((c) => c.metric === m.id && c.median !== undefined))
    .map((m) => m.id);
  return [
    `means over ${counted(selection.samples, "image")}${reran.length > 0 ? ` (${reran.join(", ")}: the first ${selection.rerun})` : ""}; ↑ higher is better, ↓ lower is better${medians.length > 0 ? `; ${medians.join(", ")}: the median` : ""}${controls ? "; (controls) cannot know the model" : ""}`,
    ...suspicions(result),
    ...methods.flatMap(({ id, external }) =>
      external ? [`* ${id}: ${externalReason}; ${external.source}`] : [],
    ),
    ...methods
      .filter((m) => m.status !== "ok" && m.status !== "external")
      .map((m) => `${m.status === "not-applicable" ? "not applicable" : m.status}: ${m.id}: ${m.reason}`),
    ...scoreless(statistics.cells),
    ...failures.map(
      ({ method, metric, code, n }) =>
        `failed ${counted(n, "time")}: ${method}${metric ? ` × ${metric}` : ""}: ${code}`,
    ),
  ];
}

/** Who is right less than half as often as by guessing has most likely given the classes in another order. */
function suspicions({ quality: { accuracy, n }, model }: Result): string[] {
  const guessing = 1 / model.classes;
  if (model.task !== "multi-class" || accuracy === null || n < 30 || accuracy >= guessing / 2) return [];
  return [
    `the model is right on ${(100 * accuracy).toFixed(1)} % of the images, guessing on ${(100 * guessing).toFixed(1)} %: are the classes in the order of its outputs? --class-names gives it`,
  ];
}

/** One line for each metric and reason, with the methods that it left without any score. */
function scoreless(cells: Result["statistics"]["cells"]): string[] {
  const methods = new Map<string, string[]>();
  for (const { method, metric, n, skips } of cells) {
    if (n > 0) continue;
    for (const reason of Object.keys(skips)) {
      const key = `no score by ${metric}: ${reason}`;
      methods.set(key, [...(methods.get(key) ?? []), method]);
    }
  }
  return [...methods].map(([key, own]) => `${key}: ${own.join(", ")}`);
}

export const counted = (n: number, what: string): string =>
  `${n.toLocaleString("en")} ${what}${n === 1 ? "" : "s"}`;

/** `infidelity ↓` */
export const directed = (id: string): string => `${id} ${metricOf(id).better === "higher" ? "↑" : "↓"}`;
