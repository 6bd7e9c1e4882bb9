/** Which model leads from α = 0 to α = 1, a row for each explaining method. */
import { round } from "./series.ts";

export interface LeadInput {
  readonly title: string;
  readonly bands: readonly {
    readonly from: number;
    readonly to: number;
    readonly leaders: readonly number[];
  }[];
}

export interface LeadDrawing {
  readonly width: number;
  readonly height: number;
  readonly plot: {
    readonly left: number;
    readonly right: number;
    readonly top: number;
    readonly bottom: number;
  };
  readonly ticks: readonly { readonly alpha: number; readonly x: number }[];
  readonly rows: readonly {
    readonly title: string;
    readonly y: number;
    readonly height: number;
    readonly bands: readonly {
      readonly x: number;
      readonly width: number;
      /** of the first that leads */
      readonly model: number;
      readonly label: string;
      /** in words: "small-vit leads from α 0.00 to 0.43" */
      readonly name: string;
    }[];
  }[];
}

const [row, letter] = [25, 5.6];

export function leadDrawing(rows: readonly LeadInput[], models: readonly string[], width = 480): LeadDrawing {
  const left = Math.max(0, ...rows.map(({ title }) => title.length)) * 5.9 + 10;
  const [right, top] = [width - 12, 8];
  const at = (alpha: number) => round(left + alpha * (right - left));
  const bottom = top + rows.length * row;
  return {
    width,
    height: bottom + 34,
    plot: { left: round(left), right, top, bottom },
    ticks: [0, 0.25, 0.5, 0.75, 1].map((alpha) => ({ alpha, x: at(alpha) })),
    rows: rows.map(({ title, bands }, k) => ({
      title,
      y: top + k * row,
      height: row - 3,
      bands: bands.map(({ from, to, leaders }) => {
        const [x, end] = [at(from), at(to)];
        const names = leaders.map((m) => models[m]).join(" = ");
        return {
          x,
          width: round(end - x),
          model: leaders[0] ?? 0,
          label: names.length * letter + 6 <= end - x ? names : "",
          name: `${names} leads from α ${from.toFixed(2)} to ${to.toFixed(2)}`,
        };
      }),
    })),
  };
}
