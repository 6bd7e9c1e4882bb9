/** What a reader has chosen on the leaderboard, as the address holds it. Defaults leave no trace there. */

export interface BoardState {
  /** filter → value */
  readonly filters: Readonly<Record<string, string>>;
  readonly sort: { readonly column: string; readonly descending: boolean } | null;
  /** shown columns, in the table's order */
  readonly columns: readonly string[];
}

export interface BoardChoices {
  readonly filters: Readonly<Record<string, readonly string[]>>;
  readonly columns: readonly { readonly id: string; readonly standard: boolean }[];
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
  return {
    filters,
    sort: known.includes(column) ? { column, descending: sort.startsWith("-") } : null,
    columns: wanted ? known.filter((id) => wanted.includes(id)) : standardOf(choices),
  };
}

/** "?data=phantom-cxr&sort=-infidelity", or "" for what the page shows by itself. */
export function searchOf(state: BoardState, choices: BoardChoices): string {
  const query = new URLSearchParams();
  for (const id of Object.keys(choices.filters)) if (state.filters[id]) query.set(id, state.filters[id]);
  if (state.sort) query.set("sort", `${state.sort.descending ? "-" : ""}${state.sort.column}`);
  if (state.columns.join() !== standardOf(choices).join()) query.set("columns", state.columns.join());
  // a comma needs no escape in a query, and reads better without
  const text = query.toString().replaceAll("%2C", ",");
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
