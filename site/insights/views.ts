/** What insights are drawn from: runs of photographs and patients apart from drawn ones, each under one protocol. */

import { byCodeUnit } from "../../kit/src/results/across-field.ts";
import type { AcrossRuns, RunSet } from "../../kit/src/results/across-runs.ts";
import { tracks } from "../guide/guide.ts";
import { runsAcross } from "../lib/across-runs.ts";
import { count, ranks } from "../lib/format.ts";
import type { SiteRun } from "../lib/run.ts";
import { isSynthetic } from "../lib/select.ts";

export interface View {
  readonly key: "real" | "drawn";
  readonly title: string;
  readonly set: RunSet;
  readonly runs: readonly SiteRun[];
  /** of methods and metrics, by id */
  readonly titles: ReadonlyMap<string, string>;
}

/** Released protocols before drafts, the newest first; what has no runs is not there. */
export function viewsOf({ sets }: AcrossRuns, all: readonly SiteRun[]): View[] {
  return ([false, true] as const).flatMap((synthetic): View[] => {
    const [set] = sets
      .filter((candidate) => candidate.synthetic === synthetic)
      .toSorted((a, b) => Number(a.draft) - Number(b.draft) || (a.protocol.id < b.protocol.id ? 1 : -1));
    if (set === undefined) return [];
    const runs = runsAcross(all).filter(
      (run) =>
        isSynthetic(run) === synthetic &&
        run.result.protocol.id === set.protocol.id &&
        run.result.protocol.sha256 === set.protocol.sha256,
    );
    const title = synthetic ? "Drawn images" : "Photographs and patients";
    return [{ key: synthetic ? "drawn" : "real", title, set, runs, titles: titlesOf(runs) }];
  });
}

const titlesOf = (runs: readonly SiteRun[]): ReadonlyMap<string, string> =>
  new Map(
    runs.flatMap(({ result }) =>
      [...result.methods, ...result.metrics].map(({ id, title }) => [id, title] as const),
    ),
  );

export const titleIn = ({ titles }: Pick<View, "titles">, id: string): string => titles.get(id) ?? id;

/** "8 runs of 256 images on 2 data sets with 8 models, protocol 1, tier recomputed" */
export function viewWords({ runs, set }: Pick<View, "runs" | "set">): string {
  const distinct = (of: (run: SiteRun) => string) => new Set(runs.map(of)).size;
  const data = distinct(({ result }) => result.data.base);
  const models = distinct(({ result }) => result.model.sha256);
  const tiers = [...new Set(runs.map(({ tier }) => tier))].sort().join(" or ");
  const n = runs.map(({ result }) => result.selection.samples);
  const images = ranks([Math.min(...n), Math.max(...n)]);
  return `${some(runs.length, "run")} of ${images} images on ${some(data, "data set")} with ${some(models, "model")}, protocol ${set.protocol.id}, tier ${tiers}`;
}

export const some = (n: number, one: string): string => `${count(n)} ${n === 1 ? one : `${one}s`}`;

/** What the page orders methods by, where the view has it. */
export function basesIn({ set, titles }: View): { readonly id: string; readonly title: string }[] {
  const known = [
    { id: "overall", title: "Overall" },
    { id: "faithfulness", title: "Faithfulness" },
    { id: "robustness", title: "Robustness" },
    { id: "relevance-rank-accuracy", title: "Localisation" },
  ];
  return known.filter(
    ({ id }) => titles.size > 0 && set.standings.some(({ of, methods }) => of === id && methods.length > 0),
  );
}

/** In the order of the guide; what is none of its tracks goes first, by code unit. */
export const byTrack = (a: string, b: string): number =>
  tracks.indexOf(a) - tracks.indexOf(b) || byCodeUnit(a, b);
