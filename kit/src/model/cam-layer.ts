/**
 * Which tensor CAM methods read. Convolutional models: the last tensor with a spatial grid that the score still depends on.
 * Transformers: the output of the last block's first normalisation, class and register tokens dropped; without a class token, the
 * last tensor of patch tokens before pooling.
 */
import { KitError } from "../errors.ts";
import type { FoldedGraph } from "../onnx/fold.ts";
import { ancestors, consumers, descendants, type Node } from "../onnx/graph.ts";
import { equalDims, equalShapes, formatShape, type Shape } from "../onnx/shapes.ts";
import type { ModelCard } from "../schemas.generated.ts";

export interface CamLayer {
  readonly name: string;
  readonly channels: number;
  readonly rows: number;
  readonly columns: number;
  /**
   * "grid" is [N, channels, rows, columns], "grid-last" [N, rows, columns, channels], "tokens" [N, skip + rows·columns, channels]
   */
  readonly kind: "grid" | "grid-last" | "tokens";
  /** class and register tokens before the patches */
  readonly skip: number;
}

interface Where {
  readonly folded: FoldedGraph;
  readonly input: string;
  readonly score: string;
  readonly card: ModelCard;
}

/** The layer of the card or flag, else the inferred one; undefined when the model has no grid at all. */
export function camLayerOf(where: Where): CamLayer | undefined {
  const named = where.card.camLayer;
  return named === undefined ? inferred(where) : describe(where, named);
}

/** Handed on between the softmax of an attention and its product with the values. */
export const passing = new Set(["Cast", "Dropout", "Identity", "Reshape", "Squeeze", "Unsqueeze"]);

/** Attention: a Softmax whose output is multiplied into values. */
export function attentionNodes({ folded, score }: Pick<Where, "folded" | "score">): readonly Node[] {
  const readers = consumers(folded.graph);
  const used = ancestors(folded.graph, [score]);
  const multiplied = (name: string): boolean =>
    (readers.get(name) ?? []).some(
      (r) => r.op === "MatMul" || r.op === "Einsum" || (passing.has(r.op) && multiplied(r.outputs[0])),
    );
  return folded.graph.nodes.filter(
    (n) => n.op === "Softmax" && used.has(n.outputs[0]) && multiplied(n.outputs[0]),
  );
}

/** The normalisations that open attention blocks, in order: every one of them can serve as a CAM layer. */
export function tokenLayers(where: Where): readonly CamLayer[] {
  const opening = new Map<string, CamLayer>();
  for (const attention of attentionNodes(where)) {
    const before = ancestors(where.folded.graph, [attention.outputs[0]]);
    for (const n of where.folded.graph.nodes.toReversed()) {
      if (n.op !== "LayerNormalization" || !before.has(n.outputs[0])) continue;
      const layer = tokens(where, n.outputs[0]);
      if (layer === undefined) continue;
      opening.set(layer.name, layer);
      break;
    }
  }
  return [...opening.values()];
}

function inferred(where: Where): CamLayer | undefined {
  const opening = tokenLayers(where).at(-1);
  if (opening === undefined) {
    const layouts = layoutsOf(where);
    return lastOf(where, (name) => grid(where, name, layouts.get(name)));
  }
  if (opening.skip > 0) return opening;
  // of the same size: [N, C, T] behind a transpose looks like tokens where C is a square
  const alike = (t: CamLayer | undefined) => t?.channels === opening.channels && t.rows === opening.rows;
  return lastOf(where, (name) => [tokens(where, name)].find(alike)) ?? opening;
}

/** The last tensor between input and score that `as` accepts. */
function lastOf(where: Where, as: (name: string) => CamLayer | undefined): CamLayer | undefined {
  const between = tensorsBetween(where);
  for (const n of where.folded.graph.nodes.toReversed()) {
    const [name] = n.outputs;
    const layer = between.has(name) ? as(name) : undefined;
    if (layer) return layer;
  }
  return undefined;
}

