/** What a run says about a method under a concern, and what several runs add up to. */
import { architectureLabel } from "../lib/labels.ts";
import type { SiteRun } from "../lib/run.ts";
import { comparable, newest, whyUnranked } from "../lib/select.ts";
import { type Concern, imagesOf, type Standing, soundness } from "./concerns.ts";
import type { Facts } from "./rules.ts";

export interface Evidence extends Standing {
  /** id, which is its address */
  readonly run: string;
  readonly data: { readonly id: string; readonly base: string; readonly title: string };
  readonly model: { readonly id: string; readonly title: string; readonly sha256: string };
  /** images behind the rank */
  readonly n: number;
  /** gates passed, not passed, not known */
  readonly sound: boolean | null;
  /** the metrics whose gates are not passed, or not known; the same with why */
  readonly metrics: readonly string[];
  readonly reasons: readonly string[];
}

export function evidenceOf(run: SiteRun, concern: Concern, method: string): Evidence {
  const { data, model } = run.result;
  const { sound, metrics, reasons } = soundness(run, concern.gates, method);
  return {
    run: run.id,
    data: { id: data.id, base: data.base, title: data.title },
    model: { id: model.id, title: architectureLabel(model.architecture ?? model.id), sha256: model.sha256 },
    n: imagesOf(run, concern.gates),
    ...concern.standing(run, method),
    sound,
    metrics,
    reasons,
  };
}

/** Runs in which the method has no place say nothing for it or against it. */
export function factsOf(evidence: readonly Evidence[]): Facts {
  const placed = evidence.filter(({ place }) => place !== null);
  const distinct = (of: (e: Evidence) => string) => new Set(placed.map(of)).size;
  const count = (holds: (e: Evidence) => boolean) => placed.filter(holds).length;
  return {
    runs: placed.length,
    data: distinct(({ data }) => data.base),
    // the same weights under two names are one model, and so are two exports under one name
    models: Math.min(
      distinct(({ model }) => model.id),
      distinct(({ model }) => model.sha256),
    ),
    leads: count(({ leads }) => leads),
    trails: count(({ trails }) => trails),
    sound: count(({ sound }) => sound === true),
    unsound: count(({ sound }) => sound === false),
  };
}

/** Why a run counts for nothing here, whatever it found; undefined for one that may count. */
const whySetAside = (run: SiteRun): string | undefined =>
  whyUnranked(run) ?? (run.tier === "submitted" ? "without the scores it was made from" : undefined);

export interface Counted {
  /** of one protocol, in the order of their ids */
  readonly runs: readonly SiteRun[];
  readonly protocol: string | undefined;
  /** what was left out, reason by reason */
  readonly aside: readonly { readonly reason: string; readonly n: number }[];
}

/**
 * The runs that count, of those of one family and track. What cannot count goes first, so that it does not hide an older run that can.
 * No erratum has been issued yet; runs that one names belong with what cannot count.
 */
export function countedRuns(runs: readonly SiteRun[]): Counted {
  const current = newest(runs.filter((run) => whySetAside(run) === undefined));
  const counted = comparable(current);
  const superseded = runs.filter((run) => whySetAside(run) === undefined && !current.includes(run));
  const reasons = [
    ...runs.flatMap((run) => whySetAside(run) ?? []),
    ...superseded.map(() => "superseded by a newer run"),
    ...current.filter((run) => !counted.includes(run)).map(() => "of another protocol"),
  ];
  return {
    runs: counted,
    protocol: counted[0]?.result.protocol.id,
    aside: [...new Set(reasons)]
      .sort()
      .map((reason) => ({ reason, n: reasons.filter((other) => other === reason).length })),
  };
}
