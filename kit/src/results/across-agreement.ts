/** Does the order of methods carry over: to another architecture, to another track, to another metric? */
import { rngOf } from "../rng.ts";
import { type Interval, type Resamples, resampleGroups } from "../stats/bootstrap.ts";
import { kendallTau, meanTau } from "../stats/kendall.ts";
import { blocksNeeded, byCodeUnit, distinct, type Field, needs, whyNothing } from "./across-field.ts";
import type { Result } from "./document.ts";

/** Mean τ-b of the order of methods, of pairs of runs. */
export interface Agreement {
  readonly a: string;
  readonly b: string;
  readonly tau: number | null;
  /** 95 %, percentile bootstrap over `dataSets`, all runs of one drawn together */
  readonly interval: Interval | null;
  /** why there is no τ, or no interval */
  readonly reason: string | null;
  /** pairs of runs (of rankings of a run, between metrics), the data sets they are of, the methods they order */
  readonly pairs: number;
  readonly dataSets: number;
  readonly methods: number;
}

/** Resamples of data sets by their strata; none at all where there are not `enough`. */
export type Draw = (strata: readonly number[], enough: boolean) => Resamples;

/** The same draws wherever data sets and strata are as many, so that intervals of one run set can be compared. */
export function drawsOf(seed: string, resamples: number): Draw {
  const known = new Map<string, Resamples>();
  return (strata, enough) => {
    const key = `${strata} ${enough}`;
    const drawn =
      known.get(key) ??
      resampleGroups(strata, enough ? resamples : 0, rngOf("xai-kit/across-runs", seed, "data sets"));
    known.set(key, drawn);
    return drawn;
  };
}

type Data = Result["data"];

/** Pairs of runs that are of the same data set, or of the same two. */
interface Bundle {
  readonly dataSets: readonly Data[];
  readonly pairs: [Result, Result][];
}

/** Every pair of runs worth comparing, by the two names it stands between; found once for all that methods are ranked by. */
export interface Pairs {
  nameOf(result: Result): string | null;
  /** by `keyOf` two names */
  readonly cells: ReadonlyMap<string, readonly Bundle[]>;
  /** why there are none between two names */
  readonly none: string;
}

const keyOf = (...names: readonly string[]): string => JSON.stringify([...names].sort(byCodeUnit));

/** Two models on the same images. */
export function pairsOfArchitectures(results: readonly Result[]): Pairs {
  return pairsOf(results, {
    nameOf: ({ model }) => model.architecture,
    none: "no data set has a run of both",
    alike: ({ data }) => data.id,
    worth: (x, y) => x.model.sha256 !== y.model.sha256,
    dataSets: (x) => [x.data],
  });
}

/** One architecture on the images of two tracks, or of two data sets of one track. */
export function pairsOfTracks(results: readonly Result[]): Pairs {
  return pairsOf(results, {
    nameOf: ({ data }) => data.track,
    none: "no architecture has a run on both",
    alike: ({ model }) => model.architecture,
    worth: (x, y) => x.data.base !== y.data.base,
    dataSets: (x, y) => [x.data, y.data],
  });
}

interface Kind extends Omit<Pairs, "cells"> {
  /** runs are paired where this is the same, and known */
  alike(result: Result): string | null;
  worth(x: Result, y: Result): boolean;
  dataSets(x: Result, y: Result): readonly Data[];
}

function pairsOf(results: readonly Result[], { nameOf, none, alike, worth, dataSets }: Kind): Pairs {
  const groups = new Map<string, Result[]>();
  for (const result of results) {
    const key = alike(result);
    if (key === null || nameOf(result) === null) continue;
    const group = groups.get(key);
    if (group) group.push(result);
    else groups.set(key, [result]);
  }
  const cells = new Map<string, Map<string, Bundle>>();
  for (const group of groups.values()) {
    for (const [i, x] of group.entries()) {
      for (const y of group.slice(i + 1)) {
        if (!worth(x, y)) continue;
        const between = keyOf(nameOf(x)!, nameOf(y)!);
        const cell = cells.get(between) ?? new Map<string, Bundle>();
        const of = dataSets(x, y);
        const key = keyOf(...of.map(({ base }) => base));
        const bundle = cell.get(key) ?? { dataSets: of, pairs: [] };
        bundle.pairs.push([x, y]);
        cells.set(between, cell.set(key, bundle));
      }
    }
  }
  return { nameOf, none, cells: new Map([...cells].map(([key, cell]) => [key, [...cell.values()]])) };
}

