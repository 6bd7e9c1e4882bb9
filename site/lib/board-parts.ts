/** The leaderboard cut into what its script fetches: what is shown at first is one part, the rest comes when somebody asks for it. */
import { type BoardRows, type BoardStandings, code, type Packed, pack, type Receipt } from "./board-data.ts";
import { type Board, standingsOf } from "./leaderboard.ts";
import { coreMetrics } from "./rankings.ts";
import type { SiteRun } from "./run.ts";

export interface BoardParts {
  readonly rows: BoardRows;
  readonly more: Packed;
  readonly standings: BoardStandings;
  readonly receipts: readonly Receipt[];
}

export function partsOf({ columns, filters, rows }: Board): BoardParts {
  const runs = [...new Set(rows.map(({ run }) => run))];
  const packed = (standard: boolean): Packed =>
    Object.fromEntries(
      columns.flatMap((column, c) =>
        column.standard === standard ? [[column.id, pack(rows.map(({ cells }) => cells[c]))]] : [],
      ),
    );
  return {
    rows: {
      runs: runs.map(({ id }) => id),
      run: rows.map(({ run }) => runs.indexOf(run)),
      method: code(rows.map(({ method }) => method)),
      keys: Object.fromEntries(filters.map(({ id }, k) => [id, code(rows.map(({ keys }) => keys[k]))])),
      columns: packed(true),
    },
    more: packed(false),
    standings: packStandings(rows),
    receipts: runs.map(receiptOf),
  };
}

function packStandings(rows: Board["rows"]): BoardStandings {
  const known = new Map([...new Set(rows.map(({ run }) => run))].map((run) => [run, standingsOf(run)]));
  const metrics = coreMetrics.filter((id) => [...known.values()].some((of) => of.metrics.includes(id)));
  return {
    metrics,
    scores: metrics.map((metric) =>
      rows.map(({ run, method }) => {
        const of = known.get(run)!;
        const score = of.scores[of.metrics.indexOf(metric)]?.[of.methods.indexOf(method)];
        // digits enough that equal sums stay equal
        return score === undefined || score === null ? null : Number(score.toFixed(10));
      }),
    ),
  };
}

export function receiptOf({ result, tier }: SiteRun): Receipt {
  const { preprocessing, data, engine } = result;
  const { channels, height, width, ...how } = preprocessing;
  return {
    protocol: `${result.protocol.id} (${result.protocol.sha256.slice(0, 8)})${result.standard ? "" : ", changed"}`,
    fingerprint: `${data.fingerprint.kind} ${data.fingerprint.value.slice(0, 16)}`,
    resolution: `${channels} × ${height} × ${width}`,
    preprocessing: JSON.stringify(how),
    images: `${result.selection.samples}`,
    kit: result.kit,
    engine: `${engine.package} ${engine.version}, ${engine.provider}`,
    tier,
  };
}
