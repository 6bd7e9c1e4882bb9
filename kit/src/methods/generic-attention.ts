import { backward } from "../autodiff/backward.ts";
import type { Program } from "../model/model.ts";
import { defineMethod } from "./method.ts";
import {
  attentionFor,
  attentionIn,
  lastBlocks,
  layersParam,
  ofImage,
  patchMap,
  rowOfHead,
  times,
  withoutAttention,
} from "./token-maps.ts";

/** Roles: `image`, `seed` [K] → of the last `layers` blocks the attention, then its gradient, [heads, T, T] each. */
const attentionGradients = (layers: number): Program => ({
  id: `attention gradients ${layers}`,
  passes: { forwards: 1, backwards: 1 },
  build(parts) {
    const { folded, input, score, options } = parts;
    const wrt = lastBlocks(attentionIn(parts), layers).map((b) => b.probabilities);
    const pass = backward(folded, { score, wrt, ...options });
    return {
      folded: pass.folded,
      feeds: { image: input, seed: pass.seed },
      fetches: [...wrt, ...wrt.map((name) => pass.gradients[name])],
    };
  },
});

/**
 * Generic attention explainability: relevance starts as the identity and every block adds what its attention, weighted by its gradient,
 * hands on.
 *
 * The row of the class token is taken, or the mean of the rows of all tokens that the head reads. Only that row is carried, from the last
 * block to the first.
 *
 * @returns float32 [H,W], ≥ 0, of the order of the score; with `raw` [rows, columns] of the patches
 * @throws  KitError E_NO_ATTENTION, E_NO_GRADIENT
 *
 * Cost: one forward and one backward pass.
 * Source: arXiv:2103.15679, its rule for self-attention; `layers=1` is what its code takes for CLIP. The mean over tokens is ours.
 */
export const genericAttention = defineMethod({
  id: "generic-attention",
  title: "Generic attention explainability",
  paper: "arXiv:2103.15679",
  revision: 1,
  summary:
    "R = I; for each block R ← R + mean over heads of ReLU(∂f/∂A ⊙ A) · R; the class token's row, bilinear to the input size.",
  formula:
    "Φ = row of the class token of R, R ← R + meanₕ(ReLU(∂f/∂A ⊙ A)) R block by block from R = I, bilinear to [H,W]",
  limits: "Sees what attention hands on and nothing of the MLPs; what speaks against the class is cut off.",
  kind: "map",
  map: "sum",
  needs: ["gradient", "cam"],
  params: { layers: layersParam },
  refuses: (model) => withoutAttention(model),
  cost: () => ({ forwards: 1, backwards: 1 }),
  async attribute(context) {
    const attention = attentionFor(context.probe.model);
    const row = await ofImage(context, attentionGradients(context.params.layers), (outputs) => {
      const count = outputs.length / 2;
      const [attentions, gradients] = [outputs.slice(0, count), outputs.slice(count)];
      return attentions.reduceRight((r, a, l) => {
        const added = times(r, handedOn(a, gradients[l], attention.tokens));
        return r.map((v, j) => v + added[j]);
      }, rowOfHead(attention));
    });
    return patchMap(attention, row, context);
  },
});

/** Mean over heads of ReLU(∇A ⊙ A), [T, T] */
function handedOn(a: Float32Array, gradient: Float32Array, tokens: number): Float64Array {
  const size = tokens * tokens;
  const mean = new Float64Array(size);
  for (let i = 0; i < a.length; i++) mean[i % size] += (Math.max(0, gradient[i] * a[i]) * size) / a.length;
  return mean;
}
