/**
 * Where the self-attention of a transformer is in its graph. Every exporter writes it otherwise (q, k and v from one product or from three,
 * heads on an axis of their own or folded into the batch, MatMul or Einsum), so nothing is taken from names or patterns of a block: tensors
 * are found by what stands on both sides of the softmax, and by what all paths from the image to the score pass through.
 */
import { ancestors, consumers, intOf, intsOf, type Node, producers, stringOf } from "../onnx/graph.ts";
import { integersOf } from "../onnx/inference/call.ts";
import { type Dim, equalDims, equalShapes, formatShape, shapeAt } from "../onnx/shapes.ts";
import { sizeOf } from "../onnx/tensor.ts";
import { attentionNodes, passing, tokenGrid } from "./cam-layer.ts";
import type { Parts } from "./model.ts";

/** A vector per head and token: of one image, feature f of token t in head h is data[h·head + t·token + f·feature]. */
export interface PerToken {
  readonly name: string;
  readonly features: number;
  readonly step: { readonly head: number; readonly token: number; readonly feature: number };
}

/** The tokens between blocks, [N, T, D] or [T, N, D]; everything from the image to the score passes through here. */
export interface Stream {
  readonly name: string;
  /** which axis counts the tokens */
  readonly axis: number;
}

export interface AttentionBlock {
  /** the softmax, for messages */
  readonly label: string;
  /** [N, heads, T, T] or [N·heads, T, T]: one image's values are [heads, T, T] in both */
  readonly probabilities: string;
  readonly heads: number;
  /** what the scores before the softmax are the product of; undefined where no such product was found */
  readonly query: PerToken | undefined;
  readonly key: PerToken | undefined;
  readonly value: PerToken | undefined;
  /** probabilities × values, before the output projection */
  readonly mixed: PerToken | undefined;
  /** behind the block, where its residual sums end; undefined where no sum is passed by all */
  readonly output: Stream | undefined;
}

export interface Attention {
  /** in the order of the graph, at least one */
  readonly blocks: readonly AttentionBlock[];
  readonly tokens: number;
  /** class and register tokens before the patches */
  readonly skip: number;
  readonly rows: number;
  readonly columns: number;
  /** the tokens that the head reads, of the last block: the class token, class and distillation token, or all where it takes their mean */
  readonly read: readonly number[];
}

type Where = Pick<Parts, "folded" | "input" | "score" | "cam">;

/** The self-attention over the patches of an image, or why there is none: what was looked for, and what was found in its place. */
export function attentionOf(where: Where): Attention | string {
  const { folded, cam } = where;
  const nodes = withoutPooling(attentionNodes(where), folded);
  if (nodes.length === 0) return "no attention: no Softmax whose output is multiplied into values";
  const view = viewOf(where);
  const flaw = nodes.map((n) => flawOf(view, n)).find((found) => found !== undefined);
  if (flaw !== undefined) return flaw;
  const [first, ...others] = nodes;
  const tokens = tokensOf(view, first);
  const other = others.find((n) => tokensOf(view, n) !== tokens);
  if (other !== undefined)
    return `attention on several grids: over ${tokens} tokens in ${quoted(first)}, over ${tokensOf(view, other)} in ${quoted(other)}`;
  const known = cam?.kind === "tokens" && cam.skip + cam.rows * cam.columns === tokens ? cam : undefined;
  const grid = known ?? tokenGrid({ folded }, tokens);
  if (grid === undefined)
    return `attention over ${tokens} tokens in ${quoted(first)}, no known grid of patches ("tokenGrid" in the model card names one)`;
  const blocks = nodes.map((n, i) => blockOf(view, n, nodes[i + 1]));
  const last = blocks.at(-1)!.output;
  const all = Array.from({ length: tokens }, (_, t) => t);
  // without a stream to follow: transformers with a class token are read there
  const read = (last && tokensRead(view, last)) ?? (grid.skip > 0 ? [0] : all);
  return { blocks, tokens, skip: grid.skip, rows: grid.rows, columns: grid.columns, read };
}

/** Without the attention by which a head pools the tokens (SigLIP): fewer queries than tokens, behind all blocks. A network of that alone keeps it. */
function withoutPooling(nodes: readonly Node[], { shapes }: Parts["folded"]): readonly Node[] {
  const among = nodes.findLastIndex((n) => {
    const [queries, keys] = shapes.get(n.outputs[0])!.slice(-2);
    return equalDims(queries, keys);
  });
  return among < 0 ? nodes : nodes.slice(0, among + 1);
}

