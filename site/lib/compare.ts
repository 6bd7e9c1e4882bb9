/** Rows beside each other: what they have in common, and whether one of them may be called better. */
import type { Receipt } from "./board-data.ts";
import type { BoardCell, Column } from "./leaderboard.ts";

/** What must agree before a value of one run says anything about a value of another, and what readers should see beside it. */
export const receiptFacts: readonly {
  readonly id: keyof Receipt;
  readonly title: string;
  readonly must: boolean;
}[] = [
  { id: "protocol", title: "Protocol", must: true },
  { id: "fingerprint", title: "Data, fingerprint", must: true },
  { id: "resolution", title: "Resolution", must: true },
  { id: "preprocessing", title: "Preprocessing", must: true },
  { id: "images", title: "Images", must: false },
  { id: "kit", title: "Kit", must: false },
  { id: "engine", title: "Engine", must: false },
  { id: "tier", title: "Evidence tier", must: false },
];

export interface Compared {
  /** "Occlusion, ViT-mini" */
  readonly title: string;
  /** id of the run */
  readonly run: string;
  readonly receipt: Receipt;
  /** one per column */
  readonly cells: readonly BoardCell[];
}

export interface Comparison {
  readonly facts: readonly {
    readonly title: string;
    readonly must: boolean;
    readonly same: boolean;
    readonly values: readonly string[];
  }[];
  /** facts that must agree and do not: nothing is called better then */
  readonly apart: readonly string[];
  /** one per column: the row that is better than all others, or null */
  readonly best: readonly (number | null)[];
  readonly sentence: string;
}

export function compare(rows: readonly Compared[], columns: readonly Column[]): Comparison {
  const facts = receiptFacts.map(({ id, title, must }) => {
    const values = rows.map(({ receipt }) => receipt[id]);
    return { title, must, same: new Set(values).size === 1, values };
  });
  const apart = facts.filter(({ must, same }) => must && !same).map(({ title }) => title);
  const best = columns.map((column, c) =>
    apart.length > 0 || rows.length < 2
      ? null
      : bestOf(
          rows.map(({ run, cells }) => ({ run, ...cells[c] })),
          column,
        ),
  );
  return { facts, apart, best, sentence: sentenceOf(rows, columns, apart, best) };
}

/**
 * Within a run its ranks decide, which are of paired images; between runs of the same data only intervals that do not meet. Ranks of
 * different runs are never compared.
 */
function bestOf(cells: readonly (BoardCell & { readonly run: string })[], column: Column): number | null {
  const oneRun = new Set(cells.map(({ run }) => run)).size === 1;
  if (column.kind === "rank" || (oneRun && cells.every(({ place }) => place !== undefined))) {
    if (!oneRun) return null;
    const ranks = cells.map(({ place, text }) => place ?? Number.parseInt(text, 10));
    if (ranks.some(Number.isNaN)) return null;
    const first = Math.min(...ranks);
    return ranks.filter((rank) => rank === first).length === 1 ? ranks.indexOf(first) : null;
  }
  if (column.kind !== "value" || column.better === undefined || oneRun) return null;
  const ranges = cells.map(({ detail }) => rangeOf(detail));
  const sign = column.better === "higher" ? 1 : -1;
  const found = ranges.findIndex((own, k) =>
    ranges.every(
      (other, j) =>
        j === k || (own !== null && other !== null && (sign > 0 ? own[0] > other[1] : own[1] < other[0])),
    ),
  );
  return found < 0 ? null : found;
}

/** "[−0.12, 0.3]" → [−0.12, 0.3] */
function rangeOf(detail: string | undefined): readonly [number, number] | null {
  const [low, high] = (detail ?? "")
    .replace(/^\[|\]$/g, "")
    .split(", ")
    .map(numberOf);
  return Number.isFinite(low) && Number.isFinite(high) ? [low, high] : null;
}

const numberOf = (text: string): number =>
  text === "" ? Number.NaN : Number(text.replaceAll("−", "-").replaceAll(",", ""));

function sentenceOf(
  rows: readonly Compared[],
  columns: readonly Column[],
  apart: readonly string[],
  best: readonly (number | null)[],
): string {
  if (rows.length < 2) return "Choose another row to compare with.";
  if (apart.length > 0)
    return `None is called better: ${apart.map((title) => title.toLowerCase()).join(", ")} ${apart.length === 1 ? "differs" : "differ"}.`;
  const won = rows.map(({ title }, k) => ({
    title,
    by: columns.filter((_, c) => best[c] === k).map((column) => column.title),
  }));
  const said = won.filter(({ by }) => by.length > 0).map(({ title, by }) => `${title}: ${by.join(", ")}`);
  return said.length === 0
    ? "Not separated by any shown column."
    : `Better than the others by what the images separate: ${said.join("; ")}.`;
}
