/** What runs can be compared by: the runs that rank by one thing, and the methods that all of these rank. */
import { rankBlocks } from "../stats/friedman.ts";
import type { Result } from "./document.ts";

/** Fewer data sets or models say nothing that a run does not say by itself. */
export const blocksNeeded = 3;

/** Of two methods τ is 1 or −1. */
export const methodsNeeded = 3;

export const byCodeUnit = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
export const distinct = (values: readonly string[]): string[] => [...new Set(values)].sort(byCodeUnit);
export const blockOf = ({ data, model }: Result): string => `${data.id}/${model.id}`;
export const needs = (n: number, one: string, many: string, needed = blocksNeeded): string =>
  `${n} ${n === 1 ? one : many}, ${needed} are needed`;

/** The runs that rank by one thing, and how each orders the methods that all of them rank. */
export interface Field {
  readonly of: string;
  readonly blocks: readonly Result[];
  /** of each block its index */
  readonly at: ReadonlyMap<Result, number>;
  /** sorted by code unit */
  readonly methods: readonly string[];
  /** [blocks][methods], mean r̃ */
  readonly scores: readonly Float64Array[];
  /** [blocks][methods] */
  readonly ranks: readonly Float64Array[];
  readonly blocksLeftOut: readonly { readonly block: string; readonly reason: string }[];
  readonly methodsLeftOut: readonly { readonly method: string; readonly reason: string }[];
}

export function fieldOf(of: string, results: readonly Result[]): Field {
  const blocks: Result[] = [];
  const places: Result["statistics"]["overall"]["places"][] = [];
  const blocksLeftOut: Field["blocksLeftOut"][number][] = [];
  for (const result of results) {
    const { overall, facets: ofFacets, metrics } = result.statistics;
    const ranking = [overall, ...ofFacets, ...metrics].find((candidate) => candidate.of === of);
    if (ranking !== undefined && ranking.places.length > 0) {
      blocks.push(result);
      places.push(ranking.places);
    } else
      blocksLeftOut.push({ block: blockOf(result), reason: ranking?.reason ?? "not measured in this run" });
  }
  const without = (method: string) =>
    blocks.filter((_, b) => !places[b].some((p) => p.method === method && p.standard));
  const methodsLeftOut: Field["methodsLeftOut"][number][] = [];
  const methods = distinct(places.flat().map(({ method }) => method)).filter((method) => {
    const missing = without(method);
    if (missing.length === 0) return true;
    const reason =
      missing.length === blocks.length
        ? "not one of the ranked methods"
        : `no place in ${missing.length} of ${blocks.length}, first ${blockOf(missing[0])}`;
    methodsLeftOut.push({ method, reason });
    return false;
  });
  const scores = places.map((list) =>
    snapped(methods.map((method) => list.find((place) => place.method === method)!.score)),
  );
  return {
    of,
    blocks,
    at: new Map(blocks.map((block, b) => [block, b])),
    methods,
    scores,
    ranks: rankBlocks(scores, "higher"),
    blocksLeftOut,
    methodsLeftOut,
  };
}

/** Means of the same ranks can differ in their last bits: a value within 1e-9 of the next smaller one becomes equal to it. */
function snapped(values: readonly number[]): Float64Array {
  const order = [...values.keys()].sort((a, b) => values[a] - values[b]);
  const out = Float64Array.from(values);
  for (let i = 1; i < order.length; i++) {
    if (values[order[i]] - values[order[i - 1]] <= 1e-9) out[order[i]] = out[order[i - 1]];
  }
  return out;
}

/** Why nothing is said of these. */
export const whyNothing = ({ blocks, methods }: Pick<Field, "blocks" | "methods">): string | null =>
  blocks.length < blocksNeeded
    ? needs(blocks.length, "run", "runs")
    : methods.length < methodsNeeded
      ? needs(methods.length, "method common to all runs", "methods common to all runs", methodsNeeded)
      : null;
