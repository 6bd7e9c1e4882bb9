/** Sorting, filtering and columns of the table that the page already holds; all of it in the address. */
import {
  type BoardChoices,
  type BoardState,
  compareCells,
  parseState,
  searchOf,
} from "../lib/board-state.ts";

const table = document.querySelector<HTMLTableElement>("[data-board]");
if (table) start(table);

function start(board: HTMLTableElement): void {
  const body = board.tBodies[0];
  const rows = [...body.rows].map((row) => ({
    row,
    keys: (row.dataset.keys ?? "").split(" "),
    cells: [...row.cells].map((cell) => cell.textContent ?? ""),
  }));
  const heads = [...board.tHead!.rows[0].cells];
  const columns = heads.map((head) => ({
    id: head.dataset.column!,
    kind: head.dataset.kind === "text" ? ("text" as const) : ("number" as const),
    standard: head.hasAttribute("data-standard"),
  }));
  const selects = [...document.querySelectorAll<HTMLSelectElement>("select[data-filter]")];
  const boxes = [...document.querySelectorAll<HTMLInputElement>("input[data-column-box]")];
  const status = document.querySelector("[data-status]");
  const reset = document.querySelector<HTMLButtonElement>("[data-reset]");
  const choices: BoardChoices = {
    filters: Object.fromEntries(
      selects.map((select) => [
        select.dataset.filter!,
        [...select.options].map((o) => o.value).filter(Boolean),
      ]),
    ),
    columns,
  };
  const sheet = new CSSStyleSheet();
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
  let state: BoardState = parseState(location.search, choices);

  function show(): void {
    const { filters, sort } = state;
    const wanted = selects.map((select) => filters[select.dataset.filter!] ?? "");
    const kept = rows.filter(({ keys }) => wanted.every((value, k) => value === "" || keys[k] === value));
    if (sort) {
      const at = columns.findIndex((c) => c.id === sort.column);
      kept.sort((a, b) => compareCells(a.cells[at], b.cells[at], columns[at].kind, sort.descending));
    }
    body.replaceChildren(...kept.map(({ row }) => row));
    const hidden = columns.flatMap((c, k) => (state.columns.includes(c.id) ? [] : [k + 1]));
    sheet.replaceSync(hidden.map((n) => `[data-board] tr > :nth-child(${n}) { display: none }`).join("\n"));
    for (const [k, head] of heads.entries()) {
      if (sort?.column === columns[k].id) head.ariaSort = sort.descending ? "descending" : "ascending";
      else head.removeAttribute("aria-sort");
    }
    for (const [k, select] of selects.entries()) select.value = wanted[k];
    for (const box of boxes) box.checked = state.columns.includes(box.value);
    if (status) status.textContent = `${kept.length} of ${rows.length} rows`;
    if (reset) reset.hidden = searchOf(state, choices) === "";
  }

  function change(next: Partial<BoardState>): void {
    state = { ...state, ...next };
    history.replaceState(null, "", `${location.pathname}${searchOf(state, choices)}${location.hash}`);
    show();
  }

  for (const select of selects) {
    select.addEventListener("change", () =>
      change({ filters: { ...state.filters, [select.dataset.filter!]: select.value } }),
    );
  }
  for (const box of boxes) {
    box.addEventListener("change", () => {
      const shown = new Set(state.columns);
      if (box.checked) shown.add(box.value);
      else shown.delete(box.value);
      change({ columns: columns.map((c) => c.id).filter((id) => shown.has(id)) });
    });
  }
  for (const [k, head] of heads.entries()) {
    head.querySelector("button")?.addEventListener("click", () => {
      const column = columns[k].id;
      const descendsFirst = head.dataset.better === "higher";
      const same = state.sort?.column === column;
      change({ sort: { column, descending: same ? !state.sort!.descending : descendsFirst } });
    });
  }
  reset?.addEventListener("click", () => change(parseState("", choices)));
  addEventListener("popstate", () => {
    state = parseState(location.search, choices);
    show();
  });
  show();
}
