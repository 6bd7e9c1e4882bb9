/** What can matter to a reader, and what of a run answers it. */
import type { Range } from "../lib/format.ts";
import { type Basis, basesOf, fieldOf, placeOf, rankingOf, verdictOf, whyNoPlace } from "../lib/rankings.ts";
import { passesOf, type Run } from "../lib/run.ts";

export interface Place {
  readonly rank: number;
  /** null where the rank is exact */
  readonly interval: Range | null;
  /** the worst rank there can be */
  readonly field: number;
}

/** Where a method stands in a run. */
export interface Standing {
  readonly place: Place | null;
  /** why there is no place */
  readonly why: string | null;
  /** in the top tie group; in the last one, where there is another */
  readonly leads: boolean;
  readonly trails: boolean;
}

export interface Concern {
  readonly id: string;
  readonly title: string;
  /** what is asked, and by which ranks it is answered */
  readonly question: string;
  readonly ranks: string;
  /** the ranking whose gates are asked: a method that they do not let through is not recommended */
  readonly gates: string;
  readonly standing: (run: Run, method: string) => Standing;
}

const nowhere = (why: string): Standing => ({ place: null, why, leads: false, trails: false });

/**
 * Ranks, intervals and tie groups as the document has them. A method that is placed only is in no group: it leads where no standard method
 * is surely better than it, as of those that lead none is, and trails where it is no better than the last group.
 */
export const standingBy =
  (basis: string) =>
  (run: Run, method: string): Standing => {
    const ranking = rankingOf(run, basis);
    const place = placeOf(ranking, method);
    if (ranking === undefined || place === undefined) return nowhere(whyNoPlace(run, basis, method));
    const { tieGroups } = ranking;
    const rankOf = (group: readonly string[] = []) => placeOf(ranking, group[0])?.rank;
    const [top, last] = [rankOf(tieGroups[0]), rankOf(tieGroups.at(-1))];
    return {
      place: { rank: place.rank, interval: place.interval, field: fieldOf(ranking) },
      why: null,
      leads: top !== undefined && place.rank <= top,
      trails: tieGroups.length > 1 && last !== undefined && place.rank >= last,
    };
  };

const gatesOfCost = "faithfulness";

/**
 * Documents do not rank by cost, since it is no estimate: model passes are counted, so ranks are exact. 1 + the number of methods that
 * take fewer passes and may be recommended: a cheap map that knows nothing makes nobody else expensive, and leads nowhere itself.
 */
function standingByCost(run: Run, method: string): Standing {
  const ran = run.result.methods.flatMap((m) => {
    const passes = m.standard && !m.control && m.status === "ok" ? passesOf(m) : null;
    return passes === null ? [] : { id: m.id, passes };
  });
  const passes = new Map(ran.map((m) => [m.id, m.passes]));
  const own = passes.get(method);
  if (own === undefined) {
    const entry = run.result.methods.find((m) => m.id === method);
    return nowhere(entry === undefined ? "method not run" : (entry.reason ?? entry.status));
  }
  const sound = ran.map(({ id }) => id).filter((id) => soundness(run, gatesOfCost, id).sound === true);
  const rankOf = (count: number) => 1 + sound.filter((id) => passes.get(id)! < count).length;
  const last = Math.max(1, ...sound.map((id) => rankOf(passes.get(id)!)));
  const rank = rankOf(own);
  return {
    place: { rank, interval: null, field: ran.length },
    why: null,
    leads: sound.includes(method) && rank === 1,
    trails: sound.includes(method) && rank === last && last > 1,
  };
}

export const concerns: readonly Concern[] = [
  {
    id: "faithfulness",
    title: "Faithfulness",
    question: "Does the map show what moves the model’s score?",
    ranks: "Ranks by infidelity, deletion and insertion together.",
    gates: "faithfulness",
    standing: standingBy("faithfulness"),
  },
  {
    id: "robustness",
    title: "Robustness",
    question: "Does the map stay the same when the image hardly changes?",
    ranks: "Ranks by max-sensitivity.",
    gates: "robustness",
    standing: standingBy("robustness"),
  },
  {
    id: "localisation",
    title: "Localisation",
    question: "Does the map lie on the object?",
    ranks: "Ranks by relevance rank accuracy, where the data set has masks or boxes.",
    gates: "relevance-rank-accuracy",
    standing: standingBy("relevance-rank-accuracy"),
  },
  {
    id: "cost",
    title: "Cost",
    question: "How many model passes does one map take?",
    ranks: "Exact ranks by passes among methods that beat the controls on faithfulness.",
    gates: gatesOfCost,
    standing: standingByCost,
  },
];

/** Whether the gates of a ranking let a method through in a run. */
export function soundness(run: Run, gates: string, method: string): ReturnType<typeof verdictOf> {
  const basis = basisIn(run, gates);
  return basis ? verdictOf(run, basis, method) : { sound: null, metrics: [], reasons: ["not measured"] };
}

/** Images behind a ranking: those of its scarcest metric. */
export function imagesOf(run: Run, gates: string): number {
  const metrics = basisIn(run, gates)?.metrics ?? [];
  const counts = run.result.metrics.flatMap(({ id, samples }) => (metrics.includes(id) ? [samples] : []));
  return Math.min(run.result.selection.samples, ...counts);
}

const basesIn = new WeakMap<Run, ReadonlyMap<string, Basis>>();

function basisIn(run: Run, id: string): Basis | undefined {
  let bases = basesIn.get(run);
  if (bases === undefined) {
    bases = new Map(basesOf([run]).map((basis) => [basis.id, basis]));
    basesIn.set(run, bases);
  }
  return bases.get(id);
}
