import { KitError } from "../errors.ts";
import type { Float32Tensor } from "../onnx/tensor.ts";
import { baselineInput, baselineOf, referenceParam } from "./baseline.ts";
import { lasso, normalEquations, solve } from "./least-squares.ts";
import { defineMethod } from "./method.ts";
import {
  attributionOf,
  type Coalitions,
  coalitionDraws,
  coalitionsInput,
  coalitionsOf,
  gridParam,
  type Segments,
  segmentsInput,
  segmentsOf,
  valuesOf,
} from "./segments.ts";

/**
 * LIME: the coefficients of a linear model of segments, fitted to the scores of images in which each segment is hidden with probability ½;
 * what resembles the image weighs more.
 *
 * @returns float32 [C,H,W], logits; with `raw` one coefficient per segment
 * @throws  KitError E_INPUT for a baseline, label image or coalitions of other dims; E_PARAM for a width so small that all weights vanish
 *
 * Cost: `draws` forward passes.
 * Source: arXiv:1602.04938 eqs. 1 and 2 with § 3.4's kernel; its authors' image explainer takes the distance between coalitions, width 0.25
 * and ridge 1, as here. `distance=pixel` and `regression=lasso` reproduce Captum. The intercept is never penalised.
 */
export const lime = defineMethod({
  id: "lime",
  title: "LIME",
  paper: "arXiv:1602.04938",
  revision: 1,
  summary:
    "Coefficients of a ridge regression of f on which segments are shown, at random coalitions weighted by their likeness to the image.",
  formula: "φ = argmin Σ_z exp(−d²/2·width²) (f(z) − b − z·φ)² + penalty·‖φ‖², d = 1 − cos(z, 1)",
  limits:
    "Kernel width and penalty decide the answer as much as the model does; and few draws make it another one each time.",
  kind: "contribution",
  map: "sum",
  rawMap: true,
  needs: [],
  params: {
    draws: coalitionDraws,
    grid: gridParam,
    distance: {
      type: "choice",
      choices: ["coalition", "pixel"],
      default: "coalition",
      description: "1 − cosine between z and all ones, or between the two images",
    },
    width: { type: "number", default: 0.25, minimum: 1e-3, description: "of the kernel, in distances" },
    regression: {
      type: "choice",
      choices: ["ridge", "lasso", "linear"],
      default: "ridge",
      description: "penalty·Σφ², penalty·Σ|φ| (of half the mean squared error), or no penalty",
    },
    penalty: { type: "number", default: 1, minimum: 0, description: "strength of ridge or lasso" },
    reference: referenceParam,
  },
  inputs: { segments: segmentsInput, baseline: baselineInput, coalitions: coalitionsInput },
  cost: ({ draws }) => ({ forwards: draws, backwards: 0 }),
  async attribute(context) {
    const { x, params, rng } = context;
    const segments = segmentsOf(context, params.grid);
    const r = baselineOf(context, params.reference);
    const coalitions = coalitionsOf(context, segments.count, params.draws, (k, z) => {
      const stream = rng(`coalition ${k}`);
      for (let s = 0; s < z.length; s++) z[s] = stream.uniform() < 0.5 ? 1 : 0;
    });
    const values = await valuesOf(context, segments, r, coalitions);
    const pixel = params.distance === "pixel" ? { x, r } : undefined;
    const weights = distances(coalitions, segments, pixel).map((d) =>
      Math.exp(-(d ** 2) / (2 * params.width ** 2)),
    );
    return attributionOf(context, segments, surrogate(coalitions, values, weights, params));
  },
});

/**
 * 1 − cos between each coalition and the whole one, as vectors of M; with `pixel` as images of C·H·W. An all-zero vector, which has no
 * direction, counts as orthogonal.
 */
export function distances(
  { count, z }: Coalitions,
  segments: Segments,
  pixel?: { readonly x: Float32Tensor; readonly r: Float32Tensor },
): Float64Array {
  const players = segments.count;
  const zeros = () => new Float64Array(players);
  // of each segment: ⟨x, x⟩, ⟨x, r⟩ and ⟨r, r⟩; of a coalition's vector they are 1, 0 and 0
  const [xx, xr, rr] = [zeros().fill(pixel ? 0 : 1), zeros(), zeros()];
  for (let i = 0; pixel && i < pixel.x.data.length; i++) {
    const s = segments.of[i % segments.of.length];
    const [a, b] = [pixel.x.data[i], pixel.r.data[i]];
    xx[s] += a * a;
    xr[s] += a * b;
    rr[s] += b * b;
  }
  const whole = xx.reduce((sum, v) => sum + v, 0);
  return Float64Array.from({ length: count }, (_, k) => {
    let product = 0;
    let square = 0;
    for (let s = 0; s < players; s++) {
      const shown = z[k * players + s] === 1;
      product += shown ? xx[s] : xr[s];
      square += shown ? xx[s] : rr[s];
    }
    return 1 - (product === 0 ? 0 : product / Math.sqrt(whole * square));
  });
}

/** Σ w (f(z) − b − z·φ)² and a penalty: about the weighted means the intercept b is gone, and so never penalised. */
function surrogate(
  { count, z }: Coalitions,
  values: Float64Array,
  weights: Float64Array,
  { regression, penalty }: { regression: string; penalty: number },
): Float64Array {
  const players = z.length / count;
  const total = weights.reduce((sum, w) => sum + w, 0);
  if (total === 0) {
    throw new KitError("E_PARAM", {
      problem: "lime: every coalition is so far from the image that its weight is 0",
      next: "use a larger width",
    });
  }
  const means = new Float64Array(players);
  let mean = 0;
  for (let k = 0; k < count; k++) {
    mean += (weights[k] * values[k]) / total;
    for (let s = 0; s < players; s++) means[s] += (weights[k] * z[k * players + s]) / total;
  }
  const normal = normalEquations(
    Float64Array.from(z, (v, i) => v - means[i % players]),
    weights,
    values.map((v) => v - mean),
  );
  if (regression === "lasso") return lasso(normal, penalty * total);
  if (regression === "ridge") for (let s = 0; s < players; s++) normal.a[s * players + s] += penalty;
  return solve(normal);
}
