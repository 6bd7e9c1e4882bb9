/**
 * The leaderboard for the script that filters, orders and weighs it, and what that script computes: by columns, since equal words stand
 * together there and take little room.
 */
import { weightedRanks } from "../../kit/src/stats/weights.ts";
import { type BoardState, compareCells, firstNumber } from "./board-state.ts";
import type { BoardCell, Column } from "./leaderboard.ts";

/** Words, and which of them stands in each row. */
export interface Coded {
  readonly words: readonly string[];
  readonly at: readonly number[];
}

/** One column. What no row has is left out. */
export interface PackedColumn {
  readonly text: Coded;
  readonly detail?: Coded;
  readonly note?: Coded;
  /** 0: none */
  readonly place?: readonly number[];
  /** a letter per row: "+" beats every control, "-" does not, "." not known */
  readonly gate?: string;
}

export type Packed = Readonly<Record<string, PackedColumn>>;

/** The rows, and the columns that are shown at first. */
export interface BoardRows {
  readonly runs: readonly string[];
  /** per row, an index of `runs` */
  readonly run: readonly number[];
  readonly method: Coded;
  /** filter → its value in each row */
  readonly keys: Readonly<Record<string, Coded>>;
  readonly columns: Packed;
}

/** The mean standing of each row by each metric that can be weighed; `null` where it has none. */
export interface BoardStandings {
  readonly metrics: readonly string[];
  readonly scores: readonly (readonly (number | null)[])[];
}

/** What two runs must have in common before their values are compared, and what else is worth knowing. */
export interface Receipt {
  readonly protocol: string;
  readonly fingerprint: string;
  readonly resolution: string;
  readonly preprocessing: string;
  readonly images: string;
  readonly kit: string;
  readonly engine: string;
  readonly tier: string;
}

export function code(texts: readonly string[]): Coded {
  const index = new Map<string, number>();
  const at = texts.map((text) => {
    if (!index.has(text)) index.set(text, index.size);
    return index.get(text)!;
  });
  return { words: [...index.keys()], at };
}

export function pack(cells: readonly BoardCell[]): PackedColumn {
  const has = (of: (cell: BoardCell) => unknown) => cells.some((cell) => of(cell) !== undefined);
  const words = (of: (cell: BoardCell) => string | undefined) => code(cells.map((cell) => of(cell) ?? ""));
  return {
    text: words(({ text }) => text),
    ...(has(({ detail }) => detail) && { detail: words(({ detail }) => detail) }),
    ...(has(({ note }) => note) && { note: words(({ note }) => note) }),
    ...(has(({ place }) => place) && { place: cells.map(({ place }) => place ?? 0) }),
    ...(has(({ gate }) => gate) && {
      gate: cells.map(({ gate }) => (gate === undefined ? "." : gate ? "+" : "-")).join(""),
    }),
  };
}

export function cellAt(column: PackedColumn, row: number): BoardCell {
  const word = (coded: Coded | undefined) => coded?.words[coded.at[row]] || undefined;
  const gate = column.gate?.[row];
  return {
    text: word(column.text) ?? "",
    detail: word(column.detail),
    note: word(column.note),
    place: column.place?.[row] || undefined,
    gate: gate === "+" ? true : gate === "-" ? false : undefined,
  };
}

/** Rows shown at once, or a few more: what a phone lays out without a halt. */
export const rowsOnPage = 30;

/** Rows cut into pages; neighbours of one run stay together. */
export function pagesOf<Row>(rows: readonly Row[], runOf: (row: Row) => unknown): Row[][] {
  const pages: Row[][] = [];
  for (const [k, row] of rows.entries()) {
    const page = pages.at(-1);
    if (page === undefined || (page.length >= rowsOnPage && runOf(rows[k - 1]) !== runOf(row)))
      pages.push([row]);
    else page.push(row);
  }
  return pages.length === 0 ? [[]] : pages;
}

