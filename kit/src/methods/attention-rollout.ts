import type { Program } from "../model/model.ts";
import { defineMethod } from "./method.ts";
import {
  attentionFor,
  attentionIn,
  ofImage,
  patchMap,
  rowOfHead,
  times,
  withoutAttention,
} from "./token-maps.ts";

/** Roles: `image` → the attention of every block, [heads, T, T] each. */
const attentions: Program = {
  id: "attention",
  passes: { forwards: 1, backwards: 0 },
  build: (parts) => ({
    folded: parts.folded,
    feeds: { image: parts.input },
    fetches: attentionIn(parts).blocks.map((b) => b.probabilities),
  }),
};

/**
 * Attention rollout: how much of each patch reaches what the head reads, if a token were the mean of what it attends to and of itself.
 *
 * The row of the class token is taken, or the mean of the rows of all tokens that the head reads: class and distillation token, or every
 * patch where there is no class token. Only that row is carried, from the last block to the first, so the product of the matrices is never
 * made.
 *
 * @returns float32 [H,W], ≥ 0, the shares of the patches; with `raw` [rows, columns] of the patches. The same for every class.
 * @throws  KitError E_NO_ATTENTION
 *
 * Cost: one forward pass.
 * Source: arXiv:2005.00928, where the mean of the heads is taken; their maximum and minimum, and rows scaled to 1 after them, are
 * common variants of it. The mean over tokens is ours.
 */
export const attentionRollout = defineMethod({
  id: "attention-rollout",
  title: "Attention rollout",
  paper: "arXiv:2005.00928",
  revision: 1,
  summary:
    "The class token's row of the product over blocks of (mean attention of the heads + I), rows scaled to sum 1; bilinear to the input size.",
  formula:
    "Φ = row of the class token of Âₗ ⋯ Â₂Â₁, Âₗ = rows of (meanₕ Aₗ + I) scaled to 1, bilinear to [H,W]",
  limits:
    "Knows nothing of the class: it maps where information can come from, not what speaks for the score.",
  kind: "map",
  map: "sum",
  needs: ["cam"],
  params: {
    heads: {
      type: "choice",
      choices: ["mean", "max", "min"],
      default: "mean",
      description: "how the attention of the heads becomes one",
    },
  },
  refuses: (model) => withoutAttention(model),
  cost: () => ({ forwards: 1, backwards: 0 }),
  async attribute(context) {
    const attention = attentionFor(context.probe.model);
    const row = await ofImage(context, attentions, (probabilities) =>
      probabilities.reduceRight((r, a) => {
        const fused = overHeads(a, attention.tokens, context.params.heads);
        return times(r, withIdentity(fused, attention.tokens));
      }, rowOfHead(attention)),
    );
    return patchMap(attention, row, context);
  },
});

/** [heads, T, T] → [T, T] */
function overHeads(a: Float32Array, tokens: number, how: "mean" | "max" | "min"): Float64Array {
  const size = tokens * tokens;
  const out = Float64Array.from(a.subarray(0, size));
  for (let i = size; i < a.length; i++) {
    const at = i % size;
    out[at] = how === "mean" ? out[at] + a[i] : Math[how](out[at], a[i]);
  }
  return how === "mean" ? out.map((v) => (v * size) / a.length) : out;
}

/** Rows of A + I, scaled to sum 1: half a token's own, half what it attends to. */
function withIdentity(a: Float64Array, tokens: number): Float64Array {
  for (let i = 0; i < tokens; i++) {
    const row = a.subarray(i * tokens, (i + 1) * tokens);
    row[i] += 1;
    const sum = row.reduce((s, v) => s + v, 0);
    for (let j = 0; j < tokens; j++) row[j] /= sum;
  }
  return a;
}
