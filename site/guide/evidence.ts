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

export function evidenceOf(
  run: SiteRun,
  concern: Pick<Concern, "gates" | "standing">,
  method: string,
): Evidence {
  const { data, model, methods } = run.result;
  const explained = methods.find(({ id }) => id === method)?.samples ?? Number.POSITIVE_INFINITY;
  const { sound, metrics, reasons } = soundness(run, concern.gates, method);
  return {
    run: run.id,
    data: { id: data.id, base: data.base, title: data.title },
    model: { id: model.id, title: architectureLabel(model.architecture ?? model.id), sha256: model.sha256 },
    n: Math.min(explained, imagesOf(run, concern.gates)),
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
  /** the same run by run, by their ids */
  readonly whyNot: ReadonlyMap<string, string>;
}

/**
 * The runs that count, of those of one family and track. What cannot count goes first, so that it does not hide an older run that can.
 * What an erratum affects has no place in a run as it is read, so that nothing of it is counted.
 */
export function countedRuns(runs: readonly SiteRun[]): Counted {
  const current = newest(runs.filter((run) => whySetAside(run) === undefined));
  const counted = comparable(current);
  const whyNot = new Map(
    runs
      .filter((run) => !counted.includes(run))
      .map((run) => [
        run.id,
        whySetAside(run) ?? (current.includes(run) ? "of another protocol" : "superseded by a newer run"),
      ]),
  );
  const reasons = [...whyNot.values()];
  return {
    runs: counted,
    protocol: counted[0]?.result.protocol.id,
    aside: [...new Set(reasons)]
      .sort()
      .map((reason) => ({ reason, n: reasons.filter((other) => other === reason).length })),
    whyNot,
  };
}
