import type { Rng } from "../rng.ts";
import { baselineInput, baselineOf, baselineScore, referenceParam } from "./baseline.ts";
import { normalEquations, solve } from "./least-squares.ts";
import { defineMethod } from "./method.ts";
import {
  attributionOf,
  coalitionDraws,
  coalitionsInput,
  coalitionsOf,
  gridParam,
  segmentsInput,
  segmentsOf,
  valuesOf,
} from "./segments.ts";

/**
 * KernelSHAP: the linear model of segments that fits the scores of random coalitions best, among those whose shares sum to f(x) − f(r).
 * Where coalitions are drawn from the Shapley kernel they weigh alike; its solution over all coalitions is the Shapley value.
 *
 * The constraint is met by elimination: φ = D/M + ψ with D = f(x) − f(r) and Σψ = 0, so that each coalition z of k segments contributes the
 * row z − k/M, and no segment stands out. Of what too few coalitions leave open, the solution nearest to equal shares is taken.
 *
 * @returns float32 [C,H,W], logits; sums to f(x) − f(r); with `raw` one value per segment
 * @throws  KitError E_INPUT for a baseline, label image or coalitions of other dims
 *
 * Cost: `draws` + 2 forward passes.
 * Source: arXiv:1705.07874 theorem 2; z drawn together with 1 − z as in arXiv:2012.01536 § 3.3.
 */
export const kernelShap = defineMethod({
  id: "kernel-shap",
  title: "KernelSHAP",
  paper: "arXiv:1705.07874",
  revision: 1,
  summary:
    "The linear model of segments that fits f at random coalitions best, its shares summing to f(x) − f(r); an estimate of Shapley values.",
  formula: "φ = argmin Σ_z w(z) (f(z) − f(r) − z·φ)², Σφ = f(x) − f(r)",
  limits:
    "A regression on a sample: noisy where coalitions are few; and half-hidden images are images that the model never saw.",
  kind: "contribution",
  map: "sum",
  rawMap: true,
  needs: [],
  params: {
    draws: {
      ...coalitionDraws,
      description: "coalitions; the second of each two is the complement of the first",
    },
    grid: gridParam,
    weights: {
      type: "choice",
      choices: ["unit", "kernel"],
      default: "unit",
      description: "of coalitions: alike, or by the Shapley kernel (for supplied ones not drawn from it)",
    },
    reference: referenceParam,
  },
  inputs: { segments: segmentsInput, baseline: baselineInput, coalitions: coalitionsInput },
  cost: ({ draws }) => ({ forwards: draws + 2, backwards: 0 }),
  async attribute(context) {
    const { probe, params, rng } = context;
    const segments = segmentsOf(context, params.grid);
    const players = segments.count;
    const r = baselineOf(context, params.reference);
    const sizes = sizesOf(players);
    const coalitions = coalitionsOf(context, players, params.draws, (k, z) => {
      // a stream per pair, so that no draw depends on how many there are
      drawCoalition(rng(`coalitions ${k >> 1}`), sizes, z);
      if (k % 2 === 1) for (let s = 0; s < players; s++) z[s] = 1 - z[s];
    });
    const score = await probe.score();
    const empty = await baselineScore(context, params.reference);
    const values = await valuesOf(context, segments, r, coalitions);

    const fall = score - empty;
    const design = Float64Array.from(coalitions.z);
    const weights = new Float64Array(coalitions.count);
    const targets = new Float64Array(coalitions.count);
    for (let k = 0; k < coalitions.count; k++) {
      const row = design.subarray(k * players, (k + 1) * players);
      const size = row.reduce((sum, v) => sum + v, 0);
      for (let s = 0; s < players; s++) row[s] -= size / players;
      weights[k] = params.weights === "unit" ? 1 : kernel(size, players);
      targets[k] = values[k] - empty - (fall * size) / players;
    }
    const { a, ...rest } = normalEquations(design, weights, targets);
    // the rows sum to 0 and leave Σψ open: so it is set
    const fixed = a.reduce((most, v) => Math.max(most, v), 0) / players;
    const offsets = solve({ ...rest, a: a.map((v) => v + fixed) });
    return attributionOf(
      context,
      segments,
      offsets.map((v) => fall / players + v),
    );
  },
});

/** (M − 1)/(C(M,k) k (M − k)), up to a factor; the empty and the whole coalition, of infinite weight, are met by the constraint. */
function kernel(size: number, players: number): number {
  if (size === 0 || size === players) return 0;
  let ways = 1;
  for (let i = 1; i <= size; i++) ways *= (players - size + i) / i;
  return (players - 1) / (ways * size * (players - size));
}

/** Of sizes 1 to M − 1: how much probability, p ∝ 1/(k(M − k)), lies up to each. */
function sizesOf(players: number): Float64Array {
  const upTo = new Float64Array(players - 1);
  let sum = 0;
  for (let k = 1; k < players; k++) {
    sum += 1 / (k * (players - k));
    upTo[k - 1] = sum;
  }
  return upTo.map((v) => v / sum);
}

function drawCoalition(stream: Rng, sizes: Float64Array, z: Uint8Array): void {
  const u = stream.uniform();
  const size = 1 + sizes.findIndex((upTo) => u < upTo);
  for (const s of stream.permutation(z.length).subarray(0, size)) z[s] = 1;
}
