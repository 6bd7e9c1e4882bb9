/** The sequential scale of ranks: five steps from best (0) to last (4), coloured in ranks.css. */

export const steps = 5;

/** Rank 1 is step 0, the last of `field` the last step. */
export function stepOf(rank: number, field: number): number {
  if (field < 2) return 0;
  return Math.min(steps - 1, Math.max(0, Math.round(((rank - 1) / (field - 1)) * (steps - 1))));
}
