/** Do methods differ over data sets, and which? Friedman's test and Nemenyi's critical difference. */
import { chiSquareTail, fTail, rangeQuantile } from "./distributions.ts";
import { type Numbers, ranks } from "./summary.ts";

export type Better = "higher" | "lower";

/**
 * Ranks of the methods in each block, 1 the best, equal scores sharing the mean of their ranks. The only place where a direction is
 * asked for: all that follows speaks of ranks.
 *
 * @param scores  [blocks][methods]
 */
export function rankBlocks(scores: readonly Numbers[], better: Better): Float64Array[] {
  const sign = better === "higher" ? -1 : 1;
  return scores.map((block) => ranks(Float64Array.from(block, (score) => sign * score)));
}

/** Mean rank of each method over blocks; blocks without a method have none. */
export function averageRanks(blocks: readonly Numbers[]): Float64Array {
  return Float64Array.from(blocks[0] ?? [], (_, m) => {
    let sum = 0;
    for (const block of blocks) sum += block[m];
    return sum / blocks.length;
  });
}

export interface Friedman {
  readonly blocks: number;
  readonly methods: number;
  readonly chiSquare: number;
  readonly df: number;
  readonly p: number;
  /** Iman and Davenport's form; `null` where every block has the same order, which makes it infinite */
  readonly f: number | null;
  readonly fDf: readonly [number, number];
  readonly fP: number;
}

/**
 * Friedman's test that all methods are equally good. With R_j the mean rank of method j over n blocks and k methods,
 *
 *   χ² = n² (k − 1) Σ_j (R_j − (k+1)/2)² / Σ_ij (r_ij − (k+1)/2)²,   F = (n − 1) χ² / (n (k − 1) − χ²).
 *
 * The lower sum is n k (k² − 1)/12 without ties, and less with them (Conover's correction; `ties: "ignored"` takes the former always, as
 * Demšar's eq. does). The F form is the one to read, χ² being conservative (Iman & Davenport 1980). Both are approximations for n > 10
 * and k > 5 or so. Where every block has the same order, p of the F form is the exact (1/k!)^(n−1).
 *
 * `null` if in every block all methods tie, or with fewer than two methods or blocks.
 *
 * Source: Friedman 1937; Demšar 2006, JMLR 7, § 3.2.2; ties: Conover 1999, § 5.8.
 */
export async function friedman(
  blocks: readonly Numbers[],
  { ties = "corrected" }: { readonly ties?: "corrected" | "ignored" } = {},
): Promise<Friedman | null> {
  const n = blocks.length;
  const k = blocks[0]?.length ?? 0;
  const middle = (k + 1) / 2;
  if (n < 2 || k < 2) return null;
  let between = 0;
  for (const rank of averageRanks(blocks)) between += (rank - middle) * (rank - middle);
  let within = 0;
  for (const block of blocks) for (let m = 0; m < k; m++) within += (block[m] - middle) * (block[m] - middle);
  if (ties === "ignored") within = (n * k * (k * k - 1)) / 12;
  if (within === 0) return null;
  const chiSquare = (n * n * (k - 1) * between) / within;
  const df = k - 1;
  const rest = n * df - chiSquare;
  const fDf = [df, df * (n - 1)] as const;
  const agree = rest < 1e-9 * n * df; // 0 but for rounding
  const f = agree ? null : ((n - 1) * chiSquare) / rest;
  return {
    blocks: n,
    methods: k,
    chiSquare,
    df,
    p: await chiSquareTail(chiSquare, df),
    f,
    fDf,
    fP: f === null ? factorial(k) ** (1 - n) : await fTail(f, ...fDf),
  };
}

const factorial = (k: number): number => (k < 2 ? 1 : k * factorial(k - 1));

export interface CriticalDifference {
  readonly alpha: number;
  /** of the studentised range over √2 */
  readonly q: number;
  readonly difference: number;
}

/**
 * Nemenyi's critical difference q √(k (k+1) / 6n): two methods differ if their average ranks do by at least this much. It holds for all
 * pairs at once.
 *
 * Source: Nemenyi 1963; Demšar 2006, JMLR 7, § 3.2.2 and table 5a.
 */
export async function criticalDifference(
  methods: number,
  blocks: number,
  alpha: number,
): Promise<CriticalDifference> {
  const q = (await rangeQuantile(alpha, methods)) / Math.SQRT2;
  return { alpha, q, difference: q * Math.sqrt((methods * (methods + 1)) / (6 * blocks)) };
}

/**
 * The bars of a critical-difference diagram: every largest set of methods of which no two differ, best first; indices into `ranks`.
 * A method may be in several, and is in one at least.
 */
export function undistinguished(ranks: Numbers, difference: number): number[][] {
  const order = Array.from({ length: ranks.length }, (_, m) => m).sort(
    (a, b) => ranks[a] - ranks[b] || a - b,
  );
  const groups: number[][] = [];
  let reached = 0;
  for (const [start, first] of order.entries()) {
    let end = start + 1;
    while (end < order.length && ranks[order[end]] - ranks[first] < difference) end++;
    if (end > reached) groups.push(order.slice(start, end));
    reached = Math.max(reached, end);
  }
  return groups;
}
