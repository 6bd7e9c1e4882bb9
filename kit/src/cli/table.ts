/** Results as text: aligned tables for people, deterministic JSON for programs. */
import { clipToWidth, displayWidth, wrapText } from "./width.ts";

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

export interface TableOptions {
  /** terminal columns; unlimited unless told */
  readonly width?: number;
  /** Too many columns go on in a second table with the same first column, instead of the texts giving way. */
  readonly split?: boolean;
}

/**
 * Lines of a table, each ending in a newline. Where `width` is too small, titles break at spaces and hyphens; then the widest text
 * column gives way with `…`, or the table is split. Numbers are never cut.
 */
export function table(
  columns: readonly Column[],
  rows: readonly (readonly Cell[])[],
  { width = Number.POSITIVE_INFINITY, split = false }: TableOptions = {},
): string {
  const wide = columns.map((column, c) =>
    drawColumn(
      column,
      rows.map((row) => row[c]),
    ),
  );
  if (widthOf(wide) <= width) return lay(wide);
  const narrow = wide.map(breakTitle);
  if (widthOf(narrow) <= width) return lay(narrow);
  return split ? blocks(narrow, width).map(lay).join("\n") : lay(clipWidest(narrow, width));
}

interface Drawn {
  readonly title: readonly string[];
  readonly body: readonly string[];
  readonly width: number;
  readonly numeric: boolean;
  readonly align: "left" | "right";
}

const widest = (lines: readonly string[]): number => Math.max(0, ...lines.map(displayWidth));
const widthOf = (drawn: readonly Drawn[]): number =>
  drawn.reduce((sum, { width }) => sum + width, between.length * (drawn.length - 1));

function drawColumn({ title, better, align, format }: Column, cells: readonly Cell[]): Drawn {
  const numbers = cells.filter((cell) => typeof cell === "number");
  const numeric = cells.every((cell) => typeof cell !== "string") && numbers.length > 0;
  const write = format ?? numberFormat(numbers);
  const body = cells.map((cell) => {
    if (cell === null || cell === undefined || cell === "") return missing;
    return typeof cell === "number" ? write(cell) : printable(cell);
  });
  // the arrow stays with the last word
  const arrow = better === undefined ? "" : better === "higher" ? "\u00a0↑" : "\u00a0↓";
  const head = `${title}${arrow}`;
  return {
    title: [head],
    body,
    width: widest([head, ...body]),
    numeric,
    align: align ?? (numeric ? "right" : "left"),
  };
}

const titleBreaks = /(?<= )|(?<=-)/;

function breakTitle(drawn: Drawn): Drawn {
  const longest = widest(drawn.title[0].split(titleBreaks).map((piece) => piece.trimEnd()));
  const width = Math.max(longest, widest(drawn.body));
  return { ...drawn, width, title: wrapText(drawn.title[0], width, titleBreaks) };
}

function clipWidest(drawn: readonly Drawn[], width: number): Drawn[] {
  const texts = drawn.map((column) => (column.numeric ? 0 : column.width));
  const at = texts.indexOf(Math.max(...texts));
  const less = Math.max(8, drawn[at].width - (widthOf(drawn) - width));
  return drawn.map((column, c) => (c === at && texts[at] > 0 ? { ...column, width: less } : column));
}

/** As many columns as fit beside the first one, then the next ones. */
function blocks([first, ...others]: readonly Drawn[], width: number): Drawn[][] {
  const made: Drawn[][] = [];
  for (const column of others) {
    const last = made.at(-1);
    if (last !== undefined && widthOf([...last, column]) <= width) last.push(column);
    else made.push([first, column]);
  }
  return made;
}

function lay(drawn: readonly Drawn[]): string {
  const line = (cell: (column: Drawn) => string) =>
    `${drawn
      .map((column) => pad(clipToWidth(cell(column), column.width), column.width, column.align))
      .join(between)
      .trimEnd()}\n`;
  const height = Math.max(...drawn.map(({ title }) => title.length));
  const head = Array.from({ length: height }, (_, k) =>
    line(({ title }) => title[k - height + title.length] ?? ""),
  );
  const rule = `${drawn.map(({ width }) => "─".repeat(width)).join(between)}\n`;
  return [...head, rule, ...drawn[0].body.map((_, k) => line(({ body }) => body[k]))]
    .join("")
    .replaceAll("\u00a0", " ");
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
