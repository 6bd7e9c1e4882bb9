/** Published tables and claims as documents, written down by hand: their form, and that cells, rows and names go together. Pure. */
import { fewestModels, indicators } from "../comparison/uces.ts";
import type { Frozen } from "../json.ts";
import { readDocument } from "../results/read-document.ts";
import type { Path } from "../results/strict-json.ts";
import { Findings, type Problem, type Report, shown } from "../results/verdict.ts";
import type * as schemas from "../schemas.generated.ts";
import { literatureSchema } from "../schemas.generated.ts";
import { isKnownQuantity } from "./quantities.ts";

export type Literature = Frozen<schemas.Literature>;
export type LiteratureTable = Literature["tables"][number];
export type LiteratureColumn = LiteratureTable["columns"][number];
export type LiteratureRow = LiteratureTable["rows"][number];
export type LiteratureCell = LiteratureRow["cells"][number];
export type LiteratureQuantity = LiteratureColumn["quantity"];
export type LiteratureClaim = Literature["claims"][number];

const form = { schema: literatureSchema, file: "schemas/literature/v1.schema.json", byHand: true };
const advice = "write down what the publication prints";

/** @param name  of its file, whose last part is the id and `.json` */
export function readLiterature(
  text: string | Uint8Array,
  name: string,
): { readonly literature: Literature | undefined; readonly problems: readonly Problem[] } {
  const findings = new Findings();
  const report = findings.report(name, advice);
  const literature = readDocument<Literature>(text, form, report);
  if (literature !== undefined) checkDocument(literature, name, report);
  const problems = findings.list();
  return { literature: problems.length === 0 ? literature : undefined, problems };
}

/** Without those that another stands in place of; problems where that other is not there. */
export function current(all: readonly Literature[]): readonly Literature[] {
  const replaced = new Set(all.flatMap(({ replaces }) => replaces?.id ?? []));
  return all.filter(({ id }) => !replaced.has(id));
}

/** "0.819 ± 0.007": the value as text and as a number, and the standard deviation where there is one. */
export function numbersOf(printed: string): {
  readonly value: string;
  readonly sd: string | undefined;
} {
  const [value, sd] = printed.split(" ± ");
  return { value, sd };
}

function checkDocument(literature: Literature, name: string, report: Report): void {
  const wrong: Wrong = (path, message, next) => report(path, "E_LITERATURE", message, next);
  const { id, tables, follows, claims, replaces } = literature;
  const file = name.split(/[\\/]/).at(-1);
  if (file !== `${id}.json`) report(["id"], "E_PLACE", `the file of ${id} is ${id}.json, not ${file}`);
  if (replaces?.id === id) wrong(["replaces", "id"], "it replaces itself");
  twice(tables, ({ id }) => id, ["tables"], "table", wrong);
  twice(claims, ({ id }) => id, ["claims"], "claim", wrong);
  for (const [t, table] of tables.entries()) checkTable(table, ["tables", t], wrong);
  checkReferences({ tables, follows, claims }, wrong);
}

type Wrong = (path: Path, message: string, next?: string) => void;

/** Says of every entry whose key an earlier one has. */
function twice<T>(
  entries: readonly T[],
  keyOf: (entry: T) => string,
  path: Path,
  what: string,
  wrong: Wrong,
): void {
  const places = new Map<string, number>();
  for (const [k, entry] of entries.entries()) {
    const key = keyOf(entry);
    const earlier = places.get(key);
    if (earlier !== undefined) wrong([...path, k], `${what} ${key} stands here twice, first at ${earlier}`);
    else places.set(key, k);
  }
}

