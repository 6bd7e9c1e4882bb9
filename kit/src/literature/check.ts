/** What follows from what a publication prints, computed again: cells that should follow from others, and claims from its tables. Pure. */
import { type IndicatorId, indicators, uces, type Values } from "../comparison/uces.ts";
import { mean, sd } from "../stats/summary.ts";
import {
  type Literature,
  type LiteratureCell,
  type LiteratureClaim,
  type LiteratureRow,
  type LiteratureTable,
  numbersOf,
  rowName,
} from "./document.ts";

/** One printed number against what the others make it. */
export interface Check {
  readonly table: string;
  readonly row: string;
  readonly column: string;
  /** "mean over table I" */
  readonly what: string;
  readonly printed: string;
  /** null where it cannot be computed; `note` says why */
  readonly recomputed: number | null;
  /** what rounding of the printed numbers allows */
  readonly tolerance: number;
  readonly agrees: boolean;
  /** of a standard deviation: which of the two it is */
  readonly fits?: "sample" | "population" | "neither";
  readonly note?: string;
}

/** What stands out: a number that does not follow, or follows from another formula than those beside it. */
export const differs = ({ agrees, fits }: Check): boolean => !agrees || fits === "population";

export interface ClaimVerdict {
  readonly claim: string;
  /** undefined: the publication prints nothing that would show it */
  readonly verdict: "holds" | "in part" | "does not hold" | undefined;
  readonly evidence: readonly Evidence[];
}

export interface Evidence {
  readonly holds: boolean;
  /** "table II, micro-f1: 0.512, equal with ConvNeXt-Tiny" */
  readonly found: string;
}

/** Beyond the printed digits of UCES, whose inputs are rounded to three and then stretched to the whole scale. */
export const ucesTolerance = 1e-3;

/** So that a difference of exactly half a digit counts as rounding, whatever binary fractions make of it. */
const slack = 1e-9;

export function checkLiterature(literature: Literature): readonly Check[] {
  const { tables, follows } = literature;
  const tableOf = (id: string): LiteratureTable => tables.find((table) => table.id === id)!;
  return [
    ...follows.summaries.flatMap(({ table, from }) => summaryChecks(tableOf(table), tableOf(from))),
    ...follows.uces.flatMap((entry) =>
      ucesChecks(tableOf(entry.table), entry, [tableOf(entry.classification), tableOf(entry.explanation)]),
    ),
    ...follows.ranks.flatMap(({ table, column, of }) => rankChecks(tableOf(table), column, of)),
    ...follows.harmonic.flatMap((entry) => harmonicChecks(tableOf(entry.table), entry)),
    ...follows.equal.flatMap(({ table, column, to }) =>
      tableOf(table).rows.map((row) => {
        const [own, other] = [cellOf(row, column), cellOf(row, to)];
        return check(tableOf(table), row, column, own.printed, {
          what: `the same as ${to}`,
          recomputed: other.value,
          tolerance: half(own) + half(other),
        });
      }),
    ),
  ];
}

const cellOf = ({ cells }: LiteratureRow, column: string): LiteratureCell =>
  cells.find((cell) => cell.column === column)!;

const digitsOf = (printed: string): number => printed.split(".")[1]?.length ?? 0;

/** Half a unit of the last digit: what a number may have lost when it was printed. */
const halfOf = (printed: string): number => 10 ** -digitsOf(printed) / 2;
const half = ({ printed }: LiteratureCell): number => halfOf(numbersOf(printed).value);

function check(
  table: LiteratureTable,
  row: LiteratureRow,
  column: string,
  printed: string,
  found: Pick<Check, "what" | "recomputed" | "tolerance" | "note">,
): Check {
  const agrees =
    found.recomputed !== null && Math.abs(found.recomputed - Number(printed)) <= found.tolerance + slack;
  return { table: table.id, row: rowName(row), column, printed, agrees, ...found };
}

