import { KitError } from "../errors.ts";
import type { Float32Tensor } from "../onnx/tensor.ts";
import { baselineInput, baselineOf, baselineScore, ofShape, referenceParam } from "./baseline.ts";
import { defineMethod } from "./method.ts";
import { attributionOf, cellsOf, gridParam, scoresOf, segmentsInput, segmentsOf } from "./segments.ts";

/**
 * Shapley value sampling: segments come in one after the other, in random orders, from the reference to the image; a segment gets the mean
 * rise of the score at its coming.
 *
 * @returns float32 [C,H,W], logits; sums to f(x) − f(r) exactly, since every order does; with `raw` one value per segment
 * @throws  KitError E_INPUT for a baseline or label image of other dims, or rows that are no permutations
 *
 * Cost: draws · (segments − 1) + 2 forward passes; 482 by default.
 * Source: doi:10.1016/j.cor.2008.04.004 (Castro et al. 2009, § 3). Ten orders of 49 cells cost what the other methods of this kind do.
 */
export const shapleyValueSampling = defineMethod({
  id: "shapley-value-sampling",
  title: "Shapley Value Sampling",
  paper: "doi:10.1016/j.cor.2008.04.004",
  revision: 1,
  summary:
    "The mean rise of f as a segment comes in, over random orders from the reference to the image; sums to f(x) − f(r).",
  formula: "φₛ = mean over orders π of f(x on the segments before s and s) − f(x on the segments before s)",
  limits:
    "Few orders are noisy; and segments alone on the reference are images that the model never saw, where its scores may mean nothing.",
  kind: "contribution",
  map: "sum",
  rawMap: true,
  needs: [],
  params: {
    draws: {
      type: "integer",
      default: 10,
      minimum: 1,
      maximum: 10_000,
      budget: true,
      description: "orders in which the segments come in",
    },
    grid: gridParam,
    reference: referenceParam,
  },
  inputs: {
    segments: segmentsInput,
    baseline: baselineInput,
    permutations: {
      dims: "[N,M]",
      description:
        "orders, each the numbers 0 to M − 1 (segments in ascending order of their labels); N replaces `draws`",
    },
  },
  cost: ({ draws, grid }, shape) => ({
    forwards: draws * (cellsOf(shape, grid) - 1) + 2,
    backwards: 0,
  }),
  async attribute(context) {
    const { probe, params, given, rng } = context;
    const segments = segmentsOf(context, params.grid);
    const players = segments.count;
    const r = baselineOf(context, params.reference);
    const supplied = given("permutations");
    const orders = supplied
      ? rowsOf(supplied, players)
      : Array.from({ length: params.draws }, (_, k) => rng(`order ${k}`).permutation(players));
    const score = await probe.score();
    const empty = await baselineScore(context, params.reference);
    // of each order, its first 1, 2 … M − 1 segments
    const between = players - 1;
    const values = await scoresOf(context, segments, r, orders.length * between, (k, z) => {
      const order = orders[Math.floor(k / between)];
      for (let j = 0; j <= k % between; j++) z[order[j]] = 1;
    });
    const shares = new Float64Array(players);
    for (const [n, order] of orders.entries()) {
      let before = empty;
      for (const [j, s] of order.entries()) {
        const after = j === between ? score : values[n * between + j];
        shares[s] += (after - before) / orders.length;
        before = after;
      }
    }
    return attributionOf(context, segments, shares);
  },
});

function rowsOf(supplied: Float32Tensor, players: number): Int32Array[] {
  const { dims, data } = ofShape("permutations", supplied, [null, players]);
  return Array.from({ length: dims[0] }, (_, n) => {
    const row = data.subarray(n * players, (n + 1) * players);
    const sorted = row.slice().sort();
    if (sorted.some((v, k) => v !== k)) {
      throw new KitError("E_INPUT", {
        problem: `input "permutations": row ${n} is no order of the segments`,
        next: `each row holds 0 to ${players - 1}, each once`,
      });
    }
    return Int32Array.from(row);
  });
}
