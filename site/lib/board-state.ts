/** What a reader has chosen on the leaderboard, as the address holds it. Defaults leave no trace there. */

export interface BoardState {
  /** filter → value */
  readonly filters: Readonly<Record<string, string>>;
  readonly sort: { readonly column: string; readonly descending: boolean } | null;
  /** shown columns, in the table's order */
  readonly columns: readonly string[];
  /** from 1 */
  readonly page: number;
  /** metric → weight of the reader's own; none: no such ranks */
  readonly weights: Readonly<Record<string, number>>;
  /** rows beside each other, as "run/method"; at most four */
  readonly compare: readonly string[];
}

export const mostCompared = 4;
export const largestWeight = 10;

export interface BoardChoices {
  readonly filters: Readonly<Record<string, readonly string[]>>;
  readonly columns: readonly { readonly id: string; readonly standard: boolean }[];
  /** metrics that can be weighed */
  readonly weights: readonly string[];
}

/** "infidelity:2,sparseness:1" */
function parseWeights(text: string | null, known: readonly string[]): Record<string, number> {
  const weights: Record<string, number> = {};
  for (const part of text?.split(",") ?? []) {
    const [id, value] = part.split(":");
    const weight = /^\d{1,2}(\.\d)?$/.test(value ?? "") ? Number(value) : 0;
    if (known.includes(id) && weight > 0) weights[id] = Math.min(largestWeight, weight);
  }
  return weights;
}

const standardOf = ({ columns }: BoardChoices) => columns.filter((c) => c.standard).map((c) => c.id);

/** Whatever the page does not have is ignored: an old link still opens. */
export function parseState(search: string, choices: BoardChoices): BoardState {
  const query = new URLSearchParams(search);
  const filters: Record<string, string> = {};
  for (const [id, values] of Object.entries(choices.filters)) {
    const value = query.get(id);
    if (value !== null && values.includes(value)) filters[id] = value;
  }
  const sort = query.get("sort") ?? "";
  const column = sort.replace(/^-/, "");
  const wanted = query.get("columns")?.split(",");
  const known = choices.columns.map((c) => c.id);
  const weights = parseWeights(query.get("weights"), choices.weights);
  const sortable = Object.keys(weights).length > 0 ? [...known, "weighted"] : known;
  const page = query.get("page") ?? "";
  return {
    filters,
    sort: sortable.includes(column) ? { column, descending: sort.startsWith("-") } : null,
    columns: wanted ? known.filter((id) => wanted.includes(id)) : standardOf(choices),
    page: /^[1-9]\d{0,4}$/.test(page) ? Number(page) : 1,
    weights,
    compare: [...new Set(query.get("compare")?.split(",").filter(Boolean) ?? [])].slice(0, mostCompared),
  };
}

/** "?data=phantom-cxr&sort=-infidelity", or "" for what the page shows by itself. */
export function searchOf(state: BoardState, choices: BoardChoices): string {
  const query = new URLSearchParams();
  for (const id of Object.keys(choices.filters)) if (state.filters[id]) query.set(id, state.filters[id]);
  if (state.sort) query.set("sort", `${state.sort.descending ? "-" : ""}${state.sort.column}`);
  if (state.columns.join() !== standardOf(choices).join()) query.set("columns", state.columns.join());
  const weights = choices.weights.filter((id) => state.weights[id] > 0);
  if (weights.length > 0) query.set("weights", weights.map((id) => `${id}:${state.weights[id]}`).join());
  if (state.compare.length > 0) query.set("compare", state.compare.join());
  if (state.page > 1) query.set("page", `${state.page}`);
  // these need no escape in a query, and read better without
  const text = query.toString().replaceAll("%2C", ",").replaceAll("%3A", ":").replaceAll("%2F", "/");
  return text === "" ? "" : `?${text}`;
}

/** The first number in a cell, or null where there is none: "2= 1–3" is 2, "−0.12 [−0.2, 0]" is −0.12, "–" is nothing. */
export function firstNumber(text: string): number | null {
  const found = /^\s*([−-]?[\d,]*\.?\d+)/.exec(text);
  return found === null ? null : Number(found[1].replace("−", "-").replaceAll(",", ""));
}

/** Orders cells; what has no value comes last in both directions. */
export function compareCells(a: string, b: string, kind: "text" | "number", descending: boolean): number {
  const sign = descending ? -1 : 1;
  if (kind === "text") return sign * a.localeCompare(b, "en", { numeric: true });
  const [x, y] = [firstNumber(a), firstNumber(b)];
  if (x === null || y === null) return Number(x === null) - Number(y === null);
  return sign * (x - y);
}
