/** What runs say together: whether methods differ over data sets, whether their order carries over, and what it owes to weights. */
import { KitError } from "../errors.ts";
import { rngOf } from "../rng.ts";
import {
  averageRanks,
  type CriticalDifference,
  criticalDifference,
  type Friedman,
  friedman,
  undistinguished,
} from "../stats/friedman.ts";
import { facets } from "../stats/summarise.ts";
import { mean } from "../stats/summary.ts";
import { type Lead, weightSensitivity } from "../stats/weights.ts";
import {
  type Agreement,
  drawsOf,
  metricTable,
  pairsOfArchitectures,
  pairsOfTracks,
  tableOf,
} from "./across-agreement.ts";
import { blockOf, byCodeUnit, distinct, type Field, fieldOf, whyNothing } from "./across-field.ts";
import type { Result, Run } from "./document.ts";
import { isDraft, whyUnranked } from "./ranked.ts";

/** The levels of the critical difference; groups are of the first. */
export const alphas = [0.05, 0.1] as const;

/** Methods over the blocks that rank by one thing. */
export interface Standing {
  /** "overall", a facet or a metric */
  readonly of: string;
  readonly kind: "overall" | "facet" | "metric";
  /** why nothing is said; all below but the counts and what was left out is then `null` or empty */
  readonly reason: string | null;
  /** runs; the data sets and models they are of */
  readonly blocks: number;
  readonly dataSets: number;
  readonly models: number;
  /** runs of the set that do not rank by this, and why */
  readonly blocksLeftOut: Field["blocksLeftOut"];
  /** common to all blocks, by mean rank; 1 is best */
  readonly methods: readonly { readonly method: string; readonly averageRank: number }[];
  readonly methodsLeftOut: Field["methodsLeftOut"];
  readonly friedman: Friedman | null;
  readonly criticalDifferences: readonly CriticalDifference[];
  /**
   * Largest sets of methods that cannot be told apart at the first level, best first, overlapping: all in one where the F form of
   * Friedman's test does not reject, after which no pair is looked at
   */
  readonly groups: readonly (readonly string[])[];
  /** why the test is to be read with care */
  readonly cautions: readonly string[];
}

export interface WeightShares {
  /** what is weighted: "facets", or "metrics" of the facets */
  readonly over: "facets" | "metrics";
  readonly components: readonly string[];
  readonly reason: string | null;
  readonly blocks: number;
  readonly weightings: number;
  /** by share; `equal`: the mean standing under equal weights, r̃ as of one run */
  readonly methods: readonly (Lead & { readonly method: string; readonly equal: number })[];
}

/** Runs that may be compared: of one protocol, and all drawn pictures or none. */
export interface RunSet {
  readonly protocol: Result["protocol"];
  readonly draft: boolean;
  /** drawn pictures: never beside others */
  readonly synthetic: boolean;
  readonly tracks: readonly string[];
  /** "data set/model" */
  readonly blocks: readonly string[];
  readonly standings: readonly Standing[];
  /** of each standing, where it has methods; a pair of one with itself is of different models on one data set */
  readonly betweenArchitectures: readonly { readonly of: string; readonly table: readonly Agreement[] }[];
  /** the same architecture on two tracks; a pair of one with itself is of two of its data sets */
  readonly betweenTracks: readonly { readonly of: string; readonly table: readonly Agreement[] }[];
  /** of the same run */
  readonly betweenMetrics: readonly Agreement[];
  readonly weights: readonly WeightShares[];
}

export interface AcrossRuns {
  readonly schema: "xai-kit/across-runs/1";
  readonly resamples: number;
  readonly sets: readonly RunSet[];
  readonly runsLeftOut: readonly { readonly block: string; readonly reason: string }[];
}

export interface AcrossOptions {
  /** resamples of data sets; 2,000 unless told */
  readonly resamples?: number;
  /** random weightings; 10,000 unless told */
  readonly weightings?: number;
}