/** What depends on the input and has a part in the score, the two aside. */
function tensorsBetween({ folded: { graph }, input, score }: Where): ReadonlySet<string> {
  const live = ancestors(graph, [score]);
  const between = new Set([...descendants(graph, [input])].filter((name) => live.has(name)));
  between.delete(input);
  between.delete(score);
  return between;
}

/** Where the channels of a picture-like tensor are: [N, C, h, w] or [N, h, w, C]. */
type Layout = "first" | "last";

/** Operators that read and write pictures with channels first. */
const pictorial = new Set([
  "AveragePool",
  "BatchNormalization",
  "Conv",
  "ConvTranspose",
  "DepthToSpace",
  "GroupNormalization",
  "InstanceNormalization",
  "LRN",
  "LpPool",
  "MaxPool",
  "Resize",
  "SpaceToDepth",
  "Upsample",
]);

/** Operators that move values between axes: what was a picture is none behind them, or one of its own kind. */
const shuffling = new Set([
  "Einsum",
  "Expand",
  "Flatten",
  "Gather",
  "Gemm",
  "Softmax",
  "Squeeze",
  "Unsqueeze",
]);

/**
 * The layout of every tensor that is a picture. Rank 4 alone does not make one: the heads of an attention [N, heads, T, d] and the windows of
 * a Swin block have four axes too.
 */
function layoutsOf({ folded: { graph, shapes }, input }: Where): ReadonlyMap<string, Layout> {
  const found = new Map<string, Layout>([[input, "first"]]);
  /** pictures folded to groups of channels on the way: GroupNormalization as exporters write it returns to the picture */
  const folded = new Map<string, string>();
  const moved = descendants(graph, [input]);
  const alike = (a: string, b: string) => {
    const [one, two] = [shapes.get(a), shapes.get(b)];
    return one !== undefined && two !== undefined && equalShapes(one, two);
  };
  const layoutOf = ({ op, inputs, outputs, attributes }: Node): Layout | undefined => {
    const [name] = inputs;
    const first = found.get(name);
    const picture = first ? name : folded.get(name);
    if (picture && (op === "Reshape" || op === "InstanceNormalization")) folded.set(outputs[0], picture);
    if (op === "Reshape") return picture && alike(picture, outputs[0]) ? found.get(picture) : undefined;
    if (pictorial.has(op)) return "first";
    if (shuffling.has(op)) return undefined;
    if (op === "Transpose") {
      const order = attributes.perm?.type === "ints" ? attributes.perm.value.join() : "";
      if (first === "first") return order === "0,2,3,1" ? "last" : undefined;
      return first === "last" && order === "0,3,1,2" ? "first" : undefined;
    }
    // a product with weights keeps the place of the pixels if the channels are last
    if (op === "MatMul") return first === "last" && !moved.has(inputs[1]) ? "last" : undefined;
    if (op === "Slice" || op === "Pad" || op === "Split") return first;
    const like = inputs.find((i) => found.has(i) && (op === "Concat" || alike(i, outputs[0])));
    return like === undefined ? undefined : found.get(like);
  };
  for (const n of graph.nodes) {
    const layout = layoutOf(n);
    if (layout === undefined) continue;
    for (const o of n.outputs) if (shapes.get(o)?.length === 4) found.set(o, layout);
  }
  return found;
}

function grid({ folded, input }: Where, name: string, layout: Layout | undefined): CamLayer | undefined {
  const shape = folded.shapes.get(name);
  if (layout === undefined || shape?.length !== 4 || !ofEachImage(folded, input, shape)) return undefined;
  const [channels, rows, columns] = layout === "first" ? shape.slice(1) : [shape[3], shape[1], shape[2]];
  if (typeof channels !== "number" || typeof rows !== "number" || typeof columns !== "number")
    return undefined;
  if (rows < 2 || columns < 2) return undefined;
  return { name, channels, rows, columns, kind: layout === "first" ? "grid" : "grid-last", skip: 0 };
}

/** Whether the first axis counts images, not windows or heads of them. */
const ofEachImage = ({ shapes }: FoldedGraph, input: string, shape: Shape): boolean =>
  equalDims(shape[0], shapes.get(input)![0]);