interface View {
  readonly folded: Parts["folded"];
  readonly score: string;
  readonly input: string;
  /** the batch, as the image has it */
  readonly batch: Dim;
  readonly made: ReadonlyMap<string, Node>;
  readonly readers: ReadonlyMap<string, readonly Node[]>;
  readonly place: ReadonlyMap<Node, number>;
  /** floats that come from the image and have a part in the score: what is computed of its shape alone is not among them */
  readonly between: ReadonlySet<string>;
  /** residual sums over the tokens that all paths pass through, by the place of the node that makes them */
  readonly sums: readonly { readonly place: number; readonly name: string }[];
}

function viewOf({ folded, input, score }: Where): View {
  const { graph, shapes, types } = folded;
  const live = ancestors(graph, [score]);
  const between = new Set([input]);
  for (const n of graph.nodes) {
    if (!n.inputs.some((i) => between.has(i))) continue;
    for (const o of n.outputs) if (live.has(o) && types.get(o)?.startsWith("float")) between.add(o);
  }
  const sums = bottlenecks(graph.nodes, between).filter(
    ({ node: { op, inputs } }) =>
      (op === "Add" || op === "Sum") && inputs.filter((i) => between.has(i)).length > 1,
  );
  return {
    folded,
    score,
    input,
    batch: shapes.get(input)![0],
    made: producers(graph),
    readers: consumers(graph),
    place: new Map(graph.nodes.map((n, i) => [n, i])),
    between,
    sums: sums.map(({ node: n, place }) => ({ place, name: n.outputs[0] })),
  };
}

/**
 * The nodes whose output every path passes through. In any topological order all that comes before such a tensor stands before it and all
 * that comes after it behind, so it is one where, for a moment, nothing else is still to be read.
 */
function bottlenecks(nodes: readonly Node[], between: ReadonlySet<string>) {
  const reads = (n: Node) => new Set(n.inputs.filter((i) => between.has(i)));
  const way = nodes.flatMap((n, place) =>
    n.outputs.some((o) => between.has(o)) ? [{ node: n, place }] : [],
  );
  const uses = new Map<string, number>();
  for (const { node: n } of way) for (const i of reads(n)) uses.set(i, (uses.get(i) ?? 0) + 1);
  const waiting = new Set<string>();
  return way.filter(({ node: n }) => {
    for (const i of reads(n)) {
      uses.set(i, uses.get(i)! - 1);
      if (uses.get(i) === 0) waiting.delete(i);
    }
    const made = n.outputs.filter((o) => between.has(o));
    for (const o of made) waiting.add(o);
    return made.length === 1 && waiting.size === 1 && waiting.has(made[0]);
  });
}

const quoted = (n: Node): string => `"${n.name || n.outputs[0]}"`;
const tokensOf = ({ folded }: View, n: Node): number => folded.shapes.get(n.outputs[0])!.at(-1) as number;

/** How many there are for each image along an axis that counts images; undefined where it does not. */
function perImage(d: Dim, batch: Dim): number | undefined {
  const ratio =
    typeof d === "number" && typeof batch === "number"
      ? d / batch
      : typeof d === "object" && typeof batch === "object"
        ? d.batch / batch.batch
        : Number.NaN;
  return Number.isInteger(ratio) ? ratio : undefined;
}

/** Why a softmax is no self-attention over all tokens of an image. */
function flawOf(view: View, n: Node): string | undefined {
  const shape = view.folded.shapes.get(n.outputs[0])!;
  const [queries, keys] = shape.slice(-2);
  const what = `${quoted(n)} ${formatShape(shape)}`;
  const axis = intOf(n, "axis", -1);
  if (shape.length < 3 || (axis !== -1 && axis !== shape.length - 1))
    return `no self-attention: the softmax ${what} is not over the last of at least three axes`;
  if (typeof keys !== "number" || typeof queries !== "number")
    return `no self-attention: ${what} is over a number of tokens that hangs on the batch`;
  if (queries !== keys)
    return `no self-attention over the patches: in ${what} ${queries === 1 ? "one query asks" : `${queries} queries ask`} ${keys} tokens`;
  const groups = perImage(shape[0], view.batch);
  if (groups === undefined) return `no self-attention: the first axis of ${what} does not count images`;
  const folded = shape.length === 3;
  if ((!folded && groups !== 1) || !hasTokens(view, n, keys))
    return `attention in windows: ${what} is among ${keys} tokens of a part of the image, whose order is not the grid of patches`;
  return undefined;
}

/**
 * Whether the tokens of whole images, [N, T, D] or [T, N, D], are among what an attention is computed of: else its T are those of a window.
 */