/** A row for each two names of the field's runs, and for each name with itself where there are pairs. */
export function tableOf(
  { blocks, at, ranks, methods }: Field,
  { nameOf, cells, none }: Pairs,
  draw: Draw,
): Agreement[] {
  const names = distinct(blocks.flatMap((block) => nameOf(block) ?? []));
  return names.flatMap((a, i) =>
    names.slice(i).flatMap((b) => {
      const measured = (cells.get(keyOf(a, b)) ?? []).flatMap(({ dataSets, pairs }) => {
        const present = pairs.filter(([x, y]) => at.has(x) && at.has(y));
        const taus = present.map(([x, y]) => kendallTau(ranks[at.get(x)!], ranks[at.get(y)!]));
        return present.length === 0 ? [] : { dataSets, taus };
      });
      return a === b && measured.length === 0 ? [] : agreementOf(a, b, measured, methods.length, draw, none);
    }),
  );
}

/** Two metrics of the same run, over the methods that both rank everywhere. */
export function metricTable(fields: readonly Field[], draw: Draw): Agreement[] {
  return fields.flatMap((first, i) =>
    fields.slice(i + 1).map((second) => {
      const methods = first.methods.filter((method) => second.methods.includes(method));
      const blocks = first.blocks.filter((block) => second.at.has(block));
      const why = whyNothing({ blocks, methods });
      const rowsOf = ({ at, ranks, methods: own }: Field) => {
        const picked = methods.map((method) => own.indexOf(method));
        return (block: Result) => picked.map((m) => ranks[at.get(block)!][m]);
      };
      const [ofFirst, ofSecond] = [rowsOf(first), rowsOf(second)];
      const measured = (why === null ? blocks : []).map((block) => {
        return { dataSets: [block.data], taus: [kendallTau(ofFirst(block), ofSecond(block))] };
      });
      return agreementOf(first.of, second.of, measured, methods.length, draw, why ?? "");
    }),
  );
}

interface Measured {
  readonly dataSets: readonly Data[];
  /** `null` where the methods tie */
  readonly taus: readonly (number | null)[];
}

/** Where a pair is of two tracks, data sets are drawn within each, and there must be three of each. */
function agreementOf(
  a: string,
  b: string,
  measured: readonly Measured[],
  methods: number,
  draw: Draw,
  none: string,
): Agreement {
  const defined = measured
    .map(({ dataSets, taus }) => ({ dataSets, taus: taus.filter((tau) => tau !== null) }))
    .filter(({ taus }) => taus.length > 0);
  const trackOf = new Map(
    defined.flatMap(({ dataSets }) => dataSets.map(({ base, track }) => [base, track])),
  );
  const units = distinct([...trackOf.keys()]);
  const pairs = defined.reduce((sum, { taus }) => sum + taus.length, 0);
  const counts = { a, b, pairs, dataSets: units.length, methods };
  if (pairs === 0) {
    const reason = measured.length === 0 ? none : "all methods tie in every pair";
    return { ...counts, tau: null, interval: null, reason };
  }
  const lists = defined.map(({ dataSets, taus }) => {
    return { units: dataSets.map(({ base }) => units.indexOf(base)), taus };
  });
  const apart = lists[0].units.length === 2 && a !== b;
  const strata = units.map((base) => (apart ? Number(trackOf.get(base) === b) : 0));
  const least = Math.min(...(apart ? [0, 1] : [0]).map((s) => strata.filter((own) => own === s).length));
  const enough = least >= blocksNeeded;
  const { tau, interval } = meanTau(lists, draw(strata, enough))!;
  const sets = apart ? "data sets of each track" : "data sets";
  const reason = enough ? null : `no interval: ${needs(least, sets.replace("sets", "set"), sets)}`;
  return { ...counts, tau, interval, reason };
}
