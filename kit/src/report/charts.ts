/**
 * The charts of a report as SVG: pure functions of numbers. Those that stand in a row of a table are as wide as their cell: positions are
 * per cent, so that nothing is stretched and no letter shrinks; their numbers stand beside them in the row, so they are hidden from
 * those who listen. The others say in words what they show.
 */
import { number } from "../format.ts";
import { html, type Markup, nothing } from "../render/html.ts";
import type { Box } from "../studies/box.ts";

/** Values that a line from left to right stands for. */
export type Domain = readonly [low: number, high: number];

/** Room for half a dot at both ends. */
const inset = 4;

/** Where a value stands, in per cent of the width: "37.25%". */
const across = (value: number, [low, high]: Domain): string => {
  const share = high > low ? Math.min(1, Math.max(0, (value - low) / (high - low))) : 0.5;
  return `${round(inset + share * (100 - 2 * inset))}%`;
};

const round = (value: number): number => Math.round(value * 100) / 100;

/** The values, with 0 where it is near, and a little room; never empty. */
export function domainOf(values: readonly number[]): Domain {
  const finite = values.filter(Number.isFinite);
  if (finite.length === 0) return [0, 1];
  let [low, high] = [Math.min(...finite), Math.max(...finite)];
  if (low > 0 && low < 0.35 * high) low = 0;
  if (high < 0 && high > 0.35 * low) high = 0;
  if (low === high) [low, high] = [low - (Math.abs(low) || 1) / 2, high + (Math.abs(high) || 1) / 2];
  return [low, high];
}

/** Round values inside a domain: 1, 2 or 5 times a power of ten apart, `most` of them at most. */
export function ticksOf([low, high]: Domain, most = 3): number[] {
  const span = high - low;
  if (!(span > 0)) return [low];
  const power = 10 ** Math.floor(Math.log10(span / most));
  const step = [1, 2, 5, 10, 20].map((k) => k * power).find((s) => within(low, high, s).length <= most)!;
  return within(low, high, step);
}

function within(low: number, high: number, step: number): number[] {
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  // a whole number times the step, so that 0.3 is not 0.30000000000000004
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, k) =>
    Number(((first + k) * step).toPrecision(12)),
  );
}

/** Decimals that tell neighbours apart. */
const decimalsFor = (ticks: readonly number[]): number => {
  // one alone has no neighbour, and is told whole
  if (ticks.length === 1) return Math.min(6, String(ticks[0]).split(".")[1]?.length ?? 0);
  const steps = ticks.slice(1).map((tick, k) => Math.abs(tick - ticks[k]));
  return Math.min(6, Math.max(0, ...steps.map((step) => Math.ceil(-Math.log10(step) - 1e-9))));
};

export interface StripRow {
  /** null: only the line is drawn */
  readonly value: number | null;
  readonly interval: readonly [number, number] | null;
  readonly control: boolean;
}

/**
 * One row of a strip: a dot at the value over its interval; a control is hollow.
 *
 * @param bar  the value that is to be beaten, if any: a line through all rows
 */
export function strip({ value, interval, control }: StripRow, domain: Domain, bar: number | null): Markup {
  return html`<svg class="strip${control ? " control" : ""}" aria-hidden="true" width="100%" height="20">${grid(domain)}${
    bar === null
      ? nothing
      : html`<line class="bar" x1="${across(bar, domain)}" x2="${across(bar, domain)}" y1="0" y2="100%"/>`
  }${
    interval
      ? html`<line class="interval" x1="${across(interval[0], domain)}" x2="${across(interval[1], domain)}" y1="50%" y2="50%"/>`
      : nothing
  }${value === null ? nothing : html`<circle class="dot" cx="${across(value, domain)}" cy="50%" r="4"/>`}</svg>`;
}

const grid = (domain: Domain, most?: number): readonly Markup[] =>
  ticksOf(domain, most).map(
    (tick) =>
      html`<line class="grid" x1="${across(tick, domain)}" x2="${across(tick, domain)}" y1="0" y2="100%"/>`,
  );

/** Box plots are wider than other strips. */
export const boxTicks = 5;

/** A row of box plots: the points, behind them the box of their middle half with its median, mean and whiskers. */
export function boxStrip(
  box: Box | null,
  points: readonly number[],
  domain: Domain,
  control = false,
): Markup {
  const at = (value: number) => across(value, domain);
  const line = (kind: string, from: number, to: number, top = "50%", bottom = top) =>
    html`<line class="${kind}" x1="${at(from)}" x2="${at(to)}" y1="${top}" y2="${bottom}"/>`;
  return html`<svg class="strip boxes${control ? " control" : ""}" aria-hidden="true" width="100%" height="30">${grid(domain, boxTicks)}${
    box === null
      ? nothing
      : html`${line("whisker", box.least, box.low)}${line("whisker", box.high, box.most)}${[box.least, box.most].map((end) => line("whisker", end, end, "35%", "65%"))}<rect class="box" x="${at(box.low)}" y="20%" width="${widthOf(box.low, box.high, domain)}" height="60%"/>${line("middle", box.median, box.median, "20%", "80%")}`
  }${points.map((value) => html`<circle class="point" cx="${at(value)}" cy="50%" r="2.5"/>`)}${
    box === null
      ? nothing
      : html`<text class="mean" x="${at(box.mean)}" y="50%" dy="4" text-anchor="middle">×</text>`
  }</svg>`;
}

