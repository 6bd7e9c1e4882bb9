import { backward } from "../autodiff/backward.ts";
import { type DeepliftOptions, deepliftRules, rescales } from "../autodiff/rules/deeplift.ts";
import { twinned } from "../onnx/twin.ts";
import { baselineInput, baselineOf, referenceParam } from "./baseline.ts";
import { defineMethod } from "./method.ts";
import { passedBack, ruled } from "./ruled.ts";

/** Multipliers of the input. Roles: `image` and `reference` [C,H,W], `seed` [K] → [C,H,W]. */
const multipliersBy = (pooling: DeepliftOptions["pooling"]) =>
  ruled(
    {
      id: pooling === "rescale" ? "deeplift" : `deeplift pooling=${pooling}`,
      passes: { forwards: 2, backwards: 1 },
      build({ folded, input, score, options }) {
        const { folded: both, twin } = twinned(folded, input, "reference/");
        const rules = deepliftRules({ twin, pooling, ...options });
        const pass = backward(both, { score, wrt: [input], rules, ...options });
        return {
          folded: pass.folded,
          feeds: { image: input, reference: twin(input), seed: pass.seed },
          fetches: [pass.gradients[input]],
        };
      },
    },
    rescales,
  );

const multipliers = { rescale: multipliersBy("rescale"), gradient: multipliersBy("gradient") };

/**
 * DeepLIFT by its Rescale rule: the difference to the reference is handed back in shares, at a non-linearity by Δout/Δin in place of the
 * derivative.
 *
 * @returns float32 [C,H,W], logits; sums to f(x) − f(r)
 * @throws  KitError E_NO_RULE where an operator is neither linear, nor a monotone function of one value, nor a max-pooling (products of two
 *          activations, Softmax, normalisations, Gelu); E_NO_GRADIENT; E_INPUT for a baseline of other dims
 *
 * Cost: two forward passes and a backward one.
 * Source: arXiv:1704.02685 § 3.5.2. The rule of a max-pooling is Captum's, but where windows overlap what meets is added up, not overwritten.
 * Captum 0.8 leaves its rule out where a max-pooling follows a ReLU (the ReLU has read its gradient before the rule replaces it): that is
 * `pooling=gradient`, which sums to f(x) − f(r) only where the reference is the same all over each window.
 */
export const deeplift = defineMethod({
  id: "deeplift",
  title: "DeepLIFT (Rescale)",
  paper: "arXiv:1704.02685",
  revision: 1,
  summary:
    "(x − r) ⊙ the multipliers from input to score, Δout/Δin at every non-linearity; sums to f(x) − f(r).",
  formula: "Φ = (x − r) ⊙ m, m the gradient with Δout/Δin for each σ′",
  limits:
    "Hangs on the reference, and two models that compute the same function may get different maps: multipliers depend on how it is written.",
  kind: "contribution",
  map: "sum",
  needs: ["gradient"],
  params: {
    reference: referenceParam,
    pooling: {
      type: "choice",
      choices: ["rescale", "gradient"],
      default: "rescale",
      description: "a max-pooling: DeepLIFT's multiplier, or the gradient of the image's maximum alone",
    },
  },
  inputs: { baseline: baselineInput },
  refuses: multipliers.rescale.refuses,
  cost: () => ({ forwards: 2, backwards: 1 }),
  async attribute(context) {
    const { x, params } = context;
    const r = baselineOf(context, params.reference);
    const m = await passedBack(context, multipliers[params.pooling], { reference: r });
    return { ...x, data: m.data.map((v, i) => v * (x.data[i] - r.data[i])) };
  },
});