/**
 * The statistics across data sets of PROTOCOL.md, of run documents alone. A block is a run, that is a data set × a model; treatments are
 * the standard methods with a place in every block. Within a block methods are ordered by their mean r̃, which is higher for the better
 * method whatever the metric's direction, not by `rank`, which is tied where one run cannot tell methods apart.
 *
 * Runs of one data set, or of one model, are not independent blocks, so that tests claim too much there; `cautions` says so. Intervals
 * are over data sets (of any size, one: the schema's `base`) because that is the least that documents hold; those over images need the
 * scores, see `tauOverGroups`.
 *
 * The order of runs changes nothing.
 *
 * @param runs  one for each data set, model and protocol; see the site's `newest`
 * @throws KitError E_RUNS for two of one data set, model and protocol
 *
 * Cost: per set about standings · pairs of runs + metrics² · runs, each time methods², and table cells · resamples · data sets. Of 1,000
 * runs and eleven rankings about two seconds, of 16 a quarter of one.
 */
export async function acrossRuns(
  runs: readonly Pick<Run, "result">[],
  { resamples = 2000, weightings = 10_000 }: AcrossOptions = {},
): Promise<AcrossRuns> {
  const results = runs.map(({ result }) => result).sort((a, b) => byCodeUnit(keyOf(a), keyOf(b)));
  const sets = new Map<string, Result[]>();
  const runsLeftOut: AcrossRuns["runsLeftOut"][number][] = [];
  for (const [i, result] of results.entries()) {
    if (i > 0 && keyOf(result) === keyOf(results[i - 1])) {
      throw new KitError("E_RUNS", {
        problem: `two runs of ${blockOf(result)} under protocol ${result.protocol.id}`,
        next: "give the newest of them",
      });
    }
    const reason = whyUnranked(result);
    if (reason !== undefined) runsLeftOut.push({ block: blockOf(result), reason });
    else {
      const key = JSON.stringify([result.protocol.id, result.protocol.sha256, isSynthetic(result)]);
      sets.set(key, [...(sets.get(key) ?? []), result]);
    }
  }
  const made: RunSet[] = [];
  for (const [, members] of [...sets].sort(([a], [b]) => byCodeUnit(a, b))) {
    made.push(await setOf(members, resamples, weightings));
  }
  return { schema: "xai-kit/across-runs/1", resamples, sets: made, runsLeftOut };
}

const keyOf = ({ data, model, protocol }: Result) =>
  JSON.stringify([data.id, model.id, protocol.id, protocol.sha256]);
const isSynthetic = ({ data }: Result) => data.track === "synthetic";

async function setOf(results: readonly Result[], resamples: number, weightings: number): Promise<RunSet> {
  const [{ protocol }] = results;
  const bases = [
    { of: "overall", kind: "overall" as const },
    ...facets.map(({ id }) => ({ of: id, kind: "facet" as const })),
    ...metricsOf(results).map((of) => ({ of, kind: "metric" as const })),
  ];
  const fields = bases.map(({ of }) => fieldOf(of, results));
  const fieldBy = new Map(fields.map((field) => [field.of, field]));
  const draw = drawsOf(protocol.id, resamples);
  const [architectures, tracks] = [pairsOfArchitectures(results), pairsOfTracks(results)];
  const ranked = fields.filter((field) => whyNothing(field) === null);
  const standings: Standing[] = [];
  for (const [i, { kind }] of bases.entries()) standings.push(await standingOf(kind, fields[i]));
  return {
    protocol: { id: protocol.id, sha256: protocol.sha256 },
    draft: isDraft({ protocol }),
    synthetic: isSynthetic(results[0]),
    tracks: distinct(results.map(({ data }) => data.track)),
    blocks: results.map(blockOf),
    standings,
    betweenArchitectures: ranked.map((field) => ({
      of: field.of,
      table: tableOf(field, architectures, draw),
    })),
    betweenTracks: ranked.map((field) => ({ of: field.of, table: tableOf(field, tracks, draw) })),
    betweenMetrics: metricTable(
      ranked.filter(({ of }) => bases.some((base) => base.of === of && base.kind === "metric")),
      draw,
    ),
    weights: [
      weightsOf(
        "facets",
        facets.map(({ id }) => id),
      ),
      weightsOf(
        "metrics",
        facets.flatMap(({ metrics }) => metrics),
      ),
    ],
  };

  function weightsOf(over: WeightShares["over"], components: readonly string[]): WeightShares {
    const parts = components.map((id) => fieldBy.get(id) ?? fieldOf(id, results));
    const rng = rngOf("xai-kit/across-runs", protocol.id, "weights", over);
    return weightShares(over, parts, weightings, rng);
  }
}

