/** Games whose players are the cells of a grid, and their Shapley values by the definition. */
import type { Analytic } from "./analytic-probe.ts";

/** A model of 2 × 3 single pixels, of any function of them: six players, and mid-grey is 0. */
export const gameOf = (value: (players: readonly number[]) => number): Analytic => ({
  shape: { channels: 1, height: 2, width: 3 },
  logits: (image) => [value(Array.from(image, (v) => v - 0.5))],
});

export const coalitionOf = (bits: number, players: number): number[] =>
  Array.from({ length: players }, (_, s) => (bits >> s) & 1);

/** Every coalition of `players`, [2^M · M]. */
export const allCoalitions = (players: number): Float32Array =>
  Float32Array.from(Array.from({ length: 2 ** players }, (_, bits) => coalitionOf(bits, players)).flat());

const factorial = (n: number): number => (n < 2 ? 1 : n * factorial(n - 1));

/** Σ over coalitions S without s of |S|! (M − |S| − 1)!/M! · (v(S ∪ s) − v(S)). */
export function shapley(players: number, value: (coalition: readonly number[]) => number): number[] {
  return Array.from({ length: players }, (_, s) => {
    let total = 0;
    for (let bits = 0; bits < 2 ** players; bits++) {
      if ((bits >> s) & 1) continue;
      const size = coalitionOf(bits, players).reduce((a, b) => a + b, 0);
      const rise = value(coalitionOf(bits | (1 << s), players)) - value(coalitionOf(bits, players));
      total += ((factorial(size) * factorial(players - size - 1)) / factorial(players)) * rise;
    }
    return total;
  });
}

/** Every order of `items`. */
export const orders = (items: readonly number[]): number[][] =>
  items.length === 0
    ? [[]]
    : items.flatMap((first) => orders(items.filter((v) => v !== first)).map((rest) => [first, ...rest]));