function summaryChecks(table: LiteratureTable, from: LiteratureTable): Check[] {
  return table.rows.flatMap((row) =>
    row.cells.flatMap((cell) => {
      const { column } = cell;
      const { value, sd: spread } = numbersOf(cell.printed);
      const cells = from.rows.filter((r) => r.model === row.model).map((r) => cellOf(r, column));
      const values = cells.map((c) => c.value);
      const lost = cells.map(half);
      const average = check(table, row, column, value, {
        what: `mean over table ${from.id}`,
        recomputed: mean(values),
        tolerance: halfOf(value) + mean(lost)!,
      });
      return spread === undefined
        ? [average]
        : [average, spreadCheck(table, row, column, spread, values, lost, from.id)];
    }),
  );
}

/** A sample's standard deviation, which is what publications of few seeds mean; a population's where only that fits. */
function spreadCheck(
  table: LiteratureTable,
  row: LiteratureRow,
  column: string,
  printed: string,
  values: readonly number[],
  lost: readonly number[],
  from: string,
): Check {
  const what = `standard deviation over table ${from}`;
  const spread = sd(values);
  if (spread === null) {
    const note = "a single value has none";
    return check(table, row, column, printed, { what, recomputed: null, tolerance: halfOf(printed), note });
  }
  const squares = spread ** 2 * (values.length - 1);
  // a standard deviation moves by no more than that of what is added to the values
  const rounding = Math.hypot(...lost);
  const by = (divisor: number) =>
    check(table, row, column, printed, {
      what,
      recomputed: Math.sqrt(squares / divisor),
      tolerance: halfOf(printed) + rounding / Math.sqrt(divisor),
    });
  const [sample, population] = [by(values.length - 1), by(values.length)];
  if (sample.agrees) return { ...sample, fits: "sample" };
  const asSample = `a sample's is ${shownAs(sample)}`;
  if (population.agrees) return { ...population, fits: "population", note: asSample };
  return { ...sample, fits: "neither", note: `a population's is ${shownAs(population)}` };
}

/** What was computed, to one digit more than is printed. */
export const shownAs = ({ recomputed, printed }: Pick<Check, "recomputed" | "printed">): string =>
  recomputed === null ? "none" : recomputed.toFixed(digitsOf(printed) + 1);

/** The indicators of each model, from the rows that `chosen` takes of the two tables. */
function valuesOf(
  models: readonly string[],
  sources: readonly LiteratureTable[],
  chosen: (row: LiteratureRow) => boolean = () => true,
): readonly Values[] {
  const columnOf = (id: IndicatorId) =>
    sources.flatMap((table) =>
      table.columns.filter(({ quantity }) => quantity.ours === id).map((column) => ({ table, column })),
    )[0];
  return models.map(
    (model) =>
      Object.fromEntries(
        indicators.map(({ id }) => {
          const { table, column } = columnOf(id);
          const row = table.rows.find((r) => r.model === model && chosen(r))!;
          return [id, cellOf(row, column.id).value];
        }),
      ) as Values,
  );
}

function ucesChecks(
  table: LiteratureTable,
  { columns, alpha, classification, explanation }: Literature["follows"]["uces"][number],
  sources: readonly LiteratureTable[],
): Check[] {
  const scores = uces(
    valuesOf(
      table.rows.map((row) => row.model),
      sources,
    ),
    alpha,
  );
  return table.rows.flatMap((row, k) => {
    const parts = (["classification", "explanation", "uces"] as const).map((part) => {
      const cell = cellOf(row, columns[part]);
      return check(table, row, columns[part], cell.printed, {
        what: `${part === "uces" ? "UCES" : `scaled ${part}`} of tables ${classification} and ${explanation}`,
        recomputed: "reason" in scores ? null : scores.models[k][part],
        tolerance: Math.max(ucesTolerance, half(cell)),
        ...("reason" in scores ? { note: scores.reason } : {}),
      });
    });
    const [c, e, own] = (["classification", "explanation", "uces"] as const).map((part) =>
      cellOf(row, columns[part]),
    );
    const weighted = check(table, row, columns.uces, own.printed, {
      what: `${alpha} and ${round(1 - alpha)} of its parts as printed`,
      recomputed: alpha * c.value + (1 - alpha) * e.value,
      tolerance: half(own) + alpha * half(c) + (1 - alpha) * half(e),
    });
    return [...parts, weighted];
  });
}

