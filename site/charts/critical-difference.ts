/** The critical-difference diagram, turned to stand: a line per method, a bar for each set that cannot be told apart. */
import { round } from "./series.ts";

export interface CriticalInput {
  /** by mean rank, the best first */
  readonly methods: readonly {
    readonly method: string;
    readonly title: string;
    readonly averageRank: number;
  }[];
  /** each a run of neighbours in that order */
  readonly groups: readonly (readonly string[])[];
  readonly difference: number;
}

export interface CriticalDrawing {
  readonly width: number;
  readonly height: number;
  readonly axis: {
    readonly y: number;
    readonly ticks: readonly { readonly rank: number; readonly x: number }[];
  };
  readonly rows: readonly {
    readonly method: string;
    readonly title: string;
    readonly rank: number;
    readonly y: number;
    readonly x: number;
  }[];
  /** how far two mean ranks must be apart, at the scale of the axis */
  readonly ruler: { readonly y: number; readonly from: number; readonly to: number };
  readonly bars: readonly {
    readonly x: number;
    readonly from: number;
    readonly to: number;
    readonly of: readonly string[];
  }[];
}

const row = 21;

export function criticalDrawing(
  { methods, groups, difference }: CriticalInput,
  width = 400,
): CriticalDrawing {
  const names = Math.max(0, ...methods.map(({ title }) => title.length)) * 6 + 12;
  const bars = groups.filter((group) => group.length > 1);
  const right = width - 14 - bars.length * 11;
  const worst = Math.max(2, methods.length);
  const atX = (rank: number) => round(names + ((rank - 1) / (worst - 1)) * (right - names - 10));
  const top = 48;
  const yOf = (method: string) => round(top + methods.findIndex((m) => m.method === method) * row);
  const step = worst > 6 ? 2 : 1;
  return {
    width,
    height: top + methods.length * row,
    axis: {
      y: 34,
      ticks: Array.from({ length: Math.floor((worst - 1) / step) + 1 }, (_, k) => ({
        rank: 1 + k * step,
        x: atX(1 + k * step),
      })),
    },
    rows: methods.map(({ method, title, averageRank }) => ({
      method,
      title,
      rank: averageRank,
      y: yOf(method),
      x: atX(averageRank),
    })),
    ruler: { y: 9, from: atX(1), to: Math.min(atX(1 + difference), width - 4) },
    bars: bars.map((group, k) => ({
      x: round(right + 8 + k * 11),
      from: yOf(group[0]) - 5,
      to: yOf(group.at(-1)!) + 5,
      of: group,
    })),
  };
}
