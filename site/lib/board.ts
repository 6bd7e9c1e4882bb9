/** The leaderboard of this build, made once for its pages and its data. */
import { pagesOf } from "./board-data.ts";
import { type BoardParts, partsOf } from "./board-parts.ts";
import { type Board, type BoardRow, boardOf } from "./leaderboard.ts";
import type { SiteRun } from "./run.ts";
import { currentRuns } from "./runs.ts";

export interface BuiltBoard extends Board {
  readonly runs: readonly SiteRun[];
  readonly pages: readonly (readonly BoardRow[])[];
  readonly parts: BoardParts;
}

let built: Promise<BuiltBoard> | undefined;

export function theBoard(): Promise<BuiltBoard> {
  built ??= currentRuns().then((runs) => {
    const board = boardOf(runs);
    return { ...board, runs, pages: pagesOf(board.rows, ({ run }) => run), parts: partsOf(board) };
  });
  return built;
}