const round = (x: number): number => Number(x.toPrecision(12));

function rankChecks(table: LiteratureTable, column: string, of: string): Check[] {
  const { better } = table.columns.find(({ id }) => id === of)!;
  const values = table.rows.map((row) => cellOf(row, of).value);
  return table.rows.map((row, k) =>
    check(table, row, column, cellOf(row, column).printed, {
      what: `rank by ${of}`,
      recomputed: 1 + values.filter((v) => (better === "higher" ? v > values[k] : v < values[k])).length,
      tolerance: 0,
    }),
  );
}

function harmonicChecks(
  table: LiteratureTable,
  { column, precision, recall, note }: Literature["follows"]["harmonic"][number],
): Check[] {
  return table.rows.map((row) => {
    const [own, p, r] = [column, precision, recall].map((id) => cellOf(row, id));
    const sum = p.value + r.value;
    const what = `harmonic mean of ${precision} and ${recall}`;
    if (sum === 0)
      return check(table, row, column, own.printed, {
        what,
        recomputed: null,
        tolerance: half(own),
        note: "both are 0",
      });
    const slopes = [2 * (r.value / sum) ** 2, 2 * (p.value / sum) ** 2];
    return check(table, row, column, own.printed, {
      what,
      recomputed: (2 * p.value * r.value) / sum,
      tolerance: half(own) + slopes[0] * half(p) + slopes[1] * half(r),
      ...(note === undefined ? {} : { note }),
    });
  });
}

export function checkClaims({ tables, claims }: Literature): readonly ClaimVerdict[] {
  return claims.map((claim) => {
    const found = evidenceOf(claim, tables);
    const decisive = found.filter(({ repeats }) => !repeats);
    const evidence = found.map(({ holds, found }) => ({ holds, found }));
    const verdict =
      found.length === 0
        ? undefined
        : evidence.every(({ holds }) => holds)
          ? "holds"
          : (decisive.length > 0 ? decisive : found).some(({ holds }) => holds)
            ? "in part"
            : "does not hold";
    return { claim: claim.id, verdict, evidence };
  });
}

/** `repeats`: the text says a cell over, which proves nothing of what it claims. */
type Found = Evidence & { readonly repeats?: true };

