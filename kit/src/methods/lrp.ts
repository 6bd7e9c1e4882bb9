import { convolutionRules, lrpRules, passesOn } from "../autodiff/rules/lrp.ts";
import type { Program } from "../model/model.ts";
import { gradientBy } from "../model/programs.ts";
import { type Params, resolveParams } from "../params.ts";
import { defineMethod } from "./method.ts";
import { passedBack, type Ruled, ruled } from "./ruled.ts";

const params = {
  convolution: {
    type: "choice",
    choices: convolutionRules,
    default: "z-plus",
    description: "rule of convolutions",
  },
  first: {
    type: "choice",
    choices: ["flat", "as-others"],
    default: "flat",
    description: "rule of the layers that read the image: even shares, or what other layers have",
  },
  epsilon: {
    type: "number",
    default: 1e-6,
    minimum: 1e-12,
    maximum: 1e6,
    description: "added to the sums of dense layers, and of convolutions with the epsilon rule",
  },
  stabiliser: {
    type: "number",
    default: 1e-3,
    minimum: 1e-12,
    maximum: 1e6,
    description: "added to all other sums: residual ones, those of pools, those of the other rules",
  },
  gamma: {
    type: "number",
    default: 0.25,
    minimum: 0,
    maximum: 1e6,
    description: "how much the gamma rule favours what has the sign of the sum",
  },
  "every-layer": {
    type: "boolean",
    default: false,
    description:
      "normalisations and max pools share by the epsilon rule (Captum), in place of passing on (zennit)",
  },
} as const;

/** Relevance of one unit of the score: roles `image`, `seed`. */
export function relevance(given: Params<typeof params>): Ruled {
  const { convolution, first, epsilon, stabiliser, gamma, "every-layer": everyLayer } = given;
  const id = `lrp ${[convolution, first, epsilon, stabiliser, gamma, everyLayer].join(" ")}`;
  const program: Program = {
    id,
    passes: { forwards: 1, backwards: 1 },
    build(parts) {
      const { folded, input, score, options } = parts;
      const choice = { convolution, epsilon, stabiliser, gamma, everyLayer };
      const rules = lrpRules(folded, input, score, { ...choice, ...options, flatFirst: first === "flat" });
      return gradientBy(id, rules).build(parts);
    },
  };
  return ruled(program, passesOn);
}

/**
 * Layer-wise relevance propagation: the score is shared among the inputs of the last layer, each share among the inputs of the layer before,
 * and so on down to the pixels.
 *
 * @returns float32 [C,H,W], logits; sums to f(x) where no layer has a bias, no sum is without contributions that count, and ε is small
 * @throws  KitError E_NO_RULE where an operator has no agreed rule: what is neither affine, nor a ReLU, nor a maximum
 *
 * Cost: two forward passes, one of them the score's, and one backward pass with one to four more products for each convolution.
 * Source: arXiv:1910.09840 for the composite, doi:10.1371/journal.pone.0130140 for epsilon and alpha-beta, arXiv:1512.02479 for z-plus,
 * doi:10.1007/978-3-030-28954-6_10 for gamma, doi:10.1038/s41467-019-08987-4 for flat. As in zennit, negative inputs of z-plus and gamma meet
 * the opposite weights, and a normalisation that is no part of a convolution passes on what it gets. Ours: a constant added to a product is
 * its bias, and a stabiliser of 1e-3 in place of 1e-6, since sums of mixed sign come close to 0: with 1e-6 the worst of 24 pictures had 25
 * times the score in relevance of both signs, with 1e-3 about the score, and what is lost by it stays within a few percent.
 */
export const lrp = defineMethod({
  id: "lrp",
  title: "Layer-wise Relevance Propagation",
  paper: "doi:10.1371/journal.pone.0130140",
  revision: 1,
  summary:
    "f(x) shared layer by layer in proportion to contributions: epsilon for dense layers, z-plus for convolutions, flat for the first.",
  formula:
    "Rᵢ = Σⱼ ρ(aᵢwᵢⱼ) / (ε + Σₖ ρ(aₖwₖⱼ)) · Rⱼ from Rₜ = f(x) down; ρ by layer: all, those above 0, all alike",
  limits:
    "Other rules give other maps, biases keep relevance for themselves, and a sum close to 0 makes shares explode (average pools behind a convolution without ReLU, as in DenseNet).",
  kind: "contribution",
  map: "sum",
  needs: ["gradient"],
  params,
  cost: () => ({ forwards: 2, backwards: 1 }),
  refuses: relevance(resolveParams("lrp", params) as Params<typeof params>).refuses,
  async attribute(context) {
    const { dims, data } = await passedBack(context, relevance(context.params));
    // all rules are linear in the relevance they get, so the score may be multiplied in at the end
    const score = await context.probe.score();
    return { type: "float32", dims, data: data.map((share) => score * share) };
  },
});
