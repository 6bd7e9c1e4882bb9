/** The leaderboard as data: its columns, and a row per run and method. */
import { rngOf } from "../../kit/src/rng.ts";
import { typical } from "../../kit/src/stats/summarise.ts";
import { weightSensitivity } from "../../kit/src/stats/weights.ts";
import { estimate, missing, percent, ranks, single } from "./format.ts";
import { architectureLabel, elsewhere, familyLabel, familyOrder, trackLabel } from "./labels.ts";
import { basesOf, coreMetrics, isCore, placeOf, rankingOf, tiedWith, whyNoPlace } from "./rankings.ts";
import { cellOf, passesOf, type RunMethod, type RunRanking, type SiteRun } from "./run.ts";
import { isQuick, whyUnranked } from "./select.ts";

export interface Column {
  readonly id: string;
  readonly title: string;
  /** text sorts as text, the others by their first number */
  readonly kind: "text" | "rank" | "value";
  /** shown unless the reader chooses otherwise */
  readonly standard: boolean;
  readonly better?: "higher" | "lower";
}

export interface BoardCell {
  readonly text: string;
  /** the interval, in smaller letters */
  readonly detail?: string;
  /** why there is nothing, or whom it is tied with */
  readonly note?: string;
  /** of a value: the rank it has in its run, equal for methods that the images do not separate */
  readonly place?: number;
  /** of a value: whether it beats every control; not there where that is not known */
  readonly gate?: boolean;
}

export interface BoardRow {
  readonly run: SiteRun;
  readonly method: string;
  /** what filters ask for, in the order of `filters` */
  readonly keys: readonly string[];
  /** one per column */
  readonly cells: readonly BoardCell[];
}

export interface Filter {
  readonly id: string;
  readonly title: string;
  readonly options: readonly { readonly value: string; readonly title: string }[];
}

export interface Board {
  readonly columns: readonly Column[];
  readonly filters: readonly Filter[];
  readonly rows: readonly BoardRow[];
}

/** What a row can be filtered by: id and words. */
const facts: readonly {
  readonly id: string;
  readonly title: string;
  of(
    run: SiteRun,
    method: Pick<RunMethod, "id" | "title" | "external">,
  ): readonly [id: string, title: string];
}[] = [
  { id: "track", title: "Track", of: ({ result }) => [result.data.track, trackLabel(result.data.track)] },
  { id: "data", title: "Data set", of: ({ result }) => [result.data.id, result.data.title] },
  {
    id: "family",
    title: "Family",
    of: ({ result }) => [result.model.family, familyLabel(result.model.family)],
  },
  {
    id: "architecture",
    title: "Architecture",
    of: ({ result: { model } }) =>
      model.architecture ? [model.architecture, architectureLabel(model.architecture)] : ["", "not stated"],
  },
  {
    id: "method",
    title: "Method",
    of: (_, { id, title, external }) => [id, external ? elsewhere(title) : title],
  },
  { id: "protocol", title: "Protocol", of: ({ result }) => [result.protocol.id, result.protocol.id] },
  { id: "tier", title: "Tier", of: ({ tier }) => [tier, tier] },
];

const shownFacts = new Set(["data", "architecture", "method", "protocol", "tier"]);
const shownMetrics = new Set([
  "infidelity",
  "max-sensitivity",
  "deletion-auc",
  "insertion-auc",
  "relevance-rank-accuracy",
]);

/** By data set, then family and architecture; quick runs behind the others. */
const byPlace = (a: SiteRun, b: SiteRun): number => {
  const key = ({ id, result: { data, model } }: SiteRun, quick: boolean) =>
    [data.id, familyOrder.indexOf(model.family), model.architecture ?? "", Number(quick), id].join(" ");
  return key(a, isQuick(a)) < key(b, isQuick(b)) ? -1 : 1;
};

export function boardOf(unordered: readonly SiteRun[]): Board {
  const runs = unordered.toSorted(byPlace);
  const bases = basesOf(runs).filter(isCore);
  const composite = bases.filter((basis) => basis.kind !== "metric");
  const metrics = bases.filter((basis) => basis.kind === "metric");
  const betterOf = (metric: string) =>
    runs.flatMap(({ result }) => result.metrics).find(({ id }) => id === metric)?.better;
  const isRanked = (basis: string) => runs.some((run) => (rankingOf(run, basis)?.places.length ?? 0) > 0);
  const columns: Column[] = [
    ...order.map((id): Column => {
      const { title } = facts.find((fact) => fact.id === id)!;
      return { id, title, kind: "text", standard: shownFacts.has(id) };
    }),
    { id: "n", title: "n", kind: "value", standard: true },
    ...composite.map(
      ({ id, title }): Column => ({ id, title: `${title} rank`, kind: "rank", standard: isRanked(id) }),
    ),
    ...metrics.map(
      ({ id, title }): Column => ({
        id,
        title,
        kind: "value",
        better: betterOf(id),
        standard: shownMetrics.has(id),
      }),
    ),
    { id: "passes", title: "Passes", kind: "value", better: "lower", standard: true },
    { id: "leads", title: "Weightings led", kind: "value", better: "higher", standard: true },
  ];
  const rows = runs.flatMap((run) => {
    const leads = leadsOf(run);
    return byRank(run).map((method): BoardRow => {
      const known = new Map(facts.map((fact) => [fact.id, fact.of(run, method)]));
      return {
        run,
        method: method.id,
        keys: facts.map(({ id }) => known.get(id)![0]),
        cells: columns.map(({ id, kind }): BoardCell => {
          const fact = known.get(id);
          if (fact !== undefined) return { text: fact[1] };
          if (id === "n") return { text: `${method.samples ?? run.result.selection.samples}` };
          if (id === "passes") return passesCell(method);
          if (id === "leads")
            return leads.get(method.id) ?? { text: missing, note: "not ranked by every core metric" };
          return kind === "rank" ? rankCell(run, id, method.id) : valueCell(run, id, method.id);
        }),
      };
    });
  });
  return {
    columns,
    filters: facts.map(({ id, title, of }) => {
      const options = new Map(
        runs.flatMap((run) =>
          run.result.methods.filter((method) => !method.control).map((method) => of(run, method)),
        ),
      );
      return { id, title, options: [...options].map(([value, name]) => ({ value, title: name })) };
    }),
    rows,
  };
}