function evidenceOf(
  { evidence = {} }: LiteratureClaim,
  tables: readonly LiteratureTable[],
): readonly Found[] {
  const tableOf = (id: string): LiteratureTable => tables.find((table) => table.id === id)!;
  const {
    extremes = [],
    orders = [],
    ranges = [],
    quotes = [],
    falls = [],
    firstBySeed = [],
    products = [],
  } = evidence;
  return [
    ...extremes.map(({ table, column, statistic, model, is }): Found => {
      const figures = figuresOf(tableOf(table), column, statistic);
      const own = figures.get(model);
      const place = `table ${table}, ${column}${statistic === "sd" ? ", standard deviation" : ""}`;
      if (own === undefined || own === null || [...figures.values()].includes(null))
        return { holds: false, found: `${place}: not printed for every model` };
      const sign = is === "highest" ? 1 : -1;
      const rivals = [...figures].filter(
        ([name, other]) => name !== model && sign * (other! - own) >= -slack,
      );
      const names = rivals.map(([name, other]) =>
        Math.abs(other! - own) <= slack ? `equal with ${name}` : `${name} ${figure(other!)}`,
      );
      return {
        holds: rivals.length === 0,
        found: `${place}: ${model} ${figure(own)}${names.length === 0 ? `, the ${is}` : `, but ${names.join(", ")}`}`,
      };
    }),
    ...orders.map(({ table, column, statistic, models }): Found => {
      const figures = figuresOf(tableOf(table), column, statistic);
      const own = models.map((model) => figures.get(model) ?? null);
      return {
        holds: own.every((v, k) => v !== null && (k === 0 || own[k - 1]! - v > slack)),
        found: `table ${table}, ${column}: ${models
          .map((model, k) => `${model} ${own[k] === null ? "not printed" : figure(own[k])}`)
          .join(", ")}`,
      };
    }),
    ...ranges.map(({ table, columns, model, low, high }): Found => {
      const values = tableOf(table)
        .rows.filter((row) => row.model === model)
        .flatMap((row) => columns.map((column) => cellOf(row, column).value));
      const [least, most] = [Math.min(...values), Math.max(...values)];
      const near = (value: number, printed: string) =>
        Math.abs(value - Number(printed)) <= halfOf(printed) + slack;
      return {
        holds: near(least, low) && near(most, high),
        found: `table ${table}, ${columns.join(" and ")}: ${model} ${figure(least)} to ${figure(most)}, in the text ${low} to ${high}`,
      };
    }),
    ...quotes.map(({ table, column, model, printed }): Found => {
      const cells = tableOf(table)
        .rows.filter((row) => row.model === model)
        .map((row) => cellOf(row, column).printed);
      return {
        holds: cells.includes(printed),
        found: `table ${table}, ${column}: ${model} ${cells.join(", ")}, in the text ${printed}`,
        repeats: true,
      };
    }),
    ...falls.map(({ from, to, column, most }): Found => {
      const after = figuresOf(tableOf(to), column, "value");
      const lost = [...figuresOf(tableOf(from), column, "value")].map(
        ([model, value]) => [model, value! - after.get(model)!] as const,
      );
      const all = lost.every(([, fall]) => fall > slack);
      const own = lost.find(([model]) => model === most)?.[1];
      const first = own === undefined || lost.every(([m, fall]) => m === most || own - fall > slack);
      return {
        holds: all && first,
        found: `tables ${from} and ${to}, ${column}: ${lost.map(([model, fall]) => `${model} ${figure(-fall)}`).join(", ")}`,
      };
    }),
    ...firstBySeed.flatMap(({ classification, explanation, alpha, model }): Found[] => {
      const sources = [tableOf(classification), tableOf(explanation)];
      const { models } = sources[0];
      const seeds = sources[0].seeds!.filter((seed) => sources[1].seeds!.includes(seed));
      return seeds.map((seed): Found => {
        const place = `tables ${classification} and ${explanation}, seed ${seed}`;
        const scores = uces(
          valuesOf(models, sources, (row) => row.seed === seed),
          alpha,
        );
        if ("reason" in scores) return { holds: false, found: `${place}: ${scores.reason}` };
        const order = models
          .map((name, k) => ({ name, score: scores.models[k].uces }))
          .sort((a, b) => b.score - a.score);
        return {
          holds: order[0].name === model && order[0].score - order[1].score > slack,
          found: `${place}: ${order.map(({ name, score }) => `${name} ${score.toFixed(3)}`).join(", ")}`,
        };
      });
    }),
    ...products.map(({ factors, printed }): Found => {
      const product = factors.reduce((a, b) => a * b);
      return {
        holds: product === Number(printed),
        found: `${factors.join(" · ")} = ${product}, in the text ${printed}`,
      };
    }),
  ];
}

/** Of each model: the printed figure, or what its rows make. */
function figuresOf(
  { models, rows }: LiteratureTable,
  column: string,
  statistic: "value" | "sd",
): ReadonlyMap<string, number | null> {
  return new Map(
    models.map((model) => {
      const cells = rows.filter((row) => row.model === model).map((row) => cellOf(row, column));
      const values = cells.map(({ value }) => value);
      if (statistic === "value") return [model, mean(values)];
      return [model, cells.length === 1 ? (cells[0].sd ?? null) : sd(values)];
    }),
  );
}

const figure = (value: number): string => `${Number(value.toPrecision(4))}`;