const widthOf = (from: number, to: number, domain: Domain): string =>
  `${round(Number.parseFloat(across(to, domain)) - Number.parseFloat(across(from, domain)))}%`;

/** The numbers over a strip. */
export function stripAxis(domain: Domain, most?: number): Markup {
  const ticks = ticksOf(domain, most);
  const decimals = decimalsFor(ticks);
  return html`<svg class="strip axis" aria-hidden="true" width="100%" height="18">${ticks.map(
    (tick) =>
      html`<text x="${across(tick, domain)}" y="13" text-anchor="middle">${number(tick, decimals)}</text>`,
  )}</svg>`;
}

/** A rank on a line from the best to the last, over its interval. */
export function rankStrip(
  { rank, interval }: { readonly rank: number; readonly interval: readonly [number, number] },
  field: number,
): Markup {
  const domain: Domain = [1, Math.max(2, field)];
  return html`<svg class="strip rank" aria-hidden="true" width="100%" height="20">${Array.from(
    { length: domain[1] },
    (_, k) => html`<circle class="grid" cx="${across(k + 1, domain)}" cy="50%" r="1.5"/>`,
  )}<line class="interval" x1="${across(interval[0], domain)}" x2="${across(interval[1], domain)}" y1="50%" y2="50%"/><circle class="dot" cx="${across(rank, domain)}" cy="50%" r="4.5"/></svg>`;
}

/** A length from 0: passes, milliseconds. */
export const lengthBar = (value: number, most: number): Markup =>
  html`<svg class="length" aria-hidden="true" width="100%" height="12"><rect width="${most > 0 ? round((100 * value) / most) : 0}%" height="100%"/></svg>`;

export interface CurveLine {
  /** at equal steps over [0, 1] */
  readonly values: readonly number[];
  readonly interval?: { readonly low: readonly number[]; readonly high: readonly number[] } | null;
}

export interface CurvePanel {
  /** what it shows, for those who cannot see it */
  readonly words: string;
  readonly main: CurveLine;
  /** thin lines that `main` is the mean of */
  readonly parts: readonly (readonly number[])[];
  /** what it is compared with */
  readonly behind: readonly number[] | undefined;
  /** of the vertical axis, from 0 */
  readonly top: number;
}

const panel = { width: 188, height: 132, left: 30, right: 9, above: 9, below: 23 };

/** Height of the vertical axis that holds all curves: 1 for probabilities, less where all are far below. */
export function topOf(curves: readonly (readonly number[])[]): number {
  const most = Math.max(0, ...curves.flat());
  return [0.01, 0.02, 0.05, 0.1, 0.2, 0.5].find((top) => most <= top) ?? Math.max(1, most);
}

/** One curve with its band in a small frame of its own: many of them stand side by side. */
export function curvePanel({ words, main, parts, behind, top }: CurvePanel): Markup {
  const { width, height, left, right, above, below } = panel;
  const [inner, high] = [width - left - right, height - above - below];
  const x = (step: number, steps: number) => round(left + (step / (steps - 1)) * inner);
  const y = (value: number) => round(above + (1 - Math.min(1, Math.max(0, value / top))) * high);
  const path = (values: readonly number[]) =>
    values.map((v, k) => `${k === 0 ? "M" : "L"}${x(k, values.length)} ${y(v)}`).join("");
  const { values, interval } = main;
  const decimals = decimalsFor([0, top / 2]);
  return html`<svg class="curve" role="img" aria-label="${words}" viewBox="0 0 ${width} ${height}">${[
    0, 0.5, 1,
  ].map(
    (share) =>
      html`<line class="grid" x1="${left}" x2="${width - right}" y1="${y(share * top)}" y2="${y(share * top)}"/><text x="${left - 5}" y="${y(share * top) + 4}" text-anchor="end">${number(share * top, share === 0 ? 0 : decimals)}</text>`,
  )}${[0, 0.5, 1].map(
    (share) =>
      html`<text x="${round(left + share * inner)}" y="${height - 6}" text-anchor="${share === 0 ? "start" : share === 1 ? "end" : "middle"}">${100 * share}${share === 1 ? " %" : ""}</text>`,
  )}${
    interval
      ? html`<path class="band" d="${path(interval.high)}${[...interval.low]
          .map((v, k, all) => `L${x(k, all.length)} ${y(v)}`)
          .reverse()
          .join("")}Z"/>`
      : nothing
  }${behind ? html`<path class="behind" d="${path(behind)}"/>` : nothing}${
    parts.length > 1
      ? parts.map((part, k) => html`<path class="part part${k % 2}" d="${path(part)}"/>`)
      : nothing
  }<path class="main" d="${path(values)}"/></svg>`;
}

/** A short piece of one of the lines above, for a legend. */
export const lineKey = (kind: "main" | "behind" | "part part0" | "part part1" | "band"): Markup =>
  html`<svg class="curve key" aria-hidden="true" width="28" height="12">${
    kind === "band"
      ? html`<rect class="band" width="28" height="12"/>`
      : html`<path class="${kind}" d="M0 6H28"/>`
  }</svg>`;
