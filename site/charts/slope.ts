/** Ranks of methods from column to column: lines that cross are ranks that do not carry over. */
import { markerPath, round, slotOf } from "./series.ts";

export interface SlopeInput {
  readonly method: string;
  readonly title: string;
  /** one for each column, 1 the best */
  readonly ranks: readonly number[];
}

export interface SlopeDrawing {
  readonly width: number;
  readonly height: number;
  readonly columns: readonly {
    readonly title: string;
    readonly x: number;
    readonly anchor: "start" | "middle" | "end";
    readonly labelY: number;
  }[];
  readonly top: number;
  readonly bottom: number;
  readonly lines: readonly {
    readonly method: string;
    readonly title: string;
    readonly slot: number;
    readonly path: string;
    readonly marks: string;
    /** names at both ends, moved apart; a thin line leads to the mark */
    readonly ends: readonly {
      readonly x: number;
      readonly y: number;
      readonly anchor: "start" | "end";
      readonly lead: string;
    }[];
  }[];
}

const gap = 14;

/** Moved apart to at least `gap`, in their order, as little as it takes from the top, then back from the bottom. */
export function spread(positions: readonly number[], least: number, low: number, high: number): number[] {
  const order = [...positions.keys()].sort((a, b) => positions[a] - positions[b] || a - b);
  const out = [...positions];
  let last = low - least;
  for (const at of order) last = out[at] = Math.max(positions[at], last + least);
  let next = high + least;
  for (const at of order.toReversed()) next = out[at] = Math.min(out[at], next - least);
  return out;
}

export function slopeDrawing(
  rows: readonly SlopeInput[],
  columns: readonly string[],
  width = 440,
): SlopeDrawing {
  const wide = Math.max(0, ...rows.map(({ title }) => title.length)) * 5.8 + 14;
  const [left, right] = [wide, width - wide];
  // titles of columns stand in lines in turn, so that they do not meet; of very many only the ends have one
  const steps = Math.min(columns.length, 4);
  const top = 16 + steps * 14;
  const bottom = top + Math.max(1, rows.length - 1) * 20;
  const atX = (c: number) =>
    round(columns.length < 2 ? left : left + (c / (columns.length - 1)) * (right - left));
  const atY = (rank: number) => round(top + ((rank - 1) / Math.max(1, rows.length - 1)) * (bottom - top));
  const last = columns.length - 1;
  const endsAt = (c: number) =>
    spread(
      rows.map(({ ranks }) => atY(ranks[c])),
      gap,
      top - 4,
      bottom + 4,
    );
  const [starts, stops] = [endsAt(0), endsAt(last)];
  return {
    width,
    height: bottom + 14,
    top,
    bottom,
    columns: columns.map((title, c) => ({
      title: columns.length > 8 && c !== 0 && c !== last ? "" : title,
      x: atX(c),
      anchor: c === 0 ? "start" : c === last ? "end" : "middle",
      labelY: 12 + (c % steps) * 14,
    })),
    lines: rows.map(({ method, title, ranks }, k) => {
      const slot = slotOf(method);
      const points = ranks.map((rank, c) => [atX(c), atY(rank)] as const);
      const [a, b] = [points[0], points[last]];
      return {
        method,
        title,
        slot,
        path: `M${points.map((point) => point.join(" ")).join("L")}`,
        marks: points.map(([x, y]) => markerPath(slot, x, y)).join(""),
        ends: [
          {
            x: a[0] - 12,
            y: round(starts[k]),
            anchor: "end",
            lead: `M${a[0] - 10} ${round(starts[k])}L${a[0] - 4} ${a[1]}`,
          },
          {
            x: b[0] + 12,
            y: round(stops[k]),
            anchor: "start",
            lead: `M${b[0] + 10} ${round(stops[k])}L${b[0] + 4} ${b[1]}`,
          },
        ],
      };
    }),
  };
}
