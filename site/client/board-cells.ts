/** Cells of the leaderboard and the comparison below it, as elements. */

import { type Compared, compare } from "../lib/compare.ts";
import { arrow } from "../lib/format.ts";
import type { BoardCell, Column } from "../lib/leaderboard.ts";
import { make } from "./dom.ts";

export function valueCell(column: Column, { text, detail, note, gate }: BoardCell): HTMLTableCellElement {
  const cell = make("td", { class: column.kind === "value" ? "num" : undefined, title: note });
  if (gate !== undefined) {
    const says = gate ? "beats the controls" : "does not beat the controls";
    const mark = `mark ${gate ? "good" : "bad"}`;
    cell.append(make("span", { class: mark, role: "img", "aria-label": says, text: gate ? "✓" : "✕" }));
  }
  cell.append(text);
  if (detail) cell.append(make("i", { text: ` ${detail}` }));
  if (text === "–") cell.append(make("span", { class: "visually-hidden", text: ` ${note ?? ""}` }));
  return cell;
}

/** Fills the table; what may be said in one sentence comes back. */
export function comparisonInto(
  target: Element,
  compared: readonly Compared[],
  measured: readonly Column[],
): string {
  const { facts, best, sentence: says } = compare(compared, measured);
  const group = (title: string) =>
    make(
      "tr",
      {},
      make("th", { class: "group", scope: "rowgroup", colspan: `${compared.length + 1}`, text: title }),
    );
  target.replaceChildren(
    make(
      "thead",
      {},
      make(
        "tr",
        {},
        make("th", { scope: "col", text: "" }, make("span", { class: "visually-hidden", text: "What" })),
        ...compared.map(({ title }) => make("th", { scope: "col", text: title })),
      ),
    ),
    make(
      "tbody",
      {},
      group("Receipt: what must agree, and what else is known"),
      ...facts.map(({ title, must, same, values }) =>
        make(
          "tr",
          {},
          make(
            "th",
            { scope: "row", text: `${title} ` },
            make("i", { text: same ? "same" : must ? "differs: not comparable" : "differs" }),
          ),
          ...values.map((value) =>
            make("td", { class: same ? undefined : must ? "apart" : "differs", text: value }),
          ),
        ),
      ),
    ),
    make(
      "tbody",
      {},
      group("Values and ranks"),
      ...measured.map((column, c) =>
        make(
          "tr",
          {},
          make("th", {
            scope: "row",
            text: `${column.title}${column.better ? ` ${arrow(column.better)}` : ""}`,
          }),
          ...compared.map(({ cells }, k) => {
            const cell = valueCell(column, cells[c]);
            if (best[c] === k) cell.append(make("b", { class: "best", text: " best" }));
            return cell;
          }),
        ),
      ),
    ),
  );
  return says;
}
