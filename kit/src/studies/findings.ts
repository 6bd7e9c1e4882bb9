/**
 * What a study says of its runs, as data: the page draws it, the terminal prints its tables, and study.json holds it whole. Every number that was
 * estimated stands with how many it is of and, where there is one, its 95 % interval.
 */

import type { Box } from "./box.ts";

export interface Estimate {
  readonly value: number | null;
  readonly interval: readonly [low: number, high: number] | null;
  /** of a sample (n − 1), over what `n` counts */
  readonly sd?: number;
  /** images, data sets, seeds: what the table says it is over */
  readonly n: number | null;
  /** why there is no value, or no interval */
  readonly reason?: string;
}

export interface Column {
  readonly id: string;
  readonly title: string;
  readonly better?: "higher" | "lower";
  /** of its numbers; about three figures unless told */
  readonly decimals?: number;
}

/** Null: does not apply. */
export type Value = string | number | Estimate | null;

export interface Row {
  readonly label: string;
  /** beside the label: a control, more than the paper has */
  readonly note?: string;
  readonly values: readonly Value[];
}

interface Titled {
  readonly id: string;
  readonly title: string;
  /** how to read it */
  readonly says?: string;
}

export interface Table extends Titled {
  readonly kind: "table";
  /** title of the labels */
  readonly of: string;
  readonly columns: readonly Column[];
  readonly rows: readonly Row[];
  /** under it */
  readonly notes?: readonly string[];
}

/** A table of one quantity, shaded from the worse end of its domain to the better. */
export interface Heat extends Titled {
  readonly kind: "heat";
  readonly of: string;
  readonly columns: readonly string[];
  readonly rows: readonly string[];
  readonly domain: readonly [worst: number, best: number];
  readonly decimals: number;
  /** [rows][columns] */
  readonly cells: readonly (readonly Estimate[])[];
}

/** Small multiples: a polygon for each row and column, on the same axes, 1 at the edge. */
export interface Radars extends Titled {
  readonly kind: "radars";
  readonly of: string;
  readonly axes: readonly string[];
  readonly columns: readonly string[];
  readonly rows: readonly string[];
  /** [rows][columns][axes] */
  readonly values: readonly (readonly (readonly (number | null)[])[])[];
}

/** Box plots in the rows of a table, all on the same axis. */
export interface Boxes extends Titled {
  readonly kind: "boxes";
  readonly of: string;
  readonly x: Column;
  /** what the points of every row are, as "diseases" */
  readonly over: string;
  readonly rows: readonly {
    readonly label: string;
    readonly note?: string;
    readonly points: readonly { readonly label: string; readonly value: number }[];
    /** null: no point */
    readonly box: Box | null;
  }[];
}

/** Small multiples: the same points in each panel, on the same axes. */
export interface Scatter extends Titled {
  readonly kind: "scatter";
  readonly x: Column;
  readonly y: Column;
  /** what the points are, numbered from 1 in the panels */
  readonly points: readonly string[];
  /** a line goes through them in their order, and intervals are drawn too */
  readonly joined?: true;
  readonly panels: readonly {
    readonly title: string;
    /** of each of `points` */
    readonly at: readonly { readonly x: Estimate; readonly y: Estimate }[];
  }[];
}

/** Counts of true classes (rows) and predicted ones (columns). */
export interface Confusions extends Titled {
  readonly kind: "confusions";
  readonly panels: readonly {
    readonly title: string;
    readonly classes: readonly string[];
    readonly counts: readonly (readonly number[])[];
  }[];
}

/** Maps side by side: only the page has it, since what it shows are pictures. */
export interface Montage extends Titled {
  readonly kind: "montage";
  readonly columns: readonly string[];
  readonly rows: readonly {
    readonly label: string;
    readonly input: Tile | null;
    /** of each column */
    readonly tiles: readonly (Tile | null)[];
  }[];
}

export interface Tile {
  /** `data:` URI */
  readonly picture: string;
  readonly width: number;
  readonly height: number;
  /** for those who cannot see it */
  readonly words: string;
  /** under it */
  readonly says: string;
}

export type Block = Table | Heat | Radars | Boxes | Scatter | Confusions | Montage;

export interface Section {
  readonly id: string;
  readonly title: string;
  readonly says: string;
  readonly blocks: readonly Block[];
  /** what is not there, and why */
  readonly gaps: readonly string[];
}

export const isEstimate = (value: Value): value is Estimate => typeof value === "object" && value !== null;
