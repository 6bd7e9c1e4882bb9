/** Do ranks carry over: from track to track, or, where there is one track, from data set to data set? */
import type { Agreement } from "../../kit/src/results/across-agreement.ts";
import { fieldOf, whyNothing } from "../../kit/src/results/across-field.ts";
import { averageRanks } from "../../kit/src/stats/friedman.ts";
import { trackLabel } from "../lib/labels.ts";
import { extent, findingOf, notEnough, tauWords } from "./agreement.ts";
import { byTrack, titleIn, type View } from "./views.ts";

export interface Carry {
  readonly over: "tracks" | "data sets";
  readonly columns: readonly { readonly id: string; readonly title: string; readonly runs: number }[];
  /** by their rank in the first column; `ranks`: mean rank in each column, 1 is best */
  readonly rows: readonly {
    readonly method: string;
    readonly title: string;
    readonly ranks: readonly number[];
  }[];
  readonly agreements: readonly (Agreement & { readonly title: string })[];
  readonly answer: string;
}

export function carryOf(view: View, basis: string): Carry {
  const { set, runs } = view;
  const over = set.tracks.length > 1 ? "tracks" : "data sets";
  const field = fieldOf(
    basis,
    runs.map(({ result }) => result),
  );
  const why = whyNothing(field);
  const keyOf = ({ data }: (typeof field.blocks)[number]) => (over === "tracks" ? data.track : data.base);
  const titles = new Map(
    field.blocks.map(({ data }) =>
      over === "tracks" ? [data.track, trackLabel(data.track)] : [data.base, data.title],
    ),
  );
  const ids = [...titles.keys()].sort(byTrack);
  const columns = ids.map((id) => {
    const own = field.ranks.filter((_, b) => keyOf(field.blocks[b]) === id);
    return { id, title: titles.get(id)!, runs: own.length, ranks: averageRanks(own) };
  });
  const rows =
    why !== null || columns.length < 2
      ? []
      : field.methods.map((method, m) => ({
          method,
          title: titleIn(view, method),
          ranks: columns.map(({ ranks }) => ranks[m]),
        }));
  const agreements = (set.betweenTracks.find(({ of }) => of === basis)?.table ?? [])
    .map((agreement) => {
      const [first, second] = [agreement.a, agreement.b].toSorted(byTrack);
      const title =
        first === second
          ? `${trackLabel(first)}, two data sets`
          : `${trackLabel(first)} and ${trackLabel(second)}`;
      return { ...agreement, first, second, title };
    })
    .toSorted((x, y) => byTrack(x.first, y.first) || byTrack(x.second, y.second));
  return {
    over,
    columns: columns.map(({ ranks: _, ...column }) => column),
    rows: rows.toSorted((a, b) => a.ranks[0] - b.ranks[0]),
    agreements,
    answer: answerOf(view, agreements, why),
  };
}

function answerOf({ key }: View, agreements: Carry["agreements"], why: string | null): string {
  const isAsked = ({ a, b }: Agreement) => [a, b].includes("natural") && [a, b].includes("medical");
  const asked = agreements.find(isAsked);
  const other = agreements.find(({ tau }) => tau !== null);
  const first = "Ranks on natural and on medical images cannot be compared yet";
  if (asked !== undefined) return said(asked, "from natural to medical images");
  if (other === undefined)
    return `${first}. ${notEnough(why ?? agreements[0]?.reason ?? "no architecture has runs on two data sets")}`;
  const where = other.a === other.b ? "between data sets" : `between ${other.title}`;
  return `${first}${key === "drawn" ? ": there are only drawn ones here" : ""}. ${said(other, where)}`;
}

function said(agreement: Agreement, where: string): string {
  const figures = tauWords(agreement);
  switch (agreement.tau === null ? "unknown" : findingOf(agreement)) {
    case "alike":
      return `${extent(agreement.tau!)}: the order of methods carries over ${where} to that extent (${figures}).`;
    case "opposed":
      return `The order turns round ${where} (${figures}).`;
    case "open":
      return `It is not shown that the order carries over ${where} (${figures}).`;
    case "unknown":
      return `${notEnough(agreement.reason)} So far, ${where}, ${figures}.`;
  }
}
