/** The leaderboard for programs: a row for each run, method and what it is ranked by. Ranks and intervals are the documents' own. */
import { parquetWriteBuffer } from "hyparquet-writer/src/write.js";
import { typical } from "../../kit/src/stats/summarise.ts";
import { day } from "../lib/format.ts";
import { basesOf, fieldOf, isCore, rankingOf, whyNoPlace } from "../lib/rankings.ts";
import type { RunCell, RunMethod, RunPlace, RunRanking, SiteRun } from "../lib/run.ts";
import { whyUnranked } from "../lib/select.ts";

type Value = string | number | boolean | null;

interface Column<Of> {
  readonly name: string;
  readonly type: "STRING" | "DOUBLE" | "INT32" | "BOOLEAN";
  /** as the page about the API explains it */
  readonly says: string;
  readonly of: (row: Of) => Value;
}

interface Standing {
  readonly run: SiteRun;
  readonly method: RunMethod;
  readonly of: string;
  readonly kind: "overall" | "facet" | "metric";
  readonly better: "higher" | "lower" | null;
  readonly cell: RunCell | undefined;
  readonly ranking: RunRanking | undefined;
  readonly place: RunPlace | undefined;
  /** why the run is not ranked at all */
  readonly unranked: string | undefined;
}

/** What a row says of its run: in the flat files on every row, in JSON once. */
export const runColumns: readonly Column<SiteRun>[] = [
  {
    name: "run",
    type: "STRING",
    says: "id of the run; its page and its document have it in their address",
    of: ({ id }) => id,
  },
  { name: "data", type: "STRING", says: "data set", of: ({ result }) => result.data.id },
  {
    name: "track",
    type: "STRING",
    says: "group of data sets; synthetic is test data, not advice",
    of: ({ result }) => result.data.track,
  },
  { name: "model", type: "STRING", says: "model", of: ({ result }) => result.model.id },
  {
    name: "architecture",
    type: "STRING",
    says: "its architecture, where the model card states one",
    of: ({ result }) => result.model.architecture,
  },
  {
    name: "family",
    type: "STRING",
    says: "cnn, transformer or contrastive",
    of: ({ result }) => result.model.family,
  },
  {
    name: "protocol",
    type: "STRING",
    says: "ranks of different protocols cannot be compared",
    of: ({ result }) => result.protocol.id,
  },
  { name: "date", type: "STRING", says: "day of the run", of: ({ telemetry }) => day(telemetry.date) },
  { name: "tier", type: "STRING", says: "how far the run can be believed", of: ({ tier }) => tier },
];

/** What a run says of a method by one ranking. */
export const standingColumns: readonly Column<Standing>[] = [
  {
    name: "method",
    type: "STRING",
    says: "attribution method; controls have no rows",
    of: ({ method }) => method.id,
  },
  {
    name: "external",
    type: "BOOLEAN",
    says: "its maps were computed elsewhere and only scored here",
    of: ({ method }) => method.external !== undefined,
  },
  {
    name: "of",
    type: "STRING",
    says: "what is ranked by: overall, a facet, or a metric",
    of: ({ of }) => of,
  },
  { name: "kind", type: "STRING", says: "overall, facet or metric", of: ({ kind }) => kind },
  { name: "better", type: "STRING", says: "of a metric: higher or lower", of: ({ better }) => better },
  {
    name: "value",
    type: "DOUBLE",
    says: "of a metric: mean over images, or median where the metric says so",
    of: ({ cell }) => figure(cell && typical(cell)),
  },
  {
    name: "low",
    type: "DOUBLE",
    says: "low end of its 95 % interval",
    of: ({ cell }) => figure(cell?.interval?.[0]),
  },
  { name: "high", type: "DOUBLE", says: "high end", of: ({ cell }) => figure(cell?.interval?.[1]) },
  {
    name: "n",
    type: "INT32",
    says: "images behind the value; of a facet and overall, images of the run",
    of: ({ run, kind, cell }) => (kind === "metric" ? (cell?.n ?? null) : run.result.selection.samples),
  },
  {
    name: "rank",
    type: "INT32",
    says: "1 + the methods that are better in at least 97.5 % of the resamples",
    of: ({ place }) => place?.rank ?? null,
  },
  {
    name: "rank_low",
    type: "INT32",
    says: "best rank in 95 % of the resamples",
    of: ({ place }) => place?.interval[0] ?? null,
  },
  {
    name: "rank_high",
    type: "INT32",
    says: "worst rank in 95 % of the resamples",
    of: ({ place }) => place?.interval[1] ?? null,
  },
  {
    name: "field",
    type: "INT32",
    says: "the worst rank there can be",
    of: ({ ranking, place }) => (ranking && place ? fieldOf(ranking) : null),
  },
  {
    name: "gate",
    type: "BOOLEAN",
    says: "of a metric: beats every control",
    of: ({ cell }) => cell?.gate?.passed ?? null,
  },
  {
    name: "erratum",
    type: "BOOLEAN",
    says: "an erratum says that the value is wrong; it is not ranked",
    of: ({ cell }) => cell?.erratum !== undefined,
  },
  {
    name: "note",
    type: "STRING",
    says: "why something is not there, or which erratum speaks against it",
    of: noteOf,
  },
];

