/** Numbers and dates as pages show them, in this one place: of reports and of the site. */

/** low and high end */
export type Range = readonly number[];

/** What stands where a number is not known; its reason stands beside it. */
export const missing = "–";

/** Decimals that show about three figures of numbers of this size. */
export function decimalsOf(value: number): number {
  const size = Math.abs(value);
  if (size >= 100) return 0;
  if (size >= 10) return 1;
  if (size >= 1) return 2;
  return size > 0 && size < 0.01 ? 4 : 3;
}

const formats: Intl.NumberFormat[] = [];

/** By decimals: to make a format takes a hundred times as long as to use it, and a large site has millions of numbers. */
const formatOf = (digits: number): Intl.NumberFormat =>
  (formats[digits] ??= new Intl.NumberFormat("en-GB", {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  }));

/** "0.412", "−1.30", "12,400"; "–" for null. A true minus, so that columns of figures line up. */
export function number(value: number | null | undefined, decimals?: number): string {
  if (value === null || value === undefined) return missing;
  const digits = decimals ?? decimalsOf(value);
  const text = formatOf(digits).format(Math.abs(value));
  return value < 0 && Number(value.toFixed(digits)) !== 0 ? `−${text}` : text;
}

/** "[0.38, 0.44]" with the decimals of the value it belongs to. */
export function interval(range: Range | null, decimals: number): string {
  return range === null ? "" : `[${number(range[0], decimals)}, ${number(range[1], decimals)}]`;
}

/** "0.412 [0.381, 0.443]"; without an interval the value alone. */
export function estimate(value: number | null, range: Range | null): string {
  if (value === null) return missing;
  const decimals = decimalsOf(value);
  return [number(value, decimals), interval(range, decimals)].filter(Boolean).join(" ");
}

/** "1–3", or "2" where both ends are the same. */
export const ranks = ([low, high]: Range): string => (low === high ? `${low}` : `${low}–${high}`);

/** An interval of one rank: nothing to show beside it. */
export const single = ([low, high]: Range): boolean => low === high;

export const arrow = (better: "higher" | "lower"): string => (better === "higher" ? "↑" : "↓");

export const direction = (better: "higher" | "lower"): string => `${better} is better`;

/** "2026-11-20" of any ISO time. */
export const day = (iso: string): string => iso.slice(0, 10);

/** "2026-11-20 23:53 UTC" */
export const minute = (iso: string): string => `${iso.slice(0, 10)} ${iso.slice(11, 16)} UTC`;

const whole = new Intl.NumberFormat("en-GB");

export const count = (n: number): string => whole.format(n);

/** "97.3 %", with a space that does not break */
export const percent = (share: number | null): string =>
  share === null ? missing : `${(100 * share).toFixed(1)}\u00a0%`;

export function bytes(n: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let size = n;
  let unit = 0;
  for (; size >= 1024 && unit < units.length - 1; unit++) size /= 1024;
  return `${number(size, unit === 0 ? 0 : 1)}\u00a0${units[unit]}`;
}

/** "48 s", "3 min 5 s", "2 h 10 min" */
export function duration(seconds: number): string {
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole}\u00a0s`;
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  return hours > 0 ? `${hours}\u00a0h ${minutes}\u00a0min` : `${minutes}\u00a0min ${whole % 60}\u00a0s`;
}

/** "3.1 × 10⁻⁷", for differences; "0" for none at all. */
export function power(value: number): string {
  if (value === 0) return "0";
  if (!Number.isFinite(value)) return "no number";
  const [digits, exponent] = value.toExponential(1).split("e");
  const raised = [...exponent.replace("+", "")].map((c) => "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"["-0123456789".indexOf(c)]).join("");
  return `${digits.replace("-", "−")}\u00a0×\u00a010${raised}`;
}
