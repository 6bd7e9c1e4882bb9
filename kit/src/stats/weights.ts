/** Would another weighting of what counts have another winner? */
import type { Rng } from "../rng.ts";
import type { Numbers } from "./summary.ts";

export interface Lead {
  /** of the random weightings, those under which the method leads */
  readonly share: number;
  /** standard error of the share, from the number of weightings */
  readonly error: number;
}

/**
 * The share of weightings under which each method has the highest weighted sum of standings; leaders that tie share theirs. Weightings
 * are uniform over all w ≥ 0 with Σw = 1 (Dirichlet with every parameter 1), as exponential variates over their sum.
 *
 * A share says how the answer hangs on the weights, not how surely the standings are known.
 *
 * @param standings  [components][methods], higher is better
 *
 * Cost: draws × components × methods multiplications.
 */
export function weightSensitivity(standings: readonly Numbers[], draws: number, rng: Rng): Lead[] {
  const methods = standings[0]?.length ?? 0;
  const led = new Float64Array(methods);
  const total = new Float64Array(methods);
  for (let d = 0; d < draws; d++) {
    total.fill(0);
    for (const standing of standings) {
      const weight = -Math.log(1 - rng.uniform()); // their sum scales all methods alike
      for (let m = 0; m < methods; m++) total[m] += weight * standing[m];
    }
    const best = Math.max(...total);
    const leaders = [...total.keys()].filter((m) => best - total[m] <= 1e-9 * Math.abs(best));
    for (const m of leaders) led[m] += 1 / leaders.length;
  }
  return Array.from(led, (count) => ({
    share: count / draws,
    // two successes and two failures added (Agresti & Coull 1998), so that a share of 0 or 1 is not called exact
    error: Math.sqrt(((count + 2) * (draws - count + 2)) / (draws + 4) ** 3),
  }));
}

/**
 * Point ranks by the weighted mean of standings: 1 + the number of methods that are higher. Equal means share a rank; nothing is said of
 * how sure any of it is, since resamples are not looked at.
 *
 * @param standings  [components][methods], higher is better
 * @param weights    one per component, none below 0; `null` comes back where all are 0
 */
export function weightedRanks(standings: readonly Numbers[], weights: Numbers): number[] | null {
  let sum = 0;
  for (let c = 0; c < standings.length; c++) sum += weights[c];
  if (!(sum > 0)) return null;
  const total = Array.from(standings[0] ?? [], (_, m) =>
    standings.reduce((all, standing, c) => all + (weights[c] / sum) * standing[m], 0),
  );
  return total.map((own) => 1 + total.filter((other) => other - own > 1e-9).length);
}
