import { backward } from "../autodiff/backward.ts";
import type { Attention, PerToken } from "../model/attention.ts";
import type { Program } from "../model/model.ts";
import { defineMethod } from "./method.ts";
import { attentionFor, attentionIn, ofImage, patchMap, withoutAttention } from "./token-maps.ts";

interface Tensors {
  readonly query: PerToken;
  readonly key: PerToken;
  readonly value: PerToken;
  readonly mixed: PerToken;
}

const names = ["query", "key", "value", "mixed"] as const;

function lacks({ blocks, read, skip }: Attention): string | undefined {
  const last = blocks.at(-1)!;
  const missing = names.filter((name) => last[name] === undefined);
  if (missing.length > 0) {
    const them = missing.map((name) => (name === "mixed" ? "the product with the values" : name)).join(", ");
    return `of the last attention, "${last.label}", no ${them}: looked for a MatMul or Einsum of two token tensors around its Softmax`;
  }
  if (read.some((t) => t >= skip))
    return `no class token: the head reads ${read.length} tokens, patches among them, so no query could be compared with the patches' keys`;
  return undefined;
}

/** Roles: `image`, `seed` [K] → query, key and value of the last block, and the gradient of the score at its attention's output. */
const lastAttention: Program = {
  id: "last attention",
  passes: { forwards: 1, backwards: 1 },
  build(parts) {
    const { folded, input, score, options } = parts;
    const { query, key, value, mixed } = tensorsOf(attentionIn(parts, lacks));
    const pass = backward(folded, { score, wrt: [mixed.name], ...options });
    return {
      folded: pass.folded,
      feeds: { image: input, seed: pass.seed },
      fetches: [query.name, key.name, value.name, pass.gradients[mixed.name]],
    };
  },
};

/** Of the last block; `lacks` has seen that they are there. */
const tensorsOf = ({ blocks }: Attention): Tensors & { readonly heads: number } =>
  blocks.at(-1) as Tensors & { readonly heads: number };

/**
 * Grad-ECLIP: the values of the patches in the last attention, each channel weighted by the gradient where the class token leaves it, each
 * patch by how alike its key is to the class token's query.
 *
 * @returns float32 [H,W], ≥ 0; with `raw` [rows, columns] of the patches, signed
 * @throws  KitError E_NO_ATTENTION, also where the head reads no class token; E_NO_GRADIENT
 *
 * Cost: one forward and one backward pass.
 * Source: arXiv:2502.18816 and its authors' code, with `similarity=false` the variant without λ. That code computes the last block with
 * one head in the place of the model's own and sends q and k through the output projection before their cosine: here the model stays as it
 * is, and heads lie side by side as one vector. Where the head reads a distillation token too, the maps of both are added, which is ours.
 */
export const gradEclip = defineMethod({
  id: "grad-eclip",
  title: "Grad-ECLIP",
  paper: "arXiv:2502.18816",
  revision: 1,
  summary:
    "In the last attention: ReLU(∂f/∂(output of the class token) · value of the patch × min–max scaled cosine of its query and the patch's key).",
  formula:
    "Φₚ = ReLU(Σ_d ∂f/∂o_cls ⊙ vₚ · λₚ), λ = min–max over patches of cos(q_cls, kₚ), bilinear to [H,W]",
  limits:
    "Reads the last attention only: what earlier blocks moved between patches is mapped to where it lies there.",
  kind: "map",
  map: "sum",
  needs: ["gradient", "cam"],
  params: {
    similarity: {
      type: "boolean",
      default: true,
      description: "weigh patches by the cosine of their key with the class token's query",
    },
  },
  refuses: (model) => withoutAttention(model, lacks),
  cost: () => ({ forwards: 1, backwards: 1 }),
  async attribute(context) {
    const attention = attentionFor(context.probe.model, lacks);
    const { heads, query, key, value, mixed } = tensorsOf(attention);
    const weights = await ofImage(context, lastAttention, ([q, k, v, gradient]) => {
      const vectors = (data: Float32Array, where: PerToken) => (t: number) => vectorOf(data, where, heads, t);
      const [qs, ks, vs] = [vectors(q, query), vectors(k, key), vectors(v, value)];
      const gs = vectors(gradient, mixed);
      const { skip, tokens } = attention;
      const sum = new Float64Array(tokens);
      for (const cls of attention.read) {
        const alike = Float64Array.from({ length: tokens - skip }, (_, p) => cosine(qs(cls), ks(skip + p)));
        const λ = context.params.similarity ? minMax(alike) : alike.fill(1);
        const g = gs(cls);
        for (let p = 0; p < λ.length; p++) sum[skip + p] += λ[p] * dot(g, vs(skip + p));
      }
      return sum;
    });
    return patchMap(attention, weights, context);
  },
});

/** The vector of one token, its heads side by side. */
function vectorOf(
  data: Float32Array,
  { features, step }: PerToken,
  heads: number,
  token: number,
): Float64Array {
  return Float64Array.from({ length: heads * features }, (_, i) => {
    const [head, feature] = [Math.floor(i / features), i % features];
    return data[head * step.head + token * step.token + feature * step.feature];
  });
}

const dot = (a: Float64Array, b: Float64Array): number => a.reduce((s, v, i) => s + v * b[i], 0);
const cosine = (a: Float64Array, b: Float64Array): number => dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));

/** Scaled to [0, 1]; where all are alike none is preferred. */
function minMax(values: Float64Array): Float64Array {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  return values.map((v) => (high > low ? (v - low) / (high - low) : 1));
}