function tokens(where: Where, name: string): CamLayer | undefined {
  const shape = where.folded.shapes.get(name);
  if (shape?.length !== 3) return undefined;
  if (!ofEachImage(where.folded, where.input, shape)) return undefined;
  const [, count, channels] = shape;
  if (typeof count !== "number" || typeof channels !== "number") return undefined;
  const layout = where.card.tokenGrid ?? tokenGrid(where, count);
  if (layout === undefined || layout.skip + layout.rows * layout.columns !== count) return undefined;
  return { name, channels, rows: layout.rows, columns: layout.columns, kind: "tokens", skip: layout.skip };
}

/** Patches come from a convolution, of a stem of several the last; what is left over are class and register tokens. */
export function tokenGrid(
  { folded }: Pick<Where, "folded">,
  count: number,
): Pick<CamLayer, "rows" | "columns" | "skip"> | undefined {
  let best: { rows: number; columns: number; skip: number } | undefined;
  for (const n of folded.graph.nodes) {
    const [, , rows, columns] = (n.op === "Conv" && folded.shapes.get(n.outputs[0])) || [];
    if (typeof rows !== "number" || typeof columns !== "number") continue;
    const skip = count - rows * columns;
    if (rows * columns > 1 && skip >= 0 && skip <= 16 && skip < (best?.skip ?? 17))
      best = { rows, columns, skip };
  }
  if (best) return best;
  for (const skip of [1, 0]) {
    const side = Math.round(Math.sqrt(count - skip));
    if (side > 1 && side * side === count - skip) return { rows: side, columns: side, skip };
  }
  return undefined;
}

function describe(where: Where, name: string): CamLayer {
  if (!tensorsBetween(where).has(name)) {
    const suggestion = inferred({ ...where, card: { ...where.card, camLayer: undefined } });
    throw new KitError("E_CAM_LAYER", {
      problem: `no tensor "${name}" lies between the input and the score of this model`,
      next: suggestion
        ? `for example --layer ${suggestion.name}`
        : "this model has no spatial grid for CAM methods",
    });
  }
  const shape = where.folded.shapes.get(name)!;
  // whoever names a tensor of four axes that is no picture by our rules knows better
  const layer = grid(where, name, layoutsOf(where).get(name) ?? "first") ?? tokens(where, name);
  if (layer === undefined) {
    throw new KitError("E_CAM_LAYER", {
      problem: `"${name}" ${formatShape(shape)} is neither a grid [N, C, h, w] nor tokens [N, T, C] of a known patch grid`,
      next: 'name another layer with --layer, or give "tokenGrid" in the model card',
    });
  }
  return layer;
}

/** One image's activation or gradient at the layer as [channels, rows·columns], row by row, extra tokens dropped. */
export function onGrid(layer: CamLayer, data: Float32Array): Float32Array {
  if (layer.kind === "grid") return data;
  const cells = layer.rows * layer.columns;
  const out = new Float32Array(layer.channels * cells);
  for (let cell = 0; cell < cells; cell++) {
    for (let c = 0; c < layer.channels; c++) {
      out[c * cells + cell] = data[(layer.skip + cell) * layer.channels + c];
    }
  }
  return out;
}

/** The inverse: writes [channels, rows·columns] into `out` as the layer has it; class and register tokens there stay as they are. */
export function fromGrid(layer: CamLayer, grid: ArrayLike<number>, out: Float32Array): void {
  if (layer.kind === "grid") {
    out.set(grid);
    return;
  }
  const cells = layer.rows * layer.columns;
  for (let cell = 0; cell < cells; cell++) {
    for (let c = 0; c < layer.channels; c++) {
      out[(layer.skip + cell) * layer.channels + c] = grid[c * cells + cell];
    }
  }
}

/** Sets one channel of the layer to 0 everywhere: in class and register tokens too. */
export function withoutChannel(layer: CamLayer, channel: number, out: Float32Array): void {
  if (layer.kind === "grid") {
    const cells = layer.rows * layer.columns;
    out.fill(0, channel * cells, (channel + 1) * cells);
  } else for (let at = channel; at < out.length; at += layer.channels) out[at] = 0;
}