/** Every metric that some run ranks by, in the runs' order. */
const metricsOf = (results: readonly Result[]): string[] => [
  ...new Set(results.flatMap((r) => r.metrics.filter((m) => m.family !== "cost").map(({ id }) => id))),
];

async function standingOf(kind: Standing["kind"], field: Field): Promise<Standing> {
  const { of, blocks, methods, ranks, blocksLeftOut, methodsLeftOut } = field;
  const dataSets = distinct(blocks.map(({ data }) => data.base)).length;
  const models = distinct(blocks.map(({ model }) => model.sha256)).length;
  const counts = { blocks: blocks.length, dataSets, models, blocksLeftOut, methodsLeftOut };
  const why = whyNothing(field);
  const test = why === null ? await friedman(ranks) : null;
  const reason = why ?? (test === null ? "every run has all methods equal" : null);
  if (test === null || reason !== null) {
    const nothing = { methods: [], friedman: null, criticalDifferences: [], groups: [], cautions: [] };
    return { of, kind, reason, ...counts, ...nothing };
  }
  const average = averageRanks(ranks);
  const differences: CriticalDifference[] = [];
  for (const alpha of alphas) {
    differences.push(await criticalDifference(methods.length, blocks.length, alpha));
  }
  const within = test.fP < alphas[0] ? differences[0].difference : Number.POSITIVE_INFINITY;
  const order = [...methods.keys()].sort((a, b) => average[a] - average[b] || a - b);
  return {
    of,
    kind,
    reason,
    ...counts,
    methods: order.map((m) => ({ method: methods[m], averageRank: average[m] })),
    friedman: test,
    criticalDifferences: differences,
    groups: undistinguished(average, within).map((group) => group.map((m) => methods[m])),
    cautions: [
      ...(blocks.length <= 10 || methods.length <= 5
        ? [
            `p is an approximation for more than 10 runs and 5 methods, of ${blocks.length} and ${methods.length} here`,
          ]
        : []),
      ...(dataSets < blocks.length
        ? [`runs share data sets (${dataSets} for ${blocks.length}), so that they are not independent`]
        : []),
      ...(models < blocks.length
        ? [`runs share models (${models} for ${blocks.length}), so that they are not independent`]
        : []),
    ],
  };
}

/** Over the runs that have every component and the methods that all of these rank. */
function weightShares(
  over: WeightShares["over"],
  parts: readonly Field[],
  weightings: number,
  rng: ReturnType<typeof rngOf>,
): WeightShares {
  const components = parts.map(({ of }) => of);
  const blocks = (parts[0]?.blocks ?? []).filter((block) => parts.every((part) => part.at.has(block)));
  const methods = (parts[0]?.methods ?? []).filter((m) => parts.every((part) => part.methods.includes(m)));
  const reason = whyNothing({ blocks, methods });
  if (reason !== null) return { over, components, reason, blocks: blocks.length, weightings: 0, methods: [] };
  const standings = parts.map(({ scores, ...part }) =>
    methods.map((m) => {
      const at = part.methods.indexOf(m);
      return mean(blocks.map((block) => scores[part.at.get(block)!][at]))!;
    }),
  );
  const leads = weightSensitivity(standings, weightings, rng);
  const shares = methods.map((method, m) => ({
    method,
    ...leads[m],
    equal: mean(standings.map((standing) => standing[m]))!,
  }));
  shares.sort((a, b) => b.share - a.share || b.equal - a.equal || byCodeUnit(a.method, b.method));
  return { over, components, reason, blocks: blocks.length, weightings, methods: shares };
}
