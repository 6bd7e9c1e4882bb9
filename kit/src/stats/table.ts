/** Rows of a run as rectangles: for each metric the scores of every method on every unit, in an order that no file decides. */
import { KitError } from "../errors.ts";
import type { Row } from "../runner/units.ts";

/** A row as the runner makes it or the sidecar holds it. `defect`: why its map says nothing (zero, constant, not finite). */
export type ScoredRow = Omit<Row, "defect"> & { readonly defect?: string | null };

/** One metric's scores. A unit is a sample with the class explained there; only units the metric was asked about. */
export interface Scores {
  /** values[m][u] of method m, NaN where there is none */
  readonly values: readonly Float64Array[];
  /** defective[m][u]: 1 where the method's map was zero, constant or not finite */
  readonly defective: readonly Uint8Array[];
  /** asked[m][u]: 1 where method m was to be scored: everywhere, or on the first samples alone where it has rows of no others */
  readonly asked: readonly Uint8Array[];
  /** of each unit: an index into the table's groups */
  readonly group: Int32Array;
  /** of each unit: 1 where the model's prediction was right, 0 where wrong, 2 where nobody knows */
  readonly correct: Uint8Array;
  /** of each method: reason → how many units */
  readonly skips: readonly Readonly<Record<string, number>>[];
}

export interface Table {
  readonly methods: readonly string[];
  /** sorted by code unit */
  readonly groups: readonly string[];
  /** of each group: 0 for the first samples, which every metric scores, 1 for the rest */
  readonly strata: Uint8Array;
  readonly scores: ReadonlyMap<string, Scores>;
}

/** What the metrics say of a map that is zero, constant or not finite. */
const defects: ReadonlySet<string> = new Set([
  "map is zero",
  "map is constant",
  "map is not finite",
  "attribution is zero",
  "attribution is not finite",
]);

/**
 * Units and groups are sorted by id and values rounded to float32, so that a table is the same from a run and from its sidecar: float32,
 * and sorted by keyed id where ids are private. Give the ids that are published.
 *
 * Which samples are the first ones is read off the rows: those that a metric scored which did not score all. A group with one of them
 * belongs to them whole.
 *
 * @throws KitError E_ROWS for two rows of one method on one unit, and for a sample in two groups
 */
export function tableOf(
  rows: readonly ScoredRow[],
  methods: readonly string[],
  metrics: readonly string[],
): Table {
  const units = new Map<string, Map<string, ScoredRow>>();
  const groupOf = new Map<string, string>();
  for (const row of rows) {
    const known = groupOf.get(row.sample);
    if (known !== undefined && known !== row.group) {
      throw new KitError("E_ROWS", {
        problem: `sample "${row.sample}" is in two groups, "${known}" and "${row.group}"`,
        next: "give every row of a sample its one group",
      });
    }
    groupOf.set(row.sample, row.group);
    const key = JSON.stringify([row.sample, row.targetKind, row.target]);
    const unit = units.get(key) ?? new Map<string, ScoredRow>();
    if (unit.has(row.method)) {
      throw new KitError("E_ROWS", {
        problem: `two rows of ${row.method} on sample "${row.sample}", ${row.targetKind} class ${row.target}`,
        next: "keep one row per method, sample and explained class",
      });
    }
    units.set(key, unit.set(row.method, row));
  }
  const ordered = [...units.entries()].sort(([a], [b]) => byCodeUnit(a, b)).map(([, unit]) => unit);
  const groups = [...new Set(groupOf.values())].sort(byCodeUnit);
  const indexOf = new Map(groups.map((group, i) => [group, i]));
  const any = (unit: ReadonlyMap<string, ScoredRow>) => unit.values().next().value as ScoredRow;

  const strata = new Uint8Array(groups.length).fill(1);
  const scores = new Map<string, Scores>();
  const scoredOn = metrics.map((metric) =>
    ordered.filter((unit) =>
      [...unit.values()].some(
        (row) => own(row.scores, metric) !== undefined || own(row.skips, metric) !== undefined,
      ),
    ),
  );
  for (const scored of scoredOn) {
    const kind = scored.length > 0 && any(scored[0]).targetKind;
    const most = Math.max(
      0,
      ...scoredOn.filter((o) => o.length > 0 && any(o[0]).targetKind === kind).map((o) => o.length),
    );
    if (scored.length < most) for (const unit of scored) strata[indexOf.get(any(unit).group)!] = 0;
  }
  const isFirst = (unit: ReadonlyMap<string, ScoredRow>) => strata[indexOf.get(any(unit).group)!] === 0;
  const everywhere = methods.map((method) => ordered.some((unit) => unit.has(method) && !isFirst(unit)));
  for (const [i, metric] of metrics.entries()) {
    const scored = scoredOn[i];
    const ofMethod = methods.map((method) => scored.map((unit) => unit.get(method)));
    scores.set(metric, {
      values: ofMethod.map((column) => Float64Array.from(column, (row) => scoreOf(row, metric))),
      defective: ofMethod.map((column) => Uint8Array.from(column, (row) => Number(isDefective(row)))),
      asked: methods.map((_, m) => Uint8Array.from(scored, (unit) => Number(everywhere[m] || isFirst(unit)))),
      group: Int32Array.from(scored, (unit) => indexOf.get(any(unit).group)!),
      correct: Uint8Array.from(scored, (unit) => Number(any(unit).correct ?? 2)),
      skips: ofMethod.map((column) =>
        countOf(column.flatMap((row) => (row && own(row.skips, metric)) ?? [])),
      ),
    });
  }
  return { methods, groups, strata, scores };
}

const byCodeUnit = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);

const own = <T>(record: Readonly<Record<string, T>>, key: string): T | undefined =>
  Object.hasOwn(record, key) ? record[key] : undefined;

const scoreOf = (row: ScoredRow | undefined, metric: string): number =>
  Math.fround((row && own(row.scores, metric)) ?? Number.NaN);

const isDefective = (row: ScoredRow | undefined): boolean =>
  row !== undefined &&
  ((row.defect ?? null) !== null || Object.values(row.skips).some((reason) => defects.has(reason)));

function countOf(reasons: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const reason of [...reasons].sort(byCodeUnit)) counts[reason] = (counts[reason] ?? 0) + 1;
  return counts;
}