function checkTable(table: LiteratureTable, path: Path, wrong: Wrong): void {
  const { models, seeds, columns, rows } = table;
  twice(columns, ({ id }) => id, [...path, "columns"], "column", wrong);
  for (const [c, { quantity }] of columns.entries())
    checkQuantity(quantity, [...path, "columns", c, "quantity"], wrong);
  const expected = models.length * (seeds?.length ?? 1);
  if (rows.length !== expected) {
    const why = seeds === undefined ? "" : ` × ${seeds.length} seeds`;
    wrong([...path, "rows"], `${rows.length} rows, where ${models.length} models${why} make ${expected}`);
  }
  twice(rows, rowName, [...path, "rows"], "the row of", wrong);
  for (const [r, row] of rows.entries()) {
    const at = [...path, "rows", r];
    if (!models.includes(row.model)) wrong([...at, "model"], `${shown(row.model)} is none of the models`);
    if (seeds !== undefined && row.seed === undefined) wrong([...at, "seed"], "a seed is missing");
    if (row.seed !== undefined && !seeds?.includes(row.seed))
      wrong([...at, "seed"], `${row.seed} is none of the seeds`);
    const cells = [...at, "cells"];
    twice(row.cells, ({ column }) => column, cells, "a cell of column", wrong);
    for (const { id } of columns)
      if (!row.cells.some(({ column }) => column === id)) wrong(cells, `has no cell of column ${id}`);
    for (const [c, cell] of row.cells.entries()) {
      if (!columns.some(({ id }) => id === cell.column))
        wrong([...cells, c, "column"], `there is no column ${cell.column}`);
      checkCell(cell, [...cells, c], wrong);
    }
  }
  checkScales(table, path, wrong);
}

function checkCell({ printed, value, sd }: LiteratureCell, path: Path, wrong: Wrong): void {
  const numbers = numbersOf(printed);
  if (value !== Number(numbers.value)) wrong([...path, "value"], `${value}, where ${printed} is printed`);
  if (sd !== (numbers.sd === undefined ? undefined : Number(numbers.sd)))
    wrong([...path, "sd"], `${sd ?? "none"}, where ${printed} is printed`);
}

/** What a scale can hold: a value outside is on another, whatever the column says. */
function checkScales({ columns, rows }: LiteratureTable, path: Path, wrong: Wrong): void {
  const scales = new Map(columns.map(({ id, scale }) => [id, scale]));
  for (const [r, { cells }] of rows.entries()) {
    for (const [c, { column, value }] of cells.entries()) {
      const scale = scales.get(column);
      const fault =
        scale === "unit" && value > 1
          ? "above 1"
          : scale === "rank" && (!Number.isInteger(value) || value < 1)
            ? "no rank"
            : value < 0
              ? "below 0"
              : undefined;
      if (scale !== undefined && fault !== undefined) {
        const next = `say on which scale the column is; see "literatureScale" in ${form.file}`;
        wrong(
          [...path, "rows", r, "cells", c, "value"],
          `${value} is ${fault}, but ${column} has the scale ${scale}`,
          next,
        );
      }
    }
  }
}

function checkQuantity({ ours, notOurs }: LiteratureQuantity, path: Path, wrong: Wrong): void {
  if ((ours === undefined) === (notOurs === undefined)) {
    wrong(path, "has neither or both of `ours` and `notOurs`", "name what it is called here, or say why not");
  } else if (ours !== undefined && !isKnownQuantity(ours)) {
    wrong([...path, "ours"], `there is no metric or measure of classification ${ours}`);
  }
}

export const rowName = ({ model, seed }: Pick<LiteratureRow, "model" | "seed">): string =>
  seed === undefined ? model : `${model}, seed ${seed}`;

