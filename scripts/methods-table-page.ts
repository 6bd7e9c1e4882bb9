/** What scripts/methods-table.ts measures, as data, and the page made of it: kit/docs/methods-cost.md. */
import { methods } from "../kit/src/methods/index.ts";

/** Quarter budgets, as protocol `quick` has them, or the defaults. */
export type Budget = "quick" | "default";

interface Tried {
  /** the model's file, without its ending */
  readonly model: string;
  readonly sha256: string;
  readonly method: string;
  readonly revision: number;
  readonly budget: Budget;
  readonly date: string;
  /** [C, H, W] */
  readonly input: readonly number[];
  /** "onnxruntime-node 1.30.0, cpu, 2 threads" */
  readonly engine: string;
}

export interface Measured extends Tried {
  readonly status: "ok";
  /** of the map alone, without those in which graphs were loaded */
  readonly ms: number;
  readonly forwards: number;
  readonly backwards: number;
  /** "map is zero", where it is */
  readonly note: string | null;
}

export interface Missing extends Tried {
  readonly status: "not-applicable" | "failed";
  readonly reason: string;
}

export type Row = Measured | Missing;
export interface Measurements {
  readonly rows: readonly Row[];
}

export const keyOf = ({ model, method, budget }: Pick<Row, "model" | "method" | "budget">): string =>
  `${model} ${method} ${budget}`;

const cell = (text: string): string => text.replaceAll("|", "\\|").replaceAll(/\s*\n\s*/g, " ");
const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map(() => "---"), ...rows].map((row) => `| ${row.map(cell).join(" | ")} |`).join("\n");

const listed = (words: Iterable<string>): string => [...new Set(words)].sort().join(", ");

const time = (ms: number): string =>
  ms < 100
    ? `${Number(ms.toPrecision(2))} ms`
    : ms < 1000
      ? `${ms.toFixed(0)} ms`
      : `${(ms / 1000).toFixed(1)} s`;

function cellOf(row: Row | undefined): string {
  if (row === undefined) return "";
  if (row.status !== "ok") return row.status === "failed" ? "**fails**" : "–";
  return `${time(row.ms)} (${row.forwards} + ${row.backwards})${row.note === null ? "" : "*"}`;
}

/** Methods that cannot, with the models of one reason together. */
function reasons(rows: readonly Row[], status: Missing["status"]): string {
  const found = new Map<string, Map<string, string[]>>();
  for (const row of rows) {
    if (row.status !== status) continue;
    const of = found.get(row.method) ?? new Map<string, string[]>();
    found.set(row.method, of.set(row.reason, [...(of.get(row.reason) ?? []), row.model]));
  }
  return [...found]
    .flatMap(([method, of]) =>
      [...of].map(
        ([reason, models]) => `- \`${method}\` on ${models.map((m) => `\`${m}\``).join(", ")}: ${reason}`,
      ),
    )
    .join("\n");
}

/** In the order of the registry, those it does not know last. */
const ordered = (ids: Iterable<string>): readonly string[] => {
  const known = methods.map((m) => m.id);
  const place = (id: string) => (known.includes(id) ? known.indexOf(id) : known.length);
  return [...new Set(ids)].sort((a, b) => place(a) - place(b));
};

const budgets: Readonly<Record<Budget, string>> = {
  quick: "A quarter of every budget, as protocol `quick` has it",
  default: "Default budgets",
};

/** The page, whole. */
export function pageOf({ rows }: Measurements): string {
  const dates = rows.map((r) => r.date).sort();
  const parts = (["quick", "default"] as const).flatMap((budget) => {
    const own = rows.filter((r) => r.budget === budget);
    if (own.length === 0) return [];
    const models = [...new Set(own.map((r) => r.model))];
    const at = new Map(own.map((r) => [keyOf(r), r]));
    const size = (model: string) =>
      own
        .find((r) => r.model === model)
        ?.input.slice(1)
        .join("×");
    const failed = reasons(own, "failed");
    const missing = reasons(own, "not-applicable");
    const odd = own.filter((r) => r.status === "ok" && r.note !== null);
    return [
      `## ${budgets[budget]}`,
      table(
        ["method", ...models.map((m) => `${m} (${size(m)})`)],
        ordered(own.map((r) => r.method)).map((method) => [
          `\`${method}\``,
          ...models.map((model) => cellOf(at.get(keyOf({ model, method, budget })))),
        ]),
      ),
      ...(odd.length === 0
        ? []
        : [
            odd
              .map((r) => `- \\* \`${r.method}\` on \`${r.model}\`: ${"note" in r ? r.note : ""}`)
              .join("\n"),
          ]),
      ...(missing === "" ? [] : [`### Not applicable\n\n${missing}`]),
      ...(failed === "" ? [] : [`### Failed\n\n${failed}`]),
    ];
  });
  return `# What methods cost

Every method on larger networks with random weights, one image: time and passes, or why it does not apply. Written by \`scripts/methods-table.ts\`
from \`methods-cost.json\`, which has every figure; do not edit by hand. What the methods are: [methods.md](methods.md).

${rows.length} pairs of a model and a method were tried (${dates[0] ?? "never"} to ${dates.at(-1) ?? "never"}; ${listed(rows.map((r) => r.engine))}).

- **Time** is that of the map alone, nothing shared with other methods, graphs loaded and once run.
- **In brackets**: forward + backward passes of the model, in images. A pass that begins at an inner layer counts as one.
- **–**: not applicable, for the reason below the table.

${parts.join("\n\n")}
`;
}