/** Methods as their ranks order them, as far as those do; without ranks in the document's order. Maps from elsewhere stand behind. */
function byRank(run: SiteRun): RunMethod[] {
  const ranking = [run.result.statistics.overall, ...run.result.statistics.facets].find(
    (candidate) => candidate.places.length > 0,
  );
  const rankOf = (method: RunMethod) => placeOf(ranking, method.id)?.rank ?? Number.POSITIVE_INFINITY;
  const methods = run.result.methods.filter((method) => !method.control);
  return methods.sort(
    (a, b) =>
      Number(a.external !== undefined) - Number(b.external !== undefined) ||
      (rankOf(a) === rankOf(b) ? 0 : rankOf(a) - rankOf(b)),
  );
}

/** Of the text columns; the method comes first, since its column stays when the table scrolls. */
const order = ["method", "data", "architecture", "family", "track", "protocol", "tier"];

function passesCell(method: RunMethod): BoardCell {
  const passes = passesOf(method);
  return passes === null ? { text: missing, note: method.reason ?? undefined } : { text: `${passes}` };
}

function rankCell(run: SiteRun, basis: string, method: string): BoardCell {
  const unranked = whyUnranked(run);
  if (unranked !== undefined) return { text: "–", note: unranked };
  const ranking = rankingOf(run, basis);
  const place = placeOf(ranking, method);
  if (ranking === undefined || place === undefined)
    return { text: "–", note: whyNoPlace(run, basis, method) };
  const tied = tiedWith(ranking, method);
  return {
    text: `${place.rank}${tied.length > 0 ? "=" : ""}`,
    detail: single(place.interval) ? undefined : ranks(place.interval),
    note: tied.length > 0 ? `not separated from ${tied.join(", ")}` : undefined,
  };
}

function valueCell(run: SiteRun, metric: string, method: string): BoardCell {
  const cell = cellOf(run, method, metric);
  const value = cell === undefined ? null : typical(cell);
  if (cell === undefined || value === null) {
    const reason = cell ? Object.keys(cell.skips)[0] : undefined;
    return { text: "–", note: reason ?? whyNoPlace(run, metric, method) };
  }
  const [text, ...detail] = estimate(value, cell.interval).split(" ");
  const ranking = whyUnranked(run) === undefined ? rankingOf(run, metric) : undefined;
  const place = placeOf(ranking, method);
  return {
    text: cell.erratum === undefined ? text : `${text}†`,
    detail: detail.join(" ") || undefined,
    note: cell.erratum ?? cell.noInterval ?? (ranking && place && placeNote(ranking, method, place.rank)),
    place: place?.rank,
    gate: cell.gate?.passed ?? undefined,
  };
}

function placeNote(ranking: RunRanking, method: string, rank: number): string {
  const tied = tiedWith(ranking, method);
  return `rank ${rank}${tied.length > 0 ? ", not separated from others of its rank" : ""}`;
}

/** What a reader's weights are put on: the mean standing, r̃, of the run's standard methods by each core metric that ranks. */
export interface Standings {
  readonly metrics: readonly string[];
  readonly methods: readonly string[];
  /** [metrics][methods]; `null` where a metric does not rank a method */
  readonly scores: readonly (readonly (number | null)[])[];
}

/** Nothing of a run that is not ranked. */
export function standingsOf(run: SiteRun): Standings {
  const rankings = coreMetrics.flatMap((id) => {
    const ranking = whyUnranked(run) === undefined ? rankingOf(run, id) : undefined;
    return ranking && ranking.places.length > 0 ? [ranking] : [];
  });
  const ranked = rankings.flatMap(({ places }) => places.filter((p) => p.standard).map((p) => p.method));
  const methods = [...new Set(ranked)].sort();
  return {
    metrics: rankings.map((ranking) => ranking.of),
    methods,
    scores: rankings.map((ranking) => methods.map((method) => placeOf(ranking, method)?.score ?? null)),
  };
}

/** So many that a share is known to two hundredths; more would be felt where there are a thousand runs. */
const weightings = 1000;

/** The share of all weightings of the core metrics under which a method leads its run, of the methods that all of them rank. */
function leadsOf(run: SiteRun): ReadonlyMap<string, BoardCell> {
  const { methods, scores } = standingsOf(run);
  const whole = [...methods.keys()].filter((m) => scores.every((of) => of[m] !== null));
  const leads = weightSensitivity(
    scores.map((of) => whole.map((m) => of[m]!)),
    weightings,
    rngOf("xai-kit/leaderboard", "weights", run.id),
  );
  return new Map(
    whole.map((m, k) => [
      methods[m],
      { text: percent(leads[k].share), note: `± ${percent(leads[k].error)}, of ${weightings} weightings` },
    ]),
  );
}
