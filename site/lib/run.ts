/** Names for the parts of a run document, and a run as the site holds it. */
import type { Erratum } from "../../kit/src/results/errata.ts";
import type { LedgerEntry } from "../../kit/src/results/ledger.ts";
import type { Cell, Method, Ranking, Run } from "../../kit/src/schemas.generated.ts";

export type { Method as RunMethod, Metric as RunMetric, Run } from "../../kit/src/schemas.generated.ts";
/** With what an erratum says against it, in a run as the site shows it (errata.ts). */
export type RunCell = Cell & { readonly erratum?: string };
/** `withdrawn`: methods that an erratum took the place of. */
export type RunRanking = Ranking & {
  readonly withdrawn?: readonly {
    readonly method: string;
    readonly standard: boolean;
    readonly reason: string;
  }[];
};
export type RunPlace = Run["result"]["statistics"]["overall"]["places"][number];

/** How far a run can be believed; tier.ts derives it. What others published is `reported`, and no run document. */
export type Tier = "submitted" | "recomputed" | "reproduced" | "attested";

export interface FileFacts {
  readonly bytes: number;
  readonly sha256: string;
}

/** A run with its place in results/runs/, which is its address: "phantom-cxr/cxr-resnet/2026-11-20-0a1b2c3d". */
export interface SiteRun extends Run {
  readonly id: string;
  /** file names in its pictures/ folder */
  readonly pictures: readonly string[];
  readonly tier: Tier;
  /** what its tier rests on and which errata touch it; not there in a run that was made up */
  readonly trust?: Trust;
}

/** An erratum that touches a run. */
export interface Mark {
  /** its line in results/errata.jsonl, from 1: lines are only added, so the number stays */
  readonly number: number;
  readonly erratum: Erratum;
  /** values of the run that it affects */
  readonly cells: number;
}

/** A line of the ledger, and why it does not count; undefined where it does. */
export interface Evidence {
  readonly entry: LedgerEntry;
  readonly against: string | undefined;
}

export interface Trust {
  /** sha256 of its result as it was published */
  readonly identity: string;
  /** every line of the ledger about it */
  readonly evidence: readonly Evidence[];
  /** what an erratum says against it */
  readonly errata: readonly Mark[];
}

/** Of one attribution; null for maps that were computed elsewhere. */
export const passesOf = ({ cost }: Pick<Method, "cost">): number | null =>
  cost && cost.forwards + cost.backwards;

/** A document can have over a thousand cells, each asked for by several pages. */
const cellsOf = new WeakMap<readonly Cell[], ReadonlyMap<string, ReadonlyMap<string, RunCell>>>();

export function cellOf({ result }: Run, method: string, metric: string): RunCell | undefined {
  const { cells } = result.statistics;
  const found = cellsOf.get(cells) ?? byMethod(cells);
  cellsOf.set(cells, found);
  return found.get(method)?.get(metric);
}

function byMethod(cells: readonly RunCell[]): Map<string, Map<string, RunCell>> {
  const found = new Map<string, Map<string, RunCell>>();
  for (const cell of cells) {
    const ofMethod = found.get(cell.method) ?? new Map<string, RunCell>();
    found.set(cell.method, ofMethod.set(cell.metric, cell));
  }
  return found;
}

/** Titles of the run's methods and metrics by their ids. */
export const titleIn =
  ({ result }: Run) =>
  (id: string): string =>
    [...result.methods, ...result.metrics].find((entry) => entry.id === id)?.title ?? id;

/** "draws = 50, sigma = 0.15"; "–" where there is none. */
export const paramWords = (params: Readonly<Record<string, unknown>>): string =>
  Object.entries(params)
    .map(([key, value]) => `${key} = ${value}`)
    .join(", ") || "–";

export interface MethodGroups {
  /** what the run is about: standard methods, and maps from elsewhere */
  readonly first: readonly Method[];
  /** placed among them and moving none, or not applicable: a page folds them */
  readonly further: readonly Method[];
  readonly controls: readonly Method[];
}

/** A run's methods in the groups that its page shows. Where none is standard, all of them come first. */
export function groupsOf({ result }: Run): MethodGroups {
  const controls = result.methods.filter((m) => m.control);
  const own = result.methods.filter((m) => !m.control);
  const first = own.filter((m) => m.standard || m.external !== undefined);
  return first.length === 0
    ? { first: own, further: [], controls }
    : { first, further: own.filter((m) => !first.includes(m)), controls };
}

/** "24 further methods" */
export const furtherWords = ({ length }: readonly unknown[]): string =>
  `${length} further ${length === 1 ? "method" : "methods"}`;
