import { backward } from "../autodiff/backward.ts";
import type { Attention, AttentionBlock, Stream } from "../model/attention.ts";
import type { Parts, Program } from "../model/model.ts";
import type { FoldedGraph } from "../onnx/fold.ts";
import { ancestors, attr, descendants, names, node } from "../onnx/graph.ts";
import { int64, type Tensor } from "../onnx/tensor.ts";
import { defineMethod } from "./method.ts";
import {
  attentionFor,
  attentionIn,
  lastBlocks,
  layersParam,
  ofImage,
  patchMap,
  withoutAttention,
} from "./token-maps.ts";

type Pool = "mean" | "head";

/** What the head is put on: a block whose output is known. */
type Ended = AttentionBlock & { readonly output: Stream };

function lacks({ blocks }: Attention): string | undefined {
  const open = blocks.find((b) => b.output === undefined);
  return (
    open &&
    `no end of the block of "${open.label}": looked for a sum of tokens behind it that all paths to the score pass through`
  );
}

/** Roles: `image`, `seed` [K] → of each of the last `layers` blocks the gradient of its own score at its own attention, [heads, T, T]. */
const layerGradients = (layers: number, pool: Pool): Program => ({
  id: `legrad ${layers} ${pool}`,
  passes: { forwards: 1, backwards: 1 },
  build(parts) {
    const attention = attentionIn(parts, lacks);
    const blocks = lastBlocks(attention, layers) as readonly Ended[];
    const end = attention.blocks.at(-1) as Ended;
    const seeds: string[] = [];
    const fetches: string[] = [];
    let { folded } = parts;
    for (const block of blocks) {
      const scored = withScore({ ...parts, folded }, block.output, end.output, attention.tokens, pool);
      const pass = backward(scored.folded, {
        score: scored.score,
        wrt: [block.probabilities],
        ...parts.options,
      });
      ({ folded } = pass);
      seeds.push(pass.seed);
      fetches.push(pass.gradients[block.probabilities]);
    }
    return { folded: oneSeed(folded, seeds), feeds: { image: parts.input, seed: seeds[0] }, fetches };
  },
});

/**
 * LeGrad: how sensitive the score of each block's own tokens is to the attention of that block, added up over the blocks.
 *
 * The score of a block is what the model's head makes of the tokens that the block leaves. `pool=mean` gives it the mean of all tokens,
 * class token included, as the authors' code does, so that every query has a say; `pool=head` lets it read what it reads of the last block,
 * which with a class token leaves only that token's query.
 *
 * @returns float32 [H,W], ≥ 0, score per unit of attention; with `raw` [rows, columns] of the patches
 * @throws  KitError E_NO_ATTENTION, also where no end of a block was found; E_NO_GRADIENT
 *
 * Cost: one forward and about one backward pass: each block is passed back through once, and the head once for each block.
 * Source: arXiv:2404.03214 as its authors' code computes it; `layers=2` is the default there. The code scales the sum to [0, 1], which
 * `relevance` does here.
 */
export const legrad = defineMethod({
  id: "legrad",
  title: "LeGrad",
  paper: "arXiv:2404.03214",
  revision: 1,
  summary:
    "Σ over blocks l of the mean over heads and queries of ReLU(∂sₗ/∂Aₗ), sₗ the head's score of the tokens of block l.",
  formula:
    "Φ = Σₗ mean over heads and queries of ReLU(∂sₗ/∂Aₗ), sₗ = head(mean token of block l), bilinear to [H,W]",
  limits:
    "The head was trained on the last block only, and what it says of the tokens of early ones may mean little.",
  kind: "map",
  map: "sum",
  needs: ["gradient", "cam"],
  params: {
    layers: layersParam,
    pool: {
      type: "choice",
      choices: ["mean", "head"],
      default: "mean",
      description: "what of a block's tokens is scored: their mean, or what the head reads of the last block",
    },
  },
  refuses: (model) => withoutAttention(model, lacks),
  cost: () => ({ forwards: 1, backwards: 1 }),
  async attribute(context) {
    const { layers, pool } = context.params;
    const attention = attentionFor(context.probe.model, lacks);
    const { tokens } = attention;
    const weights = await ofImage(context, layerGradients(layers, pool), (gradients) => {
      const sum = new Float64Array(tokens);
      for (const g of gradients) {
        // [heads, queries, keys]: the last axis stays
        for (let i = 0; i < g.length; i++) sum[i % tokens] += (Math.max(0, g[i]) * tokens) / g.length;
      }
      return sum;
    });
    return patchMap(attention, weights, context);
  },
});