/** Tables, columns, models and claims that another part names. */
function checkReferences(
  { tables, follows, claims }: Pick<Literature, "tables" | "follows" | "claims">,
  wrong: Wrong,
): void {
  const known = (id: string, path: Path): LiteratureTable | undefined => {
    const table = tables.find((t) => t.id === id);
    if (table === undefined) wrong(path, `there is no table ${id}`);
    return table;
  };
  const hasColumn = (table: LiteratureTable | undefined, id: string, path: Path) => {
    if (table !== undefined && !table.columns.some((c) => c.id === id))
      wrong(path, `table ${table.id} has no column ${id}`);
  };
  const hasModel = (table: LiteratureTable | undefined, model: string, path: Path) => {
    if (table !== undefined && !table.models.includes(model))
      wrong(path, `table ${table.id} has no model ${shown(model)}`);
  };

  const { summaries, uces, ranks, harmonic, equal } = follows;
  for (const [k, { table, from }] of summaries.entries()) {
    const path = ["follows", "summaries", k];
    const [of, over] = [known(table, [...path, "table"]), known(from, [...path, "from"])];
    for (const { id } of of?.columns ?? []) hasColumn(over, id, [...path, "from"]);
    for (const model of of?.models ?? []) hasModel(over, model, [...path, "from"]);
    if (of?.seeds !== undefined) wrong([...path, "table"], `table ${table} has a row for each seed itself`);
  }
  for (const [k, entry] of uces.entries()) {
    const path = ["follows", "uces", k];
    const of = known(entry.table, [...path, "table"]);
    for (const [part, column] of Object.entries(entry.columns))
      hasColumn(of, column, [...path, "columns", part]);
    if (of !== undefined) checkUces(entry, of.models, path);
  }
  for (const [k, { table, column, of }] of ranks.entries()) {
    const path = ["follows", "ranks", k];
    const found = known(table, [...path, "table"]);
    hasColumn(found, column, [...path, "column"]);
    hasColumn(found, of, [...path, "of"]);
  }
  for (const [k, { table, ...columns }] of harmonic.entries()) {
    const path = ["follows", "harmonic", k];
    const found = known(table, [...path, "table"]);
    for (const name of ["column", "precision", "recall"] as const)
      hasColumn(found, columns[name], [...path, name]);
  }
  for (const [k, { table, column, to }] of equal.entries()) {
    const path = ["follows", "equal", k];
    const found = known(table, [...path, "table"]);
    hasColumn(found, column, [...path, "column"]);
    hasColumn(found, to, [...path, "to"]);
  }
  for (const [k, claim] of claims.entries()) checkClaim(claim, ["claims", k]);

  /** Every indicator has its column in one of the two tables, and every model its row. */
  function checkUces(
    { classification, explanation }: { readonly classification: string; readonly explanation: string },
    models: readonly string[],
    path: Path,
  ): void {
    const sources = {
      classification: known(classification, [...path, "classification"]),
      explanation: known(explanation, [...path, "explanation"]),
    };
    for (const { id, part } of indicators) {
      const table = sources[part];
      if (table !== undefined && !table.columns.some(({ quantity }) => quantity.ours === id))
        wrong([...path, part], `table ${table.id} has no column that is ${id} here`);
    }
    for (const part of ["classification", "explanation"] as const)
      for (const model of models) hasModel(sources[part], model, [...path, part]);
    if (models.length < fewestModels)
      wrong(path, `${models.length} models, and ${fewestModels} are the fewest`);
  }

  function checkClaim(claim: LiteratureClaim, path: Path): void {
    for (const [q, quantity] of claim.quantities.entries())
      checkQuantity(quantity, [...path, "quantities", q], wrong);
    const { contradicts, evidence = {} } = claim;
    if (contradicts !== undefined && (contradicts === claim.id || !claims.some((c) => c.id === contradicts)))
      wrong([...path, "contradicts"], `there is no other claim ${contradicts}`);
    for (const [kind, entries] of Object.entries(evidence)) {
      for (const [k, entry] of entries.entries()) {
        const at = [...path, "evidence", kind, k];
        const named = entry as {
          readonly [K in "table" | "from" | "to" | "column" | "model" | "most"]?: string;
        } & { readonly columns?: readonly string[]; readonly models?: readonly string[] };
        const sources = (["table", "from", "to"] as const).flatMap((key) =>
          named[key] === undefined ? [] : (known(named[key], [...at, key]) ?? []),
        );
        for (const table of sources) {
          if (named.column !== undefined) hasColumn(table, named.column, [...at, "column"]);
          for (const [c, column] of (named.columns ?? []).entries())
            hasColumn(table, column, [...at, "columns", c]);
          for (const key of ["model", "most"] as const)
            if (named[key] !== undefined) hasModel(table, named[key], [...at, key]);
          for (const [m, model] of (named.models ?? []).entries())
            hasModel(table, model, [...at, "models", m]);
        }
        if (kind === "falls" && sources.length === 2)
          for (const model of sources[0].models) hasModel(sources[1], model, at);
      }
    }
    for (const [k, entry] of (evidence.firstBySeed ?? []).entries()) {
      const at = [...path, "evidence", "firstBySeed", k];
      const models = tables.find(({ id }) => id === entry.classification)?.models ?? [];
      checkUces(entry, models, at);
      if (!models.includes(entry.model)) wrong([...at, "model"], `there is no model ${shown(entry.model)}`);
      for (const part of ["classification", "explanation"] as const)
        if (tables.find(({ id }) => id === entry[part])?.seeds === undefined)
          wrong([...at, part], `table ${entry[part]} has no row for each seed`);
    }
  }
}
