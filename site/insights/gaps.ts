/** What has not been measured: families × tracks × metrics. */
import type { DatasetDefinition } from "../../kit/src/datasets/dataset.ts";
import { datasets } from "../../kit/src/datasets/index.ts";
import { metrics as registry } from "../../kit/src/metrics/index.ts";
import { tracks } from "../guide/guide.ts";
import { thresholds } from "../guide/rules.ts";
import { scopeWords } from "../guide/words.ts";
import { familyLabel, familyOrder, trackLabel } from "../lib/labels.ts";
import { coreMetrics, rankingOf } from "../lib/rankings.ts";
import type { SiteRun } from "../lib/run.ts";
import { some } from "./views.ts";

export interface GapCell {
  readonly runs: number;
  readonly dataSets: number;
  readonly models: number;
  /** as the guide's rules ask: enough for a recommendation, less, none, or what cannot be had */
  readonly level: "enough" | "some" | "none" | "never";
  /** "3 runs: 2 data sets, 3 models" */
  readonly name: string;
}

export interface GapRow {
  readonly family: string;
  readonly track: string;
  readonly title: string;
  readonly cells: readonly GapCell[];
}

export interface Gaps {
  readonly metrics: readonly { readonly id: string; readonly title: string }[];
  readonly groups: readonly {
    readonly track: string;
    readonly title: string;
    readonly rows: readonly GapRow[];
  }[];
  readonly answer: string;
}

/** @param runs  those that count, of every track */
export function gapsIn(runs: readonly SiteRun[]): Gaps {
  const metrics = coreMetrics.map((id) => ({ id, title: registry.find((m) => m.id === id)?.title ?? id }));
  const groups = tracks.map((track) => ({
    track,
    title: trackLabel(track),
    rows: familyOrder.map((family): GapRow => {
      const own = runs.filter(({ result }) => result.data.track === track && result.model.family === family);
      return {
        family,
        track,
        title: familyLabel(family),
        cells: metrics.map(({ id }) => cellIn(own, track, id)),
      };
    }),
  }));
  return { metrics, groups, answer: answerOf(groups.flatMap(({ rows }) => rows)) };
}

const lacksMasks = ({ lacks }: Pick<DatasetDefinition, "lacks">) => lacks?.includes("masks") ?? false;

function cellIn(runs: readonly SiteRun[], track: string, metric: string): GapCell {
  const own = runs.filter((run) => (rankingOf(run, metric)?.places.length ?? 0) > 0);
  const distinct = (of: (run: SiteRun) => string) => new Set(own.map(of)).size;
  const dataSets = distinct(({ result }) => result.data.base);
  const models = Math.min(
    distinct(({ result }) => result.model.id),
    distinct(({ result }) => result.model.sha256),
  );
  const inTrack = datasets.filter((definition) => definition.track === track);
  const never =
    own.length === 0 &&
    registry.find(({ id }) => id === metric)?.needs.includes("mask") === true &&
    inTrack.length > 0 &&
    inTrack.every(lacksMasks);
  const level =
    dataSets >= thresholds.data && models >= thresholds.models
      ? "enough"
      : own.length > 0
        ? "some"
        : never
          ? "never"
          : "none";
  const name =
    own.length > 0
      ? `${some(own.length, "run")}: ${some(dataSets, "data set")}, ${some(models, "model")}`
      : never
        ? "no data set of this kind has masks"
        : "no run";
  return { runs: own.length, dataSets, models, level, name };
}

function answerOf(rows: readonly GapRow[]): string {
  const isEmpty = ({ cells }: GapRow) => cells.every(({ runs }) => runs === 0);
  const empty = rows.filter((row) => row.track !== "synthetic" && isEmpty(row));
  const real = rows.filter((row) => row.track !== "synthetic");
  if (empty.length === 0) {
    const thin = real.filter(({ cells }) => cells.some(({ level }) => level === "none" || level === "some"));
    return thin.length === 0
      ? "Every family has been measured on every kind of image, widely enough for the guide."
      : `Every family has runs on every kind of image; ${thin.length} of ${real.length} combinations have too few for some metric.`;
  }
  if (empty.length === real.length)
    return "Nothing has been measured yet on photographs or patients: any run of these would be the first.";
  return `${empty.length} of ${real.length} combinations of model family and kind of image have no run that counts, ${scopeWords(empty[0])} first.`;
}
