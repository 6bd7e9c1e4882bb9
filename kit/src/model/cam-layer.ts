/**
 * Which tensor CAM methods read. Convolutional models: the last tensor with a spatial grid that the score still depends on.
 * Transformers: the output of the last block's first normalisation, class and register tokens dropped; without a class token, the
 * last tensor of patch tokens before pooling.
 */
import { KitError } from "../errors.ts";
import type { FoldedGraph } from "../onnx/fold.ts";
import { ancestors, consumers, descendants, type Node } from "../onnx/graph.ts";
import { formatShape, type Shape } from "../onnx/shapes.ts";
import type { ModelCard } from "../schemas.generated.ts";

export interface CamLayer {
  readonly name: string;
  readonly channels: number;
  readonly rows: number;
  readonly columns: number;
  /** "grid" is [N, channels, rows, columns]; "tokens" is [N, skip + rows·columns, channels] */
  readonly kind: "grid" | "tokens";
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

/** Attention: a Softmax whose output is multiplied into values. */
export function attentionNodes({ folded, score }: Pick<Where, "folded" | "score">): readonly Node[] {
  const readers = consumers(folded.graph);
  const used = ancestors(folded.graph, [score]);
  return folded.graph.nodes.filter(
    (n) =>
      n.op === "Softmax" &&
      used.has(n.outputs[0]) &&
      readers.get(n.outputs[0])?.some((r) => r.op === "MatMul"),
  );
}

/** The normalisations that open attention blocks, in order: every one of them can serve as a CAM layer. */
export function tokenLayers(where: Where): readonly CamLayer[] {
  const opening = new Set<string>();
  for (const attention of attentionNodes(where)) {
    const before = ancestors(where.folded.graph, [attention.outputs[0]]);
    const last = where.folded.graph.nodes.findLast(
      (n) =>
        n.op === "LayerNormalization" &&
        before.has(n.outputs[0]) &&
        tokens(where, n.outputs[0]) !== undefined,
    );
    if (last) opening.add(last.outputs[0]);
  }
  return [...opening].map((name) => tokens(where, name)!);
}

function inferred(where: Where): CamLayer | undefined {
  const opening = tokenLayers(where).at(-1);
  if (opening === undefined) return lastOf(where, grid);
  if (opening.skip > 0) return opening;
  return lastOf(where, tokens) ?? opening;
}

/** The last tensor between input and score that `as` accepts. */
function lastOf(where: Where, as: (w: Where, name: string) => CamLayer | undefined): CamLayer | undefined {
  const { graph } = where.folded;
  const live = ancestors(graph, [where.score]);
  const moved = descendants(graph, [where.input]);
  for (const n of graph.nodes.toReversed()) {
    const [name] = n.outputs;
    const layer = live.has(name) && moved.has(name) && name !== where.score ? as(where, name) : undefined;
    if (layer) return layer;
  }
  return undefined;
}

function grid({ folded }: Where, name: string): CamLayer | undefined {
  const shape = folded.shapes.get(name);
  if (shape?.length !== 4) return undefined;
  const [, channels, rows, columns] = shape;
  if (typeof channels !== "number" || typeof rows !== "number" || typeof columns !== "number")
    return undefined;
  return rows > 1 && columns > 1 ? { name, channels, rows, columns, kind: "grid", skip: 0 } : undefined;
}

function tokens(where: Where, name: string): CamLayer | undefined {
  const shape = where.folded.shapes.get(name);
  if (shape?.length !== 3) return undefined;
  const [batch, count, channels] = shape;
  if (typeof batch === "number" && batch !== 1) return undefined;
  if (typeof count !== "number" || typeof channels !== "number") return undefined;
  const layout = where.card.tokenGrid ?? tokenGrid(where, count);
  if (layout === undefined || layout.skip + layout.rows * layout.columns !== count) return undefined;
  return { name, channels, rows: layout.rows, columns: layout.columns, kind: "tokens", skip: layout.skip };
}

/** Patches come from the first convolution; what is left over are class and register tokens. */
function tokenGrid({ folded }: Where, count: number) {
  const patches = folded.graph.nodes.find((n) => n.op === "Conv");
  const shape: Shape | undefined = patches && folded.shapes.get(patches.outputs[0]);
  const [, , rows, columns] = shape ?? [];
  if (typeof rows === "number" && typeof columns === "number" && rows * columns <= count) {
    const skip = count - rows * columns;
    if (skip <= 16) return { rows, columns, skip };
  }
  for (const skip of [1, 0]) {
    const side = Math.round(Math.sqrt(count - skip));
    if (side > 1 && side * side === count - skip) return { rows: side, columns: side, skip };
  }
  return undefined;
}

function describe(where: Where, name: string): CamLayer {
  const shape = where.folded.shapes.get(name);
  const produced = shape !== undefined && descendants(where.folded.graph, [where.input]).has(name);
  if (!produced || !ancestors(where.folded.graph, [where.score]).has(name)) {
    const suggestion = inferred({ ...where, card: { ...where.card, camLayer: undefined } });
    throw new KitError("E_CAM_LAYER", {
      problem: `no tensor "${name}" lies between the input and the score of this model`,
      next: suggestion
        ? `for example --layer ${suggestion.name}`
        : "this model has no spatial grid for CAM methods",
    });
  }
  const layer = grid(where, name) ?? tokens(where, name);
  if (layer === undefined) {
    throw new KitError("E_CAM_LAYER", {
      problem: `"${name}" ${formatShape(shape!)} is neither a grid [N, C, h, w] nor tokens [N, T, C] of a known patch grid`,
      next: 'name another layer with --layer, or give "tokenGrid" in the model card',
    });
  }
  return layer;
}

/** One image's activation or gradient at the layer as [channels, rows·columns], extra tokens dropped. */
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
