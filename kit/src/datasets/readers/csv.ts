/** Tables as publishers ship them (RFC 4180, with or without byte order mark, any line ends), row by row: their size does not matter. */
import { createReadStream } from "node:fs";
import { parse } from "csv-parse";
import { KitError } from "../../errors.ts";

export interface CsvRow {
  /** where it begins, from 1 */
  readonly line: number;
  readonly cells: readonly string[];
}

/** Longer rows are no table: an unclosed quote would read the rest of the file as one cell. */
const MAX_ROW_BYTES = 2 ** 20;

/**
 * The rows of a table, its header first; empty lines are left out, spaces around cells too.
 *
 * @throws KitError E_TABLE naming the line, where quotes do not match or a row has over 1 MiB; E_DATASET_MISSING without the file
 */
export async function* csvRows(path: string): AsyncGenerator<CsvRow> {
  const source = createReadStream(path);
  const parser = parse({
    bom: true,
    info: true,
    trim: true,
    relax_column_count: true,
    skip_empty_lines: true,
    // by itself it takes the first line's for all of them
    record_delimiter: ["\r\n", "\n", "\r"],
    max_record_size: MAX_ROW_BYTES,
  });
  // pipe hands on no errors
  source.on("error", (cause) => parser.destroy(cause));
  source.pipe(parser);
  const ends = (cells: readonly string[], end: RegExp) => cells.join("").match(end)?.length ?? 0;
  let [line, twice] = [1, 0];
  try {
    for await (const { record, info } of parser as AsyncIterable<{
      record: string[];
      info: { lines: number };
    }>) {
      // `lines` counts to the end of the row, in which cells may have line ends, and CRLF there as two
      twice += ends(record, /\r\n/g);
      line = info.lines - twice;
      if (record.some((cell) => cell !== ""))
        yield { line: line - ends(record, /\r\n|[\r\n]/g), cells: record };
    }
  } catch (cause) {
    if (!(cause instanceof Error)) throw cause;
    if ("code" in cause && cause.code === "ENOENT") {
      throw new KitError("E_DATASET_MISSING", {
        problem: `${path} does not exist`,
        next: "check the path",
        cause,
      });
    }
    throw new KitError("E_TABLE", {
      problem: `${path}, after line ${line}: ${cause.message}`,
      next: "expected comma-separated values as the publisher ships them",
      cause,
    });
  } finally {
    source.destroy();
  }
}

/**
 * Where the named columns are.
 *
 * @throws KitError E_TABLE listing those that are missing and those that there are
 */
export function columnsOf<Name extends string>(
  header: readonly string[] | undefined,
  names: readonly Name[],
  path: string,
): Readonly<Record<Name, number>> {
  const missing = names.filter((name) => !header?.includes(name));
  if (header === undefined || missing.length > 0) {
    throw new KitError("E_TABLE", {
      problem: header === undefined ? `${path} is empty` : `${path}, line 1: no column ${missing.join(", ")}`,
      details: header === undefined ? [] : [`its columns: ${header.join(", ").slice(0, 500)}`],
      next: `expected ${names.join(", ")}`,
    });
  }
  return Object.fromEntries(names.map((name) => [name, header.indexOf(name)])) as Record<Name, number>;
}
