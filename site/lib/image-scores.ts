/** Scores of single images, from the file beside a run: what its means were made from. */
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { decodeSidecar, type SidecarRow } from "../../kit/src/results/sidecar.ts";

/** scores.parquet of a run's folder; undefined where it was not published. */
export async function scoredRows(folder: string): Promise<readonly SidecarRow[] | undefined> {
  const file = join(folder, "scores.parquet");
  return existsSync(file) ? decodeSidecar(await readFile(file)).rows : undefined;
}

/** Every score of a method by a metric, sorted: as many as its cell in the run document counts. */
export function columnsOf(
  rows: readonly SidecarRow[],
): (method: string, metric: string) => readonly number[] {
  const byMethod = new Map<string, SidecarRow[]>();
  for (const row of rows) {
    const own = byMethod.get(row.method);
    if (own === undefined) byMethod.set(row.method, [row]);
    else own.push(row);
  }
  return (method, metric) =>
    (byMethod.get(method) ?? [])
      .flatMap(({ scores }) => (Object.hasOwn(scores, metric) ? [scores[metric]] : []))
      .sort((a, b) => a - b);
}
