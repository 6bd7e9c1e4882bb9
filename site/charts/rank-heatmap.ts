/** Ranks as the cells of a table: of each method in each run, or of one method by each ranking. */
import { ranks } from "../lib/format.ts";
import { type Basis, fieldOf, placeOf, rankingOf, tiedWith, whyNoPlace } from "../lib/rankings.ts";
import type { SiteRun } from "../lib/run.ts";
import { stepOf } from "../lib/scale.ts";

export interface HeatCell {
  readonly method: string;
  /** null: no rank, for `reason` */
  readonly rank: number | null;
  readonly interval: readonly number[] | null;
  /** 0 (best) to 4 (last) */
  readonly step: number | null;
  readonly tied: readonly string[];
  readonly reason: string | null;
  /** "Rank 2 of 6, 95 % interval 1–3, tied with Saliency" */
  readonly name: string;
}

export interface HeatRow {
  readonly run: SiteRun;
  readonly cells: readonly HeatCell[];
}

export interface HeatGroup {
  readonly data: string;
  readonly title: string;
  readonly rows: readonly HeatRow[];
}

export interface Heatmap {
  /** `kind`: of its page, where it has one */
  readonly columns: readonly {
    readonly id: string;
    readonly title: string;
    readonly kind?: "methods" | "metrics";
  }[];
  readonly groups: readonly HeatGroup[];
}

/** Columns are the standard methods that some run has; rows are runs, by data set. */
export function rankHeatmap(runs: readonly SiteRun[], basis: string): Heatmap {
  const titles = titlesIn(runs);
  const columns = [...titles].map(([id, title]) => ({ id, title, kind: "methods" as const }));
  return {
    columns,
    groups: byData(runs, (run) => columns.map(({ id }) => heatCell(run, basis, id, titles))),
  };
}

/** One method: columns are what it is ranked by. */
export function methodHeatmap(runs: readonly SiteRun[], bases: readonly Basis[], method: string): Heatmap {
  const titles = titlesIn(runs);
  return {
    columns: bases.map(({ id, title, kind }) => ({
      id,
      title,
      kind: kind === "metric" ? "metrics" : undefined,
    })),
    groups: byData(runs, (run) => bases.map(({ id }) => heatCell(run, id, method, titles))),
  };
}

const titlesIn = (runs: readonly SiteRun[]): ReadonlyMap<string, string> =>
  new Map(
    runs.flatMap(({ result }) =>
      result.methods.filter((m) => m.standard && !m.control).map((m) => [m.id, m.title] as const),
    ),
  );

function byData(
  runs: readonly SiteRun[],
  cellsOf: (run: SiteRun) => readonly HeatCell[],
): readonly HeatGroup[] {
  const data = new Map(runs.map(({ result }) => [result.data.id, result.data.title]));
  return [...data].map(([id, title]) => ({
    data: id,
    title,
    rows: runs.filter((run) => run.result.data.id === id).map((run) => ({ run, cells: cellsOf(run) })),
  }));
}

export function heatCell(
  run: SiteRun,
  basis: string,
  method: string,
  titles: ReadonlyMap<string, string>,
): HeatCell {
  const ranking = rankingOf(run, basis);
  const place = placeOf(ranking, method);
  if (ranking === undefined || place === undefined) {
    const reason = whyNoPlace(run, basis, method);
    return { method, rank: null, interval: null, step: null, tied: [], reason, name: `No rank: ${reason}` };
  }
  const field = fieldOf(ranking);
  const tied = tiedWith(ranking, method);
  const named =
    tied.length > 0 ? `, not separated from ${tied.map((id) => titles.get(id) ?? id).join(", ")}` : "";
  return {
    method,
    rank: place.rank,
    interval: place.interval,
    step: stepOf(place.rank, field),
    tied,
    reason: null,
    name: `Rank ${place.rank} of ${field}, 95 % interval ${ranks(place.interval)}${named}`,
  };
}
