import { baselineInput, baselineOf } from "../../methods/baseline.ts";
import { defineMetric, skip } from "../metric.ts";
import { captumParams } from "./captum-infidelity.ts";
import { noise } from "./noise.ts";
import { unexplained } from "./unexplained.ts";

/**
 * Infidelity with the noise perturbations of Yeh et al. arXiv:1901.09392, made free of scale as `infidelity`.
 *
 * I = x − clip(x − sigma·ε), ε standard normal; b = f(x) − f(x − I); a = Σ(I ⊙ Φ) of a sensitivity, Σ(I ⊙ Φ/(x − r)) of a contribution from
 * the reference r, whose zero denominators are 1; β = max(0, ⟨a,b⟩/⟨a,a⟩); the score is Σ(βa − b)²/Σb² in [0, 1].
 *
 * Reads Φ, not the map. Skips what is no slope of the score: an [H,W] map, a [C,H,W] one that is neither sensitivity nor contribution, and
 * a contribution that is counted from no reference image; an attribution that is not finite; and an image where Σb² < 1e-8 logits².
 *
 * @throws KitError E_INPUT for perturbations or a baseline of other dims
 *
 * Cost: `draws` + 1 forward passes, shared by all methods of a sample.
 * Source: the paper's code takes sigma 0.2 on MNIST; 0.1, clipping to pixel space, the division and as many draws as `infidelity` are ours.
 * Contributions as in Captum 0.8 (`multiply_by_inputs`).
 */
export const infidelityGaussian = defineMetric({
  id: "infidelity-gaussian",
  title: "Infidelity (Gaussian)",
  paper: "arXiv:1901.09392",
  revision: 1,
  formula:
    "Σ (βa − b)² / Σ b², a = ⟨I, Φ⟩ (contributions: ⟨I/(x − r), Φ⟩), b = f(x) − f(x − I), I = x − clip(x − 0.1ε), β = max(0, ⟨a,b⟩/⟨a,a⟩)",
  summary:
    "How badly the attribution as a slope predicts the fall of f under noise, after the best non-negative scaling.",
  limits:
    "Noise everywhere asks for the local slope alone; contributions shared out over segments are no slope of a pixel and fare badly.",
  family: "faithfulness",
  better: "lower",
  range: [0, 1],
  // the controls are maps [H,W], which have no score here to beat
  gate: "none",
  controls: {
    random: { skipped: true },
    sobel: { skipped: true },
    constant: { skipped: true },
    "centre-gaussian": { skipped: true },
  },
  needs: ["signed"],
  params: {
    draws: { ...captumParams.draws, default: 64 },
    sigma: { ...captumParams.sigma, default: 0.1 },
  },
  inputs: {
    perturbations: {
      dims: "[N,C,H,W]",
      description: "sigma·ε, subtracted from x, the rest clipped; N replaces `draws`",
    },
    baseline: { ...baselineInput, description: "r, in place of the reference image of the contribution" },
  },
  cost: ({ draws }) => ({ forwards: draws + 1, backwards: 0 }),
  async score(context) {
    const { probe, attribution, kind, reference, given } = context;
    const { x } = probe;
    const { data: phi } = attribution;
    if (attribution.dims.length < 3) return skip("the map has no channels");
    if (kind === "map") return skip("neither a sensitivity nor a contribution");
    if (!phi.every(Number.isFinite)) return skip("attribution is not finite");
    let slope: ArrayLike<number> = phi;
    if (kind === "contribution") {
      if (reference === undefined && given("baseline") === undefined)
        return skip("the contribution is counted from no reference image");
      const r = baselineOf({ given, probe, x }, reference ?? "mean");
      slope = Float64Array.from(phi, (v, i) => v / (x.data[i] - r.data[i] || 1));
    }
    const { falls, along } = await noise(context, true);
    return unexplained(along(slope), falls) ?? skip("the score does not react to noise");
  },
});
