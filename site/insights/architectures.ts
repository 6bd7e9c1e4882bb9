/** Does the architecture decide which method is best? Per track, as images of two tracks differ in more than the model. */

import { methods as registry } from "../../kit/src/methods/index.ts";
import {
  type Agreement,
  drawsOf,
  pairsOfArchitectures,
  tableOf,
} from "../../kit/src/results/across-agreement.ts";
import { blocksNeeded, fieldOf, needs, whyNothing } from "../../kit/src/results/across-field.ts";
import { rngOf } from "../../kit/src/rng.ts";
import { type Interval, interval, resampledMeans, resampleGroups } from "../../kit/src/stats/bootstrap.ts";
import { mean } from "../../kit/src/stats/summary.ts";
import { interval as intervalText, number } from "../lib/format.ts";
import { architectureLabel, familyLabel, familyOrder, trackLabel } from "../lib/labels.ts";
import { rankingOf } from "../lib/rankings.ts";
import type { SiteRun } from "../lib/run.ts";
import { notEnough, tauIs } from "./agreement.ts";
import { byTrack, some, type View } from "./views.ts";

export interface TrackAgreement {
  readonly track: string;
  readonly title: string;
  readonly answer: string;
  /** of one architecture with itself first, then by τ */
  readonly rows: readonly (Agreement & { readonly title: string })[];
}

/** Draws as in acrossRuns, whose seed they share. */
const resamples = 2000;

export function architecturesOf({ runs, set }: View, basis: string): TrackAgreement[] {
  const draw = drawsOf(set.protocol.id, resamples);
  return set.tracks.toSorted(byTrack).map((track): TrackAgreement => {
    const results = runs.map(({ result }) => result).filter(({ data }) => data.track === track);
    const field = fieldOf(basis, results);
    const why = whyNothing(field);
    const table = why === null ? tableOf(field, pairsOfArchitectures(results), draw) : [];
    const rows = table
      .map((row) => ({
        ...row,
        title:
          row.a === row.b
            ? `${architectureLabel(row.a)}, two models`
            : `${architectureLabel(row.a)} and ${architectureLabel(row.b)}`,
      }))
      .toSorted((x, y) => Number(y.a === y.b) - Number(x.a === x.b) || (y.tau ?? -2) - (x.tau ?? -2));
    return { track, title: trackLabel(track), rows, answer: why === null ? answerOf(rows) : notEnough(why) };
  });
}

function answerOf(rows: TrackAgreement["rows"]): string {
  const known = rows.filter(({ tau }) => tau !== null);
  const other = known.filter(({ a, b }) => a !== b);
  const same = known.filter(({ a, b }) => a === b);
  if (other.length === 0)
    return notEnough(rows.find(({ a, b }) => a !== b)?.reason ?? "runs of one architecture only");
  const [most, least] = [other[0], other.at(-1)!];
  const named = (row: (typeof rows)[number]) => `${row.title} (${tauIs(row)})`;
  const ends = most === least ? named(most) : `from ${named(least)} to ${named(most)}`;
  const told = other.filter((row) => row.interval !== null);
  if (told.length === 0) return `${notEnough(other[0].reason)} So far ${ends}.`;
  const alike = told.filter((row) => row.interval![0] > 0).length;
  const between = `Between ${alike} of ${some(told.length, "pair")} of architectures methods stand in an order that is alike; ${ends}.`;
  const within = same.filter((row) => row.interval !== null);
  if (within.length === 0) return `${between} How far two models of one architecture agree was not measured.`;
  const apart =
    Math.min(...within.map((row) => row.interval![0])) > Math.max(...told.map((row) => row.interval![1]));
  return apart
    ? `Yes: two models of one architecture agree more than those of different ones ever do. ${between}`
    : `It is not shown: two models of one architecture agree no more, within the intervals, than some of different ones. ${between}`;
}

/** Gradient methods look at the slope of the score, perturbation methods at what hiding does; CAMs at neither alone. */
export function kindOf(method: string): "gradient" | "perturbation" | undefined {
  const needs = registry.find(({ id }) => id === method)?.needs;
  if (needs === undefined || needs.includes("cam")) return undefined;
  return needs.includes("gradient") ? "gradient" : "perturbation";
}

/** How much higher perturbation methods stand than gradient methods: 1 is the whole ranking. */
export interface FamilyGap {
  readonly family: string;
  readonly title: string;
  readonly runs: number;
  readonly dataSets: number;
  readonly gap: number | null;
  readonly interval: Interval | null;
  readonly reason: string | null;
}

export function gapsOf({ runs, set }: View, basis: string): FamilyGap[] {
  return familyOrder.map((family): FamilyGap => {
    const found = runs
      .filter(({ result }) => result.model.family === family)
      .flatMap((run) => {
        const gap = gapIn(run, basis);
        return gap === undefined ? [] : [{ base: run.result.data.base, gap }];
      });
    const bases = [...new Set(found.map(({ base }) => base))].sort();
    const counts = { family, title: familyLabel(family), runs: found.length, dataSets: bases.length };
    if (found.length === 0) return { ...counts, gap: null, interval: null, reason: "no runs" };
    const gaps = Float64Array.from(found, ({ gap }) => gap);
    if (bases.length < blocksNeeded) {
      const reason = `no interval: ${needs(bases.length, "data set", "data sets")}`;
      return { ...counts, gap: mean(gaps), interval: null, reason };
    }
    const groups = Int32Array.from(found, ({ base }) => bases.indexOf(base));
    const rng = rngOf("xai-kit/insights", set.protocol.id, "gradient and perturbation");
    const drawn = resampleGroups(new Uint8Array(bases.length), resamples, rng);
    const [means] = resampledMeans([gaps], groups, drawn);
    return { ...counts, gap: mean(gaps), interval: interval(means), reason: null };
  });
}

function gapIn(run: SiteRun, basis: string): number | undefined {
  const places = (rankingOf(run, basis)?.places ?? []).filter(({ standard }) => standard);
  const of = (kind: string) =>
    mean(places.filter(({ method }) => kindOf(method) === kind).map(({ score }) => score));
  const [perturbation, gradient] = [of("perturbation"), of("gradient")];
  return perturbation === null || gradient === null ? undefined : perturbation - gradient;
}

export const gapText = ({ gap, interval: range }: FamilyGap): string =>
  gap === null ? "–" : [number(gap, 2), intervalText(range, 2)].filter(Boolean).join(" ");

export function gapAnswer(gaps: readonly FamilyGap[]): string {
  const own = gaps.find(({ family }) => family === "contrastive");
  if (own === undefined || own.gap === null) return notEnough("no runs of contrastive models");
  const figures = `${gapText(own)} of the ranking, ${some(own.runs, "run")} on ${some(own.dataSets, "data set")}`;
  if (own.interval === null)
    return `${notEnough(own.reason)} So far perturbation methods stand ${own.gap < 0 ? "lower" : "higher"} (${figures}).`;
  if (own.interval[0] > 0) return `Perturbation methods stand higher on contrastive models (${figures}).`;
  if (own.interval[1] < 0) return `Gradient methods stand higher on contrastive models (${figures}).`;
  return `Neither stands higher on contrastive models, as far as the data sets can tell (${figures}).`;
}