function hasTokens(view: View, n: Node, tokens: number): boolean {
  const before = ancestors(view.folded.graph, [n.outputs[0]]);
  return [...before].some((name) => view.between.has(name) && tokenAxis(view, name, tokens) !== undefined);
}

function tokenAxis({ folded: { shapes }, batch }: View, name: string, tokens: Dim): number | undefined {
  const shape = shapes.get(name) ?? [];
  if (shape.length !== 3) return undefined;
  if (equalDims(shape[0], batch) && equalDims(shape[1], tokens)) return 1;
  return equalDims(shape[1], batch) && equalDims(shape[0], tokens) ? 0 : undefined;
}

function blockOf(view: View, n: Node, next: Node | undefined): AttentionBlock {
  const { shapes } = view.folded;
  const [probabilities] = n.outputs;
  const shape = shapes.get(probabilities)!;
  const tokens = tokensOf(view, n);
  const compared = productBefore(view, n.inputs[0]);
  const mixing = productBehind(view, probabilities);
  const end = next === undefined ? Number.POSITIVE_INFINITY : view.place.get(next)!;
  const sum = view.sums.findLast(
    ({ place, name }) =>
      place > view.place.get(n)! && place < end && tokenAxis(view, name, tokens) !== undefined,
  );
  return {
    label: n.name || probabilities,
    probabilities,
    heads: sizeOf(shapeAt(shape.slice(0, -2), 1)) / (typeof view.batch === "number" ? view.batch : 1),
    ...(compared ? queryAndKey(view, compared) : { query: undefined, key: undefined }),
    ...(mixing ? valueAndMixed(view, mixing) : { value: undefined, mixed: undefined }),
    output: sum && { name: sum.name, axis: tokenAxis(view, sum.name, tokens)! },
  };
}

/** What may stand between the product of queries and keys and its softmax: scales, biases, masks. */
const scoring = new Set([
  ...["Add", "Cast", "Clip", "Div", "Identity", "Max", "Min", "Mul"],
  ...["Reshape", "Squeeze", "Sub", "Unsqueeze", "Where"],
]);

function productBefore(view: View, name: string): Node | undefined {
  const n = view.made.get(name);
  if (n === undefined || !view.between.has(name)) return undefined;
  if (isProduct(n)) return n.inputs.every((i) => view.between.has(i)) ? n : undefined;
  if (!scoring.has(n.op)) return undefined;
  for (const i of n.inputs) {
    const found = productBefore(view, i);
    if (found) return found;
  }
  return undefined;
}

/** The product, and which of its two operands are the probabilities. */
interface Mixing {
  readonly product: Node;
  readonly side: number;
}

function productBehind(view: View, name: string): Mixing | undefined {
  for (const n of view.readers.get(name) ?? []) {
    if (isProduct(n)) return { product: n, side: n.inputs.indexOf(name) };
    const found = passing.has(n.op) ? productBehind(view, n.outputs[0]) : undefined;
    if (found) return found;
  }
  return undefined;
}

const isProduct = ({ op, inputs }: Node): boolean =>
  (op === "MatMul" || op === "Einsum") && inputs.length === 2;

/** The axes of an Einsum by their letters: operands and result; undefined where it does not write them out. */
function lettersOf(n: Node): readonly (readonly string[])[] | undefined {
  const parts = stringOf(n, "equation", "").replaceAll(" ", "").split(/->|,/);
  return parts.length === 3 && parts.every((p) => /^[a-zA-Z]+$/.test(p))
    ? parts.map((p) => [...p])
    : undefined;
}

/** q kᵀ as a MatMul, or an Einsum "…q…, …k… → …qk". */
function queryAndKey(view: View, n: Node): Pick<AttentionBlock, "query" | "key"> {
  const [one, two] = n.inputs;
  if (n.op === "MatMul") return { query: perToken(view, one, -2, -1), key: perToken(view, two, -1, -2) };
  const [a, b, out] = lettersOf(n) ?? [[], [], []];
  const [asking, asked] = out.slice(-2);
  const turned = b.includes(asking);
  const [query, key] = turned ? [b, a] : [a, b];
  return {
    query: byLetters(view, turned ? two : one, query, asking, out.slice(0, -2)),
    key: byLetters(view, turned ? one : two, key, asked, out.slice(0, -2)),
  };
}

