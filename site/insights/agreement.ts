/** Kendall's τ in words, no stronger than its interval. */
import type { Agreement } from "../../kit/src/results/across-agreement.ts";
import { interval, missing, number } from "../lib/format.ts";
import { some } from "./views.ts";

/** Beyond what the data sets leave open: the same order, the reverse, neither shown; or no interval to tell by. */
export type Finding = "alike" | "opposed" | "open" | "unknown";

export function findingOf({ interval: range }: Pick<Agreement, "interval">): Finding {
  if (range === null) return "unknown";
  return range[0] > 0 ? "alike" : range[1] < 0 ? "opposed" : "open";
}

export const findingWords: Readonly<Record<Finding, string>> = {
  alike: "more alike than by chance",
  opposed: "more opposed than by chance",
  open: "cannot be told from unrelated",
  unknown: "not enough evidence",
};

/** "0.39 [0.28, 0.53]"; "–" without a τ */
export const tauText = ({ tau, interval: range }: Pick<Agreement, "tau" | "interval">): string =>
  tau === null ? missing : [number(tau, 2), interval(range, 2)].filter(Boolean).join(" ");

/** "τ = 0.39 [0.28, 0.53]" in one piece */
export const tauIs = (agreement: Pick<Agreement, "tau" | "interval">): string =>
  `τ = ${tauText(agreement)}`.replaceAll(" ", "\u00a0");

/** "τ = 0.39 [0.28, 0.53], 16 runs on 4 data sets" */
export const tauWords = (agreement: Agreement, of = "pair"): string =>
  `${tauIs(agreement)}, ${some(agreement.pairs, of)} on ${some(agreement.dataSets, "data set")}`;

/** "Not enough evidence: 2 data sets, 3 are needed for an interval." */
export function notEnough(reason: string | null): string {
  const why = reason?.replace(/^no interval: (.*)$/, "$1 for an interval");
  return why ? `Not enough evidence: ${why}.` : "Not enough evidence.";
}

/** Of −1 to 1 in seven steps, 3 the middle; the shade of a cell. */
export const shadeOf = (tau: number): number => Math.round((Math.max(-1, Math.min(1, tau)) + 1) * 3);

/** How far two orders that are shown to be alike are so: "Mostly", "In part", "Barely". */
export const extent = (tau: number): string => (tau >= 0.6 ? "Mostly" : tau >= 0.3 ? "In part" : "Barely");
