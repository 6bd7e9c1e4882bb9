/**
 * Filters, order, columns, weights and comparison of the leaderboard, over all rows; all of it in the address. The rows that the page holds
 * are what a reader without scripts has; what more is needed is fetched when it is, each part only once.
 */
import {
  type BoardRows,
  type BoardStandings,
  cellAt,
  leadersOf,
  orderedRows,
  overallWeights,
  type Packed,
  type PackedColumn,
  pagesOf,
  type Receipt,
  weightedColumn,
} from "../lib/board-data.ts";
import {
  type BoardChoices,
  type BoardState,
  largestWeight,
  mostCompared,
  parseState,
  searchOf,
} from "../lib/board-state.ts";
import type { Compared } from "../lib/compare.ts";
import { count } from "../lib/format.ts";
import type { BoardCell, Column } from "../lib/leaderboard.ts";
import { csv } from "../lib/table-file.ts";
import { comparisonInto, valueCell } from "./board-cells.ts";
import { all, make } from "./dom.ts";

const table = document.querySelector<HTMLTableElement>("[data-board]");
if (table) start(table);

function start(board: HTMLTableElement): void {
  const { src = "", home = "", runs: runsAddress = "" } = board.dataset;
  const body = board.tBodies[0];
  const headRow = board.tHead!.rows[0];
  const columns: Column[] = [...headRow.cells].map((head) => ({
    id: head.dataset.column!,
    title: head.textContent!.replace(/[↑↓]/g, "").trim(),
    kind: head.dataset.kind as Column["kind"],
    standard: head.hasAttribute("data-standard"),
    better: head.dataset.better as Column["better"],
  }));
  const weighted: Column = { id: "weighted", title: "Your rank", kind: "rank", standard: false };
  const selects = all<HTMLSelectElement>("select[data-filter]");
  const boxes = all<HTMLInputElement>("input[data-column-box]");
  const inputs = all<HTMLInputElement>("input[data-weight]");
  const status = document.querySelector("[data-status]");
  const said = document.querySelector("[data-leaders]");
  const reset = document.querySelector<HTMLButtonElement>("[data-reset]");
  const paging = document.querySelector<HTMLElement>("[data-paging]");
  const choices: BoardChoices = {
    filters: Object.fromEntries(
      selects.map((select) => [
        select.dataset.filter!,
        [...select.options].map((o) => o.value).filter(Boolean),
      ]),
    ),
    columns,
    weights: [...new Set(inputs.map((input) => input.dataset.weight!))],
  };
  const sheet = new CSSStyleSheet();
  let written = "";
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];

  const fetched = new Map<string, Promise<unknown>>();
  const part = <T>(name: string): Promise<T> => {
    if (!fetched.has(name)) {
      const asked = fetch(`${src}${name}.json`).then((response) => {
        if (!response.ok) throw new Error(`${response.status} ${response.url}`);
        return response.json();
      });
      asked.catch(() => fetched.delete(name)); // the next wish tries again
      fetched.set(name, asked);
    }
    return fetched.get(name) as Promise<T>;
  };

  let state: BoardState = parseState(location.search, choices);
  /** what the last wish was, so that a slower one before it draws nothing */
  let wish = 0;
  /** of the rows that are shown, for downloads */
  let shown: { rows: readonly number[]; cell(row: number, column: Column): BoardCell } | undefined;

  /** Columns that are shown, Your rank behind the method where there are weights. */
  const visible = (): Column[] => {
    const [first, ...rest] = columns.filter(({ id }) => id === "method" || state.columns.includes(id));
    return Object.keys(state.weights).length > 0 ? [first, weighted, ...rest] : [first, ...rest];
  };

  async function show(): Promise<void> {
    const mine = ++wish;
    controls();
    try {
      const asksMore = [...state.columns, state.sort?.column].some((id) =>
        columns.some((column) => column.id === id && !column.standard),
      );
      const isWeighed = Object.keys(state.weights).length > 0;
      const [rows, more, standings] = await Promise.all([
        part<BoardRows>("rows"),
        asksMore ? part<Packed>("more") : {},
        isWeighed ? part<BoardStandings>("standings") : undefined,
      ]);
      if (mine !== wish) return;
      const packed: Record<string, PackedColumn> = { ...rows.columns, ...more };
      if (standings) packed.weighted = weightedColumn(standings, rows.run, state.weights);
      draw(rows, packed);
      if (said) said.textContent = standings ? leaders(rows, packed.weighted) : "";
      await showComparison(rows, mine);
    } catch (error) {
      if (mine === wish && status) {
        status.textContent = `The rows cannot be fetched (${error instanceof Error ? error.message : error}). Try again.`;
      }
    }
  }

  /** What the controls say, before anything has come. */
  function controls(): void {
    for (const select of selects) select.value = state.filters[select.dataset.filter!] ?? "";
    for (const box of boxes) box.checked = state.columns.includes(box.value);
    for (const input of inputs) {
      if (input !== document.activeElement) input.value = `${state.weights[input.dataset.weight!] ?? 0}`;
    }
    if (reset) reset.hidden = searchOf(state, choices) === "";
    for (const head of headRow.cells) {
      const id = head.dataset.column!;
      if (state.sort?.column === id) head.ariaSort = state.sort.descending ? "descending" : "ascending";
      else head.removeAttribute("aria-sort");
    }
    const hidden = columns.flatMap((c) => (c.id === "method" || state.columns.includes(c.id) ? [] : [c.id]));
    const position = (id: string) => [...headRow.cells].findIndex((head) => head.dataset.column === id) + 1;
    const rules = hidden
      .map((id) => `[data-board] tr > :nth-child(${position(id)}) { display: none }`)
      .join("\n");
    // new rules have the whole page styled anew
    if (rules !== written) sheet.replaceSync(rules);
    written = rules;
  }

  function draw(rows: BoardRows, packed: Record<string, PackedColumn>): void {
    headFor(packed.weighted !== undefined);
    controls();
    const sorted = [...columns, weighted].find(({ id }) => id === state.sort?.column);
    const kept = orderedRows(
      rows,
      state,
      sorted && packed[sorted.id] && { kind: sorted.kind, packed: packed[sorted.id] },
    );
    const pages = pagesOf(kept, (row) => rows.run[row]);
    const page = Math.min(state.page, pages.length);
    const own = pages[page - 1];
    const whole = packed.weighted ? [columns[0], weighted, ...columns.slice(1)] : columns;
    body.replaceChildren(...own.map((row) => rowElement(rows, packed, whole, row)));
    board.tBodies[0].hidden = false;
    const total = rows.run.length;
    const first = pages.slice(0, page - 1).reduce((sum, { length }) => sum + length, 1);
    if (status) {
      status.textContent = `${count(kept.length)} of ${count(total)} rows${
        pages.length > 1 ? `, ${count(first)} to ${count(first + own.length - 1)} shown` : ""
      }`;
    }
    paging?.replaceChildren(...pagingLinks(page, pages.length));
    shown = { rows: kept, cell: (row, column) => cellAt(packed[column.id], row) };
  }

  /** The head of Your rank stands there only while there are weights. */
  function headFor(isWeighed: boolean): void {
    const there = headRow.querySelector("[data-column=weighted]");
    if (isWeighed && !there) {
      const head = make(
        "th",
        { scope: "col", "data-column": weighted.id, "data-kind": weighted.kind },
        make("button", { type: "button", text: weighted.title, title: "by your weights, no interval" }),
      );
      headRow.cells[0].after(head);
      sortsOnClick(head);
    } else if (!isWeighed) there?.remove();
  }

  function rowElement(
    rows: BoardRows,
    packed: Record<string, PackedColumn>,
    whole: readonly Column[],
    row: number,
  ): HTMLTableRowElement {
    const run = rows.runs[rows.run[row]];
    const id = `${run}/${rows.method.words[rows.method.at[row]]}`;
    return make(
      "tr",
      {},
      ...whole.map((column, at) => {
        // hidden columns are not fetched before they are wanted, and keep their places
        const cell = packed[column.id] ? cellAt(packed[column.id], row) : { text: "" };
        if (at === 0) {
          const box = make("input", { type: "checkbox", value: id, "data-choose": "" });
          box.checked = state.compare.includes(id);
          box.disabled = !box.checked && state.compare.length >= mostCompared;
          return make("th", { scope: "row" }, make("label", {}, box, new Text(` ${cell.text}`)));
        }
        if (column.kind !== "text") return valueCell(column, cell);
        return column.id === "data"
          ? make("td", {}, make("a", { href: `${runsAddress}${run}/`, text: cell.text }))
          : make("td", { text: cell.text });
      }),
    );
  }

  function pagingLinks(page: number, pages: number): Node[] {
    if (pages === 1) return [];
    const link = (to: number, text: string, rel: string) =>
      make("a", {
        href: `${home}${searchOf({ ...state, page: to }, choices)}`,
        rel,
        text,
        "data-page": `${to}`,
      });
    return [
      ...(page > 1 ? [link(page - 1, "Previous", "prev")] : []),
      make("span", { text: `page ${page} of ${pages}` }),
      ...(page < pages ? [link(page + 1, "Next", "next")] : []),
    ];
  }

  function leaders(rows: BoardRows, column: PackedColumn): string {
    const kept = orderedRows(rows, { filters: state.filters, sort: null }, undefined);
    const { words, at } = rows.columns.method.text;
    const first = leadersOf(column, kept, (row) => words[at[row]]);
    const runs = new Set(kept.map((row) => rows.run[row])).size;
    if (first.length === 0) return "No run ranks by all of these.";
    return `First under these weights: ${first
      .slice(0, 4)
      .map(([method, n]) => `${method} in ${n}`)
      .join(", ")} of ${runs} run${runs === 1 ? "" : "s"}.`;
  }

  async function showComparison(rows: BoardRows, mine: number): Promise<void> {
    const place = document.querySelector<HTMLElement>("[data-compare]");
    const target = document.querySelector("[data-compare-table]");
    const sentence = document.querySelector("[data-compare-said]");
    if (!place || !target || !sentence) return;
    if (state.compare.length === 0) {
      place.hidden = true;
      return;
    }
    const known = new Map(
      rows.run.map((run, row) => [`${rows.runs[run]}/${rows.method.words[rows.method.at[row]]}`, row]),
    );
    const chosen = state.compare.flatMap((id) => known.get(id) ?? []);
    place.hidden = chosen.length === 0;
    if (chosen.length === 0) return;
    const [more, receipts] = await Promise.all([part<Packed>("more"), part<readonly Receipt[]>("receipts")]);
    if (mine !== wish) return;
    const packed = { ...rows.columns, ...more };
    const measured = columns.filter(({ kind }) => kind !== "text");
    const compared = chosen.map((row): Compared => {
      const word = (id: string) => cellAt(packed[id], row).text;
      return {
        title: `${word("method")}, ${word("architecture")}, ${word("data")}`,
        run: rows.runs[rows.run[row]],
        receipt: receipts[rows.run[row]],
        cells: measured.map(({ id }) => cellAt(packed[id], row)),
      };
    });
    sentence.textContent = comparisonInto(target, compared, measured);
  }

  function change(next: Partial<BoardState>): void {
    state = { ...state, page: 1, ...next };
    history.replaceState(null, "", `${home}${searchOf(state, choices)}${location.hash}`);
    show();
  }

  function sortsOnClick(head: HTMLElement): void {
    head.querySelector("button")?.addEventListener("click", () => {
      const column = head.dataset.column!;
      const same = state.sort?.column === column;
      const descendsFirst = head.dataset.better === "higher";
      change({ sort: { column, descending: same ? !state.sort!.descending : descendsFirst } });
    });
  }

  function download(kind: "csv" | "json"): void {
    if (shown === undefined) return;
    const { rows, cell } = shown;
    const list = visible();
    const header = list.flatMap(({ id, kind: of }) => (of === "text" ? [id] : [id, `${id}_interval`]));
    const lines = rows.map((row) =>
      list.flatMap((column) => {
        const { text, detail = "" } = cell(row, column);
        return column.kind === "text" ? [text] : [text === "–" ? "" : text, detail];
      }),
    );
    const content =
      kind === "csv"
        ? csv([header, ...lines])
        : `${JSON.stringify({ address: location.href, columns: header, rows: lines })}\n`;
    const address = URL.createObjectURL(
      new Blob([content], { type: kind === "csv" ? "text/csv" : "application/json" }),
    );
    make("a", { href: address, download: `leaderboard.${kind}` }).click();
    setTimeout(() => URL.revokeObjectURL(address), 1000);
  }

  for (const select of selects) {
    select.addEventListener("change", () =>
      change({ filters: { ...state.filters, [select.dataset.filter!]: select.value } }),
    );
  }
  for (const box of boxes) {
    box.addEventListener("change", () => {
      const wanted = new Set(state.columns);
      if (box.checked) wanted.add(box.value);
      else wanted.delete(box.value);
      change({ columns: columns.map((c) => c.id).filter((id) => wanted.has(id)), page: state.page });
    });
  }
  for (const head of headRow.cells) sortsOnClick(head);
  const weigh = (weights: Record<string, number>) => {
    const sort = state.sort?.column === "weighted" && Object.keys(weights).length === 0 ? null : state.sort;
    change({ weights, sort });
  };
  for (const input of inputs) {
    input.addEventListener("input", () => {
      const value = Math.min(largestWeight, Math.max(0, Math.round(10 * Number(input.value)) / 10));
      const weights: Record<string, number> = { ...state.weights };
      if (value > 0) weights[input.dataset.weight!] = value;
      else delete weights[input.dataset.weight!];
      // the slider and the number of one metric follow each other
      for (const other of inputs) {
        if (other !== input && other.dataset.weight === input.dataset.weight) other.value = `${value}`;
      }
      weigh(weights);
    });
  }
  const presets: Readonly<Record<string, () => Record<string, number>>> = {
    overall: () =>
      Object.fromEntries(Object.entries(overallWeights).filter(([id]) => choices.weights.includes(id))),
    equal: () => Object.fromEntries(choices.weights.map((id) => [id, 1])),
    none: () => ({}),
  };
  for (const button of all<HTMLButtonElement>("[data-preset]")) {
    button.addEventListener("click", () => weigh(presets[button.dataset.preset!]()));
  }
  for (const button of all<HTMLButtonElement>("[data-export]")) {
    button.addEventListener("click", () => download(button.dataset.export as "csv" | "json"));
  }
  body.addEventListener("change", ({ target }) => {
    if (!(target instanceof HTMLInputElement) || !target.matches("[data-choose]")) return;
    const chosen = state.compare.filter((id) => id !== target.value);
    const { value } = target;
    change({
      compare: target.checked ? [...chosen, value].slice(-mostCompared) : chosen,
      page: state.page,
    });
    // drawing made the rows anew
    const focus = () =>
      body.querySelector<HTMLElement>(`[data-choose][value="${CSS.escape(value)}"]`)?.focus();
    part("rows").then(() => requestAnimationFrame(focus));
  });
  document.querySelector("[data-compare-clear]")?.addEventListener("click", () => {
    change({ compare: [], page: state.page });
    document.querySelector<HTMLElement>("[aria-label=Leaderboard]")?.focus();
  });
  paging?.addEventListener("click", (event) => {
    const link = (event.target as Element).closest<HTMLElement>("[data-page]");
    if (!link) return;
    event.preventDefault();
    change({ page: Number(link.dataset.page) });
    board.scrollIntoView({ block: "start" });
  });
  reset?.addEventListener("click", () => change(parseState("", choices)));
  addEventListener("popstate", () => {
    state = parseState(location.search, choices);
    show();
  });

  // a page further on, as it lies on the disk, is page so and so of all rows
  const page = /\/(\d+)\/$/.exec(location.pathname)?.[1];
  if (page !== undefined && location.search === "") state = { ...state, page: Number(page) };
  const isWish = searchOf({ ...state, page: 1 }, choices) !== "";
  const drawer = document.querySelector<HTMLDetailsElement>("[data-weights]");
  if (drawer && Object.keys(state.weights).length > 0) drawer.open = true;
  if (isWish || state.page > 1) show();
  else {
    controls();
    // the rows are there already: the data of all comes when a hand nears what needs it
    const near = () => part("rows").catch(() => undefined);
    for (const place of all(".tools, [data-weights], [data-board]")) {
      for (const event of ["pointerenter", "focusin"]) place.addEventListener(event, near, { once: true });
    }
  }
}