/** Probabilities × v as a MatMul, or an Einsum "…qk, …k… → …q…". */
function valueAndMixed(view: View, { product: n, side }: Mixing): Pick<AttentionBlock, "value" | "mixed"> {
  const [given, made] = [n.inputs[1 - side], n.outputs[0]];
  if (n.op === "MatMul" && side === 0)
    return { value: perToken(view, given, -2, -1), mixed: perToken(view, made, -2, -1) };
  const letters = n.op === "Einsum" ? lettersOf(n) : undefined;
  if (letters === undefined) return { value: undefined, mixed: undefined };
  const heads = letters[side].slice(0, -2);
  const [asking, asked] = letters[side].slice(-2);
  return {
    value: byLetters(view, given, letters[1 - side], asked, heads),
    mixed: byLetters(view, made, letters[2], asking, heads),
  };
}

/** @param heads  letters of what is before the tokens in the probabilities: image and head */
function byLetters(
  view: View,
  name: string,
  letters: readonly string[],
  token: string,
  heads: readonly string[],
): PerToken | undefined {
  const rest = letters.filter((l) => l !== token && !heads.includes(l));
  if (rest.length !== 1 || heads.length > 2 || letters[0] !== heads[0]) return undefined;
  const at = (letter: string) => letters.indexOf(letter);
  return perToken(view, name, at(token), at(rest[0]), at(heads.at(-1)!));
}

/** @param head  the axis of heads, of images too where those are folded into one; -1: all heads share what is there */
function perToken(
  { folded: { shapes }, batch }: View,
  name: string,
  token: number,
  feature: number,
  head = shapes.get(name)!.length - 3,
): PerToken | undefined {
  const shape = shapes.get(name)!;
  const groups = perImage(shape[0], batch);
  if (shape.length < 3 || groups === undefined) return undefined;
  const dims = shapeAt(shape, 1);
  const step = (axis: number) => sizeOf(dims.slice((axis < 0 ? dims.length + axis : axis) + 1));
  const heads = head === 0 ? groups : head < 0 ? 1 : dims[head];
  return {
    name,
    features: dims.at(feature)!,
    step: { head: heads === 1 ? 0 : step(head), token: step(token), feature: step(feature) },
  };
}

/** The tokens that what lies behind the stream reads; all of them unless it picks some. */
function tokensRead(view: View, { name, axis }: Stream): readonly number[] {
  const { graph, shapes } = view.folded;
  const known = (n: Node, i: number) => integersOf(graph.initializers.get(n.inputs[i] ?? ""));
  /** @param kept  which token stands at each place of the axis */
  const read = (from: string, along: number, kept: readonly number[]): readonly number[] =>
    (view.readers.get(from) ?? [])
      .filter((n) => n.outputs.some((o) => view.between.has(o)))
      .flatMap((n) => {
        const [out] = n.outputs;
        const shape = shapes.get(out)!;
        const on = (given: number, rank = shape.length) => (given < 0 ? given + rank : given) === along;
        if (n.op === "Gather" && on(intOf(n, "axis", 0), shapes.get(from)!.length))
          return known(n, 1)?.flatMap((i) => kept.at(i) ?? []) ?? kept;
        if (n.op === "Slice") {
          const part = sliced(
            kept,
            along,
            shape.length,
            [1, 2, 3, 4].map((i) => known(n, i)),
          );
          return read(out, along, part);
        }
        if (n.op === "Split" && on(intOf(n, "axis", 0))) {
          let start = 0;
          return n.outputs.flatMap((o) => {
            const size = shapes.get(o)![along] as number;
            start += size;
            return view.between.has(o) ? read(o, along, kept.slice(start - size, start)) : [];
          });
        }
        if (n.op === "Transpose") return read(out, intsOf(n, "perm")!.indexOf(along), kept);
        const apart = n.inputs[0] === from || (n.op !== "MatMul" && n.op !== "Einsum");
        return apart &&
          out !== view.score &&
          equalShapes(shape.slice(0, along + 1), shapes.get(from)!.slice(0, along + 1))
          ? read(out, along, kept)
          : kept;
      });
  const tokens = shapes.get(name)![axis] as number;
  const found = new Set(
    read(
      name,
      axis,
      Array.from({ length: tokens }, (_, t) => t),
    ),
  );
  return [...found].sort((a, b) => a - b);
}

type Integers = readonly number[] | undefined;

/** What a Slice leaves of one axis. */
function sliced(
  kept: readonly number[],
  along: number,
  rank: number,
  [starts, ends, axes, steps]: readonly Integers[],
): readonly number[] {
  const i = axes?.findIndex((a) => (a < 0 ? a + rank : a) === along) ?? along;
  if (starts === undefined || ends === undefined || i < 0 || i >= starts.length) return kept;
  const step = steps?.[i] ?? 1;
  // backwards or with gaps: nobody writes a head so, and what is read too much is only a row too many
  return step === 1 ? kept.slice(starts[i], ends[i]) : kept;
}
