/** The guide as data: for each family, track and concern what to use, with the runs and the rule behind it. Pure; runs in any order. */
import { familyOrder } from "../lib/labels.ts";
import { passesOf, type SiteRun } from "../lib/run.ts";
import { type Concern, concerns } from "./concerns.ts";
import { type Counted, countedRuns, type Evidence, evidenceOf, factsOf } from "./evidence.ts";
import { ruleFor, rules, type Verdict } from "./rules.ts";
import { type Wanted, wantedFor } from "./wanted.ts";

export interface Advice {
  readonly method: string;
  readonly title: string;
  readonly verdict: Verdict;
  /** id of the rule that spoke */
  readonly rule: string;
  /** one sentence with its figures */
  readonly reason: string;
  /** every counted run, also where the method has no place in it */
  readonly evidence: readonly Evidence[];
  /** the most model passes that one map took in a counted run; null where that is not known */
  readonly passes: number | null;
}

export interface Answer {
  readonly family: string;
  readonly track: string;
  readonly concern: string;
  /** best verdict first */
  readonly advice: readonly Advice[];
  /** undefined where a method may be used */
  readonly wanted: Wanted | undefined;
  readonly counted: Counted;
}

/** Somebody's own folder is compared with nothing, so there is no advice for it. */
export const tracks: readonly string[] = ["natural", "medical", "cxr", "ct", "synthetic"];

/** An answer for every combination, in the order of tracks, families and concerns. Evidence of one track never speaks for another. */
export function guideOf(runs: readonly SiteRun[]): readonly Answer[] {
  return tracks.flatMap((track) =>
    familyOrder.flatMap((family) => {
      const own = runs.filter(({ result }) => result.data.track === track && result.model.family === family);
      const counted = countedRuns(own);
      return concerns.map((concern) => answerOf(family, track, concern, counted));
    }),
  );
}

function answerOf(family: string, track: string, concern: Concern, counted: Counted): Answer {
  const advice = methodsOf(counted.runs)
    .map(([method, title]): Advice => {
      const evidence = counted.runs.map((run) => evidenceOf(run, concern, method));
      const facts = factsOf(evidence);
      const rule = ruleFor(facts);
      return {
        method,
        title,
        verdict: rule.verdict,
        rule: rule.id,
        reason: rule.because(facts),
        evidence,
        passes: passesIn(counted.runs, method),
      };
    })
    .sort(byVerdict);
  const usable = advice.some(({ verdict }) => verdict === "use");
  const asked = {
    family,
    track,
    concern: concern.id,
    facts: factsOf(advice.flatMap(({ evidence }) => evidence)),
    covered: counted.runs.map(({ result }) => result.data.base),
  };
  return {
    family,
    track,
    concern: concern.id,
    advice,
    wanted: usable ? undefined : wantedFor(asked),
    counted,
  };
}

function passesIn(runs: readonly SiteRun[], method: string): number | null {
  const found = runs.flatMap(({ result }) =>
    result.methods.flatMap((m) => (m.id === method && m.status === "ok" ? (passesOf(m) ?? []) : [])),
  );
  return found.length === 0 ? null : Math.max(...found);
}

/** Methods that are ranked and were tried in some run: id and title. */
const methodsOf = (runs: readonly SiteRun[]): readonly (readonly [id: string, title: string])[] => [
  ...new Map(
    runs.flatMap(({ result }) =>
      result.methods.filter((m) => m.standard && !m.control).map((m) => [m.id, m.title] as const),
    ),
  ),
];

const verdicts = [...new Set(rules.map((rule) => rule.verdict))];
const leads = ({ evidence }: Advice) => evidence.filter((e) => e.leads).length;

const byVerdict = (a: Advice, b: Advice): number =>
  verdicts.indexOf(a.verdict) - verdicts.indexOf(b.verdict) ||
  leads(b) - leads(a) ||
  (a.method < b.method ? -1 : 1);
