/** Results as text: aligned tables for people, deterministic JSON for programs. */
import { clipToWidth, displayWidth } from "./width.ts";

export type Cell = string | number | null | undefined;

export interface Column {
  readonly title: string;
  /** Adds `↑` or `↓` to the title. */
  readonly better?: "higher" | "lower";
  /** Default: right if every cell is a number or missing, else left. */
  readonly align?: "left" | "right";
  /** Default: `numberFormat` of the column's numbers. */
  readonly format?: (value: number) => string;
}

const between = "  ";
const missing = "–";

/**
 * Lines of a table, each ending in a newline. With `width` (terminal columns) the widest text column gives way with `…`; numbers are
 * never cut.
 */
export function table(
  columns: readonly Column[],
  rows: readonly (readonly Cell[])[],
  options: { readonly width?: number } = {},
): string {
  const drawn = columns.map((column, c) =>
    drawColumn(
      column,
      rows.map((row) => row[c]),
    ),
  );
  const widths = drawn.map(({ lines }) => Math.max(...lines.map(displayWidth)));
  const excess =
    widths.reduce((sum, w) => sum + w, 0) +
    between.length * (columns.length - 1) -
    (options.width ?? Infinity);
  if (excess > 0) {
    const texts = drawn.map(({ numeric }, c) => (numeric ? 0 : widths[c]));
    const widest = texts.indexOf(Math.max(...texts));
    if (texts[widest] > 0) widths[widest] = Math.max(8, widths[widest] - excess);
  }
  const line = (k: number) =>
    drawn
      .map(({ lines, align }, c) => pad(clipToWidth(lines[k], widths[c]), widths[c], align))
      .join(between)
      .trimEnd();
  const rule = widths.map((w) => "─".repeat(w)).join(between);
  return `${[line(0), rule, ...rows.map((_, k) => line(k + 1))].join("\n")}\n`;
}

function drawColumn({ title, better, align, format }: Column, cells: readonly Cell[]) {
  const numbers = cells.filter((cell) => typeof cell === "number");
  const numeric = cells.every((cell) => typeof cell !== "string") && numbers.length > 0;
  const write = format ?? numberFormat(numbers);
  const body = cells.map((cell) => {
    if (cell === null || cell === undefined || cell === "") return missing;
    return typeof cell === "number" ? write(cell) : printable(cell);
  });
  const arrow = better === undefined ? "" : better === "higher" ? " ↑" : " ↓";
  return { lines: [`${title}${arrow}`, ...body], numeric, align: align ?? (numeric ? "right" : "left") };
}

const pad = (text: string, width: number, align: "left" | "right") => {
  const space = " ".repeat(Math.max(0, width - displayWidth(text)));
  return align === "right" ? space + text : text + space;
};

/**
 * One way to write all numbers of a column, so that their points stand under each other: integers as they are, else three decimals, or
 * three digits with an exponent where three decimals would hide the value.
 */
export function numberFormat(numbers: readonly number[]): (value: number) => string {
  if (numbers.every(Number.isInteger)) return String;
  const sizes = numbers.map(Math.abs).filter((size) => size !== 0 && Number.isFinite(size));
  const plain = sizes.every((size) => size >= 1e-3 && size < 1e6);
  return (value) =>
    (plain || value === 0 ? value.toFixed(3) : value.toExponential(2)).replace("-0.000", "0.000");
}

/** Text from files may hold control characters, which would drive the reader's terminal: they are shown as escapes. */
export const printable = (text: string): string =>
  text.replace(
    // biome-ignore lint/suspicious/noControlCharactersInRegex: finding them is the point
    /[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