/** The rows that pass the filters, in the order that is asked for, as indices. */
export function orderedRows(
  { keys, run }: Pick<BoardRows, "keys" | "run">,
  state: Pick<BoardState, "filters" | "sort">,
  column: { readonly kind: Column["kind"]; readonly packed: PackedColumn } | undefined,
): number[] {
  const wanted = Object.entries(state.filters).flatMap(([id, value]) => {
    const coded = keys[id];
    return coded && value !== "" ? [{ at: coded.at, code: coded.words.indexOf(value) }] : [];
  });
  const kept: number[] = [];
  for (let row = 0; row < run.length; row++) {
    if (wanted.every(({ at, code: value }) => at[row] === value)) kept.push(row);
  }
  if (state.sort === null || column === undefined) return kept;
  const { descending } = state.sort;
  if (column.kind === "text") {
    const { words, at } = column.packed.text;
    const order = rankOfWords(words);
    return kept.sort((a, b) => (descending ? order[at[b]] - order[at[a]] : order[at[a]] - order[at[b]]));
  }
  const values = orderValues(column.packed, run);
  return kept.sort((a, b) => {
    const [x, y] = [values[a], values[b]];
    if (x === null || y === null) return Number(x === null) - Number(y === null);
    return descending ? y - x : x - y;
  });
}

/** Words repeat, and comparing as people read is slow: once per word. */
function rankOfWords(words: readonly string[]): number[] {
  const order = [...words.keys()].sort((a, b) => compareCells(words[a], words[b], "text", false));
  const rank = new Array<number>(words.length);
  for (const [position, word] of order.entries()) rank[word] = position;
  return rank;
}

/**
 * What rows are ordered by. Methods of one run that its images do not separate get one value, the mean of theirs, and so stay in the
 * order the page has for them: their own values would claim an order that nobody has measured.
 */
export function orderValues(column: PackedColumn, run: readonly number[]): (number | null)[] {
  const numbers = column.text.words.map(firstNumber);
  const values = column.text.at.map((word) => numbers[word]);
  const { place } = column;
  if (place === undefined) return values;
  const groups = new Map<string, number[]>();
  for (const [row, value] of values.entries()) {
    if (value === null || place[row] === 0) continue;
    const key = `${run[row]} ${place[row]}`;
    groups.set(key, [...(groups.get(key) ?? []), row]);
  }
  for (const group of groups.values()) {
    const mean = group.reduce((sum, row) => sum + values[row]!, 0) / group.length;
    for (const row of group) values[row] = mean;
  }
  return values;
}

/** Weights that give the protocol's own overall ranks: two facets, one of three metrics and one of one. */
export const overallWeights: Readonly<Record<string, number>> = {
  infidelity: 1,
  "deletion-auc": 1,
  "insertion-auc": 1,
  "max-sensitivity": 3,
};

/** The column of ranks under a reader's own weights, run by run. */
export function weightedColumn(
  { metrics, scores }: BoardStandings,
  run: readonly number[],
  weights: Readonly<Record<string, number>>,
): PackedColumn {
  const used = metrics.flatMap((id, m) => (weights[id] > 0 ? [{ weight: weights[id], of: scores[m] }] : []));
  const rows = new Map<number, number[]>();
  for (const [row, r] of run.entries()) rows.set(r, [...(rows.get(r) ?? []), row]);
  const cells = new Array<BoardCell>(run.length).fill({ text: "–", note: "no weight above 0" });
  if (used.length === 0) return pack(cells);
  for (const own of rows.values()) {
    const able = own.filter((row) => used.every(({ of }) => of[row] !== null));
    const ranks = weightedRanks(
      used.map(({ of }) => able.map((row) => of[row]!)),
      used.map(({ weight }) => weight),
    )!;
    for (const row of own) cells[row] = { text: "–", note: "not ranked by every metric that has a weight" };
    for (const [k, row] of able.entries()) {
      const shared = ranks.filter((rank) => rank === ranks[k]).length > 1;
      cells[row] = { text: `${ranks[k]}${shared ? "=" : ""}`, note: "under your weights, no interval" };
    }
  }
  return pack(cells);
}

/** "SmoothGrad in 9 of 16 runs, Occlusion in 4": who is first under the weights, most often first. */
export function leadersOf(column: PackedColumn, rows: readonly number[], method: (row: number) => string) {
  const first = new Map<string, number>();
  for (const row of rows) {
    if (firstNumber(cellAt(column, row).text) === 1)
      first.set(method(row), (first.get(method(row)) ?? 0) + 1);
  }
  return [...first].sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1));
}