/** The model's own head once more, on what another block left: all that lies behind the last block, copied. */
function withScore(
  { folded, score }: Pick<Parts, "folded" | "score">,
  stream: Stream,
  end: Stream,
  tokens: number,
  pool: Pool,
): Pick<Parts, "folded" | "score"> {
  if (pool === "head" && stream.name === end.name) return { folded, score };
  const used = names(folded.graph);
  let prefix = `head on ${stream.name}/`;
  while (used.has(`${prefix}${score}`)) prefix += "/";
  const fresh = (name: string) => `${prefix}${name}`;
  const { graph } = folded;
  const pooled = pool === "mean" ? ofTheMean(folded, stream, tokens, fresh) : undefined;
  const behind = descendants(graph, [end.name]);
  const needed = ancestors(graph, [score]);
  const head = graph.nodes.filter((n) =>
    n.outputs.some((o) => o !== end.name && behind.has(o) && needed.has(o)),
  );
  const copied = (t: string) =>
    t === end.name ? (pooled?.name ?? stream.name) : behind.has(t) ? fresh(t) : t;
  const nodes = head.map((n) => ({
    ...n,
    name: n.name && fresh(n.name),
    inputs: n.inputs.map(copied),
    outputs: n.outputs.map(copied),
  }));
  const made = head.flatMap((n) => n.outputs).filter((o) => o !== "");
  const again = <T>(known: ReadonlyMap<string, T>) => made.map((o) => [fresh(o), known.get(o)!] as const);
  return {
    folded: {
      graph: {
        ...graph,
        nodes: [...graph.nodes, ...(pooled?.nodes ?? []), ...nodes],
        initializers: new Map([...graph.initializers, ...(pooled?.initializers ?? [])]),
      },
      shapes: new Map([...folded.shapes, ...(pooled?.shapes ?? []), ...again(folded.shapes)]),
      types: new Map([...folded.types, ...(pooled?.types ?? []), ...again(folded.types)]),
    },
    score: fresh(score),
  };
}

/** Every token becomes the mean of all: whatever a head reads of them, it reads the mean. */
function ofTheMean(
  { shapes }: FoldedGraph,
  { name, axis }: Stream,
  tokens: number,
  fresh: (name: string) => string,
) {
  const [mean, whole, axes, dims] = ["mean", "mean for all", "axes", "dims"].map(fresh);
  const shape = shapes.get(name)!;
  const constants: [string, Tensor][] = [
    [axes, int64([1], [axis])],
    // a 1 leaves an axis as it is
    [
      dims,
      int64(
        [3],
        [0, 1, 2].map((a) => (a === axis ? tokens : 1)),
      ),
    ],
  ];
  return {
    name: whole,
    nodes: [
      node("ReduceMean", [name, axes], [mean], { keepdims: attr.int(1) }),
      node("Expand", [mean, dims], [whole]),
    ],
    initializers: constants,
    shapes: [
      [mean, shape.map((d, a) => (a === axis ? 1 : d))],
      [whole, shape],
      ...constants.map(([constant, value]) => [constant, value.dims] as const),
    ] as const,
    types: [
      [mean, "float32"],
      [whole, "float32"],
      [axes, "int64"],
      [dims, "int64"],
    ] as const,
  };
}

/** Every pass has a seed of its own; all of them ask for the same class. */
function oneSeed(folded: FoldedGraph, [first, ...others]: readonly string[]): FoldedGraph {
  const again = new Set(others);
  const { graph } = folded;
  return {
    ...folded,
    graph: {
      ...graph,
      inputs: graph.inputs.filter((i) => !again.has(i.name)),
      nodes: graph.nodes.map((n) =>
        n.inputs.some((i) => again.has(i))
          ? { ...n, inputs: n.inputs.map((i) => (again.has(i) ? first : i)) }
          : n,
      ),
    },
  };
}
