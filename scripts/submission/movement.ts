/** What a reader of the site would see differently if these runs came in: ranks, ties and advice, before and after. */
import { basesOf, placeOf, rankingOf, tiedWith } from "../../site/lib/rankings.ts";
import type { SiteRun } from "../../site/lib/run.ts";
import { newest, whyUnranked } from "../../site/lib/select.ts";

/** What the guide says; of it only what can move. */
export interface GuideAnswer {
  readonly family: string;
  readonly track: string;
  readonly concern: string;
  readonly advice: readonly { readonly method: string; readonly title: string; readonly verdict: string }[];
}
export type Guide = (runs: readonly SiteRun[]) => readonly GuideAnswer[];

export interface Standing {
  readonly rank: number;
  /** from, to */
  readonly interval: readonly number[];
  /** ids of the methods it cannot be told from, sorted */
  readonly tied: readonly string[];
}

export interface MethodMove {
  readonly method: string;
  /** null: without a place */
  readonly before: Standing | null;
  readonly after: Standing | null;
}

export type RunMovement = { readonly run: string } & (
  | { readonly how: "unranked"; readonly reason: string }
  /** a newer run of the same model, data set and protocol stays in front */
  | { readonly how: "behind"; readonly other: string }
  | { readonly how: "new"; readonly leaders: readonly { basis: string; methods: readonly string[] }[] }
  | {
      readonly how: "replaces";
      readonly other: string;
      readonly bases: readonly { basis: string; methods: readonly MethodMove[] }[];
    }
);

export interface GuideMove extends Omit<GuideAnswer, "advice"> {
  readonly method: string;
  /** "unknown" as well where the guide did not speak of the method */
  readonly before: string;
  readonly after: string;
}

export interface Movement {
  readonly runs: readonly RunMovement[];
  readonly guide: readonly GuideMove[];
}

export function movementOf(before: readonly SiteRun[], added: readonly SiteRun[], guide: Guide): Movement {
  const all = [...before, ...added];
  const [was, is] = [newest(before), newest(all)];
  const current = (runs: readonly SiteRun[], run: SiteRun) => runs.find((other) => sameKey(run, other));
  return {
    runs: added.map((run): RunMovement => {
      const reason = whyUnranked(run);
      if (reason !== undefined) return { run: run.id, how: "unranked", reason };
      const front = current(is, run)!;
      if (front.id !== run.id) return { run: run.id, how: "behind", other: front.id };
      const old = current(was, run);
      if (old === undefined) return { run: run.id, how: "new", leaders: leadersOf(run) };
      return { run: run.id, how: "replaces", other: old.id, bases: movesOf(old, run) };
    }),
    // which runs count is the guide's to say: an older one may, where the newest cannot
    guide: adviceMoves(guide(before), guide(all)),
  };
}

const sameKey = ({ result: a }: SiteRun, { result: b }: SiteRun): boolean =>
  a.data.id === b.data.id && a.model.id === b.model.id && a.protocol.id === b.protocol.id;

const titleIn = (run: SiteRun, method: string): string =>
  run.result.methods.find(({ id }) => id === method)?.title ?? method;

/** The best method of each ranking with all it cannot be told from. */
function leadersOf(run: SiteRun): { basis: string; methods: string[] }[] {
  return basesOf([run]).flatMap(({ id, title }) => {
    const ranking = rankingOf(run, id);
    const first = ranking?.places
      .filter((place) => place.standard)
      .reduce((best, place) => (place.rank < best.rank ? place : best), { method: "", rank: Infinity });
    if (ranking === undefined || !first?.method) return [];
    const leading = [first.method, ...tiedWith(ranking, first.method)];
    return [{ basis: title, methods: leading.map((method) => titleIn(run, method)) }];
  });
}

function movesOf(old: SiteRun, run: SiteRun): { basis: string; methods: MethodMove[] }[] {
  return basesOf([old, run]).flatMap(({ id, title }) => {
    const [before, after] = [standings(old, id), standings(run, id)];
    const methods = [...new Set([...after.keys(), ...before.keys()])].flatMap((method): MethodMove[] => {
      const move = { before: before.get(method) ?? null, after: after.get(method) ?? null };
      if (JSON.stringify(move.before) === JSON.stringify(move.after)) return [];
      return [{ method: titleIn(after.has(method) ? run : old, method), ...move }];
    });
    return methods.length > 0 ? [{ basis: title, methods }] : [];
  });
}

/** Of the standard methods, best first. */
function standings(run: SiteRun, basis: string): Map<string, Standing> {
  const ranking = rankingOf(run, basis);
  const places = (ranking?.places ?? []).filter((place) => place.standard).sort((a, b) => a.rank - b.rank);
  return new Map(
    places.map(({ method }) => {
      const { rank, interval } = placeOf(ranking, method)!;
      return [method, { rank, interval, tied: [...tiedWith(ranking!, method)].sort() }];
    }),
  );
}

function adviceMoves(before: readonly GuideAnswer[], after: readonly GuideAnswer[]): GuideMove[] {
  const [was, is] = [before, after].map(
    (answers) =>
      new Map(
        answers.flatMap(({ family, track, concern, advice }) =>
          advice.map(({ method, title, verdict }) => [
            JSON.stringify([family, track, concern, method]),
            { family, track, concern, method: title, verdict },
          ]),
        ),
      ),
  );
  return [...new Set([...is.keys(), ...was.keys()])].flatMap((key): GuideMove[] => {
    const [a, b] = [was.get(key), is.get(key)];
    const [before, after] = [a, b].map((advice) => advice?.verdict ?? "unknown");
    const { family, track, concern, method } = (b ?? a)!;
    return before === after ? [] : [{ family, track, concern, method, before, after }];
  });
}