function noteOf({ run, method, of, cell, place, unranked }: Standing): string | null {
  if (cell?.erratum !== undefined) return cell.erratum;
  if (place === undefined) return unranked ?? whyNoPlace(run, of, method.id);
  return cell?.noInterval ?? null;
}

/** Six figures say more than an interval bears; the documents have all of them. */
const figure = (value: number | null | undefined): number | null =>
  value === null || value === undefined ? null : Number(value.toPrecision(6));

/** Rows of the runs that the leaderboard shows, by what its page has columns for. */
function standingsOf(run: SiteRun): Standing[] {
  const unranked = whyUnranked(run);
  const betterOf = new Map(run.result.metrics.map(({ id, better }) => [id, better]));
  const cells = new Map(
    run.result.statistics.cells.map((cell: RunCell) => [`${cell.method} ${cell.metric}`, cell]),
  );
  const bases = basesOf([run])
    .filter(isCore)
    .map(({ id: of, kind }) => {
      const ranking = rankingOf(run, of);
      const places = new Map(unranked === undefined ? ranking?.places.map((p) => [p.method, p]) : []);
      const better = kind === "metric" ? (betterOf.get(of) ?? null) : null;
      return { of, kind, better, ranking, places };
    });
  return run.result.methods
    .filter(({ control }) => !control)
    .flatMap((method) =>
      bases.map(({ places, ...basis }): Standing => {
        const cell = cells.get(`${method.id} ${basis.of}`);
        return { run, method, ...basis, cell, place: places.get(method.id), unranked };
      }),
    );
}

/** Compact: runs once, rows as lists whose names are `columns`; `run` is an index into `runs`. */
export const leaderboardJson = (runs: readonly SiteRun[]) => ({
  schema: "xai-kit/api/leaderboard/1" as const,
  runs: runs.map((run) => Object.fromEntries(runColumns.map(({ name, of }) => [name, of(run)]))),
  columns: ["run", ...standingColumns.map(({ name }) => name)],
  rows: runs.flatMap((run, k) =>
    standingsOf(run).map((standing) => [k, ...standingColumns.map(({ of }) => of(standing))]),
  ),
});

/** RFC 4180, with a header. */
export function leaderboardCsv(runs: readonly SiteRun[]): string {
  const lines = [[...runColumns, ...standingColumns].map(({ name }) => name).join(",")];
  for (const run of runs) {
    const facts = runColumns.map(({ of }) => csvField(of(run))).join(",");
    for (const standing of standingsOf(run))
      lines.push(`${facts},${standingColumns.map(({ of }) => csvField(of(standing))).join(",")}`);
  }
  return `${lines.join("\r\n")}\r\n`;
}

/** Text that a spreadsheet would take for a formula gets a quote in front; documents come from strangers. */
export function csvField(value: Value): string {
  if (typeof value !== "string") return value === null ? "" : `${value}`;
  const safe = /^[=+\-@\t\r\n]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** The rows of the CSV; equal rows are equal bytes. */
export function leaderboardParquet(runs: readonly SiteRun[]): Uint8Array<ArrayBuffer> {
  const rows = runs.flatMap(standingsOf);
  const column = <Of>({ name, type, of }: Column<Of>, from: (row: Standing) => Of) => ({
    name,
    type,
    nullable: true,
    data: rows.map((row) => of(from(row))),
  });
  return new Uint8Array(
    parquetWriteBuffer({
      columnData: [
        ...runColumns.map((c) => column(c, ({ run }) => run)),
        ...standingColumns.map((c) => column(c, (row) => row)),
      ],
      createdBy: "xai-kit",
    }),
  );
}
