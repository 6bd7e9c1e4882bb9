/** UCES under a reader's own α: the ranks are the kit's, made again from the indicators that a comparison holds. Runs in the page too. */
import { type IndicatorId, uces, type Values } from "../../kit/src/comparison/uces.ts";

export interface UcesMethod {
  readonly method: string;
  readonly title: string;
  /** of each model, in the order of the sheet's */
  readonly values: readonly Values[];
}

export interface UcesSheet {
  /** "phantom-cxr/four-architectures" */
  readonly id: string;
  /** of the document */
  readonly alpha: number;
  readonly models: readonly string[];
  readonly methods: readonly UcesMethod[];
}

export interface UcesCell {
  readonly uces: number;
  readonly rank: number;
}

/** [methods][models]; a method whose indicators cannot be scaled has none. */
export const ranksAt = ({ methods }: Pick<UcesSheet, "methods">, alpha: number): UcesCell[][] =>
  methods.map(({ values }) => {
    const scores = uces(values, alpha);
    return "reason" in scores ? [] : scores.models.map(({ uces: score, rank }) => ({ uces: score, rank }));
  });

/** Where one model leads, from α to α; several where they are level throughout. */
export interface Band {
  readonly from: number;
  readonly to: number;
  /** indices of models */
  readonly leaders: readonly number[];
}

const same = (a: readonly number[], b: readonly number[]) => a.join() === b.join();

/** A model's UCES is a straight line over α, so that the leader can change only where two lines cross. */
export function bandsOf(values: readonly Values[]): Band[] {
  const scores = uces(values, 0.5);
  if ("reason" in scores) return [];
  const lines = scores.models.map(({ classification, explanation }) => ({ classification, explanation }));
  const crossings = lines.flatMap((a, i) =>
    lines.slice(i + 1).flatMap((b) => {
      const [ahead, behind] = [a.explanation - b.explanation, b.classification - a.classification];
      const at = ahead / (ahead + behind);
      return at > 0 && at < 1 ? [at] : [];
    }),
  );
  const ends = [0, ...crossings.sort((a, b) => a - b), 1];
  const bands: Band[] = [];
  for (let k = 0; k + 1 < ends.length; k++) {
    const [from, to] = [ends[k], ends[k + 1]];
    if (to - from < 1e-9) continue;
    const at = uces(values, (from + to) / 2);
    const leaders = "reason" in at ? [] : at.models.flatMap(({ rank }, m) => (rank === 1 ? [m] : []));
    const last = bands.at(-1);
    if (last !== undefined && same(last.leaders, leaders)) bands[bands.length - 1] = { ...last, to };
    else bands.push({ from, to, leaders });
  }
  return bands;
}

/** What the page says of a whole sheet at one α. */
export function ucesAnswer(sheet: UcesSheet, alpha: number, titles: readonly string[]): string {
  const cells = ranksAt(sheet, alpha).filter((row) => row.length > 0);
  if (cells.length === 0) return "No method has a score of every model.";
  const wins = titles.map((title, m) => ({ title, n: cells.filter((row) => row[m].rank === 1).length }));
  const most = Math.max(...wins.map(({ n }) => n));
  const leaders = wins.filter(({ n }) => n === most).map((win) => win.title);
  const names = `${leaders.join(" and ")} ${leaders.length === 1 ? "is" : "are each"} first`;
  return `At α\u00a0=\u00a0${alpha.toFixed(2)} ${names} by ${most} of ${cells.length} explaining ${cells.length === 1 ? "method" : "methods"}; in this set alone, and with no interval.`;
}

/** Of how many methods the leader depends on α. */
export function changesWords({ methods }: UcesSheet): string {
  const changing = methods.filter(({ values }) => bandsOf(values).length > 1).length;
  return changing === 0
    ? "Who leads does not depend on α by any method."
    : `Who leads depends on α by ${changing} of ${methods.length} methods.`;
}

/** An α of the address or a field: [0, 1] in hundredths; undefined for anything else. */
export function alphaOf(text: string | null): number | undefined {
  if (text === null || !/^(0|1|[01]?\.\d+|[01]\.)$/.test(text.trim())) return undefined;
  const alpha = Math.round(Number(text) * 100) / 100;
  return alpha >= 0 && alpha <= 1 ? alpha : undefined;
}

export const valuesFrom = (indicators: readonly { readonly id: string; readonly value: number }[]): Values =>
  Object.fromEntries(indicators.map(({ id, value }) => [id as IndicatorId, value])) as Values;

/** "cxr-densenet to α 0.64, then cxr-resnet" */
export const bandWords = (bands: readonly Band[], titles: readonly string[]): string =>
  bands
    .map(({ to, leaders }, k) => {
      const name = leaders.map((m) => titles[m]).join(" = ");
      return k === bands.length - 1 ? name : `${name} to α ${to.toFixed(2)}`;
    })
    .join(", then ");
